"""One SQL statement for formulas as of the moments of a table of points: each subject at each moment, or rows that set off.

The points are the CTE `universe` (alias `u`) with an id `pid`, the moment `at`, the subject's keys and ids, and columns
`given.x` of the triggering row. Everything that is computed has one row per `pid`.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from typing import Protocol

from sqlglot import exp

from tocsin.core.language import terms
from tocsin.core.language.terms import Entity, Term
from tocsin.engine.instants import Point, back
from tocsin.engine.plan import TALL_COLLECTIONS, Group, Leaf, View, make_plan
from tocsin.engine.rolled import Rollup
from tocsin.engine.sql import aggregates, streams
from tocsin.engine.sql import build as b
from tocsin.engine.sql.asof import attribute_view
from tocsin.engine.sql.pointviews import point_view
from tocsin.engine.sql.rows import ROW, Rows, rows_of
from tocsin.engine.sql.statement import Question, Statement, Surroundings, with_ids
from tocsin.engine.sql.universe import KEYS, OWNER
from tocsin.engine.sql.values import Reader
from tocsin.facts.store import Store

FEW = 3  # moments, as of each of which rows are added up for themselves: of more, planning takes longer than it saves
GIVEN = "given."  # before the names of the columns of the triggering row


class Source(Protocol):
    """Where points come from (`engine.sql.sources`)."""

    @property
    def subject(self) -> str:
        """The kind of subject."""
        ...

    @property
    def everybody(self) -> bool:
        """Whether all subjects of the kind are asked about, so that rows of others need not be told apart."""
        ...

    def query(self, around: Surroundings, given: Sequence[terms.Given]) -> exp.Query:
        """The points: the columns of the subject's universe, `at`, and a column `given.x` for each."""
        ...

    def span(self, store: Store) -> Sequence[datetime]:
        """The moments; where they are many or unknown, the first and the last that there can be."""
        ...

    def step(self) -> tuple[datetime, datetime, timedelta] | None:
        """(first moment, last, step) of points that lie on a regular grid; None for others."""
        ...

    def instants(self) -> Sequence[datetime] | None:
        """The moments that all points lie at; None where they lie at moments of their own."""
        ...


@dataclass(frozen=True)
class PointsQuestion:
    """What is asked as of points.

    where:   only points for which it is true are answered.
    markets: term -> day of the workspace's zone -> median over the active accounts, computed beforehand.
    given:   columns of the triggering row that are answered beside the formulas.
    earliest: no point lies before it; None where that is not known, so that less can be taken from the rollup of old events.
    ordered: False where the answer may come in any order: sorting millions of points takes as long as summing for them.
    """

    source: Source
    formulas: Sequence[Term]
    where: Term | None = None
    markets: Mapping[terms.Market, Mapping[date, float | None]] = field(default_factory=dict)
    given: tuple[terms.Given, ...] = ()
    earliest: datetime | None = None
    ordered: bool = True


