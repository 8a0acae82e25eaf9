"""What set the row triggers off in a stretch of time: rows of events and collections, changes of attributes, crossings."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

import numpy as np
import pyarrow.compute as pc

from tocsin.core.language import FormulaError, Value, check, nodes, parse
from tocsin.core.language.terms import Attribute, Column, Const, Given, Operation, Term
from tocsin.core.moment import floor_day, iso
from tocsin.core.rules import Rule
from tocsin.core.schema import COLLECTIONS
from tocsin.engine.asking import Asked, asked_together
from tocsin.engine.cases import all_of, any_of, given_collection, is_wanted, named_by, of_health, row_filter
from tocsin.engine.evidence import Places, Values
from tocsin.engine.explaining import Answers, Match, instants_of, match_of, moments_of, subject_ids, true_places
from tocsin.engine.health_history import turns
from tocsin.engine.plan import conjunction, row_alone
from tocsin.engine.sql.changes import Changes
from tocsin.engine.sql.sources import ENDS, EveryMoment, OfRows, OwnMoments

if TYPE_CHECKING:
    import pyarrow as pa

    from tocsin.engine.book import Book
    from tocsin.engine.sql.points import Source

ROWS = ("event", "new", "change")  # as of the row's own start
CROSSINGS = ("enter", "leave")  # as of the moments that are asked about
TRIGGERED = (*ROWS, *CROSSINGS)


@dataclass(frozen=True)
class Stretch:
    """Which rows are asked about: those that started in (after, until].

    moments: the moments of looking, ascending, the last one `until`: crossings and changes of health are between two of them.
    live:    rule id -> when it was published: only rows that arrived after that and in time (`late`), those included that may
             have arrived since `after` although they started before it. A change counts where it happened after that.
    arrived: only rows that arrived after this; changes of attributes are asked for as without it.
    """

    after: datetime
    until: datetime
    moments: Sequence[datetime] = ()
    live: Mapping[str, datetime] | None = None
    arrived: datetime | None = None


@dataclass(frozen=True)
class Occurrences:
    """What occurred: matches by rule, subject and moment, and rule id -> why it could not be judged."""

    matches: tuple[Match, ...]
    unknown: Mapping[str, str]


def occurrences(book: Book, rules: Iterable[Rule], stretch: Stretch, *, accounts: Collection[str] | None = None) -> Occurrences:
    """What set off the rules with a row trigger; other rules are passed over. A query for each rule that any row may set off.

    A match's `as_of` is the row's start (of a crossing the moment at which it was seen), its `key` names the row. Nothing
    of `collapse`, `cooldown` and `expires` is applied here.
    """
    found: list[Match] = []
    unknown: dict[str, str] = {}
    for rule in rules:
        if rule.trigger.kind not in TRIGGERED:
            continue
        try:
            found += (
                _crossings(book, rule, stretch, accounts)
                if rule.trigger.kind in CROSSINGS
                else _rows(book, rule, stretch, accounts)
            )
        except FormulaError as error:
            unknown[rule.id] = str(error)
    found.sort(key=lambda match: (match.rule.id, match.subject_id, match.as_of, match.key))
    return Occurrences(tuple(found), unknown)


# Rows and changes


def still(book: Book, rule: Rule, keys: Collection[str], until: datetime) -> list[Match]:
    """Of the rows of an event or new-row rule with these ids, those that set it off by what is known as of a moment."""
    collection = given_collection(rule)
    assert collection is not None
    among = Operation("boolean", "among", (Column("text", collection, "id"), *(Const("text", key) for key in sorted(keys))))
    source = OfRows(rule.subject, collection, None, until, where=among, deleted=_sees_deleted(rule))
    return _judged(book, rule, source)


def _rows(book: Book, rule: Rule, stretch: Stretch, accounts: Collection[str] | None) -> list[Match]:
    """The rows of a rule, each judged as of its own start, all in one query; none where no row can set it off."""
    if of_health(rule):
        return _health_turned(book, rule, stretch, accounts)
    source = _source(book, rule, stretch, accounts)
    # Where it is told what has just arrived, there is something to look at.
    return _judged(book, rule, source) if stretch.arrived is not None or book.points([], source).num_rows else []


def _health_turned(book: Book, rule: Rule, stretch: Stretch, accounts: Collection[str] | None) -> list[Match]:
    """The changes of health between the moments of looking and the starts of days, each judged as of where it was seen."""
    after = stretch.moments[0] if stretch.moments else stretch.after
    published = (stretch.live or {}).get(rule.id, after)
    line = {*stretch.moments, after, max(floor_day(stretch.until, book.store.zone), after)}
    found = turns(book, str(rule.trigger.spec["change"]), sorted(line), accounts)
    wanted = {
        (turn.account_id, turn.at): (turn.before, turn.after)
        for turn in found
        if turn.at > published and is_wanted(rule, turn.before, turn.after)
    }
    return _judged(book, rule, OwnMoments(rule.subject, sorted(wanted)), wanted) if wanted else []


def _judged(
    book: Book, rule: Rule, source: Source, changed: Mapping[tuple[str, datetime], tuple[Value, Value]] | None = None
) -> list[Match]:
    """The matches at points. changed: (subject, moment) -> the values before and after, where no formula tells them."""
    places, asked = book.once([rule], asked_together)
    given = _given(rule)
    terms = list(places.terms)
    table = book.points(terms, source, where=any_of([each.case.fires for each in asked]), given=given)
    matches = []
    for each in asked:
        indices = true_places(table, each.fires)
        if not indices:
            continue
        fired = table.take(indices)
        ids, moments = subject_ids(fired, rule.subject), moments_of(fired)
        answers: Sequence[Values] = Answers(fired, range(len(ids)), each.told_places)
        if changed is not None and each.changed is not None:
            pairs = [changed[key] for key in zip(ids, moments, strict=True)]
            answers = [_with(row, each, pair) for row, pair in zip(answers, pairs, strict=True)]
        found = [match_of(each, ids[row], answers, row, moments[row]) for row in range(len(ids))]
        matches += _marked(found, rule, fired)
    return matches


def _with(row: Values, asked: Asked, pair: tuple[Value, Value]) -> Values:
    """The values of a row, with those before and after a change put in."""
    assert asked.changed is not None
    return {place: row[place] for place in asked.told_places} | dict(zip(asked.changed, pair, strict=True))


def _marked(found: Sequence[Match], rule: Rule, table: pa.Table) -> list[Match]:
    """The matches of the table's rows with the key of each row, the event behind it, and when the row ends."""
    if rule.trigger.kind == "change":
        return [replace(match, key=iso(match.as_of)) for match in found]
    row_ids = table.column("given.id").to_pylist()
    ends = instants_of(table.column(f"given.{ENDS}")) if f"given.{ENDS}" in table.column_names else [None] * len(found)
    of_event = rule.trigger.kind == "event"
    return [
        replace(match, key=row_id or iso(match.as_of), event_id=row_id if of_event else None, ends_at=end)
        for match, row_id, end in zip(found, row_ids, ends, strict=True)
    ]


