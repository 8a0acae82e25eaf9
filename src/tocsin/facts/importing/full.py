"""`--full`: a file is the whole truth for its collection, so rows that it lacks are closed."""

from __future__ import annotations

from datetime import datetime

import duckdb

from tocsin.core.errors import UserError
from tocsin.core.moment import day_of
from tocsin.core.schema import COLLECTIONS, Collection
from tocsin.facts.cells import start_of_day
from tocsin.facts.importing.stage import Staged
from tocsin.facts.layout import literal, names, physical_columns, physical_name, quote
from tocsin.facts.past import Past, ended

FEW = 10  # so many rows may always be closed: of a handful, any share is large


class ShrunkError(UserError):
    """What is said to be the whole truth lacks so much that it is rather a part of it. Nothing was stored."""


def check_full(collections: set[str]) -> None:
    """UserError where a collection has no column that could say that a row ended."""
    for name in sorted(collections):
        if COLLECTIONS[name].closing is None:
            raise UserError(f"--full: {name} have no end column, so nothing can be closed; import them without --full")


def note_seen(cursor: duckdb.DuckDBPyConnection, staged: Staged) -> None:
    """Remember which rows a file holds, those that were rejected included: what is wrong is not missing."""
    keys = names(staged.keys)
    rows = f"SELECT {keys}, reason IS NULL AS good FROM {staged.table}"
    cursor.execute(f"CREATE TEMP TABLE IF NOT EXISTS seen_{staged.collection.name} AS {rows} LIMIT 0")
    cursor.execute(f"INSERT INTO seen_{staged.collection.name} {rows}")


def forget_closed(cursor: duckdb.DuckDBPyConnection, staged: Staged) -> int:
    """What a file itself says of ends, `--full` no longer does; gives how many rows that it had closed are open again."""
    end = staged.collection.closing
    if end is None or end not in staged.columns or not _closed(cursor, staged):
        return 0
    name = staged.collection.name
    spoken = (
        f"FROM {quote(name)} AS kept JOIN {staged.table} AS new ON {_equal(staged, 'new')} AND new.reason IS NULL "
        f"WHERE {_identity(staged)} IN (SELECT key FROM closed_by_full WHERE collection = {literal(name)})"
    )
    opened = cursor.execute(f"SELECT count(DISTINCT {_identity(staged)}) {spoken} AND kept.{quote(end)} IS NULL").fetchone()
    cursor.execute(
        f"DELETE FROM closed_by_full WHERE collection = {literal(name)} AND key IN (SELECT {_identity(staged)} {spoken})"
    )
    return int(opened[0]) if opened else 0


def open_returned(cursor: duckdb.DuckDBPyConnection, staged: Staged, past: Past) -> int:
    """Open the rows that the files hold again and whose end an earlier `--full` had set; gives their number.

    An end that has become another one since is left as it is, and so is that of a row that was rejected.
    """
    if not _closed(cursor, staged):
        return 0
    name, end = staged.collection.name, quote(staged.collection.closing or "")
    back = (
        f"EXISTS (SELECT 1 FROM seen_{name} AS seen WHERE seen.good AND {_equal(staged, 'seen')}) "
        f"AND ({_identity(staged)}, CAST(kept.{end} AS VARCHAR)) IN "
        f'(SELECT (key, "end") FROM closed_by_full WHERE collection = {literal(name)})'
    )
    cursor.execute(
        f"CREATE OR REPLACE TEMP TABLE returned AS SELECT kept.rowid AS held, {_identity(staged)} AS key "
        f"FROM {quote(name)} AS kept WHERE {back}"
    )
    if name == "subscriptions":
        cursor.execute(
            f"INSERT INTO touched SELECT 'accounts', account_key FROM {name} WHERE rowid IN (SELECT held FROM returned)"
        )
    held = f"FROM {quote(name)} AS kept WHERE rowid IN (SELECT held FROM returned)"
    ended(past, staged.collection, held, _instant(f"kept.{end}", staged.collection, past))
    found = cursor.execute(f"UPDATE {quote(name)} SET {end} = NULL WHERE rowid IN (SELECT held FROM returned)").fetchone()
    cursor.execute(f"DELETE FROM closed_by_full WHERE collection = {literal(name)} AND key IN (SELECT key FROM returned)")
    return int(found[0]) if found else 0


