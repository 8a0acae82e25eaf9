"""The first rows of a file as they are stored, for whoever looks before the whole is imported."""

from __future__ import annotations

import duckdb

from tocsin.facts.cells import as_text
from tocsin.facts.importing.raw import Raw
from tocsin.facts.importing.stage import Staged
from tocsin.facts.layout import literal, physical_name, quote
from tocsin.facts.report import Sample

FIRST = 8  # rows of each table that a preview shows


def first_rows(cursor: duckdb.DuckDBPyConnection, raw: Raw, staged: Staged, most: int) -> Sample:
    """The first good rows of a file, once they are stored; inside the transaction that stores them.

    Shown are the columns that the file gives, as texts: accounts and people by their ids, custom attributes behind.
    """
    collection = staged.collection
    held = [column for column in collection if physical_name(column.name) in staged.columns]
    shown = [f"{_shown(column.name, column.type)} AS {quote(column.name)}" for column in held]
    customs = [f"json_extract_string(kept.custom_given, {literal(_path(name))}) AS {quote(name)}" for name in staged.customs]
    equal = " AND ".join(f"kept.{quote(key)} IS NOT DISTINCT FROM new.{quote(key)}" for key in staged.keys)
    rows = cursor.execute(
        f"SELECT {', '.join([*shown, *customs])} FROM "
        f"(SELECT * FROM {staged.table} WHERE reason IS NULL ORDER BY ord LIMIT {int(most)}) AS new "
        f"JOIN {quote(collection.name)} AS kept ON {equal} ORDER BY new.ord LIMIT {int(most)}"
    ).fetchall()
    return Sample(collection.name, raw.file, (*(column.name for column in held), *staged.customs), tuple(rows))


def _shown(name: str, kind: str) -> str:
    """A stored column as a text."""
    if name == "account_id":
        return "(SELECT id FROM accounts WHERE key = kept.account_key)"
    if name == "person_id":
        return "(SELECT id FROM person_keys WHERE key = kept.person_key)"
    text = as_text(f"kept.{quote(name)}", kind)
    return f"replace({text}, '.000000Z', 'Z')" if kind == "time" else text


def _path(name: str) -> str:
    return '$."' + name.replace("\\", "\\\\").replace('"', '\\"') + '"'
