"""The life of alerts that rows and dates set off, through sweeps of real facts as they come in."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest

from tests.apps.fakes import T0
from tests.apps.world import EVENT, TICKET, World, at, ticket, world
from tocsin.alerts import facade
from tocsin.core.moment import DAY
from tocsin.core.profiles import Indicator, Profile, ProfileVersion
from tocsin.engine import HealthModel

__all__ = ["world"]

# --- Exactly one alert per rule and event


def test_one_alert_for_each_event_however_often_it_is_swept_and_imported(world: World) -> None:
    world.rule(EVENT)
    world.sweep(0)
    world.click("e1", 0.25)
    world.click("e2", 0.5)
    for day in (1, 1, 1.5):
        world.sweep(day)
        world.click("e2", 0.5, arrived=day)
    world.sweep(2)
    assert world.lines() == ["acme e1 0.25- open", "acme e2 0.5- open"]
    assert [alert.event_id for alert in world.alerts()] == ["e1", "e2"]
    assert world.notices() == ["opened", "opened"]


def test_an_event_that_arrives_after_a_later_moment_was_swept_is_not_lost(world: World) -> None:
    world.rule(EVENT)
    world.sweep(1.3)
    world.click("e1", 1.2, arrived=1.4)
    world.sweep(1.5)
    assert world.lines() == ["acme e1 1.2- open"]


def test_an_event_counts_if_it_arrives_within_48_hours_and_later_not(world: World) -> None:
    world.rule(EVENT)
    world.rule(f"{EVENT}, late: 3d", "patient")
    world.rule("when: count(events) >= 3", "history")
    world.sweep(4)
    world.click("in-time", 3, arrived=5)
    world.click("too-late", 2.9, arrived=5)
    world.click("much-too-late", 1.9, arrived=5)
    world.sweep(5.1)
    world.sweep(6)
    assert world.lines() == ["acme in-time 3- open"]
    assert world.lines("patient") == ["acme too-late 2.9- open", "acme in-time 3- open"]
    assert world.lines("history") == ["acme 5.1- open"], "what is too late counts in signals"


def test_what_was_before_the_rule_was_published_raises_nothing(world: World) -> None:
    world.sweep(1)
    world.rule(EVENT, published=1.5)
    world.click("before", 1.4)
    world.click("after", 1.6)
    world.sweep(2)
    assert world.lines() == ["acme after 1.6- open"]


def test_the_first_sweep_is_the_baseline_and_tells_nobody(world: World) -> None:
    world.rule(EVENT)
    world.rule("trigger: {countdown: renews_on, steps: [30, 14]}", "renewal")
    world.come(-2, accounts=[{"id": "acme", "name": "Acme", "renews_on": date(2026, 3, 20)}])
    world.click("e1", -0.5)
    assert world.sweep(0).baseline
    assert world.lines() == ["acme e1 -0.5- open"]
    assert all(alert.baseline for alert in world.alerts())
    assert world.notices() == []
    world.click("e2", 0.5)
    world.sweep(1)
    assert world.notices() == ["opened"]


def test_an_event_alert_expires_and_its_event_raises_no_other(world: World) -> None:
    world.rule(EVENT)
    world.sweep(0)
    world.click("e1", 0.5)
    for day in (1, 14, 15, 16):
        world.sweep(day)
    assert world.lines() == ["acme e1 0.5-15 expired"]


def test_silence_after_closing(world: World) -> None:
    world.rule(f"{EVENT}, expires: 1d, cooldown: 3d")
    for click, sweep in ((0.5, 0.6), (1.5, 2), (3, 3.1), (5, 5.1), (6.2, 6.3)):
        world.click(f"e{click:g}", click)
        world.sweep(sweep)
    assert world.lines() == ["acme e0.5 0.5-2 expired", "acme e1.5 1.5-3.1 expired", "acme e6.2 6.2- open"]


# --- Repeats


def test_repeats_are_one_alert_with_their_count_across_sweeps(world: World) -> None:
    world.rule(f"{EVENT}, collapse: 7d")
    world.sweep(0)
    for number in range(12):
        world.click(f"e{number}", 0.5 + number / 2)
        if number % 3 == 0:
            world.sweep(0.5 + number / 2)
            world.sweep(0.5 + number / 2)
    world.sweep(6.5)
    assert world.lines() == ["acme e0 0.5- open x12"]
    assert any("12" in str(line) for line in world.alerts()[0].evidence), "the count is in the evidence"
    assert world.notices() == ["opened"], "repeats are no news"
    world.click("e-next", 7.5)
    world.sweep(8)
    assert world.lines() == ["acme e0 0.5- open x12", "acme e-next 7.5- open"]


def test_repeats_are_counted_for_each_subject(world: World) -> None:
    world.rule(f"{EVENT}, collapse: 7d")
    world.sweep(0)
    for number, of in enumerate(("acme", "bolt", "acme", "bolt", "bolt")):
        world.click(f"e{number}", 0.1 * number + 0.1, of=of)
    world.sweep(1)
    assert world.lines() == ["acme e0 0.1- open x2", "bolt e1 0.2- open x3"]


def test_a_repeat_that_arrives_late_is_counted_once(world: World) -> None:
    world.rule(f"{EVENT}, collapse: 7d")
    world.sweep(0)
    world.click("e1", 0.5)
    world.sweep(1)
    world.click("e2", 0.75, arrived=1.5)
    for day in (1.6, 2, 3):
        world.sweep(day)
    assert world.lines() == ["acme e1 0.5- open x2"]


# --- New rows


def test_a_new_row_closes_its_alert_when_its_end_is_set(world: World) -> None:
    world.rule(TICKET)
    world.sweep(0)
    world.come(0.6, tickets=[ticket("t1", 0.5), ticket("t2", 0.6)])
    world.sweep(1)
    world.come(30, tickets=[ticket("t1", 0.5, resolved_at=at(29.5))])
    world.sweep(30)
    world.sweep(31)
    assert world.lines() == ["acme t1 0.5-30 cleared", "acme t2 0.6- open"]
    assert world.notices() == ["opened", "opened", "closed"]


def test_a_row_that_is_corrected_so_that_it_does_not_set_the_rule_off_closes_as_revised(world: World) -> None:
    world.rule("trigger: {new: tickets, where: priority = 'high'}")
    world.sweep(0)
    world.come(0.6, tickets=[ticket("t1", 0.5), ticket("t2", 0.5)])
    world.sweep(1)
    world.come(1.5, tickets=[ticket("t1", 0.5, priority="low")])
    world.sweep(2)
    world.sweep(3)
    assert world.lines() == ["acme t1 0.5-2 revised", "acme t2 0.5- open"]


def test_what_was_revised_counts_no_repeats_and_keeps_nothing_silent(world: World) -> None:
    world.rule("trigger: {new: tickets, where: priority = 'high'}, collapse: 7d, cooldown: 7d")
    world.sweep(0)
    world.come(0.6, tickets=[ticket("t1", 0.5)])
    world.sweep(1)
    world.come(1.5, tickets=[ticket("t1", 0.5, priority="low"), ticket("t2", 1.4)])
    world.sweep(2)
    world.come(2.5, tickets=[ticket("t3", 2.4)])
    world.sweep(3)
    assert world.lines() == ["acme t1 0.5-2 revised", "acme t2 1.4- open x2"]


def test_a_row_that_is_corrected_so_that_it_sets_the_rule_off_opens_now(world: World) -> None:
    world.rule("trigger: {new: tickets, where: priority = 'high'}")
    world.sweep(0)
    world.come(0.6, tickets=[ticket("t1", 0.5, priority="low")])
    world.sweep(1)
    world.come(1.5, tickets=[ticket("t1", 0.5)])
    world.sweep(2)
    assert world.lines() == ["acme t1 0.5- open"]


def test_a_ticket_tagged_to_more_accounts_is_an_alert_of_each(world: World) -> None:
    world.rule(TICKET)
    world.sweep(0)
    world.come(0.6, tickets=[ticket("t1", 0.5, also_accounts=["bolt"])])
    world.sweep(1)
    assert world.lines() == ["acme t1 0.5- open", "bolt t1 0.5- open"]


# --- Changes and crossings


def test_a_change_that_an_import_brings_is_dated_by_it(world: World) -> None:
    world.rule("trigger: {change: plan, to: pro}")
    world.come(-1, accounts=[{"id": "acme", "name": "Acme", "plan": "free", "created_at": at(-300)}])
    world.sweep(0)
    world.come(0.5, accounts=[{"id": "acme", "name": "Acme", "plan": "pro", "created_at": at(-300)}])
    for day in (1, 1, 2):
        world.sweep(day)
    assert [line.replace(world.alerts()[0].key, "KEY") for line in world.lines()] == ["acme KEY 0.5- open"]
    assert world.alerts()[0].key == "2026-03-01T20:00:00Z"


def test_a_subscription_that_is_changed_in_place_is_a_change_as_of_its_import(world: World) -> None:
    world.rule("when: 'days_in(renews_on) < 14 and days_until(renews_on) - days_until(previous(renews_on)) >= 180'", "renewed")
    world.rule("when: 'change(mrr, 14d) >= 10%'", "grown")
    world.rule("trigger: {change: seats, direction: down}", "shrunk")
    world.rule("trigger: {countdown: renews_on, steps: [30], overdue: true}", "due")
    row = {"id": "s1", "account_id": "acme", "starts_on": at(-300).date(), "renews_on": at(3).date(), "mrr": 100, "seats": 9}
    world.come(-1, subscriptions=[row])
    for day in (1, 4):
        world.sweep(day)
    world.come(4.5, subscriptions=[{**row, "renews_on": at(368).date(), "mrr": 150, "seats": 7}])
    for day in (5, 6, 30):
        world.sweep(day)
    assert world.lines("due") == ["acme 2026-03-04 0-5 cleared step overdue"]
    assert world.lines("renewed") == world.lines("grown") == ["acme 5-30 cleared"]
    assert [line.split()[2:] for line in world.lines("shrunk")] == [["4.5-30", "expired"]]
    before = world.book.signals(["days_until(renews_on)", "mrr", "seats"], [at(2)]).to_pylist()[0]
    assert [before[f"f{number}"] for number in range(3)] == [1, 100, 9], "what was so then is no other by now"


def test_a_person_who_is_gone_is_an_alert_of_the_person(world: World) -> None:
    world.rule("subject: person, trigger: {change: deleted_at}, where: deleted_at is not null")
    ann = {"id": "ann", "account_id": "acme", "name": "Ann", "created_at": at(-100)}
    world.come(-1, people=[ann])
    world.sweep(0)
    world.come(1, people=[ann | {"deleted_at": at(0.5)}])
    world.sweep(1)
    world.sweep(2)
    (alert,) = world.alerts()
    assert (alert.subject_kind, alert.subject_id, alert.account_id, alert.opened_at) == ("person", "ann", "acme", at(0.5))


def test_an_entry_is_told_once_and_again_after_an_exit(world: World) -> None:
    world.rule("trigger: {enter: busy}, expires: 2d")
    world.rule("trigger: {leave: busy}", "left")
    for day in (0.5, 0.75, 10, 10.25):
        world.click(f"e{day:g}", day)
    for day in (1, 1, 2, 5, 9, 11, 12):
        world.sweep(day)
    assert [line.split(" ", 2)[2] for line in world.lines()] == ["1-5 expired", "11- open"]
    assert [line.split(" ", 2)[2] for line in world.lines("left")] == ["9- open"]


def test_an_entry_by_what_arrives_after_a_later_moment_was_swept_is_not_lost(world: World) -> None:
    world.rule("trigger: {enter: busy}")
    world.click("e1", 0.9)
    world.sweep(1)
    world.click("e2", 0.95, arrived=1.05)
    world.sweep(1.1)
    world.sweep(1.2)
    assert [alert.subject_id for alert in world.alerts()] == ["acme"]


def test_an_entry_while_the_rule_was_silent_is_not_told_afterwards(world: World) -> None:
    world.rule("trigger: {enter: busy}, expires: 1d, cooldown: 9d")
    for day in (0.5, 0.75, 9, 9.1):
        world.click(f"e{day:g}", day)
    for day in (1, 2, 8, 9, 10, 10.5, 11.5, 12):
        world.sweep(day)
    assert [line.split(" ", 2)[2] for line in world.lines()] == ["1-2 expired"]


# --- Health


def profile(score: str, version: int, published: float) -> ProfileVersion:
    return ProfileVersion(Profile("all", "All", 1, (Indicator("Seats", "proactive", 1, score),)), version, at(published))


@pytest.fixture
def healthy(world: World) -> World:
    """Everybody is in good health: ten points a seat."""
    world.health = HealthModel((profile("10 * seats", 1, -400),))
    world.seats(9, -300, of="acme")
    world.seats(9, -300, of="bolt")
    return world


def test_a_drop_of_health_is_told_once(healthy: World) -> None:
    healthy.rule("trigger: {change: health_band, from: [Good, Average], to: Poor}")
    healthy.sweep(0)
    healthy.seats(6, 0.2)
    healthy.seats(1, 0.5)
    for day in (1, 1, 1.5, 2, 3):
        healthy.sweep(day)
    (alert,) = healthy.alerts()
    assert (alert.subject_id, alert.state) == ("acme", "open")
    assert at(0.5) < alert.opened_at <= at(1)
    assert healthy.notices() == ["opened"]


def test_a_drop_of_health_by_what_arrives_after_a_later_moment_was_swept_is_not_lost(healthy: World) -> None:
    healthy.rule("trigger: {change: health_band, to: Poor}")
    healthy.sweep(1)
    healthy.seats(1, 0.95, arrived=1.05)
    for day in (1.1, 1.2, 2, 3):
        healthy.sweep(day)
    assert [alert.subject_id for alert in healthy.alerts()] == ["acme"]


def test_drops_of_health_that_repeat_are_counted(healthy: World) -> None:
    healthy.rule("trigger: {change: health_band, to: Poor}, collapse: 20d, expires: 20d")
    healthy.sweep(0)
    for day, seats in ((0.5, 1), (2.5, 9), (4.5, 1)):
        healthy.seats(seats, day)
        healthy.sweep(day + 0.1)
        healthy.sweep(day + 1)
    assert [alert.count for alert in healthy.alerts()] == [2]


def test_a_change_of_profile_fires_nothing(healthy: World) -> None:
    healthy.rule("trigger: {change: health_band}")
    healthy.sweep(0)
    healthy.health = HealthModel((*healthy.health.versions, profile("seats", 2, 0.5)))
    for day in (1, 2, 3):
        healthy.sweep(day)
    assert healthy.alerts() == []


POOR = "when: health_band = 'Poor'"
# What names health: rule -> whose alert it is.
OF_HEALTH = {
    "a condition": (POOR, "acme"),
    "a signal": ("when: unwell", "acme"),
    "a scope": ("where: health_score < 40, when: seats > 0", "acme"),
    "a segment of `vary`": ("when: seats > $n, with: {n: 90}, vary: [{where: health_band = 'Poor', with: {n: 1}}]", "acme"),
    "an entry": ("trigger: {enter: failing}", "acme"),
    "an exit": ("trigger: {leave: well}", "acme"),
    "a countdown": ("trigger: {countdown: renews_on, steps: [90]}, where: health_band = 'Poor'", "acme"),
    "a person's account": ("subject: person, when: account.health_band = 'Poor'", "ann"),
    "the book of a csm": ("subject: csm, when: count(accounts where health_band = 'Poor') > 0", "cy@us.example"),
}


@pytest.fixture
def measured(healthy: World) -> World:
    """Acme has somebody, somebody's, and a renewal ahead; from half past day 0 on a seat brings a single point."""
    acme = {"id": "acme", "name": "Acme", "created_at": at(-300), "owner": "cy@us.example", "renews_on": date(2026, 5, 1)}
    healthy.come(-1, accounts=[acme], people=[{"id": "ann", "account_id": "acme", "name": "Ann", "created_at": at(-9)}])
    healthy.come(-1, csms=[{"email": "cy@us.example", "name": "Cy"}])
    return healthy


