"""For each field of accounts and people the source that has the say in it, and what others told of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from tocsin.core.errors import UserError
from tocsin.facts.duckdb import DuckStore
from tocsin.facts.importing.governing import OWNED, ownable


@dataclass(frozen=True, slots=True)
class PassedOver:
    """What a source told of a field in which it has no say: how many values, the latest when (UTC)."""

    source: str
    count: int
    at: datetime


@dataclass(frozen=True, slots=True)
class FieldOwner:
    """A field of accounts or people.

    source: the one that has the say, '' where the last told wins. custom: it is no declared column.
    """

    collection: str
    name: str
    source: str
    custom: bool
    passed: tuple[PassedOver, ...]


def fields(store: DuckStore) -> list[FieldOwner]:
    """Every field that can be given to a source, in the order of the declaration, custom attributes behind."""
    owners = {(row["collection"], row["name"]): row["source"] for row in store.query("SELECT * FROM field_sources").to_pylist()}
    passed: dict[tuple[str, str], list[PassedOver]] = {}
    for row in store.query("SELECT * FROM passed_over ORDER BY n DESC, source").to_pylist():
        told = PassedOver(row["source"], row["n"], row["at"].replace(tzinfo=UTC))
        passed.setdefault((row["collection"], row["name"]), []).append(told)
    found = []
    for collection in OWNED:
        declared = ownable(collection)
        customs = {*store.attributes(collection), *(name for kind, name in owners if kind == collection)} - set(declared)
        for name in [*declared, *sorted(customs)]:
            place = (collection, name)
            found.append(FieldOwner(*place, owners.get(place, ""), name in customs, tuple(passed.get(place, ()))))
    return found


def give(store: DuckStore, collection: str, sources: Mapping[str, str]) -> list[tuple[str, str, str]]:
    """Give fields of a collection to sources ('': the last told wins); gives (field, before, after) of those that changed.

    What is stored stays until the source that has the say tells the field. What was passed over is counted anew from then on.
    UserError for a field that is none of the collection or is nobody's.
    """
    known = {each.name: each.source for each in fields(store) if each.collection == collection}
    for name in sources:
        if name not in known:
            raise UserError(f"{collection} have no field {name[:60]!r} that can be given to a source")
    changed = [(name, known[name], source) for name, source in sources.items() if source != known[name]]
    if changed:
        with store.write() as cursor:
            for name, _, source in changed:
                for table in ("field_sources", "passed_over"):
                    cursor.execute(f"DELETE FROM {table} WHERE collection = ? AND name = ?", [collection, name])
                if source:
                    cursor.execute("INSERT INTO field_sources VALUES (?, ?, ?)", [collection, name, source])
    return changed
