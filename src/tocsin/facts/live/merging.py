"""An alias that is told after an account was made of it: the account was only a name, and what stands under it moves over.

Only an account that was never told a name of its own is such (it is called by its id); any other stays, whatever aliases say.
Nothing is lost: the row is kept (`merged_accounts`), every row that moves notes where it was (`account_was`), and `split` takes
all of it back. When an alias comes to mean another account, what was moved for it goes there.
"""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import duckdb

from tocsin.core.errors import UserError
from tocsin.core.schema import COLLECTIONS
from tocsin.facts import rollup
from tocsin.facts.duckdb import DuckStore
from tocsin.facts.importing.stage import make_references
from tocsin.facts.importing.upsert import as_timestamp
from tocsin.facts.layout import OWNED, SEEN, quote
from tocsin.facts.live.parts import Given
from tocsin.facts.live.rows import put_rows
from tocsin.facts.live.shapes import Traits
from tocsin.facts.live.traits import begin_telling, date_changes, rows_of_traits, tidy
from tocsin.facts.past import EVER, Past

_KEPT_APART = ("account_timeline", "health_days", "health_notes", "milestone_notes")  # made anew from what is stored


def merge(cursor: duckdb.DuckDBPyConnection, store: DuckStore, past: Past, now: datetime) -> set[str]:
    """Make every account one with that of which it is an alias, as far as it is only a name; gives the accounts concerned.

    Inside a transaction that settles the history of `accounts` afterwards.
    """
    concerned: set[str] = set()
    for own, _ in _moved_on(cursor):
        concerned |= split(cursor, store, past, own, now)
    while pairs := _pairs(cursor):
        own, target = pairs[0]  # one at a time: the next may be named by this one
        concerned |= _merge(cursor, store, past, own, target, now)
    return concerned


def split(cursor: duckdb.DuckDBPyConnection, store: DuckStore, past: Past, own: str, now: datetime) -> set[str]:
    """Take a merge back: the account is there again with what was its own. What came since stays where it came to.

    Except for events that named the account itself, which note it. UserError where the account that it went into is only a
    name of a third one by now, which has to be split first.
    """
    found = cursor.execute("SELECT key, into_key, moved FROM merged_accounts WHERE id = ?", [own]).fetchall()
    if not found:
        return set()
    [(key, target, text)] = found
    moved: dict[str, Any] = json.loads(text)
    into = _id(cursor, target)
    cursor.execute("INSERT INTO accounts BY NAME SELECT * EXCLUDE (into_key, moved) FROM merged_accounts WHERE id = ?", [own])
    cursor.execute("DELETE FROM merged_accounts WHERE id = ?", [own])
    below = ", ".join(str(each) for each in _below(cursor, key))  # what was merged into this one goes with it
    old = rollup.changing(cursor, _moving(f"account_was IN ({below})", key))
    for name in OWNED:
        seen = f", first_seen = {as_timestamp(now)}" if name in SEEN else ""
        cursor.execute(
            f"UPDATE {quote(name)} SET account_key = ?, account_was = nullif(account_was, ?){seen} "
            f"WHERE account_was IN ({below})",
            [key, key],
        )
    if old:
        rollup.changed(cursor)
    _rename(cursor, into, own, moved)
    cursor.execute(
        'DELETE FROM account_history AS copied WHERE account_key = ? AND account_was IS NULL AND (field, "at") IN '
        "(SELECT (field, \"at\") FROM told_words WHERE collection = 'accounts' AND id = ?)",
        [target, own],
    )
    cursor.execute(
        "DELETE FROM told_words WHERE collection = 'accounts' AND id = ? AND (field, coalesce(value, ''), \"at\") IN "
        "(SELECT (field, coalesce(value, ''), \"at\") FROM told_words WHERE collection = 'accounts' AND id = ?)",
        [into, own],
    )
    rows: list[Given] = []
    for field, before in moved["fields"].items():
        same = cursor.execute(
            'SELECT 1 FROM told AS mine JOIN told AS theirs USING (collection, field, "at") '
            "WHERE collection = 'accounts' AND field = ? AND mine.id = ? AND theirs.id = ?",
            [field, into, own],
        ).fetchall()
        if same:  # nothing newer has been told since
            cursor.execute("DELETE FROM told WHERE collection = 'accounts' AND id = ? AND field = ?", [into, field])
            if before[1] is not None:
                cursor.execute("INSERT INTO told VALUES ('accounts', ?, ?, ?, ?)", [into, field, before[0], before[1]])
            rows.append(("accounts", {"id": into, "name": _name(cursor, into), field: before[0]}))
    make_references(cursor)
    put_rows(cursor, store, past, rows, now)
    cursor.execute("DELETE FROM changes WHERE collection = 'accounts' AND key = ?", [target])  # as if it had never been
    return _noted(cursor, past, [key, target], {own, into})


