"""What sets a row trigger off: new events, new rows, changes and crossings, each at its own moment and for its own subjects."""

# ruff: noqa: E501 - a case and what it finds read best on one line

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from tests.engine.facts import NOW, Rows, add, ago, day, store_of
from tocsin.core.profiles import Indicator, Profile, ProfileVersion
from tocsin.core.rulefiles import read_rules
from tocsin.core.rules import Rule
from tocsin.engine import Book, HealthModel, Match
from tocsin.engine.occurrences import Stretch, occurrences
from tocsin.facts.duckdb import DuckStore

DAY, SECOND = timedelta(days=1), timedelta(seconds=1)
SIGNALS = {"uses_7d": "count(events in last 7d)"}
SEGMENTS = {"busy": "uses_7d >= 2", "roomy": "seats > 5"}


def account(name: str, **more: Any) -> dict[str, Any]:
    return {"id": name, "name": name.title(), "created_at": ago(300), **more}


def event(name: str, of: str, days: float, **more: Any) -> dict[str, Any]:
    return {"id": name, "account_id": of, "name": "x", "at": ago(days), **more}


ROWS: Rows = {
    "accounts": [
        account("acme", tier=1, seats=10, plan="team", trial_ends_on=day(9)),
        account("bolt", tier=2, seats=5, cancel_requested_at=ago(3)),
        account("coil", tier=2, created_at=ago(7), trial_ends_on=day(-9)),
        account("gone", tier=1, churned_at=ago(5)),
        account("ours", tier=1, internal=True),
        account("subs", tier=3),
    ],
    "people": [
        {"id": "ann", "account_id": "acme", "name": "Ann", "role": "champion", "created_at": ago(100)},
        {"id": "bob", "account_id": "acme", "name": "Bob", "created_at": ago(9), "deleted_at": ago(6)},
        {"id": "staff", "account_id": "acme", "name": "Sue", "created_at": ago(8), "internal": True},
        {"id": "zoe", "account_id": "bolt", "name": "Zoe"},
    ],
    "events": [
        event("e0", "acme", 10, kind="login"),
        event("e1", "acme", 9, kind="login", minutes=5),
        event("p1", "acme", 9.5, person_id="bob", minutes=0.5),
        event("e2", "acme", 8, feature="export", person_id="ann", properties={"rows": 10}),
        event("e3", "acme", 7, feature="export", person_id="bob", properties={"rows": "10"}, minutes=20),
        event("e4", "acme", 5, feature="import", person_id="bob"),
        event("e5", "acme", 4, feature="export", person_id="staff"),
        event("e6", "acme", 3, feature="export", person_id="ann", properties={"rows": 3}),
        event("e7", "acme", 0, feature="import", person_id="nobody"),
        event("e8", "acme", -0.1, feature="export", person_id="ann"),
        event("b1", "bolt", 6.5, kind="login"),
        event("b2", "bolt", 6.25, kind="login", minutes=20),
        event("c1", "coil", 9, minutes=9),
        event("g1", "gone", 6, kind="login"),
        event("g2", "gone", 2, kind="login"),
        event("o1", "ours", 2, kind="login"),
    ],
    "tickets": [
        {"id": "t1", "account_id": "acme", "person_id": "ann", "priority": "high", "opened_at": ago(8), "resolved_at": ago(2)},
        {"id": "t2", "account_id": "acme", "also_accounts": ["acme", "bolt", "gone", "ours", "who"], "priority": "low",
         "opened_at": ago(4)},
        {"id": "t3", "account_id": "gone", "also_accounts": ["subs"], "priority": "low", "opened_at": ago(1)},
        {"id": "t4", "account_id": "acme", "priority": "low", "opened_at": ago(-1)},
    ],
    "invoices": [{"id": "i1", "account_id": "acme", "amount": 10, "issued_on": day(6), "due_on": day(-20)}],
    "surveys": [{"id": "s1", "account_id": "acme", "person_id": "ann", "kind": "nps", "score": 9, "at": ago(6)}],
    "milestones": [
        {"id": "m1", "account_id": "acme", "name": "First", "started_at": ago(6)},
        {"id": "m2", "account_id": "acme", "name": "Always there"},
    ],
    "account_history": [
        {"account_id": name, "field": field, "value": value, "at": ago(days)}
        for name, field, values in (
            ("acme", "plan", (("free", 300), ("pro", 8), ("pro", 7), ("", 5), ("team", 4), ("gone", -1))),
            ("acme", "seats", ((10, 300), (8, 8), (9, 6), (10, 4), (4, 2))),
            ("bolt", "seats", (("", 300), (8, 8), ("", 3), (5, 1))),
            ("bolt", "plan", (("free", 300), ("pro", 8))),
            ("coil", "plan", (("free", 7), ("trial", 1))),
            ("coil", "mrr", ((5, 7),)),
            ("gone", "plan", (("pro", 300), ("free", 7), ("none", 4))),
            ("ours", "plan", (("pro", 300), ("free", 7))),
            ("acme", "colour", (("red", 9),)),
        )
        for value, days in values
    ],
    "people_history": [
        {"person_id": "ann", "field": "role", "value": role, "at": ago(days)}
        for role, days in (("user", 100), ("admin", 8), ("champion", 2))
    ] + [{"person_id": "staff", "field": "role", "value": role, "at": ago(days)} for role, days in (("a", 9), ("b", 3))],
    "subscriptions": [
        {"id": "s1", "account_id": "subs", "starts_on": day(200), "ended_on": day(5), "mrr": 100, "plan": "pro"},
        {"id": "s2", "account_id": "subs", "starts_on": day(5), "mrr": 80, "plan": "lite"},
    ],
}  # fmt: skip


