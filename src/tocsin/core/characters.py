"""Characters that JSON may hold and not every database takes: NUL, and half of a surrogate pair."""

from __future__ import annotations

import re

_HALVES = re.compile("[\ud800-\udfff]")


def has_nul(text: str) -> bool:
    """Whether a text holds a NUL character."""
    return "\0" in text


def has_half(text: str) -> bool:
    """Whether a text holds half of a surrogate pair, which is no character and no UTF-8."""
    return _HALVES.search(text) is not None
