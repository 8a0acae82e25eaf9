"""A store in memory, and files made on the spot."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from tocsin.facts.duckdb import DuckStore
from tocsin.facts.importing import ImportReport, import_paths

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
LATER = datetime(2026, 4, 1, 12, tzinfo=UTC)


class Desk:
    """A store, and a folder of files for it."""

    def __init__(self, store: DuckStore, folder: Path) -> None:
        self.store, self.folder = store, folder

    def write(self, name: str, text: str | bytes) -> Path:
        """A file with that content."""
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        return path

    def give(self, name: str, text: str | bytes, **options: Any) -> ImportReport:
        """Import one file."""
        return import_paths(self.store, [self.write(name, text)], **({"now": NOW} | options))

    def figures(self, report: ImportReport, name: str) -> tuple[int, int, int, int, int]:
        """read, added, updated, unchanged, rejected of a collection; their sum is checked on the way."""
        found = next(each for each in report.collections if each.name == name)
        assert found.read == found.added + found.updated + found.unchanged + found.rejected
        return found.read, found.added, found.updated, found.unchanged, found.rejected

    def rows(self, sql: str) -> list[tuple[Any, ...]]:
        """The rows of a query."""
        table = self.store.query(sql)
        return list(zip(*(column.to_pylist() for column in table.columns), strict=True)) if table.num_rows else []

    def timeline(self, account: str, field: str) -> list[tuple[str, str]]:
        """(instant, value) of an attribute of an account, in order."""
        found = self.rows(
            f"SELECT strftime(\"at\", '%Y-%m-%d %H:%M'), value FROM account_timeline JOIN accounts USING (key) "
            f"WHERE id = '{account}' AND field = '{field}' ORDER BY \"at\""
        )
        return [(at, value) for at, value in found]


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    """An empty store in UTC, in memory."""
    store = DuckStore(":memory:", ZoneInfo("UTC"))
    yield Desk(store, tmp_path)
    store.close()


@pytest.fixture
def berlin(tmp_path: Path) -> Iterator[Desk]:
    """An empty store in Berlin."""
    store = DuckStore(":memory:", ZoneInfo("Europe/Berlin"))
    yield Desk(store, tmp_path)
    store.close()


@pytest.fixture
def acme(desk: Desk) -> Desk:
    """A store with the accounts a1 and a2."""
    desk.give("accounts.csv", "id,name,created_at\na1,Acme,2026-01-01\na2,Bolt,2026-01-01\n")
    return desk


Give = Callable[..., ImportReport]
