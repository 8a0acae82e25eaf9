"""Rows that were not stored, kept with their file, line and reason until they come in."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import duckdb
import pyarrow as pa

from tocsin.facts.importing.open_files import Unread
from tocsin.facts.importing.raw import Raw
from tocsin.facts.importing.sources import shown
from tocsin.facts.importing.stage import Staged
from tocsin.facts.layout import literal, quote
from tocsin.facts.report import CollectionReport

SHOWN = 5
# What a reason quotes of a row: without it, reasons of one kind are the same.
_QUOTED = "'.*'"


@dataclass
class Reasons:
    """Why the first rows of an import were rejected: one row of each kind of reason, at most `SHOWN` kinds."""

    first: dict[tuple[str, str], str] = field(default_factory=dict)

    def add(self, collection: str, file: str, line: int | None, reason: str) -> None:
        """Take in a rejected row, where its kind is new and there is room."""
        kind = (collection, re.sub(_QUOTED, "", reason, flags=re.DOTALL))
        if len(self.first) < SHOWN and kind not in self.first:
            text = f"{shown(Path(file))}{'' if line is None else f':{line}'}: {reason}"
            self.first[kind] = "".join(each if each.isprintable() else "?" for each in text)

    def add_file(self, cursor: duckdb.DuckDBPyConnection, collection: str) -> None:
        """Take in the rows of a file that `keep_rejected` has just entered."""
        rows = cursor.execute(
            "SELECT first.file, first.line, first.reason FROM ("
            "SELECT arg_min({'file': file, 'line': line, 'reason': reason}, coalesce(line, 0)) AS first "
            f"FROM turned_down GROUP BY regexp_replace(reason, {literal(_QUOTED)}, '', 's')) "
            f"ORDER BY first.line, first.reason LIMIT {SHOWN}"
        ).fetchall()
        for file, line, reason in rows:
            self.add(collection, file, line, reason)


def keep_rejected(cursor: duckdb.DuckDBPyConnection, raw: Raw, staged: Staged, now: datetime) -> int:
    """Enter the rejected rows of a file, and take out entries whose rows have come in now; gives the number rejected."""
    counted = cursor.execute(f"SELECT count(*) FROM {staged.table} WHERE reason IS NOT NULL").fetchone()
    rejected = counted[0] if counted else 0
    if rejected:
        _lines(cursor, raw, staged)
        _enter(cursor, raw, staged, now)
    earlier = cursor.execute("SELECT 1 FROM rejected WHERE collection = ? LIMIT 1", [raw.collection.name]).fetchone()
    if earlier:
        _take_out(cursor, raw, staged, now)
    return int(rejected)


def _moment(now: datetime) -> str:
    return f"CAST({literal(now.astimezone(UTC).replace(tzinfo=None).isoformat(sep=' '))} AS TIMESTAMP)"


def _lines(cursor: duckdb.DuckDBPyConnection, raw: Raw, staged: Staged) -> None:
    """The temporary table of the physical lines of rejected rows."""
    if raw.line_of is None:
        line = "raw.line" if raw.marked else "raw.rowid + 1"
        cursor.execute(
            f"CREATE OR REPLACE TEMP TABLE lines AS SELECT raw.rowid AS ord, {line} AS line FROM {raw.table} AS raw"
            f" WHERE raw.rowid IN (SELECT ord FROM {staged.table} WHERE reason IS NOT NULL)"
        )
        return
    total = cursor.execute(f"SELECT count(*) FROM {raw.table}").fetchone()
    bad = [row[0] for row in cursor.execute(f"SELECT ord FROM {staged.table} WHERE reason IS NOT NULL").fetchall()]
    found = raw.line_of(bad, total[0] if total else 0)
    table = pa.table({"ord": pa.array(list(found), pa.int64()), "line": pa.array(list(found.values()), pa.int64())})
    cursor.register("found_lines", table)
    cursor.execute("CREATE OR REPLACE TEMP TABLE lines AS SELECT * FROM found_lines")
    cursor.unregister("found_lines")


def _enter(cursor: duckdb.DuckDBPyConnection, raw: Raw, staged: Staged, now: datetime) -> None:
    """Enter rejected rows; one that is entered already with the same file, line and content is not entered twice."""
    account, row_id = raw.column("account_id"), raw.column("id")
    named = f"CAST(raw.{quote(account.held)} AS VARCHAR)" if account else "CAST(NULL AS VARCHAR)"
    ident = f"CAST(raw.{quote(row_id.held)} AS VARCHAR)" if row_id else "CAST(NULL AS VARCHAR)"
    cursor.execute(
        f"CREATE OR REPLACE TEMP TABLE turned_down AS SELECT {literal(raw.collection.name)} AS collection, "
        f'{literal(raw.file)} AS file, lines.line, staged.reason, {raw.received("raw")} AS "row", {named} AS account_ref, '
        f"{ident} AS row_id FROM {staged.table} AS staged JOIN {raw.table} AS raw ON raw.rowid = staged.ord "
        "LEFT JOIN lines ON lines.ord = staged.ord WHERE staged.reason IS NOT NULL"
    )
    cursor.execute(
        "DELETE FROM rejected WHERE source = 'file' AND (collection, file, coalesce(line, 0), \"row\") IN "
        '(SELECT (collection, file, coalesce(line, 0), "row") FROM turned_down)'
    )
    cursor.execute(
        "INSERT INTO rejected SELECT 'file', collection, file, line, reason, \"row\", account_ref, row_id, "
        f"{_moment(now)}, NULL FROM turned_down ORDER BY line"
    )


def _take_out(cursor: duckdb.DuckDBPyConnection, raw: Raw, staged: Staged, now: datetime) -> None:
    """Entries of earlier imports whose row is stored now: the same id, or, without ids, the same content of the same file."""
    row_id = raw.column("id")
    good = f"FROM {raw.table} AS raw JOIN {staged.table} AS staged ON staged.ord = raw.rowid WHERE staged.reason IS NULL"
    earlier = f"source = 'file' AND collection = {literal(raw.collection.name)} AND \"at\" < {_moment(now)}"
    if row_id is not None:
        cursor.execute(
            f"DELETE FROM rejected WHERE {earlier} AND row_id IN (SELECT CAST(raw.{quote(row_id.held)} AS VARCHAR) {good})"
        )
    cursor.execute(
        f"DELETE FROM rejected WHERE {earlier} AND row_id IS NULL AND file = {literal(raw.file)} "
        f'AND "row" IN (SELECT {raw.received("raw")} {good})'
    )


def keep_unread(cursor: duckdb.DuckDBPyConnection, unread: Sequence[Unread], now: datetime) -> list[CollectionReport]:
    """Enter rows of a mapping's source files that could not be read; gives a line of the report for each file."""
    for each in unread:
        given = [each.name, each.file, each.line, each.row]
        cursor.execute(
            "DELETE FROM rejected WHERE source = 'file' AND collection = ? AND file = ? AND line = ? AND \"row\" = ?", given
        )
        cursor.execute(
            f"INSERT INTO rejected VALUES ('file', ?, ?, ?, ?, ?, NULL, NULL, {_moment(now)}, NULL)",
            [each.name, each.file, each.line, each.reason, each.row],
        )
    counted = Counter(each.name for each in unread)
    return [
        CollectionReport(name, read=count, rejected=count, notes=("rows of the source file that cannot be read",))
        for name, count in sorted(counted.items())
    ]