class PointsStatement(Statement):
    """The statement of a question about points."""

    def __init__(self, asked: PointsQuestion, around: Surroundings) -> None:
        super().__init__(Question(asked.source.subject, [], asked.formulas, asked.where), around)
        self.asked = asked
        wanted = [*asked.formulas, *([asked.where] if asked.where is not None else [])]
        self.plan = make_plan(((term, Point()) for term in wanted), wide_only=self._one_by_one, rollup=self._rollup())
        self.subject_keys = KEYS[asked.source.subject]
        self.keys = ("pid",)
        self.given = tuple(dict.fromkeys([*asked.given, *(g for term in wanted for g in givens(term))]))

    def _rollup(self) -> Rollup | None:
        """What can be taken from the rollup of old events."""
        if not self.around.borders or self._one_by_one:
            return None
        return Rollup(self.asked.source.subject, self.around.borders, self.asked.earliest)

    def sql(self) -> str:
        """The SELECT: the subject's ids, `moment`, `pid`, the asked `given.x`, f0, f1, ...; ordered by id and moment."""
        self._prepare()
        if not self.asked.ordered:
            return self._written(self._points_answer())
        ordered = exp.select(exp.Star()).from_(self._points_answer().subquery("answer", copy=False), copy=False)
        order = ["account_id", "feature"] if self.asked.source.subject == "feature" else ["subject_id"]
        ordered = ordered.order_by(*(b.column("answer", each) for each in (*order, "moment", "pid")), copy=False)
        return self._written(ordered)

    def medians(self) -> str:
        """The SELECT of the median of each formula over all points of a moment: `moment`, f0, f1, ..."""
        self._prepare()
        answer = exp.select(b.column("answer", "moment")).from_(
            self._points_answer().subquery("answer", copy=False), copy=False
        )
        for index in range(len(self.question.formulas)):
            answer = answer.select(b.as_(b.call("median", b.column("answer", f"f{index}")), f"f{index}"), copy=False)
        return self._written(answer.group_by(b.column("answer", "moment"), copy=False))

    def _written(self, query: exp.Select) -> str:
        for name, cte in self.ctes:
            query = query.with_(b.name(name), as_=cte, materialized=True if name == "universe" else None, copy=False)
        return query.sql(dialect=self.around.dialect, copy=False)

    def _add_any(self, group: Group, name: str) -> None:
        match group.kind:
            case "slopes":
                self._add_slopes(group, name)
            case "once":
                self._add_once(group, name)
            case "stream" | "distinct_stream":
                self._add_stream(group, name)
            case _:
                self._add_group(group, name)

    def _add_universe(self) -> None:
        points = self.asked.source.query(self.around, self.given)
        numbered = exp.Window(this=exp.Anonymous(this="row_number", expressions=[]))
        self.ctes.append(
            ("universe", exp.select(b.as_(numbered, "pid"), exp.Star()).from_(points.subquery("points", copy=False)))
        )

    def _add_view(self, view: View, name: str) -> None:
        self.ctes += point_view(view, self.around.zone, name)

    def _on_view(self, entity: Entity, cte: str) -> exp.Expr:  # noqa: ARG002 - a point has a row in every view
        return b.equal_keys(cte, "u", ("pid",))

    def _points_answer(self) -> exp.Select:
        question, at = self.question, Point()
        wanted = [*question.formulas, *([question.where] if question.where is not None else [])]
        source, reader = self._joined(wanted, at), self._reader()
        ids = ("account_id", "feature") if question.subject == "feature" else ("subject_id",)
        select = source.select(*(b.column("u", each) for each in ids), copy=False)
        select = select.select(b.as_(b.column("u", "at"), "moment"), b.column("u", "pid"), copy=False)
        for each in self.asked.given:
            select = select.select(b.column("u", GIVEN + each.name), copy=False)
        for index, term in enumerate(question.formulas):
            select = select.select(b.as_(reader.value(term, at), f"f{index}"), copy=False)
        if question.where is not None:
            select = select.where(b.paren(reader.value(question.where, at)), copy=False)
        return select

    def _reader(self) -> Reader:
        made = super()._reader()
        return Reader(
            made.zone, leaf=made.leaf, born=made.born, market=self._market, holidays=made.holidays, given=given_column
        )

    def _market(self, term: terms.Market, at: object) -> exp.Expr:
        """The median of the instant's day, out of a list of days in a row."""
        assert isinstance(at, Point)
        by_day = self.asked.markets.get(term, {})
        if not by_day:
            return exp.null()
        first, last = min(by_day), max(by_day)
        days = [first + timedelta(days=each) for each in range((last - first).days + 1)]
        medians = [exp.null() if (known := by_day.get(day)) is None else b.number(known) for day in days]
        place = exp.Sub(this=b.today(at, self.around.zone), expression=b.day(first))
        listed = exp.cast(exp.Array(expressions=medians), "DOUBLE[]")
        return b.call("list_extract", listed, exp.Add(this=b.paren(place), expression=b.whole(1)))

    # Groups

    def _add_group(self, group: Group, name: str) -> None:
        """Rows met with each point: what the point's own attributes, its moment or its anchor decide."""
        assert isinstance(group.at, Point)
        moments = self._few_moments(group)
        if moments:
            self._add_per_moment(group, name, moments)
            return
        view = self.views["person", group.at] if group.collection == "people" else None
        if view is not None:
            self.ctes += point_view(
                self.plan.views["person", group.at], self.around.zone, f"{name}_people", of_account=self._people_of(group)
            )
            view = f"{name}_people"
        rows = rows_of(group.collection, group.at, self.around.zone, view, converts=self.around.converts)
        anchors = self._anchors(group, name)
        rows = replace(rows, sessions=self._sessions(group, name))
        met = self._within_reach(group, rows, name, anchors)
        base = self._met(group, rows, met, name if anchors else None)
        reader = Reader(
            self.around.zone,
            leaf=self._leaf_in_filter,
            row=rows.column,
            turned=rows.turned,
            holidays=self.around.holidays,
            given=given_column,
        )
        given = aggregates.Pass({"pid": b.column("u", "pid")}, base)
        self.ctes.append((name, aggregates.wide(given, group.members, rows, reader, anchors.get)))
        for index, leaf in enumerate(group.members):
            self.columns[leaf] = (name, f"c{index}")

    def _few_moments(self, group: Group) -> Sequence[datetime]:
        """The moments of all points, where they are few and the rows of all accounts can be added up as of each; else none."""
        moments = self.asked.source.instants() or ()
        windows = (getattr(leaf.term, "window", None) for leaf in group.members)
        anchored = any(window is not None and window.anchor is not None for window in windows)
        alone = not group.with_subject and not anchored
        return moments if alone and self._apart(group) and len(moments) <= FEW else ()

    def _apart(self, group: Group) -> bool:
        return super()._apart(group) and not self._one_by_one

    def _add_per_moment(self, group: Group, name: str, moments: Sequence[datetime]) -> None:
        """The rows added up by account as of each moment; each point takes those of its own, so that no row meets a point."""
        assert isinstance(group.at, Point)
        answer = exp.select(b.column("u", "pid")).from_(b.table("universe", "u"))
        branches: list[list[tuple[exp.Expr, exp.Expr]]] = [[] for _ in group.members]
        for number, moment in enumerate(moments):
            at, cte = back(moment, group.at.offset), f"{name}.{number}"
            self.ctes += self._as_of(group, at, cte)
            answer = answer.join(b.table(cte, cte), on=b.equal_keys(cte, "u", self.subject_keys), join_type="left", copy=False)
            for index, of_member in enumerate(branches):
                here = exp.EQ(this=b.column("u", "at"), expression=b.instant(moment))
                of_member.append((here, b.column(cte, f"c{index}")))
        for index, (leaf, of_member) in enumerate(zip(group.members, branches, strict=True)):
            answer = answer.select(b.as_(b.case(*of_member), f"c{index}"), copy=False)
            self.columns[leaf] = (name, f"c{index}")
        self.ctes.append((name, answer))

    def _as_of(self, group: Group, at: datetime, name: str) -> list[tuple[str, exp.Expr]]:
        """The CTEs of a group as of one moment: its keys, c0, c1, ..."""
        ctes: list[tuple[str, exp.Expr]] = []
        view = None
        if group.collection == "people":
            assert group.at is not None
            view = f"{name}_people"
            columns = self.plan.views["person", group.at].columns
            ctes += attribute_view(View("person", at, columns), self.around.zone, view)
        rows = rows_of(group.collection, at, self.around.zone, view, converts=self.around.converts)
        named = {part.name for leaf in group.members for part in self._row_columns(leaf, group.kind)}
        base = with_ids(exp.select().from_(self._source(rows), copy=False), named).where(rows.begun(), copy=False)
        base = self._without_left_out(base, rows)
        reader = Reader(
            self.around.zone, leaf=self._leaf_in_filter, row=rows.column, turned=rows.turned, holidays=self.around.holidays
        )
        given = aggregates.Pass({key: b.column(ROW, key) for key in self.subject_keys}, base)
        members = [Leaf(leaf.term, at) for leaf in group.members]
        return [*ctes, (name, aggregates.wide(given, members, rows, reader, lambda _: None))]

    def _people_of(self, group: Group) -> str:  # noqa: ARG002 - as others have it
        """Whose people meet a point, see `point_view`."""
        return self.question.subject

    def _met(self, group: Group, rows: Rows, source: exp.Expr, anchors: str | None) -> exp.Select:
        """The rows of each point's subject that exist as of its moment."""
        named = {part.name for leaf in group.members for part in self._row_columns(leaf, group.kind)}
        base = exp.select().from_(source, copy=False)
        on = b.equal_keys(ROW, "u", ("pid",)) if rows.view else b.equal_keys(ROW, "u", self.subject_keys)
        base = with_ids(base.join(b.table("universe", "u"), on=on, copy=False), named)
        for (entity, at), cte in self.views.items():
            if at == group.at and group.with_subject and self._looks_at(group, entity):
                base = base.join(exp.Table(this=b.name(cte)), on=self._on_view(entity, cte), join_type="left", copy=False)
        if anchors is not None:
            base = base.join(b.table(f"{anchors}_anchors", "an"), on=b.equal_keys("an", "u", ("pid",)), copy=False)
        base = base.where(rows.begun(), copy=False)
        return self._without_left_out(base, rows)

    def _within_reach(self, group: Group, rows: Rows, name: str, anchors: Mapping[Leaf, exp.Expr]) -> exp.Expr:
        """The rows, where all windows are anchored only those that a window of their subject reaches as of any moment.

        A window of a fortnight is one of a few hundred moments: without this each of a year's rows would meet each moment.
        """
        if group.collection not in TALL_COLLECTIONS or any(leaf not in anchors for leaf in group.members):
            return self._source(rows)
        lows, highs = [anchors[leaf].copy() for leaf in group.members], []
        for leaf in group.members:
            span = streams.length(leaf)
            if span is not None:
                highs.append(exp.Add(this=anchors[leaf].copy(), expression=b.microseconds(span)))
        low = exp.Min(this=b.call("least", *lows))  # the engine's own: it passes over anchors that are null
        reach = exp.select(*(b.column("u", key) for key in self.subject_keys), b.as_(low, "low"))
        reach = reach.from_(b.table("universe", "u"))
        reach = reach.join(b.table(f"{name}_anchors", "an"), on=b.equal_keys("an", "u", ("pid",)), copy=False)
        began = b.start_of(rows.start(), self.around.zone) if rows.start_type == "date" else rows.start()
        test: exp.Expr = exp.GTE(this=began, expression=b.column("w", "low"))
        if len(highs) == len(lows):  # none of the windows is open at its end
            high = exp.Max(this=b.call("greatest", *highs))
            reach = reach.select(b.as_(high, "high"), copy=False)
            test = b.both(test, exp.LT(this=began.copy(), expression=b.column("w", "high")))
        reach = reach.group_by(*(b.column("u", key) for key in self.subject_keys), copy=False)
        self.ctes.append((f"{name}_reach", reach))
        on = b.both(b.equal_keys("w", ROW, self.subject_keys), test)
        within = exp.select(exp.Column(this=exp.Star(), table=b.name(ROW))).from_(self._source(rows))
        return within.join(b.table(f"{name}_reach", "w"), on=on, copy=False).subquery(ROW, copy=False)

    def _narrowed(self) -> bool:
        return not self.asked.source.everybody

    def _low(self, group: Group, reach: timedelta) -> exp.Expr:  # noqa: ARG002 - of all points
        if moments := self.asked.source.instants():  # known beforehand, the engine passes over what lies before
            return b.instant(back(min(moments), reach))
        first = exp.select(exp.Min(this=b.column("u", "at"))).from_(b.table("universe", "u"))
        return exp.Sub(this=first.subquery(), expression=b.microseconds(reach))

    def _high(self, group: Group) -> exp.Expr:  # noqa: ARG002 - of all points
        if moments := self.asked.source.instants():
            return b.instant(max(moments))
        return exp.select(exp.Max(this=b.column("u", "at"))).from_(b.table("universe", "u")).subquery()

    def _add_stream(self, group: Group, name: str) -> None:
        """Rows that a filter on the row alone takes, summed over time by windows."""
        rows = rows_of(group.collection, Point(table=ROW, column="at"), self.around.zone, converts=self.around.converts)
        rows = replace(rows, rolled=self._rolled(group), sessions=self._sessions(group, name))
        named = {part.name for leaf in group.members for part in self._row_columns(leaf, group.kind)} | set(group.equal)
        named -= {"person_id"} if group.kind == "distinct_stream" and not _filters_person(group) else set()
        base = with_ids(exp.select().from_(self._source(rows), copy=False), named - (set(group.equal) & {"person_id"}))
        if not self.asked.source.everybody:
            owner = OWNER[self.question.subject]
            asked = exp.select(b.column("u", owner)).from_(b.table("universe", "u"))
            base = base.where(exp.In(this=b.column(ROW, owner), query=asked.subquery()), copy=False)
        base = base.where(exp.LTE(this=rows.start(), expression=self._high(group)), copy=False)
        reach = streams.reach(group.members)
        if reach is not None:
            base = base.where(exp.GT(this=rows.start(), expression=self._low(group, reach)), copy=False)
        base = self._without_left_out(base, rows)
        reader = Reader(self.around.zone, leaf=self._leaf_in_filter, row=rows.column, holidays=self.around.holidays)
        keys = {key: b.column(ROW, key) for key in self.subject_keys}
        equal = {
            f"eq.{each}": (
                b.column(ROW, "person_key")
                if each == "person_id"
                else rows.column(terms.Column("text", group.collection, each)),
                b.column("u", "given.person_key" if each == "person_id" else GIVEN + each),
            )
            for each in group.equal
        }
        for right, _ in equal.values():
            base = base.where(b.not_null(right.copy()), copy=False)
        flow = streams.Flow(
            name,
            group.members,
            keys,
            equal,
            base,
            rows,
            reader,
            self.asked.source.step(),
            self.asked.source.instants(),
            self._apart(group),
        )
        self.ctes += flow.ctes(distinct=group.kind == "distinct_stream")
        for index, leaf in enumerate(group.members):
            self.columns[leaf] = (name, f"c{index}")


def givens(term: Term) -> list[terms.Given]:
    """The columns of the triggering row that a term looks at, those inside filters included."""
    return [each for each in terms.walk(term) if isinstance(each, terms.Given)]


def given_column(term: terms.Given) -> exp.Expr:
    """Where a column of the triggering row stands."""
    return b.column("u", GIVEN + term.name)


def _filters_person(group: Group) -> bool:
    """Whether a filter of a distinct pass names the person, so that the text of the id is needed."""
    for leaf in group.members:
        where = getattr(leaf.term, "where", None)
        parts: Collection[Term] = list(terms.own(where)) if where is not None else []
        if any(isinstance(each, terms.Column) and each.name == "person_id" for each in parts):
            return True
    return False
