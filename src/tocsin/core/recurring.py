"""Schedules of what happens again and again, as people write them. Pure: the moment and the zone are passed in.

- `every 15m` (minutes, hours, days): so long from one beginning to the next, whatever the clocks do;
- `daily at 06:00`, `daily at 06:00, 18:30`, `weekdays at 06:00`, `weekly on monday at 06:00`: by the clock on the wall;
- `cron 0 6 * * 1-5`: the five fields of cron (minute, hour, day of the month, month, day of the week), by that clock too;
- `by hand`: never by itself.

On the day on which clocks change, a time that is left out is the instant of the change; of one that comes twice, the first.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from tocsin.core.errors import UserError
from tocsin.core.moment import DAY, day_of
from tocsin.core.schedule import at_minute

BY_HAND = "by hand"
WEEKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
HINT = "write `every 15m`, `daily at 06:00`, `weekdays at 06:00`, `weekly on monday at 06:00`, `cron 0 6 * * 1-5` or `by hand`"
SHORTEST, LONGEST = timedelta(minutes=1), timedelta(days=31)
FARTHEST = 8 * 366  # days that are looked ahead: a 29 February is at most 8 years away

_UNITS = {"m": timedelta(minutes=1), "h": timedelta(hours=1), "d": DAY}
_EVERY = re.compile(r"every ([0-9]{1,5})\s*([mhd])")
_AT = re.compile(r"(daily|weekdays|weekly on ([a-z]+)) at (.+)")
_CLOCK = re.compile(r"([01]?[0-9]|2[0-3]):([0-5][0-9])")
_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_DAYS = ("sun", "mon", "tue", "wed", "thu", "fri", "sat")
# Field of cron -> least and greatest value, and names that stand for values from the least on.
_FIELDS: tuple[tuple[str, int, int, tuple[str, ...]], ...] = (
    ("minute", 0, 59, ()),
    ("hour", 0, 23, ()),
    ("day of the month", 1, 31, ()),
    ("month", 1, 12, _MONTHS),
    ("day of the week", 0, 7, _DAYS),
)


@dataclass(frozen=True, slots=True)
class Recurring:
    """A schedule that was read.

    text: as it is written. every: from one beginning to the next, None where the clock decides.
    minutes: minutes after midnight, ascending. weekdays (Monday is 0), days, months: on which of them; None is all.
    either: a day of the week or of the month is enough, as cron has it where both are given.
    """

    text: str
    every: timedelta | None = None
    minutes: tuple[int, ...] = ()
    weekdays: frozenset[int] | None = None
    days: frozenset[int] | None = None
    months: frozenset[int] | None = None
    either: bool = False

    def next(self, after: datetime, zone: ZoneInfo) -> datetime | None:
        """The first time strictly after a moment (for `every`: so long after it), in UTC; None where there is none."""
        if self.every is not None:
            return after + self.every
        day = day_of(after, zone)
        for _ in range(FARTHEST if self.minutes else 0):
            if self._on(day):
                for minute in self.minutes:
                    found = at_minute(day, minute, zone)
                    if found > after:
                        return found
            day += DAY
        return None

    def _on(self, day: date) -> bool:
        if self.months is not None and day.month not in self.months:
            return False
        by_week = self.weekdays is None or day.weekday() in self.weekdays
        by_month = self.days is None or day.day in self.days
        return by_week or by_month if self.either else by_week and by_month


def read_recurring(text: str) -> Recurring:
    """The schedule that a text says. UserError with what may be written where it is none."""
    said = " ".join(text.lower().split())
    if said == BY_HAND:
        return Recurring(BY_HAND)
    if found := _EVERY.fullmatch(said):
        span = int(found[1]) * _UNITS[found[2]]
        if not SHORTEST <= span <= LONGEST:
            raise UserError(f"the schedule {text.strip()!r}: from 1m to 31d may lie between two runs")
        return Recurring(f"every {int(found[1])}{found[2]}", every=span)
    if found := _AT.fullmatch(said):
        return _at(said, found)
    if said.startswith("cron "):
        return _cron(said)
    raise UserError(f"{text.strip()[:80]!r} is no schedule; {HINT}")


def _at(said: str, found: re.Match[str]) -> Recurring:
    weekdays = frozenset(range(5)) if found[1] == "weekdays" else None
    if found[2] is not None:
        named = [number for number, name in enumerate(WEEKDAYS) if name == found[2] or name[:3] == found[2]]
        if not named:
            raise UserError(f"the schedule {said!r}: {found[2]!r} is no day of the week; {HINT}")
        weekdays = frozenset(named)
    minutes = set()
    for each in found[3].split(","):
        clock = _CLOCK.fullmatch(each.strip())
        if clock is None:
            raise UserError(f"the schedule {said!r}: {each.strip()!r} is no time of the day; write hh:mm, such as 06:00")
        minutes.add(int(clock[1]) * 60 + int(clock[2]))
    return Recurring(said, minutes=tuple(sorted(minutes)), weekdays=weekdays)


def _cron(said: str) -> Recurring:
    parts = said.split()[1:]
    if len(parts) != len(_FIELDS):
        named = ", ".join(name for name, *_ in _FIELDS)
        raise UserError(f"the schedule {said!r} has {len(parts)} fields; cron has five: {named}")
    values = [_field(said, part, *field) for part, field in zip(parts, _FIELDS, strict=True)]
    minute, hour, days, months, weekdays = values
    all_days, all_weekdays = parts[2].startswith("*"), parts[4].startswith("*")
    found = Recurring(
        said,
        minutes=tuple(sorted(h * 60 + m for h in hour for m in minute)),
        weekdays=frozenset((each - 1) % 7 for each in weekdays),  # cron counts from Sunday, and calls it 0 or 7
        days=frozenset(days),
        months=frozenset(months),
        either=not all_days and not all_weekdays,
    )
    if months and not found.either and max(days) > 28 and not any(_exists(day, month) for day in days for month in months):
        raise UserError(f"the schedule {said!r} names a day that no year has")
    return found


def _exists(day: int, month: int) -> bool:
    return day <= (29 if month == 2 else 30 if month in (4, 6, 9, 11) else 31)


def _field(said: str, part: str, name: str, least: int, most: int, names: tuple[str, ...]) -> set[int]:
    """The values of one field: `*`, `5`, `1-5`, `*/15`, `10-50/20`, names where it has some, with commas between."""
    found: set[int] = set()
    for each in part.split(","):
        span, slash, step = each.partition("/")
        first, dash, last = span.partition("-")
        try:
            low = least if span == "*" else _value(first, least, names)
            high = most if span == "*" else _value(last, least, names) if dash else most if slash else low
            width = int(step) if slash else 1
        except ValueError as error:
            raise UserError(f"the schedule {said!r}: {each!r} is no {name} of cron; {HINT}") from error
        if not (least <= low <= high <= most and width >= 1):
            raise UserError(f"the schedule {said!r}: {each!r} is no {name} of cron, which is from {least} to {most}")
        found.update(range(low, high + 1, width))
    return found


def _value(text: str, least: int, names: tuple[str, ...]) -> int:
    return names.index(text) + least if text in names else int(text)
