"""How far back events reach that came in, so that what was made of earlier facts alone stands while events come in."""

from __future__ import annotations

from bisect import bisect_right
from datetime import datetime


class Arrived:
    """The earliest starts of the events of each generation of the facts; for one writer and any readers."""

    def __init__(self) -> None:
        # (generation, start), both ascending: of two entries the later one has the say where it is the earlier start.
        self._entries: tuple[tuple[int, datetime], ...] = ()

    def note(self, generation: int, start: datetime) -> None:
        """With this generation events came in, of which the earliest starts then; to the hour, so that entries stay few."""
        hour = start.replace(minute=0, second=0, microsecond=0)
        kept = [each for each in self._entries if each[1] < hour]
        self._entries = (*kept, (generation, hour))

    def since(self, generation: int) -> datetime | None:
        """No event that came in after that generation starts before this (UTC); None where none came in."""
        entries = self._entries
        place = bisect_right(entries, generation, key=lambda each: each[0])
        return entries[place][1] if place < len(entries) else None
