"""What is said of the sources of facts: what their words mean here (value maps), and which of them has the say in a field.

Both are applied before anything is typed or stored, to columns of files and to rows that arrive alike, so that the order in
which sources tell things changes nothing. A field of accounts or people that is given to one source takes no value from any
other; what the others tell of it is passed over and counted. Without an owner the last told wins.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any

import duckdb
import pyarrow as pa

from tocsin.core.schema import COLLECTIONS
from tocsin.core.vocabulary import Place
from tocsin.facts.cells import Formats
from tocsin.facts.importing.raw import Raw
from tocsin.facts.layout import quote

EVERYWHERE, FILE, HTTP, MANUAL = "", "file", "http", "manual"
OWNED = ("accounts", "people")  # the collections whose fields can be given to a source
HISTORIES = {"account_history": "accounts", "people_history": "people"}
KEYS = ("id", "account_id")  # what a row is known by is nobody's
Words = Mapping[str, str | None]  # what a source says -> what it means; None: nothing
Passed = Counter[tuple[str, str, str]]  # (collection, field, source) -> values


@dataclass(frozen=True)
class Governance:
    """What is said of the sources. owners: field -> source. words: source -> column -> its words."""

    owners: Mapping[Place, str] = field(default_factory=dict)
    words: Mapping[str, Mapping[Place, Words]] = field(default_factory=dict)

    @property
    def empty(self) -> bool:
        """Whether nothing is said at all."""
        return not self.owners and not self.words

    def takes(self, collection: str, name: str, source: str) -> bool:
        """Whether a source has a say in a field. '' is a row that was let through before, and waited."""
        return source == "" or self.owners.get((collection, name), source) == source

    def meaning(self, place: Place, source: str) -> Words:
        """What the words of a source mean in a column: by its own map, and what that gives by the map of all sources."""
        everywhere = self.words.get(EVERYWHERE, {}).get(place, {})
        own = self.words.get(source, {}).get(place, {}) if source else {}
        return {**everywhere, **{given: after(meant, everywhere) for given, meant in own.items()}}

    def row(self, collection: str, values: Mapping[str, Any], source: str, passed: Passed) -> dict[str, Any]:
        """A row that arrived, without the fields that its source has no say in, its words as they are meant."""
        if collection in HISTORIES:
            return self._entry(collection, values, source, passed)
        kept = {}
        for name, value in values.items():
            if not self.takes(collection, name, source):
                passed[collection, name, source] += 1
                continue
            kept[name] = self._meant((collection, name), value, source)
        return kept

    def _entry(self, collection: str, values: Mapping[str, Any], source: str, passed: Passed) -> dict[str, Any]:
        """An entry of a history; empty where its source has no say in the field."""
        place = (HISTORIES[collection], str(values.get("field")))
        if not self.takes(*place, source):
            passed[(*place, source)] += 1
            return {}
        return {**values, "value": self._meant(place, values["value"], source)} if "value" in values else dict(values)

    def _meant(self, place: Place, value: Any, source: str) -> Any:
        if not isinstance(value, str) or not self.words:
            return value
        words = self.meaning(place, source)
        return words.get(value, value)


def after(meant: str | None, words: Words) -> str | None:
    """What a word means once another map is asked as well."""
    return words.get(meant, meant) if meant is not None else None


def read(cursor: duckdb.DuckDBPyConnection) -> Governance:
    """What is said of the sources, as of this transaction."""
    owners = {
        (collection, name): source for collection, name, source in cursor.execute("SELECT * FROM field_sources").fetchall()
    }
    words: dict[str, dict[Place, dict[str, str | None]]] = {}
    for source, collection, name, given, meant in cursor.execute("SELECT * FROM value_maps").fetchall():
        words.setdefault(source, {}).setdefault((collection, name), {})[given] = meant
    return Governance(owners, words)


def governed(
    cursor: duckdb.DuckDBPyConnection, raw: Raw, said: Governance, passed: Passed, source: str = FILE
) -> tuple[Raw, str]:
    """The rows of a file, without the columns that files have no say in, their words as they are meant.

    Gives a note on what was passed over, '' for nothing. Counts are of cells that are not empty: one query.
    """
    if said.empty:
        return raw, ""
    name = raw.collection.name
    if name in HISTORIES:
        return _history(cursor, raw, said, passed, source)
    barred = [column for column in raw.columns if not said.takes(name, column.name, source)]
    columns = [
        replace(column, formats=_with_words(column.formats, said.meaning((name, column.name), source)))
        for column in raw.columns
        if column not in barred and column.name
    ]
    if not barred:
        return replace(raw, columns=columns), ""
    cells = ", ".join(f"count(nullif(CAST({quote(column.held)} AS VARCHAR), ''))" for column in barred)
    counted = cursor.execute(f"SELECT {cells} FROM {raw.table}").fetchone() or ()
    for column, count in zip(barred, counted, strict=True):
        passed[name, column.name, source] += int(count)
    return replace(raw, columns=columns), _note([column.name for column in barred])


def _history(cursor: duckdb.DuckDBPyConnection, raw: Raw, said: Governance, passed: Passed, source: str) -> tuple[Raw, str]:
    """Entries of a history: those of fields that files have no say in are passed over, the others' words are mapped."""
    owner, column = HISTORIES[raw.collection.name], raw.column("field")
    if column is None:
        return raw, ""
    words = {place[1]: said.meaning(place, source) for place in _places(said) if place[0] == owner}
    barred = [name for (collection, name) in said.owners if collection == owner and not said.takes(owner, name, source)]
    cell = f"CAST({quote(column.held)} AS VARCHAR)"
    counted = cursor.execute(
        f"SELECT {cell}, count(*) FROM {raw.table} WHERE {cell} IN (SELECT unnest(?)) GROUP BY ALL", [barred]
    )
    found = dict(counted.fetchall())
    for name, count in found.items():
        passed[owner, name, source] += int(count)
    return replace(raw, passed_over=tuple(barred), words={name: each for name, each in words.items() if each}), _note(
        sorted(found)
    )


