"""P1: judging the whole catalog with health, beside a bare scan and beside one query per aggregate."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

from tocsin.bench.memory import forget_peak, peak
from tocsin.catalog import catalog
from tocsin.core.language import check, parse, terms
from tocsin.core.moment import DAY
from tocsin.core.profiles import ProfileVersion
from tocsin.core.rules import Rule
from tocsin.engine import Book, HealthModel, named_by
from tocsin.engine.occurrences import Stretch
from tocsin.engine.plan import leaves
from tocsin.engine.sql.families import statement
from tocsin.engine.sql.statement import Question
from tocsin.facts.duckdb import DuckStore
from tocsin.facts.synthetic import fill

OF_HEALTH = frozenset({"health_score", "health_band", "health_profile"})
REPEATS = 3  # of each measurement; the least counts, as noise only adds


@dataclass(frozen=True)
class SweepFigures:
    """Seconds (the least of three), how many, and the most memory while rules were judged, in bytes.

    history: scoring the past for the first time, once in the life of a book. judge: all rules with a state trigger, health
    included; when: those that are only a condition; rows: what set off the rules with a row trigger within a day.
    """

    accounts: int
    events: int
    rules: int
    aggregates: int
    matches: int
    scan: float
    history: float
    judge: float
    when: float
    rows: float
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
    book, shipped = whole_book(store, until), catalog()
    rules = [rule for rule in shipped.rules if rule.trigger.kind in ("when", "countdown")]
    only_when = [rule for rule in rules if rule.trigger.kind == "when"]
    longest = _longest_window(book, only_when, until)
    scan = _least(lambda: bare_scan(store, until, longest))
    began = time.perf_counter()
    matches = len(book.judge(rules, until).matches)
    first = time.perf_counter() - began
    forget_peak()
    judged = _least(lambda: book.judge(rules, until))
    memory = peak()
    plain = [rule for rule in only_when if not named_by(rule) & OF_HEALTH]
    when = _least(lambda: book.judge(plain, until))
    setting_off = [rule for rule in shipped.rules if rule.trigger.kind in ("event", "new", "change", "enter", "leave")]
    rows = _least(lambda: book.occurrences(setting_off, Stretch(until - DAY, until, (until - DAY, until))))
    aggregates = _aggregates(book, only_when, until)
    began = time.perf_counter()
    for subject, term, at in aggregates:
        store.query(statement(Question(subject, [at], [term]), book.surroundings, wide_only=True).sql())
    one_by_one = time.perf_counter() - began
    return SweepFigures(
        accounts=accounts,
        events=events,
        rules=len(shipped.rules),
        aggregates=len(aggregates),
        matches=matches,
        scan=scan,
        history=first - judged,
        judge=judged,
        when=when,
        rows=rows,
        one_by_one=one_by_one,
        memory=memory,
    )


def whole_book(store: DuckStore, until: datetime) -> Book:
    """A book with the signals, segments and health profiles of the catalog, the profiles in force from the beginning."""
    shipped = catalog()
    begun = until - timedelta(days=3650)
    versions = tuple(ProfileVersion(profile, 1, begun, dict(shipped.signals)) for profile in shipped.profiles)
    return Book(store, shipped.signals, shipped.segments, health=HealthModel(versions))


def bare_scan(store: DuckStore, until: datetime, longest: timedelta) -> None:
    """The yardstick: scan and group the events of the longest window, nothing else."""
    last = until.replace(tzinfo=None)
    store.query(
        'SELECT account_key, name, count(*) AS n, sum("minutes") AS s, max("at") AS m FROM events '
        'WHERE "at" > ?::TIMESTAMP AND "at" <= ?::TIMESTAMP GROUP BY account_key, name',
        [last - longest, last],
    )


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