def rescore(world: World, day: float = 0.5, *, score: str = "seats") -> None:
    """Another version of the profile decides from a day on."""
    versions = world.health.versions
    world.health = HealthModel((*versions, profile(score, len(versions) + 1, day)))


@pytest.mark.parametrize("case", OF_HEALTH)
def test_what_another_version_of_a_profile_opens_is_a_baseline(case: str, measured: World) -> None:
    text, whose = OF_HEALTH[case]
    measured.rule(f"{text}, renotify: 3d" if "trigger" not in text else text)
    measured.sweep(0.4)
    rescore(measured)
    for day in (1, 2, 9):
        measured.sweep(day)
    alert = next(each for each in measured.alerts() if each.subject_id == whose)
    assert (alert.state, alert.opened_at, alert.baseline) == ("open", at(1), True)
    assert [each.reason for each in facade.alert(alert.id).timeline] == ["health is scored by another version of its profile"]
    assert measured.notices() == [], "nor is anybody reminded"


def test_what_happens_after_the_first_look_by_another_version_is_told(measured: World) -> None:
    measured.rule(POOR)
    measured.rule("when: seats < 3", "few")
    rescore(measured, 0.5, score="9 * seats")
    measured.seats(1, 0.6, of="bolt")
    measured.sweep(1)
    assert [(each.subject_id, each.baseline) for each in measured.alerts("few")] == [("bolt", False)], "it is not about health"
    assert measured.notices() == ["opened"]
    measured.seats(1, 1.5)
    measured.sweep(2)
    assert [(each.subject_id, each.baseline) for each in measured.alerts()] == [("bolt", True), ("acme", False)]


