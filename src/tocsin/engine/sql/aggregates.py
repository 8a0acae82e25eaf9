"""Groups of aggregates as CTEs: one row per subject that has rows, a column for each aggregate."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlglot import exp

from tocsin.core.language import terms
from tocsin.core.language.terms import Aggregated, Term, Window
from tocsin.engine.instants import Instant, back
from tocsin.engine.plan import Leaf
from tocsin.engine.sql import build as b
from tocsin.engine.sql import stretches
from tocsin.engine.sql.asof import AsOf
from tocsin.engine.sql.rows import ROW, Rows
from tocsin.engine.sql.stretches import Measure
from tocsin.engine.sql.values import Reader

NOTHING: dict[str, exp.Expr | None] = {"count": b.number(0), "distinct": b.number(0), "sum": b.number(0), "exists": exp.false()}
PLACE = "place$"  # of a stretch of time among those of a pass
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
        any_takes = b.either(*(reader.value(each, members[0].at) for each in filters))
        base = base.where(b.paren(any_takes), copy=False)  # rows that no filter takes are not grouped
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
    return taken(seen, (getattr(leaf.term, "where", None) for leaf in members), lambda each: reader.value(each, last)), last


def taken(base: exp.Select, filters: Iterable[Term | None], value: Callable[[Term], exp.Expr]) -> exp.Select:
    """The rows that any of these filters takes, so that the others are not grouped; all where one of them is none."""
    known = dict.fromkeys(filters)
    if None in known:
        return base
    return base.where(b.either(*(value(each) for each in known if each is not None)), copy=False)


# Tall: rows added up by subject and stretch of time, then pivoted


def tall(
    group: Pass, members: Sequence[Leaf], rows: Rows, reader: Reader, name: str, *, apart: bool
) -> list[tuple[str, exp.Expr]]:
    """The CTEs of a tall pass: `name_tall` with sums per subject and stretch of time, and `name` pivoted from it.

    apart: whether each stretch may have a SELECT of its own (`engine.sql.stretches`).
    """
    first, borders = _borders(members)
    spans = [_span(leaf, borders) for leaf in members]
    measures: dict[Measure, str] = {}
    needed: dict[int, set[Measure]] = {}
    for leaf, (start, stop) in zip(members, spans, strict=True):
        for measure in _measures(leaf).values():
            measures.setdefault(measure, f"m{len(measures)}")
            for place in range(start, stop):
                needed.setdefault(place, set()).add(measure)
    if apart and needed and 1 < len(borders) <= stretches.MOST:

        def value(term: Term) -> exp.Expr:
            return reader.value(term, borders[-1])

        parts = stretches.between(borders, needed, first=first)
        summed: exp.Query = stretches.apart(group.base, group.keys, PLACE, parts, measures, rows, value)
    else:
        summed = _together(group, members, measures, borders, rows, reader)
    pivot = exp.select(*(b.column("p", key) for key in group.keys)).from_(b.table(f"{name}_tall", "p"))
    for index, (leaf, span) in enumerate(zip(members, spans, strict=True)):
        pivot = pivot.select(b.as_(_pivoted(leaf, measures, span, len(borders)), f"c{index}"), copy=False)
    pivot = pivot.group_by(*(b.column("p", key) for key in group.keys), copy=False)
    return [(f"{name}_tall", summed), (name, pivot)]


def _together(
    group: Pass,
    members: Sequence[Leaf],
    measures: Mapping[Measure, str],
    borders: Sequence[datetime],
    rows: Rows,
    reader: Reader,
) -> exp.Select:
    """The sums of all stretches in one SELECT."""
    seen, last = _reached(group, members, rows, reader)
    grouping: dict[str, exp.Expr] = dict(group.keys)
    if len(borders) > 1:
        grouping[PLACE] = stretches.place_of(rows, borders)
    select = seen.select(*(b.as_(value, alias) for alias, value in grouping.items()), copy=False)
    filters = {where for _, _, where in measures}
    for measure, alias in measures.items():
        # Of one filter alone the rows of others are left out already.
        total = stretches.added_up(measure, rows, lambda term: reader.value(term, last), filtered=len(filters) > 1)
        select = select.select(b.as_(total, alias), copy=False)
    return select.group_by(*(b.whole(index + 1) for index in range(len(grouping))), copy=False)


def _borders(members: Sequence[Leaf]) -> tuple[datetime | None, list[datetime]]:
    """Before the first of which windows no rows are seen (None: all are), and the instants at which windows begin or end."""
    lows = [_low(leaf) for leaf in members]
    borders = sorted({_at(leaf) for leaf in members} | {low for low in lows if low is not None})
    if len(borders) > 1 and all(low is not None for low in lows):
        return borders[0], borders[1:]
    return None, borders


def _span(leaf: Leaf, borders: Sequence[datetime]) -> tuple[int, int]:
    """The stretches that a window holds, from the first up to but without the second. Each ends at a border."""
    low, at = _low(leaf), _at(leaf)
    if low == at:
        return 0, 0
    first = borders.index(low) + 1 if low is not None and low in borders else 0
    return first, borders.index(at) + 1


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


def _predicates(members: Sequence[Leaf]) -> list[Term]:
    """The filters, each once: several aggregates share one."""
    filters = (getattr(leaf.term, "where", None) for leaf in members)
    return list(dict.fromkeys(each for each in filters if each is not None))


def _measures(leaf: Leaf) -> dict[str, Measure]:
    assert isinstance(leaf.term, Aggregated)
    return stretches.measures_of(leaf.term, leaf.term.where)


def _pivoted(leaf: Leaf, measures: Mapping[Measure, str], span: tuple[int, int], count: int) -> exp.Expr:
    """An aggregate from the sums of the stretches that its window holds."""
    term = leaf.term
    assert isinstance(term, Aggregated)
    test = stretches.within(b.column("p", PLACE), *span, count)
    own = _measures(leaf)

    def total(function: str) -> exp.Expr:
        summed = {"count": exp.Sum, "sum": exp.Sum, "min": exp.Min, "max": exp.Max}[function]
        return b.filtered(summed(this=b.column("p", measures[own[function]])), test.copy() if test is not None else None)

    match term.function:
        case "count":
            return b.cast(total("count"), "number")
        case "exists":
            return exp.GT(this=b.coalesce(total("count"), b.whole(0)), expression=b.whole(0))
        case "avg":
            counted = exp.Nullif(this=b.cast(total("count"), "number"), expression=b.number(0))
            return exp.Div(this=total("sum"), expression=counted)
    return total(term.function)


# Distinct: a first pass per subject and value, with a flag for each aggregate


def distinct(
    group: Pass, members: Sequence[Leaf], rows: Rows, reader: Reader, name: str, *, apart: bool
) -> list[tuple[str, exp.Expr]]:
    """The CTEs of a distinct pass over one column: `name_values` with a row for each value, and `name` that counts them.

    apart: whether everybody is asked about, and by the key of the account alone.
    """
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
    flags: dict[str, exp.Expr] = {}
    counted = exp.select(*(b.column("v", key) for key in group.keys)).from_(b.table(f"{name}_values", "v"))
    for index, (leaf, low) in enumerate(zip(members, lows, strict=True)):
        term = leaf.term
        assert isinstance(term, Aggregated)
        tests = [] if leaf.at == last else [AsOf(leaf.at, rows.zone).reached(rows.start(), rows.start_type)]
        if low is not None:
            tests.append(AsOf(low, rows.zone).later_than(rows.start(), rows.start_type))
        if term.where is not None:
            tests.append(b.coalesce(b.paren(reader.value(term.where, last)), exp.false()))
        flags[f"d{index}"] = exp.LogicalOr(this=b.both(*tests))
        total = b.filtered(b.count_rows(), b.column("v", f"d{index}"))
        counted = counted.select(b.as_(b.cast(total, "number"), f"c{index}"), copy=False)
    counted = counted.group_by(*(b.column("v", key) for key in group.keys), copy=False)
    made = valued(seen, group.keys, value, flags, f"{name}_values", apart=apart and by_key(first.column))
    return [*made, (name, counted)]


def valued(
    seen: exp.Select,
    keys: Mapping[str, exp.Expr],
    value: exp.Expr,
    flags: Mapping[str, exp.Expr],
    name: str,
    *,
    apart: bool,
) -> list[tuple[str, exp.Expr]]:
    """The CTEs of the distinct values of each subject with what is told of each, the last of which is called `name`.

    flags: column -> what is told of a value's rows. apart: the values are keys of people, and the subjects are all accounts. A
    person nearly always belongs to one account, so that grouping by people alone, by one whole number, does: twice as quick
    as by pairs. The few who were seen at several accounts are told apart by their rows. Rows of no account there are none.
    """
    told = [b.as_(each, alias) for alias, each in flags.items()]
    if not apart:
        select = seen.select(*(b.as_(each, key) for key, each in keys.items()), *told, copy=False)
        return [(name, select.group_by(*(each.copy() for each in keys.values()), value, copy=False))]
    [(key, account)] = keys.items()
    pairs = seen.copy()
    one, other = exp.Min(this=account.copy()), exp.Max(this=account.copy())
    people = seen.select(b.as_(value, "value"), b.as_(one, key), b.as_(other, "other$"), *told, copy=False)
    people = people.group_by(value.copy(), copy=False)
    alone = exp.EQ(this=b.column("o", key), expression=b.column("o", "other$"))
    settled = exp.select(*(b.column("o", each) for each in (key, *flags))).from_(b.table(f"{name}_of_people", "o"))
    several = exp.select(b.column("o", "value")).from_(b.table(f"{name}_of_people", "o")).where(b.negated(alone.copy()))
    pairs = pairs.where(exp.In(this=value.copy(), query=several.subquery()), copy=False)
    pairs = pairs.select(b.as_(account, key), *(each.copy() for each in told), copy=False)
    pairs = pairs.group_by(account.copy(), value.copy(), copy=False)
    both = exp.union(settled.where(alone, copy=False), pairs, distinct=False, copy=False)
    return [(f"{name}_of_people", people), (name, both)]


def by_key(column: Term) -> bool:
    """Whether values are told apart by integer keys that stand for them, as people are."""
    return isinstance(column, terms.Column) and column.name == "person_id"


def distinct_value(column: Term, reader: Reader, at: datetime) -> exp.Expr:
    """What is told apart: of people their integer keys, which stand for their ids."""
    if by_key(column):
        return b.column(ROW, "person_key")
    return reader.value(column, at)
