"""Charts as Vega-Lite specs written in Altair: one spec for the page (drawn live by Vega), for its image, for mail and paper.

Instants are shown on the workspace's wall clock: they are handed to Vega as if that clock were UTC, so that a browser
elsewhere shows the same days as the server.
"""

from __future__ import annotations

import html
import math
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Any, Literal
from zoneinfo import ZoneInfo

import altair as alt
import msgspec
import vl_convert

from tocsin.web import words
from tocsin.web.palette import Tone, colour, style

Unit = Literal["number", "percent", "money", "days"]
VEGA_LITE = "6.4"  # the version that Altair 6 writes
_TEXT = 11
_LEAST_SHARE = 0.1


@dataclass(frozen=True, slots=True)
class Line:
    """A value over time, with what is to be seen beside it.

    points: moment and value, oldest first; None where the value is not known, which breaks the line.
    threshold, breach: where an alert fires, and on which side of it (`below` or `above`); inclusive: on the line itself too.
    good: the alert is a good signal.
    marks: moments to mark, each with its words (`fired 11 Mar, 11:24`).
    small: one of several beside each other: no words at the line's end.
    """

    title: str
    points: tuple[tuple[datetime, float | None], ...]
    unit: Unit = "number"
    currency: str = ""
    threshold: float | None = None
    breach: Literal["below", "above"] | None = None
    marks: tuple[tuple[datetime, str], ...] = ()
    small: bool = False
    inclusive: bool = False
    good: bool = False

    @property
    def tone(self) -> str:
        """The family of tokens in which the alert is drawn."""
        return "favour" if self.good else "critical"

    @property
    def limit(self) -> str:
        """Where the alert fires, in words: `below 40`, `at least 100 %`."""
        if self.threshold is None:
            return ""
        side = {("below", True): "at most", ("above", True): "at least"}.get(
            (self.breach or "", self.inclusive), self.breach or "at"
        )
        return f"{side} {self.says(self.threshold)}"

    @property
    def known(self) -> list[tuple[datetime, float]]:
        """The points that have a value."""
        return [(at, value) for at, value in self.points if value is not None]

    def says(self, value: float) -> str:
        """A value in the line's unit."""
        if self.unit == "percent":
            return words.percent(value)
        if self.unit == "money":
            return words.money(value, self.currency)
        return words.days(value) if self.unit == "days" else words.number(value)

    def describe(self, zone: ZoneInfo) -> str:
        """The chart in a sentence, for those who do not see it."""
        known = self.known
        if not known:
            return f"{self.title}: no value in this time."
        (first, start), (last, end) = known[0], known[-1]
        low, high = min(value for _, value in known), max(value for _, value in known)
        text = (
            f"{self.title}: {self.says(start)} on {_day(first, zone)}, {self.says(end)} on {_day(last, zone)}; "
            f"between {self.says(low)} and {self.says(high)}."
        )
        if self.threshold is not None and self.breach:
            text += f" An alert fires {self.limit}."
        return text + "".join(f" {said[:1].upper()}{said[1:]}." for _, said in self.marks)


def line_spec(line: Line, zone: ZoneInfo, *, height: int, width: int | None = None, tone: Tone = "page") -> dict[str, Any]:
    """The Vega-Lite spec of a line. Without a width it fills its container and answers to the pointer."""
    ticks = _ticks(line)
    low, high = ticks[0], ticks[-1]
    y = alt.Y(
        "v:Q",
        title=None,
        scale=alt.Scale(domain=[low, high], nice=False, zero=False),
        axis=alt.Axis(
            values=ticks, format=_format(line.unit, ticks), domain=False, ticks=False, gridColor=colour("line", tone)
        ),
    )
    x = alt.X(
        # Milliseconds on a plain scale: for a time scale Vega-Lite writes the ticks as calls that the CSP-safe interpreter of
        # expressions reads otherwise than the browser does.
        "t:Q",
        title=None,
        scale=alt.Scale(nice=False, zero=False),
        axis=alt.Axis(
            values=_days(line, zone),
            labelExpr="utcFormat(datum.value, '%-d %b')",
            grid=False,
            ticks=False,
            labelFlush=True,
            labelOverlap=False,
            domainColor=colour("line-strong", tone),
        ),
    )
    table = [
        {"t": _wall(at, zone), "v": value, "on": _moment(at, zone), "is": "–" if value is None else line.says(value)}
        for at, value in line.points
    ]
    base = alt.Chart(alt.InlineData(values=table)).encode(x=x, y=y)
    layers: list[alt.Chart] = []
    if line.threshold is not None:
        layers += _threshold(line, line.threshold, low, high, y, tone)
    layers += _marks(line, zone, x, tone)
    layers.append(base.mark_line(color=colour("ink", tone), strokeWidth=1.6, strokeJoin="round", clip=True))
    layers += _end(line, low, high, height, tone, x, y, zone)
    if width is None:
        layers += _pointer(base, x, tone)
    chart = alt.layer(*layers).properties(
        width=width or "container",
        height=height,
        padding={"left": 0, "top": 6, "right": 8, "bottom": 4},
        autosize=alt.AutoSizeParams(type="fit" if width else "fit-x", contains="padding"),
    )
    return look(chart, tone)