def keep_apart(cursor: duckdb.DuckDBPyConnection, own: str) -> str:
    """Take away what says that a merged account is another one, and see to it that no alias makes them one again.

    Gives the id of the account that it is in. UserError where no account of that id was merged.
    """
    found = cursor.execute("SELECT into_key FROM merged_accounts WHERE id = ?", [own]).fetchone()
    if found is None:
        raise UserError(f"there is no merged account {own!r}")
    into = _id(cursor, found[0])
    cursor.execute("DELETE FROM account_aliases WHERE external_id = ? AND account_key = ?", [own, found[0]])
    cursor.execute("INSERT INTO kept_apart VALUES (?, ?)", [own, into])
    return into


def _merge(cursor: duckdb.DuckDBPyConnection, store: DuckStore, past: Past, own: str, target: str, now: datetime) -> set[str]:
    key, into = _key(cursor, own), _key(cursor, target)
    told = _told(cursor, own)
    before = _told(cursor, target)
    held = _held(cursor, target, [field for field, _, _ in told])
    moved: dict[str, Any] = {
        "fields": {
            field: next(((value, str(at)) for name, value, at in before if name == field), (held.get(field), None))
            for field, _, _ in told
        },
        "tickets": _ids(cursor, "SELECT id FROM tickets WHERE list_contains(also_accounts, ?)", own),
        "accounts": _ids(cursor, "SELECT id FROM accounts WHERE parent_id = ?", own),
    }
    cursor.execute(
        "INSERT INTO merged_accounts BY NAME SELECT *, ?::INTEGER AS into_key, ? AS moved FROM accounts WHERE key = ?",
        [into, json.dumps(moved), key],
    )
    cursor.execute("DELETE FROM accounts WHERE key = ?", [key])
    old = rollup.changing(cursor, _moving(f"account_key = {key}", into))
    for name in OWNED:
        # To the account that it comes to a row is new now: what sets a rule off there is told there.
        seen = f", first_seen = {as_timestamp(now)}" if name in SEEN else ""
        cursor.execute(
            f"UPDATE {quote(name)} SET account_was = coalesce(account_was, account_key), account_key = ?{seen} "
            "WHERE account_key = ?",
            [into, key],
        )
    if old:
        rollup.changed(cursor)
    for table in _KEPT_APART:
        cursor.execute(f"DELETE FROM {table} WHERE key = ?", [key])
    cursor.execute("DELETE FROM changes WHERE collection = 'accounts' AND key = ?", [key])
    cursor.execute("DELETE FROM touched WHERE collection = 'accounts' AND key = ?", [key])
    _rename(cursor, own, target, moved)
    make_references(cursor)
    traits = [Traits("accounts", target, {field: value}, at.replace(tzinfo=UTC)) for field, value, at in _tellings(cursor, own)]
    begin_telling(cursor)
    put_rows(cursor, store, past, rows_of_traits(cursor, traits), now)
    tidy(cursor)
    date_changes(cursor)
    return _noted(cursor, past, [into], {own, target})


def _moving(which: str, to: int) -> str:
    """The events that move to another account, as they are and as they are to be."""
    events = f"FROM events WHERE {which}"
    return (
        f'SELECT account_key, person_key, "at" {events} '
        f'UNION ALL SELECT {int(to)}::INTEGER AS account_key, person_key, "at" {events}'
    )


def _below(cursor: duckdb.DuckDBPyConnection, key: int) -> list[int]:
    """The keys of an account and of all that were merged into it, and into those."""
    rows = cursor.execute(
        "WITH RECURSIVE under AS (SELECT CAST(? AS INTEGER) AS key UNION "
        "SELECT merged.key FROM merged_accounts AS merged JOIN under ON merged.into_key = under.key) SELECT key FROM under",
        [key],
    )
    return sorted(int(row[0]) for row in rows.fetchall())


