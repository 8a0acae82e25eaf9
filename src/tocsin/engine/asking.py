"""What is asked of the facts for a case of a rule, and the match that the answers make: message, evidence, what clears it."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pyarrow.compute as pc

from tocsin.core import messages
from tocsin.core.language import FormulaError, Node, Value, check, clears, english, nodes, parse
from tocsin.core.language.terms import Entity
from tocsin.core.language.words import collection_words, duration_words, name_words
from tocsin.core.moment import iso
from tocsin.core.plain import plain
from tocsin.core.rules import Rule
from tocsin.core.schema import COLLECTIONS, PORTFOLIO_SUBJECTS
from tocsin.engine.cases import Case, before_of, given_collection, step_reached
from tocsin.engine.evidence import Evidence, Line, Places, lines
from tocsin.engine.inscope import in_scope

if TYPE_CHECKING:
    import pyarrow as pa

    from tocsin.engine.book import Book

REPEATS = "repeats"  # the formula of the line of evidence that counts rows
ALWAYS_TOLD: Mapping[Entity, tuple[str, ...]] = {
    "account": ("id", "name"),
    "person": ("id", "name", "email", "role"),
    "csm": ("id", "name", "email"),
    "team": ("id", "name"),
    "company": ("id",),
}


@dataclass(frozen=True)
class Match:
    """A subject for whom a rule's scope and condition hold as of a moment.

    account_id: the account that the subject is or belongs to; None of a CSM, a team, the company.
    clears:     in English, what would clear the alert.
    key:        tells alerts of one rule and subject apart: of a countdown its date, of a row trigger the row; else ''.
    step:       the step of a countdown; else None.
    event_id:   the event behind an event rule's alert; else None.
    ends_at:    when the triggering row ended or is to end, if that closes the alert; None where it is not known to.
    count:      how many rows it stands for: repeats within `collapse`.
    """

    rule: Rule
    kind: str
    subject_id: str
    account_id: str | None
    as_of: datetime
    message: str
    evidence: tuple[Evidence, ...]
    clears: str
    key: str = ""
    step: int | str | None = None
    event_id: str | None = None
    ends_at: datetime | None = None
    count: int = 1

    def to_json(self) -> dict[str, Any]:
        """The match as `tocsin evaluate --format json` shows it."""
        return {
            "rule": self.rule.id,
            "category": self.rule.category,
            "severity": self.rule.severity,
            "subject": {"kind": self.kind, "id": self.subject_id},
            "account_id": self.account_id,
            "as_of": iso(self.as_of),
            "message": self.message,
            "evidence": [line.to_json() for line in self.evidence],
        }


@dataclass(frozen=True)
class Told:
    """What a message may tell: attribute or signal -> place. ours: attributes of a CSM, a team or the company."""

    account: Mapping[str, int]
    person: Mapping[str, int]
    observed: Mapping[str, int]
    row: Mapping[str, int]
    ours: Mapping[str, int]


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


@dataclass(frozen=True)
class Counted:
    """The places of what a countdown counts: the days left, and the date."""

    left: int
    date: int


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
        [_of_row(line, rule) for formula, node in shown for line in lines(formula, node, case.params, place)],
        _told(book, case, place),
        _clearing(case),
        places.of(case.alive),
        Counted(places.of(case.left), places.of(case.date)) if case.left is not None and case.date is not None else None,
        changed,
    )


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


def repeated(match: Match, count: int, latest: datetime) -> Match:
    """The match, standing for so many rows: repeats within `collapse` are counted in its evidence."""
    if count < 2:
        return match
    said = f"it happened {count} times, the last time on {messages.said(latest)}"
    return replace(match, count=count, evidence=(*match.evidence, Evidence(REPEATS, said, count, ">", 1)))


def subject_ids(table: pa.Table, subject: str) -> list[str]:
    """The ids of a table's subjects; of a feature `account_id/feature`."""
    if subject != "feature":
        return table.column("subject_id").to_pylist()  # type: ignore[no-any-return]
    pairs = zip(table.column("account_id").to_pylist(), table.column("feature").to_pylist(), strict=True)
    return [f"{account}/{feature}" for account, feature in pairs]