def test_a_pulse_by_another_version_tells_nobody_either(measured: World) -> None:
    measured.rule(f"{POOR}, max_new: 0")
    measured.sweep(0.4)
    rescore(measured)
    assert measured.states(0.6, "acme").opened == 1, "nor is it held for review"
    assert measured.notices() == []
    measured.sweep(1)
    assert [(each.subject_id, each.baseline) for each in measured.alerts()] == [("acme", True), ("bolt", True)]


def test_what_must_hold_for_a_while_counts_from_when_it_was_first_seen(measured: World) -> None:
    measured.rule(f"{POOR}, for: 4d")
    measured.sweep(0.4)
    rescore(measured)
    measured.sweep(1)
    measured.seats(2, 1.5, of="coil")
    for day in (2, 5, 6):
        measured.sweep(day)
    found = [(each.subject_id, each.opened_at, each.baseline) for each in measured.alerts()]
    assert found == [("acme", at(5), True), ("bolt", at(5), True), ("coil", at(6), False)]
    assert measured.notices() == ["opened"]


def test_a_rule_that_could_not_be_judged_looks_when_it_can(measured: World) -> None:
    measured.rule(f"{POOR}, needs: {{events: 1d}}")
    measured.sweep(0.4)
    rescore(measured)
    measured.sweep(1)
    measured.click("e1", 2.9)
    measured.sweep(3)
    assert [(each.subject_id, each.baseline) for each in measured.alerts()] == [("acme", True), ("bolt", True)]


