"""Traits in whatever order they arrive: the latest told is the value, and what was told before is history.

For each attribute the latest that was told, and when, is kept (`told`), and every telling (`told_words`), since another value
may yet be told of a moment between two that tell the same. Nothing depends on the order of arrival: the history has the first
of each run of equal values. What only repeats the latest is written down, and nothing is read for it.

What a file gave before anything was told counts as told when the account or person began, so that its past stays what it was.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import duckdb
import pyarrow as pa

from tocsin.core.schema import COLLECTIONS
from tocsin.facts.cells import as_text
from tocsin.facts.history import HISTORIES as TABLES
from tocsin.facts.importing.stage import make_references
from tocsin.facts.importing.upsert import custom_text, unrecorded
from tocsin.facts.layout import quote
from tocsin.facts.live.parts import Given
from tocsin.facts.live.rows import cell
from tocsin.facts.live.shapes import Traits

HISTORY = {"accounts": ("account_history", "account_id"), "people": ("people_history", "person_id")}
WHOLE = timedelta(days=30)  # so far back every telling is kept
THINNED = timedelta(days=7)
Place = tuple[str, str, str]  # collection, id, field
_SCHEMA = pa.schema([(name, pa.string()) for name in ("collection", "id", "field", "value")] + [("at", pa.timestamp("us"))])


def rows_of_traits(cursor: duckdb.DuckDBPyConnection, traits: Sequence[Traits], making: Collection[str] = ()) -> list[Given]:
    """The rows that these traits become, and `told` brought up to date; inside a transaction.

    making: ids of accounts that are about to be stored. Traits of other accounts that are not known are passed over: the event
    that told them waits for its account, and tells them again.
    """
    traits, names = _of_known(cursor, traits, making)
    entries: dict[Place, list[tuple[datetime, Any]]] = {}
    for each in traits:
        for field, value in each.values.items():
            entries.setdefault((each.collection, each.id, field), []).append((each.at, value))
    if not entries:
        return []
    known = _known(cursor, entries)
    _tell(cursor, _given_before(cursor, {place: given for place, given in entries.items() if place not in known}))
    _tell(cursor, entries)
    every = _words(cursor, [place for place, given in entries.items() if not _repeats(given, known.get(place))])
    rows: dict[tuple[str, str], dict[str, Any]] = {}
    history: list[Given] = []
    newest: dict[Place, tuple[datetime, Any]] = {}
    for place, given in entries.items():
        collection, own, field = place
        before = known.get(place)
        line = sorted([*every.get(place, ()), *given, *([before] if before else [])], key=lambda each: (each[0], cell(each[1])))
        at, value = line[-1]
        newest[place] = (at, value)
        if len({cell(told) for _, told in line}) > 1 and field not in unrecorded(COLLECTIONS[collection]):
            table, key = HISTORY[collection]
            history += [
                (table, {key: own, "field": field, "value": told, "at": moment.isoformat()}) for moment, told in _turns(line)
            ]
        begun = {"id": own, "name": names.get(own, own)} if collection == "accounts" else {"id": own}
        rows.setdefault((collection, own), begun)[field] = value
    _remember(cursor, newest)
    _note_turned(cursor, every)
    return [*((collection, values) for (collection, _), values in rows.items()), *history]


def begin_telling(cursor: duckdb.DuckDBPyConnection) -> None:
    """Make the temporary table of what is told anew in a transaction."""
    cursor.execute("CREATE OR REPLACE TEMP TABLE retold (collection VARCHAR, id VARCHAR, field VARCHAR)")


def tidy(cursor: duckdb.DuckDBPyConnection) -> None:
    """Take out of the history what was told and only repeats the entry before: an earlier telling has come since.

    After the rows of `rows_of_traits` are stored.
    """
    if cursor.execute("SELECT 1 FROM retold LIMIT 1").fetchone() is None:
        return
    for collection, (table, key, _) in TABLES.items():
        cursor.execute(
            f"""
            DELETE FROM {table} AS entry USING (
                SELECT {key}, field, "at", value, lag(value) OVER (PARTITION BY {key}, field ORDER BY "at") AS before,
                       lag("at") OVER (PARTITION BY {key}, field ORDER BY "at") AS since
                FROM (
                    SELECT history.{key}, history.field, history."at", max(coalesce(history.value, '')) AS value
                    FROM {table} AS history JOIN {collection} AS own ON own.key = history.{key}
                    JOIN retold ON retold.collection = '{collection}' AND retold.id = own.id AND retold.field = history.field
                    GROUP BY ALL
                )
            ) AS line, {collection} AS own, told_words AS words
            WHERE line.since IS NOT NULL AND line.value = line.before AND entry.{key} = line.{key} AND entry.field = line.field
              AND entry."at" = line."at" AND own.key = line.{key} AND words.collection = '{collection}' AND words.id = own.id
              AND words.field = line.field AND words."at" = line."at" AND coalesce(words.value, '') = line.value
            """
        )
    cursor.execute("DELETE FROM retold")


def thin(cursor: duckdb.DuckDBPyConnection, now: datetime) -> None:
    """Of tellings that are older than a month, forget those between two that say the same within a week; once a day.

    Clients tell all they know at each visit. What is forgotten matters only if another value is yet told of a moment between.
    """
    last = _plain(now - WHOLE)
    cursor.execute(
        """
        DELETE FROM told_words AS each USING (
            SELECT collection, id, field, "at", count(DISTINCT coalesce(value, '')) AS values,
                   max(coalesce(value, '')) AS value,
                   lag(max(coalesce(value, ''))) OVER places AS before, lead(max(coalesce(value, ''))) OVER places AS after
            FROM told_words WHERE "at" >= CAST(? AS TIMESTAMP) AND "at" < CAST(? AS TIMESTAMP)
            GROUP BY collection, id, field, "at"
            WINDOW places AS (PARTITION BY collection, id, field ORDER BY "at")
        ) AS line
        WHERE line.values = 1 AND line.value = line.before AND line.value = line.after
          AND each.collection = line.collection AND each.id = line.id AND each.field = line.field AND each."at" = line."at"
        """,
        [last - THINNED, last],
    )


def date_changes(cursor: duckdb.DuckDBPyConnection) -> None:
    """Date the changes of attributes by when they were told, and drop those that only say in which order things arrived.

    That an attribute was not told yet, or that an account was called by its id until then, is no part of its past.
    """
    if cursor.execute("SELECT 1 FROM changes LIMIT 1").fetchone() is None:
        return
    for collection in HISTORY:
        owned = (
            f"{collection} AS own, told WHERE changes.collection = '{collection}' AND own.key = changes.key "
            f"AND told.collection = '{collection}' AND told.id = own.id AND told.field = changes.field"
        )
        unnamed = "OR (changes.field = 'name' AND changes.old = own.id)" if collection == "accounts" else ""
        cursor.execute(f"DELETE FROM changes USING {owned} AND (coalesce(changes.old, '') = '' {unnamed})")
        cursor.execute(f'UPDATE changes SET "at" = told."at" FROM {owned}')


def _of_known(
    cursor: duckdb.DuckDBPyConnection, traits: Sequence[Traits], making: Collection[str]
) -> tuple[list[Traits], dict[str, str]]:
    """The traits that can be stored, those of accounts under the account's own id; and the names of accounts that have one."""
    wanted = sorted({each.id for each in traits if each.collection == "accounts"})
    if not wanted:
        return list(traits), {}
    make_references(cursor)
    found = cursor.execute(
        "SELECT refs.ref, refs.id, accounts.name FROM account_refs AS refs JOIN accounts ON accounts.key = refs.key "
        "WHERE refs.ref IN (SELECT unnest(?))",
        [wanted],
    ).fetchall()
    own = {ref: account for ref, account, _ in found} | {each: each for each in making}
    good = [each for each in traits if each.collection != "accounts" or each.id in own]
    return [replace(each, id=own[each.id]) if each.collection == "accounts" else each for each in good], {
        account: name for _, account, name in found
    }


