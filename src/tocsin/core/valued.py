"""Values that no schema types (tier, risk, custom attributes): which texts are a number, a date or a time.

All values of an attribute together give its type (`facts.history`). Where they do not agree it is text, and a formula that
compares it with a number reads each value by itself: the same texts are numbers there.
"""

from __future__ import annotations

import re

from tocsin.core.language.nodes import Value

# Narrower than what a declared number may look like: `.5` and `5.` stay texts.
NUMBER = r"[-+]?\d+(\.\d+)?([eE][-+]?\d+)?"
DATE = r"\d{4}-\d\d-\d\d"
TIME = DATE + r"T\d{1,2}:\d\d(:\d\d(\.\d+)?)?(Z|z|[+-](0\d|1[0-4])(:?[0-5]\d)?)?"
TRUTHS = ("true", "false")  # in any case
_NUMBER = re.compile(NUMBER, re.ASCII)


def number_in(text: str) -> float | None:
    """The finite number that a text is; None where it is none."""
    value = float(text) if _NUMBER.fullmatch(text) else None
    return value if value is not None and abs(value) < float("inf") else None


def as_compared(value: Value, other: Value) -> Value:
    """A text as what it was compared with, a number or a truth; as it is where it is none, or was compared with a text."""
    if not isinstance(value, str):
        return value
    if isinstance(other, bool):
        return {"true": True, "false": False}.get(value.lower(), value)
    number = number_in(value) if isinstance(other, (int, float)) else None
    return value if number is None else number
