"""Which ids of events are stored already: sorted 64-bit hashes in memory, so that nobody scans all events for each batch.

Eight bytes an event. A hash that is known only says that the id may be: who asks looks the id itself up then.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Hashes = NDArray[np.uint64]
MERGE_AT = 16  # so many small runs before they are merged into one


class SeenHashes:
    """The hashes of all stored events. Not for several threads at once."""

    def __init__(self, hashes: Hashes) -> None:
        self._base = np.sort(hashes)
        self._runs: list[Hashes] = []

    def __len__(self) -> int:
        return len(self._base) + sum(map(len, self._runs))

    def known(self, hashes: Hashes) -> NDArray[np.bool_]:
        """For each hash whether it is among those seen."""
        found = _among(self._base, hashes)
        for run in self._runs:
            found |= _among(run, hashes)
        return found

    def add(self, hashes: Hashes) -> None:
        """Remember more of them."""
        if not len(hashes):
            return
        self._runs.append(np.sort(hashes))
        if len(self._runs) >= MERGE_AT:
            merged = np.sort(np.concatenate(self._runs), kind="stable")
            if len(merged) * 8 > len(self._base):
                self._base, self._runs = np.sort(np.concatenate([self._base, merged]), kind="stable"), []
            else:
                self._runs = [merged]


def _among(ordered: Hashes, hashes: Hashes) -> NDArray[np.bool_]:
    if not len(ordered):
        return np.zeros(len(hashes), dtype=np.bool_)
    places = np.searchsorted(ordered, hashes)
    places[places == len(ordered)] = 0
    return np.asarray(ordered[places] == hashes)