def true_places(table: pa.Table, place: int) -> list[int]:
    """The rows in which a truth holds; null does not."""
    column = pc.fill_null(table.column(f"f{place}"), False)
    return pc.indices_nonzero(column).to_pylist()  # type: ignore[no-any-return]


# Why


def explained(table: pa.Table, width: int, asked: Sequence[Asked], ids: Sequence[str], moment: datetime) -> list[Match]:
    """The matches with their evidence; only rows of subjects for whom something fired become Python values."""
    fired = [(each, true_places(table, each.fires)) for each in asked]
    needed = sorted({index for _, indices in fired for index in indices})
    rows = dict(zip(needed, rows_of(table.take(needed), width), strict=True)) if needed else {}
    return [match_of(each, ids[index], rows[index], moment) for each, indices in fired for index in indices]


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


def rows_of(table: pa.Table, width: int) -> list[list[Value]]:
    """The values f0, f1, ... of each row; instants are aware."""
    columns = [table.column(f"f{index}").to_pylist() for index in range(width)]
    return [_utc(row) for row in zip(*columns, strict=True)]


def _utc(row: tuple[Any, ...]) -> list[Value]:
    return [value.replace(tzinfo=UTC) if isinstance(value, datetime) else value for value in row]


def match_of(asked: Asked, subject: str, values: list[Value], moment: datetime) -> Match:
    """The match of a subject (or row), given the values of all terms asked for."""
    case, told = asked.case, asked.told
    kind = case.rule.subject
    evidence = tuple(line for each in asked.lines if (line := each.observed(values)) is not None)
    key, step = "", None
    if asked.counted is not None:
        left, date = values[asked.counted.left], values[asked.counted.date]
        step = step_reached(_number(left), case.steps, overdue=bool(case.rule.trigger.spec.get("overdue")))
        key = str(plain(date))
        evidence = (_counting(case, left, date, step),)
    if asked.changed is not None:
        before, now = (values[place] for place in asked.changed)
        evidence = (_changing(case, before, now), *evidence)
    account = {name: values[place] for name, place in told.account.items()}
    person = {name: values[place] for name, place in told.person.items()}
    observed = {line.formula: line.value for line in evidence} | {name: values[at] for name, at in told.observed.items()}
    account_id = None if account.get("id") is None else str(account["id"])
    message = messages.render(
        case.rule,
        account=account,
        person=person or None,
        feature=subject.removeprefix(f"{account_id}/") if kind == "feature" else None,
        params=case.params,
        observed=observed,
        row={name: _opened(name, values[place]) for name, place in told.row.items()},
        ours={name: values[place] for name, place in told.ours.items()} or None,
        value=evidence[0].value if evidence else None,
        threshold=evidence[0].threshold if evidence else None,
        as_of=moment,
    )
    return Match(case.rule, kind, subject, account_id, moment, message, evidence, asked.clearing, key, step)


def _opened(name: str, value: Value) -> Any:
    """The value of a column as a message sees it: properties one by one, not as the text of their JSON."""
    return json.loads(value) if name == "properties" and isinstance(value, str) else value


def _number(value: Value) -> float | None:
    return float(value) if isinstance(value, (int, float)) and not isinstance(value, bool) else None


def _counting(case: Case, left: Value, date: Value, step: int | str | None) -> Evidence:
    """The line of a countdown: the days that are left, and the step they are in."""
    named = str(case.rule.trigger.spec["countdown"])
    words = name_words(named.rpartition(".")[2])
    days = _number(left) or 0.0
    said = f"{words} is {duration_words(timedelta(days=abs(days)))} {'past' if days < 0 else 'ahead'}, on {messages.said(date)}"
    threshold = 0 if step == "overdue" else step
    return Evidence(f"days_until({named})", said, left, "<" if step == "overdue" else "<=", threshold, f"{words} moves on")


def _changing(case: Case, before: Value, now: Value) -> Evidence:
    """The line of a change: the value before and now."""
    attribute = str(case.rule.trigger.spec["change"])
    said = f"{name_words(attribute)} changed from {_or_none(before)} to {_or_none(now)}"
    return Evidence(attribute, said, now, "changed from", before, "")


def _or_none(value: Value) -> str:
    return "none" if value is None else messages.said(value)
