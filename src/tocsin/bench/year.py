"""P4: one rule replayed daily over a year, beside one scan of that year's events."""

from __future__ import annotations

import time
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

from tocsin.bench.memory import forget_peak, peak
from tocsin.bench.sweep import whole_book
from tocsin.core.rules import Rule
from tocsin.engine.replay import replay
from tocsin.facts.duckdb import DuckStore

YEAR = timedelta(days=365)
CHANGE = "change(usage_30d, 30d, 100)"
# A rule of each kind that asks for something else of the planner.
RULES = (
    Rule("simple", "A count in a window", "risk", when="count(events where kind = 'login' in last 30d) < 3"),
    Rule(
        "drop",
        "A drop beyond the market's",
        "risk",
        when=f"{CHANGE} <= -0.3 and {CHANGE} - market({CHANGE}) <= -0.3",
    ),
    Rule(
        "anchored",
        "A window after a date of the account",
        "onboarding",
        when="count(events where kind = 'login' in 14d after onboarding_started_at) < 3 "
        "and days_since(onboarding_started_at) >= 14d",
    ),
    Rule("people", "Distinct people", "risk", when="distinct(events.person_id in last 30d) < 3"),
)


@dataclass(frozen=True)
class YearFigures:
    """Seconds and bytes of each rule, by its name; scan: of one scan of the year's events."""

    scan: float
    rules: dict[str, tuple[float, int, int]]  # seconds, peak of memory, alerts


def measure_year(path: Path, *, until: datetime) -> YearFigures:
    """Replay each rule once over the store at a path."""
    store = DuckStore(path, ZoneInfo("UTC"))
    try:
        return _measured(store, until)
    finally:
        store.close()


def _measured(store: DuckStore, until: datetime) -> YearFigures:
    book = whole_book(store, until)
    last = until.replace(tzinfo=None)
    began = time.perf_counter()
    store.query(
        'SELECT account_key, name, count(*) AS n, sum("minutes") AS s, max("at") AS m FROM events '
        'WHERE "at" > ?::TIMESTAMP AND "at" <= ?::TIMESTAMP GROUP BY account_key, name',
        [last - YEAR, last],
    )
    scan = time.perf_counter() - began
    found: dict[str, tuple[float, int, int]] = {}
    for rule in RULES:
        forget_peak()
        began = time.perf_counter()
        told = replay(book, [rule], until - YEAR, until)
        if told.unknown:
            raise RuntimeError(f"{rule.id}: {told.unknown}")
        found[rule.name] = (time.perf_counter() - began, peak(), len(told.alerts))
    return YearFigures(scan, found)
