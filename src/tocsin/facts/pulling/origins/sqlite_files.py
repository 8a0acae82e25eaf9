"""An SQLite file, opened for reading alone. Cells are texts, as its columns may hold anything; the cursor keeps its kind."""

from __future__ import annotations

import sqlite3
from collections.abc import Generator, Iterator, Sequence
from contextlib import closing, contextmanager
from datetime import UTC, datetime, time
from typing import Any
from urllib.parse import quote

import pyarrow as pa

from tocsin.core.errors import UserError
from tocsin.facts.importing.sources import shown
from tocsin.facts.pulling.marks import FIRST_NUMBER, Since
from tocsin.facts.pulling.places import FilePlace
from tocsin.facts.pulling.queries import Query
from tocsin.facts.pulling.shapes import UnreachableError

ROWS = 10_000
WAIT = 20.0  # seconds for another who writes


@contextmanager
def opened(place: FilePlace) -> Iterator[SqliteFile]:
    """The file; UnreachableError where it cannot be opened."""
    try:
        connection = sqlite3.connect(
            f"file:{quote(str(place.path))}?mode=ro", uri=True, timeout=WAIT, isolation_level=None, check_same_thread=False
        )
    except sqlite3.Error as error:
        raise UnreachableError(f"{place.shown} cannot be opened: {error}") from error
    with closing(connection):
        connection.text_factory = lambda text: text.decode("utf-8", "replace")
        try:
            connection.execute("PRAGMA query_only = ON")
            connection.execute("BEGIN")
            connection.execute("SELECT count(*) FROM sqlite_master").fetchone()
        except sqlite3.Error as error:
            raise UnreachableError(f"{place.shown} cannot be read: {error}") from error
        yield SqliteFile(connection, place)


class SqliteFile:
    """An opened file; the transaction holds all that is read to one moment."""

    def __init__(self, connection: sqlite3.Connection, place: FilePlace) -> None:
        self._connection, self._place = connection, place

    def batches(self, query: Query, since: Since | None, cursor: str | None) -> Generator[pa.RecordBatch, None, None]:
        """The rows of a SELECT."""
        given: dict[str, Any] = {}
        if query.incremental:
            # A number comes before every text, and becomes a text that begins with a sign where a column holds texts.
            given = {"since": FIRST_NUMBER if since is None else _plain(since)}
        try:
            with closing(self._connection.execute(f"SELECT * FROM (\n{query.text}\n) AS pulled", given)) as rows:
                names = [each[0] for each in rows.description]
                kind: pa.DataType | None = None
                portion = rows.fetchmany(ROWS)
                while True:
                    arrays = []
                    for at, name in enumerate(names):
                        cells = [row[at] for row in portion]
                        if name == cursor:
                            kind = kind or _kind(cells)
                            arrays.append(_cursor(cells, kind, query, name))
                        else:
                            arrays.append(pa.array([_text(cell) for cell in cells], pa.string()))
                    yield pa.RecordBatch.from_arrays(arrays, names=names)
                    portion = rows.fetchmany(ROWS)
                    if not portion:
                        return
        except sqlite3.Error as error:
            locked = "locked" in str(error) or "busy" in str(error) or "disk I/O" in str(error)
            said = f"{shown(query.file)} does not run on {self._place.shown}: {error}"
            raise (UnreachableError if locked else UserError)(said) from error


def _plain(since: Since) -> int | float | str:
    """What `:since` is here: a time is a text that comes before all texts of that time, however they are written."""
    if not isinstance(since, datetime):
        return since
    at = since.astimezone(UTC).replace(tzinfo=None)
    return at.date().isoformat() if at.time() == time.min else at.isoformat(" ", "seconds")


def _kind(cells: Sequence[Any]) -> pa.DataType | None:
    first = next((cell for cell in cells if cell is not None), None)
    return (
        None
        if first is None
        else pa.int64()
        if isinstance(first, int)
        else pa.float64()
        if isinstance(first, float)
        else pa.string()
    )


def _cursor(cells: Sequence[Any], kind: pa.DataType | None, query: Query, name: str) -> pa.Array:
    try:
        return pa.array(cells, kind or pa.string())
    except (pa.ArrowInvalid, pa.ArrowTypeError) as error:
        raise UserError(
            f"{shown(query.file)}: the cursor column {name} holds both numbers and texts; cast it to one of them"
        ) from error


def _text(cell: Any) -> str | None:
    if cell is None or isinstance(cell, str):
        return cell
    if isinstance(cell, bytes):
        return cell.hex()
    if isinstance(cell, float) and cell.is_integer() and abs(cell) < 1e15:
        return str(int(cell))
    return str(cell)
