"""When accounts have reached the milestones of templates, as the engine keeps it (`engine.milestone_history`).

It is in the timeline of accounts, under `milestone:<template>`: the value is the instant, and so is the time of the entry, so
that as of any moment it is known from then on. It can be made anew from the facts at any time.
"""

from __future__ import annotations

import threading
from collections.abc import Collection
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import duckdb
import pyarrow as pa

from tocsin.core.milestones import KEPT
from tocsin.facts.layout import literal
from tocsin.facts.scores import Note

if TYPE_CHECKING:
    from tocsin.facts.duckdb import DuckStore

OURS = f"starts_with(field, {literal(KEPT)})"


@dataclass(frozen=True, slots=True)
class Kept:
    """How far it is kept. model: by which templates. first, last: the starts of the first and the last day looked at."""

    model: str
    first: datetime
    last: datetime


class DuckReached:
    """What has been reached, of an embedded store."""

    def __init__(self, store: DuckStore) -> None:
        self.store = store
        self.lock = threading.RLock()  # held while it is made anew: one at a time

    def kept(self) -> Kept | None:
        """What is kept; None where nothing is."""
        rows = self.store.query("SELECT model, first, last FROM milestone_state").to_pylist()
        return Kept(rows[0]["model"], _utc(rows[0]["first"]), _utc(rows[0]["last"])) if rows else None

    def notes(self) -> tuple[int, list[Note]]:
        """What has changed since: a number to give to `settle`, and the notes."""
        rows = self.store.query(
            "SELECT note.id AS id, account.id AS account_id, note.key AS key, note.since AS since FROM milestone_notes AS note "
            "LEFT JOIN accounts AS account ON account.key = note.key ORDER BY account.id"
        ).to_pylist()
        known = [row for row in rows if row["key"] is None or row["account_id"] is not None]
        return max((row["id"] for row in rows), default=0), [Note(row["account_id"], _utc(row["since"])) for row in known]

    def drop(self, accounts: Collection[str] | None, since: datetime | None) -> None:
        """Forget what these accounts (None: all) have reached from an instant on (None: ever)."""
        among = "" if accounts is None else f"AND key IN ({_keys(accounts)})"
        from_then = "" if since is None else 'AND "at" >= ?'
        with self.store.write(news=False) as cursor:
            given = [] if since is None else [since.astimezone(UTC).replace(tzinfo=None)]
            cursor.execute(f"DELETE FROM account_timeline WHERE {OURS} {among} {from_then}", given)

    def keep(self, field: str, rows: pa.Table) -> None:
        """Note when accounts reached a milestone, of those that had not before. rows: `subject_id`, `at`."""
        with self.store.write(news=False) as cursor:
            cursor.register("incoming", rows)
            try:
                cursor.execute(
                    f'INSERT INTO account_timeline SELECT account.key, {literal(field)}, CAST(incoming."at" AS VARCHAR), '
                    'incoming."at" FROM incoming JOIN accounts AS account ON account.id = incoming.subject_id '
                    f"WHERE account.key NOT IN (SELECT key FROM account_timeline WHERE field = {literal(field)})"
                )
            finally:
                cursor.unregister("incoming")

    def settle(self, kept: Kept, seen: int) -> None:
        """Say how far it is kept; the notes up to that number are dropped."""
        with self.store.write(news=False) as cursor:
            cursor.execute("DELETE FROM milestone_state")
            span = [each.astimezone(UTC).replace(tzinfo=None) for each in (kept.first, kept.last)]
            cursor.execute("INSERT INTO milestone_state VALUES (?, ?, ?)", [kept.model, *span])
            cursor.execute("DELETE FROM milestone_notes WHERE id <= ?", [seen])

    def forget(self) -> None:
        """Drop everything that is kept; the next question makes it anew."""
        with self.store.write(news=False) as cursor:
            forget_reached(cursor)


def forget_reached(cursor: duckdb.DuckDBPyConnection) -> None:
    """Drop what is kept, within a transaction that writes."""
    for table in ("milestone_state", "milestone_notes"):
        cursor.execute(f"DELETE FROM {table}")
    cursor.execute(f"DELETE FROM account_timeline WHERE {OURS}")


def _keys(accounts: Collection[str]) -> str:
    """A SELECT of the keys of accounts."""
    return f"SELECT key FROM accounts WHERE id IN ({', '.join(map(literal, sorted(accounts))) or 'NULL'})"


def _utc(moment: datetime) -> datetime:
    return moment.replace(tzinfo=UTC)
