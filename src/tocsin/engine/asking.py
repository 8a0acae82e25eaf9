"""What is asked of the facts for a case of a rule: whether it fires, and what its evidence and its message tell."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING

from tocsin.core import messages
from tocsin.core.language import FormulaError, Node, check, clears, english, nodes, parse
from tocsin.core.language.terms import Entity
from tocsin.core.language.words import collection_words, duration_words, name_words
from tocsin.core.rules import Rule
from tocsin.core.schema import COLLECTIONS, PORTFOLIO_SUBJECTS
from tocsin.engine.cases import Case, before_of, cases, given_collection
from tocsin.engine.evidence import Line, Places, lines
from tocsin.engine.inscope import in_scope

if TYPE_CHECKING:
    from tocsin.engine.book import Book

ALWAYS_TOLD: Mapping[Entity, tuple[str, ...]] = {
    "account": ("id", "name"),
    "person": ("id", "name", "email", "role"),
    "csm": ("id", "name", "email"),
    "team": ("id", "name"),
    "company": ("id",),
}


@dataclass(frozen=True)
class Told:
    """What a message may tell: attribute or signal -> place. ours: attributes of a CSM, a team or the company."""

    account: Mapping[str, int]
    person: Mapping[str, int]
    observed: Mapping[str, int]
    row: Mapping[str, int]
    ours: Mapping[str, int]

    def places(self) -> set[int]:
        """All of them."""
        return {place for part in (self.account, self.person, self.observed, self.row, self.ours) for place in part.values()}


@dataclass(frozen=True)
class Asked:
    """A case with the places of its terms in the one query: scope, condition, `clear`, evidence, what the message tells."""

    case: Case
    scope: int
    fires: int
    clears: int | None
    lines: list[Line]
    told: Told
    clearing: str
    alive: int
    counted: Counted | None = None
    changed: tuple[int, int] | None = None

    @cached_property
    def told_places(self) -> frozenset[int]:
        """The places that a match is made of: what its evidence and its message tell."""
        counted = () if self.counted is None else (self.counted.left, self.counted.date, self.counted.early)
        known = (place for place in counted if place is not None)
        return frozenset(self.told.places().union(known, self.changed or (), *(line.places for line in self.lines)))


@dataclass(frozen=True)
class Counted:
    """The places of what a countdown counts: the days left, the date, and how many days before that it counts to."""

    left: int
    date: int
    early: int | None


def asked_of(book: Book, case: Case, places: Places) -> Asked:
    """The case with everything it asks for put among the places."""
    rule = case.rule

    def place(node: Node) -> int:
        term = check(node, rule.subject, book.names, case.params, given=given_collection(rule))
        return places.of(in_scope(term, case.scope))

    shown = [] if rule.trigger.kind == "countdown" else case.shown
    changed = None
    if rule.trigger.kind == "change":
        now = nodes.Path(nodes.NOWHERE, str(rule.trigger.spec["change"]))
        changed = (place(before_of(now)), place(now))
    return Asked(
        case,
        places.of(case.scope),
        places.of(in_scope(case.fires, case.scope)),
        None if case.clears is None else places.of(case.clears),
        [
            *_crossing(book, rule, place),
            *(_of_row(line, rule) for formula, node in shown for line in lines(formula, node, case.params, place)),
        ],
        _told(book, case, place),
        _clearing(case),
        places.of(case.alive),
        _counted(case, places),
        changed,
    )


def _crossing(book: Book, rule: Rule, place: Callable[[Node], int]) -> list[Line]:
    """Why a subject is in the segment that it entered; of one that it left, that it did, and what does not hold any more.

    None of it clears the alert, which is of the crossing and closes in time.
    """
    kind = rule.trigger.kind
    if kind not in ("enter", "leave"):
        return []
    name = str(rule.trigger.spec[kind])
    formula = book.segments[name]
    node = parse(formula)
    if kind == "enter":
        found = lines(formula, node, {}, place)
    else:
        inside, true = place(nodes.Path(nodes.NOWHERE, name)), place(nodes.Literal(nodes.NOWHERE, value=True))
        left = Line(name, f"it left the segment “{name_words(name)}”", "", "!=", inside, (true,), is_list=False, truth=None)
        # What became null is neither true nor false, and no reason that could be shown.
        found = [left, *lines(formula, nodes.Not(nodes.NOWHERE, node), {}, place, certain=False)]
    return [replace(line, clears="") for line in found]


def _counted(case: Case, places: Places) -> Counted | None:
    """The places of what a countdown counts; None of other rules."""
    if case.left is None or case.date is None:
        return None
    return Counted(places.of(case.left), places.of(case.date), None if case.early is None else places.of(case.early))


def asked_together(book: Book, rules: Sequence[Rule]) -> tuple[Places, list[Asked]]:
    """The cases of rules about one kind of subject, with everything they ask for among the same places."""
    places = Places()
    return places, [asked_of(book, case, places) for rule in rules for case in cases(book, rule)]


def _of_row(line: Line, rule: Rule) -> Line:
    """The line with the triggering row called what it is: `the survey answer's score is below 5`."""
    given = given_collection(rule)
    if given is None or given == "events":
        return line
    word = f"the {collection_words(given, one=True)}'s "
    return replace(line, text=line.text.replace("the row's ", word), clears=line.clears.replace("the row's ", word))


def _clearing(case: Case) -> str:
    """In English, what closes the alert."""
    rule = case.rule
    if rule.clear:
        return english(parse(rule.clear), case.params)
    match rule.trigger.kind:
        case "when":
            return clears(case.shown[0][1], case.params)
        case "countdown":
            return f"{name_words(str(rule.trigger.spec['countdown']).rpartition('.')[2])} moves on"
        case "new" if rule.expires is None:
            closing = COLLECTIONS[str(rule.trigger.spec["new"])].closing
            return f"{name_words(closing)} is set" if closing else ""
    return f"it closes by itself {duration_words(rule.expires)} after it opened" if rule.expires else ""


def _told(book: Book, case: Case, place: Callable[[Node], int]) -> Told:
    """What the rule's message names, and what every message has."""
    template = case.rule.message or ""
    subject = case.rule.subject
    attributes: dict[Entity, dict[str, int]] = {entity: {} for entity in ALWAYS_TOLD}
    for entity, places in attributes.items():
        if entity != subject and (entity != "account" or subject in PORTFOLIO_SUBJECTS):
            continue
        named = re.findall(rf"\b{entity}\.([A-Za-z_]\w*)", template)
        for name in dict.fromkeys([*ALWAYS_TOLD[entity], *named]):
            if book.names.attribute(entity, name) is None:
                continue
            own = entity == subject or subject != "person"
            path = nodes.Path(nodes.NOWHERE, name) if own else nodes.Path(nodes.NOWHERE, "account", name)
            places[name] = place(path)
    observed = {}
    for name in sorted(_names_in(template) & book.named.keys() - case.params.keys()):
        try:
            observed[name] = place(nodes.Path(nodes.NOWHERE, name))
        except FormulaError:
            continue  # of this subject there is no such signal: the message says unknown, and the rule is judged all the same
    given, row = given_collection(case.rule), {}
    if given is not None:
        word = "event" if given == "events" else "row"
        for name in dict.fromkeys(re.findall(rf"\b{word}\.([A-Za-z_]\w*)", template)):
            if book.names.column(given, name) is not None:
                row[name] = place(nodes.Path(nodes.NOWHERE, word, name))
    ours = next((places for entity, places in attributes.items() if entity == subject and subject in PORTFOLIO_SUBJECTS), {})
    return Told(attributes["account"], attributes["person"], observed, row, ours)


def _names_in(template: str) -> frozenset[str]:
    """The names that a message uses; none where it cannot be read, so that the default message stands."""
    try:
        return messages.check_message(template, None)
    except messages.MessageError:
        return frozenset()
