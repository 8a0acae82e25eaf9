"""Rows of events that webhooks give, as the events that they are: those not stored yet go the quick way of all events."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import duckdb
import numpy as np

from tocsin.core.schema import COLLECTIONS
from tocsin.facts.live.parts import BY_PERSON, Given
from tocsin.facts.live.seen import SeenHashes
from tocsin.facts.live.shapes import Event

_TEXTS = ("id", "account_id", "person_id", "name", "kind", "feature")


def split(
    cursor: duckdb.DuckDBPyConnection, rows: Sequence[Given], seen: Sequence[SeenHashes]
) -> tuple[list[Event], list[Given]]:
    """Complete rows as new events, and the rows that are no events, change a stored one, or cannot be read as one."""
    made = [_event(values) if name == "events" else None for name, values in rows]
    ids = [each.id for each in made if each is not None]
    stored = _stored(cursor, ids, seen) if ids else frozenset()
    events = [each for each in made if each is not None and each.id not in stored]
    others = [
        (name, values if each is None else {**values, "id": each.id})
        for (name, values), each in zip(rows, made, strict=True)
        if each is None or each.id in stored
    ]
    return events, others


def _stored(cursor: duckdb.DuckDBPyConnection, ids: Sequence[str], seen: Sequence[SeenHashes]) -> frozenset[str]:
    found = cursor.execute("SELECT id, hash(id) AS h FROM (SELECT unnest(?) AS id)", [sorted(set(ids))]).fetchnumpy()
    hashes = found["h"].astype(np.uint64)
    suspects = [str(each) for each in found["id"][np.logical_or.reduce([each.known(hashes) for each in seen])]]
    if not suspects:
        return frozenset()
    rows = cursor.execute("SELECT id FROM events WHERE id IN (SELECT unnest(?))", [suspects]).fetchall()
    return frozenset(row[0] for row in rows)


def _event(values: dict[str, Any]) -> Event | None:
    """The event of a row; None where a column is not of its type, which those who import rows say better."""
    told = {name: value for name, value in values.items() if name in COLLECTIONS["events"] and value not in (None, "")}
    raw = json.dumps(told, ensure_ascii=False, sort_keys=True, separators=(",", ":"), default=str)
    minutes, properties = told.get("minutes"), told.get("properties")
    sound = (
        all(isinstance(told.get(name, ""), str) for name in _TEXTS)
        and (minutes is None or (isinstance(minutes, int | float) and not isinstance(minutes, bool)))
        and (properties is None or isinstance(properties, dict))
        and "\\u0000" not in raw
    )
    at = _instant(told.get("at"))
    if not sound or at is None:
        return None
    text = None if properties is None else json.dumps(properties, ensure_ascii=False)
    own = told.get("id") or f"row-{hashlib.sha256(raw.encode()).hexdigest()[:32]}"
    return Event(
        own, told["account_id"], told.get("person_id"), None, told["name"], at, told.get("kind"), told.get("feature"),
        None if minutes is None else float(minutes), text, raw.encode(), by_person=bool(values.get(BY_PERSON)),
    )  # fmt: skip


def _instant(value: Any) -> datetime | None:
    """An instant with its offset, in UTC; None where it is none."""
    try:
        moment = datetime.fromisoformat(value) if isinstance(value, str) else None
        return None if moment is None or moment.tzinfo is None else moment.astimezone(UTC)
    except (ValueError, OverflowError):
        return None
