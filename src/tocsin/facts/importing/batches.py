"""Rows that Python has read, into a temporary table, in batches: for formats that the engine does not read itself."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice

import duckdb
import pyarrow as pa

BATCH = 20_000


@dataclass(frozen=True, slots=True)
class Record:
    """A row: the physical line on which it begins (from 1), its cells, or why it cannot be read and the line as it stands."""

    line: int
    cells: Sequence[str] = ()
    problem: str | None = None
    text: str = ""


def fill_table(
    cursor: duckdb.DuckDBPyConnection,
    table: str,
    records: Iterator[Record],
    held: Sequence[str],
    places: Sequence[int] | None = None,
) -> None:
    """Records into a new temporary table: the columns under their held names, `line`, `problem` and `given`.

    places: the place of each column among a record's cells; as they stand where it is None. An empty cell is null.
    """
    marks = [("line", pa.int64()), ("problem", pa.string()), ("given", pa.string())]
    schema = pa.schema([*((name, pa.string()) for name in held), *marks])
    reader = pa.RecordBatchReader.from_batches(schema, _batches(records, list(places or range(len(held))), schema))
    cursor.register("incoming", reader)
    try:
        cursor.execute(f"CREATE OR REPLACE TEMP TABLE {table} AS SELECT * FROM incoming")
    finally:
        cursor.unregister("incoming")


def _batches(records: Iterator[Record], places: Sequence[int], schema: pa.Schema) -> Iterator[pa.RecordBatch]:
    while part := list(islice(records, BATCH)):
        arrays = [
            pa.array([(record.cells[at] or None) if record.cells else None for record in part], pa.string()) for at in places
        ]
        arrays.append(pa.array([record.line for record in part], pa.int64()))
        arrays.append(pa.array([record.problem for record in part], pa.string()))
        arrays.append(pa.array([record.text or None for record in part], pa.string()))
        yield pa.RecordBatch.from_arrays(arrays, schema=schema)
