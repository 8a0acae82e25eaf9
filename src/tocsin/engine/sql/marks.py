"""Marks: instants and numbers that stand in a statement for others, which are put in their place once it is written.

A statement hangs on its moment only by instants a fixed length before it, by the days in which these lie, and by medians of
the day. So a `Mark` goes through the writing as the moment would, through subtraction and comparison as well, and comes out as
a word that says what belongs there.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta, timezone
from typing import Self
from zoneinfo import ZoneInfo

from tocsin.core.moment import day_of
from tocsin.engine.instants import back

MICROSECOND = timedelta(microseconds=1)
_BORDER = "\u2063"  # an invisible character, which nobody's data begin and end with
_WORD = re.compile(
    rf"CAST\('{_BORDER}number:(?P<number>\d+){_BORDER}' AS DOUBLE\)"
    rf"|{_BORDER}(?P<kind>\w+):(?P<base>\d+):(?P<offset>-?\d+){_BORDER}"
    rf"|'{_BORDER}id:(?P<ids>\d+):1{_BORDER}', '{_BORDER}id:\d+:2{_BORDER}'"
)


class Mark(datetime):
    """An instant that stands for another one, or for one a fixed length before it. Its zone says for which."""

    def word(self, kind: str) -> str:
        """What stands in the statement: the `instant`, its `epoch`, its `day`, or its `month`, `quarter`, `year`."""
        base = int((self.tzname() or "")[-1])  # zones with the same offset are equal: only their names tell them apart
        return f"{_BORDER}{kind}:{base}:{(MARKS[base] - self) // MICROSECOND}{_BORDER}"


class MarkedNumber(float):
    """A number that stands for the one of this place."""

    def __new__(cls, place: int) -> Self:
        """place: of the number among those to be put in."""
        made = super().__new__(cls, place)
        made.place = place
        return made

    place: int

    @property
    def word(self) -> str:
        """What stands in the statement."""
        return f"{_BORDER}number:{self.place}{_BORDER}"


# So far apart that none looks back to another.
MARKS = tuple(Mark(3000 + 1000 * base, 5, 6, 7, 8, 9, 123456, timezone(timedelta(0), f"mark {base}")) for base in range(4))


def marked_ids(place: int) -> tuple[str, str]:
    """Two ids that stand for a list of ids, in order."""
    first, second = (f"{_BORDER}id:{place}:{each}{_BORDER}" for each in (1, 2))
    return first, second


def first_of(day: date, unit: str) -> date:
    """The first day of the month, quarter or year that a day lies in."""
    return date(day.year, {"month": day.month, "quarter": (day.month - 1) // 3 * 3 + 1, "year": 1}[unit], 1)


@dataclass(frozen=True)
class Values:
    """What is put in. instants: for each mark; ids: for each place, in no order; numbers: for each place, None for null."""

    instants: Sequence[datetime]
    ids: Sequence[Sequence[str]]
    numbers: Sequence[float | None]


class Template:
    """A statement with marks in it."""

    def __init__(self, marked: str) -> None:
        self._texts: list[str] = []
        self._words: list[re.Match[str]] = []
        done = 0
        for word in _WORD.finditer(marked):
            self._texts.append(marked[done : word.start()])
            self._words.append(word)
            done = word.end()
        self._rest = marked[done:]

    def filled(self, values: Values, zone: ZoneInfo) -> str:
        """The statement with values in place of the marks; days are those of the zone."""
        known: dict[str, str] = {}
        parts: list[str] = []
        for text, word in zip(self._texts, self._words, strict=True):
            said = word.group()
            if said not in known:
                known[said] = _put(word, values, zone)
            parts += (text, known[said])
        return "".join([*parts, self._rest])


def instant_text(value: datetime) -> str:
    """An instant as it stands in a statement: in UTC, without saying so."""
    return value.astimezone(UTC).replace(tzinfo=None).isoformat(sep=" ")


def since_1970(value: datetime) -> int:
    """Microseconds since the beginning of 1970, UTC."""
    return (value - datetime(1970, 1, 1, tzinfo=UTC)) // MICROSECOND


def number_text(value: float) -> str:
    """A number as it stands in a statement."""
    return repr(float(value))


def _put(word: re.Match[str], values: Values, zone: ZoneInfo) -> str:
    if word["number"] is not None:
        value = values.numbers[int(word["number"])]
        return "NULL" if value is None else f"CAST('{number_text(value)}' AS DOUBLE)"
    if word["ids"] is not None:
        return ", ".join("'" + each.replace("'", "''") + "'" for each in sorted(values.ids[int(word["ids"])]))
    at = back(values.instants[int(word["base"])], int(word["offset"]) * MICROSECOND)
    return _KINDS[word["kind"]](at, zone)


_KINDS: dict[str, Callable[[datetime, ZoneInfo], str]] = {
    "instant": lambda at, _zone: instant_text(at),
    "epoch": lambda at, _zone: str(since_1970(at)),
    "day": lambda at, zone: day_of(at, zone).isoformat(),
    **{
        unit: (lambda at, zone, unit=unit: first_of(day_of(at, zone), unit).isoformat())  # type: ignore[misc]
        for unit in ("month", "quarter", "year")
    },
}
