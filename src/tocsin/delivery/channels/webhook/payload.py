"""What a webhook carries: a JSON object for each alert, {type, timestamp, data}."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from dataclasses import asdict
from datetime import datetime
from typing import Any

import msgspec

from tocsin.core.moment import iso
from tocsin.delivery.channels.base import Target
from tocsin.delivery.channels.wording import link
from tocsin.delivery.message import Item, Message

# A first telling is an opening, whatever brought it about; every other change has a type of its own.
OPENED = frozenset({"opened", "released", "freed"})
_IDS = uuid.UUID("0f0f4a4b-6d3f-5d0c-9a57-2f6f1f2d8b11")


def payloads(target: Target, message: Message, moment: datetime) -> Iterator[tuple[str, bytes]]:
    """(id, body) for each item, or one for a message without items. Ids are those of the delivery: the same on a retry."""
    if not message.items or message.kind == "team":
        yield _id(target, message.kind), _body(f"message.{message.kind}", moment, {"text": message.headline})
        return
    for item in message.items:
        kind = "opened" if item.kind in OPENED else item.kind
        yield _id(target, item.notice_id), _body(f"alert.{kind}", item.at, data_of(message, item))


def data_of(message: Message, item: Item) -> dict[str, Any]:
    """The alert as `alerts list --format json` gives it, with its page and with what is told of it."""
    return {
        "id": item.alert_id,
        "rule": item.rule,
        "rule_name": item.rule_name,
        "category": item.category,
        "severity": item.severity,
        "state": item.state,
        "subject": {"kind": "account", "id": item.account_id},
        "account_id": item.account_id or None,
        "account_name": item.account_name or None,
        "event_id": item.event_id,
        "message": item.text,
        "opened_at": iso(item.opened_at),
        "evidence": [asdict(line) for line in item.lines],
        **item.data,
        "url": link(message, item) or item.path,
        "change": item.kind,
        "reason": item.reason or None,
        "why": item.why or None,
    }


def _body(kind: str, at: datetime, data: dict[str, Any]) -> bytes:
    return msgspec.json.encode({"type": kind, "timestamp": iso(at), "data": data})


def _id(target: Target, part: str) -> str:
    return f"msg_{uuid.uuid5(_IDS, f'{target.delivery_id} {part}').hex}"
