"""Rows of collections that arrive one by one, through the very steps of an import: typed, checked, dated, with their past."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any

import duckdb

from tocsin.core.schema import COLLECTIONS, Collection
from tocsin.facts.duckdb import DuckStore
from tocsin.facts.importing.batches import Record, fill_table
from tocsin.facts.importing.raw import Raw, RawColumn
from tocsin.facts.importing.stage import make_references, stage
from tocsin.facts.importing.upsert import upsert
from tocsin.facts.live.parts import Given
from tocsin.facts.live.shapes import WAITING, Refusal
from tocsin.facts.past import Past

ORDER = ("accounts", "account_aliases", "csms", "teams", "people")  # what others refer to comes first
HISTORIES = ("account_history", "people_history")
MOST_GROUPS = 200  # statements of one stretch before rows that are told again and again are told once, as they are at last
Group = tuple[str, tuple[str, ...], list[dict[str, Any]]]  # collection, columns, rows
OWNERS = {"account_history": "accounts", "subscriptions": "accounts", "people_history": "people"}


def put_rows(
    cursor: duckdb.DuckDBPyConnection, store: DuckStore, past: Past, rows: Sequence[Given], now: datetime
) -> tuple[set[str], list[Refusal]]:
    """Store rows of any collections; inside a transaction, after `make_changes`. Gives the collections, and what was refused.

    A row changes only the columns that it gives. Rows that give the same columns go together, unless another row stands between
    that tells something of the same.
    """
    groups: list[Group] = []
    current: dict[tuple[str, tuple[str, ...]], int] = {}
    last: dict[tuple[str, ...], int] = {}
    refused: list[Refusal] = []
    for name, values in rows:
        collection = COLLECTIONS[name]
        kept = {key: value for key, value in values.items() if key in collection or collection.custom}
        missing = [each for each in collection.required if kept.get(each) in (None, "")]
        if missing:
            reason = f"{missing[0]} is missing, and a row of {name} needs one"
            refused.append(Refusal(name, reason, _json(values), _id(values), values.get("account_id")))
            continue
        columns, own = (name, tuple(sorted(kept))), key_of(collection, kept)
        place = current.get(columns)
        behind = own is not None and place is not None and place <= last.get(own, -1)
        if place is None or (behind and len(groups) < MOST_GROUPS):
            # What is told of one row is stored in the order in which it was told.
            place = current[columns] = len(groups)
            groups.append((name, columns[1], []))
        groups[place][2].append(kept)
        if own is not None:
            last[own] = place
    first = {name: place for place, name in enumerate(ORDER)}
    for name, columns_of, given in sorted(groups, key=lambda each: first.get(each[0], len(ORDER))):
        refused += _put(cursor, store, past, name, columns_of, given, now)
    return {name for name, _, _ in groups}, refused


def key_of(collection: Collection, values: dict[str, Any]) -> tuple[str, ...] | None:
    """What tells a row from others; None where it has no key, or the order of what is told of it does not matter."""
    if collection.name in HISTORIES:
        return None
    names = ("id",) if collection.keyed_by_id else collection.identity
    return None if values.get(names[0]) in (None, "") else (collection.name, *(cell(values.get(each)) for each in names))


def _put(
    cursor: duckdb.DuckDBPyConnection,
    store: DuckStore,
    past: Past,
    name: str,
    columns: Sequence[str],
    given: Sequence[dict[str, Any]],
    now: datetime,
) -> list[Refusal]:
    collection = COLLECTIONS[name]
    held = [f"c{at}" for at in range(len(columns))]
    fill_table(cursor, "arrived", _records(columns, given), held)
    described = [RawColumn(column, name_held, source=column) for column, name_held in zip(columns, held, strict=True)]
    raw = Raw(collection, "", "arrived", described, marked=True)
    make_references(cursor)
    staged = stage(cursor, raw, store.zone)
    upsert(cursor, staged, now, past)
    owner = OWNERS.get(name)
    if owner is not None:
        key = "person_key" if owner == "people" else "account_key"
        cursor.execute(f"INSERT INTO touched SELECT DISTINCT '{owner}', {key} FROM {staged.table} WHERE reason IS NULL")
    # Rows that no transaction has committed yet are not numbered from 0.
    place = f"ord - (SELECT min(ord) FROM {staged.table})"
    bad = cursor.execute(f"SELECT {place}, reason FROM {staged.table} WHERE reason IS NOT NULL ORDER BY ord").fetchall()
    return [_refusal(name, given[place], reason) for place, reason in bad]


def _refusal(name: str, values: dict[str, Any], reason: str) -> Refusal:
    account = values.get("account_id")
    waits = reason.startswith("unknown account")
    return Refusal(name, WAITING if waits else reason, _json(values), _id(values), account if waits else None)


def _records(columns: Sequence[str], given: Sequence[dict[str, Any]]) -> Iterator[Record]:
    for place, values in enumerate(given):
        yield Record(place, [cell(values[column]) for column in columns])


def cell(value: Any) -> str:
    """A JSON value as the text of a cell; '' for null."""
    if value is None:
        return ""
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float) and value.is_integer() and abs(value) < 1e15:
        return str(int(value))
    if isinstance(value, int | float):
        return repr(value)
    return _json(value)


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"), default=str)


def _id(values: dict[str, Any]) -> str | None:
    found = values.get("id")
    return None if found is None else str(found)
