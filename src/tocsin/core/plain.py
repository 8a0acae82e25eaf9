"""Values of formulas as JSON's own types: the same wherever they are written."""

from __future__ import annotations

import math
from datetime import date, datetime, timedelta
from typing import Any

from tocsin.core.moment import DAY, iso

EXACT = 1e15  # below this a whole float is written without a tail, and reads back the same


def plain(value: object) -> Any:
    """A value as JSON holds it: whole numbers as integers, times and dates as ISO text, durations as days, sets in order.

    No number is NaN or infinite: null instead.
    """
    match value:
        case None | bool() | str() | int():
            return value
        case float():
            if not math.isfinite(value):
                return None
            return int(value) if value.is_integer() and abs(value) < EXACT else value
        case datetime():
            return iso(value)
        case date():
            return value.isoformat()
        case timedelta():
            return plain(value / DAY)
        case list() | tuple():
            return [plain(each) for each in value]
        case set() | frozenset():
            return [plain(each) for each in sorted(value)]
    return str(value)
