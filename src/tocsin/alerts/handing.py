"""Whose an alert is, and what people say about it: assigning, handing over in bulk, comments."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from django.db import transaction
from django.db.models import Q

from tocsin.alerts.announce import OnTransition, announce
from tocsin.alerts.models import AuditEntry, Episode, Transition
from tocsin.alerts.models.episodes import RUNNING
from tocsin.alerts.reading import alert, row_of
from tocsin.alerts.shapes import Alert, TransitionNotice
from tocsin.core.errors import UserError
from tocsin.people import facade as people

LONGEST_COMMENT = 4000
CHUNK = 300


def assign(
    alert_id: str, to: str, *, by: str, moment: datetime, note: str = "", on_transition: OnTransition | None = None
) -> Alert:
    """Give an alert to somebody ('' gives it back to the account's CSM); they are told. Doing so twice changes nothing.

    UserError where it is closed, or where there is no such active user.
    """
    address, name = somebody(to)
    with transaction.atomic():
        row = row_of(alert_id)
        if row.state not in RUNNING:
            raise UserError(f"the alert is {row.state}; only a running one can be assigned")
        if row.assignee != address:
            give([row], address, name, by, moment, note, on_transition)
    return alert(alert_id)


def reassign(
    from_email: str, to: str, *, by: str, moment: datetime, note: str = "", on_transition: OnTransition | None = None
) -> int:
    """Give all running alerts of one person (assigned to them, or of their accounts) to another; gives how many it were."""
    address, name = somebody(to)
    given = from_email.strip().lower()
    if not address or address == given:
        raise UserError("alerts are handed over to somebody else; name an active user")
    with transaction.atomic():
        theirs = Q(assignee=given) | Q(assignee="", account__owner__iexact=given)
        rows = list(Episode.objects.filter(theirs, state__in=RUNNING).order_by("id"))
        give(rows, address, name, by, moment, note, on_transition)
        if rows:
            detail = {"alerts": len(rows), "to": address, "reason": note}
            AuditEntry.objects.create(at=moment, by=by, act="handed over", what=f"alerts of {given}", detail=detail)
    return len(rows)


def comment(alert_id: str, text: str, *, by: str, moment: datetime, on_transition: OnTransition | None = None) -> Alert:
    """Say something about an alert in its timeline, in whatever state it is. UserError where nothing, or too much, is said."""
    said = text.strip()
    if not said:
        raise UserError("the comment is empty; say something")
    if len(said) > LONGEST_COMMENT:
        raise UserError(f"a comment has {LONGEST_COMMENT:,} characters at most; this one has {len(said):,}")
    with transaction.atomic():
        row = row_of(alert_id)
        Transition.objects.create(episode=row, at=moment, kind="commented", by=by, reason=said)
        announce([TransitionNotice(str(row.pk), row.rule, "commented", moment, quiet=True, by=by, reason=said)], on_transition)
    return alert(alert_id)


def somebody(email: str) -> tuple[str, str]:
    """The address and name of an active user; ('', '') where nobody is named."""
    if not email.strip():
        return "", ""
    found = people.person(email)
    if found is None or not found.active:
        raise UserError(f"there is no active user {email.strip()!r}; `tocsin users list` shows who there is")
    return found.email, found.name


def give(
    rows: Sequence[Episode], to: str, name: str, by: str, moment: datetime, note: str, on_transition: OnTransition | None
) -> None:
    """Set-wise, with a line in each timeline, inside of a transaction."""
    reason = (f"to {name}" if to else "back to the account's CSM") + (f": {note}" if note else "")
    for row in rows:
        row.assignee = to
        if row.baseline and row.notified_at is None and to and to != by:
            row.notified_at = moment  # the first notice of what the baseline told nobody of: reminders count from it
    Episode.objects.bulk_update(rows, ("assignee", "notified_at"), batch_size=CHUNK)
    lines = [Transition(episode=row, at=moment, kind="assigned", by=by, reason=reason) for row in rows]
    Transition.objects.bulk_create(lines, batch_size=CHUNK)
    told = [TransitionNotice(str(row.pk), row.rule, "assigned", moment, quiet=not to, by=by, reason=note) for row in rows]
    announce(told, on_transition)
