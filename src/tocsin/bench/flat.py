"""What older history costs: the same book judged, and judged again with three times as much of the past before it."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

from tocsin.bench.sweep import whole_book
from tocsin.catalog import catalog
from tocsin.facts.duckdb import DuckStore
from tocsin.facts.synthetic import age, fill

TIMES = 3
ROUNDS = 5  # the least of each counts, as noise only adds


@dataclass(frozen=True)
class FlatFigures:
    """Seconds of wall clock, and of all threads' computing, to judge all rules; `older`: with the older history.

    scan, older_scan: of one scan of everything there is, which does grow with it.
    """

    events: int
    judge: float
    computing: float
    scan: float
    older_events: int
    older_judge: float
    older_computing: float
    older_scan: float


def measure_flat(path: Path, *, accounts: int, events: int, until: datetime) -> FlatFigures:
    """Fill a store, judge, add older history of the same accounts and people, and judge again."""
    store = DuckStore(path, ZoneInfo("UTC"))
    try:
        fill(store, accounts=accounts, events=events, until=until)
        before = _judged(store, until)
        older = age(store, TIMES)
        after = _judged(store, until)
    finally:
        store.close()
    return FlatFigures(events, *before, events + older, *after)


def _judged(store: DuckStore, until: datetime) -> tuple[float, float, float]:
    book = whole_book(store, until)
    rules = [rule for rule in catalog().rules if rule.trigger.kind in ("when", "countdown")]
    for _ in range(2):  # scores of the past are made, and statements are written, once
        book.judge(rules, until)
    judge, computing = _least(lambda: book.judge(rules, until))
    scan, _ = _least(lambda: store.query("SELECT account_key, name, count(*) AS n FROM events GROUP BY ALL"))
    return judge, computing, scan


def _least(work: Callable[[], object]) -> tuple[float, float]:
    """(seconds, seconds of computing)."""
    walls, cpus = [], []
    for _ in range(ROUNDS):
        began, cpu = time.perf_counter(), time.process_time()
        work()
        walls.append(time.perf_counter() - began)
        cpus.append(time.process_time() - cpu)
    return min(walls), min(cpus)
