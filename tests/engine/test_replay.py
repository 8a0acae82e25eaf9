"""What a replay tells: which alerts would have opened and closed, when and why, had sweeps run at its moments."""

# ruff: noqa: E501 - a case and the alerts that it comes to read best on one line

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.engine.facts import Rows, store_of
from tocsin.core.errors import UserError
from tocsin.core.rulefiles import read_rules
from tocsin.core.rules import Rule
from tocsin.engine import Book
from tocsin.engine.replay import Replay, Replayed, replay

DAY, HOUR = timedelta(days=1), timedelta(hours=1)
A, B = datetime(2026, 3, 1, tzinfo=UTC), datetime(2026, 3, 31, tzinfo=UTC)
LONG_AGO = datetime(2025, 1, 1, tzinfo=UTC)


def on(day: float) -> datetime:
    """An instant of March 2026: 5 is the start of the 5th, 5.25 six hours later; 0 and below lie before March."""
    return A + (day - 1) * DAY


def history(of: str, field: str, values: Mapping[float, object]) -> list[dict[str, Any]]:
    """Values of an attribute, by the day of March from which on they hold; -1 is long ago."""
    return [
        {"account_id": of, "field": field, "value": value, "at": LONG_AGO if at == -1 else on(at)}
        for at, value in values.items()
    ]


def account(name: str, **more: Any) -> dict[str, Any]:
    return {"id": name, "name": name.title(), "created_at": LONG_AGO, **more}


SEATS: dict[str, dict[float, object]] = {
    "dips": {-1: 9, 5: 3, 8: 7},
    "low": {-1: 3},
    "twice": {-1: 9, 5: 3, 8: 9, 10: 3, 20: 9},
    "blink": {-1: 9, 5.125: 3, 5.375: 9},
    "slow": {-1: 9, 5: 3, 8: 6, 12: 9},
}
USED: dict[str, dict[float, object]] = {
    "jump": {-1: 60, 5: 100, 10: 92, 15: 50, 18: 75, 20: 95},
}
ROWS: Rows = {
    "accounts": [
        *(account(name, tier=2) for name in SEATS),
        account("jump", tier=3, seats=100),
        account("gone", tier=2, seats=1, churned_at=on(9.5), renews_on=date(2026, 4, 1)),
        account("renew", tier=4, renews_on=date(2026, 3, 29)),
        account("big", tier=1, renews_on=date(2026, 4, 30)),
        account("moved", tier=5),
        account("shifted", tier=6),
        account("busy", tier=7),
        account("calm", tier=7),
    ],
    "account_history": [
        *(row for name, values in SEATS.items() for row in history(name, "seats", values)),
        *(row for name, values in USED.items() for row in history(name, "seats_used", values)),
        *history("moved", "renews_on", {-1: "2026-03-20", 16: "2027-03-20"}),
        *history("shifted", "renews_on", {-1: "2026-03-20", 17: "2026-03-25"}),
        *history("busy", "plan", {-1: "free", 6.5: "pro", 9.5: "free", 20.25: "pro"}),
    ],
    "events": [
        {"id": f"{name} {kind} {number}", "account_id": name, "name": "x", "kind": kind, "at": on(at)}
        for name, kind, days in (
            ("busy", "click", (1, 1.5, 4.4375, 6, 11.4375, 12, 31, 31.5)),
            ("calm", "click", (5.5,)),
            ("busy", "login", (6.5, 6.75)),
        )
        for number, at in enumerate(days)
    ],
    "tickets": [
        {"id": "t0", "account_id": "busy", "opened_at": on(0), "resolved_at": on(5)},
        {"id": "t1", "account_id": "busy", "opened_at": on(3.25), "resolved_at": on(7.5)},
        {"id": "t3", "account_id": "calm", "opened_at": on(30), "resolved_at": on(40)},
    ],
    "surveys": [{"id": "s1", "account_id": "calm", "kind": "nps", "score": 2, "at": on(4.5)}],
    "tasks": [
        {"id": "k1", "account_id": "busy", "assignee": "ann@us.example", "title": "A", "created_at": on(2), "due_on": date(2026, 3, 12)},
        {"id": "k2", "account_id": "calm", "assignee": "ann@us.example", "title": "B", "created_at": on(2.5),
         "due_on": date(2026, 3, 12), "completed_at": on(10.5)},
        {"id": "k3", "assignee": "bob@us.example", "title": "C", "created_at": on(20), "due_on": date(2026, 3, 22)},
    ],
}  # fmt: skip
SEGMENTS = {"small": "seats < 5"}
STEPS = "steps: [90, 60, 30, 14, 7]"


