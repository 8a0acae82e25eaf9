"""JSON lines: one object a line; the row as received is the line itself."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import duckdb

from tocsin.core.errors import UserError
from tocsin.core.schema import Collection
from tocsin.facts.importing.batches import Record, fill_table
from tocsin.facts.importing.columns import Reading, match_columns
from tocsin.facts.importing.csv_files import scan
from tocsin.facts.importing.raw import Raw, RawColumn
from tocsin.facts.importing.sources import shown
from tocsin.facts.layout import literal

LONGEST_LINE = 2_000_000
_CUT = 1_000


def read_jsonl(
    cursor: duckdb.DuckDBPyConnection, file: Path, shown_as: Path, collection: Collection, reading: Reading, table: str
) -> Raw:
    """The objects of a file of JSON lines in a temporary table.

    A line that is no object is a rejected row. UserError where no line is one that has the required columns.
    """
    lines = _load(cursor, file, f"{table}_lines")
    keys = _keys(cursor, f"{table}_lines")
    if not keys and cursor.execute(f"SELECT 1 FROM {table}_lines LIMIT 1").fetchone() is not None:
        keys = list(collection.names)  # not one object: every line is rejected for what it is
    elif not keys:
        raise UserError(f"{shown(shown_as)} is empty; write one JSON object a line")
    columns, notes = match_columns(keys, collection, shown_as, reading)
    # What has no name is nothing, as a column without a heading is in other files.
    named = [column for column in columns if column.name]
    kept = [column for column in named if column.name in collection or collection.custom or column.name == "updated_at"]
    cells = ", ".join(f"{_cell(column)} AS {column.held}" for column in kept)
    problem = (
        "CASE WHEN problem IS NOT NULL THEN problem WHEN NOT json_valid(document) THEN 'the line is no valid JSON' "
        "WHEN json_type(TRY_CAST(document AS JSON)) IS DISTINCT FROM 'OBJECT' THEN 'the line is no JSON object' END"
    )
    cursor.execute(
        f"CREATE OR REPLACE TEMP TABLE {table} AS SELECT {cells}{', ' if cells else ''}document, {problem} AS problem, given "
        f"{'' if lines else ', line'} "
        f"FROM (SELECT *, TRY_CAST(document AS JSON) AS object FROM {table}_lines)"
    )
    cursor.execute(f"DROP TABLE {table}_lines")
    return Raw(collection, str(shown_as), table, kept, marked=True, line_of=lines, document="document", notes=notes)


def _cell(column: RawColumn) -> str:
    path = '$."' + column.source.replace("\\", "\\\\").replace('"', '\\"') + '"'
    return f"CASE WHEN json_type(object) = 'OBJECT' THEN json_extract_string(object, {literal(path)}) END"


def _keys(cursor: duckdb.DuckDBPyConnection, table: str) -> list[str]:
    """The keys of all objects, in the order in which they first stand."""
    rows = cursor.execute(
        f"SELECT name FROM (SELECT unnest(json_keys(object)) AS name, ord FROM (SELECT TRY_CAST(document AS JSON) AS object, "
        f"rowid AS ord FROM {table}) WHERE json_type(object) = 'OBJECT') GROUP BY name ORDER BY min(ord), name"
    ).fetchall()
    return [row[0] for row in rows]


def _load(cursor: duckdb.DuckDBPyConnection, file: Path, table: str) -> _Lines | None:
    """The lines that are not blank; where they hold no line numbers, who can tell these."""
    seen = scan(file)
    if seen.encoding == "utf-8" and not seen.nuls and seen.one_kind:
        # Two control characters that JSON cannot hold as they are keep the reader from splitting and from nulls.
        options = (
            "columns={'document': 'VARCHAR'}, delim='\x1f', quote='', escape='', nullstr='\x1e', header=false, "
            f"auto_detect=false, max_line_size={LONGEST_LINE}, compression='none'"
        )
        try:
            cursor.execute(
                f"CREATE OR REPLACE TEMP TABLE {table} AS SELECT document, CAST(NULL AS VARCHAR) AS problem, "
                f"CAST(NULL AS VARCHAR) AS given FROM read_csv({literal(str(file))}, {options})"
            )
        except (duckdb.InvalidInputException, duckdb.ConversionException, duckdb.OutOfRangeException):
            pass  # a line that only the patient reader can take
        else:
            return _Lines(file, seen.ends)
    fill_table(cursor, table, _records(file, seen.encoding), ["document"])
    return None


def _records(file: Path, encoding: str) -> Iterator[Record]:
    """The lines one by one, those that cannot be read with the reason."""
    if encoding.startswith("utf-16"):
        text = file.read_text(encoding, "replace")
        yield from (Record(number, [line]) for number, line in enumerate(text.splitlines(), 1) if line.strip())
        return
    with file.open("rb") as stream:
        number = 0
        while line := stream.readline(LONGEST_LINE):
            number += 1
            if len(line) >= LONGEST_LINE and not line.endswith(b"\n"):
                beginning = json.dumps(line[:_CUT].decode("utf-8", "replace"))
                while (rest := stream.readline(LONGEST_LINE)) and not rest.endswith(b"\n"):
                    continue
                yield Record(number, problem=f"the line is longer than {LONGEST_LINE:,} bytes", text=beginning)
                continue
            line = line.removeprefix(b"\xef\xbb\xbf") if number == 1 else line
            if not line.strip():
                continue
            try:
                yield Record(number, [line.decode("utf-8").strip("\r\n")])
            except UnicodeDecodeError:
                shown_as = json.dumps(line[:_CUT].decode("utf-8", "backslashreplace"))
                yield Record(number, problem="the line is not UTF-8", text=shown_as)


class _Lines:
    """The physical lines of rows, found only when somebody asks."""

    def __init__(self, file: Path, ends: int) -> None:
        self.file, self.ends = file, ends

    def __call__(self, rows: Sequence[int], total: int) -> Mapping[int, int]:
        if self.ends == total:
            return {row: row + 1 for row in rows}
        wanted, found, number = set(rows), {}, 0
        with self.file.open("rb") as stream:
            for line, text in enumerate(stream, 1):
                if not text.strip(b"\r\n"):
                    continue
                if number in wanted:
                    found[number] = line
                number += 1
        return found
