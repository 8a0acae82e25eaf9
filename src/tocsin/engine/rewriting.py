"""Terms of which some parts are put otherwise, by the stretch of time that these look from."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import datetime

from tocsin.core.language.terms import Ago, Market, Term
from tocsin.core.moment import DAY
from tocsin.engine.instants import back

_MARKET_DAY = 2 * DAY  # a median may be that of the start of the day before


class Rewriting(ABC):
    """Puts terms otherwise. Terms share parts: each is looked at once, and made once for a stretch of time."""

    def __init__(self) -> None:
        self._made: dict[tuple[Term, datetime, datetime], Term] = {}
        self._concerned: dict[Term, bool] = {}

    def rewritten(self, terms: Iterable[Term], moments: Sequence[datetime]) -> list[Term]:
        """Terms as of moments, or of any between the first and the last."""
        return [self._term(each, min(moments), max(moments)) for each in terms]

    @abstractmethod
    def concerns(self, term: Term) -> bool:
        """Whether a term is itself what the terms that hold it are put otherwise for."""

    @abstractmethod
    def otherwise(self, term: Term, first: datetime, last: datetime) -> Term:
        """A term that holds such a part, as of any instant of a stretch; its own parts go by `_term`."""

    def _concerns(self, term: Term) -> bool:
        known = self._concerned.get(term)
        if known is None:
            known = self.concerns(term) or any(self._concerns(child) for child in term.children())
            self._concerned[term] = known
        return known

    def _term(self, term: Term, first: datetime, last: datetime) -> Term:
        """A term as of any instant of a stretch of time; as it was where it holds no such part."""
        if not self._concerns(term):
            return term
        key = (term, first, last)
        if key not in self._made:
            match term:
                case Ago(operand=operand, length=length):
                    made: Term = replace(term, operand=self._term(operand, back(first, length), back(last, length)))
                case Market(operand=operand):
                    made = replace(term, operand=self._term(operand, back(first, _MARKET_DAY), last))
                case _:
                    made = self.otherwise(term, first, last)
            self._made[key] = made
        return self._made[key]
