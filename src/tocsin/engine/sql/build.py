"""Small helpers to build SQLGlot expressions: the only way SQL comes about here."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

from sqlglot import exp

from tocsin.core.moment import DAY, day_of, start_of_day
from tocsin.engine.instants import Instant, Point
from tocsin.engine.sql.marks import Mark, MarkedNumber, first_of, instant_text, number_text, since_1970

MICROSECONDS_A_DAY = 86_400_000_000
TYPES = {"number": "DOUBLE", "text": "VARCHAR", "boolean": "BOOLEAN", "time": "TIMESTAMP", "date": "DATE", "list": "VARCHAR[]"}
FIRST_INSTANT = datetime(1, 1, 2, tzinfo=UTC)  # what a null start is ordered as: before all others


def name(text: str) -> exp.Identifier:
    """A quoted identifier."""
    return exp.to_identifier(text, quoted=True)


def column(table: str, text: str) -> exp.Column:
    """`"table"."text"`."""
    return exp.Column(this=name(text), table=name(table))


def table(text: str, alias: str) -> exp.Table:
    """`"text" AS "alias"`."""
    return exp.Table(this=name(text), alias=exp.TableAlias(this=name(alias)))


def cast(value: exp.Expr, kind: str) -> exp.Expr:
    """`CAST(value AS type)`, the type given in the language's words."""
    return exp.cast(value, _type(kind), copy=False)


def _type(kind: str) -> exp.DataType:
    """A type of its own for each expression; reading its name anew each time took a third of writing a statement."""
    return _types()[kind].copy()


@lru_cache(maxsize=1)
def _types() -> dict[str, exp.DataType]:
    return {kind: exp.DataType.build(name) for kind, name in TYPES.items()}


def try_cast(value: exp.Expr, kind: str) -> exp.Expr:
    """`TRY_CAST(value AS type)`: null where the text cannot be read so."""
    return exp.TryCast(this=value, to=_type(kind))


def text(value: str) -> exp.Expr:
    """A string literal."""
    return exp.Literal.string(value)


def whole(value: int) -> exp.Expr:
    """An integer literal."""
    return exp.Literal.number(value)


def number(value: float) -> exp.Expr:
    """A 64-bit float; never a decimal, whose arithmetic differs."""
    return cast(text(value.word if isinstance(value, MarkedNumber) else number_text(value)), "number")


def instant(value: Instant) -> exp.Expr:
    """A UTC instant: a literal, or that of a row of the points."""
    if isinstance(value, Point):
        at = column(value.table, value.column)
        return paren(exp.Sub(this=at, expression=microseconds(value.offset))) if value.offset else at
    return cast(text(value.word("instant") if isinstance(value, Mark) else instant_text(value)), "time")


def epoch(value: datetime) -> exp.Expr:
    """An instant as microseconds since the beginning of 1970."""
    return exp.Literal.number(value.word("epoch") if isinstance(value, Mark) else since_1970(value))


def day(value: date) -> exp.Expr:
    """A calendar day."""
    return cast(text(value.isoformat()), "date")


def today(at: Instant, zone: ZoneInfo) -> exp.Expr:
    """The calendar day of an instant in the workspace's zone."""
    if isinstance(at, Point):
        return local_day(instant(at), zone)
    return cast(text(at.word("day")), "date") if isinstance(at, Mark) else day(day_of(at, zone))


def first_day(at: Instant, unit: str, zone: ZoneInfo) -> exp.Expr:
    """The first day of the month, quarter or year of an instant."""
    if isinstance(at, Point):
        return cast(call("date_trunc", text(unit), today(at, zone)), "date")
    return cast(text(at.word(unit)), "date") if isinstance(at, Mark) else day(first_of(day_of(at, zone), unit))