# --- Countdowns


def renews(day: date) -> list[dict[str, Any]]:
    return [{"id": "acme", "name": "Acme", "created_at": at(-300), "renews_on": day}]


def test_the_steps_of_a_countdown_are_one_alert_and_one_notice_each(world: World) -> None:
    world.rule("trigger: {countdown: renews_on, steps: [30, 14, 7], overdue: true}")
    world.sweep(0)
    world.come(0.5, accounts=renews(date(2026, 3, 20)))  # T0 is the 1st of March
    told = []
    for day in range(1, 22):
        world.sweep(day)
        told += [f"{day} {kind}" for kind in world.notices()]
    assert told == ["1 opened", "5 stepped", "12 stepped", "20 stepped"]
    assert world.lines() == ["acme 2026-03-20 1- open step overdue"]
    kinds = [(entry.kind, (entry.at - T0) / DAY) for entry in facade.alert(world.alerts()[0].id).timeline]
    assert kinds == [("opened", 1), ("stepped", 5), ("stepped", 12), ("stepped", 20)]


def test_a_date_that_moves_on_ends_the_countdown_and_begins_another(world: World) -> None:
    world.rule("trigger: {countdown: renews_on, steps: [30, 14, 7]}")
    world.come(-1, accounts=renews(date(2026, 3, 20)))
    world.sweep(1)
    world.come(2, accounts=renews(date(2026, 4, 10)))
    world.sweep(2.5)
    world.sweep(11)
    world.come(12, accounts=renews(date(2027, 3, 20)))
    world.sweep(12.5)
    assert world.lines() == ["acme 2026-03-20 0-2.5 cleared step 30", "acme 2026-04-10 11-12.5 cleared step 30"]


