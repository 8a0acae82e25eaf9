"""Escalation by unacknowledged time: the chain is written down when the alert opens, so that later edits do not change it."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from django.db import transaction
from django.db.models import F

from tocsin.alerts import facade as alerts
from tocsin.core.messages import duration
from tocsin.core.moment import iso
from tocsin.core.routing.plan import WORKING_HOURS
from tocsin.core.rules import Rule
from tocsin.delivery.models import EscalationStep, Notice

if TYPE_CHECKING:
    from tocsin.alerts.facade import Alert
    from tocsin.delivery.directory import Directory

CHUNK = 300
BY = "escalation"


def begin(opened: Sequence[tuple[Alert, Rule, str]], directory: Directory, moment: datetime) -> None:
    """Write down the steps of alerts that have just opened. Each: the alert, its rule, the clock that counts."""
    rows = [
        EscalationStep(
            alert_id=int(alert.id),
            number=number,
            after=int(step.after.total_seconds()),
            clock=clock,
            notify=list(step.notify),
            due_at=due(alert, step.after, clock, directory, moment),
        )
        for alert, rule, clock in opened
        for number, step in enumerate(rule.escalate, 1)
    ]
    EscalationStep.objects.bulk_create(rows, batch_size=CHUNK, ignore_conflicts=True)


def due(alert: Alert, after: timedelta, clock: str, directory: Directory, moment: datetime) -> datetime:
    """When so much time has passed: on the wall, or of the working hours of whose alert it is."""
    if clock != WORKING_HOURS:
        return moment + after
    owner = alert.assignee or (alert.account.owner if alert.account else "")
    return directory.hours(owner.lower()).after(moment, after) or moment + after


def end(alert_ids: Collection[str], reason: str, moment: datetime) -> None:
    """Drop what still waits of these alerts."""
    ids = sorted(int(each) for each in alert_ids)
    for first in range(0, len(ids), CHUNK):
        rows = EscalationStep.objects.filter(alert_id__in=ids[first : first + CHUNK], state="waiting")
        rows.update(state="dropped", reason=reason, done_at=moment)


def revive(alert_ids: Sequence[str], known: Mapping[str, Alert], directory: Directory, moment: datetime) -> None:
    """Let what was dropped of alerts that were opened again wait anew, from now on."""
    rows = list(EscalationStep.objects.filter(alert_id__in=[int(each) for each in alert_ids], state="dropped"))
    for row in rows:
        row.state, row.reason, row.done_at = "waiting", "", None
        row.due_at = due(known[str(row.alert_id)], timedelta(seconds=row.after), row.clock, directory, moment)
    EscalationStep.objects.bulk_update(rows, ("state", "reason", "done_at", "due_at"), batch_size=CHUNK)


def take_due(moment: datetime, limit: int = 100) -> int:
    """Take the steps whose time has come; gives how many were looked at. Each is taken once, by whoever claims it."""
    ids = EscalationStep.objects.filter(state="waiting", due_at__lte=moment).order_by("due_at").values_list("pk", flat=True)
    found = list(ids[:limit])
    for pk in found:
        _take(pk, moment)
    return len(found)


def _take(pk: int, moment: datetime) -> None:
    with transaction.atomic():
        row = EscalationStep.objects.select_for_update().filter(pk=pk, state="waiting", due_at__lte=moment).first()
        if row is None:
            return
        alert = alerts.alerts_by_id([str(row.alert_id)]).get(str(row.alert_id))
        before = row.due_at
        if alert is not None and _not_yet(row, alert, moment):
            row.save(update_fields=["due_at", "reason"])
            later = EscalationStep.objects.filter(alert_id=row.alert_id, state="waiting", number__gt=row.number)
            later.update(due_at=F("due_at") + (row.due_at - before))
            return
        row.done_at = moment
        row.state, row.reason = _taken(row, alert, moment)
        row.save(update_fields=["state", "reason", "done_at"])


def _not_yet(row: EscalationStep, alert: Alert, moment: datetime) -> bool:
    """Whether the step is put off: while the alert is snoozed, or kept quiet by another, nobody is expected to act.

    The steps after it are put off by as much.
    """
    if alert.state == "snoozed" and alert.snoozed_until is not None:
        row.due_at, row.reason = max(alert.snoozed_until, moment) + timedelta(seconds=row.after), "put off by the snooze"
        return True
    if alert.inhibited_by and alert.state == "open":
        row.due_at, row.reason = moment + timedelta(seconds=row.after), f"put off: kept quiet by {alert.inhibited_by}"
        return True
    return False


def _taken(row: EscalationStep, alert: Alert | None, moment: datetime) -> tuple[str, str]:
    from tocsin.delivery.enqueue import tell_now  # it begins escalations, and this ends in it

    if alert is None or alert.state != "open":
        return "dropped", f"the alert is {alert.state if alert else 'gone'}"
    waited = f"nobody has taken it for {duration(timedelta(seconds=row.after))}"
    if row.clock == WORKING_HOURS:
        waited += " of working time"
    reason = f"{waited}; told: {', '.join(row.notify)}"
    if not alerts.note_escalation(alert.id, reason=reason, by=BY, moment=moment):
        return "dropped", "somebody took it meanwhile"
    channels = Notice.objects.filter(alert_id=row.alert_id, target_kind="channel").values_list("target", flat=True)
    targets = [*row.notify, *(f"channel:{name}" for name in sorted(set(channels)))]
    told = tell_now(alert, "escalated", targets, moment=moment, detail=waited, sequence=f"step {row.number} {iso(moment)}")
    return "taken", f"told {told}"
