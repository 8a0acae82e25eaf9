"""Rows added up between the borders of windows: a stretch of time holds the same rows for every window that holds any of it.

Where everybody is asked about, each stretch is a SELECT of its own: the engine passes over what lies before and after it, no
row is compared with all borders, and of each stretch only what some window sums of it is added up. Grouped by one whole number
a stretch is several times as quick as rows grouped by subject, border and filters. Where only some subjects are asked about,
one SELECT for all stretches takes less time to plan.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TypeAlias

from sqlglot import exp

from tocsin.core.language.terms import Aggregated, Term
from tocsin.engine.sql import build as b
from tocsin.engine.sql.asof import AsOf
from tocsin.engine.sql.rows import Rows

MOST = 16  # stretches with a SELECT each: of more, planning takes longer than it saves
FUNCTIONS: dict[str, type[exp.AggFunc]] = {"count": exp.Count, "sum": exp.Sum, "min": exp.Min, "max": exp.Max}

Measure: TypeAlias = tuple[str, Term | None, Term | None]  # function, column, filter


@dataclass(frozen=True)
class Stretch:
    """The rows with a start in (low, high]; low None: from the first on. needed: what is summed of them."""

    number: int
    low: datetime | None
    high: datetime
    needed: frozenset[Measure]


def measures_of(term: Aggregated, where: Term | None) -> dict[str, Measure]:
    """What is added up for an aggregate: function -> measure. A mean takes a sum and a count; `exists` a count."""
    needed = {"exists": ["count"], "avg": ["sum", "count"]}.get(term.function, [term.function])
    column = None if term.function in ("count", "exists") else term.column
    return {function: (function, column, where) for function in needed}


def added_up(measure: Measure, rows: Rows, value: Callable[[Term], exp.Expr], *, filtered: bool = True) -> exp.Expr:
    """A measure over rows in a grouping. filtered: False where the rows are those of its filter already."""
    function, column, where = measure
    test = None if where is None or not filtered else b.paren(value(where))
    if column is None:
        return rows.counted(test)
    return b.filtered(FUNCTIONS[function](this=value(column)), test)


def apart(
    base: exp.Select,
    keys: Mapping[str, exp.Expr],
    place: str,
    stretches: Iterable[Stretch],
    measures: Mapping[Measure, str],
    rows: Rows,
    value: Callable[[Term], exp.Expr],
) -> exp.Query:
    """A row for each subject and stretch in which it has rows: keys, the stretch's number as `place`, a column per measure."""
    made: exp.Query | None = None
    for each in stretches:
        select = _stretch(base.copy(), each, rows)
        filters = {where for _, _, where in each.needed}
        alike = len(filters) == 1  # then the rows of other kinds need not be grouped
        if alike and (only := next(iter(filters))) is not None:
            select = select.where(b.paren(value(only)), copy=False)
        select = select.select(*(b.as_(key.copy(), name) for name, key in keys.items()), copy=False)
        select = select.select(b.as_(b.whole(each.number), place), copy=False)
        for measure, alias in measures.items():
            total = added_up(measure, rows, value, filtered=not alike)
            # What no window sums is null, of the measure's type; the engine does not work it out.
            known = total if measure in each.needed else b.case((exp.false(), total))
            select = select.select(b.as_(known, alias), copy=False)
        select = select.group_by(*(key.copy() for key in keys.values()), copy=False)
        made = select if made is None else exp.union(made, select, distinct=False, copy=False)
    assert made is not None
    return made


def _stretch(base: exp.Select, stretch: Stretch, rows: Rows) -> exp.Select:
    """The rows of a stretch."""
    base = base.where(AsOf(stretch.high, rows.zone).reached(rows.start(), rows.start_type), copy=False)
    if stretch.low is None:
        return base
    return base.where(AsOf(stretch.low, rows.zone).later_than(rows.start(), rows.start_type), copy=False)


def between(borders: Sequence[datetime], needed: Mapping[int, Iterable[Measure]], *, first: datetime | None) -> list[Stretch]:
    """The stretches that end at each of some borders (ascending), without those of which nothing is summed.

    needed: place of the border -> what is summed of the rows up to it. first: where the first stretch begins.
    """
    lows = [first, *borders]
    return [
        Stretch(place, lows[place], border, frozenset(wanted))
        for place, border in enumerate(borders)
        if (wanted := needed.get(place))
    ]


def place_of(rows: Rows, borders: Sequence[datetime], first: int = 0, *, bits: bool = False) -> exp.Expr:
    """The place of the first of some borders at or after a row's start, which is at or before the last of them.

    A balanced tree of comparisons, as there can be hundreds. first: the place of the first of them. bits: the bit that stands
    for the place.
    """
    if len(borders) == 1:
        return b.whole(1 << first if bits else first)
    middle = len(borders) // 2
    sooner = AsOf(borders[middle - 1], rows.zone).reached(rows.start(), rows.start_type)
    low = place_of(rows, borders[:middle], first, bits=bits)
    return b.case((sooner, low), otherwise=place_of(rows, borders[middle:], first + middle, bits=bits))


def within(place: exp.Expr, first: int, stop: int, count: int) -> exp.Expr | None:
    """Whether a place is one of those from a first up to but without another, of so many; None where all are."""
    if first >= stop:
        return exp.false()
    tests: list[exp.Expr] = []
    if first > 0:
        tests.append(exp.GTE(this=place, expression=b.whole(first)))
    if stop < count:
        tests.append(exp.LT(this=place.copy(), expression=b.whole(stop)))
    return b.both(*tests) if tests else None
