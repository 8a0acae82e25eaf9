"""`tocsin bench`: all measurements in one run, as a table of figures and ratios."""

from __future__ import annotations

import os
import platform
import tempfile
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

from tocsin.bench.flat import FlatFigures, measure_flat
from tocsin.bench.sweep import SweepFigures, measure_sweep
from tocsin.bench.year import YearFigures, measure_year
from tocsin.facts.bench import import_ratio

UNTIL = datetime(2026, 6, 30, tzinfo=UTC)
MEBIBYTE = 1 << 20


def run(*, accounts: int, events: int, progress: Callable[[str, float], None] | None = None) -> str:
    """Measure in a temporary folder, which is removed, and give the table as Markdown.

    accounts, events: the size of the book that rules are judged on; imports are measured with as many events.
    """
    tell = progress or (lambda _name, _share: None)
    with tempfile.TemporaryDirectory(prefix="tocsin-bench-") as folder:
        tell("sweep", 0.1)
        sweep = measure_sweep(Path(folder, "sweep.duckdb"), accounts=accounts, events=events, until=UNTIL)
        tell("older history", 0.3)
        flat = measure_flat(Path(folder, "flat.duckdb"), accounts=max(1, accounts // 5), events=events // 5, until=UNTIL)
        tell("a year", 0.4)
        year = measure_year(Path(folder, "sweep.duckdb"), until=UNTIL)
        tell("import", 0.7)
        imported = import_ratio(events, Path(folder, "import"))
        tell("done", 1.0)
    machine = f"{os.cpu_count()} cores, {platform.system()} {platform.machine()}, Python {platform.python_version()}"
    return "\n".join(
        [
            f"Measured on {machine}.",
            "",
            *_sweep_lines(sweep),
            "",
            *_flat_lines(flat),
            "",
            *_year_lines(year),
            "",
            *_import_lines(imported),
        ]
    )


def _sweep_lines(found: SweepFigures) -> list[str]:
    size = f"{found.accounts:,} accounts, {found.events:,} events, {found.rules} rules, {found.aggregates} aggregates"
    parts = [
        ("all rules judged, with health", found.judge),
        ("those of them that ask for no health", found.when),
        ("what set off the other rules within a day", found.rows),
        ("scoring the past, once in the life of a book", found.history),
    ]
    return [
        f"Sweep: {size}; {found.matches:,} matches; peak memory {found.memory / MEBIBYTE:,.0f} MiB.",
        "",
        "| work | seconds | ratio |",
        "|---|---|---|",
        f"| bare scan and group of the longest window | {found.scan:.2f} | 1 |",
        *(f"| {name} | {seconds:.2f} | {seconds / found.scan:.1f} x the bare scan |" for name, seconds in parts),
        f"| one query per aggregate | {found.one_by_one:.2f} | {found.one_by_one / found.judge:.1f} x the judging |",
    ]


def _flat_lines(found: FlatFigures) -> list[str]:
    rows = [
        ("all rules judged, with health", found.judge, found.older_judge),
        ("the same, computing of all threads", found.computing, found.older_computing),
        ("a scan of all events", found.scan, found.older_scan),
    ]
    return [
        f"Older history: {found.events:,} events, and {found.older_events:,} with three times the past before them.",
        "",
        "| work | seconds | with the older history | ratio |",
        "|---|---|---|---|",
        *(f"| {name} | {before:.2f} | {after:.2f} | {after / before:.2f} |" for name, before, after in rows),
    ]


def _year_lines(found: YearFigures) -> list[str]:
    lines = [
        "A rule replayed daily over a year of the same book; the scan of that year's events is the yardstick.",
        "",
        "| rule | seconds | ratio | peak memory | alerts |",
        "|---|---|---|---|---|",
        f"| the scan | {found.scan:.2f} | 1 | | |",
    ]
    return lines + [
        f"| {name} | {seconds:.1f} | {seconds / found.scan:.0f} | {memory / MEBIBYTE:,.0f} MiB | {alerts:,} |"
        for name, (seconds, memory, alerts) in found.rules.items()
    ]


def _import_lines(found: dict[str, float]) -> list[str]:
    lines = [
        f"Import: {found['rows']:,.0f} events.",
        "",
        "| format | COPY, seconds | import, seconds | ratio |",
        "|---|---|---|---|",
    ]
    for kind in ("parquet", "csv"):
        copied, imported = found[f"{kind}_copy_seconds"], found[f"{kind}_import_seconds"]
        lines.append(f"| {kind} | {copied:.2f} | {imported:.2f} | {found[f'{kind}_ratio']:.1f} |")
    return lines