def close_missing(
    cursor: duckdb.DuckDBPyConnection, staged: Staged, now: datetime, past: Past, most: float | None = None
) -> int:
    """Close the open rows that no file held; gives their number.

    most: the share of the open rows that may be closed, None for any. UserError where the files held no rows at all,
    ShrunkError where more would be closed.
    """
    name = staged.collection.name
    held = cursor.execute(f"SELECT count(*) FROM seen_{name}").fetchone()
    if not held or not held[0]:
        raise UserError(f"--full: the file of {name} holds no rows, which would close all of them; import it without --full")
    end = COLLECTIONS[name].column(COLLECTIONS[name].closing or "")
    text = day_of(now, past.zone).isoformat() if end.type == "date" else now.replace(tzinfo=None).isoformat(sep=" ")
    moment = f"CAST({literal(text)} AS {physical_columns(staged.collection)[end.name]})"
    missing = (
        f"kept.{quote(end.name)} IS NULL AND NOT EXISTS (SELECT 1 FROM seen_{name} AS seen WHERE {_equal(staged, 'seen')})"
    )
    if most is not None:
        _check_shrunk(cursor, staged, end.name, missing, most)
    if name == "subscriptions":
        cursor.execute(f"INSERT INTO touched SELECT 'accounts', kept.account_key FROM {name} AS kept WHERE {missing}")
    missed = f"FROM {quote(name)} AS kept WHERE {missing}"
    cursor.execute(
        f"DELETE FROM closed_by_full WHERE collection = {literal(name)} AND key IN (SELECT {_identity(staged)} {missed})"
    )
    cursor.execute(
        f"INSERT INTO closed_by_full SELECT {literal(name)}, {_identity(staged)}, CAST({moment} AS VARCHAR) {missed}"
    )
    ended(past, staged.collection, missed, _instant(moment, staged.collection, past))
    found = cursor.execute(f"UPDATE {quote(name)} AS kept SET {quote(end.name)} = {moment} WHERE {missing}").fetchone()
    cursor.execute(f"DROP TABLE seen_{name}")
    return int(found[0]) if found else 0


def _check_shrunk(cursor: duckdb.DuckDBPyConnection, staged: Staged, end: str, missing: str, most: float) -> None:
    """ShrunkError where more than this share of the open rows is missing."""
    name = staged.collection.name
    found = cursor.execute(
        f"SELECT count(*), count(*) FILTER ({missing}) FROM {quote(name)} AS kept WHERE kept.{quote(end)} IS NULL"
    ).fetchone()
    held, closing = found or (0, 0)
    if closing > max(FEW, most * held):
        raise ShrunkError(
            f"{name} lacks {closing:,} of the {held:,} rows that are open, more than {most:.0%}; closing them was refused"
        )


def _instant(end: str, collection: Collection, past: Past) -> str:
    """The instant of an end, as SQL."""
    is_day = collection.closing is not None and collection.column(collection.closing).type == "date"
    return start_of_day(end, past.zone) if is_day else end


def _equal(staged: Staged, other: str) -> str:
    """Whether a stored row and another one are the same."""
    return " AND ".join(f"{other}.{quote(key)} IS NOT DISTINCT FROM kept.{quote(key)}" for key in staged.keys)


def _identity(staged: Staged) -> str:
    """What tells a stored row from all others, as one text: also where a file gives less of it than another."""
    declared = ("id",) if staged.collection.keyed_by_id else staged.collection.identity
    parts = (f"coalesce(CAST(kept.{quote(physical_name(name))} AS VARCHAR), chr(30))" for name in declared)
    return f"concat_ws(chr(31), {', '.join(parts)})"


def _closed(cursor: duckdb.DuckDBPyConnection, staged: Staged) -> bool:
    """Whether `--full` has closed any row of a collection that is not known to be back."""
    given = [staged.collection.name]
    return cursor.execute("SELECT 1 FROM closed_by_full WHERE collection = ? LIMIT 1", given).fetchone() is not None
