"""Whom what arrives belongs to: anonymous visitors who turned out to be somebody, and the account of each person."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC

import duckdb
import pyarrow as pa

from tocsin.facts import rollup
from tocsin.facts.live.shapes import Membership


def link(cursor: duckdb.DuckDBPyConnection, links: Sequence[tuple[str, str]]) -> None:
    """Keep who anonymous visitors turned out to be, and that what they did was done by them; the latest word counts."""
    if not links:
        return
    latest = dict(links)
    cursor.register("links", pa.table({"anonymous": list(latest), "person": list(latest.values())}))
    try:
        cursor.execute("DELETE FROM identities WHERE anonymous IN (SELECT anonymous FROM links)")
        cursor.execute("INSERT INTO identities SELECT * FROM links")
        _hand_over(cursor)
    finally:
        cursor.unregister("links")


def _hand_over(cursor: duckdb.DuckDBPyConnection) -> None:
    """What visitors did before it was known who they are, in accounts that it named itself."""
    was = "links JOIN person_keys AS was ON was.id = links.anonymous"
    if cursor.execute(f"SELECT 1 FROM {was} LIMIT 1").fetchone() is None:
        return
    cursor.execute(
        "INSERT INTO person_keys SELECT (SELECT max(key) FROM person_keys) + row_number() OVER (ORDER BY id), id "
        f"FROM (SELECT DISTINCT links.person AS id FROM {was}) AS met ANTI JOIN person_keys USING (id)"
    )
    old = rollup.handing_over(cursor, f"SELECT was.key, own.key FROM {was} JOIN person_keys AS own ON own.id = links.person")
    cursor.execute(
        f"UPDATE events SET person_key = own.key FROM {was} JOIN person_keys AS own ON own.id = links.person "
        "WHERE events.person_key = was.key"
    )
    if old:
        rollup.changed(cursor)


def visitors_of(cursor: duckdb.DuckDBPyConnection, people: Iterable[str]) -> list[str]:
    """The anonymous ids of these people."""
    rows = cursor.execute("SELECT anonymous FROM identities WHERE person IN (SELECT unnest(?))", [sorted(set(people))])
    return [row[0] for row in rows.fetchall()]


def join(cursor: duckdb.DuckDBPyConnection, memberships: Sequence[Membership]) -> dict[str, str]:
    """Keep who belongs where; gives the account (as it was named) of each of these people whose account is another now.

    A person may be in several accounts; theirs is that of the latest `group` by its timestamp which they have not left.
    """
    if not memberships:
        return {}
    latest: dict[tuple[str, str], Membership] = {}
    for each in memberships:
        known = latest.get((each.person, each.account))
        if known is None or (each.at, each.left) > (known.at, known.left):  # who joins and leaves at one moment has left
            latest[each.person, each.account] = each
    rows = [
        {"person": each.person, "account": each.account, "at": each.at.astimezone(UTC).replace(tzinfo=None), "gone": each.left}
        for each in latest.values()
    ]
    schema = pa.schema([("person", pa.string()), ("account", pa.string()), ("at", pa.timestamp("us")), ("gone", pa.bool_())])
    cursor.register("joining", pa.Table.from_pylist(rows, schema=schema))
    try:
        before = _accounts(cursor, "SELECT DISTINCT person FROM joining")
        cursor.execute(
            "DELETE FROM memberships USING joining WHERE memberships.person = joining.person "
            'AND memberships.account = joining.account AND (memberships."at", memberships.gone) <= (joining."at", joining.gone)'
        )
        cursor.execute(
            "INSERT INTO memberships SELECT joining.* FROM joining ANTI JOIN memberships "
            "ON memberships.person = joining.person AND memberships.account = joining.account"
        )
        after = _accounts(cursor, "SELECT DISTINCT person FROM joining")
    finally:
        cursor.unregister("joining")
    return {person: account for person, account in after.items() if before.get(person) != account}


def _accounts(cursor: duckdb.DuckDBPyConnection, people: str) -> dict[str, str]:
    rows = cursor.execute(
        'SELECT person, arg_max(account, ("at", account)) FROM memberships '
        f"WHERE NOT gone AND person IN ({people}) GROUP BY person"
    ).fetchall()
    return dict(rows)


def people_behind(cursor: duckdb.DuckDBPyConnection, visitors: Iterable[str]) -> Mapping[str, str]:
    """Anonymous id -> user id, of those who are known."""
    wanted = sorted(set(visitors))
    if not wanted:
        return {}
    cursor.register("visitors", pa.table({"id": wanted}))
    try:
        rows = cursor.execute(
            "SELECT anonymous, person FROM identities WHERE anonymous IN (SELECT id FROM visitors)"
        ).fetchall()
    finally:
        cursor.unregister("visitors")
    return dict(rows)


def accounts_of(cursor: duckdb.DuckDBPyConnection, people: Iterable[str]) -> Mapping[str, str]:
    """User id -> the account that they belong to: by their latest group, else by what is stored of the person."""
    wanted = sorted(set(people))
    if not wanted:
        return {}
    cursor.register("persons", pa.table({"id": wanted}))
    try:
        stored = cursor.execute(
            "SELECT people.id, accounts.id FROM people JOIN accounts ON accounts.key = people.account_key "
            "WHERE people.id IN (SELECT id FROM persons)"
        ).fetchall()
        return {**dict(stored), **_accounts(cursor, "SELECT id FROM persons")}
    finally:
        cursor.unregister("persons")
