"""The quick way of the many: a batch read in one go, and of it the plain track calls, which lack nothing and say nothing odd.

Whatever is not plain goes message by message through `messages` and `reading`, which know all cases and what is wrong with
them; of a plain call both ways make the same event.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import msgspec

from tocsin.facts.live.shapes import Event, Link
from tocsin.ingest.segment import b2b
from tocsin.ingest.segment.messages import EARLIEST, LONGEST_ID, BadMessageError, Message
from tocsin.ingest.segment.reading import Told, kind_of, of_properties


class _Batch(msgspec.Struct):
    batch: list[Message]


_BATCH = msgspec.json.Decoder(_Batch)


def messages_of(body: bytes) -> list[Message] | None:
    """The messages of a batch; None where any has a field of another type than it should, or may hold a NUL."""
    if b"\\u0000" in body:
        return None
    try:
        return _BATCH.decode(body).batch
    except (msgspec.MsgspecError, ValueError, RecursionError):
        return None


def add(told: Told, message: Message, raw: msgspec.Raw, received: datetime, ahead: timedelta) -> bool:
    """Take in a call of a batch whose messages share no context, if it is plain; says whether it was."""
    at, own, context, name = message.timestamp, message.message_id, message.context, message.event
    if (
        message.type != "track"
        or not own
        or not name
        or name in b2b.EVENTS
        or at is None
        or at.tzinfo is None
        or not EARLIEST <= at <= received + ahead
        or context is None
        or message.group_id is not None
        or message.previous_id is not None
    ):
        return False
    account, person, anonymous = context.group_id, message.user_id or None, message.anonymous_id or None
    if not account or len(own) > LONGEST_ID or len(account) > LONGEST_ID:
        return False
    if (person is not None and len(person) > LONGEST_ID) or (anonymous is not None and len(anonymous) > LONGEST_ID):
        return False
    try:
        feature, minutes, text = of_properties(bytes(message.properties))
    except BadMessageError:
        return False
    if at.tzinfo is not UTC:
        at = at.astimezone(UTC)
    if person is not None and anonymous is not None:
        told.links.append(Link(anonymous, person, at))
    told.events.append(
        Event(
            own,
            account,
            person,
            anonymous,
            name,
            at,
            None,
            feature,
            minutes,
            text,
            bytes(raw),
            received,
            guess=kind_of(name, feature),
        )
    )
    return True
