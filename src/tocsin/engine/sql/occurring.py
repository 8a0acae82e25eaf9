"""Which values occur in the rows of collections, and how many rows and values there are: for `engine.readiness`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from zoneinfo import ZoneInfo

from sqlglot import exp

from tocsin.core.schema import COLLECTIONS
from tocsin.engine.sessions import EVENTS, MINUTES
from tocsin.engine.sql import build as b
from tocsin.engine.sql.asof import TIMELINES, AsOf

KEYED = {"account_id": "account_key", "person_id": "person_key"}
R = "r"


def totals(asked: Mapping[str, Sequence[str]], moment: datetime, zone: ZoneInfo) -> exp.Query:
    """For each collection: how many rows there are as of the moment, and in how many each column has a value.

    asked: collection -> its declared columns. A row for each: `name`, `counts` (of rows, then of the columns in order).
    """
    parts = []
    for name, columns in asked.items():
        counts = [b.count_rows(), *(exp.Count(this=_value(name, each, moment, zone)) for each in columns)]
        listed = exp.cast(exp.Array(expressions=counts), "BIGINT[]")
        parts.append(_rows(name, moment, zone, b.as_(b.text(name), "name"), b.as_(listed, "counts")))
    return _together(parts)


def tallies(asked: Mapping[tuple[str, str], Sequence[str]], moment: datetime, zone: ZoneInfo, most: int) -> exp.Query:
    """For each (collection, column of text): the values that rows have most often, and those of the texts given that occur.

    A row for each value: `name`, `field`, `value`, `n` (rows that have it), so many of each column at most besides the texts.
    """
    parts = []
    for (name, field), texts in asked.items():
        counted = _rows(name, moment, zone, b.as_(_value(name, field, moment, zone), "value"), b.as_(b.count_rows(), "n"))
        counted = counted.group_by(b.whole(1), copy=False)
        place = exp.Window(this=exp.RowNumber(), order=exp.Order(expressions=[_most_first(), b.column("c", "value")]))
        ranked = exp.select(b.column("c", "value"), b.column("c", "n"), b.as_(place, "place")).from_(counted.subquery("c"))
        ranked = ranked.where(b.not_null(b.column("c", "value")), copy=False)
        kept: exp.Expr = exp.LTE(this=b.column("k", "place"), expression=b.whole(most))
        if texts:
            kept = b.either(kept, b.one_of(b.column("k", "value"), texts))
        columns = (b.as_(b.text(name), "name"), b.as_(b.text(field), "field"), b.column("k", "value"), b.column("k", "n"))
        parts.append(exp.select(*columns).from_(ranked.subquery("k")).where(kept, copy=False))
    return _together(parts)


def once_held(asked: Mapping[str, Sequence[str]], moment: datetime) -> exp.Query:
    """The values that attributes of accounts and people have had up to the moment: `entity`, `field`, `value`."""
    parts = []
    for entity, fields in asked.items():
        columns = (b.as_(b.text(entity), "entity"), b.column("x", "field"), b.column("x", "value"))
        timeline = TIMELINES[entity]  # type: ignore[index] # account or person
        upto = exp.LTE(this=b.column("x", "at"), expression=b.instant(moment))
        held = exp.select(*columns).from_(b.table(timeline, "x")).where(b.both(b.one_of(b.column("x", "field"), fields), upto))
        parts.append(held.distinct())
    return _together(parts)


def _rows(name: str, moment: datetime, zone: ZoneInfo, *columns: exp.Expr) -> exp.Select:
    """A SELECT over the rows of a collection that exist as of the moment, those of accounts that are left out excepted."""
    declared = COLLECTIONS[name]
    made = exp.select(*columns).from_(b.table(name, R))
    if declared.start is not None:
        made = made.where(AsOf(moment, zone).begun(R, declared), copy=False)
    key = "key" if name == "accounts" else "account_key" if "account_id" in declared else None
    if key is not None:
        out = exp.select(b.column("o", "key")).from_(b.table("accounts", "o")).where(b.column("o", "left_out"))
        known = b.negated(exp.In(this=b.column(R, key), query=out.subquery()))
        made = made.where(b.paren(b.either(b.is_null(b.column(R, key)), known)), copy=False)
    return made


def _value(name: str, column: str, moment: datetime, zone: ZoneInfo) -> exp.Expr:
    declared = COLLECTIONS[name]
    if column in KEYED:
        return b.column(R, KEYED[column])
    if (name, column) == (EVENTS, MINUTES):  # where none are given they are counted, of events of somebody
        return b.coalesce(b.column(R, MINUTES), b.cast(b.column(R, "person_key"), "number"))
    return b.paren(AsOf(moment, zone).column(R, declared, declared.column(column)))


def _most_first() -> exp.Ordered:
    return exp.Ordered(this=b.column("c", "n"), desc=True)


def _together(parts: Sequence[exp.Query]) -> exp.Query:
    whole: exp.Query = parts[0]
    for each in parts[1:]:
        whole = exp.union(whole, each, distinct=False, copy=False)
    return whole
