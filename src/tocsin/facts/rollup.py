"""The rollup of old events: first, last and how many, so that history that no window reaches is not read again and again.

`events_rollup` has a row per account, name, kind, feature, whether one of our own people did it (`ours`), and stretch of
time; `events_rollup_people` one per person, kind and stretch. A stretch ends with a *border* (`upto`, itself included), and
all events at or before the latest border are in the rollup, whenever they arrived: what starts later is read from the events.
So a reader takes the rows up to one border, and events after it, and sees each event once; it may take any border there is.

Borders are starts of days, `BEHIND` the clock and the newest event, so that what arrives as it happens is not in the rollup
yet and costs nothing. Who stores, changes or hands over events says so here, in the same transaction.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import duckdb

BEHIND = timedelta(days=7)
MOST_BORDERS = 8  # beyond that, all stretches but the last two become one; a reader may still hold the one before the last
TABLES = (
    (
        "CREATE TABLE IF NOT EXISTS events_rollup (account_key INTEGER, ours BOOLEAN, name VARCHAR, kind VARCHAR, "
        "feature VARCHAR, upto TIMESTAMP, first_at TIMESTAMP, last_at TIMESTAMP, n BIGINT)"
    ),
    (
        "CREATE TABLE IF NOT EXISTS events_rollup_people (person_key INTEGER, kind VARCHAR, upto TIMESTAMP, "
        "first_at TIMESTAMP, last_at TIMESTAMP, n BIGINT)"
    ),
    "CREATE TABLE IF NOT EXISTS events_rollup_borders (upto TIMESTAMP)",
)
# Kept -> (what tells its rows apart, besides the stretch; which events it counts; what it is kept per).
_KEPT = {
    "events_rollup": ("account_key, ours, name, kind, feature", "true", "account_key"),
    "events_rollup_people": ("person_key, kind", "person_key IS NOT NULL", "person_key"),
}
_OURS = "coalesce(person_key IN (SELECT key FROM people WHERE left_out), false) AS ours"


def borders(cursor: duckdb.DuckDBPyConnection) -> list[datetime]:
    """The borders up to which the rollup can be read, ascending (UTC, no zone); none where there is no rollup yet."""
    return [row[0] for row in cursor.execute("SELECT upto FROM events_rollup_borders ORDER BY upto").fetchall()]


def added(cursor: duckdb.DuckDBPyConnection, rows: str, earliest: datetime | None = None) -> None:
    """Count events that are being stored: a SELECT of account_key, person_key, name, kind, feature and at.

    earliest: the earliest of them (UTC), where it is known: what is not old yet is not in the rollup.
    """
    known = borders(cursor)
    if known and (earliest is None or earliest.astimezone(UTC).replace(tzinfo=None) <= known[-1]):
        _count(cursor, rows, known)


def changing(cursor: duckdb.DuckDBPyConnection, rows: str, parameters: Sequence[object] = ()) -> bool:
    """Note whose stored events are about to change, or have changed: a SELECT of account_key, person_key and at.

    Call it with the rows as they were and as they will be, then change the events, then call `changed`. Gives whether any of
    them is in the rollup; else neither has to be called again.
    """
    known = borders(cursor)
    if not known:
        return False
    cursor.execute("CREATE TEMP TABLE IF NOT EXISTS rollup_changing (account_key INTEGER, person_key INTEGER)")
    cursor.execute(
        "INSERT INTO rollup_changing SELECT DISTINCT account_key, person_key "
        f'FROM ({rows}) WHERE "at" <= {_literal(known[-1])}',
        list(parameters),
    )
    return cursor.execute("SELECT 1 FROM rollup_changing LIMIT 1").fetchone() is not None


def handing_over(cursor: duckdb.DuckDBPyConnection, keys: str) -> bool:
    """As `changing`, of all events of some people that become others': a SELECT of (person_key, the other's person_key)."""
    if not borders(cursor):
        return False
    gave, took = f"SELECT gave FROM ({keys}) AS handed (gave, took)", f"SELECT took FROM ({keys}) AS handed (gave, took)"
    if cursor.execute(f"SELECT 1 FROM events_rollup_people WHERE person_key IN ({gave}) LIMIT 1").fetchone() is None:
        return False
    old = changing(cursor, f'SELECT account_key, person_key, "at" FROM events WHERE person_key IN ({gave})')
    if old:
        cursor.execute(f"INSERT INTO rollup_changing SELECT NULL, took FROM ({took})")
    return old


def changed(cursor: duckdb.DuckDBPyConnection) -> None:
    """Count the events anew of all accounts and people that were noted by `changing`."""
    known = borders(cursor)
    if not known:
        return
    for table, (_, _, owner) in _KEPT.items():
        those = f"{owner} IN (SELECT {owner} FROM rollup_changing)"
        cursor.execute(f"DELETE FROM {table} WHERE {those}")
        _count(cursor, f"SELECT * FROM events WHERE {those}", known, (table,))
    cursor.execute("DROP TABLE rollup_changing")


def advance(cursor: duckdb.DuckDBPyConnection, now: datetime) -> bool:
    """Take in what has become old, as of now (UTC); gives whether there was a new border.

    The first time everything is counted. At most one border is made a day.
    """
    known = borders(cursor)
    if known and _border(now) <= known[-1]:
        return False
    latest = cursor.execute('SELECT max("at") FROM events').fetchone()
    if latest is None or latest[0] is None:
        return False
    border = min(_border(now), _border(latest[0].replace(tzinfo=UTC)))
    if known and border <= known[-1]:
        return False
    later = f' WHERE "at" > {_literal(known[-1])}' if known else ""
    _count(cursor, f"SELECT * FROM events{later}", [border])
    cursor.execute("INSERT INTO events_rollup_borders VALUES (?)", [border])
    if len(known) + 1 > MOST_BORDERS:
        _merge(cursor, known[-1])
    return True


def rebuild(cursor: duckdb.DuckDBPyConnection, now: datetime) -> None:
    """Make the rollup anew from the events, as of now (UTC)."""
    for table in (*_KEPT, "events_rollup_borders"):
        cursor.execute(f"DELETE FROM {table}")
    advance(cursor, now)


def _border(moment: datetime) -> datetime:
    """The start of the day (UTC, no zone) that lies `BEHIND` a moment."""
    day = (moment.astimezone(UTC) - BEHIND).date()
    return datetime(day.year, day.month, day.day)  # noqa: DTZ001 - as the tables hold it


def _count(cursor: duckdb.DuckDBPyConnection, rows: str, known: list[datetime], tables: tuple[str, ...] = tuple(_KEPT)) -> None:
    """Count events at or before the last of some borders, each in the stretch that it lies in."""
    stretch = " ".join(f'WHEN "at" <= {_literal(each)} THEN {_literal(each)}' for each in known)
    for table in tables:
        columns, which, _ = _KEPT[table]
        made = columns.replace("ours", _OURS)
        cursor.execute(
            f"INSERT INTO {table} ({columns}, upto, first_at, last_at, n) "
            f'SELECT {made}, CASE {stretch} END AS upto, min("at"), max("at"), count(*) FROM ({rows}) '
            f'WHERE {which} AND "at" <= {_literal(known[-1])} GROUP BY ALL'
        )


def _merge(cursor: duckdb.DuckDBPyConnection, border: datetime) -> None:
    """Make one stretch of all up to a border."""
    for table, (columns, _, _) in _KEPT.items():
        old = f"upto <= {_literal(border)}"
        cursor.execute(
            f"CREATE OR REPLACE TEMP TABLE rollup_merged AS SELECT {columns}, {_literal(border)} AS upto, min(first_at), "
            f"max(last_at), sum(n)::BIGINT FROM {table} WHERE {old} GROUP BY ALL ORDER BY ALL"
        )
        cursor.execute(f"DELETE FROM {table} WHERE {old}")
        cursor.execute(f"INSERT INTO {table} ({columns}, upto, first_at, last_at, n) SELECT * FROM rollup_merged")
    cursor.execute("DROP TABLE rollup_merged")
    cursor.execute(f"DELETE FROM events_rollup_borders WHERE upto < {_literal(border)}")


def _literal(moment: datetime) -> str:
    """An instant as SQL."""
    return f"TIMESTAMP '{moment.isoformat(sep=' ')}'"
