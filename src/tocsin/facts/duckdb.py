"""The embedded store: customer facts in one DuckDB file, owned by one process, read and written from many threads."""

from __future__ import annotations

import os
import stat
import threading
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import duckdb
import pyarrow as pa

from tocsin.core.errors import UserError
from tocsin.core.schema import COLLECTIONS
from tocsin.facts import rollup
from tocsin.facts.alerts_in import record
from tocsin.facts.arrived import Arrived
from tocsin.facts.breathing import breathe
from tocsin.facts.history import follow_zone
from tocsin.facts.layout import check_layout, literal, quote
from tocsin.facts.reached import DuckReached
from tocsin.facts.scores import DuckScores

# Nothing is fetched at run time: what the library does not bring along is not used.
CONFIG: dict[str, str | bool | int | float | list[str]] = {
    "autoinstall_known_extensions": "false",
    "autoload_known_extensions": "false",
}

# Said of each answer that is copied once more, which `small` ones are on purpose.
warnings.filterwarnings("ignore", message="Arrow output on a DB-API result", category=UserWarning)

# DuckDB 2.0 can fail on a valid statement when its statistics prove a branch of a CASE constant; without them it answers.
_OPTIMIZER_FAULT = "did not return a BoundFunctionExpression"


MOST_IDLE = 8  # cursors
# Up to a million groups (people) by their keys; the places of one grouping then take up to about 100 MB for each thread.
GROUP_BITS = 20


@dataclass
class News:
    """What a transaction changes. any: the facts; beside_events: any but the events; events: the earliest start of its events.

    events: in UTC; None where none was stored, or where it is not known.
    """

    any: bool = True
    beside_events: bool = True
    events: datetime | None = None


