"""From a scalar of a rule file to the value of a parameter."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import date

from tocsin.core.language.nodes import Value
from tocsin.core.moment import parse_duration

_DURATION = re.compile(r"[0-9]+(\.[0-9]+)?[hdw]", re.IGNORECASE)
_PERCENT = re.compile(r"-?[0-9]+(\.[0-9]+)?%")
_DATE = re.compile(r"date\s*'(\d{4}-\d{2}-\d{2})'", re.IGNORECASE)


def parameter(value: object) -> Value:
    """The typed value of a parameter as a rule file writes it.

    `14d` and `36h` are durations, `5%` is 0.05, `date '2026-01-31'` a date; other texts, numbers and truths are themselves; a
    list holds such values. ValueError for anything else (a mapping, say), and for a date that does not exist.
    """
    match value:
        case None | bool() | date():
            return value
        case int() | float():
            return float(value)
        case str():
            text = str(value)
            if _DURATION.fullmatch(text):
                return parse_duration(text)
            if _PERCENT.fullmatch(text):
                return float(text[:-1]) / 100
            if found := _DATE.fullmatch(text):
                return date.fromisoformat(found[1])
            return text
    if isinstance(value, Sequence):
        return [parameter(each) for each in value]
    raise ValueError(f"a parameter is a number, a text, a duration, true, false or a list of them, not {value!r}")