@pytest.fixture(scope="module")
def book(tmp_path_factory: pytest.TempPathFactory) -> Book:
    return Book(store_of(tmp_path_factory.mktemp("replay"), ROWS), {}, SEGMENTS)


def rules_of(*texts: str) -> tuple[Rule, ...]:
    """Rules r0, r1, ... of the fields that come after their id, name and category."""
    lines = [f"  - {{id: r{number}, name: R, category: risk, {text}}}\n" for number, text in enumerate(texts)]
    definitions, problems = read_rules([("r.yaml", f"segments: {json.dumps(SEGMENTS)}\nrules:\n{''.join(lines)}")])
    assert problems == ()
    return definitions.rules


def replayed(book: Book, *texts: str, start: datetime = A, end: datetime = B, every: timedelta = DAY) -> Replay:
    told = replay(book, rules_of(*texts), start, end, every)
    assert told.unknown == {}
    return told


def said(moment: datetime | None) -> str:
    """`5` for the start of the 5th of March, `5.25` for six hours later; nothing where it did not come to pass."""
    return "" if moment is None else f"{(moment - A) / DAY + 1:g}"


def line(alert: Replayed) -> str:
    """`who 5-8 cleared`, with `step 30`, `existing` and `x3` where they are so."""
    parts = [alert.match.subject_id, f"{said(alert.opened_at)}-{said(alert.closed_at)}", alert.close_reason]
    parts.append("" if alert.step is None else f"step {alert.step}")
    parts.append("existing" if alert.existing else "")
    parts.append(f"x{alert.count}" if alert.count > 1 else "")
    return " ".join(part for part in parts if part)


def lines(book: Book, *texts: str, **span: Any) -> list[str]:
    return [line(alert) for alert in replayed(book, *texts, **span).alerts]


# --- Conditions