@pytest.fixture(scope="module")
def book(tmp_path_factory: pytest.TempPathFactory) -> Book:
    return Book(store_of(tmp_path_factory.mktemp("occurrences"), ROWS), SIGNALS, SEGMENTS)


HEAD = f"signals: {json.dumps(SIGNALS)}\nsegments: {json.dumps(SEGMENTS)}\nrules:\n  - {{id: r, name: R, category: risk, "


def rule_of(text: str, book: Book | None = None) -> Rule:
    """The rule of the fields that come after its id, name and category, as in a rule file."""
    definitions, problems = read_rules([("r.yaml", f"{HEAD}{text}}}\n")], names=book.names if book else None)
    assert problems == ()
    return definitions.rules[0]


def found(book: Book, text: str, after: float = 10, until: float = 0, looks: Sequence[float] = ()) -> tuple[Match, ...]:
    """What set the rule off in the stretch between so many days ago; looks: days ago of the moments of looking."""
    stretch = Stretch(ago(after), ago(until), [ago(each) for each in looks] or [ago(after), ago(until)])
    told = occurrences(book, [rule_of(text, book)], stretch)
    assert told.unknown == {}
    return told.matches


def keys(book: Book, text: str, **stretch: Any) -> list[str]:
    """`subject key` of each match, in their order."""
    return [f"{match.subject_id} {match.key}" for match in found(book, text, **stretch)]


def days(matches: Sequence[Match]) -> list[tuple[str, float]]:
    """(subject, days ago) of each match."""
    return [(match.subject_id, (NOW - match.as_of) / DAY) for match in matches]


# --- Events


def test_each_new_event_for_which_the_formula_is_true_fires(book: Book) -> None:
    first, second, *_ = found(book, "trigger: {event: minutes > 1}")
    assert (first.subject_id, first.account_id, first.kind) == ("acme", "acme", "account")
    assert (first.key, first.event_id, first.as_of, first.step) == ("e1", "e1", ago(9), None)
    assert (second.key, second.event_id) == ("e3", "e3")
    assert keys(book, "trigger: {event: minutes > 1}") == ["acme e1", "acme e3", "bolt b2"]


def test_a_formula_that_is_null_does_not_fire(book: Book) -> None:
    assert keys(book, "trigger: {event: not (minutes > 10)}") == ["acme p1", "acme e1"]


def test_nobody_is_there_before_they_were_created(book: Book) -> None:
    assert keys(book, "trigger: {event: minutes > 8}, where: id = 'coil'") == []
    assert keys(book, "subject: person, trigger: {event: minutes < 1}") == []
    assert keys(book, "trigger: {event: minutes < 1}") == ["acme p1"]


def test_an_event_at_the_beginning_is_out_and_one_at_the_end_is_in(book: Book) -> None:
    logins = "trigger: {event: kind = 'login'}, where: id = 'acme'"
    assert keys(book, logins, after=10, until=9) == ["acme e1"]
    assert keys(book, logins, after=10.001, until=9.001) == ["acme e0"]
    assert keys(book, logins, after=9, until=8) == []