def _given(rule: Rule) -> list[Given]:
    """What of the triggering row is answered beside the formulas: its id, and when it ends."""
    collection = given_collection(rule)
    if collection is None:
        return []
    ends = [Given("time", collection, ENDS)] if closes_itself(rule) else []
    return [Given("text", collection, "id"), *ends]


def between_looks(rule: Rule) -> bool:
    """Whether the rule is set off between two moments of looking, and not at an instant of its own."""
    return rule.trigger.kind in CROSSINGS or of_health(rule)


def closes_itself(rule: Rule) -> bool:
    """Whether the alerts of a new-row rule close when the row's end column is set."""
    return rule.trigger.kind == "new" and COLLECTIONS[str(rule.trigger.spec["new"])].closing is not None


def _source(book: Book, rule: Rule, stretch: Stretch, accounts: Collection[str] | None) -> Source:
    after, late, published = stretch.after, None, None
    if stretch.live is not None:
        late, published = late_of(rule), stretch.live.get(rule.id, after)
        after -= late
    deleted = _sees_deleted(rule)
    if rule.trigger.kind == "change":
        attribute = check(nodes.Path(nodes.NOWHERE, str(rule.trigger.spec["change"])), rule.subject, book.names)
        assert isinstance(attribute, Attribute)
        after = after if published is None else max(after, published)
        return Changes(rule.subject, attribute, after, stretch.until, accounts=accounts, deleted=deleted)
    collection = given_collection(rule)
    assert collection is not None
    if late is not None and stretch.arrived is not None:
        # A row that arrived in time after `arrived` started no earlier than this, however long it took to be looked at.
        after = min(after, stretch.arrived - late)
    where = _of_rows_alone(book, rule, collection)
    return OfRows(
        rule.subject,
        collection,
        after,
        stretch.until,
        where=where,
        late=late,
        arrived=max((each for each in (published, stretch.arrived) if each is not None), default=None),
        accounts=accounts,
        deleted=deleted,
    )


DEFAULT_LATE = timedelta(hours=48)


