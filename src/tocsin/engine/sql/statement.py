"""One SQL statement for many formulas as of many moments: helpers first, then a row per subject and moment."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from sqlglot import exp

from tocsin.core.language import terms
from tocsin.core.language.terms import Aggregated, Attribute, Entity, Term, Turned
from tocsin.core.schema import OF_THEIR_OWN
from tocsin.engine.instants import Instant, Point, back
from tocsin.engine.lookback import TABLE, Back
from tocsin.engine.picking import COUNTED, LISTED, Picked
from tocsin.engine.plan import TALL_COLLECTIONS, Group, Leaf, Plan, View, leaves, make_plan
from tocsin.engine.rolled import Rollup
from tocsin.engine.sql import aggregates
from tocsin.engine.sql import build as b
from tocsin.engine.sql.asof import attribute_view, column_name
from tocsin.engine.sql.money import with_rates
from tocsin.engine.sql.rolled import rolled_events
from tocsin.engine.sql.rows import ROW, Rows, rows_of
from tocsin.engine.sql.sessions import with_sessions
from tocsin.engine.sql.universe import KEYS, OWNER, born, exists, not_by_left_out, stands, universe
from tocsin.engine.sql.values import Reader, slope

ANSWER = "whole"  # what is asked for of all subjects, before some are picked


@dataclass(frozen=True)
class Question:
    """What is asked of the facts.

    subject:  account, person or feature.
    items:    for each moment the terms to compute, the same number for all moments; the first is the scope (`where`), or None.
    only:     ids of the subjects asked about (of features: of their accounts); None for all.
    accounts: ids of the accounts whose subjects are asked about; None for all.
    deleted:  whether people who were deleted by the moment are subjects too.
    markets:  medians computed beforehand.
    first:    the first moment, where `moments` are marks that stand for others.
    picked:   only subjects for whom one of some truths holds are answered, and how many others hold for; None for all.
    ordered:  the rows come by subject and moment; else in whichever order, as putting many columns in order is dear.
    """

    subject: str
    moments: Sequence[datetime]
    formulas: Sequence[Term]
    where: Term | None = None
    only: Collection[str] | None = None
    accounts: Collection[str] | None = None
    deleted: bool = False
    markets: Mapping[tuple[terms.Market, datetime], float | None] = field(default_factory=dict)
    first: datetime | None = None
    picked: Picked | None = None
    ordered: bool = True


@dataclass(frozen=True)
class Surroundings:
    """What the facts as a whole are like, so that nothing is computed in vain.

    left_out:  some people are left out, so that their rows do not count.
    converts:  there are exchange rates; `currency` is the reporting currency, or None.
    churn_tolerance: the company's, as a share a year; None where it is not set.
    families:  of questions about families: whether anybody ever came into one or left (`engine.families`); else empty.
    borders:   up to which the rollup of old events can be read (`facts.rollup`), ascending.
    """

    dialect: str
    zone: ZoneInfo
    left_out: bool = False
    converts: bool = False
    currency: str | None = None
    holidays: tuple[date, ...] = ()
    churn_tolerance: float | None = None
    borders: tuple[datetime, ...] = ()
    families: str = ""


def rollup_of(question: Question, around: Surroundings) -> Rollup | None:
    """What a question can take from the rollup of old events; None for nothing."""
    if not around.borders or not question.moments:
        return None
    marked = question.moments[0]
    return Rollup(question.subject, around.borders, question.first or marked, marked)


class Statement:
    """The statement of a question, built piece by piece: the universe, views, groups of aggregates, the answer."""

    def __init__(self, question: Question, around: Surroundings, *, wide_only: bool = False) -> None:
        self.question = question
        self.around = around
        asked = [*question.formulas, *([question.where] if question.where is not None else [])]
        wide_only = wide_only or self._one_by_one
        rollup = None if wide_only else rollup_of(question, around)
        items = ((term, at) for at in question.moments for term in asked)
        self.plan: Plan = make_plan(items, wide_only=wide_only, rollup=rollup)
        self.ctes: list[tuple[str, exp.Expr]] = []
        self.views: dict[tuple[Entity, Instant], str] = {}
        self.columns: dict[Leaf, tuple[str, str]] = {}  # aggregate -> (CTE, column)
        self.anchors: dict[Leaf, tuple[str, str]] = {}  # anchored aggregate -> (CTE, column) of its anchor
        self.keys = KEYS[question.subject]

    @property
    def _one_by_one(self) -> bool:
        """Whether rows have to be met as of each instant, as whose they are changes."""
        return False

    def _rollup(self) -> Rollup | None:
        """What can be taken from the rollup of old events."""
        return rollup_of(self.question, self.around)

    def sql(self) -> str:
        """The SELECT: `subject_id` (of features `account_id`, `feature`), `moment` where there are several, f0, f1, ..."""
        self._prepare()
        answers = [self._answer(at) for at in self.question.moments]
        answer: exp.Query = answers[0]
        for other in answers[1:]:
            answer = exp.union(answer, other, distinct=False, copy=False)
        if self.question.picked is not None:
            assert len(answers) == 1
            answer = self._picked(self.question.picked, answers[0])
        whole = exp.select(exp.Star()).from_(answer.subquery("answer"), copy=False)
        if self.question.ordered:
            order = ["account_id", "feature"] if self.question.subject == "feature" else ["subject_id"]
            order += ["moment"] if len(self.question.moments) > 1 else []
            whole = whole.order_by(*(b.column("answer", each) for each in order), copy=False)
        for name, query in self.ctes:
            whole = whole.with_(b.name(name), as_=query, materialized=True if name == ANSWER else None, copy=False)
        return whole.sql(dialect=self.around.dialect, copy=False)

    def _picked(self, picked: Picked, answer: exp.Select) -> exp.Query:
        """The rows of an answer that are asked for, and one row with what is told of all.

        Of all subjects there are but the truths that decide, and the columns of which the rest is made for those picked.
        """
        ids = ["account_id", "feature"] if self.question.subject == "feature" else ["subject_id"]
        decisive = {*ids, *(f"f{place}" for place in (*picked.any_of, *picked.counted, *picked.listed))}
        values = answer.expressions
        kept: dict[str, exp.Expr] = {each.alias_or_name: each for each in values if each.alias_or_name in decisive}
        made = [
            b.column("q", name) if name in kept else _over(value, kept) for value in values if (name := value.alias_or_name)
        ]
        answer.set("expressions", list(kept.values()))
        self.ctes.append((ANSWER, answer))
        whole = b.table(ANSWER, "q")
        any_of = b.either(*(b.column("q", f"f{place}") for place in picked.any_of)) if picked.any_of else exp.false()
        nothing = (b.as_(exp.cast(exp.null(), kind), name) for name, kind in ((COUNTED, "BIGINT[]"), (LISTED, "VARCHAR[][]")))
        rows = exp.select(*made, *nothing, copy=False).from_(whole).where(any_of, copy=False)
        told = exp.select(*(b.as_(exp.null(), each.alias_or_name) for each in values)).from_(whole.copy())
        numbers = [b.filtered(b.count_rows(), b.column("q", f"f{place}")) for place in picked.counted]
        joined = [b.call("concat_ws", b.text("/"), *(b.column("q", each) for each in ids)) for _ in picked.listed]
        lists = [
            b.filtered(b.call("list", each), b.column("q", f"f{place}"))
            for place, each in zip(picked.listed, joined, strict=True)
        ]
        for found, kind, name in ((numbers, "BIGINT[]", COUNTED), (lists, "VARCHAR[][]", LISTED)):
            told = told.select(b.as_(exp.cast(exp.Array(expressions=found), kind), name), copy=False)
        return exp.union(rows, told, distinct=False, copy=False)

    def _prepare(self) -> None:
        """The CTEs of all that the answer takes."""
        self._add_universe()
        for number, ((entity, at), view) in enumerate(self.plan.views.items()):
            self.views[entity, at] = f"{entity}_{number}"
            self._add_view(view, f"{entity}_{number}")
        for number, group in enumerate(self.plan.groups):
            self._add_any(group, f"g{number}")

    def _add_any(self, group: Group, name: str) -> None:
        add = {"slopes": self._add_slopes, "once": self._add_once}.get(group.kind, self._add_group)
        add(group, name)

    def _add_universe(self) -> None:
        """The CTE of everybody who can be a subject."""
        self.ctes.append(("universe", universe(self.question.subject, self.question, self.around)))

    def _add_view(self, view: View, name: str) -> None:
        """The CTEs of the attributes of accounts or people as of an instant."""
        self.ctes += attribute_view(view, self.around.zone, name)

    def _on_view(self, entity: Entity, cte: str) -> exp.Expr:
        """How a view is joined to the universe."""
        return exp.EQ(this=b.column(cte, "key"), expression=b.column("u", f"{entity}_key"))

    # The answer

    def _answer(self, at: datetime) -> exp.Select:
        question = self.question
        asked = [*question.formulas, *([question.where] if question.where is not None else [])]
        source = self._joined(asked, at)
        reader = self._reader()
        ids = ("account_id", "feature") if question.subject == "feature" else ("subject_id",)
        select = source.select(*(b.column("u", each) for each in ids), copy=False)
        if len(question.moments) > 1:
            select = select.select(b.as_(b.instant(at), "moment"), copy=False)
        for index, term in enumerate(question.formulas):
            select = select.select(b.as_(reader.value(term, at), f"f{index}"), copy=False)
        select = select.where(exists(question.subject, at, deleted=question.deleted), copy=False)
        if question.where is not None:
            select = select.where(b.paren(reader.value(question.where, at)), copy=False)
        return select

    def _joined(self, asked: Sequence[Term], at: Instant) -> exp.Select:
        """The universe with the views and groups that the terms need, as of the moment."""
        source = exp.select().from_(b.table("universe", "u"), copy=False)
        joined: set[str] = set()
        for term in asked:
            for leaf in leaves(term, at):
                source = self._join(source, leaf, joined)
        return source

    def _join(self, source: exp.Select, leaf: Leaf, joined: set[str]) -> exp.Select:
        if isinstance(leaf.term, Back):
            return self._join_back(source, leaf, joined)
        if leaf in self.columns:
            needed = [place[leaf] for place in (self.columns, self.anchors) if leaf in place]
            joins = [(cte, b.equal_keys(cte, "u", self.keys)) for cte, _ in needed]
        else:
            entity = self._entity(leaf.term)
            cte = self.views[entity, leaf.at]
            joins = [(cte, self._on_view(entity, cte))]
        for cte, on in joins:
            if cte not in joined:
                joined.add(cte)
                source = source.join(exp.Table(this=b.name(cte)), on=on, join_type="left", copy=False)
        return source

    def _join_back(self, source: exp.Select, leaf: Leaf, joined: set[str]) -> exp.Select:
        """What was computed beforehand as of an instant."""
        alias = _back_alias(leaf)
        if alias in joined:
            return source
        joined.add(alias)
        assert isinstance(leaf.term, Back)
        at = exp.EQ(this=b.column(alias, "moment"), expression=b.instant(back(leaf.at, leaf.term.length)))
        on = b.both(b.equal_keys(alias, "u", ("subject_id",)), at)
        return source.join(b.table(TABLE, alias), on=on, join_type="left", copy=False)

    def _reader(self) -> Reader:
        """Where leaves stand over the universe and its joins."""
        return Reader(
            self.around.zone,
            leaf=self._leaf,
            born=lambda at: born(self.question.subject, at),
            stands=stands,
            market=self._market,
            holidays=self.around.holidays,
        )

    def _market(self, term: terms.Market, at: Instant) -> exp.Expr:
        assert isinstance(at, datetime)
        known = self.question.markets[term, at]
        return exp.null() if known is None else b.number(known)

    def _leaf(self, leaf: Leaf) -> exp.Expr:
        if isinstance(leaf.term, Back):
            return b.column(_back_alias(leaf), leaf.term.name)
        if leaf in self.columns:
            value: exp.Expr = b.column(*self.columns[leaf])
            if isinstance(leaf.term, Aggregated):
                value = aggregates.of_nothing(leaf.term, value)
            if leaf not in self.anchors:
                return value
            # Of a null anchor the aggregate is null, not that of no rows.
            return b.case((b.not_null(b.column(*self.anchors[leaf])), value))
        return self._attribute(leaf, self.views[self._entity(leaf.term), leaf.at])

    def _attribute(self, leaf: Leaf, cte: str) -> exp.Expr:
        match leaf.term:
            case Attribute(name=name):
                return b.column(cte, column_name(name, "value"))
            case Turned(name=name, aspect=aspect):
                return b.column(cte, column_name(name, aspect))
        raise TypeError(leaf)

    @staticmethod
    def _entity(term: Term) -> Entity:
        assert isinstance(term, (Attribute, Turned))
        return term.entity

    # Groups of aggregates

    def _add_group(self, group: Group, name: str) -> None:
        at = group.at or _latest(group.members)
        view = self.views["person", at] if group.collection == "people" else None
        rows = rows_of(group.collection, at, self.around.zone, view, converts=self.around.converts)
        anchors = self._anchors(group, name)
        rows = replace(rows, rolled=self._rolled(group), sessions=self._sessions(group, name))
        base = self._base(group, rows, name if anchors else None)
        keys = {key: b.column(ROW, key) for key in self.keys}
        given = aggregates.Pass(keys, base)
        reader = Reader(
            self.around.zone, leaf=self._leaf_in_filter, row=rows.column, turned=rows.turned, holidays=self.around.holidays
        )
        if group.kind == "tall" and self.question.subject in ("person", "feature"):
            self.ctes.append((name, aggregates.flat(given, group.members, rows, reader)))
        elif group.kind == "tall":
            self.ctes += aggregates.tall(given, group.members, rows, reader, name, apart=self._apart(group))
        elif group.kind == "distinct":
            self.ctes += aggregates.distinct(given, group.members, rows, reader, name, apart=self._apart(group))
        else:
            self.ctes.append((name, aggregates.wide(given, group.members, rows, reader, anchors.get)))
        for index, leaf in enumerate(group.members):
            self.columns[leaf] = (name, f"c{index}")

    def _add_slopes(self, group: Group, name: str) -> None:
        """CTEs with the samples of all slopes as of an instant, and with their slopes."""
        assert group.at is not None
        source = self._joined([sample for leaf in group.members for sample in _samples(leaf)], group.at)
        source = source.select(*(b.column("u", key) for key in self.keys), copy=False)
        fits = exp.select(*(b.column("s", key) for key in self.keys)).from_(b.table(f"{name}_samples", "s"))
        reader = self._reader()
        for number, leaf in enumerate(group.members):
            samples = _samples(leaf)
            for index, sample in enumerate(samples):
                source = source.select(b.as_(reader.value(sample, group.at), f"y{number}_{index}"), copy=False)
            columns = [b.column("s", f"y{number}_{index}") for index in range(len(samples))]
            fits = fits.select(b.as_(slope(columns), f"c{number}"), copy=False)
            self.columns[leaf] = (name, f"c{number}")
        self.ctes += [(f"{name}_samples", source), (name, fits)]

    def _add_once(self, group: Group, name: str) -> None:
        """A CTE with the terms that are named often, each in a column."""
        assert group.at is not None
        source = self._joined([part for leaf in group.members for part in _samples(leaf)], group.at)
        source = source.select(*(b.column("u", key) for key in self.keys), copy=False)
        reader = self._reader()
        for number, leaf in enumerate(group.members):
            [inner] = _samples(leaf)
            source = source.select(b.as_(reader.value(inner, group.at), f"c{number}"), copy=False)
            self.columns[leaf] = (name, f"c{number}")
        self.ctes.append((name, source))

    def _leaf_in_filter(self, leaf: Leaf) -> exp.Expr:
        """An attribute of the subject, inside a filter: its view is joined under its own name."""
        return self._attribute(leaf, self.views[self._entity(leaf.term), leaf.at])

    def _anchors(self, group: Group, name: str) -> dict[Leaf, exp.Expr]:
        """A CTE `name_anchors` with the instants of the group's anchored windows per subject; leaf -> its column."""
        anchored: dict[Leaf, Term] = {}
        for leaf in group.members:
            window = getattr(leaf.term, "window", None)
            if window is not None and window.anchor is not None:
                anchored[leaf] = window.anchor
        if not anchored:
            return {}
        assert group.at is not None
        distinct = list(dict.fromkeys(anchored.values()))
        source = self._joined(distinct, group.at).select(*(b.column("u", key) for key in self.keys), copy=False)
        reader = self._reader()
        for index, anchor in enumerate(distinct):
            value = reader.value(anchor, group.at)
            if anchor.type == "date":
                value = b.start_of(b.paren(value), self.around.zone)
            typed = b.cast(value, "time") if anchor.type == "null" else value
            source = source.select(b.as_(typed, f"x{index}"), copy=False)
        self.ctes.append((f"{name}_anchors", source))
        self.anchors |= {leaf: (f"{name}_anchors", f"x{distinct.index(anchor)}") for leaf, anchor in anchored.items()}
        return {leaf: b.column("an", self.anchors[leaf][1]) for leaf in anchored}

    def _base(self, group: Group, rows: Rows, anchors: str | None) -> exp.Select:
        """The rows of a group with what their filters look at joined to them."""
        named = {part.name for leaf in group.members for part in self._row_columns(leaf, group.kind)}
        base = with_ids(exp.select().from_(self._source(rows), copy=False), named)
        if group.with_subject:
            base = base.join(b.table("universe", "u"), on=b.equal_keys("u", ROW, self.keys), copy=False)
            for entity in ("account", "person"):
                view = self.views.get((entity, group.at)) if group.at else None
                if view and self._looks_at(group, entity):
                    on = exp.EQ(this=b.column(view, "key"), expression=b.column("u", f"{entity}_key"))
                    base = base.join(exp.Table(this=b.name(view)), on=on, join_type="left", copy=False)
        elif self._narrowed():
            owner = OWNER[self.question.subject]
            asked = exp.select(b.column("u", owner)).from_(b.table("universe", "u"))
            base = base.where(exp.In(this=b.column(ROW, owner), query=asked.subquery()), copy=False)
        if anchors is not None:
            base = base.join(b.table(f"{anchors}_anchors", "an"), on=b.equal_keys("an", ROW, self.keys), copy=False)
            base = self._after_anchors(base, group, rows, anchors)
        if group.kind == "wide":
            base = base.where(rows.begun(), copy=False)
        if self.question.subject == "feature":
            base = base.where(b.not_null(b.column(ROW, "feature")), copy=False)
        return self._without_left_out(base, rows)

    def _after_anchors(self, base: exp.Select, group: Group, rows: Rows, name: str) -> exp.Select:
        """Where all windows are anchored, only rows from the earliest anchor on, of subjects that have one."""
        if group.collection not in TALL_COLLECTIONS or any(leaf not in self.anchors for leaf in group.members):
            return base
        columns = list(dict.fromkeys(self.anchors[leaf][1] for leaf in group.members))
        known = b.either(*(b.not_null(b.column("an", each)) for each in columns))
        since = exp.GTE(this=rows.start(), expression=self._earliest_anchor(group, name))
        return base.where(b.paren(known), since, copy=False)

    def _earliest_anchor(self, group: Group, name: str) -> exp.Expr:
        """The earliest instant at which a window of a group begins, all of which are anchored."""
        columns = list(dict.fromkeys(self.anchors[leaf][1] for leaf in group.members))
        earliest = [exp.Min(this=b.column("first", each)) for each in columns]
        least: exp.Expr = b.call("least", *earliest) if len(earliest) > 1 else earliest[0]
        return exp.select(least).from_(b.table(f"{name}_anchors", "first")).subquery()

    def _sessions(self, group: Group, name: str) -> exp.Query | None:
        """The events of a group that counts minutes by sessions, no more of them than its windows reach."""
        if not group.sessions:
            return None
        low: exp.Expr | None = None
        if all(leaf in self.anchors for leaf in group.members):
            # A moment before the anchor, which is in its window itself.
            low = exp.Sub(this=self._earliest_anchor(group, name), expression=b.microseconds(timedelta(microseconds=1)))
        else:
            first = _reaches(group)
            low = None if first is None else self._low(group, first)
        owner, asked = None, None
        if self._narrowed():
            owner = OWNER[self.question.subject]
            asked = exp.select(b.column("u", owner)).from_(b.table("universe", "u"))
        return with_sessions(low=low, high=self._high(group), owner=owner, asked=asked)

    def _narrowed(self) -> bool:
        """Whether only some subjects are asked about."""
        return self.question.only is not None or self.question.accounts is not None

    def _apart(self, group: Group) -> bool:
        """Whether rows may be read several times, as they are the table's own and of all accounts."""
        plain = group.rolled is None and not group.sessions
        return plain and self.question.subject == "account" and not self._narrowed()

    def _low(self, group: Group, reach: timedelta) -> exp.Expr:
        """The instant that lies so far before the first that members look from."""
        return b.instant(back(min(leaf.at for leaf in group.members if isinstance(leaf.at, datetime)), reach))

    def _high(self, group: Group) -> exp.Expr:
        """The last instant that members look from."""
        return b.instant(_latest(group.members))

    def _rolled(self, group: Group) -> exp.Query | None:
        """The rows of a group that takes old events from the rollup."""
        if group.rolled is None:
            return None
        return rolled_events(group.rolled, self.question.subject, left_out=self.around.left_out)

    def _source(self, rows: Rows) -> exp.Expr:
        """The rows' table; where amounts are converted, with the rate of the day of the row's start as `rate$`."""
        made = rows.rolled or rows.sessions
        if made is not None:
            return made.subquery(ROW)
        if not rows.money:
            return rows.source
        start = rows.start()
        began = start if rows.start_type == "date" else b.local_day(start, self.around.zone)
        return with_rates(rows.source, began, self.around.currency)

    def _without_left_out(self, base: exp.Select, rows: Rows) -> exp.Select:
        """Without our own people and service users, and what they did themselves."""
        if not self.around.left_out or rows.rolled is not None:
            return base
        if rows.view:
            return base.where(b.negated(b.column(ROW, "left_out")), copy=False)
        if rows.collection.name not in OF_THEIR_OWN:
            return base
        return base.where(not_by_left_out(ROW), copy=False)

    @staticmethod
    def _row_columns(leaf: Leaf, kind: str) -> list[terms.Column]:
        """The columns of rows that an aggregate names in a pass of a kind, less what a distinct pass reads by key."""
        term = leaf.term
        assert isinstance(term, Aggregated)
        parts = list(terms.own(term.where)) if term.where is not None else []
        read_by_key = kind == "distinct" and getattr(term.column, "name", None) == "person_id"
        if term.column is not None and not read_by_key:
            parts.append(term.column)
        return [part for part in parts if isinstance(part, terms.Column)]

    @staticmethod
    def _looks_at(group: Group, entity: str) -> bool:
        """Whether a filter of the group reads an attribute of the subject's account or person."""
        for leaf in group.members:
            where = getattr(leaf.term, "where", None)
            for part in terms.own(where) if where is not None else ():
                if isinstance(part, (Attribute, Turned)) and part.entity == entity and not getattr(part, "of_row", False):
                    return True
        return False


