"""What arrived and was not stored: entered once with its reason, found again when its account is known."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import duckdb
import pyarrow as pa

from tocsin.facts.live.shapes import WAITING, Refusal

if TYPE_CHECKING:
    from tocsin.facts.store import Store

_SCHEMA = pa.schema(
    [(name, pa.string()) for name in ("collection", "reason", "row", "account_ref", "row_id", "person_ref", "file")]
    + [("at", pa.timestamp("us"))]
)

# An alias of two accounts names neither.
_PLACEABLE = (
    f"source = 'http' AND reason = '{WAITING}' AND (account_ref IN (SELECT id FROM accounts UNION ALL "
    "SELECT external_id FROM account_aliases GROUP BY external_id HAVING count(DISTINCT account_key) = 1) "
    "OR person_ref IN (SELECT id FROM people UNION ALL "
    "SELECT anonymous FROM identities WHERE now AND person IN (SELECT id FROM people)))"
)


def enter(cursor: duckdb.DuckDBPyConnection, refused: Sequence[Refusal], now: datetime, source: str = "") -> None:
    """Enter them into the list of rejected rows; the same one that is there already is not entered twice."""
    if not refused:
        return
    rows = [
        {
            "collection": each.collection,
            "reason": each.reason,
            "row": each.row,
            "account_ref": each.account,
            "row_id": each.id,
            "person_ref": each.person,
            "file": source or None,
            "at": (each.received or now).astimezone(UTC).replace(tzinfo=None),
        }
        for each in {(each.collection, each.row): each for each in refused}.values()
    ]
    cursor.register("turned_away", pa.Table.from_pylist(rows, schema=_SCHEMA))
    try:
        cursor.execute(
            "DELETE FROM rejected WHERE source = 'http' "
            'AND (collection, "row") IN (SELECT (collection, "row") FROM turned_away)'
        )
        cursor.execute(
            'INSERT INTO rejected (source, collection, file, line, reason, "row", account_ref, row_id, "at", person_ref) '
            'SELECT \'http\', collection, file, NULL, reason, "row", account_ref, row_id, "at", person_ref FROM turned_away'
        )
    finally:
        cursor.unregister("turned_away")


def leave(cursor: duckdb.DuckDBPyConnection, rows: Sequence[tuple[str, str]]) -> None:
    """Take rows off the list: (collection, row as received)."""
    if not rows:
        return
    cursor.register("leaving", pa.table({"collection": [each[0] for each in rows], "row": [each[1] for each in rows]}))
    try:
        cursor.execute(
            'DELETE FROM rejected WHERE source = \'http\' AND (collection, "row") IN (SELECT (collection, "row") FROM leaving)'
        )
    finally:
        cursor.unregister("leaving")


def any_waiting(cursor: duckdb.DuckDBPyConnection) -> bool:
    """Whether anything waits for its account."""
    return bool(cursor.execute(f"SELECT 1 FROM rejected WHERE source = 'http' AND reason = '{WAITING}' LIMIT 1").fetchall())


def any_placeable(store: Store) -> bool:
    """Whether anything waits for an account or a person that is known by now."""
    return bool(store.query(f"SELECT 1 FROM rejected WHERE {_PLACEABLE} LIMIT 1").num_rows)


def placeable(cursor: duckdb.DuckDBPyConnection) -> list[tuple[str, str, datetime]]:
    """(collection, row as received, when it was) of what waits for accounts or people that are known; taken off the list."""
    rows = cursor.execute(f'SELECT collection, "row", "at" FROM rejected WHERE {_PLACEABLE} ORDER BY "at", rowid').fetchall()
    cursor.execute(f"DELETE FROM rejected WHERE {_PLACEABLE}")
    return [(collection, row, at.replace(tzinfo=UTC)) for collection, row, at in rows]


def waiting(
    cursor: duckdb.DuckDBPyConnection, persons: Iterable[str], accounts: Iterable[str]
) -> list[tuple[str, str, datetime]]:
    """(collection, row as received, when it was) of what waits for one of these people or accounts; taken off the list."""
    names = [*(("p", each) for each in persons), *(("a", each) for each in accounts)]
    if not names:
        return []
    cursor.register("placeable", pa.table({"kind": [each[0] for each in names], "ref": [each[1] for each in names]}))
    found = (
        f"source = 'http' AND reason = '{WAITING}' AND (person_ref IN (SELECT ref FROM placeable WHERE kind = 'p') "
        "OR account_ref IN (SELECT ref FROM placeable WHERE kind = 'a'))"
    )
    try:
        rows = cursor.execute(f'SELECT collection, "row", "at" FROM rejected WHERE {found} ORDER BY "at", rowid').fetchall()
        if rows:
            cursor.execute(f"DELETE FROM rejected WHERE {found}")
    finally:
        cursor.unregister("placeable")
    return [(collection, row, at.replace(tzinfo=UTC)) for collection, row, at in rows]
