"""P1: judging the whole catalog, beside a bare scan and beside one query per aggregate."""

from __future__ import annotations

import resource
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

from tocsin.catalog import catalog
from tocsin.core.language import check, parse, terms
from tocsin.core.moment import DAY
from tocsin.core.rules import Rule
from tocsin.engine import Book
from tocsin.engine.plan import leaves
from tocsin.engine.sql.portfolio import statement
from tocsin.engine.sql.statement import Question
from tocsin.facts.duckdb import DuckStore
from tocsin.facts.synthetic import fill

REPEATS = 3  # of each measurement; the least counts, as noise only adds


@dataclass(frozen=True)
class SweepFigures:
    """Seconds (the least of three), how many, and the most memory while rules were judged, in bytes."""

    accounts: int
    events: int
    rules: int
    aggregates: int
    matches: int
    scan: float
    judge: float
    one_by_one: float
    memory: int


def measure_sweep(path: Path, *, accounts: int, events: int, until: datetime) -> SweepFigures:
    """Fill a store, then time the bare scan, the judging of all rules, and each of its aggregates by a query of its own.

    path: where the store is made. It is closed after the filling, so that what that took is not counted as memory.
    """
    store = DuckStore(path, ZoneInfo("UTC"))
    fill(store, accounts=accounts, events=events, until=until)
    store.close()
    store = DuckStore(path, ZoneInfo("UTC"))
    try:
        return _measured(store, accounts=accounts, events=events, until=until)
    finally:
        store.close()


def _measured(store: DuckStore, *, accounts: int, events: int, until: datetime) -> SweepFigures:
    shipped = catalog()
    book = Book(store, shipped.signals, shipped.segments)
    rules = [rule for rule in shipped.rules if rule.trigger.kind == "when"]
    longest = _longest_window(book, rules, until)
    scan = _least(lambda: bare_scan(store, until, longest))
    _forget_peak()
    judged = _least(lambda: book.judge(rules, until))
    memory = _peak()
    aggregates = _aggregates(book, rules, until)
    began = time.perf_counter()
    for subject, term, at in aggregates:
        store.query(statement(Question(subject, [at], [term]), book.surroundings, wide_only=True).sql())
    one_by_one = time.perf_counter() - began
    matches = len(book.judge(rules, until).matches)
    return SweepFigures(accounts, events, len(rules), len(aggregates), matches, scan, judged, one_by_one, memory)


def bare_scan(store: DuckStore, until: datetime, longest: timedelta) -> None:
    """The yardstick: scan and group the events of the longest window, nothing else."""
    last = until.replace(tzinfo=None)
    store.query(
        'SELECT account_key, name, count(*) AS n, sum("minutes") AS s, max("at") AS m FROM events '
        'WHERE "at" > ?::TIMESTAMP AND "at" <= ?::TIMESTAMP GROUP BY account_key, name',
        [last - longest, last],
    )


def _forget_peak() -> None:
    """Let the peak of resident memory begin anew, where the system can (Linux)."""
    reset = Path("/proc/self/clear_refs")
    if reset.exists():
        reset.write_text("5")


def _peak() -> int:
    """The peak of resident memory in bytes: since it was last forgotten, or of the whole process."""
    status = Path("/proc/self/status")
    if status.exists():
        [line] = [each for each in status.read_text().splitlines() if each.startswith("VmHWM:")]
        return int(line.split()[1]) * 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def _least(work: Callable[[], object]) -> float:
    times = []
    for _ in range(REPEATS):
        began = time.perf_counter()
        work()
        times.append(time.perf_counter() - began)
    return min(times)


def _aggregates(book: Book, rules: list[Rule], moment: datetime) -> list[tuple[str, terms.Aggregated, datetime]]:
    """The distinct aggregates of all rules: what a system without a planner asks one by one."""
    found: dict[tuple[str, terms.Aggregated, datetime], None] = {}
    for rule in rules:
        for formula in (rule.where, rule.when, *(variant.where for variant in rule.vary)):
            if formula is None:
                continue
            term = check(parse(formula), rule.subject, book.names, rule.params)
            for leaf in leaves(term, moment):
                if isinstance(leaf.term, terms.Aggregated) and isinstance(leaf.at, datetime):
                    found[rule.subject, leaf.term, leaf.at] = None
    return list(found)


def _longest_window(book: Book, rules: list[Rule], moment: datetime) -> timedelta:
    """How far back the bounded windows over events reach."""
    reach = DAY
    for _, term, at in _aggregates(book, rules, moment):
        if term.collection == "events" and term.window is not None and term.window.kind == "last":
            assert term.window.length is not None
            reach = max(reach, moment - at + term.window.length)
    return reach
