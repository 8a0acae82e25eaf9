"""Reading the ledger and the outbox: who was told what, by which way, what became of it; and what people do about it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from django.db import transaction
from django.db.models import Count, Q, QuerySet

from tocsin.core.errors import UserError
from tocsin.delivery import changelog, waking
from tocsin.delivery.message import Message
from tocsin.delivery.models import Delivery, Notice
from tocsin.delivery.outgoing import IN_APP
from tocsin.delivery.telling import from_json

STATES = ("due", "claimed", "sent", "dead")


@dataclass(frozen=True, slots=True)
class NoticeInfo:
    """One change of one alert for one target, and what became of it.

    state: waiting, digest, planned or suppressed; reason: why, in words. why: why this target. deliveries: how it went out.
    """

    id: str
    alert_id: str
    kind: str
    at: datetime
    target_kind: str
    target: str
    state: str
    reason: str
    why: str
    route: str
    due_at: datetime | None
    deliveries: tuple[DeliveryInfo, ...] = ()


@dataclass(frozen=True, slots=True)
class DeliveryInfo:
    """One message to one target by one channel. next_at: when it is tried next. error: of the latest attempt.

    about_csm: it says how a CSM does, which is not for everybody's eyes.
    """

    id: str
    kind: str
    channel: str
    target: str
    headline: str
    state: str
    attempts: int
    created_at: datetime
    next_at: datetime | None
    sent_at: datetime | None
    error: str
    note: str
    seen_at: datetime | None = None
    about_csm: bool = False


@dataclass(frozen=True, slots=True)
class DeliveryPage:
    """One page of deliveries, the latest first; total: on all pages; by_state: how many of each state there are in all."""

    deliveries: tuple[DeliveryInfo, ...]
    page: int
    pages: int
    total: int
    by_state: dict[str, int]


def notices_of_alert(alert_id: str) -> list[NoticeInfo]:
    """The ledger of one alert, oldest first, with the deliveries of each line. Two queries."""
    rows = list(
        Notice.objects.filter(alert_id=int(alert_id) if alert_id.isdecimal() else -1).select_related("group").order_by("id")
    )
    made: dict[object, list[DeliveryInfo]] = {}
    for each in Delivery.objects.filter(flush__in={row.flush for row in rows if row.flush}).order_by("channel"):
        made.setdefault(each.flush, []).append(_info(each))
    return [_notice(row, tuple(made.get(row.flush, ()))) for row in rows]


def list_deliveries(
    *, states: Sequence[str] = (), channel: str = "", target: str = "", page: int = 1, size: int = 50
) -> DeliveryPage:
    """Deliveries, the latest first. A page beyond the last is the last one."""
    found = Delivery.objects.all()
    if channel:
        found = found.filter(channel=channel)
    if target:
        found = found.filter(target=target.strip().lower())
    counts = dict(found.order_by().values_list("state").annotate(n=Count("pk")))
    if states:
        found = found.filter(state__in=states)
    total = sum(count for state, count in counts.items() if not states or state in states)
    pages = max(1, -(-total // size))
    page = min(max(1, page), pages)
    rows = found.order_by("-created_at", "-pk")[(page - 1) * size : page * size]
    return DeliveryPage(tuple(_info(each) for each in rows), page, pages, total, counts)


def deliveries_after(
    after: tuple[datetime, str] | None, *, states: Sequence[str] = (), channel: str = "", limit: int = 50
) -> list[DeliveryInfo]:
    """Deliveries, the latest first. after: when the last one of the part before was made, and its id."""
    found = Delivery.objects.order_by("-created_at", "-pk")
    if channel:
        found = found.filter(channel=channel)
    if states:
        found = found.filter(state__in=states)
    if after is not None:
        found = found.filter(Q(created_at__lt=after[0]) | Q(created_at=after[0], pk__lt=after[1]))
    return [_info(each) for each in found[:limit]]


def delivery(delivery_id: str) -> tuple[DeliveryInfo, Message]:
    """One delivery and what it says. UserError where there is none."""
    row = _row(delivery_id)
    return _info(row), from_json(row.message)


def replay_delivery(delivery_id: str, *, by: str, moment: datetime) -> DeliveryInfo:
    """Send a dead delivery after all, under its old id and with its attempts counted anew. UserError where it is not dead."""
    row = _row(delivery_id)
    if not _replay(Delivery.objects.filter(pk=row.pk), f"message by {row.channel} to {row.target}", by, moment):
        raise UserError(f"the delivery is {row.state}; only one that was given up can be replayed")
    return _info(_row(delivery_id))


def replay_all(channel: str, *, by: str, moment: datetime) -> int:
    """Send all dead deliveries of a channel after all; gives how many it were."""
    return _replay(Delivery.objects.filter(channel=channel), f"what {channel} had given up", by, moment)


def _replay(rows: QuerySet[Delivery], what: str, by: str, moment: datetime) -> int:
    """Make those of the rows that were given up due anew; gives how many it were."""
    with transaction.atomic():
        done = rows.filter(state="dead").update(
            state="due", next_at=moment, attempts=0, note=f"replayed by {by}", claimed_by="", lease_until=None
        )
        if done:
            changelog.note("sent after all", what, by=by, moment=moment, detail={"messages": done})
    waking.after_commit()
    return done


def in_app(email: str, *, limit: int = 50) -> list[tuple[DeliveryInfo, Message]]:
    """A person's latest messages within the product."""
    rows = _shown(email)
    return [(_info(each), from_json(each.message)) for each in rows.order_by("-created_at", "-pk")[:limit]]


def unseen(email: str) -> int:
    """How many of these the person has not seen."""
    return _shown(email).filter(seen_at=None).count()


def mark_seen(email: str, *, moment: datetime) -> int:
    """All of them are seen; gives how many were not."""
    return _shown(email).filter(seen_at=None).update(seen_at=moment)


def _shown(email: str) -> QuerySet[Delivery]:
    """What a person was told within the product."""
    return Delivery.objects.filter(target=email.strip().lower(), target_kind="person", channel=IN_APP, state="sent")


def _row(delivery_id: str) -> Delivery:
    from django.core.exceptions import ValidationError

    try:
        row = Delivery.objects.filter(pk=delivery_id).first()
    except ValidationError:
        row = None
    if row is None:
        raise UserError(f"there is no delivery {delivery_id!r}")
    return row


def _notice(row: Notice, made: tuple[DeliveryInfo, ...]) -> NoticeInfo:
    return NoticeInfo(
        id=str(row.pk),
        alert_id=str(row.alert_id),
        kind=row.kind,
        at=row.at,
        target_kind=row.target_kind,
        target=row.target,
        state=row.state,
        reason=row.reason,
        why=row.why,
        route=" > ".join(row.route.get("path", ())),
        due_at=row.due_at or (row.group.due_at if row.state == "waiting" and row.group else None),
        deliveries=made,
    )


def _info(row: Delivery) -> DeliveryInfo:
    return DeliveryInfo(
        id=str(row.pk),
        kind=row.kind,
        channel=row.channel,
        target=row.target,
        headline=row.headline,
        state=row.state,
        attempts=row.attempts,
        created_at=row.created_at,
        next_at=row.next_at,
        sent_at=row.sent_at,
        error=row.error,
        note=row.note,
        seen_at=row.seen_at,
        about_csm=any(each.get("data", {}).get("subject", {}).get("kind") == "csm" for each in row.message.get("items", ())),
    )