CONDITIONS: dict[str, tuple[str, list[str]]] = {
    "opens when it becomes true and closes when it is not": (
        "when: seats < 5",
        ["dips 5-8 cleared", "gone 1-10 subject_gone existing", "low 1- existing", "slow 5-8 cleared", "twice 5-8 cleared", "twice 10-20 cleared"],
    ),
    "scope": ("when: seats < 5, where: tier = 9", []),
    "must hold so long first; exactly so long is enough": (
        "when: seats < 5, for: 3d", ["gone 4-10 subject_gone existing", "low 4- existing", "twice 13-20 cleared"],
    ),
    "stays open until clear holds": (
        "when: seats < 5, clear: seats > 8, where: id = 'slow' or id = 'dips'", ["dips 5-", "slow 5-12 cleared"],
    ),
    "silence after closing, to its exact end": (
        "when: seats < 5, cooldown: 7d, where: id = 'twice'", ["twice 5-8 cleared", "twice 15-20 cleared"],
    ),
    "closes by itself after a time, and does not open again while it holds": (
        "when: seats < 5, expires: 4d, where: id = 'low' or id = 'twice'",
        ["low 1-5 expired existing", "twice 5-8 cleared", "twice 10-14 expired"],
    ),
    "the churned are seen by a rule that names the status": (
        "when: seats < 5 and status is not null, where: id = 'gone'", ["gone 1- existing"],
    ),
    "parameters of the segment": (
        "when: seats < $least, with: {least: 1}, vary: [{where: id = 'dips', with: {least: 5}}]", ["dips 5-8 cleared"],
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", CONDITIONS)
def test_conditions(case: str, book: Book) -> None:
    text, expected = CONDITIONS[case]
    assert lines(book, text) == expected


def test_what_holds_at_the_start_is_existing_and_dated_by_it(book: Book) -> None:
    assert lines(book, "when: seats < 5, where: id = 'dips'", start=on(6)) == ["dips 6-8 cleared existing"]
    assert lines(book, "when: seats < 5, where: id = 'dips'", start=on(5)) == ["dips 5-8 cleared existing"]
    assert lines(book, "when: seats < 5, where: id = 'dips'", start=on(4)) == ["dips 5-8 cleared"]


def test_only_its_own_moments_are_looked_at(book: Book) -> None:
    blink = "when: seats < 5, where: id = 'blink'"
    assert lines(book, blink) == []
    assert lines(book, blink, every=6 * HOUR) == ["blink 5.25-5.5 cleared"]
    assert lines(book, "when: seats < 5, where: id = 'dips'", every=4 * DAY) == ["dips 5-9 cleared"]


def test_the_end_is_the_last_moment_that_there_is(book: Book) -> None:
    dips = "when: seats < 5, where: id = 'dips'"
    assert lines(book, dips, end=on(8)) == ["dips 5-8 cleared"]
    assert lines(book, dips, end=on(7.9)) == ["dips 5-"]
    assert lines(book, dips, start=on(5), end=on(5)) == ["dips 5- existing"]
    with pytest.raises(UserError):
        lines(book, dips, start=on(5), end=on(4))


def test_only_the_highest_stage_that_holds_is_open(book: Book) -> None:
    stages = [
        f"when: seats_used / seats >= {share}, ladder: x, stage: {stage}" for share, stage in ((0.7, 70), (0.9, 90), (1, 100))
    ]
    told = replayed(book, *stages).alerts
    assert [(alert.match.rule.stage, line(alert)) for alert in told] == [
        (70, "jump 18-20 superseded"),
        (90, "jump 10-15 cleared"),
        (90, "jump 20-"),
        (100, "jump 5-10 cleared"),
    ]


# --- Countdowns

COUNTDOWNS: dict[str, tuple[str, list[str]]] = {
    "one row per step, the first seen being the smallest that is not less than the days left": (
        f"trigger: {{countdown: renews_on, {STEPS}, overdue: true}}, where: tier = 4",
        ["renew 1-15 next_step step 30 existing", "renew 15-22 next_step step 14", "renew 22-30 next_step step 7", "renew 30- step overdue"],
    ),
    "without overdue it ends with its day": (
        f"trigger: {{countdown: renews_on, {STEPS}}}, where: tier = 4",
        ["renew 1-15 next_step step 30 existing", "renew 15-22 next_step step 14", "renew 22-30 cleared step 7"],
    ),
    "the day itself may be a step": (
        "trigger: {countdown: renews_on, steps: [7, 0]}, where: tier = 4", ["renew 22-29 next_step step 7", "renew 29-30 cleared step 0"],
    ),
    "a date that moves on ends it": (
        f"trigger: {{countdown: renews_on, {STEPS}}}, where: tier = 5",
        ["moved 1-6 next_step step 30 existing", "moved 6-13 next_step step 14", "moved 13-16 cleared step 7"],
    ),
    "another date is counted down to anew": (
        f"trigger: {{countdown: renews_on, {STEPS}}}, where: tier = 6",
        ["shifted 1-6 next_step step 30 existing", "shifted 6-13 next_step step 14", "shifted 13-17 cleared step 7",
         "shifted 17-18 next_step step 14", "shifted 18-26 cleared step 7"],
    ),
    "days are taken off the date": (
        "trigger: {countdown: renews_on, steps: [14, 7], before: '2 * tier'}, where: tier = 4",
        ["renew 7-14 next_step step 14", "renew 14-22 cleared step 7"],
    ),
    "steps of the segment": (
        "trigger: {countdown: renews_on, steps: $s}, with: {s: [14]}, vary: [{where: tier = 1, with: {s: [60, 45]}}], where: tier = 1 or tier = 4",
        ["big 1-16 next_step step 60 existing", "big 16- step 45", "renew 15-30 cleared step 14"],
    ),
    "who churns is out": (f"trigger: {{countdown: renews_on, {STEPS}}}, where: id = 'gone'", ["gone 1-2 next_step step 60 existing", "gone 2-10 cleared step 30"]),
    "of rows, each by itself, until it is over": (
        "trigger: {countdown: tasks.due_on, steps: [7, 3], overdue: true}",
        ["busy 5-9 next_step step 7", "busy 9-13 next_step step 3", "busy 13- step overdue", "calm 5-9 next_step step 7", "calm 9-11 cleared step 3"],
    ),
    "of a CSM's tasks": (
        "subject: csm, trigger: {countdown: tasks.due_on, steps: [7, 3], overdue: true}",
        ["ann@us.example 5-9 next_step step 7", "ann@us.example 9-13 next_step step 3", "ann@us.example 13- step overdue",
         "ann@us.example 5-9 next_step step 7", "ann@us.example 9-11 cleared step 3",
         "bob@us.example 20-23 next_step step 3", "bob@us.example 23- step overdue"],
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", COUNTDOWNS)
def test_countdowns(case: str, book: Book) -> None:
    text, expected = COUNTDOWNS[case]
    assert sorted(lines(book, text)) == sorted(expected)


def test_steps_between_two_looks_are_passed_over(book: Book) -> None:
    countdown = f"trigger: {{countdown: renews_on, {STEPS}, overdue: true}}, where: tier = 4"
    assert lines(book, countdown, every=22 * DAY) == ["renew 1-23 next_step step 30 existing", "renew 23- step 7"]
    assert lines(book, countdown, start=on(9))[0] == "renew 9-15 next_step step 30 existing"
    assert lines(book, countdown, start=on(31), end=on(32)) == ["renew 31- step overdue existing"]


def test_an_episode_is_known_by_its_date_or_its_row(book: Book) -> None:
    told = replayed(book, f"trigger: {{countdown: renews_on, {STEPS}}}, where: tier = 6").alerts
    assert [alert.key for alert in told] == ["2026-03-20"] * 3 + ["2026-03-25"] * 2
    rows = replayed(book, "trigger: {countdown: tasks.due_on, steps: [7]}").alerts
    assert sorted(alert.key for alert in rows) == ["k1", "k2"]


def test_days_are_counted_in_the_zone_of_the_workspace(tmp_path: Path) -> None:
    store = store_of(tmp_path, {"accounts": [account("renew", renews_on=date(2026, 3, 29))]}, zone="America/New_York")
    told = lines(Book(store, {}), f"trigger: {{countdown: renews_on, {STEPS}, overdue: true}}")
    # midnight in London is still the day before in New York
    assert told == [
        "renew 1-16 next_step step 30 existing",
        "renew 16-23 next_step step 14",
        "renew 23-31 next_step step 7",
        "renew 31- step overdue",
    ]
    store.close()


# --- Rows

EVENTS: dict[str, tuple[str, list[str]]] = {
    "one alert per row that started after the beginning, dated by its start, until it expires at a look": (
        "trigger: {event: kind = 'click'}, where: tier = 7, expires: 3d",
        ["busy 1.5-5 expired", "busy 4.4375-8 expired", "busy 6-9 expired", "busy 11.4375-15 expired", "busy 12-15 expired", "busy 31-",
         "calm 5.5-9 expired"],
    ),
    "by default after 14 days": ("trigger: {event: kind = 'login'}", ["busy 6.5-21 expired", "busy 6.75-21 expired"]),
    "a condition as of the row": ("trigger: {event: kind = 'click'}, when: plan = 'pro', expires: 3d", ["busy 31-"]),
    "collapse: one alert in this time, the others are counted": (
        "trigger: {event: kind = 'click'}, collapse: 7d, expires: 9d",
        ["busy 1.5-11 expired x3", "busy 11.4375-21 expired x2", "busy 31-", "calm 5.5-15 expired"],
    ),
    "exactly so long after it opens anew": (
        "trigger: {event: kind = 'click'}, collapse: 108h, expires: 30d", ["busy 1.5- x2", "busy 6-", "busy 11.4375- x2", "busy 31-", "calm 5.5-"],
    ),
    "silence after it closed": (
        "trigger: {event: kind = 'click'}, expires: 1d, cooldown: 4d", ["busy 1.5-3 expired", "busy 11.4375-13 expired", "busy 12-13 expired", "busy 31-", "calm 5.5-7 expired"],
    ),
    "a new row closes when its end is set": (
        "trigger: {new: tickets}", ["busy 3.25-8 cleared", "calm 30-"],
    ),
    "and may expire before": ("trigger: {new: tickets}, expires: 2d", ["busy 3.25-6 expired", "calm 30-"]),
    "a new row without an end expires": ("trigger: {new: surveys}", ["calm 4.5-19 expired"]),
    "a change is dated by its own instant": ("trigger: {change: plan, to: pro}, expires: 4d", ["busy 6.5-11 expired", "busy 20.25-25 expired"]),
    "changes collapse too": ("trigger: {change: plan}, collapse: 5d, expires: 7d", ["busy 6.5-14 expired x2", "busy 20.25-28 expired"]),
    "an entry is dated by the look": (
        "trigger: {enter: small}, expires: 1d", ["dips 5-6 expired", "slow 5-6 expired", "twice 5-6 expired", "twice 10-11 expired"],
    ),
    "an exit too": ("trigger: {leave: small}, where: tier = 2, expires: 1d", ["dips 8-9 expired", "slow 8-9 expired", "twice 8-9 expired", "twice 20-21 expired"]),
}  # fmt: skip


@pytest.mark.parametrize("case", EVENTS)
def test_rows(case: str, book: Book) -> None:
    text, expected = EVENTS[case]
    assert lines(book, text) == expected


def test_the_rows_are_those_of_the_stretch_and_not_of_the_looks(book: Book) -> None:
    clicks = "trigger: {event: kind = 'click'}, where: tier = 7, expires: 30d"
    assert lines(book, clicks, start=on(1.5), end=on(6)) == ["busy 4.4375-", "busy 6-", "calm 5.5-"]
    assert lines(book, clicks, start=on(1.5), end=on(5.9), every=4 * DAY) == ["busy 4.4375-", "calm 5.5-"], "up to the very end"


def test_an_alert_tells_the_event_behind_it_and_how_many_there_were(book: Book) -> None:
    first, *_ = replayed(book, "trigger: {event: kind = 'click'}, collapse: 7d").alerts
    assert (first.key, first.event_id, first.count) == ("busy click 1", "busy click 1", 3)
    assert any("3" in json.dumps(each.to_json()) for each in first.match.evidence), "the count is in its evidence"
    ticket, *_ = replayed(book, "trigger: {new: tickets}").alerts
    assert (ticket.key, ticket.event_id) == ("t1", None)


# --- As a whole


def test_alerts_come_by_rule_subject_and_opening(book: Book) -> None:
    told = replayed(book, "trigger: {event: kind = 'click'}", "when: seats < 5").alerts
    order = [(alert.match.rule.id, alert.match.subject_id, alert.opened_at) for alert in told]
    assert order == sorted(order)
    assert {rule for rule, _, _ in order} == {"r0", "r1"}


def test_an_alert_as_json_is_a_match_with_its_life(book: Book) -> None:
    (first, *_) = replayed(book, f"trigger: {{countdown: renews_on, {STEPS}}}, where: tier = 4").alerts
    told = first.to_json()
    assert {"rule", "category", "severity", "subject", "account_id", "as_of", "message", "evidence"} <= told.keys()
    assert (told["opened_at"], told["closed_at"]) == ("2026-03-01T00:00:00Z", "2026-03-15T00:00:00Z")
    assert (told["step"], told["existing"], told["subject"]) == (30, True, {"kind": "account", "id": "renew"})
    last = replayed(book, "when: seats < 5, where: id = 'low'").alerts[0].to_json()
    assert (last["closed_at"], last["step"], last["existing"]) == (None, None, True)


def test_the_state_of_a_rule_is_no_matter_and_what_cannot_be_judged_says_why(book: Book) -> None:
    good, bad = rules_of("when: seats < 5, where: id = 'low', state: off", "when: setas < 5")
    told = replay(book, [good, bad], A, B)
    assert [line(alert) for alert in told.alerts] == ["low 1- existing"]
    assert list(told.unknown) == ["r1"]
    assert "setas" in told.unknown["r1"]


def test_neither_needs_nor_max_new_nor_inhibition_is_applied(book: Book) -> None:
    rules = (
        "when: seats < 5, where: id = 'low', max_new: 0, needs: {surveys: 1h}, inhibited_by: [r1]",
        "when: seats < 4, where: id = 'low'",
    )
    assert lines(book, *rules) == ["low 1- existing", "low 1- existing"]
