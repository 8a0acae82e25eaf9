"""Groups of aggregates as CTEs: one row per subject that has rows, a column for each aggregate."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlglot import exp

from tocsin.core.language import terms
from tocsin.core.language.terms import Aggregated, Term, Window
from tocsin.engine.instants import Instant, back
from tocsin.engine.plan import Leaf
from tocsin.engine.sql import build as b
from tocsin.engine.sql.asof import AsOf
from tocsin.engine.sql.rows import ROW, Rows
from tocsin.engine.sql.values import Reader

NOTHING: dict[str, exp.Expr | None] = {"count": b.number(0), "distinct": b.number(0), "sum": b.number(0), "exists": exp.false()}
MOST_FILTERS = 8  # beyond that, testing rows twice costs more than grouping them


@dataclass(frozen=True)
class Pass:
    """What a group's passes have in common.

    keys:    subject key column -> its expression over the rows' alias.
    base:    the FROM and WHERE of the rows, with all joins; nothing selected yet.
    """

    keys: Mapping[str, exp.Expr]
    base: exp.Select


def of_nothing(term: Aggregated, value: exp.Expr) -> exp.Expr:
    """The aggregate of a subject without rows: 0 for count, distinct and sum, false for exists, else null."""
    empty = NOTHING.get(term.function)
    return value if empty is None else b.coalesce(value, empty.copy())


# Windows


def window_test(window: Window | None, rows: Rows, at: Instant, anchor: exp.Expr | None) -> exp.Expr | None:
    """Whether a row's start lies in a window; rows later than T are left out already. None for no window."""
    if window is None:
        return None
    start, kind = rows.start(), rows.start_type
    if window.kind == "last":
        assert window.length is not None
        return AsOf(back(at, window.length), rows.zone).later_than(start, kind)
    assert anchor is not None
    began = b.start_of(start, rows.zone) if kind == "date" else start
    since = exp.GTE(this=began, expression=anchor)
    if window.length is None:
        return since
    until = exp.Add(this=anchor.copy(), expression=b.microseconds(window.length))
    return b.both(since, exp.LT(this=began.copy(), expression=until))


# Wide: one SELECT, a filter for each aggregate


def wide(
    group: Pass, members: Sequence[Leaf], rows: Rows, reader: Reader, anchors: Callable[[Leaf], exp.Expr | None]
) -> exp.Expr:
    """The aggregates of one collection and instant in one pass."""
    filters = _predicates(members)
    base = group.base
    if len(filters) <= MOST_FILTERS and all(getattr(leaf.term, "where", None) is not None for leaf in members):
        taken = b.either(*(reader.value(each, members[0].at) for each in filters))
        base = base.where(b.paren(taken), copy=False)  # rows that no filter takes are not grouped
    windows: list[Window | None] = [getattr(leaf.term, "window", None) for leaf in members]
    lengths = [
        window.length for window in windows if window is not None and window.kind == "last" and window.length is not None
    ]
    if len(lengths) == len(windows):  # nor are those that no window reaches
        base = base.where(window_test(Window("last", max(lengths)), rows, members[0].at, None), copy=False)
    select = base.select(*(b.as_(value, key) for key, value in group.keys.items()), copy=False)
    for index, leaf in enumerate(members):
        term = leaf.term
        assert isinstance(term, Aggregated)
        where = None if term.where is None else b.paren(reader.value(term.where, leaf.at))
        test = window_test(term.window, rows, leaf.at, anchors(leaf))
        tests = [each for each in (test, where) if each is not None]
        column = None if term.column is None else reader.value(term.column, leaf.at)
        value = summary(term, column, b.both(*tests) if tests else None, rows)
        select = select.select(b.as_(value, f"c{index}"), copy=False)
    return select.group_by(*(value.copy() for value in group.keys.values()), copy=False)


