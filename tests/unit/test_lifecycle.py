"""The life of an alert: every transition, the borders, and what must hold whatever happens."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tocsin.core.errors import UserError
from tocsin.core.lifecycle import (
    CloseReason,
    EpisodeState,
    Outcome,
    Policy,
    State,
    Verdict,
    acknowledge,
    release,
    resolve,
    settle_ladder,
    snooze,
    transition,
)

T = datetime(2026, 3, 1, 6, tzinfo=UTC)
DAY, TICK = timedelta(days=1), timedelta(microseconds=1)
TRUE, FALSE, UNKNOWN = Verdict(truth=True), Verdict(truth=False), Verdict(truth=None, reason="events are 3 days old")
PLAIN = Policy()
FOR = Policy(hold=2 * DAY)
COOL = Policy(cooldown=14 * DAY)
REMIND = Policy(renotify=7 * DAY)
HYSTERESIS = Policy(has_clear=True)
EXPIRES = Policy(expires=14 * DAY)

PENDING = EpisodeState("pending", since=T)
OPEN = EpisodeState("open", since=T, opened_at=T, notified_at=T)
ACKED = replace(OPEN, state="acknowledged")
SNOOZED = replace(OPEN, state="snoozed", snoozed_until=T + 3 * DAY)
HELD = replace(OPEN, state="held", notified_at=None)
LISTED = replace(OPEN, notified_at=None, baseline=True)


def closed(because: str, *, rearmed: bool = False) -> EpisodeState:
    shut = replace(OPEN, state="closed", since=None, closed_at=T)
    return replace(shut, closed_because=because, rearmed=rearmed)  # type: ignore[arg-type]


DOZING = replace(closed("cleared", rearmed=True), snoozed_until=T + 3 * DAY)

# before, verdict, time after T, policy -> state after (None: forgotten), action, whether it is news
TABLE: dict[str, tuple[EpisodeState | None, Verdict, timedelta, Policy, State | None, str, bool]] = {
    "nothing, false": (None, FALSE, DAY, PLAIN, None, "none", False),
    "nothing, unknown": (None, UNKNOWN, DAY, PLAIN, None, "none", False),
    "nothing, true": (None, TRUE, DAY, PLAIN, "open", "open", True),
    "nothing, true with `for`": (None, TRUE, DAY, FOR, "pending", "none", False),
    "nothing, true but guarded": (None, Verdict(True, guard="90 new"), DAY, PLAIN, "held", "hold", False),
    "nothing, true but superseded": (None, Verdict(True, ends="superseded"), DAY, PLAIN, None, "none", False),
    "nothing, true at a baseline": (None, Verdict(True, baseline=True), DAY, PLAIN, "open", "open", False),
    "nothing, true and quiet": (None, Verdict(True, quiet=True), DAY, PLAIN, "open", "open", False),
    "pending, just short of `for`": (PENDING, TRUE, 2 * DAY - TICK, FOR, "pending", "none", False),
    "pending, exactly `for`": (PENDING, TRUE, 2 * DAY, FOR, "open", "open", True),
    "pending, false": (PENDING, FALSE, DAY, FOR, None, "none", False),
    "pending, unknown": (PENDING, UNKNOWN, 5 * DAY, FOR, "pending", "none", False),
    "pending, held by a guard": (PENDING, Verdict(True, guard="90 new"), 2 * DAY, FOR, "held", "hold", False),
    "open, true": (OPEN, TRUE, DAY, PLAIN, "open", "keep", False),
    "open, false": (OPEN, FALSE, DAY, PLAIN, "closed", "close", True),
    "open, false and quiet": (OPEN, Verdict(False, quiet=True), DAY, PLAIN, "closed", "close", False),
    "open, unknown": (OPEN, UNKNOWN, DAY, PLAIN, "open", "keep", False),
    "open, unknown when a reminder is due": (OPEN, UNKNOWN, 9 * DAY, REMIND, "open", "keep", False),
    "open, unknown when it would expire": (OPEN, UNKNOWN, 20 * DAY, EXPIRES, "open", "keep", False),
    "open, false, not yet clear": (OPEN, FALSE, DAY, HYSTERESIS, "open", "keep", False),
    "open, false and clear": (OPEN, Verdict(False, cleared=True), DAY, HYSTERESIS, "closed", "close", True),
    "open, true and clear at once": (OPEN, Verdict(True, cleared=True), DAY, HYSTERESIS, "open", "keep", False),
    "open, just short of a reminder": (OPEN, TRUE, 7 * DAY - TICK, REMIND, "open", "keep", False),
    "open, exactly a reminder": (OPEN, TRUE, 7 * DAY, REMIND, "open", "renotify", True),
    "open, just short of expiring": (OPEN, TRUE, 14 * DAY - TICK, EXPIRES, "open", "keep", False),
    "open, exactly expiring": (OPEN, TRUE, 14 * DAY, EXPIRES, "closed", "close", False),
    "open, of the baseline: nobody was told": (LISTED, TRUE, 30 * DAY, REMIND, "open", "keep", False),
    "open, of the baseline and told since": (replace(LISTED, notified_at=T), TRUE, 7 * DAY, REMIND, "open", "renotify", True),
    "open, reached from a higher stage": (replace(OPEN, notified_at=None), TRUE, 7 * DAY, REMIND, "open", "renotify", True),
    "open, of the baseline and false": (LISTED, FALSE, DAY, PLAIN, "closed", "close", False),
    "open, a reminder is due quietly": (OPEN, Verdict(True, quiet=True), 7 * DAY, REMIND, "open", "keep", False),
    "open, superseded quietly": (
        OPEN, Verdict(True, ends="superseded", quiet=True), DAY, PLAIN, "closed", "close", False,
    ),
    "open, the subject is gone": (OPEN, Verdict(None, ends="subject_gone"), DAY, PLAIN, "closed", "close", True),
    "open, revised": (OPEN, Verdict(False, ends="revised"), DAY, PLAIN, "closed", "close", True),
    "acknowledged, true": (ACKED, TRUE, 9 * DAY, REMIND, "acknowledged", "keep", False),
    "acknowledged, false": (ACKED, FALSE, DAY, PLAIN, "closed", "close", True),
    "snoozed, true, before its end": (SNOOZED, TRUE, 3 * DAY - TICK, REMIND, "snoozed", "keep", False),
    "snoozed, true, exactly its end": (SNOOZED, TRUE, 3 * DAY, PLAIN, "open", "wake", True),
    "snoozed, false, before its end": (SNOOZED, FALSE, DAY, PLAIN, "closed", "close", True),
    "snoozed, false, after its end": (SNOOZED, FALSE, 4 * DAY, PLAIN, "closed", "close", True),
    "snoozed, not yet clear, after its end": (SNOOZED, FALSE, 4 * DAY, HYSTERESIS, "open", "wake", True),
    "snoozed, unknown, after its end": (SNOOZED, UNKNOWN, 4 * DAY, PLAIN, "snoozed", "keep", False),
    "snoozed, no reminder": (SNOOZED, TRUE, 2 * DAY, Policy(renotify=DAY), "snoozed", "keep", False),
    "cleared in a snooze, true before its end": (DOZING, TRUE, 3 * DAY - TICK, PLAIN, "snoozed", "refire", False),
    "cleared in a snooze, true exactly at its end": (DOZING, TRUE, 3 * DAY, PLAIN, "open", "open", True),
    "cleared in a snooze, false": (DOZING, FALSE, DAY, PLAIN, "closed", "none", False),
    "cleared in a snooze, unknown": (DOZING, UNKNOWN, DAY, PLAIN, "closed", "none", False),
    "cleared in a snooze, in cooldown": (DOZING, TRUE, DAY, COOL, "closed", "none", False),
    "cleared in a snooze, must hold first": (DOZING, TRUE, DAY, FOR, "closed", "none", False),
    "cleared in a snooze, true but guarded": (DOZING, Verdict(True, guard="90 new"), DAY, PLAIN, "snoozed", "refire", False),
    "held, true": (HELD, TRUE, 9 * DAY, REMIND, "held", "keep", False),
    "held, false": (HELD, FALSE, DAY, PLAIN, "closed", "close", False),
    "held, unknown": (HELD, UNKNOWN, DAY, PLAIN, "held", "keep", False),
    "closed, false": (closed("cleared"), FALSE, DAY, COOL, "closed", "none", False),
    "closed, unknown": (closed("cleared"), UNKNOWN, 30 * DAY, COOL, "closed", "none", False),
    "closed, true, in cooldown": (closed("cleared"), TRUE, 14 * DAY - TICK, COOL, "closed", "none", False),
    "closed, true, exactly its end": (closed("cleared"), TRUE, 14 * DAY, COOL, "open", "open", True),
    "closed, true, no cooldown": (closed("cleared"), TRUE, DAY, PLAIN, "open", "open", True),
    "superseded, true again, no cooldown for it": (closed("superseded"), TRUE, DAY, COOL, "open", "open", True),
    "superseded, still superseded": (
        closed("superseded"), Verdict(True, ends="superseded"), DAY, PLAIN, "closed", "none", False,
    ),
    "resolved, still true": (closed("resolved"), TRUE, 90 * DAY, PLAIN, "closed", "none", False),
    "resolved, true anew": (closed("resolved", rearmed=True), TRUE, DAY, PLAIN, "open", "open", True),
    "resolved, still true after the cooldown": (closed("resolved"), TRUE, 14 * DAY, COOL, "open", "open", True),
    "expired, still true": (closed("expired"), TRUE, 90 * DAY, EXPIRES, "closed", "none", False),
    "closed, true, must hold first": (closed("cleared"), TRUE, DAY, FOR, "closed", "none", False),
}  # fmt: skip


@pytest.mark.parametrize("case", TABLE)
def test_transition(case: str) -> None:
    before, verdict, later, policy, state, action, news = TABLE[case]
    outcome = transition(before, verdict, T + later, policy)
    assert (outcome.state and outcome.state.state, outcome.action, outcome.notify) == (state, action, news)


@pytest.mark.parametrize("case", [case for case in TABLE if TABLE[case][1].truth is None and TABLE[case][1].ends is None])
def test_unknown_leaves_the_state_as_it_was_and_says_why(case: str) -> None:
    before, verdict, later, policy, *_ = TABLE[case]
    outcome = transition(before, verdict, T + later, policy)
    assert outcome.state == before
    assert outcome.reason == "events are 3 days old"


@pytest.mark.parametrize("because", ["revised", "superseded", "subject_gone"])
def test_the_reason_of_closing_is_kept(because: str) -> None:
    outcome = transition(SNOOZED, Verdict(None, ends=because), T + DAY, PLAIN)  # type: ignore[arg-type]
    assert outcome.state is not None
    assert (outcome.state.closed_because, outcome.state.closed_at) == (because, T + DAY)
    assert outcome.state.snoozed_until is None


def test_the_opening_is_dated_by_the_end_of_for_and_since_by_its_start() -> None:
    outcome = transition(PENDING, TRUE, T + 2 * DAY, FOR)
    assert outcome.state == EpisodeState("open", since=T, opened_at=T + 2 * DAY, notified_at=T + 2 * DAY)


def test_for_counts_from_the_latest_false_verdict() -> None:
    states: list[EpisodeState | None] = [None]
    for day, verdict in enumerate([TRUE, TRUE, FALSE, TRUE, TRUE, TRUE]):
        states.append(transition(states[-1], verdict, T + day * DAY, FOR).state)
    assert [state and state.state for state in states[1:]] == ["pending", "pending", None, "pending", "pending", "open"]


def test_for_runs_on_during_the_cooldown() -> None:
    policy = Policy(hold=2 * DAY, cooldown=5 * DAY)
    state: EpisodeState | None = closed("cleared", rearmed=True)
    actions = []
    for day in (1, 4, 5):
        outcome = transition(state, TRUE, T + day * DAY, policy)
        state = outcome.state
        actions.append(outcome.action)
    assert actions == ["none", "none", "open"]


def test_a_refire_in_cooldown_is_suppressed_with_its_reason() -> None:
    outcome = transition(closed("cleared"), TRUE, T + DAY, COOL)
    assert outcome.suppressed
    assert outcome.reason == "in cooldown until 2026-03-15T06:00:00Z"


def test_reminders_count_from_the_latest_notice() -> None:
    state: EpisodeState | None = OPEN
    reminded = []
    for day in range(1, 22):
        outcome = transition(state, TRUE, T + day * DAY, REMIND)
        state = outcome.state
        if outcome.action == "renotify":
            reminded.append(day)
    assert reminded == [7, 14, 21]


def test_a_countdown_of_the_baseline_is_told_of_from_its_next_step_on() -> None:
    listed = transition(None, at_step("30", baseline=True), T, REMIND).state
    assert transition(listed, at_step("30"), T + 9 * DAY, REMIND).action == "keep"
    stepped = transition(listed, at_step("14"), T + 16 * DAY, REMIND)
    assert (stepped.action, stepped.notify) == ("step", True)
    assert transition(stepped.state, at_step("14"), T + 23 * DAY, REMIND).action == "renotify"


def test_resolved_opens_again_only_after_the_condition_was_false() -> None:
    state: EpisodeState | None = resolve(OPEN, T).state
    actions = []
    for day, verdict in enumerate([TRUE, TRUE, UNKNOWN, FALSE, TRUE], start=1):
        outcome = transition(state, verdict, T + day * DAY, PLAIN)
        state = outcome.state
        actions.append(outcome.action)
    assert actions == ["none", "none", "none", "none", "open"]


# --- Countdowns: each step is told once, as steps of one episode


def at_step(step: str, truth: bool | None = True, **more: object) -> Verdict:
    return Verdict(truth=truth, step=step, **more)  # type: ignore[arg-type]


IN_30 = replace(OPEN, step="30")

# before, verdict, policy -> state after, its step, action, whether it is news
STEPS: dict[str, tuple[EpisodeState | None, Verdict, Policy, str, str, str, bool]] = {
    "first seen in a step: that one is told": (None, at_step("30"), PLAIN, "open", "30", "open", True),
    "the same step": (IN_30, at_step("30"), PLAIN, "open", "30", "keep", False),
    "the next step": (IN_30, at_step("14"), PLAIN, "open", "14", "step", True),
    "a step passed over": (IN_30, at_step("7"), PLAIN, "open", "7", "step", True),
    "the last of all": (replace(OPEN, step="7"), at_step("overdue"), PLAIN, "open", "overdue", "step", True),
    "unknown": (IN_30, at_step("14", None, reason="late"), PLAIN, "open", "30", "keep", False),
    "quietly": (IN_30, at_step("14", quiet=True), PLAIN, "open", "14", "step", False),
    "somebody has it": (replace(IN_30, state="acknowledged"), at_step("14"), PLAIN, "acknowledged", "14", "step", True),
    "kept back for review": (replace(HELD, step="30"), at_step("14"), PLAIN, "held", "14", "step", False),
    "over": (IN_30, at_step("", False), PLAIN, "closed", "30", "close", True),
    "the subject is gone": (IN_30, at_step("14", ends="subject_gone"), PLAIN, "closed", "30", "close", True),
}


@pytest.mark.parametrize("case", STEPS)
def test_a_step(case: str) -> None:
    before, verdict, policy, state, step, action, news = STEPS[case]
    outcome = transition(before, verdict, T + DAY, policy)
    assert outcome.state is not None
    assert (outcome.state.state, outcome.state.step, outcome.action, outcome.notify) == (state, step, action, news)


def test_the_steps_of_one_episode_are_told_once_each() -> None:
    state: EpisodeState | None = None
    told = []
    for day, verdict in enumerate([at_step(step) for step in ("", "30", "30", "14", "14", "7", "overdue", "overdue")]):
        outcome = transition(state, verdict if verdict.step else FALSE, T + day * DAY, PLAIN)
        state = outcome.state
        if outcome.notify:
            assert state is not None
            told.append((outcome.action, state.step, state.opened_at))
    opened = T + DAY
    assert told == [("open", "30", opened), ("step", "14", opened), ("step", "7", opened), ("step", "overdue", opened)]


def test_a_step_in_a_snooze_is_silent_and_told_when_it_ends() -> None:
    asleep = transition(replace(SNOOZED, step="30"), at_step("14"), T + DAY, PLAIN)
    assert asleep.state is not None
    assert (asleep.state.state, asleep.notify) == ("snoozed", False)
    awake = transition(asleep.state, at_step("14"), T + 3 * DAY, PLAIN)
    assert awake.state is not None
    assert (awake.state.state, awake.state.step, awake.notify) == ("open", "14", True)
    assert not transition(awake.state, at_step("14"), T + 4 * DAY, PLAIN).notify


def test_a_step_reached_in_a_snooze_nobody_looked_in_is_told_by_the_waking_alone() -> None:
    awake = transition(replace(SNOOZED, step="30"), at_step("14"), T + 3 * DAY, PLAIN)
    assert awake.state is not None
    assert (awake.action, awake.state.step) == ("wake", "14")
    assert not transition(awake.state, at_step("14"), T + 3 * DAY, PLAIN).notify


def test_reminders_count_from_the_latest_step() -> None:
    stepped = transition(IN_30, at_step("14"), T + 5 * DAY, REMIND).state
    assert transition(stepped, at_step("14"), T + 12 * DAY - TICK, REMIND).action == "keep"
    assert transition(stepped, at_step("14"), T + 12 * DAY, REMIND).action == "renotify"


# --- What people do


def test_acknowledging_a_snoozed_alert_ends_the_snooze() -> None:
    assert acknowledge(SNOOZED) == ACKED


def test_what_cleared_and_came_back_in_a_snooze_is_one_episode_and_is_told_when_the_snooze_ends() -> None:
    over = transition(SNOOZED, FALSE, T + DAY, PLAIN).state
    assert over is not None
    again = transition(over, TRUE, T + 2 * DAY, PLAIN).state
    assert again == replace(SNOOZED, since=T + 2 * DAY)
    awake = transition(again, TRUE, T + 3 * DAY, PLAIN)
    assert (awake.action, awake.notify) == ("wake", True)


@pytest.mark.parametrize("ends", ["revised", "subject_gone", "superseded"])
def test_a_snooze_outlives_only_what_cleared(ends: CloseReason) -> None:
    over = transition(SNOOZED, Verdict(None, ends=ends), T + DAY, PLAIN).state
    assert over is not None
    assert over.snoozed_until is None


def test_a_snooze_must_end_ahead() -> None:
    assert snooze(ACKED, T + DAY, T) == replace(OPEN, state="snoozed", snoozed_until=T + DAY)
    with pytest.raises(UserError, match="is not after"):
        snooze(OPEN, T, T)


def test_releasing_a_held_alert_opens_it_with_its_notice() -> None:
    outcome = release(HELD, T + DAY)
    assert outcome == Outcome(replace(OPEN, notified_at=T + DAY), "open", "released after review", notify=True)


def test_resolving_closes_without_a_notice() -> None:
    outcome = resolve(ACKED, T + DAY)
    assert outcome.state == replace(ACKED, state="closed", since=None, closed_at=T + DAY, closed_because="resolved")
    assert not outcome.notify


@pytest.mark.parametrize("state", [PENDING, HELD, closed("cleared")], ids=lambda each: each.state)
def test_what_is_not_running_cannot_be_acknowledged_or_snoozed(state: EpisodeState) -> None:
    with pytest.raises(UserError, match=f"the alert is {state.state}"):
        acknowledge(state)
    with pytest.raises(UserError, match=f"the alert is {state.state}"):
        snooze(state, T + DAY, T)


def test_only_held_is_released_and_only_live_is_resolved() -> None:
    with pytest.raises(UserError, match="the alert is open"):
        release(OPEN, T)
    with pytest.raises(UserError, match="the alert is closed"):
        resolve(closed("expired"), T)


# --- Ladders: stages 70, 90, 100


def ladder(truths: dict[int, bool | None], live: set[int]) -> dict[int, str]:
    verdicts = {stage: Verdict(truth=truth) for stage, truth in truths.items()}
    settled = settle_ladder(verdicts, live, dict.fromkeys(truths, PLAIN))
    names = {True: "true", False: "false", None: "unknown"}
    return {
        stage: f"{verdict.ends or names[verdict.truth]}{' quietly' if verdict.quiet else ''}"
        for stage, verdict in settled.items()
    }


@pytest.mark.parametrize(
    ("truths", "live", "expected"),
    [
        ({70: True, 90: False, 100: False}, set(), {70: "true", 90: "false", 100: "false"}),
        # a jump from 60 to 100 %: one alert
        ({70: True, 90: True, 100: True}, set(), {70: "superseded quietly", 90: "superseded quietly", 100: "true"}),
        # up from 70 to 90
        ({70: True, 90: True, 100: False}, {70}, {70: "superseded quietly", 90: "true", 100: "false"}),
        # down from 100 to 90: the lower opens without a notice
        ({70: True, 90: True, 100: False}, {100}, {70: "superseded quietly", 90: "true quietly", 100: "false"}),
        # down from 100 to 80
        ({70: True, 90: False, 100: False}, {100}, {70: "true quietly", 90: "false quietly", 100: "false"}),
        # the top that runs cannot be judged: nothing below moves
        ({70: True, 90: True, 100: None}, {100}, {70: "unknown", 90: "unknown", 100: "unknown"}),
        # a stage that does not run and cannot be judged stands in nobody's way
        ({70: True, 90: None, 100: False}, set(), {70: "true", 90: "unknown", 100: "false"}),
    ],
)
def test_only_the_highest_stage_that_holds_is_open(
    truths: dict[int, bool | None], live: set[int], expected: dict[int, str]
) -> None:
    assert ladder(truths, live) == expected


def test_a_stage_that_is_not_clear_yet_still_stands_above() -> None:
    verdicts = {70: TRUE, 90: FALSE}
    assert settle_ladder(verdicts, {90}, {70: PLAIN, 90: HYSTERESIS})[70].ends == "superseded"
    assert settle_ladder(verdicts, {90}, {70: PLAIN, 90: PLAIN})[70].ends is None


# --- Whatever happens

verdicts = st.builds(
    Verdict,
    truth=st.sampled_from([True, False, None]),
    cleared=st.booleans(),
    guard=st.sampled_from([None, None, None, "90 new alerts"]),
    ends=st.sampled_from([None, None, None, None, "superseded", "subject_gone"]),
    quiet=st.booleans(),
    baseline=st.booleans(),
    step=st.sampled_from(["", "", "30", "14"]),
)
gaps = st.sampled_from([timedelta(0), timedelta(hours=1), DAY, 2 * DAY, 7 * DAY])
policies = st.builds(
    Policy,
    hold=st.sampled_from([timedelta(0), 2 * DAY]),
    cooldown=st.sampled_from([timedelta(0), 3 * DAY]),
    renotify=st.sampled_from([None, DAY]),
    expires=st.sampled_from([None, 5 * DAY]),
    has_clear=st.booleans(),
)


@settings(deadline=None)
@given(st.lists(st.tuples(gaps, verdicts), max_size=30), policies)
def test_openings_and_closings_alternate(steps: list[tuple[timedelta, Verdict]], policy: Policy) -> None:
    state: EpisodeState | None = None
    moment, running = T, False
    for gap, verdict in steps:
        moment += gap
        before = state
        outcome = transition(state, verdict, moment, policy)
        state = outcome.state
        if outcome.action in {"open", "hold"}:
            assert not running
            assert verdict.truth is True
            running = True
        elif outcome.action == "close":
            assert running
            running = False
        assert running == (state is not None and state.live)
        if verdict.truth is None and verdict.ends is None:
            assert state == before
        if outcome.notify:
            assert outcome.action in {"open", "renotify", "step", "close", "wake"}


@settings(deadline=None)
@given(st.lists(st.tuples(gaps, verdicts), max_size=20), policies)
def test_the_same_verdict_twice_at_one_moment_changes_nothing_more(
    steps: list[tuple[timedelta, Verdict]], policy: Policy
) -> None:
    state: EpisodeState | None = None
    moment = T
    for gap, verdict in steps:
        moment += gap
        state = transition(state, verdict, moment, policy).state
        again = transition(state, verdict, moment, policy)
        assert not again.notify
        assert again.action in {"keep", "none"}
