"""Parquet: columns keep the types of the file where these say what the contract wants, and are text otherwise."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import duckdb

from tocsin.core.errors import UserError
from tocsin.core.schema import Collection
from tocsin.facts.duckdb import one_line
from tocsin.facts.importing.columns import Reading, match_columns
from tocsin.facts.importing.raw import Raw, RawColumn
from tocsin.facts.importing.sources import shown
from tocsin.facts.importing.stage import UPDATED
from tocsin.facts.layout import literal, quote

_NUMBERS = (
    "TINYINT",
    "SMALLINT",
    "INTEGER",
    "BIGINT",
    "HUGEINT",
    "UTINYINT",
    "USMALLINT",
    "UINTEGER",
    "UBIGINT",
    "FLOAT",
    "DOUBLE",
)


def read_parquet(
    cursor: duckdb.DuckDBPyConnection, file: Path, shown_as: Path, collection: Collection, reading: Reading, table: str
) -> Raw:
    """The rows of a Parquet file in a temporary table. UserError where it is none or lacks a required column."""
    check_ends(file, shown_as)
    scan = f"read_parquet({literal(str(file))})"
    try:
        described = cursor.execute(f"DESCRIBE SELECT * FROM {scan}").fetchall()
        types = {row[0]: row[1] for row in described}
        columns, notes = match_columns(list(types), collection, shown_as, reading)
        typed = [typed_column(column, types[column.source], collection) for column in columns]
        cells = ", ".join(f"{expression} AS {column.held}" for column, expression in typed)
        cursor.execute(f"CREATE OR REPLACE TEMP TABLE {table} AS SELECT {cells} FROM {scan}")
    except duckdb.Error as error:
        raise UserError(f"{shown(shown_as)} is no Parquet file that can be read: {one_line(error)}") from error
    return Raw(collection, str(shown_as), table, [column for column, _ in typed], notes=notes)


def check_ends(file: Path, shown_as: Path) -> None:
    """UserError where the file does not end as Parquet does: the engine would look for the rest far beyond it."""
    size = file.stat().st_size
    with file.open("rb") as stream:
        begins = stream.read(4)
        stream.seek(max(0, size - 8))
        length, ends = stream.read(4), stream.read(4)
    if size < 12 or begins != b"PAR1" or ends != b"PAR1" or int.from_bytes(length, "little") > size - 12:
        raise UserError(f"{shown(shown_as)} is no Parquet file, or was cut off; write it anew")


def typed_column(column: RawColumn, kind: str, collection: Collection) -> tuple[RawColumn, str]:
    """A column of a typed source as it is held, and the SQL expression that reads it."""
    cell = quote(column.source)
    wanted = collection.column(column.name).type if column.name in collection else "time" if column.name == UPDATED else "text"
    if kind.startswith("TIMESTAMP"):
        instant = f"{cell} AT TIME ZONE 'UTC'" if kind == "TIMESTAMP WITH TIME ZONE" else f"CAST({cell} AS TIMESTAMP)"
        if wanted == "time" and not column.formats.values:
            return replace(column, kind="time"), instant
        if wanted == "date":
            return column, f"strftime({instant}, '%Y-%m-%dT%H:%M:%S.%f')"
        return column, f"strftime({instant}, '%Y-%m-%dT%H:%M:%S.%fZ')"
    if wanted == "number" and not column.formats.values and (kind in _NUMBERS or kind.startswith("DECIMAL")):
        return replace(column, kind="number"), f"CAST({cell} AS DOUBLE)"
    if kind in ("BLOB", "BIT"):
        return column, f"CAST({cell} AS VARCHAR)"
    if kind in ("DOUBLE", "FLOAT"):  # a whole number that became a fraction only because other cells are empty
        whole = f"isfinite({cell}) AND {cell} = trunc({cell}) AND abs({cell}) < 1e15"
        return column, f"CASE WHEN {whole} THEN CAST(CAST({cell} AS BIGINT) AS VARCHAR) ELSE CAST({cell} AS VARCHAR) END"
    if kind.endswith("]") or kind.startswith(("STRUCT", "MAP", "UNION")):
        return column, f"CAST(to_json({cell}) AS VARCHAR)"
    return column, f"CAST({cell} AS VARCHAR)"
