"""PostgreSQL: one read-only transaction for all SELECTs, so that they see one moment; rows by a cursor of the server."""

from __future__ import annotations

import json
from collections.abc import Generator, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, date, datetime
from typing import Any

import psycopg
import pyarrow as pa
from psycopg import sql
from psycopg.types.datetime import DateLoader, TimestampLoader, TimestamptzLoader
from psycopg.types.json import set_json_loads

from tocsin.core.errors import UserError
from tocsin.core.schema import COLLECTIONS
from tocsin.facts.importing.sources import shown
from tocsin.facts.pulling.marks import FIRST_NUMBER, FIRST_TIME, Since
from tocsin.facts.pulling.places import PostgresPlace
from tocsin.facts.pulling.queries import Query
from tocsin.facts.pulling.shapes import UnreachableError

ROWS = 10_000
# A connection that has died is noticed within a minute, a statement that hangs within an hour.
OPTIONS: dict[str, Any] = {
    "connect_timeout": 10, "application_name": "tocsin", "keepalives": 1, "keepalives_idle": 20, "keepalives_interval": 10,
    "keepalives_count": 3, "tcp_user_timeout": 60_000,
}  # fmt: skip
SESSION = "SET TimeZone = 'UTC'; SET DateStyle = 'ISO'; SET IntervalStyle = 'postgres'; SET statement_timeout = '1h'"
_BOOLEAN, _NUMERIC = 16, 1700
_INTEGERS, _FRACTIONS = (20, 21, 23, 26), (700, 701)
_DATE, _TIMESTAMP, _TIMESTAMPTZ = 1082, 1114, 1184
_TEXTS = (18, 19, 25, 1042, 1043, 2950)


@contextmanager
def opened(place: PostgresPlace) -> Iterator[Postgres]:
    """The database; UnreachableError where it cannot be reached."""
    try:
        connection = psycopg.connect(**{**OPTIONS, **place.given})
    except psycopg.Error as error:
        raise UnreachableError(
            f"{place.shown} cannot be reached: {_said(error, place)}; check that it runs, its address, name and password"
        ) from error
    try:
        _settle(connection)
        yield Postgres(connection, place)
    except psycopg.OperationalError as error:
        raise UnreachableError(f"{place.shown} does not answer any more: {_said(error, place)}") from error
    finally:
        connection.close()


class Postgres:
    """An opened database."""

    def __init__(self, connection: psycopg.Connection[Any], place: PostgresPlace) -> None:
        self._connection, self._place = connection, place

    def batches(self, query: Query, since: Since | None, cursor: str | None) -> Generator[pa.RecordBatch, None, None]:
        """The rows of a SELECT."""
        text = query.written("%(since)s", doubled="%") if query.incremental else query.text
        given: dict[str, Any] | None = None
        try:
            if query.incremental:
                given = {"since": self._least(text, cursor) if since is None else since}
            with self._connection.cursor(name="tocsin") as rows:
                rows.itersize = ROWS
                rows.execute(_wrapped(text), given)
                schema, kinds = _schema(rows.description or (), query.collection)
                portion = rows.fetchmany(ROWS)
                while True:
                    yield _batch(portion, schema, kinds)
                    portion = rows.fetchmany(ROWS)
                    if not portion:
                        return
        except psycopg.OperationalError:
            raise
        except psycopg.Error as error:
            raise UserError(
                f"{_place(query, error)} does not run on {self._place.shown}: {_said(error, self._place)}"
            ) from error

    def _least(self, text: str, cursor: str | None) -> Since:
        """The least value that the cursor column can have, by its type."""
        with self._connection.cursor() as rows:
            rows.execute(sql.SQL("{} LIMIT 0").format(_wrapped(text)), {"since": None})
            types = {each.name: each.type_code for each in rows.description or ()}
        kind = types.get(cursor or "")
        if kind in (*_INTEGERS, *_FRACTIONS, _NUMERIC):
            return FIRST_NUMBER
        return FIRST_TIME if kind in (_DATE, _TIMESTAMP, _TIMESTAMPTZ) else ""


def _wrapped(text: str) -> sql.SQL:
    """A SELECT and nothing else: what is not one does not run in the place of a table."""
    return sql.SQL(f"SELECT * FROM (\n{text}\n) AS pulled")


