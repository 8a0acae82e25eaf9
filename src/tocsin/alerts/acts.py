"""What people do to an alert; each act is a transition with its line in the timeline, in one transaction."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime

from django.db import transaction

from tocsin.alerts.models import Episode, Transition
from tocsin.alerts.models.episodes import RUNNING
from tocsin.alerts.reading import alert, row_of
from tocsin.alerts.shapes import OUTCOMES, Alert, TransitionNotice
from tocsin.alerts.states import put, state_of
from tocsin.core import lifecycle
from tocsin.core.errors import UserError
from tocsin.core.lifecycle import EpisodeState
from tocsin.core.moment import iso

OnTransition = Callable[[Sequence[TransitionNotice]], None]


def acknowledge(
    alert_id: str, *, by: str, moment: datetime, note: str = "", on_transition: OnTransition | None = None
) -> Alert:
    """Say that somebody has it: no more reminders. Doing so twice changes nothing. UserError where it is closed or held."""

    def act(row: Episode) -> EpisodeState:
        state = lifecycle.acknowledge(state_of(row))
        if row.state != "acknowledged":
            row.acknowledged_by, row.acknowledged_at = by, moment
        return state

    return _act(alert_id, "acknowledged", act, by=by, moment=moment, reason=note, on_transition=on_transition)


def snooze(
    alert_id: str, *, until: datetime, by: str, moment: datetime, note: str = "", on_transition: OnTransition | None = None
) -> Alert:
    """Silence it until a moment ahead; then it is open again if it still stands. UserError where it is closed or held."""
    reason = f"until {iso(until)}" + (f": {note}" if note else "")

    def act(row: Episode) -> EpisodeState:
        return lifecycle.snooze(state_of(row), until, moment)

    return _act(alert_id, "snoozed", act, by=by, moment=moment, reason=reason, on_transition=on_transition)


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
    if outcome and outcome not in OUTCOMES:
        raise UserError(f"unknown outcome {outcome!r}; give one of {', '.join(OUTCOMES)}")

    def act(row: Episode) -> EpisodeState:
        after = lifecycle.resolve(state_of(row), moment).state
        if after is None:  # a resolved episode is remembered
            raise AssertionError
        row.outcome, row.note = outcome, note
        return after

    reason = ", ".join(part for part in (outcome.replace("_", " "), note) if part)
    return _act(alert_id, "closed", act, by=by, moment=moment, reason=reason or "resolved", on_transition=on_transition)


def release(alert_id: str, *, by: str, moment: datetime, note: str = "", on_transition: OnTransition | None = None) -> Alert:
    """Let a held alert go out after review. UserError where it is not held."""

    def act(row: Episode) -> EpisodeState:
        after = lifecycle.release(state_of(row), moment).state
        if after is None:
            raise AssertionError
        return after

    return _act(alert_id, "released", act, by=by, moment=moment, reason=note, on_transition=on_transition)


def reopen(alert_id: str, *, by: str, moment: datetime, note: str = "", on_transition: OnTransition | None = None) -> Alert:
    """Undo: a resolved, acknowledged or snoozed alert is open again.

    UserError where it is open, held, or closed by the rule itself, or where a newer alert of the same rule and subject runs.
    """

    def act(row: Episode) -> EpisodeState:
        newer = Episode.objects.filter(rule=row.rule, subject_id=row.subject_id, key=row.key, state__in=RUNNING)
        if newer.exclude(pk=row.pk).exists():
            raise UserError("the alert cannot be opened again: a newer one of the same rule and subject runs")
        row.acknowledged_by, row.acknowledged_at, row.outcome = "", None, ""
        return lifecycle.reopen(state_of(row))

    return _act(alert_id, "reopened", act, by=by, moment=moment, reason=note, on_transition=on_transition)


def _act(
    alert_id: str,
    kind: str,
    act: Callable[[Episode], EpisodeState],
    *,
    by: str,
    moment: datetime,
    reason: str,
    on_transition: OnTransition | None,
) -> Alert:
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
            if on_transition is not None:
                on_transition([TransitionNotice(str(row.pk), row.rule, kind, moment, quiet=True)])
    return alert(alert_id)