def test_a_step_is_told_to_who_has_the_alert_already(world: World) -> None:
    world.rule("trigger: {countdown: renews_on, steps: [30, 14, 7]}, renotify: 2d")
    world.sweep(0)
    world.come(0.5, accounts=renews(date(2026, 3, 20)))
    world.sweep(1)
    facade.acknowledge(world.alerts()[0].id, by="ann@us.example", moment=at(1.5))
    world.notices()
    told = []
    for day in range(2, 8):
        world.sweep(day)
        told += [f"{day} {kind}" for kind in world.notices()]
    assert told == ["5 stepped"], "no reminders, but the step"
    assert world.alerts()[0].state == "acknowledged"


def test_each_task_is_counted_down_by_itself(world: World) -> None:
    world.rule("subject: csm, trigger: {countdown: tasks.due_on, steps: [3], overdue: true}")
    task = {"account_id": "acme", "assignee": "ann@us.example", "title": "A", "created_at": at(-5), "due_on": date(2026, 3, 4)}
    world.come(-1, tasks=[{"id": "k1", **task}, {"id": "k2", **task}])
    world.sweep(1)
    world.come(2, tasks=[{"id": "k2", **task, "completed_at": at(1.5)}])
    world.sweep(2)
    world.sweep(5)
    assert world.lines() == ["ann@us.example k1 0- open step overdue", "ann@us.example k2 0-2 cleared step 3"]


