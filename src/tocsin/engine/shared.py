"""What several questions as of one moment have in common, so that it is computed once: medians, and what is asked of accounts.

A rule about a CSM that names the health of accounts asks for it of each account, which rules about accounts have asked for as
well, as of the same moment. So the question about accounts answers that beside its own, and the others join the answer.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta

import pyarrow as pa

from tocsin.core.language import Term
from tocsin.core.language.terms import Ago, Attribute, Market, OfAccount, mapped
from tocsin.engine.health import SCORED
from tocsin.engine.lookback import TABLE, Back


@dataclass(frozen=True)
class Shared:
    """What is known as of a moment before a question is asked.

    medians: (term, moment) -> the median over the active accounts, None for null.
    table:   `subject_id`, `moment`, and what `told` names, a row for each account that exists; None for nothing.
    """

    medians: Mapping[tuple[Market, datetime], float | None] = field(default_factory=dict)
    table: pa.Table | None = None

    @property
    def tables(self) -> dict[str, pa.Table]:
        """The tables that a question names which reads what is known."""
        return {} if self.table is None else {TABLE: self.table}


NOTHING = Shared()


def asked_of_accounts(terms: Iterable[Term]) -> tuple[Term, ...]:
    """What terms ask of accounts as of the moment itself that takes more than to look up an attribute, each once."""
    asked = (part.term for part in _now(terms) if isinstance(part, OfAccount))
    return tuple(dict.fromkeys(each for each in asked if not isinstance(each, Attribute) or each.name in SCORED))


def told(term: Term, known: Sequence[Term]) -> Term:
    """The term, to be evaluated at the moment, with what is known of accounts read from the table (`table_of`)."""
    match term:
        case Ago() | Market():
            return term  # as of other moments
        case OfAccount(term=asked):
            return replace(term, term=Back(asked.type, _name(known.index(asked)), timedelta(0))) if asked in known else term
    return mapped(term, lambda child: told(child, known))


def table_of(answer: pa.Table, first: int, number: int, moment: datetime) -> pa.Table:
    """The table, of an answer about all accounts in which so many terms stand from a place on."""
    places = range(first, first + number)
    table = answer.select(["subject_id", *(f"f{place}" for place in places)])
    table = table.rename_columns(["subject_id", *map(_name, range(number))])
    at = pa.repeat(pa.scalar(moment.astimezone(UTC).replace(tzinfo=None), pa.timestamp("us")), table.num_rows)
    return table.append_column("moment", at)


def medians_in(terms: Iterable[Term]) -> tuple[Market, ...]:
    """The medians that terms look at as of the moment itself, each once."""
    return tuple(dict.fromkeys(part for part in _now(terms) if isinstance(part, Market)))


def _name(place: int) -> str:
    return f"b{place}"


def _now(terms: Iterable[Term]) -> Iterator[Term]:
    """The terms and all inside them that are about the moment itself. Terms share parts: each is looked at once."""
    waiting = list(terms)
    seen: set[int] = set()
    while waiting:
        term = waiting.pop()
        if id(term) in seen or isinstance(term, Ago):
            continue
        seen.add(id(term))
        yield term
        if not isinstance(term, Market):
            waiting += term.children()