def look(chart: alt.LayerChart | alt.FacetChart, tone: Tone) -> dict[str, Any]:
    """The house style: no frame, small quiet labels in the system's face, the page's own background."""
    styled = chart.configure(
        background="transparent",
        font="system-ui, sans-serif",
        view=alt.ViewConfig(stroke=None),
        axis=alt.AxisConfig(labelColor=colour("ink-3", tone), labelFontSize=_TEXT, labelPadding=7),
    )
    made: dict[str, Any] = styled.to_dict()
    return made


def _threshold(line: Line, limit: float, low: float, high: float, y: alt.Y, tone: Tone) -> list[alt.Chart]:
    """Where the alert fires: the wash of the bad side, a dashed line, and its words in a small chart."""
    edge = low if line.breach == "below" else high
    table = alt.InlineData(values=[{"v": limit, "edge": edge}])
    wash = alt.Chart(table).mark_rect(color=colour(f"{line.tone}-wash", tone)).encode(y=y, y2="edge:Q")
    rule = alt.Chart(table).mark_rule(color=colour(f"{line.tone}-mark", tone), strokeWidth=1.2, strokeDash=[4, 3]).encode(y=y)
    layers = [wash, rule] if line.breach else [rule]
    if line.small:
        said = f"alert {line.limit}"
        above = (limit - low) < (high - low) * 0.75
        layers.append(
            alt.Chart(alt.InlineData(values=[{"v": limit, "says": said}]))
            .mark_text(align="left", dx=4, dy=-7 if above else 9, fontSize=_TEXT, color=colour(f"{line.tone}-ink", tone))
            .encode(y=y, x=alt.value(0), text="says:N")
        )
    return layers


def _marks(line: Line, zone: ZoneInfo, x: alt.X, tone: Tone) -> list[alt.Chart]:
    """Moments worth a mark: an upright line with its words at the top, turned inwards near the right edge."""
    layers: list[alt.Chart] = []
    first, last = line.points[0][0], line.points[-1][0]
    for at, said in line.marks:
        if not first <= at <= last:
            continue
        late = (at - first) / max(last - first, timedelta(seconds=1)) > 0.5
        mark = alt.Chart(alt.InlineData(values=[{"t": _wall(at, zone), "says": said}])).encode(x=x)
        layers.append(mark.mark_rule(color=colour(f"{line.tone}-mark", tone), strokeWidth=1))
        if not line.small:
            text = mark.mark_text(
                align="right" if late else "left", dx=-5 if late else 5, fontSize=_TEXT, color=colour(f"{line.tone}-ink", tone)
            )
            layers.append(text.encode(y=alt.value(6), text="says:N"))
    return layers


def _end(line: Line, low: float, high: float, height: int, tone: Tone, x: alt.X, y: alt.Y, zone: ZoneInfo) -> list[alt.Chart]:
    """The latest value as a dot, and in a large chart in words, with the threshold's beside it."""
    if not line.known:
        return []
    at, value = line.known[-1]
    dot = alt.Chart(alt.InlineData(values=[{"t": _wall(at, zone), "v": value}])).encode(x=x, y=y)
    bad = _breached(line, value)
    layers = [
        dot.mark_point(
            filled=True,
            opacity=1,
            size=46,
            color=colour(f"{line.tone}-mark" if bad else "ink", tone),
            stroke=colour("surface", tone),
            strokeWidth=1.5,
        )
    ]
    if line.small:
        return layers
    pixel = (high - low) / max(height - 26, 1)
    now, limit = value, line.threshold
    said: list[tuple[float, str, str, Literal[400, 600]]] = [(now, f"{line.says(value)} now", "ink", 600)]
    if limit is not None:
        apart = 14 * pixel
        shown = limit
        if abs(now - limit) < apart:  # two labels at one height would hide each other
            shown = now + apart if limit >= now else now - apart
        said.append((shown, line.limit, f"{line.tone}-ink", 400))
    for where, text, name, weight in said:
        label = alt.Chart(alt.InlineData(values=[{"v": min(max(where, low), high), "says": text}]))
        layers.append(
            label.mark_text(align="left", dx=9, fontSize=_TEXT, fontWeight=weight, color=colour(name, tone)).encode(
                x=alt.value("width"), y=y, text="says:N"
            )
        )
    return layers


def _pointer(base: alt.Chart, x: alt.X, tone: Tone) -> list[alt.Chart]:
    """What answers to the pointer: the nearest point, its upright line, and its value in words."""
    near = alt.selection_point(name="near", nearest=True, on="pointerover", clear="pointerout", fields=["t"], empty=False)
    seen = alt.when(near).then(alt.value(1)).otherwise(alt.value(0))
    # The upright line spans the plot: it has the time of the points, and no value.
    upright = alt.Chart(base.data).encode(x=x)
    rule = upright.mark_rule(color=colour("control-line", tone), strokeWidth=1).encode(opacity=seen)
    dots = (
        base.mark_point(filled=True, size=40, color=colour("ink", tone))
        .encode(
            opacity=seen,
            tooltip=[alt.Tooltip("on:N", title=" "), alt.Tooltip("is:N", title="  ")],
        )
        .add_params(near)
    )
    return [rule, dots]