def _given_before(
    cursor: duckdb.DuckDBPyConnection, first: Mapping[Place, Sequence[tuple[datetime, Any]]]
) -> dict[Place, list[tuple[datetime, Any]]]:
    """Place -> the value that files gave, as of when its account or person began; of what is told for the first time.

    Nothing of attributes that have a history already, which is taken as it is, nor of what was told of an earlier moment.
    """
    found: dict[Place, list[tuple[datetime, Any]]] = {}
    for collection in TABLES:
        passed_over = unrecorded(COLLECTIONS[collection])
        asked = {place for place in first if place[0] == collection and place[2] not in passed_over}
        for place, began, value in _stored(cursor, collection, asked):
            moment = began.replace(tzinfo=UTC)
            if moment < min(at for at, _ in first[place]):
                found[place] = [(moment, value)]
    return found


def _stored(
    cursor: duckdb.DuckDBPyConnection, collection: str, asked: Collection[Place]
) -> Iterator[tuple[Place, datetime, str]]:
    """Of these places those that hold a value and have no history: since when (UTC, without a zone), and the value as text."""
    fields, ids = sorted({field for _, _, field in asked}), sorted({own for _, own, _ in asked})
    if not fields:
        return
    declared, (table, key, _) = COLLECTIONS[collection], TABLES[collection]
    texts = [
        as_text(f"own.{quote(name)}", declared.column(name).type) if name in declared.names else custom_text("own", name)
        for name in fields
    ]
    since = f"coalesce(own.{quote(declared.start or '')}, own.first_seen)"
    these = f"{collection} AS own WHERE own.id IN (SELECT unnest(?)) AND {since} IS NOT NULL"
    rows = cursor.execute(f"SELECT own.id, {since}, {', '.join(texts)} FROM {these}", [ids]).fetchall()
    if not rows:
        return
    past = f"SELECT DISTINCT own.id, past.field FROM {table} AS past JOIN {collection} AS own ON own.key = past.{key}"
    known = set(cursor.execute(f"{past} WHERE own.id IN (SELECT unnest(?))", [ids]).fetchall())
    for own, began, *cells in rows:
        for field, value in zip(fields, cells, strict=True):
            place = (collection, own, field)
            unnamed = collection == "accounts" and field == "name" and value == own  # so it is called until it has a name
            if value and not unnamed and place in asked and (own, field) not in known:
                yield place, began, value