def summary(term: Aggregated, column: exp.Expr | None, test: exp.Expr | None, rows: Rows) -> exp.Expr:
    """One aggregate over the rows for which the test is true, nulls passed over."""
    if term.function in ("count", "exists") or column is None:
        counted = rows.counted(test)
        if term.function == "exists":
            return exp.GT(this=b.coalesce(counted, b.whole(0)), expression=b.whole(0))
        return b.cast(counted, "number")
    if term.function in ("latest", "earliest"):
        known = b.not_null(b.paren(column.copy()))
        kind = exp.ArgMax if term.function == "latest" else exp.ArgMin
        return b.filtered(kind(this=column, expression=_order(rows)), b.both(test, known))
    simple: dict[str, Callable[[], exp.Expr]] = {
        "distinct": lambda: exp.Count(this=exp.Distinct(expressions=[column])),
        "sum": lambda: exp.Sum(this=column),
        "avg": lambda: exp.Avg(this=column),
        "min": lambda: exp.Min(this=column),
        "max": lambda: exp.Max(this=column),
    }
    value = b.filtered(simple[term.function](), test)
    return b.cast(value, "number") if term.function == "distinct" else value


def _order(rows: Rows) -> exp.Expr:
    """(start, id): the order of `latest`; a row without a start comes first, ties go by id as text."""
    start = b.coalesce(b.cast(rows.start(), "time"), b.instant(b.FIRST_INSTANT))
    parts = [exp.PropertyEQ(this=b.name(key), expression=value) for key, value in (("s", start), ("i", b.column(ROW, "id")))]
    return exp.Struct(expressions=parts)


# Flat: as wide, of many windows and moments


def flat(group: Pass, members: Sequence[Leaf], rows: Rows, reader: Reader) -> exp.Expr:
    """The aggregates of a tall pass in one SELECT, a filter for each.

    It is the quicker one where subjects have but a few rows each: then there are nearly as many groups of a tall pass as rows.
    """
    seen, last = _reached(group, members, rows, reader)
    select = seen.select(*(b.as_(value, key) for key, value in group.keys.items()), copy=False)
    for index, leaf in enumerate(members):
        term, low = leaf.term, _low(leaf)
        assert isinstance(term, Aggregated)
        tests = [] if leaf.at == last else [AsOf(_at(leaf), rows.zone).reached(rows.start(), rows.start_type)]
        if low is not None:
            tests.append(AsOf(low, rows.zone).later_than(rows.start(), rows.start_type))
        if term.where is not None:
            tests.append(b.paren(reader.value(term.where, last)))
        column = None if term.column is None else reader.value(term.column, last)
        value = summary(term, column, b.both(*tests) if tests else None, rows)
        select = select.select(b.as_(value, f"c{index}"), copy=False)
    return select.group_by(*(value.copy() for value in group.keys.values()), copy=False)


def _reached(group: Pass, members: Sequence[Leaf], rows: Rows, reader: Reader) -> tuple[exp.Select, datetime]:
    """The rows that any window of a pass reaches and any filter takes; and the last moment."""
    last, lows = max(_at(leaf) for leaf in members), [_low(leaf) for leaf in members]
    seen = group.base.where(AsOf(last, rows.zone).reached(rows.start(), rows.start_type), copy=False)
    if all(low is not None for low in lows):
        earliest = min(low for low in lows if low is not None)
        seen = seen.where(AsOf(earliest, rows.zone).later_than(rows.start(), rows.start_type), copy=False)
    if all(getattr(leaf.term, "where", None) is not None for leaf in members):  # rows that no filter takes are not grouped
        seen = seen.where(b.either(*(reader.value(each, last) for each in _predicates(members))), copy=False)
    return seen, last


# Tall: one grouping by subject, discriminating columns and time bucket, then pivoted


