"""What values of JSON mean: ids, numbers, instants and days, however a sender writes them."""

from __future__ import annotations

import hashlib
import math
import re
from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import msgspec

from tocsin.core.errors import UserError
from tocsin.core.moment import MomentError, day_of, parse_moment, zone_named

UTC_ZONE = ZoneInfo("UTC")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
# Numbers from here on are milliseconds: as seconds they would be past the year 5138, as milliseconds they begin in 1973.
_MILLISECONDS = 1e11
_DIGITS = re.compile(r"-?[0-9]{5,18}(\.[0-9]{1,9})?")
_NUMBER = re.compile(r"[-+]?([0-9]+(\.[0-9]*)?|\.[0-9]+)([eE][-+]?[0-9]{1,3})?")
_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_LONGEST_SHOWN = 60


class CastError(ValueError):
    """A value that is not of its type; the message says what it is instead, to stand after the value's place."""


def decoded(body: bytes, sender: str) -> Any:
    """The JSON of a body; UserError where it is none."""
    try:
        return msgspec.json.decode(body)
    except (msgspec.MsgspecError, RecursionError, UnicodeDecodeError) as error:
        raise UserError(f"the body is no JSON that can be read ({error}); send it as {sender} makes it") from error


def digest(body: bytes) -> str:
    """The SHA-256 of a body in hex: its delivery id where the sender gives none."""
    return hashlib.sha256(body).hexdigest()


def shown(value: Any) -> str:
    """A value in a few characters, for an error."""
    if value is None:
        return "null"
    if isinstance(value, dict):
        return "an object"
    if isinstance(value, list):
        return "a list"
    if isinstance(value, bool):
        return "true" if value else "false"
    text = repr(value) if isinstance(value, str) else str(value)
    return text if len(text) <= _LONGEST_SHOWN else f"{text[:_LONGEST_SHOWN]}…"


def clean(text: str) -> str:
    """A text without the NULs that no store takes, and without blanks around it."""
    return text.replace("\0", "").strip()


def as_key(value: Any) -> str | None:
    """An id as text, '' where it is blank; None where the value is no id (ids are texts or whole numbers)."""
    if isinstance(value, str):
        return clean(value)
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    whole = isinstance(value, int) or (math.isfinite(value) and value.is_integer() and abs(value) < 2**53)
    return str(int(value)) if whole else None


def as_number(value: Any) -> float:
    """A finite number, also one written as text."""
    if isinstance(value, str) and _NUMBER.fullmatch(value.strip()):
        value = float(value)
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise CastError(f"is {shown(value)}, no number")
    try:
        number = float(value)
    except OverflowError as error:
        raise CastError(f"is {shown(value)}, too large a number") from error
    if not math.isfinite(number):
        raise CastError(f"is {shown(value)}, no finite number")
    return number


def as_moment(value: Any) -> datetime:
    """An instant (UTC): ISO 8601, or seconds or milliseconds since 1970 as a number or in digits.

    A bare date is its midnight in UTC, and so is a time without an offset.
    """
    if isinstance(value, str):
        text = clean(value)
        if not _DIGITS.fullmatch(text):
            return _parsed(text)
        value = float(text)
    number = as_number(value)
    try:
        return _EPOCH + timedelta(seconds=number / 1000 if abs(number) >= _MILLISECONDS else number)
    except OverflowError as error:
        raise CastError(f"is {shown(value)}, no time; write seconds since 1970") from error


def _parsed(text: str) -> datetime:
    try:
        return parse_moment(text, UTC_ZONE)
    except MomentError as error:
        raise CastError(f"is {shown(text)}, no time; write ISO 8601 such as 2026-03-31T09:30:00Z") from error


def as_day(value: Any, zone: ZoneInfo) -> str:
    """A calendar day, `YYYY-MM-DD`: a date as it stands, an instant as its day in a zone."""
    if isinstance(value, str) and _DATE.fullmatch(clean(value)):
        try:
            return date.fromisoformat(clean(value)).isoformat()
        except ValueError as error:
            raise CastError(f"is {shown(value)}, no date; write such as 2026-03-31") from error
    return day(as_moment(value), zone)


def day(moment: datetime, zone: ZoneInfo) -> str:
    """The day of an instant in a zone, `YYYY-MM-DD`; at the ends of the calendar, where a zone has none, that in UTC."""
    try:
        return day_of(moment, zone).isoformat()
    except OverflowError:
        return moment.date().isoformat()


def zone_of(settings: Mapping[str, object]) -> ZoneInfo:
    """The time zone in which instants become days: the setting `timezone`, else UTC. UserError where there is no such zone."""
    name = settings.get("timezone") or "UTC"
    if not isinstance(name, str):
        raise UserError(f"the setting timezone is {shown(name)}; give an IANA name such as Europe/Berlin")
    try:
        return zone_named(name)
    except MomentError as error:
        raise UserError(f"the setting timezone: {error}") from error


def text_map(settings: Mapping[str, object], name: str) -> dict[str, str]:
    """A setting that maps texts to texts, empty where it is not given; UserError where it is something else."""
    given = settings.get(name)
    if given is None:
        return {}
    if not isinstance(given, Mapping) or not all(isinstance(part, str) for pair in given.items() for part in pair):
        raise UserError(f"the setting {name} is no mapping from texts to texts; write it as an object")
    return {str(key): str(value) for key, value in given.items()}
