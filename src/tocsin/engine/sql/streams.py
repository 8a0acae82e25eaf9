"""Aggregates as of points whose filters look at the row alone: rows and points in one stream, summed by windows over time.

Where all points lie at a few moments, rows are first added up between the borders of the windows of all moments, then for each
subject and moment, and each point takes those of its moment: there are fewer of these than of steps of a grid.

Where the points lie on a regular grid, rows are first added up per step of the grid (every border of every window lies on
it), and each step of each subject is one row, so that a window is so many rows: much quicker than windows over time.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import reduce
from math import gcd

from sqlglot import exp

from tocsin.core.language.terms import Aggregated, Const, Term
from tocsin.engine.instants import Point, back
from tocsin.engine.plan import Leaf, streamed
from tocsin.engine.sql import build as b
from tocsin.engine.sql import stretches
from tocsin.engine.sql.aggregates import by_key, distinct_value, taken, valued
from tocsin.engine.sql.rows import Rows
from tocsin.engine.sql.stretches import Measure
from tocsin.engine.sql.values import Reader

MICRO = timedelta(microseconds=1)
FEW = 8  # moments, for each of which there is a column
MOST_BITS = 60  # of a whole number, one for each border
SUMS: dict[str, type[exp.AggFunc]] = {"sum": exp.Sum, "min": exp.Min, "max": exp.Max}
MOST_STEPS = 5_000  # of a grid: beyond that its rows would be more than those of the facts
Grid = tuple[datetime, datetime, timedelta]  # first moment, last moment, step


def offset(leaf: Leaf) -> timedelta:
    """How long before the point's moment a leaf looks from."""
    assert isinstance(leaf.at, Point)
    return leaf.at.offset


def length(leaf: Leaf) -> timedelta | None:
    """The length of a leaf's window; None where it has none."""
    assert isinstance(leaf.term, Aggregated)
    return leaf.term.window.length if leaf.term.window is not None else None


def reach(members: Sequence[Leaf]) -> timedelta | None:
    """How far before the first moment the windows reach; None for ever."""
    lengths = [length(leaf) for leaf in members]
    if any(each is None for each in lengths):
        return None
    return max((offset(leaf) + (each or MICRO) for leaf, each in zip(members, lengths, strict=True)), default=None)


@dataclass(frozen=True)
class _Frame:
    """How a measure is summed over the starts in (T - low, T - high]; low None: from the first on."""

    function: str
    measure: str
    low: timedelta | None
    high: timedelta


