"""What people do to an alert; each act is a transition with its line in the timeline, in one transaction."""

from __future__ import annotations

from collections.abc import Callable, Collection
from datetime import datetime

from django.db import transaction

from tocsin.alerts.announce import OnTransition, announce
from tocsin.alerts.models import Episode, Transition
from tocsin.alerts.models.episodes import RUNNING
from tocsin.alerts.reading import alert, row_of
from tocsin.alerts.shapes import OUTCOMES, Alert, TransitionNotice
from tocsin.alerts.states import put, state_of
from tocsin.core import lifecycle
from tocsin.core.errors import UserError
from tocsin.core.lifecycle import EpisodeState
from tocsin.core.moment import iso

Act = Callable[[Episode], EpisodeState]


def acknowledge(
    alert_id: str, *, by: str, moment: datetime, note: str = "", on_transition: OnTransition | None = None
) -> Alert:
    """Say that somebody has it: no more reminders. Doing so twice changes nothing. UserError where it is closed or held."""
    act = acknowledging(by, moment)
    return _act(alert_id, "acknowledged", act, by=by, moment=moment, reason=note, on_transition=on_transition)


def acknowledging(by: str, moment: datetime) -> Act:
    """What an acknowledgement does to a row."""

    def act(row: Episode) -> EpisodeState:
        state = lifecycle.acknowledge(state_of(row))
        if row.state != "acknowledged":
            row.acknowledged_by, row.acknowledged_at = by, moment
        return state

    return act


def snooze(
    alert_id: str, *, until: datetime, by: str, moment: datetime, note: str = "", on_transition: OnTransition | None = None
) -> Alert:
    """Silence it until a moment ahead; then it is open again if it still stands. UserError where it is closed or held."""
    act, reason = snoozing(until, moment), postponement(until, note)
    return _act(alert_id, "snoozed", act, by=by, moment=moment, reason=reason, on_transition=on_transition)


def snoozing(until: datetime, moment: datetime) -> Act:
    """What a snooze does to a row."""
    return lambda row: lifecycle.snooze(state_of(row), until, moment)


def postponement(until: datetime, note: str) -> str:
    """How a snooze reads in the timeline."""
    return f"until {iso(until)}" + (f": {note}" if note else "")


def resolve(
    alert_id: str,
    *,
    by: str,
    moment: datetime,
    outcome: str = "",
    note: str = "",
    on_transition: OnTransition | None = None,
) -> Alert:
    """Close it. outcome: useful, not_useful or false_alarm; note: what was done. UserError where it is closed already."""
    act, reason = resolving(outcome, note, moment), resolution(outcome, note)
    return _act(alert_id, "closed", act, by=by, moment=moment, reason=reason, on_transition=on_transition)


def resolving(outcome: str, note: str, moment: datetime) -> Act:
    """What a resolution does to a row. UserError for an unknown outcome."""
    check_outcome(outcome)

    def act(row: Episode) -> EpisodeState:
        after = lifecycle.resolve(state_of(row), moment).state
        if after is None:  # a resolved episode is remembered
            raise AssertionError
        row.outcome, row.note = outcome, note
        return after

    return act


def check_outcome(outcome: str) -> None:
    """UserError where it is none."""
    if outcome and outcome not in OUTCOMES:
        raise UserError(f"unknown outcome {outcome!r}; give one of {', '.join(OUTCOMES)}")


def resolution(outcome: str, note: str) -> str:
    """How a resolution reads in the timeline."""
    return ", ".join(part for part in (outcome.replace("_", " "), note) if part) or "resolved"


def release(alert_id: str, *, by: str, moment: datetime, note: str = "", on_transition: OnTransition | None = None) -> Alert:
    """Let a held alert go out after review. UserError where it is not held."""

    def act(row: Episode) -> EpisodeState:
        after = lifecycle.release(state_of(row), moment).state
        if after is None:
            raise AssertionError
        return after

    return _act(alert_id, "released", act, by=by, moment=moment, reason=note, on_transition=on_transition, quiet=False)


def reopen(alert_id: str, *, by: str, moment: datetime, note: str = "", on_transition: OnTransition | None = None) -> Alert:
    """Undo: a resolved, acknowledged or snoozed alert is open again.

    UserError where it is open, held, or closed by the rule itself, or where a newer alert of the same rule and subject runs.
    """
    return _act(alert_id, "reopened", reopening, by=by, moment=moment, reason=note, on_transition=on_transition)


def reopening(row: Episode, running: Collection[tuple[str, str, str, int]] | None = None) -> EpisodeState:
    """What taking an act back does to a row. UserError where a newer episode of the same identity runs.

    running: rule, subject, key and number of the episodes that run, where the caller has asked for those of many rows at once.
    """
    if running is None:
        same = Episode.objects.filter(rule=row.rule, subject_id=row.subject_id, key=row.key, state__in=RUNNING)
        running = set(same.values_list("rule", "subject_id", "key", "pk"))
    identity = (row.rule, row.subject_id, row.key)
    if any(each[:3] == identity and each[3] != row.pk for each in running):
        raise UserError("the alert cannot be opened again: a newer one of the same rule and subject runs")
    row.acknowledged_by, row.acknowledged_at, row.outcome = "", None, ""
    return lifecycle.reopen(state_of(row))


def _act(
    alert_id: str,
    kind: str,
    act: Act,
    *,
    by: str,
    moment: datetime,
    reason: str,
    on_transition: OnTransition | None,
    quiet: bool = True,
) -> Alert:
    """Put one alert through an act. quiet: nobody is to be told, as who acts knows."""
    with transaction.atomic():
        row = row_of(alert_id)
        before, held_by = row.state, row.acknowledged_by
        put(row, act(row))
        if row.state == "closed":
            Episode.objects.filter(rule=row.rule, subject_id=row.subject_id, key=row.key, remembered=True).update(
                remembered=False
            )
        row.save()
        if (row.state, row.acknowledged_by) != (before, held_by) or kind == "snoozed":
            Transition.objects.create(episode=row, at=moment, kind=kind, by=by, reason=reason)
            told = not quiet and not row.inhibited_by
            announce([TransitionNotice(str(row.pk), row.rule, kind, moment, not told, by, reason)], on_transition)
    return alert(alert_id)
