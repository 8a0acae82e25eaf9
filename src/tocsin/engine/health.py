"""Health as formulas see it: `health_score`, `health_band` and `health_profile` become terms made from the profiles.

What needs more than the facts at one moment (how long a band has lasted, what a churned account was frozen at) is read from
what is kept of the past (`engine.health_history`), which is brought up to date first.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import lru_cache

from tocsin.core.language import FormulaError, Names
from tocsin.core.language.terms import Ago, Attribute, Const, Market, Operation, Term, Turned, mapped, walk
from tocsin.core.profiles import ProfileVersion
from tocsin.core.scoring import HealthTerms, TypedVersion, choose, health_terms, once, typed_version
from tocsin.core.versions import boundaries, in_force
from tocsin.engine.instants import back

SCORED = ("health_score", "health_band", "health_profile")
LASTING = ("health_band", "health_profile")  # of these the history is kept
REACH = timedelta(days=400)  # how far back the history of health goes
MARKET_DAY = timedelta(hours=26)  # a market's day begins at most so long before the moment, where a clock is set back too


@dataclass(frozen=True)
class HealthModel:
    """By which profiles accounts are scored: every published version of each."""

    versions: tuple[ProfileVersion, ...] = ()


@dataclass
class Needs:
    """What terms need of the past. first, last: the instants at which they are evaluated, those they look back to included.

    history: (first, last) of those at which they ask how long a band has lasted, or what was before it; None: at none.
    """

    first: datetime
    last: datetime
    history: tuple[datetime, datetime] | None = None

    def of_history(self, first: datetime, last: datetime) -> None:
        """Note that the history is asked for as of these instants."""
        known = self.history or (first, last)
        self.history = (min(first, known[0]), max(last, known[1]))


class Health:
    """The health of a book: typed profiles, and the terms that stand for the names."""

    def __init__(self, model: HealthModel, names: Names) -> None:
        self.versions = model.versions
        self.typed = {each: typed_version(each, names) for each in model.versions}
        self._boundaries = boundaries(model.versions)
        self._terms: dict[tuple[datetime | None, ...], HealthTerms] = {}

    @property
    def problems(self) -> tuple[str, ...]:
        """Why formulas of the profiles in force cannot be read, one sentence each."""
        return tuple(dict.fromkeys(said for each in self.typed.values() for said in each.problems))

    @property
    def looks_at_market(self) -> bool:
        """Whether the score of an account hangs on the facts of others."""
        return any(isinstance(part, Market) for each in self.typed.values() for term in _terms(each) for part in walk(term))

    def group(self, at: datetime) -> tuple[TypedVersion, ...]:
        """The versions that decide at a moment, by precedence."""
        return tuple(self.typed[each] for each in in_force(self.versions, at))

    def terms(self, first: datetime, last: datetime) -> HealthTerms:
        """The terms of health for instants in [first, last]."""
        starts = [each for each in self._boundaries if first < each <= last]
        earlier = [each for each in self._boundaries if each <= first]
        key = (earlier[-1] if earlier else None, *starts)
        if key not in self._terms:
            spans: list[tuple[datetime | None, Sequence[TypedVersion]]] = [(None, self.group(first))]
            spans += [(each, self.group(each)) for each in starts]
            self._terms[key] = health_terms(spans)
        return self._terms[key]

    def expanded(self, term: Term, needs: Needs) -> Term:
        """The term with health in the place of its names; what it needs of the past is noted in `needs`."""
        return self._expanded(term, needs.first, needs.last, needs)

    def _expanded(self, term: Term, first: datetime, last: datetime, needs: Needs) -> Term:
        if not uses_health(term):
            return term
        needs.first = min(needs.first, first)
        match term:
            case Attribute(name=name):
                known = self.terms(first, last)
                return {"health_score": known.score, "health_band": known.band, "health_profile": known.mark}[name]
            case Operation(name="days_since", arguments=(Turned(aspect="since", name=name),)):
                needs.of_history(first, last)
                return self._days_in(_lasting(name), first, last)
            case Turned(aspect="previous", name=name):
                needs.of_history(first, last)
                return self._previous(_lasting(name), first, last)
            case Ago(operand=operand, length=length):
                inner = self._expanded(operand, back(first, length), back(last, length), needs)
                return replace(term, operand=inner)
            case Market(operand=operand):
                return replace(term, operand=self._expanded(operand, first - MARKET_DAY, last, needs))
        return mapped(term, lambda child: self._expanded(child, first, last, needs))

    def _days_in(self, name: str, first: datetime, last: datetime) -> Term:
        """Days since the start of day at which the value was taken that holds at T; 0 where it came since that of T's day."""
        lasted = Operation("number", "least", (_since(name), Const("number", REACH / timedelta(days=1))))
        return once(choose(self._as_kept(name, first, last), lasted, Const("number", 0.0)))

    def _previous(self, name: str, first: datetime, last: datetime) -> Term:
        """The value before the one that holds at T."""
        within = Operation("boolean", "<=", (_since(name), Const("number", REACH / timedelta(days=1))))
        before = choose(within, Turned("text", "account", name, "previous"), Const("null", None))
        nothing = Operation("boolean", "is_null", (_since(name),))
        latest = choose(nothing, Const("null", None), Attribute("text", "account", name))
        return once(choose(self._as_kept(name, first, last), before, latest))

    def _as_kept(self, name: str, first: datetime, last: datetime) -> Term:
        """Whether the value at T is the one that the latest start of day had, where there was one."""
        known = self.terms(first, last)
        now = known.band if name == "health_band" else known.mark
        pair = tuple(
            Operation("text", "coalesce", (each, Const("text", ""))) for each in (now, Attribute("text", "account", name))
        )
        there = Operation("boolean", "not", (Operation("boolean", "is_null", (_since(name),)),))
        return Operation("boolean", "and", (there, Operation("boolean", "=", pair)))


@lru_cache(maxsize=16_384)
def uses_health(term: Term) -> bool:
    """Whether the term names what the profiles make."""
    return any(isinstance(part, (Attribute, Turned)) and _is_health(part) for part in walk(term))


def _is_health(part: Attribute | Turned) -> bool:
    return part.entity == "account" and part.name in SCORED


def _terms(typed: TypedVersion) -> Iterable[Term]:
    return (typed.where, *typed.scores)


def _since(name: str) -> Term:
    return Operation("number", "days_since", (Turned("time", "account", name, "since"),))


def _lasting(name: str) -> str:
    if name not in LASTING:
        raise FormulaError(f"{name} is another one every day; ask days_in(health_band), or ago({name}, 30d)")
    return name
