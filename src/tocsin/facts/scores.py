"""What is kept of health scores: the score of each day, the changes of band, and what churned accounts were frozen at.

All of it can be made anew from the facts at any time; the engine does so (`engine.health_history`), this is where it is kept.
"""

from __future__ import annotations

import threading
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import duckdb
import pyarrow as pa

from tocsin.core.profiles import KEPT
from tocsin.facts.layout import literal

if TYPE_CHECKING:
    from tocsin.facts.duckdb import DuckStore

FROZEN = ", ".join(literal(field) for field in KEPT if "frozen" in field)
DAILY = ", ".join(literal(field) for field in KEPT if "frozen" not in field)


@dataclass(frozen=True, slots=True)
class Kept:
    """How far scores are kept. model: by which profiles. first, last: the starts of the first and last day; None: no days."""

    model: str
    first: datetime | None = None
    last: datetime | None = None


@dataclass(frozen=True, slots=True)
class Note:
    """The past of an account (None: of all) has changed from an instant on."""

    account_id: str | None
    since: datetime


class DuckScores:
    """The kept scores of an embedded store. revision: goes up with each change of them."""

    def __init__(self, store: DuckStore) -> None:
        self.store = store
        self.revision = 0
        self.lock = threading.RLock()  # held while scores are made anew: one at a time

    def kept(self) -> Kept | None:
        """What is kept; None where nothing is."""
        rows = self.store.query("SELECT model, first, last FROM health_state").to_pylist()
        return Kept(rows[0]["model"], _utc(rows[0]["first"]), _utc(rows[0]["last"])) if rows else None

    def notes(self) -> tuple[int, list[Note]]:
        """What has changed since scores were last made: a number to give to `settle`, and the notes."""
        rows = self.store.query(
            "SELECT note.id AS id, account.id AS account_id, note.key AS key, note.since AS since FROM health_notes AS note "
            "LEFT JOIN accounts AS account ON account.key = note.key ORDER BY account.id"
        ).to_pylist()
        known = [row for row in rows if row["key"] is None or row["account_id"] is not None]
        return max((row["id"] for row in rows), default=0), [
            Note(row["account_id"], row["since"].replace(tzinfo=UTC)) for row in known
        ]

    def turning_points(self, accounts: Collection[str] | None) -> list[tuple[str, datetime]]:
        """(account, instant) at which an account that has ever churned may have become, or ceased to be, a churned one."""
        among = "" if accounts is None else f"AND account.id IN ({', '.join(map(literal, sorted(accounts))) or 'NULL'})"
        table = self.store.query(f"""
            WITH entries AS (
                SELECT key, field, value, "at" FROM account_timeline WHERE field IN ('status', 'churned_at')
            ), ever AS (
                SELECT key FROM accounts WHERE churned_at IS NOT NULL
                UNION SELECT key FROM entries WHERE (field = 'status' AND value = 'churned')
                                                 OR (field = 'churned_at' AND value != '')
            ), points AS (
                SELECT key, churned_at AS "at" FROM accounts WHERE churned_at IS NOT NULL
                UNION SELECT key, "at" FROM entries
                UNION SELECT key, TRY_CAST(value AS TIMESTAMP) FROM entries WHERE field = 'churned_at'
            )
            SELECT account.id AS id, points."at" AS "at" FROM points JOIN accounts AS account USING (key)
            WHERE key IN (SELECT key FROM ever) AND points."at" IS NOT NULL AND NOT account.left_out {among}
            ORDER BY account.id, points."at"
        """)
        pairs = zip(table.column("id").to_pylist(), table.column("at").to_pylist(), strict=True)
        return [(name, at.replace(tzinfo=UTC)) for name, at in pairs]

    def keep_frozen(self, rows: pa.Table, accounts: Collection[str] | None) -> None:
        """Keep what these accounts (None: all) were frozen at, in place of what was kept of them.

        rows: `subject_id`, `at` (from when on it holds), `score`, `band`, `mark`.
        """
        with self._incoming(rows) as cursor:
            among = "" if accounts is None else f"AND key IN ({_keys(accounts)})"
            cursor.execute(f"DELETE FROM account_timeline WHERE field IN ({FROZEN}) {among}")
            for field, column in (("score", "printf('%.17g', score)"), ("band", "band"), ("profile", "mark")):
                cursor.execute(
                    f"INSERT INTO account_timeline SELECT account.key, 'health_frozen_{field}', coalesce({column}, ''), "
                    'incoming."at" FROM incoming JOIN accounts AS account ON account.id = incoming.subject_id'
                )

    def keep_days(self, rows: pa.Table, accounts: Collection[str] | None, first: datetime, last: datetime) -> None:
        """Keep the scores of the days that start in [first, last], in place of those that were kept for these accounts.

        rows: `subject_id`, `at` (the start of the day), `score`, `band`, `mark`, `overridden`, `frozen`.
        """
        with self._incoming(rows) as cursor:
            among = "" if accounts is None else f"AND key IN ({_keys(accounts)})"
            cursor.execute(f'DELETE FROM health_days WHERE "at" BETWEEN ? AND ? {among}', [_plain(first), _plain(last)])
            cursor.execute(
                'INSERT INTO health_days SELECT account.key, incoming."at", score, band, mark, overridden, frozen '
                "FROM incoming JOIN accounts AS account ON account.id = incoming.subject_id"
            )

    def settle(self, kept: Kept, accounts: Collection[str] | None, since: datetime | None, seen: int) -> None:
        """Say how far scores are kept, and make the changes of band of these accounts (None: all) from their days.

        since: only from when on (None: nothing changed).
        seen:  of the notes up to that number everything was made anew; they are dropped.
        """
        with self._changing() as cursor:
            if since is not None:
                self._turn(cursor, "" if accounts is None else f"AND key IN ({_keys(accounts)})", since)
            cursor.execute("DELETE FROM health_state")
            cursor.execute("INSERT INTO health_state VALUES (?, ?, ?)", [kept.model, _plain(kept.first), _plain(kept.last)])
            cursor.execute("DELETE FROM health_notes WHERE id <= ?", [seen])

    @staticmethod
    def _turn(cursor: duckdb.DuckDBPyConnection, among: str, since: datetime) -> None:
        """Enter each day on which a band or a version is another than on the day before."""
        begin = _plain(since)
        cursor.execute(f'DELETE FROM account_timeline WHERE field IN ({DAILY}) AND "at" >= ? {among}', [begin])
        for field, column in (("health_band", "band"), ("health_profile", "profile")):
            cursor.execute(
                f"""
                INSERT INTO account_timeline SELECT key, {literal(field)}, value, "at" FROM (
                    SELECT key, "at", coalesce({column}, '') AS value,
                           lag(coalesce({column}, '')) OVER (PARTITION BY key ORDER BY "at") AS before
                    FROM health_days WHERE "at" >= CAST(? AS TIMESTAMP) - INTERVAL 26 HOUR {among}
                ) WHERE value IS DISTINCT FROM before AND "at" >= ?
                """,
                [begin, begin],
            )

    def days(self, accounts: Collection[str] | None, first: datetime, last: datetime) -> pa.Table:
        """The kept scores of days that start in [first, last], by account and day.

        Columns: `account_id`, `at`, `score`, `band`, `profile` (the mark of the version), `overridden`, `frozen`.
        """
        among = "" if accounts is None else f"AND account.id IN ({', '.join(map(literal, sorted(accounts))) or 'NULL'})"
        return self.store.query(
            'SELECT account.id AS account_id, day."at" AS "at", score, band, profile, overridden, frozen '
            f'FROM health_days AS day JOIN accounts AS account USING (key) WHERE day."at" BETWEEN ? AND ? {among} '
            'ORDER BY account.id, day."at"',
            [_plain(first), _plain(last)],
        )

    def accounts(self) -> int:
        """How many accounts there are."""
        return int(self.store.query("SELECT count(*) AS n FROM accounts").column("n")[0].as_py())

    def count(self) -> int:
        """How many days of accounts are kept."""
        return int(self.store.query("SELECT count(*) AS n FROM health_days").column("n")[0].as_py())

    def forget(self) -> None:
        """Drop everything that is kept; the next question makes it anew."""
        with self._changing() as cursor:
            forget(cursor)

    @contextmanager
    def _incoming(self, rows: pa.Table) -> Iterator[duckdb.DuckDBPyConnection]:
        with self._changing() as cursor:
            cursor.register("incoming", rows)
            try:
                yield cursor
            finally:
                cursor.unregister("incoming")

    @contextmanager
    def _changing(self) -> Iterator[duckdb.DuckDBPyConnection]:
        """A transaction that changes what is kept."""
        with self.store.write(news=False) as cursor:
            yield cursor
        self.revision += 1


def forget(cursor: duckdb.DuckDBPyConnection) -> None:
    """Drop all kept scores, within a transaction that writes."""
    for table in ("health_days", "health_state", "health_notes"):
        cursor.execute(f"DELETE FROM {table}")
    cursor.execute(f"DELETE FROM account_timeline WHERE field IN ({FROZEN}, {DAILY})")


def _keys(accounts: Collection[str]) -> str:
    """A SELECT of the keys of accounts."""
    return f"SELECT key FROM accounts WHERE id IN ({', '.join(map(literal, sorted(accounts))) or 'NULL'})"


def _utc(moment: datetime | None) -> datetime | None:
    return None if moment is None else moment.replace(tzinfo=UTC)


def _plain(moment: datetime | None) -> datetime | None:
    """An instant as DuckDB's TIMESTAMP, in UTC."""
    return None if moment is None else moment.astimezone(UTC).replace(tzinfo=None)