def tall(group: Pass, members: Sequence[Leaf], rows: Rows, reader: Reader, name: str) -> list[tuple[str, exp.Expr]]:
    """The CTEs of a tall pass: `name_tall` with partial aggregates per bucket, and `name` pivoted from it."""
    borders = sorted({_at(leaf) for leaf in members} | {low for leaf in members if (low := _low(leaf)) is not None})
    bounded = all(_low(leaf) is not None for leaf in members)
    predicates, measures = _predicates(members), _measures(members)
    seen, last = _reached(group, members, rows, reader)
    grouping: dict[str, exp.Expr] = dict(group.keys)
    inner_borders = borders[1:-1] if bounded else borders[:-1]
    bucket = _bucket(rows, inner_borders)
    if bucket is not None:
        grouping["bucket$"] = bucket
    for predicate, alias in predicates.items():
        grouping[alias] = b.coalesce(b.paren(reader.value(predicate, last)), exp.false())
    select = seen.select(*(b.as_(value, alias) for alias, value in grouping.items()), copy=False)
    for (function, column), alias in measures.items():
        select = select.select(b.as_(_partial(function, column, rows, reader, last), alias), copy=False)
    select = select.group_by(*(b.whole(index + 1) for index in range(len(grouping))), copy=False)
    pivot = exp.select(*(b.column("p", key) for key in group.keys)).from_(b.table(f"{name}_tall", "p"))
    numbered = {border: index for index, border in enumerate(inner_borders, start=1)}
    for index, leaf in enumerate(members):
        value = _pivoted(leaf, predicates, measures, numbered if bucket is not None else {})
        pivot = pivot.select(b.as_(value, f"c{index}"), copy=False)
    pivot = pivot.group_by(*(b.column("p", key) for key in group.keys), copy=False)
    return [(f"{name}_tall", select), (name, pivot)]


def _low(leaf: Leaf) -> datetime | None:
    term = leaf.term
    assert isinstance(term, Aggregated)
    if term.window is None or term.window.length is None:
        return None
    return back(_at(leaf), term.window.length)


def _at(leaf: Leaf) -> datetime:
    """The fixed moment of a leaf: tall and distinct passes tell windows apart by them."""
    assert isinstance(leaf.at, datetime)
    return leaf.at


def _predicates(members: Sequence[Leaf]) -> dict[Term, str]:
    """The filters, each a boolean grouping column: several aggregates share one."""
    found: dict[Term, str] = {}
    for leaf in members:
        where = getattr(leaf.term, "where", None)
        if where is not None:
            found.setdefault(where, f"f{len(found)}")
    return found


def _measures(members: Sequence[Leaf]) -> dict[tuple[str, Term | None], str]:
    """The partial aggregates that the members need: avg takes a sum and a count."""
    found: dict[tuple[str, Term | None], str] = {}
    for leaf in members:
        term = leaf.term
        assert isinstance(term, Aggregated)
        needed = {"count": ["count"], "exists": ["count"], "avg": ["sum", "count"]}.get(term.function, [term.function])
        for function in needed:
            column = None if term.function in ("count", "exists") else term.column
            found.setdefault((function, column), f"m{len(found)}")
    return found


def _bucket(rows: Rows, borders: Sequence[datetime]) -> exp.Expr | None:
    """How many of the borders lie before a row's start: a balanced tree of comparisons, as there can be hundreds."""
    if not borders:
        return None
    if len(borders) == 1:
        later = AsOf(borders[0], rows.zone).later_than(rows.start(), rows.start_type)
        return b.case((later, b.whole(1)), otherwise=b.whole(0))
    return _search(rows, borders, 0, len(borders))


def _search(rows: Rows, borders: Sequence[datetime], low: int, high: int) -> exp.Expr:
    if low == high:
        return b.whole(low)
    middle = (low + high) // 2
    later = AsOf(borders[middle], rows.zone).later_than(rows.start(), rows.start_type)
    return b.case((later, _search(rows, borders, middle + 1, high)), otherwise=_search(rows, borders, low, middle))


def _partial(function: str, column: Term | None, rows: Rows, reader: Reader, at: datetime) -> exp.Expr:
    if column is None:
        return rows.counted()
    value = reader.value(column, at)
    kinds = {"count": exp.Count, "sum": exp.Sum, "min": exp.Min, "max": exp.Max}
    return kinds[function](this=value)


