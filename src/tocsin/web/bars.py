"""A count for each week as a chart: one spec for the page and for its image, as of `web.charts`."""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any

import altair as alt
import msgspec

from tocsin.web import charts, words
from tocsin.web.palette import Tone, colour

WEEK = timedelta(days=7)
GAP = 0.16  # of a week, between two bars
TICKS = 4
DAY_MS = 86_400_000


@dataclass(frozen=True, slots=True)
class Bars:
    """How many of something there were in each week. bars: the first day of the week and the count, oldest first."""

    title: str
    noun: str
    bars: tuple[tuple[date, int], ...]

    def says(self, count: int) -> str:
        """`3 alerts`."""
        return words.plural(count, self.noun)

    def describe(self) -> str:
        """The chart in a sentence, for those who do not see it."""
        total = sum(count for _, count in self.bars)
        if not total:
            return f"{self.title}: none in {words.plural(len(self.bars), 'week')}."
        day, most = max(self.bars, key=lambda pair: pair[1])
        spread = f"{self.says(total)} in {words.plural(len(self.bars), 'week')}"
        return f"{self.title}: {spread}, most in the week of {_day(day)} ({most})."


def spec(bars: Bars, *, height: int, width: int | None = None, tone: Tone = "page") -> dict[str, Any]:
    """The Vega-Lite spec of the bars. Without a width they fill their container and answer to the pointer."""
    ticks = _ticks(max((count for _, count in bars.bars), default=0))
    first, last = _ms(bars.bars[0][0]), _ms(bars.bars[-1][0] + WEEK)
    table = [
        {
            "from": _ms(day) + GAP / 2 * 7 * DAY_MS, "to": _ms(day + WEEK) - GAP / 2 * 7 * DAY_MS,
            "n": count, "zero": 0, "on": f"Week of {_day(day)}", "is": bars.says(count),
        }
        for day, count in bars.bars
    ]  # fmt: skip
    # Milliseconds on a plain scale, as of `charts.line_spec`.
    x = alt.X(
        "from:Q",
        title=None,
        scale=alt.Scale(domain=[first, last], nice=False, zero=False),
        axis=alt.Axis(
            values=_starts(bars), labelExpr="utcFormat(datum.value, '%-d %b')", grid=False, ticks=False, labelFlush=True,
            labelOverlap=False, domainColor=colour("line-strong", tone),
        ),
    )  # fmt: skip
    y = alt.Y(
        "n:Q",
        title=None,
        scale=alt.Scale(domain=[0, ticks[-1]], nice=False),
        axis=alt.Axis(values=ticks, format=",d", domain=False, ticks=False, gridColor=colour("line", tone)),
    )
    made = (
        alt.Chart(alt.InlineData(values=table)).mark_bar(color=colour("ink-2", tone)).encode(x=x, x2="to:Q", y=y, y2="zero:Q")
    )
    if width is None:
        made = made.encode(tooltip=[alt.Tooltip("on:N", title=" "), alt.Tooltip("is:N", title="  ")])
    chart = alt.layer(made).properties(
        width=width or "container",
        height=height,
        padding={"left": 0, "top": 6, "right": 8, "bottom": 4},
        autosize=alt.AutoSizeParams(type="fit" if width else "fit-x", contains="padding"),
    )
    return charts.look(chart, tone)


def svg(bars: Bars, *, width: int, height: int, tone: Tone = "page") -> str:
    """The image of the bars, as of `charts.svg`."""
    drawn = msgspec.json.encode(spec(bars, width=width, height=height, tone=tone))
    return charts.image(drawn, bars.title, bars.describe(), tone)


def _ticks(most: int) -> list[int]:
    """Whole numbers from zero up to the greatest count or a little more."""
    rough = max(most, 1) / 3
    power = 10 ** math.floor(math.log10(rough)) if rough >= 1 else 1
    step = int(next(power * factor for factor in (1, 2, 5, 10) if power * factor >= rough))
    return [step * number for number in range(math.ceil(max(most, 1) / step) + 1)]


def _starts(bars: Bars) -> list[float]:
    """The weeks that are named below the chart: the first, and some at equal distances."""
    apart = max(1, math.ceil(len(bars.bars) / TICKS))
    return [_ms(day) for day, _ in bars.bars[::apart]]


def _ms(day: date) -> float:
    return datetime(day.year, day.month, day.day, tzinfo=UTC).timestamp() * 1000


def _day(day: date) -> str:
    return f"{day.day} {day:%b %Y}"
