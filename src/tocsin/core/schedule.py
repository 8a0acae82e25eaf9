"""Working hours, quiet hours and holidays in somebody's own zone. Pure: every moment and calendar is passed in.

Hours are wall-clock: on the day on which clocks change, 9 to 18 stays 9 to 18 by the clock on the wall. An interval holds its
beginning and not its end.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from tocsin.core.moment import DAY, day_of

MINUTES_A_DAY = 24 * 60
SECOND = timedelta(seconds=1)
FARTHEST = 400  # days that are looked ahead for a working day; a calendar without one in so long has none


@dataclass(frozen=True, slots=True)
class Hours:
    """When somebody works: days of the week (Monday is 0) and minutes after local midnight, holidays left out.

    end may be 24 * 60, the end of the day. start >= end, or no days, means never.
    """

    zone: ZoneInfo
    days: frozenset[int] = frozenset(range(5))
    start: int = 9 * 60
    end: int = 18 * 60
    holidays: frozenset[date] = frozenset()

    def spans(self, moment: datetime) -> Iterator[tuple[datetime, datetime]]:
        """The working spans (instants in UTC) that end after a moment, in order, for FARTHEST days."""
        if self.start >= self.end:
            return
        day = day_of(moment, self.zone)
        for _ in range(FARTHEST):
            if day.weekday() in self.days and day not in self.holidays:
                begin, finish = at_minute(day, self.start, self.zone), at_minute(day, self.end, self.zone)
                if finish > moment:
                    yield begin, finish
            day += DAY

    def open_at(self, moment: datetime) -> bool:
        """Whether a moment lies in the working hours."""
        span = next(self.spans(moment), None)
        return span is not None and span[0] <= moment

    def next_open(self, moment: datetime) -> datetime | None:
        """The moment itself where it lies in the working hours, else when they begin next; None where they never do."""
        span = next(self.spans(moment), None)
        return None if span is None else max(span[0], moment)

    def next_closed(self, moment: datetime) -> datetime | None:
        """The moment itself where nobody works, else when the span that it lies in ends; touching spans count as one."""
        at = moment
        for begin, finish in self.spans(moment):
            if begin > at:
                return at
            at = finish
        return at if at == moment else None

    def after(self, moment: datetime, length: timedelta) -> datetime | None:
        """When so much working time has passed since a moment; None where the calendar never reaches it."""
        left = length
        for begin, finish in self.spans(moment):
            there = max(begin, moment)
            if finish - there >= left:
                return there + left
            left -= finish - there
        return None


@dataclass(frozen=True, slots=True)
class Quiet:
    """Hours of the day in which nobody is to be disturbed; `start` > `end` runs over midnight, equal ones mean none."""

    zone: ZoneInfo
    start: int
    end: int

    def ends(self, moment: datetime) -> datetime:
        """The moment itself where it is not quiet, else when the quiet that it lies in ends."""
        if self.start == self.end:
            return moment
        today = day_of(moment, self.zone)
        for day in (today - DAY, today):
            until = day if self.start < self.end else day + DAY
            begin, finish = at_minute(day, self.start, self.zone), at_minute(until, self.end, self.zone)
            if begin <= moment < finish:
                return finish
        return moment


def at_minute(day: date, minute: int, zone: ZoneInfo) -> datetime:
    """The instant (UTC) at which the clock on the wall shows so many minutes after midnight of a day.

    A time that a change of clocks leaves out is the instant of the change; of one that comes twice, the first.
    """
    over, rest = divmod(minute, MINUTES_A_DAY)
    wall = datetime.combine(day + over * DAY, time(rest // 60, rest % 60), zone)
    instant = wall.astimezone(UTC)
    if instant.astimezone(zone).replace(tzinfo=None) == wall.replace(tzinfo=None):
        return instant
    # Read by the offset after the change it lies before it, and by the offset before the change after it.
    early, late = wall.replace(fold=1).astimezone(UTC), instant
    before = early.astimezone(zone).utcoffset()
    while late - early > SECOND:
        middle = early + (late - early) // SECOND // 2 * SECOND
        early, late = (middle, late) if middle.astimezone(zone).utcoffset() == before else (early, middle)
    return late


def next_at(moment: datetime, minute: int, zone: ZoneInfo, *, weekday: int | None = None) -> datetime:
    """When the clock on the wall shows that minute next, strictly after a moment; only on that weekday where one is given."""
    day = day_of(moment, zone)
    while True:
        found = at_minute(day, minute, zone)
        if found > moment and weekday in (None, day.weekday()):
            return found
        day += DAY


def start_of_week(moment: datetime, zone: ZoneInfo) -> datetime:
    """The instant at which the week (from Monday) of a moment began."""
    day = day_of(moment, zone)
    return at_minute(day - day.weekday() * DAY, 0, zone)
