"""How fast an import is, beside the engine's own COPY of the same file in the same run."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import duckdb

from tocsin.facts.duckdb import DuckStore, settle_session
from tocsin.facts.importing import import_paths
from tocsin.facts.layout import literal

ACCOUNTS = 5_000
PEOPLE = 20
_PLAIN = (
    'id VARCHAR, account_id VARCHAR, person_id VARCHAR, name VARCHAR, "at" TIMESTAMP, kind VARCHAR, feature VARCHAR, '
    '"minutes" DOUBLE, properties JSON'
)


def import_ratio(rows: int, folder: Path) -> dict[str, float]:
    """Seconds of DuckDB's COPY and of our import of the same events, from Parquet and from CSV, and their ratios.

    rows:   events to generate, of 5,000 accounts with 20 people each over 460 days.
    folder: an empty folder for files and stores; what is made there stays.

    Keys: rows, and for parquet and csv each `<format>_copy_seconds`, `<format>_import_seconds`, `<format>_ratio`.
    Both sides end with the data committed and checkpointed in a file.
    """
    files = _generate(rows, folder)
    figures: dict[str, float] = {"rows": rows}
    for kind, file in files.items():
        copied = _copy(file, folder / f"copy-{kind}.duckdb")
        imported = _import(file, folder / f"import-{kind}.duckdb", folder / "accounts.csv", rows)
        figures |= {f"{kind}_copy_seconds": copied, f"{kind}_import_seconds": imported, f"{kind}_ratio": imported / copied}
    return figures


def _generate(rows: int, folder: Path) -> dict[str, Path]:
    """The same events as Parquet and as CSV, and their accounts."""
    for name in ("parquet", "csv"):
        (folder / name).mkdir(parents=True, exist_ok=True)
    files = {name: folder / name / f"events.{name}" for name in ("parquet", "csv")}
    with duckdb.connect() as connection:
        settle_session(connection)
        connection.execute(f"""
            CREATE TABLE made AS SELECT 'evt-' || i AS id, 'acc-' || account AS account_id,
                'acc-' || account || '-p' || CAST(hash(i + 1) % {PEOPLE} AS INTEGER) AS person_id,
                ['login', 'view', 'export', 'click'][1 + kind] AS name,
                TIMESTAMP '2025-01-01' + to_seconds(CAST(hash(i + 3) % 40000000 AS BIGINT)) AS "at",
                ['login', 'feature', 'feature', 'click'][1 + kind] AS kind,
                ['reports', 'api', 'boards', NULL][1 + CAST(hash(i + 4) % 4 AS INTEGER)] AS feature,
                CAST(hash(i + 5) % 360 AS DOUBLE) / 4 AS "minutes",
                CASE WHEN hash(i) % 10 = 0 THEN '{{"plan": "pro", "amount": 5}}' END AS properties
            FROM (SELECT i, CAST(hash(i) % {ACCOUNTS} AS INTEGER) AS account, CAST(hash(i + 2) % 4 AS INTEGER) AS kind
                  FROM range({rows}) AS counted(i))
        """)
        connection.execute(f"COPY made TO {literal(str(files['parquet']))} (FORMAT parquet)")
        connection.execute(
            f"""COPY (SELECT * REPLACE (strftime("at", '%Y-%m-%dT%H:%M:%SZ') AS "at") FROM made) """
            f"TO {literal(str(files['csv']))} (FORMAT csv, HEADER)"
        )
        connection.execute(
            f"COPY (SELECT 'acc-' || i AS id, 'Account ' || i AS name FROM range({ACCOUNTS}) AS counted(i)) "
            f"TO {literal(str(folder / 'accounts.csv'))} (FORMAT csv, HEADER)"
        )
    return files


def _copy(file: Path, target: Path) -> float:
    """Seconds of the engine's own COPY into a plain table of the same columns."""
    with duckdb.connect(str(target)) as connection:
        settle_session(connection)
        connection.execute(f"CREATE TABLE plain ({_PLAIN})")
        began = time.perf_counter()
        options = "(FORMAT csv, HEADER)" if file.suffix == ".csv" else "(FORMAT parquet)"
        connection.execute(f"COPY plain FROM {literal(str(file))} {options}")
        connection.execute("CHECKPOINT")
        return time.perf_counter() - began


def _import(file: Path, target: Path, accounts: Path, rows: int) -> float:
    """Seconds of our import of the same file, accounts being there already."""
    store = DuckStore(target, ZoneInfo("UTC"))
    try:
        import_paths(store, [accounts], now=datetime(2026, 6, 1, tzinfo=UTC))
        began = time.perf_counter()
        report = import_paths(store, [file], now=datetime(2026, 6, 2, tzinfo=UTC))
        store.checkpoint()
        seconds = time.perf_counter() - began
    finally:
        store.close()
    added = report.collections[0].added
    if added != rows:
        raise RuntimeError(f"{added:,} of {rows:,} events were stored: the measurement is worth nothing")
    return seconds
