"""From typed formulas to what has to be computed: attribute views, and groups of aggregates that share one pass.

A *leaf* is what a formula needs from the facts: an attribute, or an aggregate, as of an instant. Equal leaves are computed
once. Aggregates of one collection are put together:

- `tall`      counts and sums over events or metrics whose filter looks at the row alone: sums by subject and elementary
              stretch of time serve all windows of all formulas as of all moments, and are then pivoted;
- `distinct`  distinct values under such filters: a first pass per subject and value with a flag for each aggregate;
- `wide`      everything else: one SELECT with a filter for each aggregate, for each collection and instant;
- `stream`    as of points: what a row alone decides, summed over time by windows (`engine.sql.streams`);
- `slopes`    of signals: their samples are columns of one helper, so that each is computed once and named often;
- `once`      terms that are named often (health): each is a column of a helper.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Literal

from tocsin.core.language.mixed import READ_AS
from tocsin.core.language.terms import (
    Aggregated,
    Ago,
    Attribute,
    Column,
    Const,
    Entity,
    Given,
    Market,
    OfAccount,
    Operation,
    Property,
    Term,
    Turned,
    own,
    walk,
)
from tocsin.core.schema import COLLECTIONS, PORTFOLIO_SUBJECTS
from tocsin.engine.instants import Instant, Point, back
from tocsin.engine.lookback import Back
from tocsin.engine.rolled import Rolled, Rollup
from tocsin.engine.sessions import reads_sessions

TALL_COLLECTIONS = ("events", "metrics")  # those that grow large, and whose rows never change
TALL_FUNCTIONS = ("count", "exists", "sum", "avg", "min", "max")
TIMELESS_OPERATIONS = frozenset(
    {"=", "!=", "<", "<=", ">", ">=", "among", "is_null", "contains", "and", "or", "not", "coalesce", "start_of_day", READ_AS}
)


@dataclass(frozen=True)
class Leaf:
    """A term that is read from the facts, as of an instant."""

    term: Term
    at: Instant


Aspect = Literal["value", "since", "previous"]


@dataclass
class View:
    """The attributes of accounts or people that are needed as of an instant: (name, aspect) pairs."""

    entity: Entity
    at: Instant
    columns: dict[tuple[str, Aspect], Term] = field(default_factory=dict)


@dataclass
class Group:
    """Aggregates that one pass computes.

    at:           the instant that all of a wide group share; None for the others, whose filters do not depend on it.
    with_subject: a filter looks at the subject's attributes.
    level:        0, or one more than the aggregates that the windows' anchors hold.
    equal:        of streams: the columns that equal those of the row that set a trigger off.
    rolled:       how old events are read from the rollup; None where all are read themselves.
    sessions:     minutes of events are counted by sessions.
    """

    kind: Literal["tall", "distinct", "wide", "slopes", "once", "stream", "distinct_stream"]
    collection: str
    at: Instant | None
    with_subject: bool
    level: int
    equal: tuple[str, ...] = ()
    rolled: Rolled | None = None
    sessions: bool = False
    members: list[Leaf] = field(default_factory=list)


@dataclass
class Plan:
    """What a set of formulas needs, each thing once.

    accounts: leaf about the account at hand -> its column in the helper that has a row for each account.
    """

    views: dict[tuple[Entity, Instant], View] = field(default_factory=dict)
    groups: list[Group] = field(default_factory=list)
    accounts: dict[Leaf, str] = field(default_factory=dict)

    def view(self, entity: Entity, at: Instant) -> View:
        """The view of an entity as of an instant, made when first asked for."""
        return self.views.setdefault((entity, at), View(entity, at))

    def read(self, leaf: Leaf) -> None:
        """Note a leaf that is read as it is: an attribute, or what is asked of the account at hand."""
        match leaf.term:
            case OfAccount(term=asked):
                self.accounts.setdefault(Leaf(asked, leaf.at), f"a{len(self.accounts)}")
            case Attribute(entity=entity) if entity in PORTFOLIO_SUBJECTS:
                return  # constant: a column of the universe
            case Attribute() as term:
                self.view(term.entity, leaf.at).columns[term.name, "value"] = term
            case Turned() as term:
                self.view(term.entity, leaf.at).columns[term.name, term.aspect] = term


def make_plan(items: Iterable[tuple[Term, Instant]], *, wide_only: bool = False, rollup: Rollup | None = None) -> Plan:
    """The plan for terms as of instants. `wide_only` leaves the tall passes out: a yardstick for tests and benches.

    rollup: what can be read of old events without reading them; None for nothing.
    """
    planner = _Planner(wide_only, rollup)
    for term, at in items:
        planner.add(term, at)
    planner.plan.groups = sorted(planner.groups.values(), key=lambda group: group.level)
    return planner.plan


class _Planner:
    """A plan under way. levels: of the leaves that are planned, the level from which on each can be read."""

    def __init__(self, wide_only: bool, rollup: Rollup | None) -> None:
        self.wide_only, self.rollup = wide_only, rollup
        self.plan = Plan()
        self.groups: dict[tuple[object, ...], Group] = {}
        self.levels: dict[Leaf, int] = {}

    def add(self, term: Term, at: Instant) -> int:
        """Plan the leaves of a term; gives the level from which on it can be computed."""
        return max((self._leaf(leaf) for leaf in leaves(term, at)), default=0)

    def _leaf(self, leaf: Leaf) -> int:
        if leaf in self.levels:
            return self.levels[leaf]
        self.plan.read(leaf)
        self.levels[leaf] = 0
        match leaf.term:
            case Aggregated() as term:
                self.levels[leaf] = 1 + self._aggregate(term, leaf)
            case Operation(name="slope" | "once" as name, arguments=parts):
                level = max(self.add(part, leaf.at) for part in parts)
                kind: Literal["slopes", "once"] = "once" if name == "once" else "slopes"
                self._join((kind, leaf.at, level), Group(kind, "", leaf.at, with_subject=False, level=level), leaf)
                self.levels[leaf] = 1 + level
        return self.levels[leaf]

    def _join(self, key: tuple[object, ...], fresh: Group, leaf: Leaf) -> None:
        """Put a leaf into the group of that key: the fresh one where there is none."""
        self.groups.setdefault(key, fresh).members.append(leaf)

    def _aggregate(self, term: Aggregated, leaf: Leaf) -> int:
        """Plan an aggregate and what it looks at; gives the level at which its pass runs."""
        anchor = term.window.anchor if term.window else None
        level = self.add(anchor, leaf.at) if anchor is not None else 0
        looks_at_subject = False
        for part in own(term.where) if term.where is not None else ():
            if isinstance(part, (Attribute, Turned)) and not getattr(part, "of_row", False):
                looks_at_subject = True
                self._leaf(Leaf(part, leaf.at))
        for each in of_accounts(term):
            self.plan.read(Leaf(each, leaf.at))
        if COLLECTIONS[term.collection].name == "people":  # rows of people are a view themselves
            _people_columns(self.plan, term, leaf.at)
        if isinstance(leaf.at, Point) and not self.wide_only and (split := streamed(term)) is not None:
            self._stream(term, leaf, level, split)
        else:
            self._pass(term, leaf, level, looks_at_subject)
        return level

    def _stream(self, term: Aggregated, leaf: Leaf, level: int, split: Split) -> None:
        """An aggregate as of a point that one stream of rows serves."""
        kind: Literal["stream", "distinct_stream"] = "distinct_stream" if term.function == "distinct" else "stream"
        column, sessions = term.column if kind == "distinct_stream" else None, reads_sessions(term)
        rolled = self.rollup.of(term, leaf.at, split.rest, split.equal) if self.rollup is not None else None
        key = (kind, term.collection, split.equal, column, term.window is not None, rolled, sessions)
        self._join(key, Group(kind, term.collection, None, False, level, split.equal, rolled, sessions), leaf)

    def _pass(self, term: Aggregated, leaf: Leaf, level: int, looks_at_subject: bool) -> None:
        """Any other aggregate: in a pass with those that read the same rows in the same way."""
        kind = "wide" if self.wide_only or isinstance(leaf.at, Point) else _kind(term)
        at, sessions = leaf.at if kind == "wide" else None, reads_sessions(term)
        # A distinct pass groups by one column's values, so each column has its own. What looks at all history has a pass of
        # its own, so that the others read only as far back as their windows reach.
        column = term.column if kind == "distinct" else None
        bounded = kind != "wide" and term.window is not None
        # Rows that anchored windows alone look at are first cut down to what these reach.
        anchored = term.window is not None and term.window.anchor is not None
        reached = not self.wide_only and kind == "wide" and anchored and term.collection in TALL_COLLECTIONS
        rolled = self.rollup.of(term, leaf.at, term.where) if self.rollup is not None and kind == "tall" else None
        key = (kind, term.collection, at, looks_at_subject, level, column, bounded, reached, rolled, sessions)
        self._join(key, Group(kind, term.collection, at, looks_at_subject, level, rolled=rolled, sessions=sessions), leaf)


def leaves(term: Term, at: Instant) -> Iterator[Leaf]:
    """What a term reads from the facts, not looking into filters and anchors of aggregates."""
    match term:
        case Attribute() | Turned() | Aggregated() | OfAccount() | Back() | Operation(name="slope" | "once"):
            yield Leaf(term, at)
        case Ago(operand=operand, length=length):
            yield from leaves(operand, back(at, length))
        case Market():
            return
        case _:
            for child in term.children():
                yield from leaves(child, at)


def of_accounts(term: Aggregated) -> Iterator[OfAccount]:
    """What an aggregate over accounts asks each of them."""
    for part in (term.column, term.where):
        yield from (each for each in (own(part) if part is not None else ()) if isinstance(each, OfAccount))


def _people_columns(plan: Plan, term: Aggregated, at: Instant) -> None:
    view = plan.view("person", at)
    for part in (*walk(term.column or Const("null", None)), *(walk(term.where) if term.where is not None else ())):
        match part:
            case Column(collection="people", name=name) if name not in ("age", "open"):
                view.columns[name, "value"] = part
            case Turned(of_row=True) as turned:
                view.columns[turned.name, turned.aspect] = turned
    closing = COLLECTIONS["people"].closing
    assert closing is not None
    view.columns.setdefault((closing, "value"), Column("time", "people", closing))


def _kind(term: Aggregated) -> Literal["tall", "distinct", "wide"]:
    """Which pass an aggregate can be part of."""
    bounded = term.window is None or term.window.kind == "last"
    if term.collection not in TALL_COLLECTIONS or not bounded or not _timeless(term.where):
        return "wide"
    column = term.column
    if column is not None and not (isinstance(column, Column) and column.name not in ("age", "account_id")):
        return "wide"
    if term.function == "distinct":
        return "distinct"
    if term.function in TALL_FUNCTIONS and (column is None or column.name != "person_id"):
        return "tall"
    return "wide"


@dataclass(frozen=True)
class Split:
    """A filter taken apart for a stream.

    rest:   what the row alone decides, or None.      equal: columns that equal those of the triggering row.
    strict: only rows that started before the triggering one.
    """

    rest: Term | None
    equal: tuple[str, ...]
    strict: bool


def streamed(term: Aggregated) -> Split | None:
    """How an aggregate can be summed over time as of points; None where its rows have to be met with each point."""
    if term.collection not in TALL_COLLECTIONS or not (term.window is None or term.window.kind == "last"):
        return None
    column = term.column
    if term.function not in (*TALL_FUNCTIONS, "distinct"):
        return None
    if column is not None and not (isinstance(column, Column) and column.name not in ("age", "account_id")):
        return None
    if column is not None and column.name == "person_id" and term.function != "distinct":
        return None
    conjuncts = conjunction(term.where)
    equal, rest, strict = [], [], False
    for each in conjuncts:
        pair = _equality(each)
        if pair is not None:
            equal.append(pair)
        elif _before_given(each, term.collection):
            strict = True
        elif _timeless(each):
            rest.append(each)
        else:
            return None
    whole = None if not rest else rest[0] if len(rest) == 1 else Operation("boolean", "and", tuple(rest))
    return Split(whole, tuple(sorted(equal)), strict)


def conjunction(where: Term | None) -> list[Term]:
    """The parts of a filter that all have to be true."""
    if where is None:
        return []
    if isinstance(where, Operation) and where.name == "and":
        return [part for each in where.arguments for part in conjunction(each)]
    return [where]


def _equality(test: Term) -> str | None:
    """The column of `column = event.column`, text with text; None for any other test."""
    match test:
        case Operation(name="=", arguments=(Column() as column, Given() as given) | (Given() as given, Column() as column)):
            same = column.name == given.name and column.collection == given.collection
            return column.name if same and column.type == given.type == "text" and column.name != "account_id" else None
    return None


def _before_given(test: Term, collection: str) -> bool:
    """Whether a test is `at < event.at`, of the collection's own start."""
    start = COLLECTIONS[collection].start
    match test:
        case Operation(name="<", arguments=(Column(name=left), Given(collection=of, name=right))):
            return left == right == start and of == collection
        case Operation(name=">", arguments=(Given(collection=of, name=left), Column(name=right))):
            return left == right == start and of == collection
    return False


def row_alone(where: Term) -> bool:
    """Whether a filter looks at nothing but the row."""
    return all(not isinstance(part, (Attribute, Turned, Aggregated, Ago, Market, Given)) for part in walk(where))


def _timeless(where: Term | None) -> bool:
    """Whether a filter looks at the row alone, so that it says the same at every moment."""
    if where is None:
        return True
    for part in walk(where):
        match part:
            case Column(name=name):
                if name in ("age", "account_id"):
                    return False
            case Operation(name=name):
                if name not in TIMELESS_OPERATIONS:
                    return False
            case Const() | Property():
                continue
            case _:
                return False
    return True
