"""The one evaluator: formulas, as of moments, about subjects, in one set-based query."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from copy import copy
from dataclasses import replace
from datetime import date, datetime, timedelta
from functools import cached_property
from statistics import median
from typing import Any, TypeVar

import pyarrow as pa

from tocsin.core.families import Membership, memberships, standing
from tocsin.core.language import Names, Term, check, parse
from tocsin.core.language.terms import Ago, Attribute, Given, Market
from tocsin.core.milestones import MilestoneVersion
from tocsin.core.moment import floor_day
from tocsin.core.rules import Rule
from tocsin.engine import milestone_history
from tocsin.engine.countdowns import row_countdown
from tocsin.engine.families import FAMILY, lasting, of_one, over_family, reach
from tocsin.engine.families import table_of as members_of
from tocsin.engine.health import Health, HealthModel, Needs, uses_health
from tocsin.engine.health_history import bring_up_to_date
from tocsin.engine.instants import back
from tocsin.engine.judge import Judgement, Match, judge
from tocsin.engine.lookback import TABLE, put_aside, table_of
from tocsin.engine.markets import ACTIVE, KeptMedians, point_markets
from tocsin.engine.milestones import Expansion, Milestones
from tocsin.engine.occurrences import Occurrences, Stretch, occurrences, still
from tocsin.engine.picking import Picked
from tocsin.engine.readiness import groundless
from tocsin.engine.sessions import Sessions, names_minutes
from tocsin.engine.shared import NOTHING, Shared
from tocsin.engine.sql.families import statement
from tocsin.engine.sql.kin import TABLE as MEMBERS
from tocsin.engine.sql.points import PointsQuestion, Source
from tocsin.engine.sql.remembered import points_sql, question_sql
from tocsin.engine.sql.sources import EveryMoment, OfRows, OwnMoments
from tocsin.engine.sql.statement import Question, Surroundings
from tocsin.facts import families
from tocsin.facts.store import Store

MOST_TERMS = 2000  # that a book remembers of formulas it was asked
MOST_MADE = 200  # that it remembers of what was made of rules
Made = TypeVar("Made")


class Book:
    """A book of business that can be asked: the facts, and the names that formulas may use.

    signals, segments: name -> formula. health: the profiles that score accounts; without them nobody has a score.
    milestones: the templates of milestones, every published version of each.
    holidays: days that are no working days, besides Saturdays and Sundays. churn_tolerance: the company's, as a share.

    A book sees what was acknowledged when it was made (attributes and their types); make a new one after an import.
    """

    def __init__(
        self,
        store: Store,
        signals: Mapping[str, str],
        segments: Mapping[str, str] | None = None,
        *,
        health: HealthModel | None = None,
        milestones: Sequence[MilestoneVersion] = (),
        holidays: Sequence[date] = (),
        churn_tolerance: float | None = None,
    ) -> None:
        self.store = store
        self.model = health or HealthModel()
        self.templates = tuple(milestones)
        self.named = dict(signals)
        self.segments = dict(segments or {})
        self.holidays = tuple(holidays)
        self.churn_tolerance = churn_tolerance
        self._terms: dict[tuple[str, str, str | None], Term] = {}
        self._made: dict[tuple[object, ...], tuple[tuple[Rule, ...], Any]] = {}
        self._medians = KeptMedians(store)
        self.instead: Mapping[str, pa.Table] = {}

    def reading(self, tables: Mapping[str, pa.Table]) -> Book:
        """This book with tables of the layout (`facts.store`) in the place of those of the same name."""
        _ = self.names, self.health, self._surroundings  # made once, for all such books
        made = copy(self)
        made.instead = dict(tables)
        return made

    @cached_property
    def names(self) -> Names:
        """The names that formulas of this workspace may use."""
        named = {**self.segments, **self.named}
        return Names(self.store.attributes("accounts"), self.store.attributes("people"), named)

    @cached_property
    def health(self) -> Health:
        """The health of accounts, by the profiles."""
        return Health(self.model, self.names)

    @cached_property
    def milestones(self) -> Milestones:
        """The milestones of accounts, by the templates."""
        return Milestones(self.templates, self.names)

    @cached_property
    def without_milestones(self) -> Book:
        """The same book without templates: of milestones it sees those that the facts give."""
        return Book(
            self.store,
            self.named,
            self.segments,
            health=self.model,
            holidays=self.holidays,
            churn_tolerance=self.churn_tolerance,
        )

    @property
    def converts(self) -> bool:
        """Whether amounts are converted into the reporting currency before they are added."""
        return self._surroundings.converts

    @property
    def surroundings(self) -> Surroundings:
        """What the facts as a whole are like; how far the rollup of old events can be read is looked up each time."""
        return replace(self._surroundings, borders=self.store.rollup_borders())

    @cached_property
    def _surroundings(self) -> Surroundings:
        left_out = self.store.query("SELECT count(*) AS n FROM people WHERE left_out").column("n")[0].as_py() > 0
        return Surroundings(
            self.store.dialect,
            self.store.zone,
            left_out=left_out,
            converts=self.store.converts_money(),
            currency=self.store.currency,
            holidays=self.holidays,
            churn_tolerance=self.churn_tolerance,
        )

    @cached_property
    def families(self) -> tuple[Membership, ...]:
        """Who was in whose family when, of the accounts that ever had a parent (`core.families`)."""
        return tuple(memberships(families.links(self.store)))

    def heads(self, accounts: Collection[str]) -> frozenset[str]:
        """The heads that these accounts have or ever had; of an account without a parent none."""
        return frozenset(each.head for each in self.families if each.account in accounts)

    def revenue(self, moment: datetime, accounts: Collection[str] | None = None) -> dict[str, float | None]:
        """The MRR of each account, or of each of these, as of a moment, in the reporting currency; None of who has none."""
        around = self.surroundings
        if around.converts:
            alone, kin = replace(around, families="settled"), {MEMBERS: members_of(())}
            question = Question(FAMILY, [moment], [of_one(Attribute("number", "account", "mrr"))], only=accounts)
            table = self.store.query(question_sql(question, alone), tables=kin)
        else:
            table = self.signals(["mrr"], [moment], only=accounts)
        return dict(zip(table.column("subject_id").to_pylist(), table.column("f0").to_pylist(), strict=True))

    def with_revenue(self, formulas: Sequence[str], moment: datetime, only: Collection[str] | None = None) -> pa.Table:
        """As `signals` of accounts, with `revenue` of each as the last column; one query where nothing is converted."""
        if not self.converts:
            table = self.signals([*formulas, "mrr"], [moment], only=only)
            return table.rename_columns([*table.column_names[:-1], "revenue"])
        table, found = self.signals(formulas, [moment], only=only), self.revenue(moment, only)
        return table.append_column("revenue", pa.array(map(found.get, table.column("subject_id").to_pylist()), pa.float64()))

    def _kin(
        self, subject: str, terms: Sequence[Term], where: Term | None, span: Sequence[datetime]
    ) -> tuple[Surroundings, dict[str, pa.Table]]:
        """The surroundings of a question about subjects of a kind at moments, and the tables that it names."""
        if subject != FAMILY:
            return self.surroundings, dict(self.instead)
        asked = [*terms, *([where] if where is not None else [])]
        far = max(map(reach, asked), default=timedelta(0))
        # Where nobody came or left meanwhile, what held then is as good as what always held, and much quicker.
        here = standing(self.families, back(min(span), far), max(span)) if span else None
        found = self.families if here is None else here
        return replace(self.surroundings, families=lasting(found)), {MEMBERS: members_of(found), **self.instead}

    @cached_property
    def family_turns(self) -> tuple[datetime, ...]:
        """When somebody came into a family or left one, ascending."""
        return tuple(sorted({each.since for each in self.families if each.since is not None}))

    def groundless(self, rules: Sequence[Rule]) -> dict[str, str]:
        """Which of these rules hold for anybody only for want of data: see `engine.readiness`."""
        return groundless(self, rules)

    def term(self, formula: str, subject: str = "account", expect: str | None = None) -> Term:
        """The typed term of a formula about a subject; FormulaError with the place where it cannot be read."""
        key = (formula, subject, expect)
        term = self._terms.get(key)
        if term is None:
            kind = "account" if subject == FAMILY else subject
            term = check(parse(formula), kind, self.names, expect=expect)  # type: ignore[arg-type]
            if len(self._terms) < MOST_TERMS:
                self._terms[key] = term
        return term

    def once(self, rules: Sequence[Rule], make: Callable[[Book, Sequence[Rule]], Made]) -> Made:
        """What is made of these very rules and of the names of this book alone: a sweep asks for the same every minute."""
        key = (make, *map(id, rules))
        known = self._made.get(key)
        if known is None:
            if len(self._made) >= MOST_MADE:
                self._made.clear()
            # The rules are kept too, so that their ids stay theirs.
            known = self._made[key] = (tuple(rules), make(self, rules))
        return known[1]

    def signals(
        self,
        formulas: Sequence[str],
        moments: Sequence[datetime],
        subject: str = "account",
        *,
        where: str | None = None,
        only: Collection[str] | None = None,
        accounts: Collection[str] | None = None,
    ) -> pa.Table:
        """The values of formulas as of moments (UTC), a row for each subject that exists then, ordered by id and moment.

        Columns: `subject_id` (of features `account_id`, `feature`); `moment` where several moments are asked for; then f0,
        f1, ... one per formula: double, bool, string, timestamp (UTC), date32 or list; null is null.

        where:    only subjects for which this formula is true.
        only:     only these subjects (of features: only these accounts').
        accounts: only subjects of these accounts.

        Raises FormulaError where a formula cannot be read.
        """
        terms = [self.term(formula, subject) for formula in formulas]
        scope = None if where is None else self.term(where, subject, "boolean")
        return self.evaluate(terms, moments, subject, where=scope, only=only, accounts=accounts)

    def evaluate(
        self,
        terms: Sequence[Term],
        moments: Sequence[datetime],
        subject: str,
        *,
        where: Term | None = None,
        only: Collection[str] | None = None,
        accounts: Collection[str] | None = None,
        deleted: bool = False,
        picked: Picked | None = None,
        ordered: bool = True,
        shared: Shared = NOTHING,
    ) -> pa.Table:
        """As `signals`, of typed terms. `deleted`: people who were deleted by the moment are subjects too.

        subject: also `family`: the heads of families of accounts, whose rows are those of all members.
        picked:  only those subjects are answered, and one row more with numbers.
        ordered: False where the order of the rows does not matter.
        shared:  what is known beforehand, as of the one moment.
        """
        terms, where = _asked(terms, where, subject)
        around, tables = self._kin(subject, terms, where, moments)
        tables |= shared.tables
        if subject == "account" and len(moments) == 1:
            terms, looked = self._looked_back(terms, moments[0], only, accounts)
            tables |= looked
        formulas, scope = self.expanded(terms, where, moments)
        asked = [*formulas, *([scope] if scope is not None else [])]
        markets = self._markets(asked, moments, shared.medians)
        question = Question(
            subject, list(moments), formulas, scope, only, accounts, deleted, markets, picked=picked, ordered=ordered
        )
        return self.store.query(question_sql(question, around), tables=tables, small=len(moments) == 1)

    def _looked_back(
        self, terms: Sequence[Term], moment: datetime, only: Collection[str] | None, accounts: Collection[str] | None
    ) -> tuple[list[Term], dict[str, pa.Table]]:
        """The terms with what is heavy and looked back to computed beforehand, and the table that holds it."""
        made, aside = put_aside(terms, uses_health)
        if not aside.wanted:
            return list(terms), {}
        source = EveryMoment("account", aside.instants(moment), only=only, accounts=accounts)
        return made, {TABLE: table_of(self.points(list(aside.wanted), source, few=True), list(aside.wanted.values()))}

    def expanded(
        self, terms: Sequence[Term], where: Term | None, moments: Sequence[datetime]
    ) -> tuple[list[Term], Term | None]:
        """The terms, to be evaluated at moments or between the first and the last of them, with health in place of its names.

        What is kept of the past of health and of milestones is brought up to date, as far as they read it. Minutes of events
        are counted by sessions where no source gives them (`engine.sessions`).
        """
        made = [*terms, *([where] if where is not None else [])]
        if moments and any(map(uses_health, made)):
            needs = Needs(min(moments), max(moments))
            made = [self.health.expanded(each, needs) for each in made]
            bring_up_to_date(self, needs)
        if moments and self.templates:
            expansion = Expansion(self.milestones)
            made = expansion.rewritten(made, moments)
            if expansion.span is not None:
                milestone_history.bring_up_to_date(self, *expansion.span)
        if moments:
            made = Sessions(self.store.minutes_since).rewritten(made, moments)
        return made[: len(terms)], None if where is None else made[-1]

    def points(
        self,
        terms: Sequence[Term],
        source: Source,
        *,
        where: Term | None = None,
        given: Sequence[Given] = (),
        few: bool = False,
        ordered: bool = True,
    ) -> pa.Table:
        """The values of typed terms as of points (`engine.sql.sources`), a row for each point, ordered by id and moment.

        Columns: `subject_id` (of features `account_id`, `feature`), `moment`, `pid`, `given.x` for each of `given`, f0, f1, ...
        where: only points for which it is true.
        few:   reading the SELECT takes longer than copying its answer; so it is too of rows and of subjects' own moments.
        ordered: False where the rows may come in any order.
        """
        terms, where = _asked(terms, where, source.subject)
        around, tables = self._kin(source.subject, terms, where, source.span(self.store))
        formulas, scope = self.expanded(terms, where, source.span(self.store))
        asked = [*formulas, *([scope] if scope is not None else [])]
        if isinstance(source, OfRows):
            source = self._with_minutes(source, [*asked, *given])
        markets = point_markets(self.store, self.surroundings, asked, source)
        earliest = min(source.span(self.store), default=None)
        question = PointsQuestion(source, formulas, scope, markets, tuple(given), earliest, ordered)
        few = few or isinstance(source, (OfRows, OwnMoments))
        return self.store.query(points_sql(question, around), tables=tables, small=few)

    def _with_minutes(self, source: OfRows, asked: Sequence[Term]) -> OfRows:
        """Rows of events that set something off, with the minutes that each had as of its own start."""
        looks = [*asked, *([source.where] if source.where is not None else [])]
        if source.collection != "events" or not names_minutes(looks):
            return source
        span = source.span(self.store)
        since = self.store.minutes_since(span[0]) if span else None
        return source if since is not None and since <= span[0] else replace(source, sessions=True, given_from=since)

    def judge(
        self,
        rules: Sequence[Rule],
        moment: datetime,
        only: Collection[str] | None = None,
        *,
        accounts: Collection[str] | None = None,
    ) -> Judgement:
        """Who matches each `when` rule as of a moment, and why; see `engine.judge`."""
        return judge(self, rules, moment, only=only, accounts=accounts)

    def occurrences(self, rules: Sequence[Rule], stretch: Stretch, *, accounts: Collection[str] | None = None) -> Occurrences:
        """What set off the rules with a row trigger; see `engine.occurrences`."""
        return occurrences(self, rules, stretch, accounts=accounts)

    def still(self, rule: Rule, keys: Collection[str], moment: datetime) -> list[Match]:
        """The rows of these ids that set an event or new-row rule off, by what is known as of a moment."""
        return still(self, rule, keys, moment)

    def row_countdown(self, rule: Rule, moment: datetime) -> list[Match]:
        """The rows that have reached a step of a countdown of rows, as of a moment."""
        return row_countdown(self, rule, [moment])

    def explain(self, formulas: Sequence[str], moments: Sequence[datetime], subject: str = "account") -> str:
        """The SQL that answers formulas: for tests and for the curious."""
        terms, _ = self.expanded([self.term(formula, subject) for formula in formulas], None, moments)
        markets = self._markets(terms, moments, {})
        return statement(Question(subject, list(moments), terms, markets=markets), self.surroundings).sql()

    def medians(self, terms: Sequence[Market], moment: datetime) -> dict[tuple[Market, datetime], float | None]:
        """The medians of terms, to be shared (`engine.shared`) by questions as of a moment."""
        made, _ = self.expanded(terms, None, [moment])
        return self._markets(made, [moment], {})

    def _markets(
        self,
        terms: Sequence[Term],
        moments: Sequence[datetime],
        known: Mapping[tuple[Market, datetime], float | None],
    ) -> dict[tuple[Market, datetime], float | None]:
        """The medians that the terms look at, each computed once: over active accounts, at the start of the moment's day."""
        seen: set[tuple[int, datetime]] = set()
        wanted = {found for term in terms for moment in moments for found in _market_terms(term, moment, seen)}
        medians: dict[tuple[Market, datetime], float | None] = {}
        by_day: dict[datetime, list[Market]] = {}
        for term, at in wanted - known.keys():
            by_day.setdefault(floor_day(at, self.store.zone), []).append(term)
        for day, markets in by_day.items():
            distinct = tuple(dict.fromkeys(markets))
            values = self._medians.of(distinct, day, self._medians_of)
            medians |= {(each, day): value for each, value in zip(distinct, values, strict=True)}
        found = {(term, at): medians[term, floor_day(at, self.store.zone)] for term, at in wanted - known.keys()}
        return found | {each: known[each] for each in wanted & known.keys()}

    def _medians_of(self, markets: Sequence[Market], day: datetime) -> list[float | None]:
        """The medians of terms over the active accounts at the start of a day."""
        question = Question("account", [day], [each.operand for each in markets], ACTIVE, ordered=False)
        table = self.store.query(question_sql(question, self.surroundings))
        columns = [table.column(f"f{index}").drop_null() for index in range(len(markets))]
        # To Python all at once, which is ten times as fast as one by one.
        return [median(each.to_numpy().tolist()) if len(each) else None for each in columns]


def _asked(terms: Sequence[Term], where: Term | None, subject: str) -> tuple[Sequence[Term], Term | None]:
    """The terms as they are asked about subjects of a kind."""
    if subject != FAMILY:
        return terms, where
    return [over_family(each) for each in terms], None if where is None else over_family(where)


def _market_terms(term: Term, at: datetime, seen: set[tuple[int, datetime]]) -> Iterator[tuple[Market, datetime]]:
    """The market terms inside a term, with the instant that each looks from. Terms share parts: each is looked at once."""
    if (id(term), at) in seen:
        return
    seen.add((id(term), at))
    if isinstance(term, Market):
        yield term, at
        return
    then = back(at, term.length) if isinstance(term, Ago) else at
    for child in term.children():
        yield from _market_terms(child, then, seen)