def _pairs(cursor: duckdb.DuckDBPyConnection) -> list[tuple[str, str]]:
    """(account that is only a name, the account of which it is an alias)."""
    return cursor.execute("""
        SELECT named.id, min(target.id) FROM account_aliases AS aliases
        JOIN accounts AS named ON named.id = aliases.external_id JOIN accounts AS target ON target.key = aliases.account_key
        WHERE named.name = named.id AND (named.id, target.id) NOT IN (SELECT (id, other) FROM kept_apart) GROUP BY named.id
        HAVING count(DISTINCT target.key) = 1 AND bool_and(target.key <> named.key) ORDER BY 1
    """).fetchall()


def _moved_on(cursor: duckdb.DuckDBPyConnection) -> list[tuple[str, int]]:
    """Accounts that were merged for an alias which means another one now."""
    return cursor.execute("""
        SELECT merged.id, merged.key FROM merged_accounts AS merged JOIN account_aliases AS aliases
        ON aliases.external_id = merged.id GROUP BY ALL HAVING NOT bool_or(aliases.account_key = merged.into_key) ORDER BY 1
    """).fetchall()


def _told(cursor: duckdb.DuckDBPyConnection, own: str) -> list[tuple[str, str | None, datetime]]:
    """(field, value, when) of all that was told last of an account."""
    found = "SELECT field, value, \"at\" FROM told WHERE collection = 'accounts' AND id = ? ORDER BY field"
    return cursor.execute(found, [own]).fetchall()


def _tellings(cursor: duckdb.DuckDBPyConnection, own: str) -> list[tuple[str, str | None, datetime]]:
    """(field, value, when) of all that was ever told of an account."""
    found = "SELECT DISTINCT field, value, \"at\" FROM told_words WHERE collection = 'accounts' AND id = ? ORDER BY ALL"
    return cursor.execute(found, [own]).fetchall()


def _held(cursor: duckdb.DuckDBPyConnection, own: str, fields: list[str]) -> dict[str, str | None]:
    """What an account has in these fields, as text."""
    declared = COLLECTIONS["accounts"]
    cells = [
        f"CAST({quote(field)} AS VARCHAR)"
        if field in declared
        else "json_extract_string(custom_given, '$.\"" + field.replace("'", "''").replace('"', '\\"') + "\"')"
        for field in fields
    ]
    if not cells:
        return {}
    row = cursor.execute(f"SELECT {', '.join(cells)} FROM accounts WHERE id = ?", [own]).fetchall()[0]
    return dict(zip(fields, row, strict=True))


def _rename(cursor: duckdb.DuckDBPyConnection, old: str, new: str, moved: dict[str, Any]) -> None:
    """Where rows name the account in a list or as their parent."""
    if moved["tickets"]:
        cursor.execute(
            "UPDATE tickets SET also_accounts = "
            "list_transform(also_accounts, lambda one: CASE WHEN one = ? THEN ? ELSE one END) "
            "WHERE id IN (SELECT unnest(?))",
            [old, new, moved["tickets"]],
        )
    if moved["accounts"]:
        cursor.execute("UPDATE accounts SET parent_id = ? WHERE id IN (SELECT unnest(?))", [new, moved["accounts"]])


def _noted(cursor: duckdb.DuckDBPyConnection, past: Past, keys: list[int], names: set[str]) -> set[str]:
    for key in keys:
        past.note(f"SELECT {int(key)}, {EVER}")
        cursor.execute("INSERT INTO touched VALUES ('accounts', ?)", [key])
    return names


def _key(cursor: duckdb.DuckDBPyConnection, own: str) -> int:
    return int(cursor.execute("SELECT key FROM accounts WHERE id = ?", [own]).fetchall()[0][0])


def _id(cursor: duckdb.DuckDBPyConnection, key: int) -> str:
    found = cursor.execute("SELECT id FROM accounts WHERE key = ?", [key]).fetchone()
    if found is None:
        [(name,)] = cursor.execute("SELECT id FROM merged_accounts WHERE key = ?", [key]).fetchall()
        raise UserError(f"it went into {name}, which was merged into another account since; split {name} first")
    return str(found[0])


def _name(cursor: duckdb.DuckDBPyConnection, own: str) -> str:
    return str(cursor.execute("SELECT name FROM accounts WHERE id = ?", [own]).fetchall()[0][0])


def _ids(cursor: duckdb.DuckDBPyConnection, sql: str, own: str) -> list[str]:
    return [row[0] for row in cursor.execute(sql, [own]).fetchall()]
