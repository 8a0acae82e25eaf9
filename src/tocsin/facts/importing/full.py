"""`--full`: a file is the whole truth for its collection, so rows that it lacks are closed."""

from __future__ import annotations

from datetime import datetime
from zoneinfo import ZoneInfo

import duckdb

from tocsin.core.errors import UserError
from tocsin.core.moment import day_of
from tocsin.core.schema import COLLECTIONS
from tocsin.facts.importing.stage import Staged
from tocsin.facts.layout import literal, names, physical_columns, quote


def check_full(collections: set[str]) -> None:
    """UserError where a collection has no column that could say that a row ended."""
    for name in sorted(collections):
        if COLLECTIONS[name].closing is None:
            raise UserError(f"--full: {name} have no end column, so nothing can be closed; import them without --full")


def note_seen(cursor: duckdb.DuckDBPyConnection, staged: Staged) -> None:
    """Remember which rows a file holds, those that were rejected included: what is wrong is not missing."""
    keys = names(staged.keys)
    cursor.execute(
        f"CREATE TEMP TABLE IF NOT EXISTS seen_{staged.collection.name} AS SELECT {keys} FROM {staged.table} LIMIT 0"
    )
    cursor.execute(f"INSERT INTO seen_{staged.collection.name} SELECT {keys} FROM {staged.table}")


def close_missing(cursor: duckdb.DuckDBPyConnection, staged: Staged, now: datetime, zone: ZoneInfo) -> int:
    """Close the open rows that no file held; gives their number. UserError where the files held no rows at all."""
    name = staged.collection.name
    held = cursor.execute(f"SELECT count(*) FROM seen_{name}").fetchone()
    if not held or not held[0]:
        raise UserError(f"--full: the file of {name} holds no rows, which would close all of them; import it without --full")
    end = COLLECTIONS[name].column(COLLECTIONS[name].closing or "")
    text = day_of(now, zone).isoformat() if end.type == "date" else now.replace(tzinfo=None).isoformat(sep=" ")
    moment = f"CAST({literal(text)} AS {physical_columns(staged.collection)[end.name]})"
    equal = " AND ".join(f"seen.{quote(key)} IS NOT DISTINCT FROM kept.{quote(key)}" for key in staged.keys)
    missing = f"kept.{quote(end.name)} IS NULL AND NOT EXISTS (SELECT 1 FROM seen_{name} AS seen WHERE {equal})"
    if name == "subscriptions":
        cursor.execute(f"INSERT INTO touched SELECT 'accounts', kept.account_key FROM {name} AS kept WHERE {missing}")
    found = cursor.execute(f"UPDATE {quote(name)} AS kept SET {quote(end.name)} = {moment} WHERE {missing}").fetchone()
    cursor.execute(f"DROP TABLE seen_{name}")
    return int(found[0]) if found else 0
