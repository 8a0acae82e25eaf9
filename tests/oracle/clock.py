"""Calendar days, read from the zone itself: looked for, not computed, so that clock changes cannot be got wrong alike."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from functools import cache
from zoneinfo import ZoneInfo

DAY = timedelta(days=1)
_STEP = timedelta(minutes=15)  # all zones of today change their clocks at quarters of an hour


def today(moment: datetime, zone: ZoneInfo) -> date:
    """The calendar day of an instant in a zone."""
    return moment.astimezone(zone).date()


@cache
def start_of_day(day: date, zone: ZoneInfo) -> datetime:
    """The first instant at which the zone's calendar shows the day."""
    candidate = datetime.combine(day, time.min, UTC) - timedelta(hours=15)
    while today(candidate, zone) < day:
        candidate += _STEP
    return candidate


def days_between(earlier: datetime, later: datetime) -> float:
    """Elapsed periods of 24 h, with fractions."""
    return (later - earlier) / DAY


def working_days(after: date, until: date) -> float:
    """Mondays to Fridays after a day, up to and with another; negative where that one is earlier."""
    if after > until:
        return -working_days(until, after)
    return float(sum((after + number * DAY).weekday() < 5 for number in range(1, (until - after).days + 1)))
