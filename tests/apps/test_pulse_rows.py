"""The pulse of rows: what has just arrived opens alerts at once, each once, and none that a sweep would not open."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from tests.apps.world import EVENT, TICKET, World, at, ticket, world
from tocsin.alerts import facade
from tocsin.alerts.models import Episode, Sweep, Transition
from tocsin.engine import Arrived

__all__ = ["world"]

MINUTE, HOUR, SECOND, MICROSECOND = 1 / 1440, 1 / 24, 1 / 86400, 1 / 86_400_000_000
CLICKED = Arrived(frozenset({"events"}), frozenset({"x"}))


@pytest.fixture
def begun(world: World) -> World:
    """With the baseline taken on day 0, before anything came in."""
    world.rule("when: mrr < 0", "stock")
    world.sweep(0)
    world.seen = 0
    return world


# --- Each trigger


def test_an_event_opens_an_alert_at_once_and_the_sweep_opens_no_other(begun: World) -> None:
    begun.rule(EVENT)
    begun.click("e1", 0.5)
    report = begun.rows(0.5 + SECOND, "acme", what=CLICKED)
    assert (report.opened, report.missed) == (1, False)
    assert begun.lines() == ["acme e1 0.5- open"]
    (alert,) = begun.alerts()
    assert (alert.event_id, alert.opened_at, alert.account.name if alert.account else "") == ("e1", at(0.5), "Acme")
    assert begun.notices() == ["opened"]
    assert Transition.objects.get().by == "pulse"
    begun.sweep(1)
    assert begun.lines() == ["acme e1 0.5- open"]
    assert begun.notices() == []


def test_a_new_row_opens_and_closes_when_it_ends(begun: World) -> None:
    begun.rule(TICKET)
    begun.come(0.6, tickets=[ticket("t1", 0.5)])
    begun.rows(0.7, what=Arrived(frozenset({"tickets"}), frozenset()))
    assert begun.lines() == ["acme t1 0.5- open"]
    begun.come(0.8, tickets=[ticket("t1", 0.5, resolved_at=at(0.75))])
    begun.rows(0.9, what=Arrived(frozenset({"tickets"}), frozenset()))
    begun.sweep(1)
    assert begun.lines() == ["acme t1 0.5-1 cleared"]
    assert begun.notices() == ["opened", "closed"]


def test_a_row_that_was_over_when_it_came_is_news_to_nobody(begun: World) -> None:
    begun.rule(TICKET)
    begun.come(0.6, tickets=[ticket("t1", 0.5, resolved_at=at(0.55))])
    begun.rows(0.7)
    begun.sweep(1)
    assert begun.lines() == ["acme t1 0.5-0.7 cleared"]
    assert begun.notices() == []


def test_a_change_of_an_attribute(begun: World) -> None:
    begun.rule("trigger: {change: plan, to: pro}")
    begun.come(-1, accounts=[{"id": "acme", "name": "Acme", "plan": "free", "created_at": at(-300)}])
    begun.come(0.5, accounts=[{"id": "acme", "name": "Acme", "plan": "pro", "created_at": at(-300)}])
    begun.rows(0.5 + SECOND, what=Arrived(frozenset({"accounts"}), frozenset()))
    begun.rows(0.6, what=Arrived(frozenset({"accounts"}), frozenset()))
    begun.sweep(1)
    assert begun.lines() == ["acme 2026-03-01T20:00:00Z 0.5- open"]


def test_the_condition_beside_a_trigger_is_judged_as_of_the_row(begun: World) -> None:
    begun.rule(f"{EVENT}, when: count(events where kind = 'click') >= 2")
    begun.click("e1", 0.5)
    begun.rows(0.51)
    begun.click("e2", 0.52)
    begun.rows(0.53)
    begun.click("e0", 0.4, arrived=0.54)  # now e1 was the second, but a pulse looks at what has arrived
    begun.rows(0.55)
    assert begun.lines() == ["acme e2 0.52- open"]
    begun.sweep(1)
    assert begun.lines() == ["acme e1 0.5- open", "acme e2 0.52- open"]


def test_a_person_and_a_feature_are_subjects_too(begun: World) -> None:
    begun.rule(f"subject: person, {EVENT}", "person")
    begun.rule(f"subject: feature, {EVENT}", "feature")
    begun.come(-1, people=[{"id": "ann", "account_id": "acme", "name": "Ann", "created_at": at(-9)}])
    begun.click("e1", 0.5, person_id="ann", feature="Reports")
    begun.rows(0.51, "acme")
    assert begun.lines("person") == ["ann e1 0.5- open"]
    assert begun.lines("feature") == ["acme/Reports e1 0.5- open"]
    begun.sweep(1)
    assert len(facade.list_alerts()) == 2


def test_what_hangs_on_two_looks_is_left_to_the_sweep(begun: World) -> None:
    begun.rule("trigger: {enter: busy}")
    begun.click("e1", 0.5)
    begun.click("e2", 0.6)
    assert begun.rows(0.7).opened == 0
    begun.sweep(1)
    assert [each.subject_id for each in begun.alerts()] == ["acme"]


# --- Late, published, ahead


def test_an_event_exactly_as_late_as_may_be_counts_and_a_later_one_does_not(begun: World) -> None:
    begun.rule(EVENT)
    begun.rule(f"{EVENT}, late: 1h", "hasty")
    begun.sweep(2.9)
    begun.seen = 2.95
    begun.come(
        3,
        events=[
            {"id": name, "account_id": "acme", "name": "x", "kind": "click", "at": moment}
            for name, moment in (
                ("edge", at(1)),
                ("late", at(1 - MICROSECOND)),
                ("hour", at(3 - HOUR)),
                ("more", at(3 - HOUR - MICROSECOND)),
            )
        ],
    )
    begun.rows(3 + MINUTE)
    expected = ["acme edge 1- open", "acme more 2.95833- open", "acme hour 2.95833- open"]
    assert begun.lines() == expected
    assert begun.lines("hasty") == expected[2:]
    begun.sweep(3.1)
    assert begun.lines() == expected
    assert begun.lines("hasty") == expected[2:]


def test_a_row_that_is_stored_while_a_sweep_looks_and_is_nearly_too_late_is_not_lost(begun: World) -> None:
    """Known since before the sweep, it was not there to be seen; a moment later it is older than any look goes back."""
    begun.rule(EVENT)
    begun.sweep(3)
    begun.click("edge", 1 + MICROSECOND, arrived=3 - MINUTE)
    begun.rows(3 + MINUTE, since=3 - 2 * MINUTE)
    assert begun.lines() == ["acme edge 1- open"]


def test_only_what_arrived_after_the_rule_was_published_counts(begun: World) -> None:
    begun.click("before", 0.5)
    begun.rule(EVENT, published=0.6)
    begun.rows(0.61)
    assert begun.lines() == []
    begun.click("after", 0.55, arrived=0.62)
    begun.rows(0.63)
    assert begun.lines() == ["acme after 0.55- open"], "it arrived after, although it happened before"


def test_what_happens_ahead_of_the_clock_waits_until_it_has_happened(begun: World) -> None:
    begun.rule(EVENT)
    begun.click("ahead", 0.6, arrived=0.5)
    assert begun.rows(0.51).opened == 0
    begun.sweep(0.7)
    assert begun.lines() == ["acme ahead 0.6- open"]


def test_what_arrived_before_the_last_pulse_is_not_looked_at_again(begun: World) -> None:
    begun.rule(EVENT)
    begun.click("e1", 0.5)
    assert begun.rows(0.51, since=0.5).opened == 0
    assert begun.rows(0.52, since=0.5 - SECOND).opened == 1


def test_only_the_accounts_that_are_named_are_looked_at(begun: World) -> None:
    begun.rule(EVENT)
    begun.click("e1", 0.5)
    begun.click("e2", 0.5, of="bolt")
    begun.rows(0.51, "bolt")
    assert begun.lines() == ["bolt e2 0.5- open"]


def test_the_clock_behind_the_latest_sweep_misses(begun: World) -> None:
    begun.rule(EVENT)
    begun.click("e1", 0.5)
    begun.sweep(0.6)
    begun.click("e2", 0.55)
    assert begun.rows(0.59).missed
    assert begun.lines() == ["acme e1 0.5- open"]
    begun.sweep(0.7)
    assert begun.lines() == ["acme e1 0.5- open", "acme e2 0.55- open"]


def test_before_the_first_sweep_rows_are_told_and_the_baseline_opens_no_second(world: World) -> None:
    world.rule(EVENT)
    world.rule("when: mrr < 0", "stock")
    world.click("e1", -0.5)
    assert world.rows(-0.4).opened == 1
    assert world.notices() == ["opened"]
    assert world.sweep(0).baseline
    assert world.lines() == ["acme e1 -0.5- open"]
    assert world.notices() == []


def test_where_only_rows_set_rules_off_pulses_go_by_the_latest_sweep_too(world: World) -> None:
    world.rule(f"{EVENT}, max_new: 5")
    assert world.sweep(0).baseline
    assert Sweep.objects.get().subjects == 3
    world.seen = 0
    clicks(world, 0, 4, 0.5)
    assert world.rows(0.5 + MINUTE).opened == 4
    assert not world.sweep(0.5 + 2 * MINUTE).baseline
    clicks(world, 10, 4, 0.5 + 3 * MINUTE)
    report = world.rows(0.5 + 4 * MINUTE)
    assert (report.opened, report.held) == (4, 0), "what was opened before the sweep counts no more"
    assert world.rows(0.5 + MINUTE).missed


def test_a_share_of_new_alerts_is_of_all_accounts_where_only_rows_set_rules_off(world: World) -> None:
    world.come(-20, accounts=[{"id": f"a{number:03}", "name": "A", "created_at": at(-300)} for number in range(500)])
    world.rule(f"{EVENT}, max_new: 5%")
    world.sweep(0)
    world.seen = 0
    clicks(world, 0, 25, 0.5)
    assert world.rows(0.6).opened == 25
    clicks(world, 50, 26, 0.65)
    world.sweep(0.7)
    assert [each.state for each in world.alerts()] == ["open"] * 25 + ["held"] * 26
    clicks(world, 100, 25, 0.8)
    assert world.sweep(0.9).opened == 25


# --- Which rules


def test_only_rules_that_are_on_and_that_it_stirs_are_asked(begun: World, monkeypatch: pytest.MonkeyPatch) -> None:
    for state in ("shadow", "off", "draft"):
        begun.rule(f"{EVENT}, state: {state}", state)
    begun.rule(EVENT, "on")
    begun.rule(TICKET, "ticket")
    begun.rule("trigger: {event: name = 'other'}", "other")
    begun.rule("when: count(events) > 0", "condition")
    begun.click("e1", 0.5)
    asked: list[str] = []
    kept = type(begun.book).occurrences

    def occurrences(book: Any, rules: Any, *more: Any, **named: Any) -> Any:
        asked.extend(each.id for each in rules)
        return kept(book, rules, *more, **named)

    monkeypatch.setattr(type(begun.book), "occurrences", occurrences)
    begun.rows(0.51, what=CLICKED)
    assert asked == ["on"]
    assert [each.rule for each in facade.list_alerts()] == ["on"]


def test_no_rule_and_no_account_is_no_work(begun: World) -> None:
    begun.click("e1", 0.5)
    assert begun.rows(0.51).opened == 0
    begun.rule(EVENT)
    arrived = at(0)
    report = facade.pulse_rows(
        begun.book, lambda: at(0.6), accounts=frozenset(), arrived=arrived, definitions=begun.definitions
    )
    assert report == facade.PulseReport()


def test_the_rules_in_force_are_taken_where_none_are_given(begun: World) -> None:
    begun.rule(EVENT)
    facade.publish_rules(begun.definitions, by="test", moment=at(0.1))
    begun.click("e1", 0.5)
    report = facade.pulse_rows(begun.book, lambda: at(0.6), accounts=frozenset({"acme"}), arrived=at(0.2))
    assert report.opened == 1


def test_a_rule_whose_data_are_too_old_waits_for_the_sweep(begun: World) -> None:
    begun.rule(f"{EVENT}, needs: {{metrics: 1h}}, collapse: 1d")
    begun.click("e1", 0.5)
    begun.rows(0.51)
    begun.sweep(0.52)
    assert begun.lines() == []
    begun.come(0.6, metrics=[{"account_id": "acme", "name": "load", "value": 1, "at": at(0.6)}])
    begun.click("e2", 0.6)
    begun.rows(0.61)
    assert begun.lines() == ["acme e2 0.6- open"], "a pulse looks at what has just arrived"
    begun.sweep(0.62)
    assert [line.split()[1] for line in begun.lines()] == ["e1", "e2"], "the sweep at what has waited"


def test_a_rule_that_cannot_be_read_keeps_no_other_back(begun: World) -> None:
    begun.rule("trigger: {event: kind = 'click'}, when: no_such_signal > 1", "broken")
    begun.rule(EVENT)
    begun.click("e1", 0.5)
    assert begun.rows(0.51).opened == 1


def test_a_churned_account_is_silent(begun: World) -> None:
    begun.rule(EVENT)
    begun.rule(f"{EVENT}, where: status is not null", "churn")
    begun.come(0.1, accounts=[{"id": "acme", "name": "Acme", "created_at": at(-300), "churned_at": at(0.2)}])
    begun.click("e1", 0.5)
    begun.rows(0.51)
    assert begun.lines() == []
    assert begun.lines("churn") == ["acme e1 0.5- open"]


# --- Repeats


def test_repeats_fold_into_the_alert_of_an_earlier_pulse_and_the_sweep_counts_them(begun: World) -> None:
    begun.rule(f"{EVENT}, collapse: 2d")
    for number in range(5):
        begun.click(f"e{number}", 0.5 + number / 100)
        begun.rows(0.505 + number / 100)
    assert [line.rpartition(" x")[0] or line for line in begun.lines()] == ["acme e0 0.5- open"]
    begun.sweep(1)
    assert begun.lines() == ["acme e0 0.5- open x5"]
    assert begun.notices() == ["opened"]
    begun.click("e9", 2.5 + MINUTE)
    begun.rows(2.51)
    assert begun.lines()[1:] == ["acme e9 2.50069- open"]


def test_a_count_is_never_a_wrong_one(begun: World) -> None:
    """Of those that one pulse saw and of those that another saw neither is the number of all."""
    begun.rule(f"{EVENT}, collapse: 2d")
    for batch in ((1, 2), (3, 4, 5)):
        for number in batch:
            begun.click(f"e{number}", 0.5 + number / 100)
        begun.rows(0.5 + batch[-1] / 100 + MINUTE)
    assert begun.lines() == ["acme e1 0.51- open x2"], "until the sweep has counted them all"
    begun.sweep(1)
    assert begun.lines() == ["acme e1 0.51- open x5"]


def test_several_in_one_pulse_are_one_alert_with_their_count(begun: World) -> None:
    begun.rule(f"{EVENT}, collapse: 2d")
    for number in range(3):
        begun.click(f"e{number}", 0.5 + number / 100)
    begun.rows(0.6)
    assert begun.lines() == ["acme e0 0.5- open x3"]


def test_silence_after_closing_holds_across_pulses(begun: World) -> None:
    begun.rule(f"{EVENT}, expires: 1d, cooldown: 3d")
    begun.click("e1", 0.5)
    begun.rows(0.51)
    begun.sweep(1.6)
    for number, day in enumerate((2, 4.5, 4.7)):
        begun.click(f"f{number}", day)
        begun.rows(day + MINUTE)
    assert [line.split()[1] for line in begun.lines()] == ["e1", "f2"]


def test_what_a_person_resolved_opens_no_more(begun: World) -> None:
    begun.rule(EVENT)
    begun.click("e1", 0.5)
    begun.rows(0.51)
    facade.resolve(begun.alerts()[0].id, by="ann@us.example", moment=at(0.6))
    begun.rows(0.7, since=0)
    begun.sweep(1)
    assert begun.lines() == ["acme e1 0.5-0.6 resolved"]


# --- The circuit breaker


def clicks(world: World, first: int, number: int, day: float) -> None:
    rows = [
        {"id": f"e{each:03}", "account_id": "acme", "name": "x", "kind": "click", "at": at(day)}
        for each in range(first, first + number)
    ]
    world.come(day, events=rows)


def test_more_than_may_open_at_once_are_held(begun: World) -> None:
    begun.rule(f"{EVENT}, max_new: 3")
    clicks(begun, 0, 4, 0.5)
    report = begun.rows(0.51)
    assert (report.opened, report.held) == (0, 4)
    assert {each.state for each in begun.alerts()} == {"held"}
    assert begun.notices() == []


def test_pulses_of_one_minute_and_its_sweep_count_together(begun: World) -> None:
    begun.rule(f"{EVENT}, max_new: 5")
    for number in range(3):
        clicks(begun, 10 * number, 2, 0.5 + number / 100)
        begun.rows(0.505 + number / 100)
    assert [each.state for each in begun.alerts()] == ["open"] * 4 + ["held"] * 2
    clicks(begun, 50, 2, 0.6)
    begun.sweep(0.61)
    assert [each.state for each in begun.alerts()] == ["open"] * 4 + ["held"] * 4
    clicks(begun, 60, 5, 0.7)
    begun.rows(0.71)
    assert [each.state for each in begun.alerts()][-5:] == ["open"] * 5, "after a sweep it counts anew"


def test_what_was_held_counts_as_well(begun: World) -> None:
    """A flood that is cut into pulses is a flood: its tail goes out no more than its head did."""
    begun.rule(f"{EVENT}, max_new: 5")
    clicks(begun, 0, 6, 0.5)
    begun.rows(0.51)
    clicks(begun, 10, 1, 0.52)
    begun.rows(0.53)
    clicks(begun, 20, 1, 0.54)
    begun.sweep(0.55)
    assert {each.state for each in begun.alerts()} == {"held"}


def test_the_share_is_of_those_in_scope(begun: World) -> None:
    begun.rule(f"{EVENT}, max_new: 5%")
    clicks(begun, 0, 20, 0.5)
    assert begun.rows(0.51).opened == 20
    begun.sweep(0.52)
    clicks(begun, 50, 21, 0.6)
    assert begun.rows(0.61).held == 21


# --- Inhibition


def test_an_alert_is_kept_quiet_by_one_that_runs(begun: World) -> None:
    begun.rule("trigger: {event: name = 'loud'}", "loud")
    begun.rule(f"{EVENT}, inhibited_by: [loud]")
    begun.come(0.5, events=[{"id": "l", "account_id": "acme", "name": "loud", "at": at(0.5)}])
    begun.rows(0.51)
    begun.click("e1", 0.6)
    begun.click("e2", 0.6, of="bolt")
    begun.rows(0.61)
    assert {each.subject_id: each.inhibited_by for each in begun.alerts()} == {"acme": "loud", "bolt": ""}
    assert begun.notices() == ["opened", "opened"]
    assert begun.notices() == []


def test_an_alert_that_runs_is_quieted_by_a_pulse(begun: World) -> None:
    begun.rule("trigger: {event: name = 'loud'}, expires: 1d", "loud")
    begun.rule(f"{EVENT}, inhibited_by: [loud]")
    begun.click("e1", 0.5)
    begun.rows(0.51)
    begun.come(0.6, events=[{"id": "l", "account_id": "acme", "name": "loud", "at": at(0.6)}])
    begun.rows(0.61)
    assert begun.alerts()[0].inhibited_by == "loud"
    begun.notices()
    begun.sweep(2)
    assert begun.alerts()[0].inhibited_by == ""
    assert begun.notices() == ["freed"]


# --- It leaves the rest alone, and asks little


def test_what_is_not_of_these_accounts_or_rules_is_left_as_it_is(begun: World) -> None:
    begun.rule(EVENT)
    begun.rule(f"{EVENT}, expires: 1h", "brief")
    begun.rule("when: count(events) > 0", "condition")
    begun.click("e1", 0.5)
    begun.click("b1", 0.5, of="bolt")
    begun.sweep(0.51)
    before = list(Episode.objects.exclude(rule="brief", account_id="acme").order_by("pk").values())
    begun.click("e2", 0.7)
    begun.rows(0.71, "acme")
    assert list(Episode.objects.filter(pk__in=[row["id"] for row in before]).order_by("pk").values()) == before


def test_the_number_of_queries_does_not_grow_with_the_alerts(begun: World) -> None:
    begun.rule(f"{EVENT}, max_new: 500")
    asked = []
    for first, number, day in ((0, 2, 0.5), (10, 25, 0.6)):
        clicks(begun, first, number, day)
        with CaptureQueriesContext(connection) as queries:
            assert begun.rows(day + MINUTE).opened == number
        asked.append(len(queries))
    assert asked[1] == asked[0]
