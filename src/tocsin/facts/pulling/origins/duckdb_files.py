"""A DuckDB file of somebody else: read only, and its SELECTs reach nothing beside it."""

from __future__ import annotations

from collections.abc import Generator, Iterator
from contextlib import contextmanager
from pathlib import Path

import duckdb
import pyarrow as pa

from tocsin.core.errors import UserError
from tocsin.facts.duckdb import CONFIG, one_line, settle_session
from tocsin.facts.importing.sources import shown
from tocsin.facts.pulling.marks import FIRST_NUMBER, FIRST_TIME, Since
from tocsin.facts.pulling.places import FilePlace
from tocsin.facts.pulling.queries import Query
from tocsin.facts.pulling.shapes import UnreachableError

ROWS = 50_000


@contextmanager
def opened(place: FilePlace) -> Iterator[DuckFile]:
    """The file; UnreachableError where it cannot be opened."""
    path = place.path
    if not path.is_file():
        raise UnreachableError(f"{place.shown} cannot be read: there is no such file")
    try:
        connection = duckdb.connect(str(path), read_only=True, config=CONFIG)
    except duckdb.Error as error:
        why = "another process writes to it" if "lock" in str(error).lower() else one_line(error)
        raise UnreachableError(f"{place.shown} cannot be opened: {why}") from error
    try:
        settle_session(connection)
        connection.execute("SET enable_external_access = false; SET lock_configuration = true; BEGIN TRANSACTION")
        yield DuckFile(connection, place)
    finally:
        connection.close()


class DuckFile:
    """An opened file."""

    def __init__(self, connection: duckdb.DuckDBPyConnection, place: FilePlace) -> None:
        self._connection, self._place = connection, place

    def batches(self, query: Query, since: Since | None, cursor: str | None) -> Generator[pa.RecordBatch, None, None]:
        """The rows of a SELECT."""
        text = f"SELECT * FROM (\n{query.written('$since')}\n) AS pulled"
        try:
            given = None
            if query.incremental:
                given = {"since": self._least(text, cursor) if since is None else since}
            reader: pa.RecordBatchReader = self._connection.execute(text, given).to_arrow_reader(ROWS)
            yield pa.RecordBatch.from_pylist([], schema=reader.schema)
            yield from reader
        except duckdb.IOException as error:
            raise UnreachableError(f"{self._place.shown} cannot be read: {one_line(error)}") from error
        except duckdb.Error as error:
            raise _failed(query.file, self._place, error) from error

    def _least(self, text: str, cursor: str | None) -> Since:
        """The least value that the cursor column can have, by its type."""
        found = self._connection.execute(f"{text} LIMIT 0", {"since": None}).description or []
        kinds = {each[0]: str(each[1]) for each in found}
        kind = kinds.get(cursor or "", "")
        if kind.startswith(("TIMESTAMP", "DATE")):
            return FIRST_TIME
        return "" if kind == "VARCHAR" else FIRST_NUMBER


def _failed(file: Path, place: FilePlace, error: duckdb.Error) -> UserError:
    return UserError(f"{shown(file)} does not run on {place.shown}: {one_line(error)}")
