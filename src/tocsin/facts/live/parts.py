"""Rows that tell a part of themselves: completed by what is stored of them, by what was kept of them, and by the person.

What cannot be completed is kept, one entry for each row with all that was told of it so far, until a later row brings the rest.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, date, datetime
from typing import Any

import duckdb
import pyarrow as pa

from tocsin.core.schema import COLLECTIONS, Collection
from tocsin.facts.importing.stage import UPDATED, make_references
from tocsin.facts.layout import PERSONAL, physical_columns, quote
from tocsin.facts.live.belonging import Places
from tocsin.facts.live.shapes import WAITING, Refusal

Given = tuple[str, dict[str, Any]]  # collection, column -> JSON value
PEOPLE = ("people", "csms", "teams")
EMPTY = (None, "")
BY_PERSON = "by_person"  # in a row where nobody but its person says which account it is of
BY_THEM = (*PERSONAL, "events")  # collections whose rows move with their person
_LATEST = datetime(9999, 12, 30, tzinfo=UTC)


def batches(rows: Sequence[Given]) -> Iterator[list[Given]]:
    """The rows in the order in which they can be stored, what others refer to first.

    An account that is named by an alias of the same batch comes after the alias, so that it is not taken for another one.
    """
    aliases = {str(values.get("external_id")) for name, values in rows if name == "account_aliases"}
    late = [name == "accounts" and str(values.get("id")) in aliases for name, values in rows]
    places = [
        0
        if name == "accounts" and not after
        else 1
        if name == "account_aliases"
        else 2
        if after
        else 3
        if name in PEOPLE
        else 4
        for (name, _), after in zip(rows, late, strict=True)
    ]
    for wanted in range(5):
        found = [row for row, place in zip(rows, places, strict=True) if place == wanted]
        if found:
            yield found


def completed(cursor: duckdb.DuckDBPyConnection, rows: Sequence[Given]) -> tuple[list[Given], list[Refusal]]:
    """The rows that can be stored, each with all that is required and its account by the account's own id; and the others."""
    good: list[Given] = []
    refused: list[Refusal] = []
    make_references(cursor)
    for name in dict.fromkeys(name for name, _ in rows):
        made = _Completing(cursor, COLLECTIONS[name], [dict(values) for each, values in rows if each == name])
        good += made.good
        refused += made.refused()
    return good, refused


class _Completing:
    """Rows of one collection, in their order."""

    def __init__(self, cursor: duckdb.DuckDBPyConnection, collection: Collection, rows: list[dict[str, Any]]) -> None:
        self.cursor, self.collection = cursor, collection
        self.key = "id" if collection.keyed_by_id else None
        self.owner = "id" if collection.name == "accounts" else "account_id"
        self.good: list[Given] = []
        self.without_id: list[dict[str, Any]] = []
        self.kept = _take_kept(cursor, collection, [row["id"] for row in rows if self.key and row.get("id")])
        everything = [*rows, *self.kept.values()]
        self.name_accounts(everything)
        incomplete = [str(row["id"]) for row in rows if self.key and row.get("id") and self.missing(row)]
        self.stored = _stored(cursor, collection, incomplete)
        self.places = Places(cursor, (who for row in everything if (who := self.person(row)) is not None))
        for row in rows:
            self.add(row)

    def add(self, row: dict[str, Any]) -> None:
        """Complete a row as far as can be."""
        own = str(row["id"]) if self.key and row.get("id") else None
        told = joined(self.kept.pop(own, {}), row) if own else row
        base = self.stored.get(own, {}) if own else {}
        if self.collection.name in BY_THEM:
            if row.get("account_id") not in EMPTY and not row.get(BY_PERSON):
                told[BY_PERSON] = False
            elif told.get(BY_PERSON) or base.get(BY_PERSON):  # where the person was then is asked anew
                told.pop("account_id", None)
                told = {**{name: value for name, value in base.items() if name != "account_id"}, **told}
                self.place(told)
        for name in self.missing(told):
            if name in base:
                told[name] = base[name]
        self.place(told)
        if self.missing(told):
            if own:
                self.kept[own] = told
            else:
                self.without_id.append(told)
            return
        if told.get(BY_PERSON) and not own and self.collection.name in PERSONAL:
            told["id"] = _own_id(told)  # by which it is found when the person turns out to have been elsewhere
        self.good.append((self.collection.name, told))
        if own:
            kept = (*self.collection.required, "person_id", BY_PERSON)
            self.stored[own] = {**base, **{name: told[name] for name in kept if name in told}}

    def place(self, told: dict[str, Any]) -> bool:
        """Say what can be said of whose a row is; whether its account is known.

        An account without a name is named by its id until it is told one; a row of a person is of their account.
        """
        if self.collection.name == "accounts" and told.get("id") and told.get("name") in EMPTY:
            told["name"] = told["id"]
        if "account_id" in self.collection.required and told.get("account_id") in EMPTY:
            account = self.places.at(self.person(told) or "", self.begun(told))
            if account:
                told["account_id"] = account
                if self.collection.name in BY_THEM:
                    told[BY_PERSON] = True
        return told.get("account_id") not in EMPTY

    def begun(self, row: dict[str, Any]) -> datetime:
        """When what a row tells began; the end of time where it does not say."""
        given = row.get(self.collection.start or "")
        try:
            moment = datetime.fromisoformat(given) if isinstance(given, str) else _LATEST
        except ValueError:
            return _LATEST
        return moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)

    def missing(self, row: dict[str, Any]) -> list[str]:
        """The required columns that a row lacks."""
        return [each for each in self.collection.required if row.get(each) in EMPTY]

    def person(self, row: dict[str, Any]) -> str | None:
        """The person by whom a row finds its account."""
        name = "id" if self.collection.name == "people" else "person_id"
        found = row.get(name) if name in self.collection and "account_id" in self.collection else None
        return None if found in EMPTY else str(found)

    def name_accounts(self, rows: Iterable[dict[str, Any]]) -> None:
        """Put the account's own id in place of an alias."""
        own = own_ids(self.cursor, (str(row[self.owner]) for row in rows if row.get(self.owner)))
        for row in rows:
            if row.get(self.owner):
                row[self.owner] = own.get(str(row[self.owner]), str(row[self.owner]))

    def refused(self) -> list[Refusal]:
        """What cannot be stored yet, with what it waits for."""
        return [self.refusal(row) for row in [*self.kept.values(), *self.without_id]]

    def refusal(self, row: dict[str, Any]) -> Refusal:
        lacking = self.missing(row)
        name = self.collection.name
        reason = WAITING if "account_id" in lacking else f"{lacking[0]} is missing, and a row of {name} needs one"
        text = json.dumps(row, ensure_ascii=False, separators=(",", ":"), default=str)
        own = row.get("id") if self.key else None
        return Refusal(name, reason, text, None if own is None else str(own), None, self.person(row))


