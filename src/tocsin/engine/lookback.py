"""What formulas look back to that is much to say, as health is: asked once for all instants, and joined as a table.

A slope of the health score asks for it as of six instants; written out, that is six times all profiles in one statement, which
takes longer to plan than to run. So such terms are asked beforehand, as of points (each account at each instant).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import pyarrow as pa

from tocsin.core.language import Term
from tocsin.core.language.terms import Ago, Market, mapped
from tocsin.engine.instants import back

TABLE = "looked_back"  # subject_id, moment, b0, b1, ...


@dataclass(frozen=True)
class Back(Term):
    """A term as of T - length, computed beforehand: a column of the table."""

    name: str
    length: timedelta
    __hash__ = Term.__hash__


@dataclass
class Lookback:
    """The terms with what they look back to put aside. wanted: such a term -> its column."""

    heavy: Callable[[Term], bool]
    wanted: dict[Term, str] = field(default_factory=dict)
    lengths: set[timedelta] = field(default_factory=set)

    def of(self, term: Term, length: timedelta = timedelta(0)) -> Term:
        """The term, to be evaluated `length` before T."""
        match term:
            case Ago(operand=operand) if length + term.length > timedelta(0) and self.heavy(operand):
                inner: Term = operand
                far = length + term.length
                while isinstance(inner, Ago):
                    far += inner.length
                    inner = inner.operand
                name = self.wanted.setdefault(inner, f"b{len(self.wanted)}")
                self.lengths.add(far)
                return Back(term.type, name, far)
            case Ago(operand=operand):
                # What is light is looked back to in place; nothing below it is put aside for another instant.
                return term if not self.heavy(operand) else mapped(term, lambda child: self.of(child, length + term.length))
            case Market():
                return term  # computed beforehand in its own way
        return mapped(term, lambda child: self.of(child, length))

    def instants(self, moment: datetime) -> list[datetime]:
        """The instants that are looked back to, ascending."""
        return sorted({back(moment, length) for length in self.lengths})


def put_aside(terms: Iterable[Term], heavy: Callable[[Term], bool]) -> tuple[list[Term], Lookback]:
    """The terms with `Back` in place of what is heavy and looked back to, and what has to be asked beforehand."""
    aside = Lookback(heavy)
    return [aside.of(term) for term in terms], aside


def table_of(found: pa.Table, names: Sequence[str]) -> pa.Table:
    """The table to be joined, of the values of the wanted terms as of points."""
    columns = ["subject_id", "moment", *(f"f{index}" for index in range(len(names)))]
    return found.select(columns).rename_columns(["subject_id", "moment", *names])
