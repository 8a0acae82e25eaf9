"""A small builder of facts for tests: rows as dicts, through CSV files and the importer, into a store of its own."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from tempfile import mkdtemp
from typing import Any
from zoneinfo import ZoneInfo

from tocsin.engine import Book
from tocsin.engine.explaining import subject_ids
from tocsin.facts.duckdb import DuckStore
from tocsin.facts.importing import import_paths

NOW = datetime(2026, 3, 31, 12, tzinfo=UTC)
Rows = Mapping[str, Iterable[Mapping[str, Any]]]  # collection -> its rows


def ago(days: float = 0, hours: float = 0, seconds: float = 0) -> datetime:
    """The instant so long before NOW; after it where the length is negative."""
    return NOW - timedelta(days=days, hours=hours, seconds=seconds)


def day(days: int) -> date:
    """The calendar day so many days before NOW's."""
    return NOW.date() - timedelta(days=days)


def store_of(
    folder: Path,
    rows: Rows,
    *,
    zone: str = "UTC",
    currency: str | None = None,
    internal_domains: Sequence[str] = (),
) -> DuckStore:
    """A store that holds the rows; every row must be accepted."""
    store = DuckStore(":memory:", ZoneInfo(zone), currency=currency, internal_domains=internal_domains)
    return add(store, folder, rows)


def add(store: DuckStore, folder: Path, rows: Rows, *, now: datetime = NOW + timedelta(days=400)) -> DuckStore:
    """The store, with more rows imported into it, at a moment; every row must be accepted."""
    files = Path(mkdtemp(dir=folder))
    for name, given in rows.items():
        held = list(given)
        if not held:
            continue
        columns = list(dict.fromkeys(column for row in held for column in row))
        with (files / f"{name}.csv").open("w", encoding="utf-8", newline="") as file:
            writer = csv.DictWriter(file, columns)
            writer.writeheader()
            writer.writerows({column: _cell(value) for column, value in row.items()} for row in held)
    report = import_paths(store, [files], now=now)
    assert sum(each.rejected for each in report.collections) == 0, report.to_text()
    return store


def values(book: Book, formula: str, moment: datetime = NOW, subject: str = "account") -> dict[str, Any]:
    """Subject id -> the value of a formula as of a moment; of a feature `account_id/feature`."""
    return dict(zip(*columns(book, [formula], [moment], subject), strict=True))


def columns(book: Book, formulas: Sequence[str], moments: Sequence[datetime], subject: str = "account") -> list[list[Any]]:
    """The ids of the subjects, and the values of each formula beside them."""
    table = book.signals(formulas, moments, subject)
    return [subject_ids(table, subject), *(table.column(f"f{index}").to_pylist() for index in range(len(formulas)))]


def _cell(value: object) -> str:
    match value:
        case None:
            return ""
        case bool():
            return str(value).lower()
        case datetime() | date():
            return value.isoformat()
        case list() | dict():
            return json.dumps(value)
    return str(value)