# --- Guards


def test_too_many_new_alerts_of_rows_are_held_for_review(world: World) -> None:
    world.rule(f"{EVENT}, max_new: 2")
    world.sweep(0)
    for number, of in enumerate(("acme", "bolt", "coil")):
        world.click(f"e{number}", 0.5, of=of)
    report = world.sweep(1)
    assert (report.held, report.opened) == (3, 0)
    world.sweep(1)
    world.sweep(2)
    assert [alert.state for alert in world.alerts()] == ["held"] * 3
    assert world.notices() == []
    world.click("e3", 2.5)
    assert world.sweep(3).opened == 1


def test_stale_facts_hold_a_rule_and_its_rows_are_not_lost(world: World) -> None:
    world.rule(f"{EVENT}, needs: {{surveys: 26h}}")
    world.come(0, surveys=[{"id": "s1", "account_id": "bolt", "kind": "nps", "score": 9, "at": at(0)}])
    world.sweep(0.5)
    world.click("e1", 2.5)
    for day in (3, 4, 5, 6):
        assert list(world.sweep(day).unknown) == ["r"]
    assert world.lines() == []
    world.come(6.1, surveys=[{"id": "s2", "account_id": "bolt", "kind": "nps", "score": 9, "at": at(6)}])
    assert world.sweep(6.5).unknown == {}
    assert world.lines() == ["acme e1 2.5- open"]


def test_nobody_is_silent_where_a_collection_has_no_rows_at_all(world: World) -> None:
    world.rule("when: days_quiet(touchpoints) > 5")
    world.rule("when: days_quiet(touchpoints) > 5, state: shadow", "shadow")
    world.rule("when: days_quiet(touchpoints) > 5 or mrr is null", "other")
    report = world.sweep(1)
    assert report.unknown == dict.fromkeys(("r", "shadow"), "there are no touchpoints at all: import touchpoints")
    assert (report.matches, report.shadow) == ({"other": 3}, {})
    world.states(1.5)
    assert world.lines() == []
    world.come(2, touchpoints=[{"account_id": "bolt", "kind": "call", "at": at(1.5)}])
    report = world.sweep(2)
    assert (report.unknown, report.shadow) == ({}, {"shadow": 2})
    assert world.lines() == ["acme 2- open", "coil 2- open"]


