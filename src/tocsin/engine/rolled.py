"""Which aggregates over all history can be read from the rollup of old events (`facts.rollup`), and up to which border.

What only asks whether or when something happened first is right as of any moment: a row of the rollup stands for its first
event. What asks when it happened last, or how often, takes each row as a whole; that is right as of moments after the border
alone.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

from tocsin.core.language.terms import Aggregated, Column, Const, Operation, Term, own
from tocsin.core.rules import FAMILY
from tocsin.engine.instants import Instant, Point

EVENTS = "events"
# What rows of the rollup can be told apart by: of accounts and their features, and of people.
COLUMNS = {"account": ("name", "kind", "feature"), "feature": ("name", "kind", "feature"), "person": ("kind",)}
COLUMNS[FAMILY] = COLUMNS["account"]


# How far back one can look is told apart in these steps only, so that a statement stays the same while time passes.
STEPS = tuple(timedelta(days=each) for each in (0, 1, 7, 31, 100))


@dataclass(frozen=True)
class Rolled:
    """How a pass reads old events: those at or before the border from the rollup, by their first or their last."""

    by: Literal["first", "last"]
    border: datetime


@dataclass(frozen=True)
class Rollup:
    """What a statement about a kind of subject can take from the rollup.

    borders: up to which it can be read, ascending (UTC).
    first:   the first moment of the statement (of points: no point is before it); None where it is not known.
    marked:  what stands for it in a statement that is written with marks; None where it stands for itself.
    """

    subject: str
    borders: Sequence[datetime]
    first: datetime | None
    marked: datetime | None = None

    def of(self, term: Aggregated, at: Instant, rest: Term | None, equal: Collection[str] = ()) -> Rolled | None:
        """How an aggregate is read, whose filter is `rest`, besides columns that equal those of a triggering row."""
        columns = COLUMNS.get(self.subject, ())
        if not self.borders or term.collection != EVENTS or term.window is not None or set(equal) - set(columns):
            return None
        if rest is not None and not all(_told(part, columns) for part in own(rest)):
            return None
        function = term.function
        if term.column is not None and function in ("min", "max") and isinstance(term.column, Column):
            function = f"{function}({term.column.name})"
        if function in ("exists", "min(at)"):
            return Rolled("first", self.borders[-1])
        if function in ("count", "max(at)"):
            border = self._border(at)
            return None if border is None else Rolled("last", border)
        return None

    def _border(self, at: Instant) -> datetime | None:
        """The latest border before an instant, of points before all of them; none that is not before the first moment."""
        if self.first is None:
            return None
        before = at.offset if isinstance(at, Point) else (self.marked or self.first) - at
        usable = zip(self.borders, lengths(self.borders, self.first), strict=True)
        return max((border for border, length in usable if length and before < length), default=None)


def lengths(borders: Sequence[datetime], first: datetime) -> tuple[timedelta, ...]:
    """How far before a moment each border lets one look, in steps; zero for not at all."""
    return tuple(max((step for step in STEPS if step <= first - each), default=STEPS[0]) for each in borders)


def _told(part: Term, columns: Collection[str]) -> bool:
    """Whether a part of a filter can be told by some columns."""
    return isinstance(part, (Const, Operation)) or (isinstance(part, Column) and part.name in columns)
