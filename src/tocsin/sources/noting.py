"""What the door asks and writes down: who a source is, and what came."""

from __future__ import annotations

import hashlib
from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import F

from tocsin.people import sealing
from tocsin.sources import keyring
from tocsin.sources.models import HookDelivery
from tocsin.sources.models import Source as Row
from tocsin.sources.shapes import DoorSource

KEPT = timedelta(days=30)  # so long a delivery that comes again is known: no vendor tries for longer
_LONGEST_ID, _LONGEST_DETAIL = 200, 500


def for_door(vendor: str, source_id: str) -> DoorSource | None:
    """The source of an address; None where there is none."""
    row = Row.objects.filter(public_id=source_id, vendor=vendor).first()
    if row is None:
        return None
    try:
        held, unreadable = keyring.opened(row.secrets), False
    except sealing.UnreadableError:
        held, unreadable = [], True
    texts = tuple(each.text for each in held)
    return DoorSource(row.public_id, row.vendor, row.name, row.paused, dict(row.settings), texts, unreadable)


def is_repeated(source_id: str, delivery_id: str) -> bool:
    """Whether that delivery has been dealt with. One that could not be read may be tried again, with other settings."""
    known = HookDelivery.objects.filter(source__public_id=source_id, delivery_id=_short(delivery_id))
    return known.exclude(became="unreadable").exists()


def note_received(source_id: str, delivery_id: str, became: str, detail: str, *, moment: datetime) -> None:
    """Write down what became of a delivery, one of `BECAME`; nothing where the source has been removed meanwhile."""
    with transaction.atomic():
        row = Row.objects.filter(public_id=source_id).first()
        if row is None:
            return
        defaults = {"received_at": moment, "became": became, "detail": detail[:_LONGEST_DETAIL]}
        HookDelivery.objects.update_or_create(source=row, delivery_id=_short(delivery_id), defaults=defaults)
        Row.objects.filter(pk=row.pk).update(received=F("received") + 1, last_received_at=moment)


def clear_expired(moment: datetime) -> int:
    """Forget deliveries that are older than what is kept; gives how many."""
    return HookDelivery.objects.filter(received_at__lt=moment - KEPT).delete()[0]


def _short(delivery_id: str) -> str:
    """An id that fits: one that is too long is told by its hash."""
    fits = len(delivery_id) <= _LONGEST_ID and "\0" not in delivery_id
    return delivery_id if fits else hashlib.sha256(delivery_id.encode("utf-8", "replace")).hexdigest()
