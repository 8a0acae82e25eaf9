"""Values of formulas as JSON's own types."""

from __future__ import annotations

import math
from datetime import date, datetime, timedelta
from typing import Any

from tocsin.core.moment import DAY, iso


def plain(value: Any) -> Any:
    """A value as JSON holds it: times and dates as ISO text, durations as days, sets in order; no number is NaN."""
    if value is None or isinstance(value, str | bool | int):
        return value
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, datetime):
        return iso(value)
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, timedelta):
        return value / DAY
    if isinstance(value, list | tuple):
        return [plain(each) for each in value]
    if isinstance(value, set | frozenset):
        return [plain(each) for each in sorted(value)]
    return str(value)
