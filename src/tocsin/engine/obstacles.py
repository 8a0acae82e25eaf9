"""Why a condition cannot come true, whatever an account does: the facts lack what it looks at, or a choice was not made.

A reading of typed terms: for a condition what keeps it from ever being true or ever being false, for a value what keeps it
from ever being known. No obstacle means only that none was found.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal

from tocsin.core.language.mixed import READ_AS
from tocsin.core.language.terms import (
    Aggregated,
    Attribute,
    Column,
    Const,
    FeatureName,
    Given,
    OfAccount,
    Operation,
    Term,
    Turned,
)
from tocsin.core.language.words import collection_words
from tocsin.core.schema import COLLECTIONS, STATUSES
from tocsin.core.valued import number_in
from tocsin.engine.health import SCORED
from tocsin.engine.occurring import Place, place_of, said, values_of

if TYPE_CHECKING:
    from tocsin.engine.occurring import World

Kind = Literal["data", "choice", "value", "forecast"]
FORECASTS = ("churn_risk", "expansion_likelihood", "conversion_likelihood")
OF_OURS = ("alerts",)  # made by the product: that there are none says nothing
MOST_VALUES = 3
_NOBODY: Mapping[str, str] = {"account": "account", "person": "person", "csm": "CSM", "team": "team"}
_ANY = ("coalesce", "least", "greatest")  # known where one of their arguments is


@dataclass(frozen=True, slots=True)
class Obstacle:
    """Why a condition cannot come true.

    guard: it only says that an exception cannot apply. mapped: a value map mends it. worded: a number is looked for where all
    values are words.
    """

    kind: Kind
    says: str
    guard: bool = False
    mapped: bool = False
    worded: bool = False


Obstacles = list[Obstacle]
# The comparisons of a count or sum that nothing at all makes true: `count(...) < 3`.
ABSENCE: Mapping[str, Callable[[float], bool]] = {
    "<": lambda limit: limit > 0,
    "<=": lambda limit: limit >= 0,
    "=": lambda limit: limit == 0,
}
_FALSE = Obstacle("choice", "as it is written it can never be true")
_EMPTY = Obstacle("choice", "it looks for an empty text")


class Reading:
    """Reads conditions in the light of what the facts hold. known: None looks at choices alone.

    tolerance: the company's churn tolerance, which is a setting; None where it is not set.
    """

    def __init__(self, known: World | None, *, tolerance: float | None = None) -> None:
        self._known = known
        self._tolerance = tolerance

    # Conditions

    def never_true(self, term: Term) -> Obstacles:
        """Why a condition can never be true."""
        match term:
            case Const(value=value):
                return [] if value is True else [_FALSE]
            case Operation(name="and", arguments=parts):
                return _all(self.never_true(each) for each in parts)
            case Operation(name="or", arguments=parts):
                return _least(self.never_true(each) for each in parts)
            case Operation(name="not", arguments=(inner,)):
                return self.never_false(inner)
            case Operation(name="is_null"):
                return []
            case Operation(name="coalesce", arguments=parts) if term.type == "boolean":
                return _least(self.never_true(each) for each in parts)
            case Operation(name="if", arguments=(_, first, second)):
                return _least([self.never_true(first), self.never_true(second)])
            case Operation(name="=" | "!=" | "<" | "<=" | ">" | ">=", arguments=(left, right)):
                return self._compared(term.name, left, right)
            case Operation(name="among", arguments=(operand, *options)):
                known = self.never_known(operand) or ([] if options else [_FALSE])
                return known or self._occurring(operand, options) or self._numbers(operand)
            case Aggregated(function="exists", collection=collection, where=where):
                return self.of_collection(collection) or self._windowed(term) or self._filtered(where)
            case OfAccount(term=inner):
                return self.never_true(inner)
        return self.never_known(term)

    def never_false(self, term: Term) -> Obstacles:
        """Why a condition can never be false (where it is null it is neither)."""
        match term:
            case Const(value=value):
                return [] if value is False else [_FALSE]
            case Operation(name="and", arguments=parts):
                return _least(self.never_false(each) for each in parts)
            case Operation(name="or", arguments=parts):
                return _all(self.never_false(each) for each in parts)
            case Operation(name="not", arguments=(inner,)):
                return self.never_true(inner)
            case Operation(name="is_null", arguments=(inner,)):
                return self.never_known(inner)
            case Operation(name="coalesce", arguments=parts) if term.type == "boolean":
                return _least(self.never_false(each) for each in parts)
            case Operation(name="=" | "!=", arguments=(left, right)):
                return self._compared("!=" if term.name == "=" else "=", left, right)
            case Aggregated(function="exists", collection=collection):
                return [replace(each, guard=True) for each in self.of_collection(collection)]
            case OfAccount(term=inner):
                return self.never_false(inner)
        return self.never_known(term)

    def _compared(self, operator: str, left: Term, right: Term) -> Obstacles:
        if isinstance(left, Const) and isinstance(right, Const):
            same = left == right
            return [_FALSE] if operator in ("=", "!=") and same is not (operator == "=") else []
        if _counts(left, operator, right, {">=": lambda limit: limit <= 0, ">": lambda limit: limit < 0}):
            return []  # as many as there are, none included: `count(...) >= 0`
        found = _all([self.never_known(left), self.never_known(right)])
        if not found and operator == "=":
            found = self._occurring(left, [right])
        found = found or self._numbers(left) or self._numbers(right)
        if _counts(left, operator, right, ABSENCE):
            found = [_as_data(each) for each in found]
        return found

    def _occurring(self, operand: Term, options: Sequence[Term]) -> Obstacles:
        """Whether one of the values that something is compared with occurs; nothing where they are no constants."""
        place, given = place_of(operand), values_of(options)
        if given and all(each == "" for each in given):
            return [_EMPTY]
        if place is None or self._known is None or len(given) < len(options):
            return []
        wanted = [said(value) for value in given if not isinstance(value, bool)]
        held = self._known.values.get(place)
        if held is None or not wanted or any(each in held for each in wanted):
            return []
        numbers, told = {each for each in given if isinstance(each, float)}, {number_in(each) for each in held}
        if numbers & told:
            return []  # 1, where the text says 1.0
        if place == ("account", "status") and set(wanted) & set(STATUSES):
            return []  # derived from dates: that nobody is churned yet lacks nothing
        mark = "'" if any(isinstance(each, str) for each in given) else ""
        lacks = f"{_named(place)} has no {_either([f'{mark}{each}{mark}' for each in wanted])}"
        return [Obstacle("value", f"{lacks}; {_has(held, mark)}", mapped=True, worded=bool(numbers) and told == {None})]

    def _numbers(self, operand: Term) -> Obstacles:
        """That no value is a number where numbers are looked for among texts."""
        if not (isinstance(operand, Operation) and operand.name == READ_AS and operand.type == "number"):
            return []
        place = place_of(operand)
        held = None if place is None or self._known is None else self._known.values.get(place)
        if place is None or not held or any(number_in(each) is not None for each in held):
            return []
        return [Obstacle("value", f"{_named(place)} has no number; {_has(held, '')}", mapped=True, worded=True)]

    # Values

    def never_known(self, term: Term) -> Obstacles:
        """Why a value is null for everybody."""
        match term:
            case Const(value=value):
                return [] if value is not None else [Obstacle("choice", "it is compared with nothing")]
            case Attribute() | Turned(of_row=False):
                return self._attribute(term.entity, term.name)
            case Column(collection=collection, name=name) | Given(collection=collection, name=name):
                return self.of_collection(collection) or self._column((collection, name))
            case FeatureName():
                return self.of_collection("events") or self._column(("events", "feature"))
            case Operation(name="coalesce", arguments=(Operation(name="days_since", arguments=(Aggregated() as last,)), _)):
                # `days_quiet`: that nothing of the kind ever happened to anybody is want of data.
                return [_as_data(each) for each in self.never_known(last)]
            case Operation(name=name, arguments=parts) if name in _ANY:
                return _least(self.never_known(each) for each in parts)
            case Operation(name="if", arguments=(_, first, second)):
                return _least([self.never_known(first), self.never_known(second)])
            case Operation(arguments=parts):
                return _all(self.never_known(each) for each in parts)
            case Aggregated():
                return self._aggregated(term)
        return _all(self.never_known(each) for each in term.children())

    def of_collection(self, name: str) -> Obstacles:
        """That a collection has no rows at all; without accounts that is what is said of any."""
        if self._known is None or name in OF_OURS:
            return []
        if not self._known.rows.get("accounts", 1):
            return [Obstacle("data", "there are no accounts: import accounts")]
        if self._known.rows.get(name, 1):
            return []
        return [Obstacle("data", f"there are no {collection_words(name)} at all: import {name}")]

    def _aggregated(self, term: Aggregated) -> Obstacles:
        if missing := self.of_collection(term.collection):
            return missing
        found = self._windowed(term)
        if term.column is not None:
            found = [*found, *self.never_known(term.column)]
        return found or self._filtered(term.where)

    def _windowed(self, term: Aggregated) -> Obstacles:
        anchor = None if term.window is None else term.window.anchor
        return [] if anchor is None else self.never_known(anchor)

    def _filtered(self, where: Term | None) -> Obstacles:
        return [] if where is None else self.never_true(where)

    def _attribute(self, entity: str, name: str) -> Obstacles:
        if self._known is None or name == "id":
            return []
        if name in SCORED:
            return self._health()
        if entity == "company":
            unset = name == "churn_tolerance" and self._tolerance is None
            return [Obstacle("choice", "the company's churn tolerance is not set: TOCSIN_CHURN_TOLERANCE")] if unset else []
        if self._known.filled.get((entity, name), 1):
            return []
        if missing := self.of_collection("accounts"):
            return missing
        if name in FORECASTS:
            return [Obstacle("forecast", f"no {name} has been forecast yet")]
        return [Obstacle("data", f"{name} has no value for any {_NOBODY[entity]}")]

    def _health(self) -> Obstacles:
        assert self._known is not None
        if self._known.scored is not False:
            return []
        return [
            Obstacle("data", "no account has a health score: there is no profile, or what its indicators ask for is missing")
        ]

    def _column(self, place: Place) -> Obstacles:
        collection, name = place
        if self._known is None or name not in COLLECTIONS[collection] or self._known.filled.get(place, 1):
            return []
        return [Obstacle("data", f"{_named(place)} has no value in any row")]


def _counts(left: Term, operator: str, right: Term, holds: Mapping[str, Callable[[float], bool]]) -> bool:
    """Whether a count or sum is compared with a number for which that operator's test holds."""
    if not (isinstance(left, Aggregated) and left.function in ("count", "sum", "distinct") and isinstance(right, Const)):
        return False
    limit = right.value
    if isinstance(limit, bool) or not isinstance(limit, (int, float)):
        return False
    return operator in holds and holds[operator](limit)


