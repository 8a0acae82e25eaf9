"""Instants, days and durations. Nothing here reads a clock: every moment is passed in."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

DAY = timedelta(days=1)
UNITS = {"h": timedelta(hours=1), "d": DAY, "w": 7 * DAY}
_DURATION = re.compile(r"([0-9]+(?:\.[0-9]+)?)([hdw])", re.IGNORECASE)
_DATE = re.compile(r"\d{4}-\d{2}-\d{2}")


class MomentError(ValueError):
    """A text that is no moment, duration or time zone; the message says what was expected."""


def zone_named(name: str) -> ZoneInfo:
    """The time zone of that IANA name, such as `Europe/Berlin`; MomentError where there is none."""
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise MomentError(f"unknown time zone {name!r}; give an IANA name such as Europe/Berlin or UTC") from error


def parse_duration(text: str) -> timedelta:
    """The exact length of `36h`, `30d` or `2w` (a day is 24 hours, a week 7 days); MomentError for anything else."""
    found = _DURATION.fullmatch(text.strip())
    if not found:
        raise MomentError(f"{text!r} is no duration; write a number followed by h, d or w, such as 36h, 30d or 2w")
    try:
        return float(found[1]) * UNITS[found[2].lower()]
    except OverflowError as error:
        raise MomentError(f"the duration {text!r} is too long") from error


def start_of_day(day: date, zone: ZoneInfo) -> datetime:
    """The instant (UTC) at which a calendar day begins in a zone; of a midnight that comes twice, the first."""
    return datetime.combine(day, time.min, zone).astimezone(UTC)


def day_of(moment: datetime, zone: ZoneInfo) -> date:
    """The calendar day of an instant in a zone."""
    return moment.astimezone(zone).date()


def floor_day(moment: datetime, zone: ZoneInfo) -> datetime:
    """The latest start of a day of the zone at or before an instant."""
    return start_of_day(day_of(moment, zone), zone)


def parse_moment(text: str, zone: ZoneInfo) -> datetime:
    """The instant (UTC) of an ISO 8601 date or time.

    A bare date is the start of that day in the zone; a time without an offset is UTC. MomentError for anything else.
    """
    text = text.strip()
    try:
        if _DATE.fullmatch(text):
            return start_of_day(date.fromisoformat(text), zone)
        parsed = datetime.fromisoformat(text)
        return parsed.astimezone(UTC) if parsed.tzinfo else parsed.replace(tzinfo=UTC)
    except (ValueError, OverflowError) as error:
        raise MomentError(f"{text!r} is no date or time; write ISO 8601, such as 2026-03-31 or 2026-03-31T09:30:00Z") from error


def iso(moment: datetime) -> str:
    """An instant as ISO 8601 in UTC with a Z, fractions of a second only where there are any."""
    return moment.astimezone(UTC).isoformat().replace("+00:00", "Z")
