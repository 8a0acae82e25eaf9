"""The eighteen months that the demo covers, counted in days.

Inside the generator every instant is a number: days since the first midnight of the window, with fractions, negative before
it. Numbers are quick to draw and to compare; they become instants and dates only when a sheet is written.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from functools import cached_property

import numpy as np
import numpy.typing as npt

SPAN = 548  # 18 months
MONTH = 365.25 / 12
MICROS_PER_DAY = 86_400_000_000

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Window:
    """The window that ends at `until` (an instant, UTC)."""

    until: datetime

    @cached_property
    def zero(self) -> datetime:
        """The midnight (UTC) from which days are counted."""
        day = self.until.astimezone(UTC).date() - timedelta(days=SPAN)
        return datetime(day.year, day.month, day.day, tzinfo=UTC)

    @cached_property
    def end(self) -> float:
        """`until` in days; between SPAN and SPAN + 1."""
        return (self.until - self.zero) / timedelta(days=1)

    @property
    def days(self) -> int:
        """How many calendar days the window touches."""
        return SPAN + 1

    @cached_property
    def first_weekday(self) -> int:
        """The weekday of day 0, Monday being 0."""
        return self.zero.weekday()

    def is_weekend(self, day: float) -> bool:
        """Whether a day is a Saturday or a Sunday."""
        return (int(day // 1) + self.first_weekday) % 7 >= 5

    def workday(self, day: float) -> float:
        """The same hour on that day, or on the Monday after a weekend."""
        while self.is_weekend(day):
            day += 1
        return day

    def day_of(self, day: float) -> date:
        """The calendar day (UTC) of a number of days."""
        return (self.zero + timedelta(days=int(day // 1))).date()

    def number_of(self, day: date) -> int:
        """The number of a calendar day."""
        return (day - self.zero.date()).days

    def known(self, day: float | None) -> float | None:
        """The instant where it is not later than `until`, else None: what lies ahead is not recorded yet."""
        return day if day is not None and day <= self.end else None

    @cached_property
    def dates(self) -> tuple[date, ...]:
        """The calendar days of the window."""
        return tuple(self.day_of(day) for day in range(self.days))

    @cached_property
    def rhythm(self) -> Floats:
        """How busy each day is for everybody: weekends, public holidays, a lazy August and the end of the year."""
        return np.array([_busy(day) for day in self.dates])


def _busy(day: date) -> float:
    """The market's activity on a day, an ordinary Tuesday being 1."""
    weekly = (0.97, 1.06, 1.05, 1.02, 0.86, 0.09, 0.06)[day.weekday()]
    month_day = (day.month, day.day)
    if month_day in {(12, 24), (12, 25), (12, 26), (12, 31), (1, 1)}:
        return weekly * 0.3
    if month_day >= (12, 23) or month_day == (1, 2) or month_day in {(5, 1), (7, 4), (10, 3), (11, 1)}:
        return weekly * 0.65
    return weekly * (0.9 if day.month == 8 else 1.0)
