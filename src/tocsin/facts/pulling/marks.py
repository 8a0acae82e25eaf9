"""Marks: how far a cursor column was read, what comes before one, and how one grows."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from tocsin.core.errors import UserError
from tocsin.core.moment import iso
from tocsin.facts.pulling.shapes import Mark

Since = datetime | int | float | str
FIRST_TIME = datetime(1, 1, 1, tzinfo=UTC)
FIRST_NUMBER = -(2**63)


def greatest(column: pa.Array, so_far: Mark | None, name: str) -> Mark | None:
    """The mark after these cells of the cursor column, nulls passed over. UserError where their kind is another one."""
    found = pc.max(column).as_py() if len(column) > column.null_count else None
    if found is None:
        return so_far
    fresh = _mark(found)
    if so_far is None:
        return fresh
    if fresh.kind != so_far.kind:
        raise UserError(f"the cursor column {name} was {so_far.kind} and is {fresh.kind} now; set its start anew")
    return max(so_far, fresh, key=_comparable)


def capped(mark: Mark, moment: datetime) -> Mark:
    """The mark, no later than the moment: one row of the year 2999 must not hide all that follow."""
    if mark.kind == "time":
        return mark if _comparable(mark) <= moment else Mark("time", iso(moment))
    if mark.kind == "text" and (at := _read(mark.value)) is not None and at > moment:
        return Mark("text", _written_like(mark.value, moment))
    return mark


def since(mark: Mark, overlap: timedelta) -> Since:
    """What `:since` stands for: the mark, so much earlier where it is a time, so that what was written late is seen."""
    if mark.kind == "number":
        return int(mark.value) if mark.value.lstrip("-").isdigit() else float(mark.value)
    at = _read(mark.value)
    if at is None:
        return mark.value
    earlier = at - overlap if at - FIRST_TIME > overlap else FIRST_TIME
    return earlier if mark.kind == "time" else _written_like(mark.value, earlier)


def start_of(text: str) -> Since:
    """What a person gives as the beginning: a time, a number, or a text."""
    at = _read(text)
    if at is not None:
        return at
    try:
        return int(text)
    except ValueError:
        return text


def _mark(value: Any) -> Mark:
    if isinstance(value, datetime):
        aware = value.replace(tzinfo=UTC) if value.tzinfo is None else value
        return Mark("time", iso(aware))
    if isinstance(value, date):
        return Mark("time", iso(datetime(value.year, value.month, value.day, tzinfo=UTC)))
    if isinstance(value, str):
        return Mark("text", value)
    if isinstance(value, int | float | Decimal) and not isinstance(value, bool):
        return Mark("number", str(int(value)) if value == int(value) else str(value))
    raise UserError(f"a cursor column holds times, numbers or texts, not {type(value).__name__}")


def _comparable(mark: Mark) -> Any:
    match mark.kind:
        case "time":
            return datetime.fromisoformat(mark.value)
        case "number":
            return Decimal(mark.value)
    return mark.value


def _read(text: str) -> datetime | None:
    """The instant of an ISO 8601 text, None where it is none; without an offset it is UTC."""
    if len(text) < 10 or not text[:4].isdigit() or text[4] != "-":
        return None
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        return None
    return found.replace(tzinfo=UTC) if found.tzinfo is None else found


def _written_like(text: str, moment: datetime) -> str:
    """A moment as a column writes its times: a day, with T or blank, with or without offset and fraction."""
    like = datetime.fromisoformat(text)
    if len(text) == 10:
        return moment.date().isoformat()
    local = moment.astimezone(like.tzinfo or UTC)
    digits = len(text[19:].partition(".")[2].rstrip("Z").partition("+")[0].partition("-")[0]) if text[19:20] == "." else 0
    spec = "microseconds" if digits > 3 else "milliseconds" if digits else "seconds"
    written = local.replace(tzinfo=None).isoformat(text[10], spec)
    if text.endswith("Z"):
        return f"{written}Z"
    return written + (local.isoformat()[-6:] if like.tzinfo is not None else "")
