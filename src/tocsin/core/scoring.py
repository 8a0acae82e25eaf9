"""Health scores: what they are, as typed terms that the engine computes for all accounts, and as plain arithmetic for one.

A score is the weighted mean of the indicators of the first profile, by precedence, whose `where` is true. A missing indicator
is left out and its weight goes to the others; where less than half of the weight is there, there is no score. An override by
a person wins. Both forms give the same number.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal
from fractions import Fraction
from math import fsum, lcm
from types import MappingProxyType

from tocsin.core.language import FormulaError, Names, check, parse
from tocsin.core.language.terms import Aggregated, Attribute, Const, Market, Operation, Term, Type, mapped
from tocsin.core.profiles import PRECISION, Bands, Indicator, Profile, ProfileVersion

CHURNED = Operation("boolean", "=", (Attribute("text", "account", "status"), Const("text", "churned")))
OVERRIDE = Attribute("number", "account", "health_override")
NOTHING = Const("null", None)
NAMING_OFTEN = frozenset({"scale", "steps", "change"})  # functions whose SQL repeats their arguments
# Under these names the timeline of accounts keeps what a churned account was frozen at, dated by its churn.
FROZEN: Mapping[str, Attribute] = MappingProxyType(
    {
        "score": Attribute("number", "account", "health_frozen_score"),
        "band": Attribute("text", "account", "health_frozen_band"),
        "mark": Attribute("text", "account", "health_frozen_profile"),
    }
)


# As terms


@dataclass(frozen=True)
class TypedVersion:
    """A version whose formulas are typed.

    scores:   of each indicator, cut to 0 to 100.
    problems: why a formula could not be typed, one sentence each: such an indicator is missing, such a `where` never true.
    """

    version: ProfileVersion
    where: Term
    scores: tuple[Term, ...]
    problems: tuple[str, ...] = ()


def typed_version(version: ProfileVersion, names: Names) -> TypedVersion:
    """The version's formulas as terms about accounts; signals are those of the version, and besides them those of the names."""
    known = Names(names.accounts, names.people, {**names.signals, **version.signals})
    problems: list[str] = []

    def typed(formula: str, kind: Type, what: str) -> Term:
        try:
            return check(parse(formula), "account", known, expect=kind)
        except FormulaError as error:
            problems.append(f"profile {version.profile.id!r}, {what}: {error}")
            return NOTHING

    profile = version.profile
    where: Term = Const("boolean", value=True) if profile.where is None else typed(profile.where, "boolean", "`where`")
    given = (typed(each.score, "number", f"the score of {each.name!r}") for each in profile.indicators)
    scores = tuple(once(cut(sparing(each))) for each in given)
    return TypedVersion(version, where, scores, tuple(problems))


@dataclass(frozen=True)
class HealthTerms:
    """The health of an account as terms. mark: which version scored. computed: the score before any override and freezing.

    pick:   the place among `everyone` of the version that scores the account.
    living: score, band and mark of an account as if it had not churned; `score`, `band`, `mark`: what holds.
    """

    everyone: tuple[TypedVersion, ...]
    pick: Term
    computed: Term
    living: tuple[Term, Term, Term]
    score: Term
    band: Term
    mark: Term


def health_terms(spans: Sequence[tuple[datetime | None, Sequence[TypedVersion]]]) -> HealthTerms:
    """The terms where these versions decide, by precedence, each group from an instant on; the first group from ever (None)."""
    everyone = list(dict.fromkeys(each for _, group in spans for each in group))
    pick: Term = NOTHING
    for since, group in spans:
        first: Term = NOTHING
        for each in reversed(group):
            first = choose(each.where, Const("number", float(everyone.index(each))), first)
        pick = first if since is None else choose(reached(since), first, pick)
    pick = once(pick)

    def by_pick(values: Sequence[Term], otherwise: Term) -> Term:
        chosen = otherwise
        for number in reversed(range(len(values))):
            test = Operation("boolean", "=", (pick, Const("number", float(number))))
            chosen = choose(test, values[number], chosen)
        return chosen

    computed = once(by_pick([mean(each.version.profile.indicators, each.scores) for each in everyone], NOTHING))
    precision = Const("number", float(PRECISION))
    living = once(Operation("number", "round", (Operation("number", "coalesce", (cut(OVERRIDE), computed)), precision)))
    band = by_pick([banded(living, each.version.profile.bands) for each in everyone], banded(living, Bands()))
    mark = by_pick([Const("text", each.version.mark) for each in everyone], NOTHING)
    return HealthTerms(
        tuple(everyone),
        pick,
        computed,
        (living, once(band), once(mark)),
        once(choose(CHURNED, FROZEN["score"], living)),
        once(choose(CHURNED, FROZEN["band"], band)),
        once(choose(CHURNED, FROZEN["mark"], mark)),
    )


