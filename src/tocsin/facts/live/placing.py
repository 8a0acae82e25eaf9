"""Whose events are whose: anonymous visitors who turned out to be somebody, and events that move with their person.

Several people may claim one visitor. The latest claim by its time counts, of those whose account is known: who has none could
not take the visitor's events anywhere.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import NamedTuple

import duckdb
import pyarrow as pa

from tocsin.core.schema import COLLECTIONS
from tocsin.facts import rollup
from tocsin.facts.importing.upsert import as_timestamp
from tocsin.facts.layout import PERSONAL, quote
from tocsin.facts.live.belonging import ALWAYS, Places
from tocsin.facts.live.parts import BY_PERSON, Given
from tocsin.facts.live.shapes import Link
from tocsin.facts.past import Past

_CLAIMS = pa.schema([("anonymous", pa.string()), ("person", pa.string()), ("at", pa.timestamp("us"))])
_STAYS = pa.schema([
    ("person", pa.string()), ("account", pa.string()), ("since", pa.timestamp("us")), ("until", pa.timestamp("us")),
])  # fmt: skip
_NEVER = datetime(9999, 12, 31)  # noqa: DTZ001 - as the store has instants
# Events as they were and as they are to be.
_MOVING = 'SELECT old AS account_key, was AS person_key, "at" FROM moving UNION ALL SELECT new, person_key, "at" FROM moving'


class Moved(NamedTuple):
    """What went to another account. accounts: ids of those concerned; collections: of the rows; event_names: of the events."""

    accounts: frozenset[str] = frozenset()
    collections: frozenset[str] = frozenset()
    event_names: frozenset[str] = frozenset()

    def plus(self, *others: Moved) -> Moved:
        """All of them together."""
        return Moved(*(frozenset[str]().union(*parts) for parts in zip(self, *others, strict=True)))


def claim(cursor: duckdb.DuckDBPyConnection, links: Sequence[Link]) -> None:
    """Keep who anonymous visitors turned out to be; `judge` says then who each of them is."""
    if not links:
        return
    latest: dict[tuple[str, str], datetime] = {}
    for anonymous, person, at in links:
        known = latest.get((anonymous, person))
        if known is None or at > known:
            latest[anonymous, person] = at
    moments = [at.astimezone(UTC).replace(tzinfo=None) for at in latest.values()]
    columns = [
        pa.array([each[0] for each in latest]),
        pa.array([each[1] for each in latest]),
        pa.array(moments, _CLAIMS.types[2]),
    ]
    cursor.register("claims", pa.Table.from_arrays(columns, schema=_CLAIMS))
    same = "identities.anonymous = claims.anonymous AND identities.person = claims.person"
    try:
        cursor.execute(
            f'UPDATE identities SET "at" = claims."at" FROM claims WHERE {same} '
            'AND coalesce(identities."at" < claims."at", true)'
        )
        cursor.execute(
            f'INSERT INTO identities SELECT anonymous, person, "at", false FROM claims ANTI JOIN identities ON {same}'
        )
    finally:
        cursor.unregister("claims")


def judge(cursor: duckdb.DuckDBPyConnection, visitors: Iterable[str], people: Iterable[str]) -> dict[str, str]:
    """Who these visitors are, and those whom these people claim; gives visitor -> person of those who are another now."""
    visitors, people = set(visitors), set(people)
    if not (visitors or people) or not cursor.execute("SELECT 1 FROM identities WHERE NOT now LIMIT 1").fetchall():
        return {}
    cursor.register("asked", pa.table({"id": pa.array(sorted(visitors), pa.string())}))
    cursor.register("claiming", pa.table({"id": pa.array(sorted(people), pa.string())}))
    try:
        # A visitor whom one person claims, and who is that person already, is nobody else whatever has been told.
        rows = cursor.execute(
            "SELECT anonymous, person, coalesce(\"at\", TIMESTAMP '1970-01-01'), now FROM identities WHERE anonymous IN ("
            "SELECT anonymous FROM identities WHERE anonymous IN (SELECT id FROM asked) OR person IN (SELECT id FROM claiming)"
            ") AND anonymous IN (SELECT anonymous FROM identities WHERE NOT now)"
        ).fetchall()
    finally:
        cursor.unregister("claiming")
        cursor.unregister("asked")
    if not rows:
        return {}
    claims: dict[str, list[tuple[bool, datetime, str]]] = {}
    claiming = {person for _, person, _, _ in rows}
    placed = Places(cursor, claiming).now(claiming)
    was = {anonymous: person for anonymous, person, _, now in rows if now}
    for anonymous, person, at, _ in rows:
        claims.setdefault(anonymous, []).append((person in placed, at, person))
    found = {anonymous: max(each)[2] for anonymous, each in claims.items()}
    turned = {anonymous: person for anonymous, person in found.items() if was.get(anonymous) != person}
    if turned:
        cursor.register("turned", _pairs(turned))
        try:
            cursor.execute(
                "UPDATE identities SET now = identities.person = turned.person FROM turned "
                "WHERE turned.anonymous = identities.anonymous"
            )
        finally:
            cursor.unregister("turned")
    return turned


def hand_over(cursor: duckdb.DuckDBPyConnection, past: Past, turned: Mapping[str, str]) -> set[str]:
    """What these visitors did was done by these people. Gives the ids of the accounts whose events they are."""
    if not turned:
        return set()
    cursor.register("turned", _pairs(turned))
    try:
        cursor.execute(
            "CREATE OR REPLACE TEMP TABLE handing AS SELECT was.key AS visitor_key, turned.person FROM turned "
            "JOIN person_keys AS was ON was.id = turned.anonymous"
        )
    finally:
        cursor.unregister("turned")
    if cursor.execute("SELECT 1 FROM handing LIMIT 1").fetchone() is None:
        return set()
    cursor.execute(
        "INSERT INTO person_keys SELECT (SELECT max(key) FROM person_keys) + row_number() OVER (ORDER BY id), id "
        "FROM (SELECT DISTINCT person AS id FROM handing) AS met ANTI JOIN person_keys USING (id)"
    )
    cursor.execute("""
        CREATE OR REPLACE TEMP TABLE moving AS
        SELECT events.rowid AS place, events.account_key AS old, events.account_key AS new, events."at",
               handing.visitor_key, events.person_key AS was, own.key AS person_key
        FROM events JOIN handing ON handing.visitor_key = coalesce(events.visitor_key, events.person_key)
        JOIN person_keys AS own ON own.id = handing.person
        WHERE events.person_key <> own.key
    """)
    old = rollup.changing(cursor, _MOVING)
    cursor.execute(
        "UPDATE events SET person_key = moving.person_key, visitor_key = moving.visitor_key FROM moving "
        "WHERE events.rowid = moving.place"
    )
    if old:
        rollup.changed(cursor)
    return _noted(cursor, past)


def move(cursor: duckdb.DuckDBPyConnection, past: Past, people: Mapping[str, datetime], places: Places, now: datetime) -> Moved:
    """What was placed by these people goes where the people were then.

    people: whose, and from when on (UTC, without a zone) their account may be another. To the account that it comes to a row
    is new as of `now`: what sets a rule off there is told there.
    """
    rows = []
    for person in people:
        turns = places.turns(person)
        bounds = [ALWAYS if not at else each[0] for at, each in enumerate(turns)]
        rows += [
            {"person": person, "account": account, "since": bounds[at], "until": [*bounds, _NEVER][at + 1]}
            for at, (_, account) in enumerate(turns)
        ]
    if not rows:
        return Moved()
    cursor.register("stays", pa.Table.from_pylist(rows, schema=_STAYS))
    try:
        since, at = min(people.values()), as_timestamp(now)
        moved = _move_events(cursor, past, since, at)
        return moved.plus(*(_move_rows(cursor, past, name, since, at) for name in PERSONAL))
    finally:
        cursor.unregister("stays")


def _moving(cursor: duckdb.DuckDBPyConnection, name: str, since: datetime) -> None:
    """Make the temporary table `moving`: the rows of a collection that are to be of another account."""
    start = f"own.{quote(COLLECTIONS[name].start or '')}"
    cursor.execute(
        f"""
        CREATE OR REPLACE TEMP TABLE moving AS
        SELECT own.rowid AS place, own.account_key AS old, refs.key AS new, {start} AS "at",
               own.person_key AS was, own.person_key
        FROM {name} AS own JOIN person_keys AS who ON who.key = own.person_key
        JOIN stays ON stays.person = who.id AND {start} >= stays.since AND {start} < stays.until
        JOIN account_refs AS refs ON refs.ref = stays.account AND refs.key > 0
        WHERE own.by_person AND own.account_key <> refs.key AND {start} >= $since
        """,
        {"since": since},
    )


def _move_events(cursor: duckdb.DuckDBPyConnection, past: Past, since: datetime, now: str) -> Moved:
    _moving(cursor, "events", since)
    accounts = _noted(cursor, past)
    if not accounts:
        return Moved()
    names = cursor.execute("SELECT DISTINCT name FROM events JOIN moving ON moving.place = events.rowid").fetchall()
    old = rollup.changing(cursor, _MOVING)
    _put_there(cursor, "events", now)
    if old:
        rollup.changed(cursor)
    return Moved(frozenset(accounts), frozenset({"events"}), frozenset(row[0] for row in names))


def _move_rows(cursor: duckdb.DuckDBPyConnection, past: Past, name: str, since: datetime, now: str) -> Moved:
    _moving(cursor, name, since)
    accounts = _noted(cursor, past)
    if not accounts:
        return Moved()
    _put_there(cursor, name, now)
    return Moved(frozenset(accounts), frozenset({name}))


def _put_there(cursor: duckdb.DuckDBPyConnection, name: str, now: str) -> None:
    cursor.execute(
        f"UPDATE {name} SET account_key = moving.new, account_was = NULL, first_seen = {now} "
        f"FROM moving WHERE {name}.rowid = moving.place"
    )


def mark(cursor: duckdb.DuckDBPyConnection, rows: Iterable[Given]) -> None:
    """Note of stored rows that have an id whether their person alone says which account they are of."""
    marks = {
        (name, str(values["id"])): bool(values[BY_PERSON]) for name, values in rows if BY_PERSON in values and "id" in values
    }
    for name, by_person in sorted({(name, by_person) for (name, _), by_person in marks.items()}):
        ids = [own for (of, own), each in marks.items() if (of, each) == (name, by_person)]
        cursor.execute(
            f"UPDATE {name} SET by_person = ? WHERE by_person IS DISTINCT FROM ? AND id IN (SELECT unnest(?))",
            [by_person, by_person, ids],
        )


def _noted(cursor: duckdb.DuckDBPyConnection, past: Past) -> set[str]:
    """Note whose past the events in `moving` change; gives the ids of the accounts."""
    past.note('SELECT old, min("at") FROM moving GROUP BY old')
    past.note('SELECT new, min("at") FROM moving GROUP BY new')
    rows = cursor.execute(
        "SELECT id FROM accounts WHERE key IN (SELECT old FROM moving UNION SELECT new FROM moving)"
    ).fetchall()
    return {row[0] for row in rows}


def visitors_of(cursor: duckdb.DuckDBPyConnection, people: Iterable[str]) -> list[str]:
    """The anonymous ids of these people."""
    rows = cursor.execute("SELECT anonymous FROM identities WHERE person IN (SELECT unnest(?))", [sorted(set(people))])
    return [row[0] for row in rows.fetchall()]


def people_behind(cursor: duckdb.DuckDBPyConnection, visitors: Iterable[str]) -> Mapping[str, str]:
    """Anonymous id -> user id, of those who are known."""
    wanted = sorted(set(visitors))
    if not wanted:
        return {}
    cursor.register("visitors", pa.table({"id": wanted}))
    try:
        rows = cursor.execute(
            "SELECT anonymous, person FROM identities WHERE now AND anonymous IN (SELECT id FROM visitors)"
        ).fetchall()
    finally:
        cursor.unregister("visitors")
    return dict(rows)


def _pairs(pairs: Mapping[str, str]) -> pa.Table:
    return pa.table({"anonymous": list(pairs), "person": list(pairs.values())})
