"""The starts of days that something is kept of, and the portions in which they are asked about."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from tocsin.core.moment import DAY, day_of, start_of_day

LONGEST_DAY = timedelta(hours=26)  # of days on which a clock is set back
CHUNK = 62  # days that one statement asks about at most
POINTS = 300_000  # accounts times days of one statement at most: what memory holds easily


def days_between(first: datetime, last: datetime, zone: ZoneInfo) -> list[datetime]:
    """The starts of days from one to another."""
    day, final = day_of(first, zone), day_of(last, zone)
    return [start_of_day(day + DAY * number, zone) for number in range((final - day).days + 1)]


def portions(days: Sequence[datetime], accounts: int) -> Iterator[list[datetime]]:
    """Days in portions for one statement about so many accounts each, without gaps and equally far apart.

    Where a clock is changed, another portion begins.
    """
    most = max(1, min(CHUNK, POINTS // max(1, accounts)))
    chunk: list[datetime] = []
    for day in days:
        gap = day - chunk[-1] if chunk else DAY
        if len(chunk) == most or gap > LONGEST_DAY or (len(chunk) > 1 and gap != chunk[1] - chunk[0]):
            yield chunk
            chunk = []
        chunk.append(day)
    if chunk:
        yield chunk
