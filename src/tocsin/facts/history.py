"""The history of attributes: what re-imports changed, and the effective timelines that the engine reads.

Everything here is set-based and runs inside the importer's transaction, for the accounts and people that it touched.
"""

from __future__ import annotations

from collections.abc import Sequence
from collections.abc import Set as AbstractSet
from zoneinfo import ZoneInfo

import duckdb

from tocsin.core.profiles import KEPT
from tocsin.core.schema import COLLECTIONS, FROM_SUBSCRIPTIONS
from tocsin.core.valued import DATE, NUMBER, TIME, TRUTHS
from tocsin.facts import rollup, subscribed
from tocsin.facts.cells import Formats, as_text, parsed
from tocsin.facts.layout import literal, quote
from tocsin.facts.past import EVER, Past
from tocsin.facts.reached import OURS, forget_reached
from tocsin.facts.scores import forget

# collection -> its raw history, the key there, the timeline.
HISTORIES = {
    "accounts": ("account_history", "account_key", "account_timeline"),
    "people": ("people_history", "person_key", "person_timeline"),
}


def settle(cursor: duckdb.DuckDBPyConnection, zone: ZoneInfo, imported: AbstractSet[str], past: Past) -> None:
    """Bring types and timelines up to date after rows were stored; reads the temporary tables `changes` and `touched`.

    imported: the collections of which rows were stored. past: where whose past changes is noted.
    """
    for collection in HISTORIES:
        if _any(cursor, "changes", collection):
            _record(cursor, collection)
            past.changed(collection)
        retyped = _type_attributes(cursor, collection, zone) if imported & {collection, HISTORIES[collection][0]} else False
        touched = "SELECT key FROM touched WHERE collection = " + literal(collection)
        if retyped:
            cursor.execute(f"INSERT INTO touched SELECT DISTINCT {literal(collection)}, key FROM {HISTORIES[collection][2]}")
        if _any(cursor, "touched", collection):
            _rebuild(cursor, collection, touched, zone)


def follow_zone(cursor: duckdb.DuckDBPyConnection, zone: ZoneInfo) -> None:
    """Make anew what depends on the workspace's time zone, where it is another than when the timelines were made.

    A subscription begins and ends with a day, which begins elsewhere at another instant. Bare dates that files gave for times
    were read in the zone of their import and stay so.
    """
    known = cursor.execute("SELECT max(value) FROM meta WHERE name = 'zone'").fetchone()
    if known is not None and known[0] == zone.key:
        return
    cursor.execute("BEGIN")
    if known is not None and known[0] is not None:
        _rebuild(cursor, "accounts", "SELECT DISTINCT account_key FROM subscriptions", zone)
        forget(cursor)
        forget_reached(cursor)
    cursor.execute("DELETE FROM meta WHERE name = 'zone'")
    cursor.execute("INSERT INTO meta VALUES ('zone', ?)", [zone.key])
    cursor.execute("COMMIT")


def _any(cursor: duckdb.DuckDBPyConnection, table: str, collection: str) -> bool:
    """Whether a temporary table says anything of a collection."""
    return cursor.execute(f"SELECT 1 FROM {table} WHERE collection = {literal(collection)} LIMIT 1").fetchone() is not None


