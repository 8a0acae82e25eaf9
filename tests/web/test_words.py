"""How the pages say things, and the charts' figures; no database."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from tocsin.web import charts, evidence, palette, words
from tocsin.web.charts import Line

NOW = datetime(2026, 3, 12, 9, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("value", "said"),
    [
        (0, "0"),
        (0.469, "0.47"),
        (1.5, "1.5"),
        (12.34, "12.3"),
        (150.7, "151"),
        (12345, "12,345"),
        (-0.5, "−0.5"),
        (float("nan"), "–"),
        (float("inf"), "–"),
    ],
)
def test_numbers(value: float, said: str) -> None:
    assert words.number(value) == said


@pytest.mark.parametrize(
    ("amount", "currency", "said"),
    [(12400.0, "USD", "$12,400"), (99.5, "EUR", "€99.50"), (5.0, "", "5"), (-1200.0, "CHF", "−CHF 1,200"), (0.0, "GBP", "£0")],
)
def test_money(amount: float, currency: str, said: str) -> None:
    assert words.money(amount, currency) == said


@pytest.mark.parametrize(
    ("share", "said"), [(-0.412, "−41 %"), (0.08, "+8 %"), (0.004, "+0.4 %"), (0.0, "±0 %"), (-0.0001, "±0 %"), (2.0, "+200 %")]
)
def test_changes(share: float, said: str) -> None:
    assert words.change(share) == said


@pytest.mark.parametrize(
    ("passed", "short", "full"),
    [
        (timedelta(seconds=20), "now", "just now"),
        (timedelta(minutes=12), "12 min", "12 minutes ago"),
        (timedelta(hours=1), "1 h", "1 hour ago"),
        (timedelta(hours=47), "1 d", "1 day ago"),
        (timedelta(days=89), "89 d", "89 days ago"),
        (timedelta(days=100), "3 mo", "3 months ago"),
        (timedelta(days=800), "2 y", "2 years ago"),
        (timedelta(hours=-2), "in 2 h", "in 2 hours"),
    ],
)
def test_times_ago(passed: timedelta, short: str, full: str) -> None:
    assert words.ago(NOW - passed, NOW) == short
    assert words.ago(NOW - passed, NOW, short=False) == full


def test_days() -> None:
    today = date(2026, 3, 12)
    assert words.days_to(today, today) == "today"
    assert words.days_to(date(2026, 4, 4), today) == "23 d"
    assert words.days_to(date(2026, 3, 8), today) == "4 d ago"
    assert words.days_to(date(2027, 2, 1), today) == "Feb 2027"
    assert words.heading(today, today) == "Today, 12 March"
    assert words.heading(date(2025, 12, 31), today) == "Wednesday 31 December 2025"


def test_sentences_and_names() -> None:
    assert words.sentences("Acme fades. Ask what changed.") == ("Acme fades", "Ask what changed.")
    assert words.sentences("Acme uses 3.5 seats of 4.") == ("Acme uses 3.5 seats of 4", "")
    assert words.without("Acme uses less", "Acme") == "Uses less"
    assert words.without("Acme: late", "Acme") == "Late"
    assert words.without("Acmeville fades", "Acme") == "Acmeville fades"
    assert words.without("Nobody at Acme has logged in", "Acme") == "Nobody has logged in"
    assert words.without("A ticket of Acme (EU) is open", "Acme (EU)") == "A ticket is open"
    assert words.without("A champion of Acmeville left", "Acme") == "A champion of Acmeville left"
    assert words.without("Nobody at Acme", "Acme") == "Nobody"
    assert words.without("The plan of nobody", "") == "The plan of nobody"
    assert words.without("Acme's use fades", "Acme") == "Acme's use fades"
    assert words.without("Acme", "Acme") == "Acme"
    assert words.initials("Halden Freight") == "HF"
    assert words.initials('<script>alert("x")') == "?"
    assert words.initials("maya.lind@quill.example") == "ML"
    assert words.initials("") == "?"
    assert words.spoken("days_since_qbr") == "Days since QBR"
    assert words.signal("logins_7d") == "Logins, 7 d"


SIGNALS = {
    "usage_30d": "count(events in last 30d)",
    "license_utilization": "distinct(events.person_id in last 30d) / seats",
    "quiet": "days_quiet(touchpoints)",
}


@pytest.mark.parametrize(
    ("formula", "observed", "unit", "collections"),
    [
        ("change(usage_30d, 30d, 100) <= -30%", "change(usage_30d, 30d, 100)", "percent", {"events"}),
        ("quiet > 30", "quiet", "days", {"touchpoints"}),
        ("license_utilization >= 90%", "license_utilization", "percent", {"events"}),
        ("mrr > 500", "mrr", "money", set()),
        ("sum(invoices.amount_due) > 5", "sum(invoices.amount_due)", "money", {"invoices"}),
        ("days_until(renews_on) <= 90", "days_until(renews_on)", "days", set()),
        ("max(tickets.age where open) > 5", "max(tickets.age where open)", "days", {"tickets"}),
        ("count(events) = 0", "count(events)", "number", {"events"}),
    ],
)
def test_what_is_read_off_a_formula(formula: str, observed: str, unit: str, collections: set[str]) -> None:
    reading = evidence.read(formula, SIGNALS)
    assert reading is not None
    assert (reading.observed, reading.unit, set(reading.collections)) == (observed, unit, collections)


def test_the_window_of_what_used_to_be_ends_back_then() -> None:
    reading = evidence.read("ago(count(events in last 28d), 14d) >= 4", {})
    assert reading is not None
    assert evidence._window(reading, NOW, ZoneInfo("UTC")) == "28 d to 26 Feb"


def test_a_formula_that_does_not_parse_is_passed_over() -> None:
    assert evidence.read("count(", SIGNALS) is None


def test_signals_that_name_each_other_do_not_hang_a_page() -> None:
    assert evidence.read("a > 1", {"a": "b", "b": "a"}) is not None


def _line(values: list[float | None], **more: object) -> Line:
    points = tuple((NOW - timedelta(weeks=len(values) - place), value) for place, value in enumerate(values))
    return Line("Use", points, **more)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "values",
    [[1.0, 2.0], [0.0, 0.0], [5.0], [None, None], [-3.0, -1.0], [1e9, 3e9], [0.68, 0.72], [7.0, None, 9.0], [-0.4, 0.3]],
)
def test_ticks_hold_every_point(values: list[float | None]) -> None:
    line = _line(values, unit="percent" if values == [0.68, 0.72] else "number")
    ticks = charts._ticks(line)
    known = [value for value in values if value is not None]
    assert 2 <= len(ticks) <= 7
    assert ticks == sorted(ticks)
    assert all(ticks[0] <= value <= ticks[-1] for value in known)
    assert charts.line_spec(line, ZoneInfo("UTC"), height=90)["height"] == 90


def test_a_chart_says_what_it_shows() -> None:
    line = _line([10.0, 4.0], threshold=5.0, breach="below", marks=((NOW - timedelta(days=8), "fired 4 Mar, 10:12"),))
    text = line.describe(ZoneInfo("Europe/Berlin"))
    assert text.startswith("Use: 10 on 26 February 2026, 4 on 5 March 2026; between 4 and 10.")
    assert "An alert fires below 5." in text
    assert "Fired 4 Mar, 10:12." in text


def test_an_image_stands_alone_and_escapes_its_words() -> None:
    drawn = charts.svg(_line([10.0, 4.0], threshold=5.0, breach="below"), ZoneInfo("UTC"), width=300, height=90)
    assert "prefers-color-scheme:dark" in drawn
    assert "var(--critical-mark)" in drawn
    hostile = charts.svg(Line("<b>&", ((NOW, 1.0), (NOW + timedelta(days=1), 2.0))), ZoneInfo("UTC"), width=300, height=90)
    assert "<title>&lt;b&gt;&amp;</title>" in hostile
    paper = charts.svg(_line([10.0, 4.0]), ZoneInfo("UTC"), width=300, height=90, tone="light")
    assert "var(" not in paper
    assert palette.LIGHT_DARK["ink"][0] in paper


def test_the_palette_is_that_of_the_stylesheet(root: Path) -> None:
    sheet = (root / "src/tocsin/web/static/tocsin/tokens.css").read_text("utf-8")
    declared = {name: (light, dark) for name, light, dark in re.findall(r"--([a-z0-9-]+): light-dark\((#\w+), (#\w+)\)", sheet)}
    assert {name: declared[name] for name in palette.LIGHT_DARK} == palette.LIGHT_DARK


def test_components_take_their_colours_from_tokens(root: Path) -> None:
    sheet = (root / "src/tocsin/web/static/tocsin/components.css").read_text("utf-8")
    assert re.findall(r"#[0-9a-fA-F]{3,8}\b(?![^{]*\{)", sheet.replace("#vg-tooltip-element", "")) == []
