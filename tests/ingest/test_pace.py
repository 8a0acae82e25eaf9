"""How soon the next stretch is stored: at once what comes steadily, later what comes in a burst."""

from __future__ import annotations

import pytest

from tocsin.ingest.writer import FLOOD, MOST, PACE, REST, SPARE, YIELD, pause

ROOM = 100 * FLOOD


@pytest.mark.parametrize(
    ("took", "came", "waiting", "expected"),
    [
        (0.01, 1000, 1000, PACE - 0.01),
        (0.02, 1000, 1000, SPARE * 0.02),
        (1.0, 1000, MOST - 1, REST),
        (0.2, 1000, MOST, 0),
        (0.2, MOST + 1, FLOOD, 0),
        (0.2, MOST + 1, FLOOD + 1, YIELD * 0.2),
        (0.2, MOST, FLOOD + 1, 0),
        (0.2, MOST + 1, ROOM // 2 - 1, YIELD * 0.2),
        (0.2, MOST + 1, ROOM // 2, 0),
    ],
    ids=[
        "little",
        "little, slowly",
        "little, on a busy machine",
        "what fills a stretch",
        "much",
        "a burst",
        "a burst that ebbs",
        "a long burst",
        "longer than there is room for",
    ],
)
def test_a_burst_is_taken_in_first_and_stored_when_it_ebbs(took: float, came: int, waiting: int, expected: float) -> None:
    assert pause(took, came, waiting, ROOM) == pytest.approx(expected)
