"""From a typed term to an SQL expression, given the columns where its leaves stand."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from sqlglot import exp

from tocsin.core.language import terms
from tocsin.core.language.functions import FEWEST_SAMPLES
from tocsin.core.language.mixed import READ_AS
from tocsin.core.language.terms import Term
from tocsin.core.valued import DATE, NUMBER, TIME, TRUTHS
from tocsin.engine.instants import Instant, back
from tocsin.engine.lookback import Back
from tocsin.engine.picking import Standing
from tocsin.engine.plan import Leaf
from tocsin.engine.sql import build as b
from tocsin.facts.breathing import breathe

MONDAY = date(1970, 1, 5)
COMPARISONS: dict[str, type[exp.Binary]] = {
    "=": exp.EQ, "!=": exp.NEQ, "<": exp.LT, "<=": exp.LTE, ">": exp.GT, ">=": exp.GTE,
    "+": exp.Add, "-": exp.Sub, "*": exp.Mul,
}  # fmt: skip
JSON_KINDS = {
    "number": ("BIGINT", "UBIGINT", "HUGEINT", "DOUBLE"),
    "text": ("VARCHAR",),
    "boolean": ("BOOLEAN",),
    "list": ("ARRAY",),
}


@dataclass(frozen=True)
class Reader:
    """Where a term's leaves stand as SQL.

    leaf:   the column of an attribute or aggregate as of an instant.
    row:    the expression of a column of the row that a filter looks at; absent outside filters.
    turned: the column of `days_in` or `previous` of the row's own attribute.
    born:   whether the subject existed at an instant. stands: whether a person has not been deleted by an instant.
    market: the value of a market median as of an instant, computed beforehand.
    given:  the column of the row that set a trigger off; absent where no row did.
    """

    zone: ZoneInfo
    leaf: Callable[[Leaf], exp.Expr]
    row: Callable[[terms.Column | terms.Property], exp.Expr] | None = None
    turned: Callable[[terms.Turned], exp.Expr] | None = None
    born: Callable[[Instant], exp.Expr] | None = None
    stands: Callable[[Instant], exp.Expr] | None = None
    market: Callable[[terms.Market, Instant], exp.Expr] | None = None
    holidays: tuple[date, ...] = ()
    given: Callable[[terms.Given], exp.Expr] | None = None

    def value(self, term: Term, at: Instant) -> exp.Expr:
        """The term as of an instant."""
        breathe()  # a statement of many rules takes a second to write
        if term.type == "null" and not isinstance(term, terms.Operation):
            return exp.null()
        match term:
            case terms.Const():
                return constant(term)
            case terms.Turned(of_row=True) as turned if self.turned is not None:
                return self.turned(turned)
            case (
                Back()
                | terms.Attribute()
                | terms.Turned()
                | terms.Aggregated()
                | terms.OfAccount()
                | terms.Operation(name="slope" | "once")
            ):
                return self.leaf(Leaf(term, at))
            case terms.Column() | terms.Property() if self.row is not None:
                return self.row(term)
            case terms.Given() if self.given is not None:
                return self.given(term)
            case Standing() if self.stands is not None:
                return self.stands(at)
            case terms.FeatureName():
                return b.column("u", "feature")
            case terms.Ago(operand=operand, length=length):
                return self._ago(operand, at, length)
            case terms.StartOf(unit=unit):
                return b.first_day(at, unit, self.zone)
            case terms.Market() if self.market is not None:
                return self.market(term, at)
            case terms.Operation():
                return self._operation(term, at)
        raise TypeError(f"{type(term).__name__} cannot be computed here")

    def _ago(self, operand: Term, at: Instant, length: timedelta) -> exp.Expr:
        assert self.born is not None
        then = back(at, length)
        value = self.value(operand, then)
        return value if length == timedelta(0) else b.case((self.born(then), value))

    def _operation(self, term: terms.Operation, at: Instant) -> exp.Expr:
        given: list[exp.Expr] = [b.paren(self.value(each, at)) for each in term.arguments]
        if comparison := COMPARISONS.get(term.name):
            return comparison(this=given[0], expression=given[1])
        if term.name == "moment":
            return b.instant(at)
        if term.name == READ_AS:
            return read_as(given[0], term.type, self.zone)
        if term.name in ("days_since", "workdays_since", "start_of_day"):
            return self._of_days(term, given[0], at)
        if term.name == "days_later":  # a date so many days after that of a time, in the workspace's zone
            later = exp.Add(this=b.local_day(given[0], self.zone), expression=exp.cast(given[1], "INT"))
            return exp.null() if term.arguments[0].type == "null" else exp.cast(later, "DATE")
        return _OPERATIONS[term.name](given)

    def _of_days(self, term: terms.Operation, given: exp.Expr, at: Instant) -> exp.Expr:
        [operand] = term.arguments
        if operand.type == "null":
            return exp.null()
        today = b.today(at, self.zone)
        if term.name == "start_of_day":
            return b.start_of(given, self.zone)
        if term.name == "workdays_since":
            then = given if operand.type == "date" else b.local_day(given, self.zone)
            return working_days(then, today, self.holidays)
        if operand.type == "date":
            return b.cast(b.paren(exp.Sub(this=today, expression=given)), "number")
        return b.days_passed(at, given)


def constant(term: terms.Const) -> exp.Expr:
    """A literal."""
    match term.value:
        case bool() as value:
            return exp.true() if value else exp.false()
        case int() | float() as value:
            return b.number(value)
        case datetime() as value:
            return b.instant(value)
        case date() as value:
            return b.day(value)
        case str() as value:
            return b.text(value)
    return exp.null()


def working_days(then: exp.Expr, today: exp.Expr, holidays: tuple[date, ...]) -> exp.Expr:
    """Working days in (then, today]: Monday to Friday less the holidays; negative where `then` is ahead."""

    def weekdays_before(days: exp.Expr) -> exp.Expr:
        """Mondays to Fridays among the days from MONDAY on, before the one of that number."""
        weeks = exp.Floor(this=exp.Div(this=days, expression=b.number(7)))
        rest = exp.Sub(this=days.copy(), expression=exp.Mul(this=weeks.copy(), expression=b.number(7)))
        worked = exp.Least(this=b.paren(rest), expressions=[b.number(5)])
        return b.paren(exp.Add(this=exp.Mul(this=weeks, expression=b.number(5)), expression=worked))

    def days_from_monday(each: exp.Expr) -> exp.Expr:
        days = b.cast(b.paren(exp.Sub(this=each, expression=b.day(MONDAY))), "number")
        return b.paren(exp.Add(this=days, expression=b.number(1)))

    worked: exp.Expr = exp.Sub(
        this=weekdays_before(days_from_monday(today)), expression=weekdays_before(days_from_monday(then))
    )
    for holiday in holidays:
        if holiday.weekday() < 5:
            since = exp.LT(this=then.copy(), expression=b.day(holiday))
            upto = exp.LTE(this=b.day(holiday), expression=today.copy())
            passed = b.case((b.both(since, upto), b.number(1)), otherwise=b.number(0))
            worked = exp.Sub(this=worked, expression=passed)
    return b.paren(worked)


def property_as(properties: exp.Expr, key: str, kind: str) -> exp.Expr:
    """A property of an event, read as a type: null where its JSON has another."""
    path = b.text(f'$."{key}"')
    value = b.call("json_extract", properties, path)
    its_kind = b.call("json_type", properties.copy(), path.copy())
    if kind == "json":
        return b.case((exp.NEQ(this=its_kind, expression=b.text("NULL")), value))
    read = b.call("json_extract_string", properties.copy(), path.copy()) if kind == "text" else b.try_cast(value, kind)
    return b.case((b.one_of(its_kind, JSON_KINDS[kind]), read)) if kind in JSON_KINDS else exp.null()


def read_as(text: exp.Expr, kind: str, zone: ZoneInfo) -> exp.Expr:
    """A text read as a type, null where it is none: the same texts as where all values of an attribute are of that type.

    A date is as a time the start of its day; a time is no date. A time without an offset is in UTC.
    """

    def spelt(pattern: str) -> exp.Expr:
        return b.call("regexp_full_match", text.copy(), b.text(pattern))

    match kind:
        case "number":
            value = b.try_cast(text.copy(), "number")
            return b.case((b.both(spelt(NUMBER), b.call("isfinite", value)), value.copy()))
        case "boolean":
            return b.case((b.one_of(b.call("lower", text.copy()), TRUTHS), b.try_cast(text.copy(), "boolean")))
        case "date":
            return b.case((spelt(DATE), b.try_cast(text.copy(), "date")))
    instant = exp.TryCast(this=text.copy(), to=exp.DataType.build("TIMESTAMPTZ"))
    midnight = b.start_of(b.paren(b.try_cast(text.copy(), "date")), zone)
    return b.case((spelt(TIME), b.call("timezone", b.text("UTC"), instant)), (spelt(DATE), midnight))


# Operations of values, by the name of the operation


def _divide(given: list[exp.Expr]) -> exp.Expr:
    return exp.Div(this=given[0], expression=exp.Nullif(this=given[1], expression=b.number(0)))


def _change(given: list[exp.Expr]) -> exp.Expr:
    """(now - then) / then; null where then is null or 0, or less than the floor."""
    now, then, *floor = given
    change = _divide([b.paren(exp.Sub(this=now, expression=then)), then.copy()])
    if not floor:
        return change
    # A null floor is none, as `then < null` is not true.
    too_small = b.coalesce(exp.LT(this=then.copy(), expression=floor[0]), exp.false())
    return b.case((b.negated(b.paren(too_small)), change))


def _scale(given: list[exp.Expr]) -> exp.Expr:
    """100 * (x - lo) / (hi - lo), cut to 0..100; null of null and where lo = hi."""
    x, low, high = given
    share = _divide([b.paren(exp.Sub(this=x, expression=low)), b.paren(exp.Sub(this=high, expression=low.copy()))])
    cut = exp.Least(this=exp.Greatest(this=share, expressions=[b.number(0)]), expressions=[b.number(1)])
    # GREATEST and LEAST pass over nulls, so that a null share has to be kept null here.
    return b.case((b.not_null(b.paren(share.copy())), exp.Mul(this=b.number(100), expression=cut)))


def _steps(given: list[exp.Expr]) -> exp.Expr:
    """The s of the greatest v <= x; of equal ones the first."""
    x, pairs = given[0], list(zip(given[1::2], given[2::2], strict=True))
    branches = []
    for index, (bound, value) in enumerate(pairs):
        tests: list[exp.Expr] = [exp.LTE(this=bound.copy(), expression=x.copy())]
        for other, (rival, _) in enumerate(pairs):
            if other != index:
                beats = exp.GTE if other < index else exp.GT
                wins = both_true(
                    exp.LTE(this=rival.copy(), expression=x.copy()), beats(this=rival.copy(), expression=bound.copy())
                )
                tests.append(b.negated(wins))
        branches.append((b.both(*tests), value))
    return b.case(*branches)


def both_true(*tests: exp.Expr) -> exp.Expr:
    """Whether all are true: false where one is null."""
    return b.coalesce(b.paren(b.both(*tests)), exp.false())


def slope(given: Sequence[exp.Expr]) -> exp.Expr:
    """Least squares of the samples, newest first and a week apart, in units a day; null with fewer than 4 that are known.

    The first known sample is taken from all: a slope does not change by it, and that of a constant is exactly 0.
    """
    zero = b.number(0)
    reference = b.coalesce(given[0], *given[1:], zero)
    sums: dict[str, list[exp.Expr]] = {"n": [], "x": [], "y": [], "xx": [], "xy": []}
    for week, sample in enumerate(given):
        x = float(-week)
        known = b.not_null(sample.copy())
        y = b.coalesce(b.paren(exp.Sub(this=sample.copy(), expression=reference.copy())), zero.copy())
        for key, factor in (("n", 1.0), ("x", x), ("xx", x * x)):
            sums[key].append(b.case((known.copy(), b.number(factor)), otherwise=zero.copy()))
        sums["y"].append(y)
        sums["xy"].append(exp.Mul(this=b.number(x), expression=y.copy()))
    n, x_, y_, xx, xy = (_total(sums[key]) for key in ("n", "x", "y", "xx", "xy"))
    covariance = exp.Sub(this=exp.Mul(this=n, expression=xy), expression=exp.Mul(this=x_, expression=y_))
    variance = exp.Sub(this=exp.Mul(this=n.copy(), expression=xx), expression=exp.Mul(this=x_.copy(), expression=x_.copy()))
    a_week = _divide([b.paren(covariance), b.paren(variance)])
    enough = exp.GTE(this=n.copy(), expression=b.number(FEWEST_SAMPLES))
    return b.case((enough, exp.Div(this=b.paren(a_week), expression=b.number(7))))


def _total(values: list[exp.Expr]) -> exp.Expr:
    total = values[0]
    for each in values[1:]:
        total = exp.Add(this=total, expression=each)
    return b.paren(total)


def _round(given: list[exp.Expr]) -> exp.Expr:
    """Halves away from zero, to so many decimals."""
    digits = exp.cast(given[1], "INT") if len(given) > 1 else b.whole(0)
    return exp.Round(this=given[0], decimals=digits)


def _contains(given: list[exp.Expr]) -> exp.Expr:
    return exp.Contains(this=given[0], expression=given[1])


def _extreme(kind: type[exp.Least | exp.Greatest]) -> Callable[[list[exp.Expr]], exp.Expr]:
    return lambda given: kind(this=given[0], expressions=given[1:], ignore_nulls=True) if given[1:] else given[0]


_OPERATIONS: dict[str, Callable[[list[exp.Expr]], exp.Expr]] = {
    "/": _divide,
    "negative": lambda given: exp.Neg(this=given[0]),
    "and": lambda given: b.paren(exp.and_(*given, copy=False)),
    "or": lambda given: b.paren(b.either(*given)),
    "not": lambda given: b.negated(given[0]),
    "among": lambda given: exp.In(this=given[0], expressions=given[1:]),
    "is_null": lambda given: b.is_null(given[0]),
    "contains": _contains,
    "if": lambda given: b.case((given[0], given[1]), otherwise=given[2]),
    "coalesce": lambda given: b.coalesce(given[0], *given[1:]),
    "least": _extreme(exp.Least),
    "greatest": _extreme(exp.Greatest),
    "abs": lambda given: exp.Abs(this=given[0]),
    "round": _round,
    "scale": _scale,
    "steps": _steps,
    "change": _change,
}