def _settle(connection: psycopg.Connection[Any]) -> None:
    connection.autocommit = True
    connection.execute(SESSION)
    connection.autocommit = False
    connection.read_only = True
    connection.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
    set_json_loads(_as_text, connection)
    for name, loader in (("timestamptz", _Instant), ("timestamp", _Timestamp), ("date", _Day)):
        connection.adapters.register_loader(name, loader)


def _as_text(value: str | bytes) -> str:
    return value.decode() if isinstance(value, bytes) else value


def _schema(description: Sequence[psycopg.Column], collection: str) -> tuple[pa.Schema, list[str]]:
    """The columns as they are held, and how each cell gets there: as it is, as a number, or as text."""
    declared = COLLECTIONS[collection]
    fields, kinds = [], []
    for each in description:
        code = each.type_code
        number = code == _NUMERIC and each.name in declared and declared.column(each.name).type == "number"
        found, kind = (
            (pa.bool_(), "") if code == _BOOLEAN
            else (pa.int64(), "") if code in _INTEGERS
            else (pa.float64(), "number") if code in _FRACTIONS or number
            else (pa.timestamp("us", "UTC"), "") if code == _TIMESTAMPTZ
            else (pa.timestamp("us"), "") if code == _TIMESTAMP
            else (pa.date32(), "") if code == _DATE
            else (pa.string(), "text")
        )  # fmt: skip
        fields.append(pa.field(each.name, found))
        kinds.append(kind)
    return pa.schema(fields), kinds


def _batch(rows: Sequence[Sequence[Any]], schema: pa.Schema, kinds: Sequence[str]) -> pa.RecordBatch:
    arrays = []
    for at, (field, kind) in enumerate(zip(schema, kinds, strict=True)):
        cells = [row[at] for row in rows]
        if kind == "text":
            cells = [None if cell is None else _text(cell) for cell in cells]
        elif kind == "number":
            cells = [None if cell is None else float(cell) for cell in cells]
        arrays.append(pa.array(cells, field.type))
    return pa.RecordBatch.from_arrays(arrays, schema=schema)


def _text(cell: Any) -> str:
    if isinstance(cell, str):
        return cell
    if isinstance(cell, list | dict):
        return json.dumps(cell, default=str)
    return cell.hex() if isinstance(cell, bytes | memoryview) else str(cell)


def _place(query: Query, error: psycopg.Error) -> str:
    """The file, and the line where the server says where."""
    position = error.diag.statement_position
    place = shown(query.file)
    if position is None or not position.isdigit():
        return place
    # One line of ours stands before the SELECT; a cursor's declaration stands before that, on the same line.
    sent = f"SELECT * FROM (\n{query.written('$1')}"
    return f"{place}, line {max(1, sent.count(chr(10), 0, max(0, int(position) - 1 - _AHEAD)))},"


_AHEAD = len('DECLARE "tocsin" CURSOR FOR ')


def _said(error: Exception, place: PostgresPlace) -> str:
    """The first line of what the server or the library says, without a password."""
    diag = getattr(error, "diag", None)
    text = (diag.message_primary if diag is not None else None) or str(error).strip().split("\n", 1)[0]
    text = " ".join(text.split())[:300]
    return text.replace(place.password, "***") if place.password else text


class _Instant(TimestamptzLoader):
    def load(self, data: Any) -> datetime:
        return _bounded(data, super().load).replace(tzinfo=UTC) if _is_odd(data) else super().load(data).astimezone(UTC)


class _Timestamp(TimestampLoader):
    def load(self, data: Any) -> datetime:
        return _bounded(data, super().load) if _is_odd(data) else super().load(data)


class _Day(DateLoader):
    def load(self, data: Any) -> date:
        return _bounded(data, super().load).date() if _is_odd(data) else super().load(data)


def _is_odd(data: Any) -> bool:
    """Infinity, the years before 1 and those after 9999, which the database knows and nobody else."""
    text = bytes(data)
    return text[:1] in (b"i", b"-") or text.endswith(b"BC") or text[4:5] != b"-"


def _bounded(data: Any, _load: Any) -> datetime:
    text = bytes(data)
    early = text[:1] == b"-" or text.endswith(b"BC")
    return datetime(1, 1, 1) if early else datetime(9999, 12, 31)  # noqa: DTZ001 - its zone is the caller's matter