def with_ids(base: exp.Select, named: Collection[str]) -> exp.Select:
    """The rows with the ids of their person and account, where these are among the names."""
    if "person_id" in named:
        on = exp.EQ(this=b.column("pk", "key"), expression=b.column(ROW, "person_key"))
        base = base.join(b.table("person_keys", "pk"), on=on, join_type="left", copy=False)
    if "account_id" in named:
        on = exp.EQ(this=b.column("ak", "key"), expression=b.column(ROW, "account_key"))
        base = base.join(b.table("accounts", "ak"), on=on, join_type="left", copy=False)
    return base


def _over(value: exp.Expr, kept: dict[str, exp.Expr]) -> exp.Expr:
    """A value of an answer over the columns of a helper, which are put among those kept."""
    for each in list(value.find_all(exp.Column)):
        name = f"{each.table}.{each.name}"
        kept.setdefault(name, b.as_(b.column(each.table, each.name), name))
        each.replace(b.column("q", name))
    return value


def _back_alias(leaf: Leaf) -> str:
    """The table of what was computed beforehand, as of one instant."""
    assert isinstance(leaf.term, Back)
    return f"back_{leaf.term.length // timedelta(microseconds=1)}"


def _reaches(group: Group) -> timedelta | None:
    """How far before the moments of a group its windows reach; None for ever, and where some begin at a date."""
    windows = [getattr(leaf.term, "window", None) for leaf in group.members]
    lengths = [each.length if each is not None and each.kind == "last" else None for each in windows]
    offsets = [leaf.at.offset if isinstance(leaf.at, Point) else timedelta(0) for leaf in group.members]
    if any(each is None for each in lengths):
        return None
    return max(offset + (length or timedelta(0)) for offset, length in zip(offsets, lengths, strict=True))


def _latest(members: Sequence[Leaf]) -> datetime:
    """The latest instant of leaves as of fixed moments."""
    return max(leaf.at for leaf in members if isinstance(leaf.at, datetime))


def _samples(leaf: Leaf) -> tuple[Term, ...]:
    """The samples of a slope, newest first; of a term that is named often that term."""
    assert isinstance(leaf.term, terms.Operation)
    return leaf.term.arguments
