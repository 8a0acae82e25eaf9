"""What webhooks tell of one row, in whatever order it arrives: of each column the latest by its time counts.

Rows of accounts and people become traits, whose past is kept (`facts.live.traits`). Of every other row that has a key the
instant of each column that was told is kept (`told_rows`), so that what is older and comes later changes nothing.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import duckdb
import pyarrow as pa

from tocsin.core.schema import COLLECTIONS, Collection
from tocsin.facts.importing.stage import UPDATED
from tocsin.facts.live.parts import BY_PERSON, Given
from tocsin.facts.live.rows import cell, key_of
from tocsin.facts.live.shapes import Arrivals, Row, Traits

_TRAITS = ("accounts", "people")
_OWN = frozenset({"id", "account_id", UPDATED})
Told = tuple[datetime, str, bool]  # when, the value, whether the sender said when
_SCHEMA = pa.schema([("collection", pa.string()), ("id", pa.string()), ("told", pa.string())])


def sorted_out(arrivals: Arrivals) -> list[Row]:
    """Make traits of the rows of accounts and people, and put them and what they imply with the others; gives the other rows.

    A row of accounts without an id that names one (`account_id`) tells something of an account that has to be known.
    """
    others: list[Row] = []
    for number, row in enumerate(arrivals.rows):
        own = row.values.get("id")
        known = row.values.get("account_id") if row.collection == "accounts" and own in (None, "") else None
        if row.collection not in _TRAITS or not (own or known):
            others.append(row)
            continue
        values = {name: value for name, value in row.values.items() if name not in _OWN}
        if row.collection == "accounts" and values.get("name") in (None, ""):
            values.pop("name", None)
        if own and row.collection == "accounts":
            arrivals.groups.setdefault(str(own))
        # What is not dated was so when it came; what came together, in its order.
        at = said(row) or row.at + timedelta(microseconds=number)
        account = known if row.collection == "accounts" else row.values.get("account_id")
        raw = json.dumps(row.values, ensure_ascii=False, separators=(",", ":"), default=str).encode()
        arrivals.traits.append(
            Traits(row.collection, str(own or known), values, at, None if account in (None, "") else str(account), raw, row.at)
        )
    return others


def said(row: Row) -> datetime | None:
    """When the sender says that it was so (UTC); None where they do not."""
    given = row.values.get(UPDATED)
    try:
        moment = datetime.fromisoformat(given) if isinstance(given, str) else None
        return None if moment is None else moment.replace(tzinfo=moment.tzinfo or UTC).astimezone(UTC)
    except (ValueError, OverflowError):
        return None


def newest(cursor: duckdb.DuckDBPyConnection, rows: Sequence[Row]) -> list[Given]:
    """The rows with the columns of which nothing newer was told, in their order; inside a transaction."""
    keys = [_key(row) for row in rows]
    known = _known(cursor, {key for key in keys if key is not None})
    changed: dict[tuple[str, str], dict[str, Told]] = {}
    found: list[Given] = []
    for row, key in zip(rows, keys, strict=True):
        if key is None:
            found.append((row.collection, row.values))
            continue
        told, own = known.setdefault(key, {}), _keys(COLLECTIONS[row.collection]) | {UPDATED, BY_PERSON}
        at = said(row)
        values: dict[str, Any] = {}
        for name, value in row.values.items():
            if name in own:
                values[name] = value
                continue
            new = (at or row.at, cell(value), at is not None)
            if not row.source and name in told and told[name][1] == new[1]:
                values[name] = value  # it has waited, and is of the moment at which it was told
            elif not _older(new, told.get(name)):
                told[name], values[name] = new, value
                changed[key] = told
        if values.keys() - own or not row.values.keys() - own:
            found.append((row.collection, values))
    _remember(cursor, changed)
    return found


def _keys(collection: Collection) -> set[str]:
    return {"id"} if collection.keyed_by_id else set(collection.identity)


def _older(new: Told, known: Told | None) -> bool:
    if known is None or new[0] != known[0]:
        return known is not None and new[0] < known[0]
    # Told of one moment: by the value, so that the order does not matter; what is not dated, as it came.
    return new[2] and known[2] and new[1] < known[1]


def _key(row: Row) -> tuple[str, str] | None:
    """What tells a row from others; None of events, which are what they are, and of rows without a key."""
    if row.collection == "events" or row.collection not in COLLECTIONS:
        return None
    found = key_of(COLLECTIONS[row.collection], row.values)
    return None if found is None else (found[0], "\x1f".join(found[1:]))


def _known(cursor: duckdb.DuckDBPyConnection, keys: Iterable[tuple[str, str]]) -> dict[tuple[str, str], dict[str, Told]]:
    wanted = sorted(keys)
    if not wanted:
        return {}
    cursor.register("asked_rows", pa.table({"collection": [each[0] for each in wanted], "id": [each[1] for each in wanted]}))
    try:
        rows = cursor.execute(
            "SELECT told_rows.* FROM told_rows JOIN asked_rows USING (collection, id)",
        ).fetchall()
    finally:
        cursor.unregister("asked_rows")
    return {
        (collection, own): {
            name: (datetime.fromisoformat(at), value, dated) for name, (at, value, dated) in json.loads(told).items()
        }
        for collection, own, told in rows
    }


def _remember(cursor: duckdb.DuckDBPyConnection, changed: dict[tuple[str, str], dict[str, Told]]) -> None:
    if not changed:
        return
    rows = [
        {
            "collection": collection,
            "id": own,
            "told": json.dumps({name: (at.isoformat(), *rest) for name, (at, *rest) in told.items()}),
        }
        for (collection, own), told in changed.items()
    ]
    cursor.register("telling", pa.Table.from_pylist(rows, schema=_SCHEMA))
    try:
        cursor.execute(
            "DELETE FROM told_rows USING telling WHERE told_rows.collection = telling.collection AND told_rows.id = telling.id"
        )
        cursor.execute("INSERT INTO told_rows SELECT * FROM telling")
    finally:
        cursor.unregister("telling")