def _record(cursor: duckdb.DuckDBPyConnection, collection: str) -> None:
    """Enter noted changes into the raw history.

    A change is entered where the new value differs from the latest entry as well (a history file may have told it already).
    The first one of an attribute without any entry is preceded by the old value, as of when the subject began.
    """
    history, owner, _ = HISTORIES[collection]
    named = {column.name: column.type for column in COLLECTIONS[collection]}
    numbers = ", ".join(literal(name) for name, kind in named.items() if kind == "number")
    cursor.execute(f"""
        CREATE OR REPLACE TEMP TABLE recorded AS
        WITH changed AS (
            SELECT key, field, arg_min(old, ord) AS old, arg_max(coalesce(new, ''), ord) AS new, arg_max("at", ord) AS "at",
                   any_value(since) AS since
            FROM (SELECT *, rowid AS ord FROM changes WHERE collection = {literal(collection)})
            GROUP BY key, field
        ), latest AS (
            SELECT {owner} AS key, field, arg_max(coalesce(value, ''), ("at", coalesce(value, ''))) AS value
            FROM {history} WHERE ({owner}, field) IN (SELECT (key, field) FROM changed)
            GROUP BY {owner}, field
        )
        SELECT changed.*, latest.key IS NULL AS first
        FROM changed LEFT JOIN latest ON latest.key = changed.key AND latest.field = changed.field
        WHERE latest.key IS NULL OR NOT (latest.value = changed.new OR changed.field IN ({numbers})
              AND coalesce(TRY_CAST(latest.value AS DOUBLE) = TRY_CAST(changed.new AS DOUBLE), false))
    """)
    columns = f'({owner}, field, value, "at")'
    cursor.execute(f"""
        INSERT INTO {history} {columns}
        SELECT key, field, nullif(old, ''), since FROM recorded WHERE first AND since < "at"
        UNION ALL SELECT key, field, nullif(new, ''), "at" FROM recorded
    """)
    cursor.execute(f"INSERT INTO touched SELECT {literal(collection)}, key FROM recorded")


def _values(collection: str) -> str:
    """All values (name, value) of the attributes of a collection that are typed by their values."""
    history = HISTORIES[collection][0]
    declared = [column.name for column in COLLECTIONS[collection]]
    typed = [column.name for column in COLLECTIONS[collection] if column.type == "any"]
    other = ", ".join(literal(name) for name in declared if name not in typed)
    parts = [f"SELECT {literal(name)} AS name, {quote(name)} AS value FROM {collection}" for name in typed]
    parts.append(
        "SELECT entry.key AS name, entry.value AS value FROM (SELECT unnest(map_entries(from_json(custom_given, "
        f"""'"MAP(VARCHAR, VARCHAR)"'))) AS entry FROM {collection} WHERE custom_given != '{{}}')"""
    )
    parts.append(f"SELECT field AS name, value FROM {history} WHERE field NOT IN ({other})")
    return " UNION ALL ".join(parts)


def _type_attributes(cursor: duckdb.DuckDBPyConnection, collection: str, zone: ZoneInfo) -> bool:
    """Type attributes by all their values; whether an attribute became a time or ceased to be one.

    A value counts as a date, a time or a number only where it is one: 2026-02-30 and 1e999 are texts.
    """
    before = _times(cursor, collection)
    fits = {
        "boolean": f"lower(value) IN ({', '.join(map(literal, TRUTHS))})",
        "number": f"regexp_full_match(value, {literal(NUMBER)}) AND isfinite(TRY_CAST(value AS DOUBLE))",
        "date": f"regexp_full_match(value, {literal(DATE)}) AND TRY_CAST(value AS DATE) IS NOT NULL",
        "time": f"regexp_full_match(value, {literal(TIME)}) AND {parsed('value', 'time', zone, Formats())} IS NOT NULL",
    }
    cases = " ".join(f"WHEN bool_and(coalesce({test}, false)) THEN {literal(kind)}" for kind, test in fits.items())
    cursor.execute(f"DELETE FROM attribute_types WHERE collection = {literal(collection)}")
    cursor.execute(
        f"INSERT INTO attribute_types SELECT {literal(collection)}, name, CASE {cases} ELSE 'text' END "
        f"FROM (SELECT DISTINCT name, value FROM ({_values(collection)}) WHERE value != '') GROUP BY name"
    )
    # A person's account is held as a key.
    declared = ", ".join(literal(name) for name in (*COLLECTIONS[collection].names, "account_key"))
    cursor.execute(  # a column that files give but never fill is an attribute too
        f"INSERT INTO attribute_types SELECT DISTINCT collection, name, 'unknown' FROM columns_given AS given "
        f"WHERE collection = {literal(collection)} AND name NOT IN ({declared}) AND NOT EXISTS "
        f"(SELECT 1 FROM attribute_types AS known WHERE known.collection = given.collection AND known.name = given.name)"
    )
    times = _times(cursor, collection)
    normal = as_text(parsed("value", "time", zone, Formats()), "time")
    cursor.execute(f"UPDATE {collection} SET custom = custom_given WHERE custom IS DISTINCT FROM custom_given")
    for name in sorted(times):
        path = literal('$."' + name.replace("\\", "\\\\").replace('"', '\\"') + '"')
        given = f"json_extract_string(custom_given, {path})"
        patch = f"json_object({literal(name)}, {normal.replace('value', given)})"
        cursor.execute(f"UPDATE {collection} SET custom = json_merge_patch(custom, {patch}) WHERE {given} != ''")
    return times != before