def microseconds(length: timedelta) -> exp.Expr:
    """An exact length as an interval."""
    return call("to_microseconds", whole(length // timedelta(microseconds=1)))


def call(function: str, *arguments: exp.Expr) -> exp.Expr:
    """A function by the name it has in the engine."""
    return exp.Anonymous(this=function, expressions=list(arguments))


def paren(value: exp.Expr) -> exp.Expr:
    """`(value)`. As all helpers here do, it holds what it is given: copies of it took a fifth of writing a statement."""
    return exp.paren(value, copy=False)


def both(*tests: exp.Expr | None) -> exp.Expr:
    """AND of the tests that there are; TRUE of none."""
    given = [test for test in tests if test is not None]
    return exp.and_(*given, copy=False) if given else exp.true()


def either(*tests: exp.Expr) -> exp.Expr:
    """OR of the tests."""
    return exp.or_(*tests, copy=False)


def negated(test: exp.Expr) -> exp.Expr:
    """`NOT test`."""
    return exp.not_(test, copy=False)


def case(*branches: tuple[exp.Expr, exp.Expr], otherwise: exp.Expr | None = None) -> exp.Expr:
    """`CASE WHEN ... THEN ... ELSE ... END`."""
    made = exp.Case()
    for test, value in branches:
        made = made.when(test, value, copy=False)
    return made.else_(otherwise, copy=False) if otherwise is not None else made


def is_null(value: exp.Expr) -> exp.Expr:
    """`value IS NULL`."""
    return exp.Is(this=value, expression=exp.null())


def not_null(value: exp.Expr) -> exp.Expr:
    """`value IS NOT NULL`."""
    return negated(is_null(value))


def filtered(aggregate: exp.Expr, test: exp.Expr | None) -> exp.Expr:
    """An aggregate over the rows for which a test is true.

    What passes over nulls is given nulls in the place of the other rows: the engine sums up whole columns, where `FILTER`
    picks rows for each aggregate anew.
    """
    if test is None:
        return aggregate
    if isinstance(aggregate, (exp.Count, exp.Sum, exp.Avg, exp.Min, exp.Max)) and not isinstance(aggregate.this, exp.Distinct):
        counted = whole(1) if isinstance(aggregate.this, exp.Star) else aggregate.this
        return type(aggregate)(this=case((test, counted)))
    return exp.Filter(this=aggregate, expression=exp.Where(this=test))


def count_rows() -> exp.Expr:
    """`COUNT(*)`."""
    return exp.Count(this=exp.Star())


def coalesce(first: exp.Expr, *others: exp.Expr) -> exp.Expr:
    """`COALESCE(first, ...)`."""
    return exp.Coalesce(this=first, expressions=list(others)) if others else first


def as_(value: exp.Expr, alias: str) -> exp.Expr:
    """`value AS "alias"`."""
    return exp.Alias(this=value, alias=name(alias))


def equal_keys(left: str, right: str, keys: Iterable[str]) -> exp.Expr:
    """`left.k = right.k AND ...`."""
    return both(*(exp.EQ(this=column(left, key), expression=column(right, key)) for key in keys))


def one_of(value: exp.Expr, texts: Sequence[str]) -> exp.Expr:
    """`value IN ('a', 'b')`."""
    return exp.In(this=value, expressions=[text(each) for each in texts])


def start_of(value: exp.Expr, zone: ZoneInfo) -> exp.Expr:
    """The instant at which a date begins in the workspace's zone."""
    midnight = cast(value, "time")
    if zone.key == "UTC":
        return midnight
    local = call("timezone", text("UTC"), call("timezone", text(zone.key), midnight))
    twice = _midnights_that_come_twice(zone)
    return (
        case(*((exp.EQ(this=value.copy(), expression=day(d)), instant(at)) for d, at in twice), otherwise=local)
        if twice
        else local
    )


def days_passed(at: Instant, value: exp.Expr) -> exp.Expr:
    """The 24 h periods from an instant to `at`, with fractions; in microseconds, as engines count whole days otherwise."""
    passed = exp.Sub(this=call("epoch_us", instant(at)), expression=call("epoch_us", value))
    return exp.Div(this=cast(paren(passed), "number"), expression=number(MICROSECONDS_A_DAY))


def local_day(value: exp.Expr, zone: ZoneInfo) -> exp.Expr:
    """The calendar day of an instant in the workspace's zone."""
    if zone.key == "UTC":
        return cast(value, "date")
    return cast(call("timezone", text(zone.key), call("timezone", text("UTC"), value)), "date")


@lru_cache(maxsize=64)
def _midnights_that_come_twice(zone: ZoneInfo) -> tuple[tuple[date, datetime], ...]:
    """Days whose midnight comes twice, as clocks are set back then: engines take the second, the language the first.

    Looked for from 1970 to 2070; a handful of days in a few zones, none in most.
    """
    first = date(1970, 1, 1)
    found = []
    for number_of_day in range(36_525):
        each = first + number_of_day * DAY
        midnight = datetime(each.year, each.month, each.day, tzinfo=zone)
        earlier, later = midnight.utcoffset(), midnight.replace(fold=1).utcoffset()
        if earlier is not None and later is not None and earlier > later:
            found.append((each, start_of_day(each, zone)))
    return tuple(found)
