"""Whether each rule can speak, in words: what it lacks, as far as that can be seen from the facts as a whole.

A rule that is silent because nothing is wrong looks like one that has nothing to look at. Here they are told apart: a rule is
ready unless its condition cannot come true (or, of one that looks for absence, could only come true for want of data).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import TYPE_CHECKING, Literal, get_args

from tocsin.core.language import FormulaError, Value, check, nodes
from tocsin.core.language.terms import Aggregated, Term, walk
from tocsin.core.rules import Rule
from tocsin.engine.cases import Case, cases, given_collection
from tocsin.engine.milestones import MILESTONES
from tocsin.engine.obstacles import Obstacle, Reading
from tocsin.engine.occurring import Asked, World, world

if TYPE_CHECKING:
    from tocsin.engine.book import Book

State = Literal["ready", "needs data", "needs a choice", "matches nobody", "waits for a forecast", "cannot be read"]
STATES: tuple[State, ...] = get_args(State)
READY_SAYS = "it has everything that it asks for"
IN_PART = "a segment of `vary` fits nobody"
MENDS = "a value map in columns.yaml mends it"
# Where a rule lacks several things, what has to be mended first.
FIRST = ("data", "choice", "value", "forecast")
_STATES: Mapping[str, State] = {
    "data": "needs data",
    "choice": "needs a choice",
    "value": "matches nobody",
    "forecast": "waits for a forecast",
}
MOST_TOLD = 2
FILLED = "chosen"  # stands for a choice while it is asked which of several is missing


@dataclass(frozen=True, slots=True)
class Readiness:
    """Whether a rule can speak. says: why not, or for whom not, in one sentence without a full stop."""

    state: State
    says: str

    def to_json(self) -> dict[str, str]:
        """As `tocsin rules list --format json` gives it."""
        return {"state": self.state, "says": self.says}


@dataclass(frozen=True)
class _Part:
    """A case of a rule as terms. whole: everything that must hold; condition: without whom it is about."""

    whole: tuple[Term, ...]
    condition: tuple[Term, ...]


def readiness(book: Book, rules: Sequence[Rule], moment: datetime) -> dict[str, Readiness]:
    """Rule id -> whether it can speak as of a moment, for rules in any state. A constant number of queries."""
    parts: dict[str, list[_Part]] = {}
    found: dict[str, Readiness] = {}
    asked = Asked()
    for rule in rules:
        try:
            parts[rule.id] = _parts(book, rule)
        except FormulaError as error:
            found[rule.id] = Readiness("cannot be read", str(error))
            continue
        for part in parts[rule.id]:
            asked.note(part.whole)
        collection = given_collection(rule)
        if collection is not None:
            asked.columns.setdefault(collection, set())
    known = world(book, asked, moment)
    for rule in rules:
        if rule.id not in found:
            found[rule.id] = _judged(book, rule, parts[rule.id], known)
    return found


def groundless(book: Book, rules: Sequence[Rule]) -> dict[str, str]:
    """Rule id -> what there is none of, of rules with `when` alone that hold for anybody only for want of it.

    A collection without any rows says nothing of anybody, and so nothing of who was silent. One query.
    """
    rows = book.store.counts()
    if book.templates:
        rows[MILESTONES] = max(rows.get(MILESTONES, 0), 1)
    if all(rows.values()):
        return {}
    reading = Reading(World(rows, {}, {}, None), tolerance=0)
    found: dict[str, str] = {}
    for rule in rules:
        if rule.trigger.kind == "when":
            lacking = [_lacks(rule, part, reading) for part in _parts(book, rule)]
            if all(lacking) and (said := [each.says for each in lacking[-1] if each.kind == "data"]):
                found[rule.id] = said[0]
    return found


def _judged(book: Book, rule: Rule, parts: Sequence[_Part], known: World) -> Readiness:
    """What the rule lacks in the segment for which it lacks least; of segments alike, for those of no segment."""
    reading = Reading(known, tolerance=book.surroundings.churn_tolerance)
    lacking = [_lacks(rule, part, reading) for part in parts]
    if not all(lacking):
        worded = dict.fromkeys(each.says for some in lacking for each in some if each.worded)
        return Readiness("ready", f"{'; '.join([IN_PART, *worded])}; {MENDS}" if worded else READY_SAYS)
    obstacles = lacking[-1]
    kind = next(each for each in FIRST if any(one.kind == each for one in obstacles))
    if kind == "choice" and (names := _choices(book, rule)):
        said = [f"{_listed([f'`{name}`' for name in names])} {'is' if len(names) == 1 else 'are'} empty: say what under `with`"]
    else:
        said = list(dict.fromkeys(each.says for each in obstacles if each.kind == kind))
    more = [f"and {len(said) - MOST_TOLD} more"] if len(said) > MOST_TOLD else []
    mends = [MENDS] if any(each.mapped for each in obstacles if each.kind == kind) else []
    return Readiness(_STATES[kind], "; ".join([*said[:MOST_TOLD], *more, *mends]))


def _lacks(rule: Rule, part: _Part, reading: Reading) -> list[Obstacle]:
    collection = given_collection(rule)
    rows = reading.of_collection(collection) if collection is not None else []
    found = [*rows, *(each for term in part.whole for each in reading.never_true(term))]
    firm = [each for each in found if not each.guard]
    if firm or rule.trigger.kind != "when":
        return firm
    # `not exists(...)` beside something that has data is an exception to it; alone it is what the rule is about.
    looked_at = [each for term in part.condition for each in walk(term) if isinstance(each, Aggregated)]
    if any(not reading.of_collection(each.collection) for each in looked_at):
        return []
    return [each for term in part.condition for each in reading.never_true(term)]


def _parts(book: Book, rule: Rule) -> list[_Part]:
    """The cases of a rule, each as what must hold for it to fire."""
    return [_part(book, rule, case) for case in cases(book, rule)]


def _part(book: Book, rule: Rule, case: Case) -> _Part:
    given = given_collection(rule)
    condition = [check(node, rule.subject, book.names, case.params, given=given) for _, node in case.shown]
    whole = [case.fires]
    if case.date is not None:
        whole.append(case.date)
    if rule.trigger.kind in ("enter", "leave"):
        segment = nodes.Path(nodes.NOWHERE, str(rule.trigger.spec[rule.trigger.kind]))
        whole.append(check(segment, rule.subject, book.names))
    return _Part(tuple(whole), tuple(condition))


def _choices(book: Book, rule: Rule) -> list[str]:
    """The parameters that are empty and without which the rule is about nobody; optional ones are left out."""
    empty = [name for name, value in rule.params.items() if value in ("", None) or value == []]
    needed = []
    for name in empty:
        others: dict[str, Value] = {each: [FILLED] if rule.params[each] == [] else FILLED for each in empty if each != name}
        trial = replace(rule, params={**rule.params, **others})
        try:
            part = _parts(book, trial)[-1]
        except FormulaError:
            continue  # of another type than a text: it is not what is chosen here
        if any(each.kind == "choice" for term in part.whole for each in Reading(None).never_true(term)):
            needed.append(name)
    return needed or empty


def _listed(words: Iterable[str]) -> str:
    given = list(words)
    return f"{', '.join(given[:-1])} and {given[-1]}" if len(given) > 1 else "".join(given)