def _times(cursor: duckdb.DuckDBPyConnection, collection: str) -> set[str]:
    """The attributes that are times by all their values."""
    rows = cursor.execute("SELECT name FROM attribute_types WHERE collection = ? AND type = 'time'", [collection]).fetchall()
    return {row[0] for row in rows}


def _rebuild(cursor: duckdb.DuckDBPyConnection, collection: str, touched: str, zone: ZoneInfo) -> None:
    """Make the timelines of the touched accounts or people anew."""
    history, owner, timeline = HISTORIES[collection]
    value = "coalesce(value, '')"
    times = _times(cursor, collection)
    if times:
        normal = as_text(parsed("value", "time", zone, Formats()), "time")
        among = ", ".join(literal(name) for name in sorted(times))
        value = f"CASE WHEN field IN ({among}) THEN coalesce({normal}, '') ELSE {value} END"
    passed_over = "true"
    if collection == "accounts":
        given = ", ".join(literal(name) for name in FROM_SUBSCRIPTIONS)
        passed_over = f"NOT (field IN ({given}) AND {owner} IN (SELECT account_key FROM subscriptions))"
    # What the engine has scored is kept: it is no history that anybody recorded.
    scored = ", ".join(literal(name) for name in KEPT) if collection == "accounts" else "''"
    ours = f"(field IN ({scored}) OR {OURS})"
    cursor.execute(f"DELETE FROM {timeline} WHERE key IN ({touched}) AND NOT {ours}")
    cursor.execute(
        f'INSERT INTO {timeline} SELECT {owner}, field, max({value}), "at" FROM {history} WHERE {owner} IN ({touched}) '
        f'AND {passed_over} AND NOT {ours} GROUP BY {owner}, field, "at"'
    )
    if collection == "accounts":
        subscribed.enter(cursor, touched, zone)


def leave_out(cursor: duckdb.DuckDBPyConnection, domains: Sequence[str], past: Past) -> None:
    """Mark accounts and people that are ours, tests or demos: by `internal`, people by the domain of their e-mail too."""
    by_domain = " OR ".join(
        f"ends_with(lower(email), {literal('@' + domain)}) OR ends_with(lower(email), {literal('.' + domain)})"
        for domain in domains
    )
    ours = {"accounts": "coalesce(internal, false)", "people": f"coalesce(internal OR {by_domain or 'false'}, false)"}
    for name, test in ours.items():
        owner = "key" if name == "accounts" else "account_key"
        turned = f"FROM {name} WHERE left_out IS DISTINCT FROM ({test})"
        past.note(f"SELECT {owner}, {EVER} {turned}")
        old = name == "people" and rollup.handing_over(cursor, f"SELECT key, key {turned}")
        cursor.execute(f"UPDATE {name} SET left_out = {test} WHERE left_out IS DISTINCT FROM ({test})")
        if old:
            rollup.changed(cursor)