def _places(said: Governance) -> set[Place]:
    return {place for columns in said.words.values() for place in columns}


def _note(names: Sequence[str]) -> str:
    return f"passed over, as another source has the say there: {', '.join(names)}" if names else ""


def _with_words(formats: Formats, words: Words) -> Formats:
    """The formats of a column with these words behind its own."""
    if not words:
        return formats
    own = {given: after(meant, words) for given, meant in formats.values.items()}
    return replace(formats, values={**words, **own})


def note_passed(cursor: duckdb.DuckDBPyConnection, passed: Passed, now: datetime) -> None:
    """Add to what was passed over; inside the transaction that did."""
    if not passed:
        return
    at = now.astimezone(UTC).replace(tzinfo=None)
    rows = [(*place, count, at) for place, count in passed.items()]
    names = ("collection", "name", "source", "n", "at")
    cursor.register("passing", pa.table(dict(zip(names, map(list, zip(*rows, strict=True)), strict=True))))
    try:
        cursor.execute(
            "CREATE OR REPLACE TEMP TABLE passed AS SELECT collection, name, source, CAST(sum(n) AS BIGINT) AS n, "
            'max("at") AS "at" FROM (SELECT * FROM passing UNION ALL SELECT * FROM passed_over '
            "WHERE (collection, name, source) IN (SELECT (collection, name, source) FROM passing)) GROUP BY ALL"
        )
        cursor.execute(
            "DELETE FROM passed_over WHERE (collection, name, source) IN (SELECT (collection, name, source) FROM passed)"
        )
        cursor.execute("INSERT INTO passed_over SELECT * FROM passed")
    finally:
        cursor.unregister("passing")


def ownable(collection: str, custom: Collection[str] = ()) -> list[str]:
    """The fields of a collection that can be given to a source: those declared, and the custom attributes of that name."""
    return [column.name for column in COLLECTIONS[collection] if column.name not in KEYS] + sorted(custom)