def once(term: Term) -> Term:
    """The term, computed in a helper of its own, so that it may be named often."""
    return Operation(term.type, "once", (term,))


def sparing(term: Term) -> Term:
    """The term with `once` around what a function names more often than it is written, so that nesting costs nothing."""
    if isinstance(term, (Aggregated, Market)):  # a filter sees rows, a market other accounts
        return term
    inner = mapped(term, sparing)
    if not isinstance(inner, Operation) or inner.name not in NAMING_OFTEN:
        return inner
    return replace(inner, arguments=tuple(once(each) if isinstance(each, Operation) else each for each in inner.arguments))


def choose(condition: Term, value: Term, otherwise: Term) -> Term:
    """The value where the condition is true, else (also where it is null) the other."""
    kind = value.type if value.type != "null" else otherwise.type
    return Operation(kind, "if", (condition, value, otherwise))


def cut(score: Term) -> Term:
    """A score cut to 0 to 100; null of null."""
    low = Operation("number", "greatest", (score, Const("number", 0.0)))
    high = Operation("number", "least", (low, Const("number", 100.0)))
    return choose(Operation("boolean", "is_null", (score,)), NOTHING, high)


def reached(since: datetime) -> Term:
    """Whether T is at or after an instant."""
    passed = Operation("number", "days_since", (Const("time", since),))
    return Operation("boolean", ">=", (passed, Const("number", 0.0)))


def mean(indicators: Sequence[Indicator], scores: Sequence[Term]) -> Term:
    """The weighted mean of the scores that are there; null where they hold less than half of the weight."""
    zero = Const("number", 0.0)
    weights = [Const("number", float(each)) for each in whole_weights(indicators)]
    products = [Operation("number", "*", pair) for pair in zip(weights, scores, strict=True)]
    total = added([Operation("number", "coalesce", (each, zero)) for each in products])
    there = added(
        [choose(Operation("boolean", "is_null", (score,)), zero, weight) for weight, score in zip(weights, scores, strict=True)]
    )
    half = Const("number", sum(whole_weights(indicators)) / 2)
    enough = Operation("boolean", ">=", (there, half))
    return choose(enough, Operation("number", "/", (total, there)), NOTHING)


def added(values: Sequence[Term]) -> Term:
    """The sum of some numbers, one at least."""
    total = values[0]
    for each in values[1:]:
        total = Operation("number", "+", (total, each))
    return total


def banded(score: Term, bands: Bands) -> Term:
    """The band of a score."""
    stairs = ((0.0, "Poor"), (bands.average, "Average"), (bands.good, "Good"))
    pairs = tuple(each for bound, band in stairs for each in (Const("number", bound), Const("text", band)))
    return Operation("text", "steps", (score, *pairs))


def whole_weights(indicators: Sequence[Indicator]) -> tuple[int, ...]:
    """The weights as whole numbers in the same proportions, so that half of them is exactly half."""
    parts = [Fraction(Decimal(repr(each.weight))) for each in indicators]
    scale = lcm(*(each.denominator for each in parts))
    return tuple(int(each * scale) for each in parts)


# As arithmetic


@dataclass(frozen=True, slots=True)
class IndicatorScore:
    """An indicator of one account. score: None where it is missing.

    effective_weight: the weight after those of the missing ones went to the others: 0 of a missing one; None without a score.
    points, lost:     what it brings to the score, and what it keeps from 100; the points of all add up to the score.
    """

    name: str
    kind: str
    weight: float
    score: float | None
    effective_weight: float | None
    points: float | None
    lost: float | None