class DuckStore:
    """Customer facts in a DuckDB file; `facts.store.Store` in the embedded form.

    path:             the file, made where it does not exist (`:memory:` for a store that lives as long as the object).
    zone:             the workspace's time zone: calendar days, bare dates in time columns.
    currency:         the reporting currency, or None where amounts are in one currency.
    internal_domains: domains of e-mail addresses whose people are our own and left out.

    `generation` counts the changes of the facts, `generation_beside_events` those of anything but the events: what reads no
    event stands while events come in.
    """

    def __init__(
        self,
        path: Path | str,
        zone: ZoneInfo,
        *,
        currency: str | None = None,
        internal_domains: Sequence[str] = (),
    ) -> None:
        self.path = Path(path)
        self._zone = zone
        self.currency = currency
        self.internal_domains = tuple(domain.strip().lower().lstrip("@") for domain in internal_domains if domain.strip())
        self._writing = threading.RLock()
        self._opening = threading.Lock()
        self._idle: list[duckdb.DuckDBPyConnection] = []  # cursors that wait for their next query
        self.generation = self.generation_beside_events = 0
        self._arrived = Arrived()
        self.scores = DuckScores(self)
        self.reached = DuckReached(self)
        self._connection = _connect(self.path)
        try:
            cursor = self.cursor()
            check_layout(cursor, str(self.path))
            _check_zone(cursor, zone)
            follow_zone(cursor, zone)
        except duckdb.Error as error:
            self._connection.close()
            raise UserError(f"the facts in {self.path} cannot be used: {one_line(error)}") from error
        except UserError:
            self._connection.close()
            raise

    @property
    def dialect(self) -> str:
        """The SQL dialect of the store, as SQLGlot names it."""
        return "duckdb"

    @property
    def zone(self) -> ZoneInfo:
        """The workspace's time zone."""
        return self._zone

    def cursor(self) -> duckdb.DuckDBPyConnection:
        """A connection of its own to the same data, in UTC, for one thread; the facts room alone writes through it."""
        with self._opening:
            cursor = self._connection.cursor()
        settle_session(cursor)
        return cursor

    def query(
        self,
        sql: str,
        parameters: Sequence[Any] = (),
        *,
        tables: Mapping[str, pa.Table] | None = None,
        small: bool = False,
    ) -> pa.Table:
        """The rows of a SELECT as an Arrow table; sees everything that was committed before the call.

        tables: more tables that the SELECT can name, for this call alone.
        small:  the answer is small beside the SELECT: it is copied once more, and a long SELECT is read in half the time.
        """
        breathe()
        with self._borrowed(again=not tables) as cursor:
            for name, table in (tables or {}).items():
                cursor.register(name, table)
            try:
                if small:
                    return cursor.execute(sql, list(parameters)).to_arrow_table()
                return cursor.sql(sql, params=list(parameters)).to_arrow_table()
            except duckdb.Error as error:
                if _OPTIMIZER_FAULT not in str(error):
                    raise
                cursor.execute("SET disabled_optimizers = 'statistics_propagation'")
                found = cursor.sql(sql, params=list(parameters)).to_arrow_table()
                cursor.execute("RESET disabled_optimizers")
                return found

    @contextmanager
    def _borrowed(self, *, again: bool = True) -> Iterator[duckdb.DuckDBPyConnection]:
        """A cursor for one query; afterwards the next one has it, unless it failed. Making one takes longer than most queries.

        again: False where the query leaves something behind in it.
        """
        try:
            cursor = self._idle.pop()
        except IndexError:
            cursor = self.cursor()
        try:
            yield cursor
        except BaseException:
            again = False
            raise
        finally:
            if again and len(self._idle) < MOST_IDLE:
                self._idle.append(cursor)
            else:
                cursor.close()

    @contextmanager
    def write(
        self, *, keep: bool = True, news: bool | News = True, cursor: duckdb.DuckDBPyConnection | None = None
    ) -> Iterator[duckdb.DuckDBPyConnection]:
        """A cursor inside the one transaction that may write now; committed at the end, undone on any error.

        keep:   False undoes everything at the end as well (a dry run).
        news:   False where it only keeps what follows from the facts, or what the product itself did: no new generation.
                `News` where that is known at the end only.
        cursor: one made before, whose temporary tables the transaction needs.
        UserError where the disk is full or the like.
        """
        with self._writing:
            given = self.cursor() if cursor is None else cursor
            try:
                given.execute("BEGIN")
                try:
                    yield given
                except BaseException:
                    _undo(given)
                    raise
                given.execute("COMMIT" if keep else "ROLLBACK")
                self._guard_log()
                told = news if isinstance(news, News) else News(news, news)
                if told.events is not None:  # before the generation, so that nobody takes it for one without them
                    self._arrived.note(self.generation + 1, told.events)
                self.generation_beside_events += told.beside_events
                self.generation += told.any
            except (duckdb.IOException, duckdb.OutOfMemoryException, OSError) as error:
                raise UserError(f"the facts in {self.path} could not be written: {one_line(error)}") from error
            finally:
                if cursor is None:
                    given.close()

    def record(self, account_id: str, field: str, entries: Sequence[tuple[str | None, datetime]], *, after: datetime) -> None:
        """Put entries (value, from when on) into the history of an account's attribute, in place of those from a moment on.

        UserError where there is no such account.
        """
        from tocsin.facts.recording import record

        record(self, account_id, field, entries, after=after)

    def attributes(self, collection: str) -> dict[str, str]:
        """Name -> type of the attributes of `accounts` or `people` that are typed by their values.

        tier, risk and all custom attributes, those known from history only included. Types: boolean, number, date, time,
        text, or unknown where there is no value yet.
        """
        declared = {column.name: "unknown" for column in COLLECTIONS[collection] if column.type == "any"}
        rows = self._rows(f"SELECT name, type FROM attribute_types WHERE collection = {literal(collection)} ORDER BY name")
        return declared | dict(rows)

    def converts_money(self) -> bool:
        """Whether there are exchange rates, so that amounts are converted before they are added."""
        return bool(self._rows("SELECT 1 FROM rates LIMIT 1"))

    def events_since(self, generation: int) -> datetime | None:
        """Events that came in after a generation all start later than this (UTC), as long as `generation_beside_events` stands.

        None where none came in.
        """
        return self._arrived.since(generation)

    def rollup_borders(self) -> tuple[datetime, ...]:
        """Up to when old events can be read from the rollup (`facts.rollup`), ascending (UTC); none where there is none."""
        with self._borrowed() as cursor:
            return tuple(each.replace(tzinfo=UTC) for each in rollup.borders(cursor))

    def roll_up(self, now: datetime) -> None:
        """Make the rollup of old events anew from the events, as of now (UTC); the same comes of it."""
        with self.write(news=False) as cursor:
            rollup.rebuild(cursor, now)

    def counts(self) -> dict[str, int]:
        """Rows in each collection."""
        parts = [f"SELECT {literal(name)}, count(*) FROM {quote(name)}" for name in COLLECTIONS]
        return dict(self._rows(" UNION ALL ".join(parts)))

    def latest_start(self, collection: str, until: datetime | None = None) -> datetime | None:
        """The latest start of a row of a collection (at or before a moment, where one is given): how fresh it is.

        None where the collection has no row with a start. A date starts at the beginning of that day in the zone.
        """
        start = self._start(collection)
        if start is None:
            return None
        limit = "" if until is None else f" WHERE {start} <= {literal(_plain(until))}::TIMESTAMP"
        found = self._rows(f"SELECT max({start}) FROM {quote(collection)}{limit}")[0][0]
        return None if found is None else found.replace(tzinfo=UTC)

    def earliest_start(self, collection: str) -> datetime | None:
        """The earliest start of a row of a collection; None where there is none."""
        start = self._start(collection)
        found = None if start is None else self._rows(f"SELECT min({start}) FROM {quote(collection)}")[0][0]
        return None if found is None else found.replace(tzinfo=UTC)

    def minutes_since(self, enough: datetime) -> datetime | None:
        """From when on events give minutes, None where none does; where one does by `enough`, the start of any such one."""
        given = 'FROM events WHERE "minutes" IS NOT NULL'
        # The first one that is come upon ends the search; where none gives any, the statistics of the column say so.
        early = self._rows(f'SELECT "at" {given} AND "at" <= TIMESTAMP {literal(_plain(enough))} LIMIT 1')
        found = early[0][0] if early else self._rows(f'SELECT min("at") {given}')[0][0]
        return None if found is None else found.replace(tzinfo=UTC)

    def _start(self, collection: str) -> str | None:
        """The instant at which a row of a collection starts, as SQL; None where its rows have no start."""
        declared = COLLECTIONS[collection]
        if declared.start is None:
            return None
        start = quote(declared.start)
        if declared.column(declared.start).type == "date":
            return f"(CAST({start} AS TIMESTAMP) AT TIME ZONE {literal(self.zone.key)}) AT TIME ZONE 'UTC'"
        return start

    def last_moment(self, now: datetime) -> datetime | None:
        """The latest start of any row that lies at or before now: the last instant that the facts speak of."""
        found = [self.latest_start(name, now) for name in COLLECTIONS if name != "alerts"]  # those are of our own making
        return max((moment for moment in found if moment is not None), default=None)

    def keep_alerts(self, rows: Sequence[Mapping[str, Any]]) -> None:
        """Write rows of the collection `alerts` over those of the same id."""
        record(self, rows)

    def checkpoint(self) -> None:
        """Move what was written from the log into the file proper."""
        with self._writing:
            self._rows("CHECKPOINT")

    def close(self) -> None:
        """Let go of the file; the store cannot be used afterwards."""
        while self._idle:
            self._idle.pop().close()
        self._connection.close()

    def _guard_log(self) -> None:
        """Let nobody read the log who may not read the file: DuckDB makes it anew again and again, for all to read."""
        log = self.path.with_name(self.path.name + ".wal")
        if log.exists():
            log.chmod(stat.S_IMODE(self.path.stat().st_mode))

    def _rows(self, sql: str) -> list[tuple[Any, ...]]:
        with self._borrowed() as cursor:
            return cursor.execute(sql).fetchall()


