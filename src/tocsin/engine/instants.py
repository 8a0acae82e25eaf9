"""The moments that a formula is evaluated as of: one that is fixed, or that of each row of a table of points."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TypeAlias, overload

NEVER = datetime(2, 1, 1, tzinfo=UTC)  # what lies further back than the calendar goes


@dataclass(frozen=True, slots=True)
class Point:
    """The instant of a row, less a length: `table.column - offset`."""

    offset: timedelta = timedelta(0)
    table: str = "u"
    column: str = "at"


Instant: TypeAlias = datetime | Point


@overload
def back(at: datetime, length: timedelta) -> datetime: ...
@overload
def back(at: Point, length: timedelta) -> Point: ...
@overload
def back(at: Instant, length: timedelta) -> Instant: ...
def back(at: Instant, length: timedelta) -> Instant:
    """The instant so long before; the beginning of time where there is none."""
    if isinstance(at, Point):
        return Point(at.offset + length, at.table, at.column)
    try:
        return at - length
    except OverflowError:
        return NEVER