@dataclass(frozen=True, slots=True)
class Standing:
    """The health of one account as of a moment.

    score, band: None: not scored. version: which scored it, None: no profile is for it. computed: the score before override.
    overridden:  a person's score stands in its place. frozen: the account has churned, and this is as it was then.
    """

    score: float | None
    band: str | None
    version: ProfileVersion | None
    indicators: tuple[IndicatorScore, ...] = ()
    computed: float | None = None
    overridden: bool = False
    frozen: bool = False

    @property
    def profile(self) -> Profile | None:
        """The profile that scored the account."""
        return self.version.profile if self.version else None


def standing(
    version: ProfileVersion | None,
    scores: Sequence[float | None],
    *,
    override: float | None = None,
    frozen: bool = False,
) -> Standing:
    """The health of an account that a version scores, from the scores of its indicators; those are cut to 0 to 100."""
    indicators = split(version.profile.indicators, scores) if version else ()
    known = [each.points for each in indicators if each.points is not None]
    computed = round(fsum(known), PRECISION) if known else None
    score = computed if override is None else round(min(max(override, 0.0), 100.0), PRECISION)
    bands = version.profile.bands if version else Bands()
    return Standing(score, bands.of(score), version, indicators, computed, override is not None, frozen)


def split(indicators: Sequence[Indicator], scores: Sequence[float | None]) -> tuple[IndicatorScore, ...]:
    """What each indicator brings to the score; without points where less than half of the weight is there."""
    weights = whole_weights(indicators)
    there = sum(weight for weight, score in zip(weights, scores, strict=True) if score is not None)
    scored = 2 * there >= sum(weights)
    found = []
    for each, weight, given in zip(indicators, weights, scores, strict=True):
        score = None if given is None else min(max(given, 0.0), 100.0)
        share = weight / there if scored and score is not None else 0.0
        effective = each.weight * sum(weights) / there if share else 0.0
        found.append(
            IndicatorScore(
                each.name,
                each.kind,
                each.weight,
                score,
                effective if scored else None,
                share * (score or 0.0) if scored else None,
                share * (100.0 - (score or 0.0)) if scored else None,
            )
        )
    return tuple(found)


# Changes


@dataclass(frozen=True, slots=True)
class Part:
    """What one thing did to a score. kind: `indicator`, `profile` (another profile or version) or `override`."""

    kind: str
    name: str
    points: float


@dataclass(frozen=True, slots=True)
class Change:
    """How a score went from one to another. The parts add up to the change; there are none where one of them is missing.

    note: what is to be said of it besides, one sentence; '' for nothing.
    """

    before: float | None
    after: float | None
    parts: tuple[Part, ...] = ()
    note: str = ""


def change(before: Standing, after: Standing, again: Standing | None = None) -> Change:
    """How the score changed between two moments, by indicator.

    again: the facts of the first moment as the version of the second scores them; needed where the versions differ. Then the
           indicators say what the facts did, by the later version, and one part says what the change of version did.
    """
    if before.score is None or after.score is None:
        return Change(before.score, after.score, (), "not scored then" if before.score is None else "not scored now")
    parts: list[Part] = []
    note = ""
    start = before
    if _mark(before) != _mark(after):
        note = f"scored by {_named(before)} then and by {_named(after)} now"
        if again is not None and again.computed is not None and before.computed is not None:
            parts.append(Part("profile", _named(after), again.computed - before.computed))
            start = again
        elif not (before.overridden or after.overridden):
            return Change(before.score, after.score, (), note)
    overrides = before.overridden or after.overridden
    if start.computed is None or after.computed is None or _mark(start) != _mark(after):
        return Change(before.score, after.score, (Part("override", "", after.score - before.score),), note)
    earlier = {each.name: each.points or 0.0 for each in start.indicators}
    parts += (Part("indicator", each.name, (each.points or 0.0) - earlier[each.name]) for each in after.indicators)
    if overrides:
        assert before.computed is not None
        by_hand = (after.score - after.computed) - (before.score - before.computed)
        parts.append(Part("override", "", by_hand))
    return Change(before.score, after.score, tuple(parts), note)


def _mark(given: Standing) -> str:
    return given.version.mark if given.version else ""


def _named(given: Standing) -> str:
    return f"{given.version.profile.name} (version {given.version.version})" if given.version else "no profile"