def _turns(line: Sequence[tuple[datetime, Any]]) -> Iterable[tuple[datetime, Any]]:
    """Of what was told, in order of time, that which differs from what was told before."""
    last: str | None = None
    for at, value in line:
        text = cell(value)
        if text != last:
            yield at, value
        last = text


def _repeats(given: Sequence[tuple[datetime, Any]], before: tuple[datetime, Any] | None) -> bool:
    """Whether what is told only says once more, and later, what was told last: no run begins or ends with it."""
    return before is not None and all(at >= before[0] and cell(value) == cell(before[1]) for at, value in given)


def _words(cursor: duckdb.DuckDBPyConnection, places: Sequence[Place]) -> dict[Place, list[tuple[datetime, Any]]]:
    """Place -> everything that was told of it, the same once."""
    found: dict[Place, list[tuple[datetime, Any]]] = {place: [] for place in places}
    if not found:
        return found
    wanted = {name: [each[at] for each in places] for at, name in enumerate(("collection", "id", "field"))}
    cursor.register("wanted", pa.table(wanted))
    try:
        rows = cursor.execute(
            'SELECT DISTINCT collection, id, field, value, "at" FROM told_words SEMI JOIN wanted USING (collection, id, field)'
        ).fetchall()
    finally:
        cursor.unregister("wanted")
    for collection, own, field, value, at in rows:
        found[collection, own, field].append((at.replace(tzinfo=UTC), value))
    return found


def _tell(cursor: duckdb.DuckDBPyConnection, entries: Mapping[Place, Sequence[tuple[datetime, Any]]]) -> None:
    """Write down what is told."""
    cursor.register("telling", _table((place, each) for place, given in entries.items() for each in given))
    try:
        cursor.execute("INSERT INTO told_words SELECT * FROM telling")
    finally:
        cursor.unregister("telling")


def _note_turned(cursor: duckdb.DuckDBPyConnection, places: Iterable[Place]) -> None:
    """Note for `tidy` of which places the history is told anew."""
    noted = [{"collection": place[0], "id": place[1], "field": place[2]} for place in places]
    if noted:
        cursor.register("noting", pa.Table.from_pylist(noted))
        try:
            cursor.execute("INSERT INTO retold SELECT collection, id, field FROM noting")
        finally:
            cursor.unregister("noting")


def _known(cursor: duckdb.DuckDBPyConnection, places: Iterable[Place]) -> dict[Place, tuple[datetime, Any]]:
    wanted = pa.table({"collection": [each[0] for each in places], "id": [each[1] for each in places]})
    cursor.register("wanted", wanted)
    try:
        rows = cursor.execute(
            'SELECT collection, id, field, value, "at" FROM told '
            "WHERE (collection, id) IN (SELECT (collection, id) FROM wanted)"
        ).fetchall()
    finally:
        cursor.unregister("wanted")
    return {(collection, own, field): (at.replace(tzinfo=UTC), value) for collection, own, field, value, at in rows}


def _remember(cursor: duckdb.DuckDBPyConnection, newest: dict[Place, tuple[datetime, Any]]) -> None:
    cursor.register("newest", _table(newest.items()))
    try:
        cursor.execute("DELETE FROM told WHERE (collection, id, field) IN (SELECT (collection, id, field) FROM newest)")
        cursor.execute("INSERT INTO told SELECT * FROM newest")
    finally:
        cursor.unregister("newest")


def _table(tellings: Iterable[tuple[Place, tuple[datetime, Any]]]) -> pa.Table:
    given = [
        {"collection": place[0], "id": place[1], "field": place[2], "value": cell(value) or None, "at": _plain(at)}
        for place, (at, value) in tellings
    ]
    return pa.Table.from_pylist(given, schema=_SCHEMA)


def _plain(moment: datetime) -> datetime:
    return moment.astimezone(UTC).replace(tzinfo=None)