def _pivoted(
    leaf: Leaf,
    predicates: dict[Term, str],
    measures: dict[tuple[str, Term | None], str],
    numbered: dict[datetime, int],
) -> exp.Expr:
    """An aggregate from the partial ones of its buckets: borders i < start <= j are the buckets i to j - 1."""
    term = leaf.term
    assert isinstance(term, Aggregated)
    low = _low(leaf)
    tests: list[exp.Expr] = []
    bucket = b.column("p", "bucket$")
    if low is not None and low in numbered:
        tests.append(exp.GTE(this=bucket, expression=b.whole(numbered[low])))
    if _at(leaf) in numbered:
        tests.append(exp.LT(this=bucket.copy(), expression=b.whole(numbered[_at(leaf)])))
    if low is not None and low == leaf.at:
        tests.append(exp.false())
    if term.where is not None:
        tests.append(b.column("p", predicates[term.where]))
    test = b.both(*tests) if tests else None

    def total(function: str, column: Term | None) -> exp.Expr:
        partial = b.column("p", measures[function, column])
        kinds = {"count": exp.Sum, "sum": exp.Sum, "min": exp.Min, "max": exp.Max}
        return b.filtered(kinds[function](this=partial), test.copy() if test is not None else None)

    match term.function:
        case "count":
            return b.cast(total("count", None), "number")
        case "exists":
            return exp.GT(this=b.coalesce(total("count", None), b.whole(0)), expression=b.whole(0))
        case "avg":
            counted = exp.Nullif(this=b.cast(total("count", term.column), "number"), expression=b.number(0))
            return exp.Div(this=total("sum", term.column), expression=counted)
    return total(term.function, term.column)


# Distinct: a first pass per subject and value, with a flag for each aggregate


def distinct(group: Pass, members: Sequence[Leaf], rows: Rows, reader: Reader, name: str) -> list[tuple[str, exp.Expr]]:
    """The CTEs of a distinct pass over one column: `name_values` with flags per value, and `name` that counts them."""
    last = max(_at(leaf) for leaf in members)
    lows = [_low(leaf) for leaf in members]
    first = members[0].term
    assert isinstance(first, Aggregated)
    assert first.column is not None
    value = distinct_value(first.column, reader, last)
    seen = group.base.where(AsOf(last, rows.zone).reached(rows.start(), rows.start_type), copy=False)
    seen = seen.where(b.not_null(value.copy()), copy=False)
    if all(low is not None for low in lows):
        earliest = min(low for low in lows if low is not None)
        seen = seen.where(AsOf(earliest, rows.zone).later_than(rows.start(), rows.start_type), copy=False)
    select = seen.select(*(b.as_(each, key) for key, each in group.keys.items()), copy=False)
    counted = exp.select(*(b.column("v", key) for key in group.keys)).from_(b.table(f"{name}_values", "v"))
    for index, (leaf, low) in enumerate(zip(members, lows, strict=True)):
        term = leaf.term
        assert isinstance(term, Aggregated)
        tests = [] if leaf.at == last else [AsOf(leaf.at, rows.zone).reached(rows.start(), rows.start_type)]
        if low is not None:
            tests.append(AsOf(low, rows.zone).later_than(rows.start(), rows.start_type))
        if term.where is not None:
            tests.append(b.coalesce(b.paren(reader.value(term.where, last)), exp.false()))
        flag = exp.LogicalOr(this=b.both(*tests))
        select = select.select(b.as_(flag, f"d{index}"), copy=False)
        total = b.filtered(b.count_rows(), b.column("v", f"d{index}"))
        counted = counted.select(b.as_(b.cast(total, "number"), f"c{index}"), copy=False)
    select = select.group_by(*(each.copy() for each in group.keys.values()), value.copy(), copy=False)
    counted = counted.group_by(*(b.column("v", key) for key in group.keys), copy=False)
    return [(f"{name}_values", select), (name, counted)]


def distinct_value(column: Term, reader: Reader, at: datetime) -> exp.Expr:
    """What is told apart: of people their integer keys, which stand for their ids."""
    if isinstance(column, terms.Column) and column.name == "person_id":
        return b.column(ROW, "person_key")
    return reader.value(column, at)