def test_a_rule_that_could_not_be_judged_loses_no_rows(world: World) -> None:
    world.rule("trigger: {event: kind = 'click'}, where: colour = 'red'")
    world.sweep(0.5)
    world.click("e1", 1)
    assert list(world.sweep(1.5).unknown) == ["r"]
    world.come(2, accounts=[{"id": "acme", "name": "Acme", "colour": "red", "created_at": at(-300)}])
    world.sweep(2)
    assert world.lines() == ["acme e1 1- open"]


def test_what_is_inhibited_says_by_which_rule_and_tells_nobody(world: World) -> None:
    world.rule("when: count(tickets where open) > 0", "cause")
    world.rule(f"{EVENT}, inhibited_by: [cause]")
    world.sweep(0)
    world.come(0.4, tickets=[ticket("t1", 0.3)])
    world.click("e1", 0.5)
    world.click("e2", 0.5, of="bolt")
    world.sweep(1)
    assert {alert.subject_id: alert.inhibited_by for alert in world.alerts()} == {"acme": "cause", "bolt": ""}
    assert world.notices() == ["opened", "opened"], "of the cause, and of the other account"
    world.come(1.5, tickets=[ticket("t1", 0.3, resolved_at=at(1.4))])
    world.sweep(2)
    assert {alert.subject_id: alert.inhibited_by for alert in world.alerts()} == {"acme": "", "bolt": ""}
    assert [alert.state for alert in world.alerts()] == ["open", "open"], "an episode is never suppressed"


def test_who_is_inhibited_is_not_reminded_of(world: World) -> None:
    world.rule("when: count(tickets where open) > 0", "cause")
    world.rule("when: count(events) > 0, renotify: 1d, inhibited_by: [cause]")
    world.sweep(0)
    world.come(0.4, tickets=[ticket("t1", 0.3)])
    world.click("e1", 0.5)
    for day in (1, 2, 3):
        world.sweep(day)
    assert world.notices() == ["opened"], "of the cause"


# --- Rule states


def test_a_rule_in_shadow_raises_nothing(world: World) -> None:
    world.rule(f"{EVENT}, state: shadow")
    world.rule("trigger: {countdown: renews_on, steps: [30]}, state: shadow", "renewal")
    world.sweep(0)
    world.come(0.1, accounts=renews(date(2026, 3, 20)))
    world.click("e1", 0.5)
    report = world.sweep(1)
    assert (report.opened, facade.list_alerts(), world.notices()) == (0, [], [])
    assert report.shadow["renewal"] == 1
    world.rule(EVENT, published=1.5)
    world.click("e2", 1.6)
    world.sweep(2)
    assert world.lines() == ["acme e2 1.6- open"], "switched on, it begins from there"


@pytest.mark.parametrize("state", ["shadow", "off", "draft"])
def test_a_rule_that_is_no_longer_on_closes_its_alerts_and_they_do_not_come_back(state: str, world: World) -> None:
    world.rule(EVENT)
    world.rule("trigger: {countdown: renews_on, steps: [30]}", "renewal")
    world.sweep(0)
    world.come(0.1, accounts=renews(date(2026, 3, 20)))
    world.click("e1", 0.5)
    world.sweep(1)
    world.rule(f"{EVENT}, state: {state}")
    world.rule(f"trigger: {{countdown: renews_on, steps: [30]}}, state: {state}", "renewal")
    world.sweep(1.5)
    assert world.lines() == ["acme e1 0.5-1.5 switched_off"]
    assert [alert.close_reason for alert in world.alerts("renewal")] == ["switched_off"]
    world.rule(EVENT)
    world.sweep(2)
    assert world.lines() == ["acme e1 0.5-1.5 switched_off"]
