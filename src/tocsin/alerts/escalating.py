"""An escalation's line in an alert's timeline: written only while nobody has taken the alert."""

from __future__ import annotations

from datetime import datetime

from django.db import transaction

from tocsin.alerts.models import Episode, Transition


def note_escalation(alert_id: str, *, reason: str, by: str, moment: datetime) -> bool:
    """Note in the timeline that others are told now; False, and nothing noted, where the alert is no longer open.

    Inside of the caller's transaction, if there is one: who is told is written with it, or neither is.
    """
    with transaction.atomic():
        row = Episode.objects.select_for_update().filter(pk=int(alert_id), state="open").first()
        if row is None:
            return False
        Transition.objects.create(episode=row, at=moment, kind="escalated", by=by, reason=reason)
        return True
