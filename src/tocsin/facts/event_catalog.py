"""The event catalog: what is called what, how often it comes, and the kind and the feature that a name stands for."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import duckdb
import pyarrow as pa

from tocsin.core.errors import UserError
from tocsin.facts import rollup
from tocsin.facts.duckdb import DuckStore
from tocsin.facts.layout import literal
from tocsin.facts.past import Past

KINDS = ("login", "feature", "page", "click", "error", "other")
LATELY = timedelta(days=30)
LONGEST_FEATURE = 200


@dataclass(frozen=True, slots=True)
class Named:
    """One event name.

    count, accounts: events, and accounts that had any, within `LATELY` of the moment asked for. last: the latest one at or
    before it (UTC), None where the catalog names what no event is called.
    kind, feature: what the catalog says, '' where it says nothing. sent_kind, sent_feature: the latest that a stored event has.
    """

    name: str
    count: int
    accounts: int
    last: datetime | None
    kind: str
    feature: str
    sent_kind: str
    sent_feature: str


@dataclass(frozen=True, slots=True)
class Listing:
    """A page of names, most frequent first, with how many there are in all and how many of these have no kind."""

    names: tuple[Named, ...]
    total: int
    unmarked: int


@dataclass(frozen=True, slots=True)
class Marked:
    """What became of a mark. before: the kind and feature that the catalog had, ('', '') for none. events: how many changed."""

    before: tuple[str, str]
    events: int


def counts(store: DuckStore, now: datetime) -> pa.Table:
    """What events say of each name as of a moment, without the catalog: the part of `listing` that reads every event."""
    at = f"TIMESTAMP {literal(_plain(now))}"
    since = f"TIMESTAMP {literal(_plain(now - LATELY))}"
    return store.query(
        f"""
        WITH lately AS (
            SELECT name, sum(n) AS n, count(*) AS accounts FROM (
                SELECT name, account_key, count(*) AS n FROM events WHERE "at" > {since} AND "at" <= {at} GROUP BY ALL
            ) GROUP BY name
        ),
        ever AS (
            SELECT name, max("at") AS last, arg_max(kind, "at") AS sent_kind, arg_max(feature, "at") AS sent_feature
            FROM events WHERE "at" <= {at} GROUP BY name
        )
        SELECT ever.*, CAST(coalesce(n, 0) AS BIGINT) AS n, coalesce(accounts, 0) AS accounts
        FROM ever LEFT JOIN lately USING (name)
        """
    )


def listing(
    store: DuckStore,
    now: datetime,
    *,
    text: str = "",
    unmarked: bool = False,
    page: int = 1,
    size: int = 50,
    seen: pa.Table | None = None,
) -> Listing:
    """Names that contain a text, as of a moment: one query however many there are.

    unmarked: only those that have no kind, neither by the catalog nor by what was sent. page counts from 1.
    seen: what `counts` gave, perhaps a little earlier; None to read it now.
    """
    rows = store.query(
        """
        WITH known AS (SELECT name, max(kind) AS kind, max(feature) AS feature FROM event_catalog GROUP BY name),
        every AS (
            SELECT name, CAST(coalesce(n, 0) AS BIGINT) AS n, coalesce(accounts, 0) AS accounts, last,
                   coalesce(kind, '') AS kind,
                   coalesce(feature, '') AS feature, coalesce(sent_kind, '') AS sent_kind,
                   coalesce(sent_feature, '') AS sent_feature, coalesce(kind, sent_kind, '') = '' AS bare
            FROM seen FULL JOIN known USING (name)
        )
        SELECT *, count(*) OVER () AS total, sum(CAST(bare AS INTEGER)) OVER () AS unmarked
        FROM every WHERE contains(lower(name), lower(?)) AND (bare OR NOT ?)
        ORDER BY n DESC, last DESC NULLS LAST, name LIMIT ? OFFSET ?
        """,
        [text, unmarked, size, (page - 1) * size],
        tables={"seen": counts(store, now) if seen is None else seen},
    ).to_pylist()
    names = tuple(
        Named(
            row["name"],
            row["n"],
            row["accounts"],
            None if row["last"] is None else row["last"].replace(tzinfo=UTC),
            *(row[each] for each in ("kind", "feature", "sent_kind", "sent_feature")),
        )
        for row in rows
    )
    return Listing(names, rows[0]["total"] if rows else 0, int(rows[0]["unmarked"]) if rows else 0)


def mark(store: DuckStore, name: str, kind: str, feature: str) -> Marked:
    """Say what a name stands for: for all events to come, and for those stored whose kind or feature nobody else gave.

    A stored event takes the new kind where it has none or has the one that the catalog gave before, and the feature likewise.
    '' takes a mark back. Health scores of the accounts are made anew from the first event that changed on.
    UserError for an unknown kind, a feature that is too long, or a name that no event has.
    """
    wanted = feature.strip()
    if kind and kind not in KINDS:
        raise UserError(f"unknown kind {kind!r}; it is one of {', '.join(KINDS)}, or empty")
    if len(wanted) > LONGEST_FEATURE:
        raise UserError(f"the feature has more than {LONGEST_FEATURE} characters; give a shorter name")
    with store.write() as cursor:
        found = cursor.execute("SELECT kind, feature FROM event_catalog WHERE name = ?", [name]).fetchone()
        if found is None and cursor.execute("SELECT 1 FROM events WHERE name = ? LIMIT 1", [name]).fetchone() is None:
            raise UserError(f"no event is called {name!r}")
        before = found or (None, None)
        changed = _apply(cursor, store, name, (kind or None, wanted or None), before)
        cursor.execute("DELETE FROM event_catalog WHERE name = ?", [name])
        if kind or wanted:
            cursor.execute("INSERT INTO event_catalog VALUES (?, ?, ?)", [name, kind or None, wanted or None])
    return Marked((before[0] or "", before[1] or ""), changed)


def _apply(
    cursor: duckdb.DuckDBPyConnection,
    store: DuckStore,
    name: str,
    after: tuple[str | None, str | None],
    before: tuple[str | None, str | None],
) -> int:
    """Change the stored events of a name, and note whose past that changes; gives how many there were."""
    free = [
        f"(({column} IS NULL OR {column} = ?) AND {column} IS DISTINCT FROM ?)" for column in ("kind", "feature")
    ]  # empty or as marked before, and not yet as it will be
    kind, feature = [before[0], after[0]], [before[1], after[1]]
    which = f"name = ? AND ({' OR '.join(free)})"
    given = [name, *kind, *feature]
    counted = cursor.execute(f"SELECT count(*) FROM events WHERE {which}", given).fetchone()
    count = int(counted[0]) if counted else 0
    if not count:
        return 0
    past = Past(cursor, store.zone)
    if past.wanted:
        cursor.execute(f'INSERT INTO past SELECT account_key, min("at") FROM events WHERE {which} GROUP BY account_key', given)
    old = rollup.changing(cursor, f'SELECT account_key, person_key, "at" FROM events WHERE {which}', given)
    cursor.execute(
        f"UPDATE events SET kind = CASE WHEN {free[0]} THEN ? ELSE kind END, "
        f"feature = CASE WHEN {free[1]} THEN ? ELSE feature END WHERE {which}",
        [*kind, after[0], *feature, after[1], *given],
    )
    if old:
        rollup.changed(cursor)
    past.write()
    return count


def _plain(moment: datetime) -> str:
    """An instant as the text of a TIMESTAMP in UTC."""
    return moment.astimezone(UTC).replace(tzinfo=None).isoformat(sep=" ")