def test_what_is_ahead_does_not_fire(book: Book) -> None:
    assert keys(book, "trigger: {event: feature is not null}", after=1) == ["acme e7"]


EVENTS = {
    "properties have the type of their JSON value": ("trigger: {event: properties.rows >= 3}", ["acme e2", "acme e6"]),
    "a text is no number": ("trigger: {event: properties.rows = '10'}", ["acme e3"]),
    "attributes of the account are seen after the columns": (
        "trigger: {event: minutes > 1 and tier = 2}", ["bolt b2"],
    ),
    "scope": ("trigger: {event: minutes > 1}, where: tier = 1", ["acme e1", "acme e3"]),
    "the row is seen in where": ("trigger: {event: minutes > 1}, where: event.minutes > seats", ["acme e3", "bolt b2"]),
    "the row is seen in when: first use": (
        "trigger: {event: feature is not null}, when: count(events where feature = event.feature) = 1", ["acme e2", "acme e4"],
    ),
    "before the event itself": (
        "trigger: {event: kind = 'login'}, when: count(events where kind = 'login' and at < event.at in last 30d) = 0",
        ["bolt b1", "gone g1"],
    ),
    "as of that event, not of now": ("trigger: {event: kind = 'login'}, when: plan = 'free'", ["acme e1", "gone g1"]),
    "a churned account is outside, from its churn on": ("trigger: {event: kind = 'login'}, where: tier = 1", ["acme e1", "gone g1"]),
    "a rule that names the status sees the churned": (
        "trigger: {event: kind = 'login'}, when: status is not null and tier = 1", ["acme e1", "gone g1", "gone g2"],
    ),
    "parameters": ("trigger: {event: minutes > $m}, with: {m: 10}", ["acme e3", "bolt b2"]),
    "parameters of the first segment that matches": (
        "trigger: {event: minutes > $m}, with: {m: 1}, vary: [{where: tier = 1, with: {m: 10}}]", ["acme e3", "bolt b2"],
    ),
    "an event of our own people is left out, one of a stranger is not": (
        "trigger: {event: feature is not null}, where: tier = 1",
        ["acme e2", "acme e3", "acme e4", "acme e6", "acme e7"],
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", EVENTS)
def test_events(case: str, book: Book) -> None:
    text, expected = EVENTS[case]
    assert keys(book, text) == expected


def test_an_event_of_a_person_fires_for_the_person_while_they_are_one(book: Book) -> None:
    text = "subject: person, trigger: {event: feature is not null}"
    assert keys(book, text) == ["ann e2", "ann e6", "bob e3"]
    (match, *_) = found(book, text)
    assert (match.kind, match.account_id, match.event_id) == ("person", "acme", "e2")
    assert keys(book, f"{text}, where: name is not null or deleted_at is null") == ["ann e2", "ann e6", "bob e3", "bob e4"]


def test_a_person_has_attributes_and_those_of_the_account(book: Book) -> None:
    text = "subject: person, trigger: {event: feature is not null}"
    assert keys(book, f"{text}, where: account.tier = 1 and role = 'admin'") == ["ann e2", "ann e6"]
    assert keys(book, f"{text}, when: count(events) = 2") == ["ann e6", "bob e3"]


def test_an_event_of_a_feature_fires_for_the_feature(book: Book) -> None:
    text = "subject: feature, trigger: {event: person_id is not null}"
    assert keys(book, text) == ["acme/export e2", "acme/export e3", "acme/export e6", "acme/import e4", "acme/import e7"]
    assert keys(book, f"{text}, when: count(events) = 1") == ["acme/export e2", "acme/import e4"]
    assert {match.account_id for match in found(book, text)} == {"acme"}


def test_the_message_tells_of_the_event(book: Book) -> None:
    told = "'{{ account.name }}: {{ event.feature }} in {{ event.minutes }} on {{ event.at }}'"
    (match,) = found(book, f"trigger: {{event: feature = 'export' and minutes > 1}}, message: {told}")
    assert match.message == "Acme: export in 20 on 24 Mar 2026 12:00 UTC"


def test_the_message_tells_of_the_events_properties(book: Book) -> None:
    told = found(
        book, "trigger: {event: properties.rows >= 3}, message: '{{ event.properties.rows }} rows, {{ event.properties.no }}'"
    )
    assert [match.message for match in told] == ["10 rows, unknown", "3 rows, unknown"]


def test_a_match_has_evidence_with_the_values_that_were_seen(book: Book) -> None:
    (match,) = found(book, "trigger: {event: minutes > $m}, when: seats > 7, with: {m: 10}, where: tier = 1")
    assert [(line.value, line.op, line.threshold) for line in match.evidence] == [(20, ">", 10), (8, ">", 7)]


# --- New rows


NEW = {
    "a row of a collection appears": ("trigger: {new: tickets}", ["acme t1", "acme t2", "bolt t2", "subs t3"]),
    "its filter": ("trigger: {new: tickets, where: priority = 'high'}", ["acme t1"]),
    "the filter sees the account too": ("trigger: {new: tickets, where: priority = 'low' and tier = 1}", ["acme t2"]),
    "it is open when it appears, whatever came later": ("trigger: {new: tickets, where: open and priority = 'high'}", ["acme t1"]),
    "the row is seen": ("trigger: {new: tickets}, when: row.priority = 'high'", ["acme t1"]),
    "as of its start": ("trigger: {new: tickets}, when: count(tickets where id = row.id) = 1, where: tier = 1", ["acme t1", "acme t2"]),
    "a ticket is seen by each account that it is tagged to": (
        "trigger: {new: tickets, where: priority = 'low'}", ["acme t2", "bolt t2", "subs t3"],
    ),
    "a rule that names the churn sees the churned": (
        "trigger: {new: tickets}, where: churned_at is not null", ["gone t2", "gone t3"],
    ),
    "a row without an end": ("trigger: {new: surveys, where: score >= 9}", ["acme s1"]),
    "a row that was always there never appears": ("trigger: {new: milestones}", ["acme m1"]),
    "a new user, also one who has left since, but none of ours": ("trigger: {new: people}", ["acme bob"]),
    "a new account": ("trigger: {new: accounts}", ["coil coil"]),
    "a new subscription": ("trigger: {new: subscriptions}", ["subs s2"]),
    "a person's": ("subject: person, trigger: {new: tickets}", ["ann t1"]),
    "a person's survey": ("subject: person, trigger: {new: surveys}, where: account.tier = 1", ["ann s1"]),
}  # fmt: skip


@pytest.mark.parametrize("case", NEW)
def test_new_rows(case: str, book: Book) -> None:
    text, expected = NEW[case]
    assert keys(book, text) == expected


def test_a_new_row_has_its_start_and_its_end_and_no_event(book: Book) -> None:
    (match,) = found(
        book, "trigger: {new: tickets, where: priority = 'high'}, message: '{{ row.priority }}: {{ account.name }}'"
    )
    assert (match.as_of, match.ends_at, match.event_id, match.account_id) == (ago(8), ago(2), None, "acme")
    assert match.message == "high: Acme"
    (low,) = found(book, "trigger: {new: tickets, where: priority = 'low'}, where: tier = 1")
    assert low.ends_at is None


def test_a_day_begins_in_the_zone_of_the_workspace(tmp_path: Path) -> None:
    store = store_of(tmp_path, {"accounts": [account("acme")], "invoices": ROWS["invoices"]}, zone="America/New_York")
    (match,) = found(Book(store, {}), "trigger: {new: invoices}")
    assert match.as_of == datetime(2026, 3, 25, 4, tzinfo=UTC)
    store.close()


# --- Changes


CHANGES: dict[str, tuple[str, list[tuple[str, float]]]] = {
    "whenever it changes, and not where an entry repeats a value": (
        "trigger: {change: plan}, where: tier = 1", [("acme", 8), ("acme", 5), ("acme", 4), ("gone", 7)],
    ),
    "to a value": ("trigger: {change: plan, to: pro}", [("acme", 8), ("bolt", 8)]),
    "from one to another": ("trigger: {change: plan, from: [free], to: [pro, team]}", [("acme", 8), ("bolt", 8)]),
    "from one of several": ("trigger: {change: plan, from: [free, pro]}, where: tier = 1", [("acme", 8), ("acme", 5), ("gone", 7)]),
    "to nothing": ("trigger: {change: plan, to: [null]}", [("acme", 5)]),
    "from nothing": ("trigger: {change: plan, from: [null]}, where: tier = 1", [("acme", 4)]),
    "from nothing, without a list": ("trigger: {change: plan, from: null}, where: tier = 1", [("acme", 4)]),
    "from nothing or a value": ("trigger: {change: plan, from: [free, null]}, where: tier = 1", [("acme", 8), ("acme", 4)]),
    "a number from and to": ("trigger: {change: seats, from: 8, to: [9, 11]}", [("acme", 6)]),
    "down": ("trigger: {change: seats, direction: down}", [("acme", 8), ("acme", 2)]),
    "up": ("trigger: {change: seats, direction: up}", [("acme", 6), ("acme", 4)]),
    "down by a share of what it was": ("trigger: {change: seats, direction: down, by: 20%}", [("acme", 8), ("acme", 2)]),
    "down by a larger share": ("trigger: {change: seats, direction: down, by: 21%}", [("acme", 2)]),
    "up by a share": ("trigger: {change: seats, direction: up, by: 12%}", [("acme", 6)]),
    "down by a number": ("trigger: {change: seats, direction: down, by: 2}", [("acme", 8), ("acme", 2)]),
    "down by a larger number": ("trigger: {change: seats, direction: down, by: 3}", [("acme", 2)]),
    "a change and a condition as of it": ("trigger: {change: plan}, when: seats = 10, where: tier = 1", [("acme", 4)]),
    "the condition sees what it has become": ("trigger: {change: plan}, when: plan = 'pro'", [("acme", 8), ("bolt", 8)]),
    "what was before": ("trigger: {change: plan}, when: previous(plan) = 'free' and plan = 'pro'", [("acme", 8), ("bolt", 8)]),
    "what it is from the beginning is no change": ("trigger: {change: plan}, where: id = 'coil'", [("coil", 1)]),
    "nor where it stays so": ("trigger: {change: mrr}, where: id = 'coil'", []),
    "nor is a status": ("trigger: {change: status}, where: id = 'coil'", []),
    "a custom attribute that had no value": ("trigger: {change: colour}", [("acme", 9)]),
    "subscriptions give the money": ("trigger: {change: mrr, direction: down, by: 20%}", [("subs", 5.5)]),
    "and the plan": ("trigger: {change: plan, from: pro, to: lite}", [("subs", 5.5)]),
    "the status follows from its dates": (
        "trigger: {change: status}", [("acme", 9.5), ("bolt", 3), ("gone", 5)],
    ),
    "churned": ("trigger: {change: status, to: churned}", [("gone", 5)]),
    "cancelling": ("trigger: {change: status, from: active, to: [cancelling, churned]}, where: tier = 2", [("bolt", 3)]),
    "a role": ("subject: person, trigger: {change: role}", [("ann", 8), ("ann", 2)]),
    "a lost role": ("subject: person, trigger: {change: role, from: admin}", [("ann", 2)]),
    "a deletion": ("subject: person, trigger: {change: deleted_at}, where: deleted_at is not null", [("bob", 6)]),
}  # fmt: skip


@pytest.mark.parametrize("case", CHANGES)
def test_changes(case: str, book: Book) -> None:
    text, expected = CHANGES[case]
    assert days(found(book, text)) == expected


def test_a_change_is_known_by_its_instant_and_told_with_both_values(book: Book) -> None:
    (match,) = found(
        book, "trigger: {change: plan, from: free, to: pro}, where: id = 'acme', message: 'now {{ account.plan }}'"
    )
    assert (match.key, match.as_of) == ("2026-03-23T12:00:00Z", ago(8))
    assert match.message == "now pro"
    told = json.dumps([line.to_json() for line in match.evidence])
    assert "free" in told
    assert "pro" in told


def test_a_change_at_the_beginning_is_out_and_one_at_the_end_is_in(book: Book) -> None:
    assert days(found(book, "trigger: {change: plan, to: pro}, where: tier = 1", after=9, until=8)) == [("acme", 8)]
    assert days(found(book, "trigger: {change: plan, to: pro}, where: tier = 1", after=8, until=7)) == []


# --- Crossings

EACH_DAY = (10, 9, 8, 7, 6, 5, 4, 3, 2, 1, 0)


def test_an_entry_is_dated_by_the_look_that_saw_it_first(book: Book) -> None:
    entered = found(book, "trigger: {enter: busy}, where: tier = 1", looks=EACH_DAY)
    assert days(entered) == [("acme", 9)]  # e0 and e1
    assert entered[0].key == "2026-03-22T12:00:00Z"
    assert days(found(book, "trigger: {enter: busy}, where: tier = 1", looks=(10, 8.5, 0))) == [("acme", 8.5)]


def test_who_was_in_at_the_first_look_has_not_entered(book: Book) -> None:
    assert days(found(book, "trigger: {enter: busy}, where: tier = 1", after=9, looks=EACH_DAY[1:])) == []


def test_an_exit(book: Book) -> None:
    assert days(found(book, "trigger: {enter: busy}", looks=EACH_DAY)) == [("acme", 9), ("bolt", 6)]
    left = found(book, "trigger: {leave: roomy}", looks=EACH_DAY)
    assert days(left) == [("acme", 2), ("bolt", 3)], "who has no seats any more has left too"
    assert days(found(book, "trigger: {enter: roomy}", looks=EACH_DAY)) == [("bolt", 8)], "who had no seats has entered"


def test_a_crossing_tells_why_by_the_comparisons_of_its_segment(book: Book) -> None:
    def told(text: str, of: str) -> list[tuple[str, str, object, str, object]]:
        (match,) = (each for each in found(book, text, looks=EACH_DAY) if each.subject_id == of)
        assert match.evidence[0].clears == "", "it closes in time, and by nothing that happens"
        return [(line.formula, line.text, line.value, line.op, line.threshold) for line in match.evidence]

    busy = (SEGMENTS["busy"], "uses in the last 7 days are 2 or more", 3.0, ">=", 2.0)
    assert told("trigger: {enter: busy}", "acme") == [busy]
    plan = ("plan = 'free'", "plan is 'free'", "free", "=", "free")
    assert told("trigger: {enter: busy}, when: plan = 'free'", "acme") == [busy, plan]
    left = ("roomy", "it left the segment “roomy”")
    assert told("trigger: {leave: roomy}", "bolt") == [(*left, None, "!=", True)], "null is no comparison"
    few = ("not (seats > 5)", "seats bought are 5 or less", 4.0, "<=", 5.0)
    assert told("trigger: {leave: roomy}", "acme") == [(*left, False, "!=", True), few]


def test_an_entry_and_a_condition_as_of_the_look(book: Book) -> None:
    assert days(found(book, "trigger: {enter: busy}, when: tier = 2", looks=EACH_DAY)) == [("bolt", 6)]
    assert days(found(book, "trigger: {enter: busy}, when: plan = 'free'", looks=EACH_DAY)) == [("acme", 9)]


def test_the_churned_neither_enter_nor_leave(tmp_path: Path) -> None:
    rows: Rows = {
        "accounts": [account("gone", churned_at=ago(5), seats=9)],
        "account_history": [
            {"account_id": "gone", "field": "seats", "value": seats, "at": ago(days)}
            for seats, days in ((9, 300), (2, 3), (9, 2))
        ],
    }
    store = store_of(tmp_path, rows)
    of = Book(store, SIGNALS, SEGMENTS)
    assert found(of, "trigger: {leave: roomy}", looks=EACH_DAY) == ()
    assert found(of, "trigger: {enter: roomy}", looks=EACH_DAY) == ()
    assert days(found(of, "trigger: {leave: roomy}, where: status is not null", looks=EACH_DAY)) == [("gone", 3)]
    store.close()


# --- Health, as of each start of day


def test_a_band_changes_from_day_to_day(book: Book) -> None:
    profile = Profile("all", "All", 1, (Indicator("Seats", "proactive", 1, "10 * seats"),))
    of = Book(book.store, SIGNALS, SEGMENTS, health=HealthModel((ProfileVersion(profile, 1, ago(900)),)))
    changed = days(found(of, "trigger: {change: health_band}, where: seats < 99 or seats is null and tier = 2"))
    assert changed == [("acme", 1.5), ("bolt", 7.5), ("bolt", 2.5), ("bolt", 0.5)]
    assert days(found(of, "trigger: {change: health_band, from: [Good, Average], to: Average}")) == [("acme", 1.5)]
    assert days(found(of, "trigger: {change: health_score, direction: down, by: 15}")) == [("acme", 7.5), ("acme", 1.5)]


# --- Several rules, some accounts, what cannot be judged


def test_other_triggers_are_passed_over_and_what_cannot_be_judged_says_why(book: Book) -> None:
    good, when = rule_of("trigger: {event: minutes > 10}"), rule_of("when: seats > 0")
    bad = Rule("bad", "Bad", "risk", trigger=rule_of("trigger: {event: minutez > 10}").trigger)
    told = occurrences(book, [good, when, bad], Stretch(ago(10), NOW, [ago(10), NOW]))
    assert [match.key for match in told.matches] == ["e3", "b2"]
    assert list(told.unknown) == ["bad"]
    assert "minutez" in told.unknown["bad"]


def test_only_some_accounts_are_asked_about(book: Book) -> None:
    rule = rule_of("trigger: {event: minutes > 1}")
    told = occurrences(book, [rule], Stretch(ago(10), NOW, [ago(10), NOW]), accounts=["bolt"])
    assert [match.key for match in told.matches] == ["b2"]


# --- Live: what arrives late, and what was there before the rule


@pytest.fixture(scope="module")
def live(tmp_path_factory: pytest.TempPathFactory) -> Book:
    """Ticket `h<hours>` arrived at NOW, so many hours after it was opened; those before that arrived in time."""
    folder = tmp_path_factory.mktemp("live")
    store = DuckStore(":memory:", ZoneInfo("UTC"))
    first = [{"id": "in-time", "account_id": "acme", "priority": "low", "opened_at": ago(20)}]
    add(store, folder, {"accounts": [account("acme", plan="free")], "tickets": first}, now=ago(20))
    tickets = [
        {"id": f"h{hours}", "account_id": "acme", "priority": "low", "opened_at": ago(hours=hours)}
        for hours in (1, 30, 48, 48.1, 72)
    ]
    events = [event(f"v{hours}", "acme", hours / 24, kind="login") for hours in (1, 48, 49)]
    add(store, folder, {"tickets": tickets, "events": events}, now=NOW)
    return Book(store, SIGNALS, SEGMENTS)


def heard(book: Book, text: str, *, after: float = 1, published: float = 30) -> list[str]:
    rule = rule_of(text)
    stretch = Stretch(ago(after), NOW, [ago(after), NOW], live={"r": ago(published)})
    return sorted(match.key for match in occurrences(book, [rule], stretch).matches)


def test_a_row_fires_if_it_started_at_most_48_hours_before_it_arrived(live: Book) -> None:
    assert heard(live, "trigger: {new: tickets}") == ["h1", "h30", "h48"]
    assert heard(live, "trigger: {event: kind = 'login'}") == ["v1", "v48"]


def test_a_rule_says_itself_how_late_a_row_may_be(live: Book) -> None:
    assert heard(live, "trigger: {new: tickets}, late: 12h") == ["h1"]
    assert heard(live, "trigger: {new: tickets}, late: 3d") == ["h1", "h30", "h48", "h48.1", "h72"]
    assert heard(live, "trigger: {event: kind = 'login'}, late: 50h") == ["v1", "v48", "v49"]


def test_a_row_that_arrived_before_the_rule_was_published_fires_nothing(live: Book) -> None:
    assert heard(live, "trigger: {new: tickets}, late: 3d", published=0.01) == ["h1", "h30", "h48", "h48.1", "h72"]
    assert heard(live, "trigger: {new: tickets}", published=0) == []


def test_only_what_arrived_since_is_asked_for(live: Book) -> None:
    rule = rule_of("trigger: {new: tickets}")
    stretch = Stretch(ago(25), NOW, live={"r": ago(30)}, arrived=ago(19))
    assert sorted(match.key for match in occurrences(live, [rule], stretch).matches) == ["h1", "h30", "h48"]


def test_what_arrived_in_time_is_heard_whenever_it_is_looked_at(live: Book) -> None:
    assert "in-time" in heard(live, "trigger: {new: tickets}", after=25)
    assert "in-time" not in heard(live, "trigger: {new: tickets}", after=25, published=19)


def test_a_replay_ignores_when_rows_arrived(live: Book) -> None:
    assert [match.key for match in found(live, "trigger: {new: tickets}, late: 1h", after=4)] == [
        "h72",
        "h48.1",
        "h48",
        "h30",
        "h1",
    ]
