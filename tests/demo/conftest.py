"""A small demo book, written once for all tests of this folder, and ways to ask it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import duckdb
import pytest

from tocsin.core.schema import COLLECTIONS
from tocsin.facts.demo import DemoSummary, Truth, stories, write_book

UNTIL = datetime(2026, 3, 12, 9, 12, tzinfo=UTC)
ACCOUNTS = 220


@dataclass(frozen=True)
class Written:
    """A book as written: its folder, its summary, its truth, and SQL over its files (views named after the collections)."""

    folder: Path
    summary: DemoSummary
    truth: dict[str, Truth]
    connection: duckdb.DuckDBPyConnection

    def rows(self, sql: str) -> list[tuple[Any, ...]]:
        """The rows of a SELECT."""
        return self.connection.execute(sql).fetchall()

    def one(self, sql: str) -> Any:
        """The only cell of a SELECT."""
        return self.rows(sql)[0][0]

    def of_story(self, story: str, *cases: str) -> list[str]:
        """The ids of the accounts with that story (and one of these cases)."""
        return [key for key, told in self.truth.items() if told.story == story and (not cases or told.case in cases)]


@pytest.fixture(scope="session")
def book(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Written]:
    """A book of 220 accounts."""
    folder = tmp_path_factory.mktemp("book")
    summary = write_book(folder, accounts=ACCOUNTS, until=UNTIL, seed=7)
    connection = duckdb.connect()
    connection.execute("SET TimeZone = 'UTC'")
    for path in sorted(folder.glob("*.parquet")):
        again = ', "at" AS moment' if "at" in COLLECTIONS[path.stem] else ""  # `at` is a keyword, and needs quotes
        connection.execute(f"CREATE VIEW {path.stem} AS SELECT *{again} FROM '{path}'")
    yield Written(folder, summary, stories(ACCOUNTS, UNTIL, 7), connection)
    connection.close()
