"""Trying a channel: one message, now, and what became of it in words."""

from __future__ import annotations

import logging
import time
import uuid
from dataclasses import dataclass
from datetime import datetime

from django.conf import settings

from tocsin.core.errors import UserError
from tocsin.delivery import channelbook
from tocsin.delivery.channels import SendError, Target, transport_of
from tocsin.delivery.message import Message
from tocsin.delivery.models import Delivery
from tocsin.delivery.telling import to_json
from tocsin.people import facade as people

log = logging.getLogger("tocsin.delivery")


@dataclass(frozen=True, slots=True)
class Tried:
    """How it went. words: what the channel said, or why it was not sent and how to mend it. seconds: it took so long."""

    ok: bool
    words: str
    seconds: float


def test_channel(name: str, *, to: str, by: str, moment: datetime) -> Tried:
    """Send a test message at once, whether the channel is on or off; it is not tried again.

    to: the e-mail of who gets it, of a channel that reaches people, else ''. UserError where there is no such channel.
    """
    channel = channelbook.opened(name)
    transport = transport_of(channel.kind)
    address = to.strip().lower() if transport.personal else ""
    person = people.person(address) if address else None
    if channel.kind == "in-app" and person is None:
        raise UserError("in the product a message is shown to a user; say to whom with --to EMAIL")
    headline = f"Test of the channel {name}: if you can read this, it works"
    message = Message("test", headline, address=settings.TOCSIN_PUBLIC_URL)
    target = Target(str(uuid.uuid4()), address, person.name if person else "")
    began = time.monotonic()
    try:
        receipt = transport.send(channel, target, message, moment)
    except SendError as error:
        tried = Tried(False, str(error), time.monotonic() - began)
    except Exception as error:  # whatever a channel meets, who tries it is told
        log.error("channel %s failed: %s", name, type(error).__name__, exc_info=error)  # noqa: TRY400 - in one line
        tried = Tried(False, f"the channel failed unexpectedly ({type(error).__name__})", time.monotonic() - began)
    else:
        tried = Tried(True, receipt.note or "sent", time.monotonic() - began)
    if channel.kind == "in-app":
        _show(target, message, moment)
    channelbook.note(name, "tested", by=by, moment=moment, detail={"to": to, "ok": tried.ok, "words": tried.words[:300]})
    return tried


def _show(target: Target, message: Message, moment: datetime) -> None:
    """In the product, what was delivered is itself what is shown."""
    Delivery.objects.create(
        id=uuid.UUID(target.delivery_id),
        flush=uuid.uuid4(),
        kind=message.kind,
        channel="in-app",
        target_kind="person",
        target=target.email,
        immediate=False,
        message=to_json(message),
        headline=message.headline,
        state="sent",
        attempts=1,
        created_at=moment,
        sent_at=moment,
    )
