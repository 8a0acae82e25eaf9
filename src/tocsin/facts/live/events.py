"""Events that arrive one by one: those not stored yet, appended set-wise."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

import duckdb
import msgspec
import numpy as np
import pyarrow as pa

from tocsin.core.schema import COLLECTIONS
from tocsin.facts import rollup
from tocsin.facts.importing.upsert import as_timestamp
from tocsin.facts.layout import names, physical_columns
from tocsin.facts.live.seen import Hashes, SeenHashes
from tocsin.facts.live.shapes import WAITING, Event, Refusal
from tocsin.facts.past import Past

EVENTS = COLLECTIONS["events"]
_TEXTS = ("id", "account", "person", "name", "kind", "feature", "properties", "guess")
_SCHEMA = pa.schema([
    ("ord", pa.int32()), *((name, pa.string()) for name in _TEXTS), ("at", pa.timestamp("us")), ("minutes", pa.float64()),
    ("visitor", pa.string()), ("by_person", pa.bool_()),
])  # fmt: skip
_GIVEN = ("id", "account_key", "person_key", "name", "at", "kind", "feature", "minutes", "properties")
_EXTRA = ("by_person", "visitor_key", "account_was", "first_seen")


def seen_hashes(cursor: duckdb.DuckDBPyConnection) -> SeenHashes:
    """The hashes of the ids of all events that are stored."""
    return SeenHashes(cursor.execute("SELECT hash(id) AS h FROM events").fetchnumpy()["h"].astype(np.uint64))


def put_events(
    cursor: duckdb.DuckDBPyConnection, past: Past, events: Sequence[Event], seen: Sequence[SeenHashes], now: datetime
) -> tuple[set[str], int, Hashes, list[Refusal]]:
    """Store the events that are new; inside a transaction, after `make_references`.

    Gives the ids of their accounts, how many were new, the hashes of their ids (to be remembered once the transaction is
    committed), and what could not be stored.
    """
    cursor.register("incoming", _table(events))
    try:
        cursor.execute("CREATE OR REPLACE TEMP TABLE arriving AS SELECT incoming.*, hash(id) AS h FROM incoming")
    finally:
        cursor.unregister("incoming")
    _drop_known(cursor, seen)
    _meet(cursor, visits=any(each.visitor is not None for each in events))
    cursor.execute("""
        CREATE OR REPLACE TEMP TABLE new_events AS
        SELECT arriving.ord, arriving.h, arriving.id, own.key AS account_key, own.id AS account_id, who.key AS person_key,
               arriving.name, arriving."at", coalesce(arriving.kind, known.kind, arriving.guess) AS kind,
               coalesce(arriving.feature, known.feature) AS feature, arriving.minutes,
               CAST(arriving.properties AS JSON) AS properties, arriving.by_person,
               visitor.key AS visitor_key, merged.key AS account_was
        FROM arriving
        LEFT JOIN account_refs AS own ON own.ref = arriving.account
        LEFT JOIN merged_accounts AS merged ON merged.id = arriving.account AND own.key > 0
        LEFT JOIN met AS who ON who.id = arriving.person
        LEFT JOIN met AS visitor ON visitor.id = arriving.visitor
        LEFT JOIN event_catalog AS known ON known.name = arriving.name
    """)
    refused = [
        _refusal(events[place], ambiguous)
        for place, ambiguous in cursor.execute(
            "SELECT ord, account_key IS NOT NULL FROM new_events WHERE account_key IS NULL OR account_key = -1"
        ).fetchall()
    ]
    good = "(SELECT * FROM new_events WHERE account_key > 0) AS new"
    past.rows(EVENTS, good, _GIVEN, (), stored=False)
    held = [*physical_columns(EVENTS), *_EXTRA]
    cells = [f'new."{name}"' if name in _GIVEN else "NULL" for name in physical_columns(EVENTS)]
    cursor.execute(
        f"INSERT INTO events ({names(held)}) SELECT {', '.join(cells)}, new.by_person, new.visitor_key, new.account_was, "
        f"{as_timestamp(now)} "
        f"FROM {good} ORDER BY ord"
    )
    rollup.added(cursor, f"SELECT * FROM {good}", min(each.at for each in events))
    accounts = {row[0] for row in cursor.execute(f"SELECT DISTINCT account_id FROM {good}").fetchall()}
    hashes = cursor.execute(f"SELECT h FROM {good}").fetchnumpy()["h"].astype(np.uint64)
    return accounts, len(hashes), hashes, refused


def _meet(cursor: duckdb.DuckDBPyConnection, *, visits: bool) -> None:
    """The temporary table `met` of the people and visitors of what arrives, with their keys; who is new gets one.

    There may be a million keys: they are looked at once.
    """
    visitors = "UNION SELECT visitor FROM arriving WHERE visitor IS NOT NULL" if visits else ""
    cursor.execute(
        "CREATE OR REPLACE TEMP TABLE met AS SELECT named.id, keys.key FROM "
        f"(SELECT DISTINCT person AS id FROM arriving WHERE person IS NOT NULL {visitors}) AS named "
        "LEFT JOIN person_keys AS keys ON keys.id = named.id"
    )
    if cursor.execute("SELECT 1 FROM met WHERE key IS NULL LIMIT 1").fetchone() is None:
        return
    cursor.execute(
        "UPDATE met SET key = new.key FROM (SELECT (SELECT coalesce(max(key), 0) FROM person_keys) + row_number() OVER "
        "(ORDER BY id) AS key, id FROM met WHERE key IS NULL) AS new WHERE met.id = new.id"
    )
    cursor.execute("INSERT INTO person_keys SELECT key, id FROM met ANTI JOIN person_keys USING (id)")


def _drop_known(cursor: duckdb.DuckDBPyConnection, seen: Sequence[SeenHashes]) -> None:
    """Take out what is stored already, and repeats within what arrives."""
    found = cursor.execute("SELECT ord, h FROM arriving ORDER BY ord").fetchnumpy()
    hashes = found["h"].astype(np.uint64)
    suspects = found["ord"][np.logical_or.reduce([each.known(hashes) for each in seen])]
    if len(suspects):
        cursor.register("suspects", pa.table({"ord": pa.array(suspects, pa.int32())}))
        cursor.execute(
            "DELETE FROM arriving WHERE id IN (SELECT id FROM events WHERE id IN "
            "(SELECT id FROM arriving WHERE ord IN (SELECT ord FROM suspects)))"
        )
        cursor.unregister("suspects")
    if len(np.unique(hashes)) < len(hashes):
        cursor.execute("DELETE FROM arriving WHERE ord NOT IN (SELECT min(ord) FROM arriving GROUP BY id)")


def _table(events: Sequence[Event]) -> pa.Table:
    given = dict(zip(Event.__struct_fields__, zip(*map(msgspec.structs.astuple, events), strict=True), strict=True))
    columns = [
        pa.array(np.arange(len(events), dtype=np.int32)),
        *(pa.array(given[name], pa.string()) for name in _TEXTS),
        pa.array(given["at"], pa.timestamp("us", "UTC")).view(pa.timestamp("us")),
        pa.array(given["minutes"], pa.float64()),
        # A visitor whom nobody knows is the person.
        pa.array(given["visitor"], pa.string()),
        pa.array([each or None for each in given["by_person"]], pa.bool_()),
    ]
    return pa.Table.from_arrays(columns, schema=_SCHEMA)


def _refusal(event: Event, ambiguous: bool) -> Refusal:
    reason = f"the account {event.account!r} is an alias of several accounts; name it by its own id" if ambiguous else WAITING
    who = (event.visitor or event.person) if event.by_person else None
    raw = event.raw.decode("utf-8", "replace")
    return Refusal("events", reason, raw, event.id, event.account, who, received=event.received)
