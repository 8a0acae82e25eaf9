"""Entering into the history of an account what a person decided in the product, so that it is seen as of any moment."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from tocsin.core.errors import UserError
from tocsin.facts.history import settle
from tocsin.facts.importing.upsert import make_changes
from tocsin.facts.past import Past

if TYPE_CHECKING:
    from tocsin.facts.duckdb import DuckStore

Entry = tuple[str | None, datetime]  # a value (None: it became null) and from when on it holds


def record(store: DuckStore, account_id: str, field: str, entries: Sequence[Entry], *, after: datetime) -> None:
    """Put entries into the history of an account's attribute, in place of those from a moment on.

    UserError where there is no such account.
    """
    with store.write() as cursor:
        found = cursor.execute("SELECT key FROM accounts WHERE id = ?", [account_id]).fetchone()
        if found is None:
            raise UserError(f"there is no account {account_id!r}; `tocsin signals name` lists those there are")
        [key] = found
        make_changes(cursor)
        past = Past(cursor, store.zone)
        earliest = min([_plain(at) for _, at in entries], default=_plain(after))
        past.note(f"SELECT {int(key)}, TIMESTAMP '{earliest.isoformat(sep=' ')}'")
        gone = 'DELETE FROM account_history WHERE account_key = ? AND field = ? AND "at" >= ?'
        cursor.execute(gone, [key, field, _plain(after)])
        for value, at in entries:
            cursor.execute(
                'INSERT INTO account_history (account_key, field, value, "at") VALUES (?, ?, ?, ?)',
                [key, field, value, _plain(at)],
            )
        cursor.execute("INSERT INTO touched VALUES ('accounts', ?)", [key])
        settle(cursor, store.zone, {"account_history"}, past)
        past.write()


def _plain(moment: datetime) -> datetime:
    """An instant as DuckDB's TIMESTAMP, in UTC."""
    return moment.astimezone(UTC).replace(tzinfo=None)