def svg(line: Line, zone: ZoneInfo, *, width: int, height: int, tone: Tone = "page") -> str:
    """The image of a line: it stands alone, follows light and dark (unless made for paper), and says what it shows."""
    spec = line_spec(line, zone, width=width, height=height, tone=tone)
    return image(msgspec.json.encode(spec), line.title, line.describe(zone), tone)


@lru_cache(maxsize=512)
def image(spec: bytes, title: str, description: str, tone: Tone) -> str:
    """The SVG of an encoded spec, with its title, a sentence that describes it, and, in a page, its own colours."""
    drawn: str = vl_convert.vegalite_to_svg(spec.decode(), vl_version=VEGA_LITE, allowed_base_urls=[])
    head, _, body = drawn.partition(">")
    sheet = f"<style>{style()}</style>" if tone == "page" else ""
    return f'{head} role="img"><title>{html.escape(title)}</title><desc>{html.escape(description)}</desc>{sheet}{body}'


def _breached(line: Line, value: float) -> bool:
    if line.threshold is None or line.breach is None:
        return False
    if value == line.threshold:
        return line.inclusive
    return (value < line.threshold) is (line.breach == "below")


def _ticks(line: Line) -> list[float]:
    """Three to five round values that hold every point and the threshold; from zero where that costs little."""
    values = [value for _, value in line.known] + ([line.threshold] if line.threshold is not None else [])
    low, high = (min(values), max(values)) if values else (0.0, 1.0)
    if 0 <= low <= high * 0.6:
        low = 0.0
    if line.unit == "percent" and high - low < _LEAST_SHARE:  # a wobble of a point must not look like a mountain
        low, high = max(0.0, low - _LEAST_SHARE / 2) if low >= 0 else low - _LEAST_SHARE / 2, high + _LEAST_SHARE / 2
    if high <= low:
        low, high = (min(low, 0.0), high) if high > 0 else (low, 1.0) if low == 0 else (low, 0.0)
    rough = (high - low) / (3 if line.small else 4)
    power = 10 ** math.floor(math.log10(rough))
    step = next(power * factor for factor in (1, 2, 2.5, 5, 10) if power * factor >= rough * 0.999)
    if line.unit != "percent" and all(value == int(value) for value in values):
        step = max(1.0, math.ceil(step))
    start = math.floor(low / step + 1e-9)
    count = math.ceil(high / step - 1e-9) - start
    return [round((start + index) * step, 10) for index in range(max(count, 1) + 1)]


def _format(unit: Unit, ticks: Sequence[float]) -> str:
    """The d3 format of the ticks."""
    step = abs(ticks[1] - ticks[0])
    if unit == "percent":
        return ".0%" if step > 0.0099 else ".1%"
    if max(abs(tick) for tick in ticks) >= 10_000:
        return ".2~s"
    return ",.2~f"


def _days(line: Line, zone: ZoneInfo) -> list[float]:
    """The first and last day and, in a large chart, two between: midnights of the wall clock inside the time shown."""
    first, last = _wall(line.points[0][0], zone), _wall(line.points[-1][0], zone)
    parts = 1 if line.small else 3
    return [first + (last - first) * index / parts for index in range(parts + 1)]


def _wall(at: datetime, zone: ZoneInfo) -> float:
    """Milliseconds that Vega shows as the wall clock of the zone."""
    return at.astimezone(zone).replace(tzinfo=UTC).timestamp() * 1000


def _day(at: datetime, zone: ZoneInfo) -> str:
    local = at.astimezone(zone)
    return f"{local.day} {local:%B %Y}"


def _moment(at: datetime, zone: ZoneInfo) -> str:
    local = at.astimezone(zone)
    return f"{local:%a} {local.day} {local:%b %Y}"


@lru_cache(maxsize=1)
def browser_bundle() -> bytes:
    """Vega, Vega-Lite and vega-embed as one script module for the browser (0.9 MB; 2 s to make, once per process)."""
    # Without a snippet of ours, which the stub does not know, the module sets `window.vegaEmbed`.
    made: str = vl_convert.javascript_bundle(None)  # type: ignore[arg-type]
    return made.encode()


def warm() -> None:
    """Make what the first chart would otherwise wait for (about 4 s): the renderer's start, and the browser's bundle."""
    now = datetime(2026, 1, 1, tzinfo=UTC)
    svg(Line("warm", ((now, 1.0), (now + timedelta(days=1), 2.0))), ZoneInfo("UTC"), width=100, height=40)
    browser_bundle()


@lru_cache(maxsize=1)
def warm_soon() -> None:
    """Warm up beside the request, once per process: somebody has signed in and is about to look at charts.

    No daemon: the interpreter must not be torn down below native code; at the end of the process it is waited for.
    """
    threading.Thread(target=warm, name="charts").start()
