"""From records of the inbox to arrivals: every good message with what it tells, every bad one with its reason."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import datetime
from typing import Any

import msgspec

from tocsin.core.errors import UserError
from tocsin.core.schema import COLLECTIONS
from tocsin.facts import breathing
from tocsin.facts.live.shapes import Arrivals, Refusal, Row
from tocsin.ingest.limits import Limits
from tocsin.ingest.records import Record
from tocsin.ingest.segment import quick
from tocsin.ingest.segment.messages import Context, Message, read_call, read_envelope, read_time, shared_context
from tocsin.ingest.segment.reading import Told

REJECTED = "rejected"  # in place of a collection: a body that could not be read, with the reason
UNREADABLE = "it is no JSON object of a collection"  # the reason of what cannot be read again
_WRITTEN_IN = 4096  # bytes that a message may have grown by what its address and its batch said of it
_OF_KIND = {"identify": "people", "group": "accounts", "alias": "people"}


def arrivals_of(records: Sequence[Record], limits: Limits) -> Arrivals:
    """What these records tell, in their order."""
    told = Told()
    for record in records:
        if record.kind == "rows":
            _add_rows(told, record)
        elif record.kind == "batch":
            try:
                envelope = read_envelope(record.body)
            except (msgspec.DecodeError, RecursionError):  # the door has read it, with more room for what nests deep
                told.refused.append(Refusal("events", "the batch cannot be read", kept(record.body), received=record.received))
                continue
            sent_at, shared = read_time(envelope.sent_at), shared_context(envelope)
            breathing.breathe()
            whole = quick.messages_of(record.body) if shared is None else None
            messages: Sequence[Message | None] = whole or [None] * len(envelope.batch)
            for raw, message in zip(envelope.batch, messages, strict=True):
                if (
                    message is None
                    or len(raw) > limits.message
                    or not quick.add(told, message, raw, record.received, limits.ahead)
                ):
                    _add(told, bytes(raw), None, record.received, sent_at, limits, shared)
        else:
            _add(told, record.body, record.kind, record.received, None, limits)
    return told


def again(waiting: Sequence[tuple[str, str, datetime]], limits: Limits) -> Arrivals:
    """What waited for its account, or is tried again: (collection, row as received, when it was received).

    What cannot be read is refused once more: it has been taken off the list, and would be lost.
    """
    told = Told()
    for collection, row, received in waiting:
        try:
            given = json.loads(row)
        except (ValueError, RecursionError):
            given = None
        if not isinstance(given, dict) or collection not in COLLECTIONS:
            told.refused.append(Refusal(collection, UNREADABLE, row, received=received))
        elif _is_message(given):
            kind = None if isinstance(given.get("type"), str) else {"people": "identify"}.get(collection, "track")
            _add(told, row.encode(), kind, received, None, limits, more=_WRITTEN_IN)
        else:
            told.rows.append(Row(collection, given, "", received))
    return told


def _is_message(given: dict[str, Any]) -> bool:
    """Whether it is a message of Segment's API and no row, which may have attributes of any name (`type`) beside its id."""
    if "messageId" in given:
        return True
    return bool({"type", "event", "userId", "anonymousId"} & given.keys()) and not {"id", "account_id"} & given.keys()


def _add(
    told: Told,
    raw: bytes,
    kind: str | None,
    received: datetime,
    sent_at: datetime | None,
    limits: Limits,
    shared: Context | None = None,
    more: int = 0,
) -> None:
    if len(raw) > limits.message + more:
        reason = f"the message has {len(raw):,} bytes, more than {limits.message:,}"
        told.refused.append(Refusal(meant(raw, kind), reason, kept(raw), received=received))
        return
    try:
        told.add(read_call(raw, kind=kind, received=received, sent_at=sent_at, ahead=limits.ahead, shared=shared))
    except UserError as error:
        told.refused.append(Refusal(meant(raw, kind), str(error), kept(raw), received=received))


def _add_rows(told: Told, record: Record) -> None:
    for collection, values in json.loads(record.body):
        if collection in COLLECTIONS:
            told.rows.append(Row(collection, values, record.source, record.received))
        elif collection == REJECTED:
            row = kept(values["row"].encode("utf-8", "replace"))
            told.refused.append(Refusal(values["collection"], values["reason"], row, received=record.received))


def meant(raw: bytes, kind: str | None) -> str:
    """Which collection a bad message was meant for, as far as it says so."""
    for name, collection in _OF_KIND.items():
        if kind == name or (kind is None and f'"{name}"'.encode() in raw[:2000]):
            return collection
    return "events"


def kept(raw: bytes) -> str:
    """A message as it is kept in the list of rejected rows: as received and whole, with what no text can hold replaced.

    How long it may be is a matter of the door, which has taken it in.
    """
    return raw.decode("utf-8", "replace").replace("\x00", "\ufffd")


__all__ = ["REJECTED", "UNREADABLE", "again", "arrivals_of", "kept", "meant"]
