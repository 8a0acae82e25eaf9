"""The pulse of conditions: those of the accounts that were touched are judged anew, and of nobody else."""

from __future__ import annotations

from datetime import date

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from tests.apps.world import World, at, world
from tocsin.alerts import facade, locks, running
from tocsin.alerts.models import Episode, Pending
from tocsin.core.rules import Definitions
from tocsin.engine.replay import replay

__all__ = ["world"]

CLICKED = "when: count(events where kind = 'click' in last 7d) >= 2"
SECOND = 1 / 86400


@pytest.fixture(autouse=True, params=[0, running.MANY], ids=["all-rows", "named-rows"])
def read(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whether the rows of some accounts are asked for by name, or all are read."""
    monkeypatch.setattr(running, "MANY", request.param)


@pytest.fixture
def begun(world: World) -> World:
    """With the baseline taken on day 0, before anything came in."""
    world.rule("when: mrr < 0", "stock")
    world.sweep(0)
    return world


def twice(world: World, day: float, of: str = "acme") -> None:
    """Two clicks."""
    for number in (1, 2):
        world.click(f"{of}{day:g}-{number}", day, of=of)


def test_it_opens_and_closes_within_a_minute_and_the_sweep_changes_nothing(begun: World) -> None:
    begun.rule(CLICKED)
    twice(begun, 0.5)
    assert begun.states(0.51, "acme").opened == 1
    assert begun.lines() == ["acme 0.51- open"]
    assert begun.notices() == ["opened"]
    begun.sweep(0.6)
    assert begun.lines() == ["acme 0.51- open"]
    assert begun.states(7.6, "acme").closed == 1
    begun.sweep(8)
    assert begun.lines() == ["acme 0.51-7.6 cleared"]
    assert begun.notices() == ["closed"]


def test_other_accounts_are_left_as_they_are(begun: World) -> None:
    begun.rule(CLICKED)
    begun.rule(f"{CLICKED}, for: 1d", "patient")
    twice(begun, 0.5, "acme")
    twice(begun, 0.5, "bolt")
    begun.states(0.51, "bolt")
    assert begun.lines() == ["bolt 0.51- open"]
    assert [each.subject_id for each in Pending.objects.all()] == ["bolt"]
    before = list(Episode.objects.values()), list(Pending.objects.values())
    begun.states(9, "acme")
    assert (list(Episode.objects.values()), list(Pending.objects.values())) == before


def test_before_the_first_sweep_and_behind_the_latest_nothing_is_judged(world: World) -> None:
    world.rule(CLICKED)
    twice(world, -0.5)
    assert world.states(-0.4).missed
    assert facade.list_alerts() == []
    world.sweep(0)
    assert world.states(-0.1).missed
    assert not world.states(0).missed


def test_a_condition_must_hold_for_as_long_as_its_rule_says(begun: World) -> None:
    begun.rule(f"{CLICKED}, for: 1d")
    twice(begun, 0.5)
    begun.states(0.6, "acme")
    (waiting,) = Pending.objects.all()
    assert (waiting.account_id, waiting.since) == ("acme", at(0.6))
    begun.sweep(0.7)
    begun.states(1.6 - SECOND, "acme")
    assert begun.lines() == []
    begun.states(1.6, "acme")
    assert begun.lines() == ["acme 1.6- open"], "exactly so long is enough"
    assert not Pending.objects.exists()


def test_what_waited_and_holds_no_more_is_forgotten(begun: World) -> None:
    begun.rule(f"{CLICKED}, for: 6d")
    twice(begun, 0.5)
    begun.sweep(0.6)
    assert Pending.objects.get().account_id == "acme", "a sweep notes the account as a pulse does"
    begun.states(7.6, "acme")
    assert not Pending.objects.exists()


def test_it_stays_open_until_its_own_clear_holds(begun: World) -> None:
    begun.rule(f"{CLICKED}, clear: seats > 5")
    twice(begun, 0.5)
    begun.states(0.6, "acme")
    begun.states(8, "acme")
    assert begun.lines() == ["acme 0.6- open"]
    begun.seats(9, 8.1)
    begun.states(8.2, "acme")
    assert begun.lines() == ["acme 0.6-8.2 cleared"]


def test_silence_after_closing(begun: World) -> None:
    begun.rule("when: count(events in last 1d) >= 2, cooldown: 3d")
    for day in (0.5, 2, 5):
        twice(begun, day)
        begun.states(day + 0.1)
        begun.states(day + 1.1)
    assert begun.lines() == ["acme 0.6-1.6 cleared", "acme 5.1-6.1 cleared"]


def test_only_the_highest_stage_of_a_ladder_is_open(begun: World) -> None:
    for stage, clicks in ((1, 1), (2, 2)):
        begun.rule(f"ladder: use, stage: {stage}, when: count(events in last 7d) >= {clicks}", f"use-{stage}")
    begun.click("e1", 0.5)
    begun.states(0.51, "acme")
    begun.click("e2", 0.6)
    begun.states(0.61, "acme")
    assert begun.lines("use-1") == ["acme 0.51-0.61 superseded"]
    assert begun.lines("use-2") == ["acme 0.61- open"]
    assert begun.notices() == ["opened", "opened"]
    begun.states(7.55, "acme")
    assert begun.lines("use-1") == ["acme 0.51-0.61 superseded", "acme 7.55- open"]
    assert begun.notices() == ["closed"]


def test_a_countdown_of_an_account_but_none_of_rows(begun: World) -> None:
    begun.rule("trigger: {countdown: renews_on, steps: [30, 14]}")
    begun.rule("trigger: {countdown: invoices.due_on, steps: [30, 14]}", "rows")
    begun.come(0.5, accounts=[{"id": "acme", "name": "Acme", "created_at": at(-300), "renews_on": date(2026, 3, 20)}])
    invoice = {"id": "i", "account_id": "acme", "amount": 5, "issued_on": date(2026, 3, 1), "due_on": date(2026, 3, 20)}
    begun.come(0.5, invoices=[invoice])
    begun.states(0.6, "acme")
    assert begun.lines() == ["acme 2026-03-20 0.6- open step 30"]
    assert begun.lines("rows") == []
    begun.sweep(0.7)
    before = begun.lines("rows")
    assert before == ["acme i 0.7- open step 30"]
    begun.states(0.8, "acme")
    assert begun.lines("rows") == before, "an alert of a row is not ended by who did not look"


def test_what_is_about_us_is_left_to_the_sweep(begun: World) -> None:
    begun.rule("subject: company, when: count(accounts) > 0", "us")
    begun.rule(CLICKED)
    begun.sweep(0.1)
    before = begun.lines("us")
    assert before == ["company 0.1- open"]
    begun.states(0.2)
    assert begun.lines("us") == before


def test_only_rules_that_are_on(begun: World) -> None:
    for state in ("shadow", "off", "draft"):
        begun.rule(f"{CLICKED}, state: {state}", state)
    twice(begun, 0.5)
    begun.states(0.6)
    assert facade.list_alerts() == []


def test_what_cannot_be_known_neither_opens_nor_closes(begun: World) -> None:
    begun.rule(f"{CLICKED}, needs: {{events: 2d}}")
    begun.rule(CLICKED, "hasty")
    twice(begun, 0.5)
    begun.states(0.6, "acme")
    begun.come(8, accounts=[{"id": "acme", "name": "Acme", "created_at": at(-300)}])
    begun.states(8, "acme")
    assert begun.lines("hasty") == ["acme 0.6-8 cleared"]
    assert begun.lines() == ["acme 0.6- open"], "its events are older than it needs"
    begun.rule("when: no_such_signal > 3", "hasty")
    begun.states(8.1, "acme")
    assert begun.lines("hasty") == ["acme 0.6-8 cleared"]


def test_a_churned_account_is_silent_and_what_runs_of_it_ends(begun: World) -> None:
    begun.rule(f"{CLICKED}, clear: seats > 5")
    twice(begun, 0.5)
    begun.states(0.6, "acme")
    begun.come(0.7, accounts=[{"id": "acme", "name": "Acme", "created_at": at(-300), "churned_at": at(0.7)}])
    begun.states(0.8, "acme")
    assert begun.lines() == ["acme 0.6-0.8 subject_gone"]
    twice(begun, 0.9)
    begun.states(1, "acme")
    assert len(begun.lines()) == 1


def test_an_alert_that_runs_keeps_another_quiet(begun: World) -> None:
    begun.rule("when: count(events in last 1d) >= 1", "loud")
    begun.rule(f"{CLICKED}, inhibited_by: [loud]")
    twice(begun, 0.5)
    begun.states(0.6)
    assert [each.inhibited_by for each in begun.alerts()] == ["loud"]
    assert begun.notices() == ["opened"]
    begun.states(1.6)
    assert [each.inhibited_by for each in begun.alerts()] == [""]
    assert begun.notices() == ["closed", "freed"]


# --- Late data


def test_a_late_event_opens_a_condition_that_it_makes_true(begun: World) -> None:
    begun.rule(CLICKED)
    begun.click("e1", 0.5)
    begun.states(0.6)
    begun.click("e0", 0.2, arrived=3)
    begun.states(3.1)
    assert begun.lines() == ["acme 3.1- open"], "it opens now"


def test_a_late_event_that_makes_an_open_condition_untrue_closes_it_as_revised(begun: World) -> None:
    begun.rule("when: days_quiet(events) > 3")
    begun.click("e1", 0.5)
    begun.states(4, "acme")
    assert begun.lines() == ["acme 4- open"]
    begun.click("e0", 2, arrived=4.5)
    begun.states(4.6, "acme")
    assert begun.lines() == ["acme 4-4.6 revised"]
    begun.states(5.1, "acme")
    assert begun.lines() == ["acme 4-4.6 revised", "acme 5.1- open"]


def test_an_event_that_is_not_late_closes_it_as_cleared(begun: World) -> None:
    begun.rule("when: days_quiet(events) > 3")
    begun.click("e1", 0.5)
    begun.states(4, "acme")
    begun.click("e2", 4.5)
    begun.states(4.6, "acme")
    assert begun.lines() == ["acme 4-4.6 cleared"]


# What of an account that is lost: rule, who its alert is of, and why it closes.
LOST = {
    "without a `clear`": (CLICKED, "acme", "subject_gone"),
    "its `clear` holds at the same moment": (f"{CLICKED}, clear: seats is null", "acme", "subject_gone"),
    "its people": ("subject: person, when: count(events in last 7d) >= 2", "ann", "subject_gone"),
    "its features": ("subject: feature, when: count(events in last 7d) >= 2", "acme/export", "subject_gone"),
    "a rule that is about churned accounts too": (f"{CLICKED}, where: status is not null", "acme", "cleared"),
}


@pytest.mark.parametrize("case", LOST)
def test_what_ends_because_the_account_churned_did_not_clear(case: str, begun: World) -> None:
    text, who, because = LOST[case]
    ann(begun, -1, "acme")
    begun.rule(text)
    for number in (1, 2):
        begun.click(f"e{number}", 0.5, person_id="ann", feature="export")
    begun.sweep(1)
    assert begun.lines() == [f"{who} 1- open"]
    begun.come(2, accounts=[{"id": "acme", "name": "Acme", "created_at": at(-300), "churned_at": at(1.5)}])
    for day in range(2, 9):
        begun.sweep(day)
    over = 2 if because == "subject_gone" else 8
    assert begun.lines() == [f"{who} 1-{over} {because}"]
    told = replay(begun.book, begun.definitions.rules, at(0), at(9)).alerts
    assert [(each.match.subject_id, each.closed_at, each.close_reason) for each in told] == [(who, at(over), because)]


# --- People


PERSON = "subject: person, when: count(events in last 7d) >= 2"


def ann(world: World, day: float, account: str) -> None:
    """Ann belongs to an account."""
    world.come(day, people=[{"id": "ann", "account_id": account, "name": "Ann", "created_at": at(-9)}])


@pytest.fixture
def moved(begun: World) -> World:
    """Ann's alert runs, and something of hers waits, since she was of acme; now she is of bolt."""
    ann(begun, -1, "acme")
    begun.rule(PERSON)
    begun.rule(f"{PERSON}, for: 9d", "patient")
    for number in (1, 2):
        begun.click(f"e{number}", 0.5, person_id="ann")
    begun.states(0.6)
    assert begun.lines() == ["ann 0.6- open"]
    ann(begun, 0.7, "bolt")
    return begun


@pytest.mark.parametrize("accounts", [("acme",), ("bolt",), ("acme", "bolt")])
def test_who_has_moved_keeps_her_alert_and_what_waits(moved: World, accounts: tuple[str, ...]) -> None:
    moved.states(0.8, *accounts)
    assert moved.lines() == ["ann 0.6- open"]
    assert Pending.objects.get().since == at(0.6)
    moved.sweep(1)
    (alert,) = moved.alerts()
    assert alert.account is not None
    assert (alert.account.id, Pending.objects.get().account_id) == ("bolt", "bolt"), "it is where she is now"
    moved.states(1.1, *accounts)
    assert moved.lines() == ["ann 0.6- open"]
    moved.states(8, "bolt")
    assert moved.lines() == ["ann 0.6-8 cleared"]
    assert not Pending.objects.exists()


def test_who_is_gone_keeps_none(moved: World) -> None:
    ann(moved, 0.75, "acme")
    moved.come(0.8, people=[{"id": "ann", "account_id": "acme", "name": "Ann", "created_at": at(-9), "deleted_at": at(0.8)}])
    moved.states(0.9, "acme")
    assert [line.rpartition(" ")[0] for line in moved.lines()] == ["ann 0.6-0.9"]
    assert not Pending.objects.exists()


# --- How it is done


def test_no_rule_and_no_account_is_no_work(begun: World) -> None:
    nobody: frozenset[str] = frozenset()
    assert facade.pulse_states(begun.book, lambda: at(1), accounts=nobody, definitions=begun.definitions).opened == 0
    report = facade.pulse_states(begun.book, lambda: at(1), accounts=frozenset({"acme"}), definitions=Definitions())
    assert report == facade.PulseReport()


def test_no_sweep_looks_beside_it(begun: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """One of them would write what the other has overtaken."""
    begun.rule(CLICKED)
    seen: list[bool] = []
    kept = type(begun.book).judge

    def judge(*given: object, **named: object) -> object:
        seen.append(locks.sweeping.locked())
        return kept(*given, **named)  # type: ignore[arg-type]

    monkeypatch.setattr(type(begun.book), "judge", judge)
    begun.states(0.6)
    assert seen == [True]
    assert not locks.sweeping.locked()


def test_the_number_of_queries_does_not_grow_with_the_accounts(begun: World) -> None:
    begun.rule(CLICKED)
    begun.come(-1, accounts=[{"id": f"a{n}", "name": f"A{n}", "created_at": at(-300)} for n in range(20)])
    asked = []
    for names, day in ((("a0", "a1"), 0.5), (tuple(f"a{n}" for n in range(2, 20)), 0.6)):
        rows = [
            {"id": f"{name}-{number}", "account_id": name, "name": "x", "kind": "click", "at": at(day)}
            for name in names
            for number in (1, 2)
        ]
        begun.come(day, events=rows)
        with CaptureQueriesContext(connection) as queries:
            assert begun.states(day + 0.01, *names).opened == len(names)
        asked.append(len(queries))
    assert asked[1] == asked[0]