def merged(refused: Sequence[Refusal]) -> list[Refusal]:
    """Of several entries of one row, one that tells what they tell together."""
    found: dict[tuple[str, object], Refusal] = {}
    for at, each in enumerate(refused):
        place = (each.collection, each.id if each.id is not None else at)
        before = found.get(place)
        if before is not None:
            row = joined(json.loads(before.row), json.loads(each.row))
            each.row = json.dumps(row, ensure_ascii=False, separators=(",", ":"))
        found[place] = each
    return list(found.values())


def joined(before: dict[str, Any], after: dict[str, Any]) -> dict[str, Any]:
    """What two rows tell of one; as of the later moment where they have one, since nothing in them is older than is known."""
    moments = [str(each[UPDATED]) for each in (before, after) if each.get(UPDATED)]
    return {**before, **after, **({UPDATED: max(moments)} if moments else {})}


def own_ids(cursor: duckdb.DuckDBPyConnection, names: Iterable[str]) -> dict[str, str]:
    """Name of an account -> its own id; only those that are known, and of one account. After `make_references`."""
    wanted = sorted(set(names))
    if not wanted:
        return {}
    found = cursor.execute("SELECT ref, id FROM account_refs WHERE key > 0 AND ref IN (SELECT unnest(?))", [wanted])
    return dict(found.fetchall())


def _take_kept(cursor: duckdb.DuckDBPyConnection, collection: Collection, ids: Sequence[object]) -> dict[str, dict[str, Any]]:
    """Id -> what was kept of that row because something was missing, taken off the list."""
    if not ids or collection.name == "accounts":
        return {}
    cursor.register("asked_rows", pa.table({"id": [str(each) for each in ids]}))
    try:
        rows = cursor.execute(
            "SELECT rowid, row_id, \"row\" FROM rejected WHERE source = 'http' AND collection = ? "
            "AND row_id IN (SELECT id FROM asked_rows) AND (reason = ? OR contains(reason, ' is missing, and a row of ')) "
            'ORDER BY "at", rowid',
            [collection.name, WAITING],
        ).fetchall()
    finally:
        cursor.unregister("asked_rows")
    found: dict[str, dict[str, Any]] = {}
    taken = []
    for place, own, text in rows:
        given = json.loads(text)
        # A message of Segment's API waits under the same id; it has fields that no column is called by.
        if isinstance(given, dict) and (collection.custom or given.keys() <= {*collection.names, UPDATED, BY_PERSON}):
            found[own] = joined(found.get(own, {}), given)
            taken.append(place)
    if taken:
        cursor.execute("DELETE FROM rejected WHERE rowid IN (SELECT unnest(?))", [taken])
    return found


def _stored(cursor: duckdb.DuckDBPyConnection, collection: Collection, ids: Sequence[str]) -> dict[str, dict[str, Any]]:
    """Id -> the required columns that are stored of that row."""
    if not ids:
        return {}
    table = quote(collection.name)
    keyed = "account_key" in physical_columns(collection)
    names = [name for name in collection.required if name != "id"]
    cells = ["owned.id" if name == "account_id" else f"{table}.{quote(name)}" for name in names]
    join = ""
    if collection.name in BY_THEM:
        names += ["person_id", BY_PERSON]
        cells += ["met.id", f"coalesce({table}.by_person, false)"]
        join = f"LEFT JOIN person_keys AS met ON met.key = {table}.person_key "
    join += f"LEFT JOIN accounts AS owned ON owned.key = {table}.account_key" if keyed else ""
    cursor.register("asked_rows", pa.table({"id": sorted(set(ids))}))
    try:
        rows = cursor.execute(
            f"SELECT {', '.join([f'{table}.id', *cells])} FROM {table} {join} WHERE {table}.id IN (SELECT id FROM asked_rows)"
        ).fetchall()
    finally:
        cursor.unregister("asked_rows")
    return {row[0]: {name: _plain(value) for name, value in zip(["id", *names], row, strict=True)} for row in rows}


def _own_id(told: dict[str, Any]) -> str:
    """An id of what a row tells, whatever account it is of."""
    said = {name: value for name, value in told.items() if name not in ("id", "account_id", BY_PERSON) and value not in EMPTY}
    raw = json.dumps(said, ensure_ascii=False, sort_keys=True, separators=(",", ":"), default=str)
    return f"row-{hashlib.sha256(raw.encode()).hexdigest()[:32]}"


def _plain(value: Any) -> Any:
    """A stored value as JSON has it; instants are UTC."""
    if isinstance(value, datetime):
        return f"{value.isoformat()}Z"
    return value.isoformat() if isinstance(value, date) else value
