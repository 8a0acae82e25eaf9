"""Cursor pagination: an opaque mark of the last row, so that what is added meanwhile moves nothing.

A cursor belongs to one list. Where a list is as of a moment, the cursor holds the moment, so that all parts are as of the same.
"""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Annotated

from pydantic import Field

from tocsin.api.problems import ApiError
from tocsin.core.moment import iso

MOST = 200
LONGEST = 2000  # characters of a cursor
Cursor = Annotated[str, Field(max_length=LONGEST, description="the `next` of the part before; empty begins at the beginning")]


def number(key: str) -> bool:
    """Whether a key is one that counts."""
    return key.isascii() and key.isdigit() and len(key) < 19


def mark(of: str, at: datetime, key: str) -> str:
    """The cursor after a row of a list."""
    return base64.urlsafe_b64encode(json.dumps([of, iso(at), key]).encode()).decode().rstrip("=")


def place(of: str, cursor: str, valid: Callable[[str], bool] = bool) -> tuple[datetime, str] | None:
    """The row of a list that a cursor stands after; None for the beginning. ApiError 400 where it is none of this list."""
    if not cursor:
        return None
    try:
        name, at, key = json.loads(base64.b64decode(cursor + "=" * (-len(cursor) % 4), altchars=b"-_", validate=True))
        found = datetime.fromisoformat(at).astimezone(UTC)
        known = name == of and "T" in at and 1990 <= found.year <= 2200 and isinstance(key, str) and valid(key)
    except (ValueError, TypeError, AttributeError, binascii.Error, OverflowError, RecursionError):
        known = False
    if not known:
        raise ApiError(400, f"the cursor is none that the list of {of} gave; leave it out to begin at the beginning")
    return found, key
