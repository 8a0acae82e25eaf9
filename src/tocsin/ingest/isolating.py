"""A stretch that fails again and again, taken apart until the messages that fail alone are found."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import Any

import msgspec

from tocsin.core.errors import UserError
from tocsin.facts.live.shapes import Refusal, Taken
from tocsin.ingest.arriving import REJECTED, kept, meant
from tocsin.ingest.records import Record
from tocsin.ingest.segment.messages import read_envelope

FAILED = "internal error"  # how the reason of a message begins that fails alone
_LONGEST = 300  # characters of an error's text


def pieces(records: Sequence[Record]) -> list[Record]:
    """The messages of these records, each as a record of its own; one that cannot be taken apart stays whole."""
    found: list[Record] = []
    for record in records:
        try:
            found += _apart(record)
        except Exception:  # noqa: BLE001 - whatever is wrong with it, it is one piece then, and fails or not as such
            found.append(record)
    return found


def isolate(
    parts: Sequence[Record], take: Callable[[Sequence[Record]], Taken], stopped: Callable[[], bool]
) -> tuple[list[Taken], list[tuple[Record, Exception]]]:
    """Take in what can be taken in, half by half; gives what became of it, and each piece that fails alone with its error.

    UserError where nothing can be written, InterruptedError where `stopped` says so on the way: what was taken in is known when
    it comes again.
    """
    if not parts:
        return [], []
    if stopped():
        raise InterruptedError
    try:
        return [take(parts)], []
    except UserError:  # no space, or the like: everything waits
        raise
    except Exception as error:  # noqa: BLE001 - it is what is looked for
        if len(parts) == 1:
            return [], [(parts[0], error)]
    half = len(parts) // 2
    taken, failed = isolate(parts[:half], take, stopped)
    more, others = isolate(parts[half:], take, stopped)
    return taken + more, failed + others


def refusal(piece: Record, error: Exception) -> Refusal:
    """The entry of a piece that fails alone: as received, so that it can be tried again when the error is mended."""
    text = " ".join(str(error).split())[:_LONGEST]
    reason = f"{FAILED}: {type(error).__name__}{': ' if text else ''}{text}"
    collection, row = _as_sent(piece)
    return Refusal(collection, reason, row, received=piece.received)


def _apart(record: Record) -> Iterator[Record]:
    if record.kind == "rows":
        for row in json.loads(record.body):
            yield replace(record, body=json.dumps([row]).encode())
    elif record.kind == "batch":
        envelope = read_envelope(record.body)
        shared = b'"sentAt":%b,"context":%b' % (bytes(envelope.sent_at), bytes(envelope.context))
        for raw in envelope.batch:
            yield replace(record, body=b'{"batch":[%b],%b}' % (bytes(raw), shared))
    else:
        yield record


def _as_sent(piece: Record) -> tuple[str, str]:
    """The collection that a piece was meant for, and what was sent, with what its batch and its address say written in."""
    try:
        if piece.kind == "rows":
            [[collection, values, *_]] = json.loads(piece.body)
            if collection == REJECTED:
                return str(values["collection"]), str(values["row"])
            return collection, json.dumps(values, ensure_ascii=False)
        given = _message(piece)
    except Exception:  # noqa: BLE001 - what cannot be read is kept as it stands
        return "events", kept(piece.body)
    text = json.dumps(given, ensure_ascii=False)
    return meant(text.encode("utf-8", "replace"), None), kept(text.encode("utf-8", "replace"))


def _message(piece: Record) -> dict[str, Any]:
    if piece.kind != "batch":
        return {"type": piece.kind, **json.loads(piece.body)}
    envelope = read_envelope(piece.body)
    [raw] = envelope.batch
    given: dict[str, Any] = json.loads(bytes(raw))
    context, sent = msgspec.json.decode(envelope.context), msgspec.json.decode(envelope.sent_at)
    if isinstance(context, dict):
        given["context"] = {**context, **(given.get("context") or {})}
    if sent is not None and "timestamp" not in given:
        given.setdefault("sentAt", sent)
    return given
