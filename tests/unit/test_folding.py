"""Rows that set a rule off: which of them open an alert, and which are counted in one (`collapse`, `cooldown`)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tocsin.core.folding import Opening, fold

T = datetime(2026, 3, 1, 6, tzinfo=UTC)
DAY, TICK, NEVER = timedelta(days=1), timedelta(microseconds=1), timedelta(0)


@dataclass(frozen=True)
class Row:
    """A row of the test: its start is T and so many days."""

    key: str
    as_of: datetime


def rows(*days: float) -> list[Row]:
    """Rows a, b, c, ... that started so many days after T."""
    return [Row(chr(ord("a") + number), T + day * DAY) for number, day in enumerate(days)]


def opening(key: str, day: float, closed: float | None = None) -> Opening:
    return Opening(key, T + day * DAY, None if closed is None else T + closed * DAY)


# rows' days, alerts there are, collapse, cooldown -> the rows that open, and key -> how many rows each alert stands for
TABLE: dict[str, tuple[list[Row], list[Opening], timedelta | None, timedelta, str, dict[str, int]]] = {
    "without collapse one alert per row": (rows(0, 0, 1), [], None, NEVER, "abc", {"a": 1, "b": 1, "c": 1}),
    "one alert in this time, further rows are counted": (rows(0, 1, 6.9), [], 7 * DAY, NEVER, "a", {"a": 3}),
    "exactly so long after opens anew": (rows(0, 7), [], 7 * DAY, NEVER, "ab", {"a": 1, "b": 1}),
    "the time runs from the opening, not from the row before": (rows(0, 4, 8), [], 7 * DAY, NEVER, "ac", {"a": 2, "c": 1}),
    "rows of one instant are one alert": (rows(0, 0, 0), [], DAY, NEVER, "a", {"a": 3}),
    "an alert that runs counts on": (rows(1, 2), [opening("x", 0)], 7 * DAY, NEVER, "", {"x": 2}),
    "a closed one counts on too: one alert in this time": (rows(3), [opening("x", 0, 2)], 7 * DAY, NEVER, "", {"x": 1}),
    "an old one counts no more": (rows(7), [opening("x", 0)], 7 * DAY, NEVER, "a", {"a": 1}),
    "of two alerts the one that it lies in": (
        rows(1, 11), [opening("x", 0), opening("y", 10)], 7 * DAY, NEVER, "", {"x": 1, "y": 1},
    ),
    "without collapse alerts there are do not count": (rows(1), [opening("x", 0)], None, NEVER, "a", {"a": 1}),
    "silence after closing": (rows(3, 6.9), [opening("x", 0, 2)], None, 5 * DAY, "", {}),
    "at the end of the silence it opens again": (rows(7), [opening("x", 0, 2)], None, 5 * DAY, "a", {"a": 1}),
    "no silence while the alert runs": (rows(3), [opening("x", 0)], None, 5 * DAY, "a", {"a": 1}),
    "in the silence nothing opens, so nothing counts from it": (
        rows(3, 8), [opening("x", 0, 2)], 2 * DAY, 5 * DAY, "b", {"b": 1},
    ),
    "collapse first, then silence": (rows(1, 4, 9), [opening("x", 0, 2)], 2 * DAY, 5 * DAY, "c", {"x": 1, "c": 1}),
}  # fmt: skip


@pytest.mark.parametrize("case", TABLE)
def test_fold(case: str) -> None:
    given_rows, known, collapse, cooldown, fresh, counts = TABLE[case]
    folded = fold(given_rows, known, collapse, cooldown)
    assert "".join(row.key for row in folded.fresh) == fresh
    assert {key: count for key, count in folded.counts.items() if count} == counts


def test_a_row_before_an_opening_is_not_counted_in_it() -> None:
    folded = fold(rows(-1), [opening("x", 0)], 7 * DAY, NEVER)
    assert "x" not in folded.counts or not folded.counts["x"]


def test_the_latest_row_of_each_alert_is_told() -> None:
    folded = fold(rows(0, 3, 9), [opening("x", -1)], 7 * DAY, NEVER)
    assert {key: row.key for key, row in folded.latest.items()} == {"x": "b", "c": "c"}


def closes_after(length: timedelta) -> Callable[[Row], datetime | None]:
    return lambda row: row.as_of + length


def test_a_replay_knows_when_a_fresh_alert_closes_and_is_silent_from_then_on() -> None:
    folded = fold(rows(0, 1, 2, 3, 8), [], None, 5 * DAY, closes_after(2 * DAY))
    # a closes on day 2, b on day 3; silence until day 7 of a's closing and day 8 of b's
    assert [row.key for row in folded.fresh] == ["a", "b", "e"]


@settings(deadline=None)
@given(
    st.lists(st.integers(0, 60), max_size=30).map(sorted),
    st.none() | st.integers(1, 20),
    st.integers(0, 20),
    st.integers(1, 20),
)
def test_taken_in_one_go_or_one_by_one_rows_come_to_the_same(
    days: list[int], collapse: int | None, cooldown: int, expires: int
) -> None:
    given_rows = [Row(f"{number:02}", T + day * DAY) for number, day in enumerate(days)]
    length = None if collapse is None else collapse * DAY
    at_once = fold(given_rows, [], length, cooldown * DAY, closes_after(expires * DAY))
    known: list[Opening] = []
    counts: dict[str, int] = {}
    for row in given_rows:
        folded = fold([row], known, length, cooldown * DAY)
        for key, count in folded.counts.items():
            counts[key] = counts.get(key, 0) + count
        known += [Opening(each.key, each.as_of, each.as_of + expires * DAY) for each in folded.fresh]
    assert [row.key for row in at_once.fresh] == [each.key for each in known]
    assert at_once.counts == counts
