"""The list of rows that were not stored, and of accounts that nobody could be matched with."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from tocsin.facts.duckdb import DuckStore
from tocsin.facts.layout import literal
from tocsin.facts.live.shapes import WAITING

_BATCH = 2_000


@dataclass(frozen=True, slots=True)
class Rejected:
    """A row that was not stored.

    source: `file` or `http`; line: the physical line (or the row of a sheet or a result) in the file, None where there is
    none; row: what was sent, as received.
    """

    source: str
    collection: str
    file: str | None
    line: int | None
    reason: str
    row: Any

    def to_json(self) -> dict[str, Any]:
        """The entry as `import --rejected --format json` gives it."""
        return {name: getattr(self, name) for name in ("source", "collection", "file", "line", "reason", "row")}


def iterate_rejected(store: DuckStore) -> Iterator[Rejected]:
    """The rejected rows in order of collection, file and line, a batch in memory at a time."""
    cursor = store.cursor()
    try:
        cursor.execute(
            'SELECT source, collection, file, line, reason, "row" FROM rejected ORDER BY collection, file, line, reason, "row"'
        )
        while rows := cursor.fetchmany(_BATCH):
            for source, collection, file, line, reason, row in rows:
                yield Rejected(source, collection, file, line, reason, _received(row))
    finally:
        cursor.close()


def list_rejected(store: DuckStore) -> list[Rejected]:
    """All rejected rows in order of collection, file and line."""
    return list(iterate_rejected(store))


def unmatched(store: DuckStore) -> list[tuple[str, str, int]]:
    """What names an account that is not known: (collection, the account as it was named, rows), most rows first."""
    table = store.query(
        "SELECT collection, account_ref, count(*) AS n FROM rejected "
        f"WHERE account_ref IS NOT NULL AND (reason = {literal(WAITING)} OR starts_with(reason, 'unknown account') "
        "OR contains(reason, 'alias of several')) "
        "GROUP BY collection, account_ref ORDER BY n DESC, collection, account_ref"
    )
    return [(row["collection"], row["account_ref"], row["n"]) for row in table.to_pylist()]


def _received(text: str) -> Any:
    """A row from its JSON; the text itself where it nests deeper than can be read."""
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return text