def settle_session(connection: duckdb.DuckDBPyConnection) -> None:
    """UTC; no progress bar, which would be drawn among the data; no tables out of the variables of this program.

    Groups that are told apart by few bits have a place each, which is found without hashing.
    """
    connection.execute("SET TimeZone = 'UTC'; SET enable_progress_bar = false; SET python_enable_replacements = false")
    connection.execute(f"SET perfect_ht_threshold = {GROUP_BITS}")


def one_line(error: BaseException) -> str:
    """The first line of an error's text, without the library's pointers and links."""
    text = str(error).strip().split("\n", 1)[0]
    return text.split(". See also", 1)[0].rstrip(".")[:300]


def _plain(moment: datetime) -> str:
    """An instant as DuckDB's TIMESTAMP text, in UTC."""
    return moment.astimezone(UTC).replace(tzinfo=None).isoformat(sep=" ")


def _undo(cursor: duckdb.DuckDBPyConnection) -> None:
    """Roll back; where the engine has already given the transaction up there is nothing left to undo."""
    try:
        cursor.execute("ROLLBACK")
    except duckdb.TransactionException:
        return


def _connect(path: Path) -> duckdb.DuckDBPyConnection:
    """The connection to the file, made for its owner alone where it is missing; UserError where it cannot be opened."""
    where = str(path)
    try:
        if where == ":memory:" or path.exists():
            return duckdb.connect(where, config=CONFIG)
        before = os.umask(0o077)
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            return duckdb.connect(where, config=CONFIG)
        finally:
            os.umask(before)
    except OSError as error:
        raise UserError(
            f"the folder {path.parent} cannot be written: {error.strerror}; set TOCSIN_HOME to one that can"
        ) from error
    except duckdb.Error as error:
        text = one_line(error)
        if "lock" in text.lower():
            hint = "another process holds it; stop that process, or run the command beside the running server"
        elif "not a valid DuckDB" in text or "orrupt" in text or "checksum" in text.lower():
            hint = "it is damaged or no DuckDB file; restore it from a copy, or move it away and import again"
        else:
            hint = f"{text}; check that the home exists and can be written"
        raise UserError(f"the facts in {path} cannot be opened: {hint}") from error


def _check_zone(cursor: duckdb.DuckDBPyConnection, zone: ZoneInfo) -> None:
    """UserError where DuckDB does not know the workspace's time zone."""
    try:
        cursor.execute(f"SELECT TIMESTAMP '2024-01-01' AT TIME ZONE {literal(zone.key)} IS NULL").fetchall()
    except duckdb.Error as error:
        raise UserError(
            f"the store knows no time zone {zone.key!r}; set TOCSIN_TIMEZONE to an IANA name such as UTC"
        ) from error
