"""A store, a clock that is set by hand, and databases and folders to pull from."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import duckdb
import psycopg
import pytest
from psycopg import sql

from tocsin.facts.duckdb import DuckStore
from tocsin.sources import facade
from tocsin.sources.pulls.running import Ended

UTC_ZONE = ZoneInfo("UTC")
START = datetime(2026, 3, 1, 12, tzinfo=UTC)
ACCOUNTS = "SELECT no AS id, company AS name, since AS created_at FROM customers"
EVENTS = (
    'SELECT eid AS id, customer AS account_id, what AS name, happened AS "at", loaded_at FROM logs WHERE loaded_at > :since'
)


class Desk:
    """One workspace's facts, and pulls that are run by hand at moments of the test's choosing."""

    def __init__(self, store: DuckStore, root: Path) -> None:
        self.store, self.root, self.now = store, root, START
        self.folder, self.mapping = root / "drop", root / "mapping"
        self.folder.mkdir()
        self.mapping.mkdir()

    def clock(self) -> datetime:
        """The present moment."""
        return self.now

    def later(self, **span: float) -> None:
        """Let time pass."""
        self.now += timedelta(**span)

    def write(self, name: str, text: str, *, age: float = 60) -> Path:
        """A file of the folder, last changed so many seconds ago by the test's clock."""
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, "utf-8")
        self.touch(path, age)
        return path

    def touch(self, path: Path, age: float) -> None:
        """Say when a file was changed."""
        stamp = self.now.timestamp() - age
        os.utime(path, (stamp, stamp))

    def map(self, **queries: str) -> None:
        """SELECTs of the mapping."""
        for name, text in queries.items():
            (self.mapping / f"{name}.sql").write_text(text, "utf-8")

    def create(self, kind: str, name: str = "warehouse", **settings: Any) -> facade.PullInfo:
        """A pull; of a folder that is the test's, of a database by the test's mapping."""
        usual = {"path": str(self.folder)} if kind == "folder" else {"mapping": str(self.mapping)}
        return facade.create_pull(
            kind, name, {"schedule": "by hand", **usual, **settings}, by="olga@x.io", moment=self.now, everywhere=True
        )

    def pull(self, name: str = "warehouse", **options: Any) -> Ended:
        """Run one now."""
        return facade.run_now(name, self.store, clock=self.clock, zone=UTC_ZONE, by="olga@x.io", **options)

    def info(self, name: str = "warehouse") -> facade.PullInfo:
        """A pull as it is shown."""
        return facade.pull_info(name, self.now)

    def rows(self, query: str) -> list[tuple[Any, ...]]:
        """The rows of a query over the facts."""
        return [tuple(row.values()) for row in self.store.query(query).to_pylist()]

    def count(self, collection: str) -> int:
        """Rows of a collection."""
        return int(self.rows(f"SELECT count(*) FROM {collection}")[0][0])

    def figures(self, ended: Ended) -> dict[str, tuple[int, ...]]:
        """Collection -> read, added, updated, unchanged, rejected."""
        names = ("read", "added", "updated", "unchanged", "rejected")
        return {str(each["collection"]): tuple(each[name] for name in names) for each in ended.run.report}


@pytest.fixture
def desk(db: None, tmp_path: Path) -> Iterator[Desk]:
    """Nothing pulled yet."""
    store = DuckStore(":memory:", UTC_ZONE)
    yield Desk(store, tmp_path)
    store.close()


class Warehouse:
    """A database of customers and logs.

    url: its address. do: runs a statement in it, and commits. reach: takes it away (False), and gives it back.
    """

    def __init__(self, url: str, do: Callable[[str], None], stamp: str, reach: Callable[[bool], object]) -> None:
        self.url, self.do, self.reach = url, do, reach
        do(f"CREATE TABLE customers (no varchar, company varchar, since {stamp})")
        do(f"CREATE TABLE logs (eid bigint, customer varchar, what varchar, happened {stamp}, loaded_at {stamp})")
        do("INSERT INTO customers VALUES ('a1', 'Acme', '2024-01-01 00:00:00'), ('a2', 'Bolt', '2024-01-02 00:00:00')")

    def log(self, number: int, loaded: str, *, customer: str = "a1", happened: str = "2026-02-01 10:00:00") -> None:
        """An event that was written at a time."""
        self.do(f"INSERT INTO logs VALUES ({number}, '{customer}', 'Signed in', '{happened}', '{loaded}')")


def moved(path: Path) -> Callable[[bool], object]:
    """Moves a file away, and back."""
    away = path.with_suffix(".away")
    return lambda there: away.rename(path) if there else path.rename(away)


KINDS = ["sqlite", "duckdb", "postgres"] if os.environ.get("TOCSIN_TEST_DATABASE_URL") else ["sqlite", "duckdb"]


@pytest.fixture(params=KINDS)
def warehouse(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Warehouse]:
    """A database of each kind; PostgreSQL where the tests run beside one."""
    if request.param == "sqlite":
        path = tmp_path / "warehouse.db"

        def in_sqlite(statement: str) -> None:
            with closing(sqlite3.connect(path, isolation_level=None)) as connection:
                connection.execute(statement)

        yield Warehouse(f"sqlite://{path}", in_sqlite, "text", moved(path))
    elif request.param == "duckdb":
        path = tmp_path / "warehouse.duckdb"

        def in_duckdb(statement: str) -> None:
            with closing(duckdb.connect(str(path))) as connection:
                connection.execute(statement)

        yield Warehouse(f"duckdb://{path}", in_duckdb, "timestamp", moved(path))
    else:
        url = os.environ["TOCSIN_TEST_DATABASE_URL"]
        name = f"warehouse_{os.getpid()}"
        with psycopg.connect(url, autocommit=True) as server:
            server.execute(sql.SQL("DROP DATABASE IF EXISTS {}").format(sql.Identifier(name)))
            server.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
            own = url.replace("/tocsin?", f"/{name}?")

            def in_postgres(statement: str) -> None:
                with psycopg.connect(own, autocommit=True) as connection:
                    connection.execute(statement.encode())

            def reach(there: bool) -> None:
                query = "ALTER DATABASE {} ALLOW_CONNECTIONS {}"
                server.execute(sql.SQL(query).format(sql.Identifier(name), sql.SQL("true" if there else "false")))

            yield Warehouse(own, in_postgres, "timestamptz", reach)
            server.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))