@dataclass
class Flow:
    """One stream: its members, the subject's keys, the columns that equal those of the triggering row, and its rows.

    equal: name -> (column of the row, column of the point). base: FROM and WHERE of the rows, nothing selected.
    apart: all accounts are asked about, so that stretches of time may have a SELECT each (`engine.sql.stretches`).
    """

    name: str
    members: Sequence[Leaf]
    keys: Mapping[str, exp.Expr]
    equal: Mapping[str, tuple[exp.Expr, exp.Expr]]
    base: exp.Select
    rows: Rows
    reader: Reader
    step: Grid | None
    moments: Sequence[datetime] | None = None
    apart: bool = False

    def ctes(self, *, distinct: bool) -> list[tuple[str, exp.Expr]]:
        """The CTEs, the last of which, called `name`, has `pid` and a column c0, c1, ... for each member."""
        self.grid = None
        self.borders: list[datetime] = []
        self.base = taken(self.base, (rest for _, rest in map(self._term, self.members)), self._row_value)
        if self.moments is not None and 0 < len(self.moments) <= FEW and not self.equal:
            self.borders = self._borders(self.moments)
            if not distinct:
                return self._met(self.moments)
            if len(self.borders) <= MOST_BITS:
                return self._met_distinct(self.moments)
            self.borders = []
        self.grid = self._grid()
        made = self._distinct() if distinct else self._summed()
        frames = [self._frames(leaf, made.measures, distinct=distinct) for leaf in self.members]
        stream = self._dense(made) if self.grid else self._mixed(made)
        answer = exp.select(b.column("s", "pid")).from_(b.table(f"{self.name}_stream", "s"))
        for index, (leaf, parts) in enumerate(zip(self.members, frames, strict=True)):
            answer = answer.select(b.as_(self._value(leaf, parts, self._over), f"c{index}"), copy=False)
        known = exp.select(exp.Star()).from_(answer.subquery("w")).where(b.not_null(b.column("w", "pid")))
        return [*made.ctes, (f"{self.name}_stream", stream), (self.name, known)]

    # Points at a few moments

    def _borders(self, moments: Sequence[datetime]) -> list[datetime]:
        """The instants between which all rows are alike to all windows, ascending."""
        found = {back(moment, offset(leaf)) for moment in moments for leaf in self.members}
        spans = {offset(leaf) + span for leaf in self.members if (span := length(leaf)) is not None}
        # The last moment too, so that what happened after all that is looked back to is told apart from it.
        return sorted(found | {max(moments)} | {back(moment, span) for moment in moments for span in spans})

    def _met(self, moments: Sequence[datetime]) -> list[tuple[str, exp.Expr]]:
        """The rows between two borders added up, then what the windows of each moment hold of that, for each point its own."""
        made = self._summed()

        def held(leaf: Leaf, moment: datetime) -> exp.Expr:
            frames = self._frames(leaf, made.measures, distinct=False)
            return self._value(leaf, frames, lambda frame: self._between(frame, moment))

        return [*made.ctes, *self._per_moment(made.data, moments, held)]

    def _met_distinct(self, moments: Sequence[datetime]) -> list[tuple[str, exp.Expr]]:
        """For each value between which borders it was seen, as bits, then how many each moment's windows hold."""
        filters: dict[Term | None, str] = {}
        values = self._seen_between(filters)

        def held(leaf: Leaf, moment: datetime) -> exp.Expr:
            _, rest = self._term(leaf)
            span = length(leaf)
            first, last = self._places(moment, None if span is None else offset(leaf) + span, offset(leaf))
            wanted = sum(1 << place for place in range(first, last))
            seen = exp.paren(exp.BitwiseAnd(this=b.column("d", filters[rest]), expression=b.whole(wanted)), copy=False)
            return b.cast(b.filtered(b.count_rows(), exp.NEQ(this=seen, expression=b.whole(0))), "number")

        return [*values, *self._per_moment(f"{self.name}_values", moments, held)]

    def _per_moment(
        self, data: str, moments: Sequence[datetime], held: Callable[[Leaf, datetime], exp.Expr]
    ) -> list[tuple[str, exp.Expr]]:
        """What was added up of a subject as a column for each member and moment, and of these the point's own."""
        summed = exp.select(*(b.column("d", key) for key in self.keys)).from_(b.table(data, "d"))
        answer = exp.select(b.column("u", "pid")).from_(b.table("universe", "u"))
        for index, leaf in enumerate(self.members):
            branches = []
            for number, moment in enumerate(moments):
                summed = summed.select(b.as_(held(leaf, moment), f"c{index}.{number}"), copy=False)
                here = exp.EQ(this=b.column("u", "at"), expression=b.instant(moment))
                branches.append((here, b.column("w", f"c{index}.{number}")))
            answer = answer.select(b.as_(b.case(*branches), f"c{index}"), copy=False)
        summed = summed.group_by(*(b.column("d", key) for key in self.keys), copy=False)
        of_subject = b.equal_keys("w", "u", self.keys)
        answer = answer.join(b.table(f"{self.name}_sums", "w"), on=of_subject, copy=False)
        return [(f"{self.name}_sums", summed), (self.name, answer)]

    def _places(self, moment: datetime, low: timedelta | None, high: timedelta) -> tuple[int, int]:
        """Which borders the starts in (moment - low, moment - high] come to: from the first, up to but without the second."""
        first = 0 if low is None else self.borders.index(back(moment, low)) + 1
        return first, self.borders.index(back(moment, high)) + 1

    def _between(self, frame: _Frame, moment: datetime) -> exp.Expr:
        """A measure summed over the starts that a window holds as of a moment."""
        first, last = self._places(moment, frame.low, frame.high)
        test = stretches.within(b.column("d", "at"), first, last, len(self.borders))
        return b.filtered(SUMS[frame.function](this=b.column("d", frame.measure)), test)

    # Rows, added up

    def _grid(self) -> Grid | None:
        """The coarsest grid on which every moment and every border of a window lies; None where there is none, or too fine."""
        if self.step is None or self.equal or any(self._strict(leaf) for leaf in self.members):
            return None
        first, last, every = self.step
        spans = [every // MICRO, *(offset(leaf) // MICRO for leaf in self.members)]
        spans += [span // MICRO for leaf in self.members if (span := length(leaf)) is not None]
        unit = reduce(gcd, spans)
        back_to = max(((offset(leaf) + (length(leaf) or timedelta(0))) // MICRO for leaf in self.members), default=0)
        begin = first - back_to * MICRO
        if unit == 0 or ((last - begin) // MICRO) // unit > MOST_STEPS:
            return None
        return begin, last, unit * MICRO

    def _summed(self) -> _Made:
        """The rows as measures per subject and instant (or step)."""
        measures: dict[Measure, str] = {}
        for leaf in self.members:
            for measure in stretches.measures_of(*self._term(leaf)).values():
                measures.setdefault(measure, f"m{len(measures)}")
        if self.apart and 1 < len(self.borders) <= stretches.MOST and (parts := self._stretches(self.moments or ())):
            apart = stretches.apart(self.base, self.keys, "at", parts, measures, self.rows, self._row_value)
            return _Made([(f"{self.name}_data", apart)], f"{self.name}_data", measures)
        select = self._grouped(self.base)
        for measure, alias in measures.items():
            select = select.select(b.as_(stretches.added_up(measure, self.rows, self._row_value), alias), copy=False)
        return _Made([(f"{self.name}_data", select)], f"{self.name}_data", measures)

    def _stretches(self, moments: Sequence[datetime]) -> list[stretches.Stretch]:
        """The stretches between borders of which anything is summed; none where all windows are without length."""
        needed: dict[int, set[Measure]] = {}
        for leaf in self.members:
            span, wanted = length(leaf), stretches.measures_of(*self._term(leaf)).values()
            low = None if span is None else offset(leaf) + span
            for moment in moments:
                for place in range(*self._places(moment, low, offset(leaf))):
                    needed.setdefault(place, set()).update(wanted)
        return stretches.between(self.borders, needed, first=None)

    def _row_value(self, term: Term) -> exp.Expr:
        """The value of a term that a row alone decides."""
        return self.reader.value(term, self.rows.at)

    def _distinct(self) -> _Made:
        """For each aggregate +1 where a value comes into sight, and -1 where it goes out of it, per subject and instant."""
        filters: dict[Term | None, str] = {}
        seen = self._seen(filters)
        measures: dict[Measure, str] = {}
        spans: dict[tuple[Term | None, timedelta | None], str] = {}
        for leaf in self.members:
            _, rest = self._term(leaf)
            spans.setdefault((rest, length(leaf)), f"m{len(spans)}")
        values = f"{self.name}_values"
        ctes: list[tuple[str, exp.Expr]] = [(values, seen)]
        parts: list[exp.Query] = []
        for (rest, span), alias in spans.items():
            measures["distinct", _marked(span), rest] = alias
            beside = f"{self.name}_{alias}"
            ctes.append((beside, self._beside(values, filters[rest], span)))
            parts += self._in_and_out(beside, span, alias, list(spans.values()))
        moves: exp.Query = parts[0]
        for each in parts[1:]:
            moves = exp.union(moves, each, distinct=False, copy=False)
        ctes.append((f"{self.name}_moves", moves))
        names = [*self.keys, *self.equal, "at"]
        data = exp.select(*(b.column("m", each) for each in names)).from_(b.table(f"{self.name}_moves", "m"))
        for alias in spans.values():
            data = data.select(b.as_(exp.Sum(this=b.column("m", alias)), alias), copy=False)
        data = data.group_by(*(b.column("m", each) for each in names), copy=False)
        return _Made([*ctes, (f"{self.name}_data", data)], f"{self.name}_data", measures)

    def _seen(self, filters: dict[Term | None, str]) -> exp.Select:
        """The values of each subject and instant, with a flag for each filter, whose column is noted."""
        value = self._told_apart()
        seen = self._grouped(self.base.where(b.not_null(value.copy()), copy=False), value)
        for alias, test in self._tests(filters).items():
            seen = seen.select(b.as_(exp.LogicalOr(this=test), alias), copy=False)
        return seen

    def _seen_between(self, filters: dict[Term | None, str]) -> list[tuple[str, exp.Expr]]:
        """The values of each subject, with bits for each filter that say before which borders it was seen."""
        value = self._told_apart()
        seen = self.base.where(b.not_null(value.copy()), copy=False)
        bits = {
            alias: b.call("bit_or", b.case((test, stretches.place_of(self.rows, self.borders, bits=True))))
            for alias, test in self._tests(filters).items()
        }
        first, _ = self._term(self.members[0])
        apart = self.apart and first.column is not None and by_key(first.column)
        return valued(seen, self.keys, value, bits, f"{self.name}_values", apart=apart)

    def _told_apart(self) -> exp.Expr:
        """The column whose values are counted."""
        first, _ = self._term(self.members[0])
        assert first.column is not None
        return distinct_value(first.column, self.reader, self.rows.at)  # type: ignore[arg-type]

    def _tests(self, filters: dict[Term | None, str]) -> dict[str, exp.Expr]:
        """Column -> whether a row passes a filter, for each of the filters, whose columns are noted."""
        tests: dict[str, exp.Expr] = {}
        for leaf in self.members:
            _, rest = self._term(leaf)
            if rest not in filters:
                filters[rest] = alias = f"d{len(filters)}"
                known = exp.true() if rest is None else b.coalesce(b.paren(self._row_value(rest)), exp.false())
                tests[alias] = known
        return tests

    def _beside(self, values: str, flag: str, span: timedelta | None) -> exp.Select:
        """The instants at which each value was seen, with the one before and, of a window, the next."""

        def neighbour(function: type[exp.Lag | exp.Lead]) -> exp.Expr:
            return exp.Window(
                this=function(this=b.column("v", "at")),
                partition_by=[b.column("v", each) for each in (*self.keys, *self.equal, "value")],
                order=exp.Order(expressions=[exp.Ordered(this=b.column("v", "at"))]),
            )

        told = [b.as_(neighbour(exp.Lag), "before"), *([] if span is None else [b.as_(neighbour(exp.Lead), "next")])]
        columns = [b.column("v", each) for each in (*self.keys, *self.equal, "at")]
        return exp.select(*columns, *told).from_(b.table(values, "v")).where(b.column("v", flag), copy=False)

    def _in_and_out(self, beside: str, span: timedelta | None, alias: str, aliases: list[str]) -> list[exp.Query]:
        """+1 where a value comes into sight, -1 where it goes out of it; seen again in time, it has stayed in sight."""
        seen, before, following = (b.column("x", each) for each in ("at", "before", "next"))
        moves: list[tuple[int, exp.Expr, exp.Expr]] = [(1, seen, b.is_null(before))]
        if span is not None:
            gone = exp.Add(this=before.copy(), expression=b.microseconds(span))
            out = exp.Add(this=seen.copy(), expression=b.microseconds(span))
            later = exp.GT(this=following, expression=out.copy())
            moves = [
                (1, seen, b.either(b.is_null(before), exp.GT(this=seen.copy(), expression=gone))),
                (-1, out, b.either(b.is_null(following.copy()), later)),
            ]
        made: list[exp.Query] = []
        for sign, at, test in moves:
            part = exp.select(*(b.column("x", each) for each in (*self.keys, *self.equal)), b.as_(at, "at"))
            for each in aliases:
                part = part.select(b.as_(b.whole(sign) if each == alias else exp.cast(exp.null(), "INT"), each), copy=False)
            made.append(part.from_(b.table(beside, "x")).where(test, copy=False))
        return made

    def _grouped(self, base: exp.Select, value: exp.Expr | None = None) -> exp.Select:
        """The rows grouped by subject, equal columns, instant (or step), and value where one is given."""
        columns = {**self.keys} | {name: pair[0] for name, pair in self.equal.items()} | {"at": self._instant()}
        if value is not None:
            columns["value"] = value
        select = base.select(*(b.as_(each, name) for name, each in columns.items()), copy=False)
        return select.group_by(*(b.whole(index + 1) for index in range(len(columns))), copy=False)

    def _instant(self) -> exp.Expr:
        """The row's start; between borders which one is at or after it; on a grid the first step at or after it."""
        start = self.rows.start()
        if self.borders:
            return stretches.place_of(self.rows, self.borders)
        if self.grid is None:
            return start
        begin, _, unit = self.grid
        passed = exp.Sub(this=b.call("epoch_us", start), expression=b.epoch(begin))
        whole = exp.IntDiv(
            this=b.paren(exp.Add(this=b.paren(passed), expression=b.whole(unit // MICRO - 1))),
            expression=b.whole(unit // MICRO),
        )
        # What lies before the grid is in its first step, where only those who look at all history see it.
        steps = exp.Greatest(this=b.paren(whole), expressions=[b.whole(0)])
        since = exp.Add(this=b.epoch(begin), expression=exp.Mul(this=steps, expression=b.whole(unit // MICRO)))
        return b.call("make_timestamp", since)

    # The stream

    def _mixed(self, made: _Made) -> exp.Expr:
        """Rows and points one below the other."""
        names = [*self.keys, *self.equal, "at"]
        rows = exp.select(b.as_(exp.cast(exp.null(), "BIGINT"), "pid"), *(b.column("d", each) for each in names))
        rows = rows.from_(b.table(made.data, "d"))
        points = exp.select(b.column("u", "pid"), *(b.column("u", key) for key in self.keys))
        points = points.select(*(b.as_(pair[1], name) for name, pair in self.equal.items()), copy=False)
        points = points.select(b.column("u", "at"), copy=False).from_(b.table("universe", "u"))
        for alias in dict.fromkeys(made.measures.values()):
            rows = rows.select(b.column("d", alias), copy=False)
            points = points.select(b.as_(exp.null(), alias), copy=False)
        return exp.union(rows, points, distinct=False, copy=False)

    def _dense(self, made: _Made) -> exp.Expr:
        """A row for each subject and step, with its point where there is one."""
        assert self.grid is not None
        begin, last, unit = self.grid
        subjects = exp.select(*(b.column("u", key) for key in self.keys)).from_(b.table("universe", "u")).distinct()
        steps = b.call("generate_series", b.instant(begin), b.instant(last), b.microseconds(unit))
        ticks = exp.select(b.as_(exp.Unnest(expressions=[steps]), "at"))
        dense = exp.select(b.column("u", "pid"), *(b.column("k", key) for key in self.keys), b.column("t", "at"))
        dense = dense.from_(subjects.subquery("k")).join(ticks.subquery("t"), join_type="cross", copy=False)
        for alias in dict.fromkeys(made.measures.values()):
            dense = dense.select(b.column("d", alias), copy=False)
        here = [*self.keys]
        for table, name in (("d", made.data), ("u", "universe")):
            on = b.both(b.equal_keys(table, "k", here), b.equal_keys(table, "t", ("at",)))
            dense = dense.join(b.table(name, table), on=on, join_type="left", copy=False)
        return dense

    # What the windows sum

    def _frames(self, leaf: Leaf, measures: Mapping[Measure, str], *, distinct: bool) -> dict[str, _Frame]:
        term, rest = self._term(leaf)
        span, high = length(leaf), offset(leaf) + (MICRO if self._strict(leaf) else timedelta(0))
        if distinct:
            return {"distinct": _Frame("sum", measures["distinct", _marked(span), rest], None, high)}
        low = None if span is None else offset(leaf) + span
        return {
            function: _Frame("sum" if function == "count" else function, measures[measure], low, high)
            for function, measure in stretches.measures_of(term, rest).items()
        }

    def _value(self, leaf: Leaf, frames: Mapping[str, _Frame], over: Callable[[_Frame], exp.Expr]) -> exp.Expr:
        term, _ = self._term(leaf)
        sums = {function: over(frame) for function, frame in frames.items()}
        match term.function:
            case "exists":
                return exp.GT(this=b.coalesce(sums["count"], b.whole(0)), expression=b.whole(0))
            case "avg":
                return exp.Div(
                    this=sums["sum"], expression=exp.Nullif(this=b.cast(sums["count"], "number"), expression=b.number(0))
                )
            case "count" | "distinct":
                return b.cast(sums[term.function], "number")
        return sums[term.function]

    def _over(self, frame: _Frame) -> exp.Expr:
        if self.grid is None:
            kind, current = "RANGE", frame.high == timedelta(0)
            low = None if frame.low is None else b.microseconds(frame.low - MICRO)
            high: exp.Expr = b.microseconds(frame.high)
        else:
            unit = self.grid[2]
            kind, current = "ROWS", frame.high == timedelta(0)
            low = None if frame.low is None else b.whole(frame.low // unit - 1)
            high = b.whole(frame.high // unit)
        if frame.low is not None and frame.low - MICRO < frame.high:
            return exp.null()  # a window without length holds nothing
        spec = exp.WindowSpec(
            kind=kind,
            start="UNBOUNDED" if low is None else low,
            start_side="PRECEDING",
            end="CURRENT ROW" if current else high,
            end_side=None if current else "PRECEDING",
        )
        return exp.Window(
            this=SUMS[frame.function](this=b.column("s", frame.measure)),
            partition_by=[b.column("s", each) for each in (*self.keys, *self.equal)],
            order=exp.Order(expressions=[exp.Ordered(this=b.column("s", "at"))]),
            spec=spec,
        )

    # A member

    @staticmethod
    def _term(leaf: Leaf) -> tuple[Aggregated, Term | None]:
        """The aggregate, and what of its filter the row alone decides."""
        assert isinstance(leaf.term, Aggregated)
        split = streamed(leaf.term)
        assert split is not None
        return leaf.term, split.rest

    @staticmethod
    def _strict(leaf: Leaf) -> bool:
        assert isinstance(leaf.term, Aggregated)
        split = streamed(leaf.term)
        return split is not None and split.strict and offset(leaf) == timedelta(0)


@dataclass(frozen=True)
class _Made:
    """The CTEs of the rows added up, the last one's name, and measure -> its column there."""

    ctes: list[tuple[str, exp.Expr]]
    data: str
    measures: Mapping[Measure, str]


def _marked(span: timedelta | None) -> Term | None:
    """A window's length as a part of a measure's name."""
    return None if span is None else Const("number", span / timedelta(days=1))
