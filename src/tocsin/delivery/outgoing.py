"""Into the outbox: a message becomes a delivery for each channel by which it goes."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from datetime import datetime

from tocsin.delivery import telling
from tocsin.delivery.directory import Directory
from tocsin.delivery.message import Message
from tocsin.delivery.models import Channel, Delivery, Group

IN_APP = "in-app"
DEFAULT = ("email",)  # beside in-app, of who has chosen no channels


def put(
    mark: uuid.UUID,
    target_kind: str,
    target: str,
    message: Message,
    directory: Directory,
    moment: datetime,
    *,
    group: Group | None = None,
    immediate: bool = True,
    by: Sequence[str] = (),
) -> list[Delivery]:
    """Put a message into the outbox: by the channel that is the target, or by each channel of the person.

    by: the channels by which it goes instead. mark: ties the deliveries together; group: whose notices they tell.
    immediate: counts in the person's budget.
    """
    names = by or ((target,) if target_kind == "channel" else channels_of(target, directory))
    rows = [
        Delivery(
            flush=mark,
            group=group,
            kind=message.kind,
            channel=name,
            target_kind=target_kind,
            target=target,
            immediate=immediate and target_kind == "person",
            message=telling.to_json(message),
            headline=message.headline,
            state="due",
            created_at=moment,
            next_at=moment,
        )
        for name in names
    ]
    return Delivery.objects.bulk_create(rows)


def channels_of(email: str, directory: Directory) -> tuple[str, ...]:
    """The channels by which a person is told: in-app always, and those that they chose as far as these are on."""
    wanted = directory.preferences(email).channels or DEFAULT
    usable = set(Channel.objects.filter(name__in=wanted, disabled_reason="").values_list("name", flat=True))
    return (IN_APP, *(name for name in dict.fromkeys(wanted) if name in usable and name != IN_APP))
