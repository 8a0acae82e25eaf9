"""Cursor pagination: an opaque mark of the last row, so that what is added meanwhile moves nothing."""

from __future__ import annotations

import base64
import binascii
import json
from datetime import datetime

from tocsin.api.problems import ApiError
from tocsin.core.moment import iso

MOST = 200


def mark(at: datetime, key: str) -> str:
    """The cursor after a row."""
    return base64.urlsafe_b64encode(json.dumps([iso(at), key]).encode()).decode().rstrip("=")


def place(cursor: str) -> tuple[datetime, str] | None:
    """The row that a cursor stands after; None for the beginning. ApiError 400 where it is none of ours."""
    if not cursor:
        return None
    try:
        at, key = json.loads(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
        found = datetime.fromisoformat(at)
        known = found.tzinfo is not None and key.isascii() and key.isdigit() and len(key) < 19
    except (ValueError, TypeError, AttributeError, binascii.Error, OverflowError, RecursionError):
        known = False
    if not known:
        raise ApiError(400, "the cursor is none that was given; leave it out to begin at the beginning")
    return found, key
