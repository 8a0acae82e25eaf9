"""Which of the rows that set a rule off open an alert of their own: `collapse` and `cooldown`. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Generic, Protocol, TypeVar


class Row(Protocol):
    """A row that set a rule off: what it is known by, and when it started (UTC)."""

    @property
    def key(self) -> str:
        """The row's id."""

    @property
    def as_of(self) -> datetime:
        """The row's start."""


Some = TypeVar("Some", bound=Row)


@dataclass(frozen=True, slots=True)
class Opening:
    """An alert that a row has opened: by which row, when, and when it closed (None while it runs)."""

    key: str
    opened_at: datetime
    closed_at: datetime | None = None


@dataclass(frozen=True)
class Folded(Generic[Some]):
    """What rows come to.

    fresh:  the rows that open an alert, in order.
    counts: key of an opening (known or fresh) -> how many rows it stands for.
    latest: key of an opening -> the latest row that it stands for.
    """

    fresh: tuple[Some, ...]
    counts: dict[str, int] = field(default_factory=dict)
    latest: dict[str, Some] = field(default_factory=dict)


def fold(
    rows: Iterable[Some],
    known: Sequence[Opening],
    collapse: timedelta | None,
    cooldown: timedelta,
    closing: Callable[[Some], datetime | None] = lambda _: None,
) -> Folded[Some]:
    """The rows of one rule and subject, taken in the order of their start.

    A row is counted in the opening that is less than `collapse` before it; without `collapse` each row opens. None opens
    while less than `cooldown` has passed since an alert of the rule and subject closed.
    closing: when the alert of a fresh row closes, where that is known already (a replay knows).
    """
    openings = list(known)
    fresh: list[Some] = []
    counts: dict[str, int] = {}
    latest: dict[str, Some] = {}
    for row in sorted(rows, key=lambda each: (each.as_of, each.key)):
        home = _home(row, openings, collapse)
        if home is None:
            if any(_cooling(each, row.as_of, cooldown) for each in openings):
                continue
            fresh.append(row)
            home = Opening(row.key, row.as_of, closing(row))
            openings.append(home)
        counts[home.key] = counts.get(home.key, 0) + 1
        latest[home.key] = row
    return Folded(tuple(fresh), counts, latest)


def _home(row: Row, openings: Sequence[Opening], collapse: timedelta | None) -> Opening | None:
    """The opening that a row belongs to: its own, or one so shortly before."""
    for each in openings:
        if each.key == row.key:
            return each
    if collapse is not None:
        for each in reversed(openings):
            if each.opened_at <= row.as_of < each.opened_at + collapse:
                return each
    return None


def _cooling(opening: Opening, at: datetime, cooldown: timedelta) -> bool:
    return opening.closed_at is not None and opening.closed_at <= at < opening.closed_at + cooldown
