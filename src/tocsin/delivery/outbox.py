"""The outbox: who may send a delivery, what follows from how it went. At least once, and by one sender at a time.

A delivery is claimed by a conditional update with a lease, which its sender renews while it works; whoever finds a lease run
out takes the delivery over. A message of a group is not sent before the earlier one of that group by the same channel.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import Exists, F, OuterRef, Q, QuerySet

from tocsin.delivery import channelbook
from tocsin.delivery.channels import Channel, PermanentError, Receipt, SendError, Target
from tocsin.delivery.message import Message
from tocsin.delivery.models import Channel as ChannelRow
from tocsin.delivery.models import Conversation, Delivery
from tocsin.delivery.telling import from_json
from tocsin.people import facade as people

LEASE = timedelta(seconds=60)  # three times what sending may take
# After the n-th failure the next attempt follows so much later (the schedule of Standard Webhooks); after the last: dead.
BACKOFF = tuple(timedelta(seconds=each) for each in (5, 300, 1800, 7200, 18000, 36000, 50400, 72000, 86400))
JITTER = 0.2  # of the time, up or down, so that what failed together does not come back together
LONGEST_ASKED = timedelta(hours=24)  # of a receiver's Retry-After


@dataclass(frozen=True, slots=True)
class Claimed:
    """A delivery that this sender may send now, with all that sending needs."""

    delivery_id: str
    attempt: int
    channel: Channel
    target: Target
    message: Message


def due(moment: datetime, limit: int, busy: Sequence[str] = ()) -> list[str]:
    """The ids of deliveries that may be sent, the oldest first. busy: channels that have enough under way already."""
    waiting = Delivery.objects.filter(
        group=OuterRef("group"),
        channel=OuterRef("channel"),
        created_at__lt=OuterRef("created_at"),
        state__in=("due", "claimed"),
    )
    found = Delivery.objects.filter(_free(moment)).exclude(channel__in=busy)
    ready = found.filter(Q(group=None) | ~Exists(waiting)).order_by("next_at", "created_at")
    return [str(pk) for pk in ready.values_list("pk", flat=True)[:limit]]


def claim(delivery_id: str, worker: str, moment: datetime, lease: timedelta = LEASE) -> Claimed | None:
    """Claim one for this worker; None where another was quicker, or where its channel cannot send (then it is dead)."""
    mine = Delivery.objects.filter(_free(moment), pk=delivery_id).update(
        state="claimed", claimed_by=worker, lease_until=moment + lease, attempts=F("attempts") + 1
    )
    if mine != 1:
        return None
    row = Delivery.objects.get(pk=delivery_id)
    try:
        return _claimed(row)
    except PermanentError as error:
        Delivery.objects.filter(pk=delivery_id, state="claimed", claimed_by=worker).update(
            state="dead", error=str(error)[:1000], lease_until=None, next_at=None
        )
        return None


def renew(delivery_ids: Sequence[str], worker: str, moment: datetime, lease: timedelta = LEASE) -> None:
    """Keep what is under way."""
    Delivery.objects.filter(pk__in=delivery_ids, state="claimed", claimed_by=worker).update(lease_until=moment + lease)


def sent(claimed: Claimed, receipt: Receipt, worker: str, moment: datetime) -> bool:
    """Record that it was taken; False where the lease was lost meanwhile (then it is recorded by who has it now)."""
    with transaction.atomic():
        done = _mine(claimed, worker).update(
            state="sent", sent_at=moment, lease_until=None, next_at=None, error="", note=receipt.note[:1000]
        )
        if not done:
            return False
        ChannelRow.objects.filter(name=claimed.channel.name).update(last_sent_at=moment)
        if receipt.data:
            target = claimed.target.email
            for alert_id in dict.fromkeys(each.alert_id for each in claimed.message.items):
                Conversation.objects.update_or_create(
                    alert_id=int(alert_id),
                    channel=claimed.channel.name,
                    target=target,
                    defaults={"receipt": dict(receipt.data), "at": moment},
                )
    return True


def failed(claimed: Claimed, error: SendError, worker: str, moment: datetime) -> bool:
    """Record that it was not taken: it is tried again later, or is dead. Gives whether it is dead."""
    permanent = isinstance(error, PermanentError)
    dead = permanent or claimed.attempt > len(BACKOFF)
    text = str(error)[:1000]
    with transaction.atomic():
        rows = _mine(claimed, worker)
        if dead:
            done = rows.update(state="dead", error=text, lease_until=None, next_at=None)
        else:
            done = rows.update(state="due", error=text, lease_until=None, next_at=moment + wait(claimed.attempt, error))
        if not done:
            return False
        marks: dict[str, object] = {"last_error": text, "last_error_at": moment}
        if isinstance(error, PermanentError) and error.disable:
            marks["disabled_reason"] = text
        ChannelRow.objects.filter(name=claimed.channel.name).update(**marks)
    return dead


def wait(attempt: int, error: SendError) -> timedelta:
    """How long until the next attempt: what the receiver asked for, else the schedule with jitter. attempt: from 1."""
    planned = BACKOFF[min(attempt, len(BACKOFF)) - 1] * random.uniform(1 - JITTER, 1 + JITTER)  # noqa: S311 - no secret
    return max(planned, min(error.retry_after, LONGEST_ASKED)) if error.retry_after else planned


def _free(moment: datetime) -> Q:
    return Q(state="due", next_at__lte=moment) | Q(state="claimed", lease_until__lt=moment)


def _mine(claimed: Claimed, worker: str) -> QuerySet[Delivery]:
    return Delivery.objects.filter(pk=claimed.delivery_id, state="claimed", claimed_by=worker, attempts=claimed.attempt)


def _claimed(row: Delivery) -> Claimed:
    message = from_json(row.message)
    ids = [int(each.alert_id) for each in message.items]
    known = Conversation.objects.filter(alert_id__in=ids, channel=row.channel, target=_address(row))
    person = people.person(row.target) if row.target_kind == "person" else None
    return Claimed(
        delivery_id=str(row.pk),
        attempt=row.attempts,
        channel=channelbook.channel_named(row.channel),
        target=Target(
            delivery_id=str(row.pk),
            email=_address(row),
            name=person.name if person else "",
            conversation={str(each.alert_id): each.receipt for each in known},
        ),
        message=message,
    )


def _address(row: Delivery) -> str:
    return row.target if row.target_kind == "person" else ""
