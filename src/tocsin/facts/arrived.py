"""How far back events reach that came in, so that what was made of earlier facts alone stands while events come in."""

from __future__ import annotations

from bisect import bisect_right
from datetime import datetime, timedelta


class Arrived:
    """The earliest starts of the events of each generation of the facts; for one writer and any readers."""

    def __init__(self) -> None:
        # (generation, start), both ascending: of two entries the later one has the say where it is the earlier start.
        self._entries: tuple[tuple[int, datetime], ...] = ()

    def note(self, generation: int, start: datetime) -> None:
        """With this generation events came in, of which the earliest starts then.

        So that entries stay few, it is kept as the quarter of an hour that it is later than: days begin with one everywhere.
        """
        before = start - timedelta(microseconds=1)
        quarter = before.replace(minute=before.minute // 15 * 15, second=0, microsecond=0)
        kept = [each for each in self._entries if each[1] < quarter]
        self._entries = (*kept, (generation, quarter))

    def since(self, generation: int) -> datetime | None:
        """Events that came in after that generation all start later than this (UTC); None where none came in."""
        entries = self._entries
        place = bisect_right(entries, generation, key=lambda each: each[0])
        return entries[place][1] if place < len(entries) else None