def _as_data(obstacle: Obstacle) -> Obstacle:
    """The obstacle where it would make the condition true for everybody: then data are missing."""
    return replace(obstacle, kind="data") if obstacle.kind == "value" else obstacle


def _all(found: Iterable[Obstacles]) -> Obstacles:
    return list(dict.fromkeys(each for some in found for each in some))


def _least(found: Iterable[Obstacles]) -> Obstacles:
    """Of alternatives, those of the one that comes nearest: none, then guards alone, then the first."""
    each = list(found)
    return min(each, key=lambda some: (bool(some), any(not one.guard for one in some)), default=[])


def _named(place: Place) -> str:
    where, name = place
    return name if where in _NOBODY else f"{where}.{name}"


def _either(words: Sequence[str]) -> str:
    """`'Onboarding'`, `'call' or 'meeting'`."""
    shown = words[:MOST_VALUES]
    return f"{', '.join(shown[:-1])} or {shown[-1]}" if len(shown) > 1 else shown[0]


def _has(held: Mapping[str, int], mark: str) -> str:
    """`it has 'Live' (41) and 'New' (3)`, most frequent first. mark: what stands around each; around a text always `'`."""
    now = sorted(((value, count) for value, count in held.items() if count), key=lambda pair: (-pair[1], pair[0]))
    if not now:
        return "it has no value now"
    shown = [
        f"{sign}{value}{sign} ({count:,})"
        for value, count in now[:MOST_VALUES]
        for sign in [mark or ("'" if number_in(value) is None else "")]
    ]
    return "it has " + (f"{', '.join(shown[:-1])} and {shown[-1]}" if len(shown) > 1 else shown[0])
