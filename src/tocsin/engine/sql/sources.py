"""Where points come from: every subject at every moment, or the rows of a collection that set something off."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlglot import exp

from tocsin.core.language import terms
from tocsin.core.language.terms import Term
from tocsin.core.schema import COLLECTIONS, OF_THEIR_OWN, PORTFOLIO_SUBJECTS
from tocsin.engine.instants import NEVER, Point
from tocsin.engine.sessions import BY_SESSIONS
from tocsin.engine.sql import build as b
from tocsin.engine.sql import holdings
from tocsin.engine.sql.points import GIVEN
from tocsin.engine.sql.rows import ROW, Rows, rows_of
from tocsin.engine.sql.sessions import with_sessions
from tocsin.engine.sql.statement import Question, Surroundings, with_ids
from tocsin.engine.sql.universe import KEYS, exists, not_by_left_out, universe
from tocsin.engine.sql.values import Reader
from tocsin.facts.store import Store

ENDS = "ends$"  # of a triggering row: the instant at which its closing end says that it ended, seen from now


@dataclass(frozen=True)
class EveryMoment:
    """Each subject that exists, at each of some moments (UTC, in order).

    only, accounts, deleted: as of `statement.Question`.
    """

    subject: str
    moments: Sequence[datetime]
    only: Collection[str] | None = None
    accounts: Collection[str] | None = None
    deleted: bool = False

    @property
    def everybody(self) -> bool:
        """As of `Source`."""
        return self.only is None and self.accounts is None

    def query(self, around: Surroundings, given: Sequence[terms.Given]) -> exp.Query:
        """The points; a point has no triggering row."""
        assert not given
        asked = Question(self.subject, self.moments, [], only=self.only, accounts=self.accounts)
        subjects = universe(self.subject, asked, around).subquery("u", copy=False)
        moments = exp.select(b.as_(exp.Unnest(expressions=[_instants(self.moments)]), "at"))
        here = Point(table="m", column="at")
        made = exp.select(exp.Column(this=exp.Star(), table=b.name("u")), b.column("m", "at")).from_(subjects)
        made = made.join(moments.subquery("m", copy=False), join_type="cross", copy=False)
        return made.where(exists(self.subject, here, deleted=self.deleted), copy=False)

    def span(self, store: Store) -> Sequence[datetime]:  # noqa: ARG002 - as of `Source`
        """The moments."""
        return self.moments

    def instants(self) -> Sequence[datetime]:
        """The moments."""
        return self.moments

    def step(self) -> tuple[datetime, datetime, timedelta] | None:
        """The grid of moments that lie equally far apart."""
        if len(self.moments) < 2:
            return None
        every = self.moments[1] - self.moments[0]
        regular = all(later - earlier == every for earlier, later in zip(self.moments, self.moments[1:], strict=False))
        return (self.moments[0], self.moments[-1], every) if regular and every > timedelta(0) else None


@dataclass(frozen=True)
class OwnMoments:
    """Subjects at moments of their own: (id, moment) pairs, in any order; the id of a feature is `account_id/feature`."""

    subject: str
    pairs: Sequence[tuple[str, datetime]]
    deleted: bool = True
    everybody: bool = False

    def query(self, around: Surroundings, given: Sequence[terms.Given]) -> exp.Query:
        """The points of pairs whose subject existed then."""
        assert not given
        ids = exp.Array(expressions=[b.text(each) for each, _ in self.pairs])
        pairs = exp.select(
            b.as_(exp.Unnest(expressions=[exp.cast(ids, "VARCHAR[]")]), "id"),
            b.as_(exp.Unnest(expressions=[_instants([at for _, at in self.pairs])]), "at"),
        )
        asked = Question(self.subject, [max((at for _, at in self.pairs), default=NEVER)], [])
        made = exp.select(exp.Column(this=exp.Star(), table=b.name("u")), b.column("m", "at"))
        made = made.from_(universe(self.subject, asked, around).subquery("u", copy=False))
        made = made.join(
            pairs.subquery("m", copy=False), on=exp.EQ(this=b.column("m", "id"), expression=self._id()), copy=False
        )
        return made.where(exists(self.subject, Point(table="m", column="at"), deleted=self.deleted), copy=False)

    def _id(self) -> exp.Expr:
        if self.subject != "feature":
            return b.column("u", "subject_id")
        parts = [b.column("u", "account_id"), b.text("/"), b.column("u", "feature")]
        return exp.DPipe(this=exp.DPipe(this=parts[0], expression=parts[1]), expression=parts[2])

    def span(self, store: Store) -> Sequence[datetime]:  # noqa: ARG002 - as of `Source`
        """The first and the last moment."""
        moments = [at for _, at in self.pairs]
        return (min(moments), max(moments)) if moments else ()

    def step(self) -> None:
        """Pairs lie on no grid."""
        return

    def instants(self) -> None:
        """Each pair has a moment of its own."""
        return


@dataclass(frozen=True)
class OfRows:
    """The rows of a collection that started in (after, until], each as of its own start; or as of given moments.

    where:   the filter, of the row's columns alone.
    tagged:  tickets are also seen from the accounts that they are tagged to.
    late:    only rows that arrived at most so long after they started. arrived: only rows that arrived after this.
    moments: instead of the row's start: each row that exists and is open, at each of these moments.
    deleted: rows of people who were deleted by then count as theirs.
    sessions: minutes of events are counted by sessions before `given_from`, from when on they are given (None: never).
    """

    subject: str
    collection: str
    after: datetime | None
    until: datetime
    where: Term | None = None
    late: timedelta | None = None
    arrived: datetime | None = None
    moments: Sequence[datetime] = ()
    accounts: Collection[str] | None = None
    deleted: bool = True
    everybody: bool = False
    sessions: bool = False
    given_from: datetime | None = None

    def query(self, around: Surroundings, given: Sequence[terms.Given]) -> exp.Query:
        """The points, with the columns of their rows."""
        base = self._base(around)
        at = Point(table=ROW, column="at$")
        rows = rows_of(self.collection, at, around.zone, converts=False)
        reader = Reader(around.zone, leaf=_no_leaf, row=rows.column, holidays=around.holidays)
        parts = () if self.where is None else terms.walk(self.where)
        named = {each.name for each in parts if isinstance(each, terms.Column)} | {each.name for each in given}
        base = with_ids(base, named)
        if self.where is not None:
            base = base.where(b.paren(reader.value(self.where, at)), copy=False)
        base = base.select(exp.Column(this=exp.Star(), table=b.name("u")), b.as_(b.column(ROW, "at$"), "at"), copy=False)
        for each in given:
            base = base.select(b.as_(_given(each, rows), GIVEN + each.name), copy=False)
        if "person_id" in COLLECTIONS[self.collection]:
            base = base.select(b.as_(b.column(ROW, "person_key"), "given.person_key"), copy=False)
        there = exists(self.subject, Point(table=ROW, column="at$"), deleted=self.deleted)
        return base.where(there, copy=False)

    def span(self, store: Store) -> Sequence[datetime]:
        """The moments, or the first and the last at which a row can have started."""
        if self.moments:
            return self.moments
        if self.after is not None:
            return (self.after, self.until)
        first = store.earliest_start(self.collection)
        return () if first is None else (min(first, self.until), self.until)

    def step(self) -> None:
        """Rows lie on no grid."""
        return

    def instants(self) -> None:
        """Each row has a moment of its own."""
        return

    def _base(self, around: Surroundings) -> exp.Select:
        """The rows with their subjects; `at$` is the moment as of which each is looked at."""
        declared = COLLECTIONS[self.collection]
        assert declared.start is not None
        rows = Rows(declared, Point(table="w", column="at$"), around.zone)
        start: exp.Expr = b.column("w", declared.start)
        began = b.start_of(start, around.zone) if rows.start_type == "date" else start
        kept = exp.select(exp.Column(this=exp.Star(), table=b.name("w"))).from_(self._table())
        if self.moments:
            kept = kept.select(b.as_(b.column("m", "at"), "at$"), copy=False)
            moments = exp.select(b.as_(exp.Unnest(expressions=[_instants(self.moments)]), "at"))
            kept = kept.join(moments.subquery("m", copy=False), join_type="cross", copy=False)
            here = b.column("m", "at")
            begun = b.paren(b.either(b.is_null(began), exp.LTE(this=began.copy(), expression=here)))
            kept = kept.where(begun, copy=False)
            if declared.closing is not None:
                end: exp.Expr = b.column("w", declared.closing)
                end = b.start_of(end, around.zone) if declared.column(declared.closing).type == "date" else end
                kept = kept.where(
                    b.paren(b.either(b.is_null(end), exp.GT(this=end.copy(), expression=here.copy()))), copy=False
                )
        else:
            kept = kept.select(b.as_(began, "at$"), copy=False).where(
                exp.LTE(this=began.copy(), expression=b.instant(self.until)), copy=False
            )
            if self.after is not None:
                kept = kept.where(exp.GT(this=began.copy(), expression=b.instant(self.after)), copy=False)
            if self.late is not None:
                arrived = exp.Sub(this=b.column("w", "first_seen"), expression=b.microseconds(self.late))
                kept = kept.where(exp.LTE(this=arrived, expression=began.copy()), copy=False)
            if self.arrived is not None:
                seen = exp.GT(this=b.column("w", "first_seen"), expression=b.instant(self.arrived))
                kept = kept.where(seen, copy=False)
        if around.left_out and self.collection == "people":
            kept = kept.where(b.negated(b.column("w", "left_out")), copy=False)
        elif around.left_out and self.collection in OF_THEIR_OWN:
            kept = kept.where(not_by_left_out("w"), copy=False)
        asked = Question(self.subject, [self.until], [], accounts=self.accounts)
        made = exp.select().from_(kept.subquery(ROW, copy=False))
        on = self._own()
        return made.join(universe(self.subject, asked, around).subquery("u", copy=False), on=on, copy=False)

    def _own(self) -> exp.Expr:
        """Which subject a row belongs to."""
        if self.collection in ("accounts", "people"):
            mine = {"accounts": "account_key", "people": "person_key" if self.subject == "person" else "account_key"}
            key = "account_key" if (self.collection, self.subject) == ("people", "account") else "key"
            return exp.EQ(this=b.column("u", mine[self.collection]), expression=b.column(ROW, key))
        return b.equal_keys("u", ROW, KEYS[self.subject])

    def _table(self) -> exp.Expr:
        """The collection's table, where tickets stand once for each account that they concern; of a csm, their tasks."""
        if self.subject in PORTFOLIO_SUBJECTS:
            assert self.collection == "tasks"
            return holdings.tasks(self.subject).subquery("w", copy=False)
        if self.sessions:
            return self._in_sessions().subquery("w", copy=False)
        plain = b.table(self.collection, "w")
        if self.collection != "tickets" or self.subject != "account":
            return plain
        each = exp.Unnest(expressions=[b.column("k", "also_accounts")])
        tagged = exp.select(exp.Column(this=exp.Star(), table=b.name("k")), b.as_(each, "tagged$"))
        tagged = tagged.from_(b.table("tickets", "k"))
        key = b.as_(b.column("a", "key"), "account_key")
        star = exp.Star(except_=[b.name("tagged$")], replace=[key])
        other = exp.select(exp.Column(this=star, table=b.name("j"))).from_(tagged.subquery("j", copy=False))
        same = exp.EQ(this=b.column("a", "id"), expression=b.column("j", "tagged$"))
        other = other.join(b.table("accounts", "a"), on=same, copy=False)
        other = other.where(exp.NullSafeNEQ(this=b.column("a", "key"), expression=b.column("j", "account_key")), copy=False)
        return exp.union(exp.select(exp.Star()).from_(b.name("tickets")), other, distinct=True, copy=False).subquery(
            "w", copy=False
        )

    def _in_sessions(self) -> exp.Select:
        """The events with the minutes that each had as of its start."""
        owner = None if self.accounts is None else "account_key"
        asked = exp.select(b.column("a", "key")).from_(b.table("accounts", "a"))
        if self.accounts is not None:
            asked = asked.where(b.one_of(b.column("a", "id"), sorted(self.accounts)) if self.accounts else exp.false())
        low = None if self.after is None else b.instant(self.after)
        counted = with_sessions(low=low, high=b.instant(self.until), owner=owner, asked=asked)
        minutes: exp.Expr = b.column("c", BY_SESSIONS)
        if self.given_from is not None:
            told = exp.GTE(this=b.column("c", "at"), expression=b.instant(self.given_from))
            minutes = b.case((told, b.column("c", "minutes")), otherwise=minutes)
        star = exp.Star(except_=[b.name(BY_SESSIONS)], replace=[b.as_(minutes, "minutes")])
        return exp.select(exp.Column(this=star, table=b.name("c"))).from_(counted.subquery("c"))


def _given(term: terms.Given, rows: Rows) -> exp.Expr:
    """A column of the triggering row as of its moment."""
    if term.name == ENDS:
        closing = rows.collection.column(rows.collection.closing or "")
        end = b.column(ROW, closing.name)
        return b.start_of(end, rows.zone) if closing.type == "date" else end
    if term.name.startswith("properties."):
        return rows.column(terms.Property(term.type, term.name.removeprefix("properties.")))
    if rows.collection.name in ("accounts", "people") and term.name in ("account_id", "person_id"):
        return b.column(ROW, "id")
    return rows.column(terms.Column(term.type, term.collection, term.name))


def _instants(moments: Sequence[datetime]) -> exp.Expr:
    return exp.cast(exp.Array(expressions=[b.instant(each) for each in moments]), "TIMESTAMP[]")


def _no_leaf(leaf: object) -> exp.Expr:
    raise TypeError(f"{leaf} cannot stand in a filter on rows")