def late_of(rule: Rule) -> timedelta:
    """How late a row may arrive and still set the rule off."""
    return rule.late if rule.late is not None else DEFAULT_LATE


def _sees_deleted(rule: Rule) -> bool:
    return rule.subject != "person" or "deleted_at" in named_by(rule)


def _of_rows_alone(book: Book, rule: Rule, collection: str) -> Term | None:
    """What the row alone decides of the filter, so that other rows are no points at all; the rest is judged with the points.

    Parameters may differ by segment: what holds a parameter that `vary` changes is left to the points.
    """
    written = row_filter(rule)
    if written is None:
        return None
    varied = {name for variant in rule.vary for name in variant.params}
    node = parse(written)
    parts = node.operands if isinstance(node, nodes.And) else (node,)
    kept: list[Term] = []
    for part in parts:
        if varied & {each.name for each in _parameters(part)}:
            continue
        term = check(part, rule.subject, book.names, rule.params, "boolean", row=collection)
        kept += [each for each in conjunction(term) if row_alone(each)]
    return all_of(kept) if kept else None


def _parameters(node: object) -> Iterable[nodes.Parameter]:
    if isinstance(node, nodes.Parameter):
        yield node
    elif isinstance(node, tuple):
        for each in node:
            yield from _parameters(each)
    elif isinstance(node, nodes.Node):
        for name in node.__dataclass_fields__:
            yield from _parameters(getattr(node, name))


# Crossings: into a segment, and out of it


def _crossings(book: Book, rule: Rule, stretch: Stretch, accounts: Collection[str] | None) -> list[Match]:
    """Who came into the segment, or left it, between two moments of looking."""
    moments = [moment for moment in stretch.moments if moment <= stretch.until]
    if len(moments) < 2:
        return []
    places, asked = book.once([rule], asked_together)
    inside = check(nodes.Path(nodes.NOWHERE, str(rule.trigger.spec[rule.trigger.kind])), rule.subject, book.names)
    truths = [inside, *(each.case.fires for each in asked)]
    deleted = rule.subject == "person" and "deleted_at" in named_by(rule)
    source = EveryMoment(rule.subject, moments, accounts=accounts, deleted=deleted)
    table = book.points(truths, source)
    fires = [pc.fill_null(table.column(f"f{number}"), False).to_pylist() for number in range(1, len(truths))]
    rows = _turned(table, rule, moments)
    where = zip(rows, subject_ids(table, rule.subject, rows), strict=True)
    seen = moments_of(table)
    crossed = [(subject, seen[row], number) for row, subject in where for number, each in enumerate(fires) if each[row]]
    return _explained(book, rule, places, asked, crossed, deleted=deleted)


def _turned(table: pa.Table, rule: Rule, moments: Sequence[datetime]) -> list[int]:
    """The rows, by subject and moment, in which f0 has come to hold (`enter`), or to hold no more (`leave`)."""
    place_of = {moment: place for place, moment in enumerate(moments)}
    places = np.array([place_of[at] for at in moments_of(table)], dtype=np.int64)
    subjects = np.array(subject_ids(table, rule.subject), dtype=object)
    within = pc.fill_null(table.column("f0"), False).to_numpy()
    was = np.zeros(len(places), dtype=np.bool_)
    # Who was not there at the moment before was in no segment then.
    was[1:] = within[:-1] & (subjects[1:] == subjects[:-1]) & (places[1:] == places[:-1] + 1)
    turned = within & ~was if rule.trigger.kind == "enter" else was & ~within
    return np.flatnonzero(turned & (places > 0)).tolist()


def _explained(
    book: Book,
    rule: Rule,
    places: Places,
    asked: Sequence[Asked],
    crossed: Sequence[tuple[str, datetime, int]],
    *,
    deleted: bool,
) -> list[Match]:
    """The matches of subjects at moments, each by the case that fired: one more query, of them alone."""
    if not crossed:
        return []
    terms = list(places.terms)
    only = sorted({subject for subject, _, _ in crossed})
    source = EveryMoment(rule.subject, sorted({at for _, at, _ in crossed}), only=only, deleted=deleted)
    table = book.points(terms, source)
    ids = subject_ids(table, rule.subject)
    place = {key: index for index, key in enumerate(zip(ids, moments_of(table), strict=True))}
    indices = [place[subject, at] for subject, at, _ in crossed]
    answers = Answers(table, indices, frozenset().union(*(each.told_places for each in asked)))
    return [
        replace(match_of(asked[number], subject, answers, row, at), key=iso(at))
        for row, (subject, at, number) in enumerate(crossed)
    ]
