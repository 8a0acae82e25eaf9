"""Replaying rules that count alerts: they count those of the replay itself, as they stood before each step."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.engine.facts import NOW, Rows, ago, store_of
from tocsin.core.rules import Rule, Trigger
from tocsin.engine import Book
from tocsin.engine.replay import Replayed, replay
from tocsin.engine.replay.counting import count_alerts

ANN = "ann@ours.example"
ROWS: Rows = {
    "accounts": [{"id": name, "name": name.title(), "owner": ANN, "created_at": ago(99)} for name in ("a", "b")],
    "tickets": [
        {"id": "1", "account_id": "a", "opened_at": ago(8.5), "resolved_at": ago(3.5)},
        {"id": "2", "account_id": "b", "opened_at": ago(6.5), "resolved_at": ago(5.5)},
    ],
    "tasks": [{"id": "t", "assignee": ANN, "title": "T", "created_at": ago(30), "due_on": ago(3).date()}],
    # What was recorded, by whatever rules there were then: no replay looks at it.
    "alerts": [{"id": str(each), "account_id": "a", "rule": "old", "opened_at": ago(50)} for each in range(9)],
}
TICKETS = Rule("tickets", "T", "risk", when="count(tickets where open) > 0")
NEW = Rule("new", "N", "risk", trigger=Trigger("new", {"new": "tickets"}))
SIGNALS = {"load": "count(alerts where open)"}


@pytest.fixture
def book(tmp_path: Path) -> Book:
    return Book(store_of(tmp_path, ROWS), SIGNALS)


def of_csm(when: str, name: str = "load", **given: Any) -> Rule:
    return Rule(name, "L", "work", subject="csm", when=when, **given)


def days(alerts: tuple[Replayed, ...], rule: str) -> list[tuple[str, float, float | None]]:
    """(subject, opened, closed), in days before now."""
    return [
        (each.match.subject_id, (NOW - each.opened_at) / timedelta(days=1),
         None if each.closed_at is None else (NOW - each.closed_at) / timedelta(days=1))
        for each in alerts if each.match.rule.id == rule
    ]  # fmt: skip


def test_they_count_the_alerts_of_the_replay_a_step_later(book: Book) -> None:
    told = replay(book, [TICKETS, of_csm("load >= 1"), of_csm("load >= 2", "two")], ago(10), NOW)
    assert not told.unknown
    assert days(told.alerts, "tickets") == [("a", 8, 3), ("b", 6, 5)]
    # The alert is there at 8 days, and a sweep counts it at 7; its own, at 7, counts for the other from 6 on.
    assert days(told.alerts, "load") == [(ANN, 7, None)]
    assert days(told.alerts, "two") == [(ANN, 6, None)]
    (load,) = [each for each in told.alerts if each.match.rule.id == "load"]
    assert [(line.value, line.threshold) for line in load.match.evidence] == [(1.0, 1.0)]


def test_of_one_rule_the_others_are_counted_and_not_told(book: Book) -> None:
    load = of_csm("count(alerts where rule = 'tickets' and open) >= 1")
    told = replay(book, [load], ago(10), NOW, beside=[TICKETS, NEW, load])
    assert {each.match.rule.id for each in told.alerts} == {"load"}
    assert days(told.alerts, "load") == [(ANN, 7, 2)]
    assert replay(book, [load], ago(10), NOW).alerts == ()


def test_alerts_of_rows_count_by_the_starts_of_their_rows(book: Book) -> None:
    fresh = of_csm("count(alerts where rule = 'new' in last 36h) >= 1")
    told = replay(book, [fresh], ago(10), NOW, beside=[NEW])
    # Opened at 8.5 and 6.5 days, found at 8 and 6, counted a step later: at 7, and 36 hours before that is 8.5, out of reach.
    assert days(told.alerts, "load") == []
    wider = of_csm("count(alerts where rule = 'new' in last 2d) >= 1")
    assert days(replay(book, [wider], ago(10), NOW, beside=[NEW]).alerts, "load") == [(ANN, 7, 6), (ANN, 5, 4)]


def test_rules_in_shadow_raise_nothing_that_others_count(book: Book) -> None:
    quiet = Rule("tickets", "T", "risk", when=TICKETS.when, state="shadow")
    told = replay(book, [quiet, of_csm("load >= 1")], ago(10), NOW)
    assert {each.match.rule.id for each in told.alerts} == {"tickets"}


def test_recorded_alerts_are_counted_where_asked_for(book: Book) -> None:
    told = replay(book, [of_csm("load >= 9")], ago(10), NOW, own_alerts=False)
    assert [each.existing for each in told.alerts] == [True]


def test_hysteresis_and_who_is_gone(tmp_path: Path) -> None:
    history = [{"account_id": each, "field": "owner", "value": value, "at": at}
               for each in ("a", "b") for value, at in ((ANN, ago(99)), ("bob@ours.example", ago(4)))]  # fmt: skip
    rows = {**ROWS, "tasks": [], "account_history": history}
    book = Book(store_of(tmp_path, rows), SIGNALS)
    told = replay(book, [TICKETS, of_csm("load >= 1", clear="load < 0")], ago(10), NOW)
    assert (ANN, 7.0, 4.0) in days(told.alerts, "load")
    assert {each.close_reason for each in told.alerts if each.match.subject_id == ANN} == {"subject_gone"}


def test_which_rules_count_alerts(book: Book) -> None:
    due = Rule("due", "D", "work", subject="csm", where="load > 0",
               trigger=Trigger("countdown", {"countdown": "tasks.due_on", "steps": [3]}))  # fmt: skip
    broken = of_csm("count(nothing) > 1", "broken")
    rules = [TICKETS, of_csm("load > 0"), due, broken]
    assert count_alerts(book, rules) == {"load", "due"}
    told = replay(book, rules, ago(3), NOW)
    assert told.unknown["due"] == "a rule that counts alerts is replayed where it has `when` alone"
    assert set(told.unknown) == {"due", "broken"}
