"""The chart of counts by week: whole numbers, its days, what it says to those who do not see it."""

from __future__ import annotations

from datetime import date, timedelta
from itertools import pairwise

import pytest

from tocsin.web import bars
from tocsin.web.bars import Bars

FIRST = date(2026, 1, 5)


def weeks(*counts: int) -> Bars:
    return Bars("Alerts a week", "alert", tuple((FIRST + timedelta(weeks=n), count) for n, count in enumerate(counts)))


@pytest.mark.parametrize(
    ("counts", "ticks"),
    [
        ((0, 0), [0, 1]),
        ((1, 0), [0, 1]),
        ((3, 2), [0, 1, 2, 3]),
        ((5, 0), [0, 2, 4, 6]),
        ((30, 9), [0, 10, 20, 30]),
        ((31, 0), [0, 20, 40]),
    ],
)
def test_the_axis_counts_in_whole_numbers_from_zero(counts: tuple[int, ...], ticks: list[int]) -> None:
    (layer,) = bars.spec(weeks(*counts), height=100)["layer"]
    assert layer["encoding"]["y"]["axis"]["values"] == ticks
    assert layer["encoding"]["y"]["scale"]["domain"] == [0, ticks[-1]]


def test_each_bar_stands_within_its_week_and_on_zero() -> None:
    spec = bars.spec(weeks(2, 0, 5), height=100)
    (layer,) = spec["layer"]
    (rows,) = spec["datasets"].values()
    assert [(row["n"], row["zero"], row["is"]) for row in rows] == [(2, 0, "2 alerts"), (0, 0, "0 alerts"), (5, 0, "5 alerts")]
    assert all(before["to"] < after["from"] for before, after in pairwise(rows))
    assert rows[0]["on"] == "Week of 5 Jan 2026"
    assert spec["width"] == "container"
    assert "tooltip" in layer["encoding"]
    assert "tooltip" not in bars.spec(weeks(2), height=100, width=300)["layer"][0]["encoding"]


def test_it_says_what_it_shows() -> None:
    assert weeks(2, 0, 5).describe() == "Alerts a week: 7 alerts in 3 weeks, most in the week of 19 Jan 2026 (5)."
    assert weeks(0).describe() == "Alerts a week: none in 1 week."


def test_its_image_stands_alone() -> None:
    drawn = bars.svg(weeks(2, 0, 5), width=300, height=100)
    assert drawn.startswith("<svg")
    assert "<title>Alerts a week</title>" in drawn
    assert "prefers-color-scheme" in drawn
    assert "prefers-color-scheme" not in bars.svg(weeks(2, 0, 5), width=300, height=100, tone="light")
