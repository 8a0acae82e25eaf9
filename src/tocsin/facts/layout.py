"""The physical layout of the embedded store: tables made from `core.schema`, and how names and texts stand in SQL."""

from __future__ import annotations

from collections.abc import Iterable

import duckdb

from tocsin.core.errors import UserError
from tocsin.core.schema import COLLECTIONS, Collection
from tocsin.facts import rollup

# Raised whenever a table changes its shape; a file of another version is refused rather than misread.
LAYOUT_VERSION = 1

PHYSICAL = {
    "text": "VARCHAR",
    "number": "DOUBLE",
    "boolean": "BOOLEAN",
    "time": "TIMESTAMP",
    "date": "DATE",
    "list": "VARCHAR[]",
    "json": "JSON",
    "any": "VARCHAR",
}
# Columns that name an account or a person are held as integers.
KEYED = {"account_id": "account_key", "person_id": "person_key"}

# What accounts and people have besides their declared columns. `custom` is what the engine reads; `custom_given` is what
# was received, so that a custom attribute can be typed anew; `first_seen` is the time of the import that made the row.
_EXTRA = {
    "accounts": "key INTEGER, custom JSON, custom_given JSON, left_out BOOLEAN, first_seen TIMESTAMP",
    "people": "key INTEGER, custom JSON, custom_given JSON, left_out BOOLEAN, first_seen TIMESTAMP",
}
# Of events: whether the account is that of the person, and the visitor who turned out to be that person.
_EVENTS = {"by_person": "BOOLEAN", "visitor_key": "INTEGER"}
# Collections whose rows may name a person and no account, and are of the account of that person then.
PERSONAL = tuple(
    name
    for name, each in COLLECTIONS.items()
    if each.start is not None and {"account_id", "person_id"} <= set(each.names) and name not in ("events", "people")
)

_OTHER_TABLES = (
    "CREATE TABLE person_keys (key INTEGER, id VARCHAR)",
    'CREATE TABLE account_timeline (key INTEGER, field VARCHAR, value VARCHAR, "at" TIMESTAMP)',
    'CREATE TABLE person_timeline (key INTEGER, field VARCHAR, value VARCHAR, "at" TIMESTAMP)',
    "CREATE TABLE columns_given (collection VARCHAR, name VARCHAR)",
    "CREATE TABLE attribute_types (collection VARCHAR, name VARCHAR, type VARCHAR)",
    (
        "CREATE TABLE rejected (source VARCHAR, collection VARCHAR, file VARCHAR, line BIGINT, reason VARCHAR, "
        '"row" VARCHAR, account_ref VARCHAR, row_id VARCHAR, "at" TIMESTAMP, person_ref VARCHAR)'
    ),
)
# The collections whose rows are of an account, and note which one they were of before it was merged into another.
OWNED = tuple(name for name, each in COLLECTIONS.items() if "account_id" in each)
# What stores of this layout lack that were made before there was any of it: (table, column, type and default).
_LATER_COLUMNS = (
    ("rejected", "person_ref", "VARCHAR"),
    ("memberships", "weak", "BOOLEAN DEFAULT false"),
    ("memberships", "joined", "BOOLEAN DEFAULT true"),
    ("identities", "at", "TIMESTAMP"),
    ("identities", "now", "BOOLEAN DEFAULT true"),
    *(("events", name, kind) for name, kind in _EVENTS.items()),
    *((name, "by_person", "BOOLEAN") for name in PERSONAL),
)
# Accounts that turned out to be only a name of another, with the key of that and what else was changed.
_MERGED = (
    "CREATE TABLE IF NOT EXISTS merged_accounts AS "
    "SELECT *, CAST(NULL AS INTEGER) AS into_key, CAST(NULL AS VARCHAR) AS moved FROM accounts LIMIT 0"
)
# Every word of `memberships`, of which that is the latest of each person and account.
_WORDS = 'CREATE TABLE IF NOT EXISTS member_words AS SELECT person, account, "at", gone, weak FROM memberships'
# Everything that was told of attributes, of which `told` is the latest of each.
_TELLINGS = 'CREATE TABLE IF NOT EXISTS told_words AS SELECT collection, id, field, value, "at" FROM told'
# The collections whose rows note the import that made them: a rule on new rows asks how late a row arrived.
SEEN = tuple(name for name, each in COLLECTIONS.items() if each.start is not None and name not in _EXTRA)
# Tables that a file of this layout may lack, because it was made before there were any; they are made when it is opened.
_LATER_TABLES = (
    # Ends that no source gave: `import --full` set them, and takes them back when the row is there again.
    'CREATE TABLE IF NOT EXISTS closed_by_full (collection VARCHAR, key VARCHAR, "end" VARCHAR)',
    # Health scores (`facts.scores`): of each day, by its start; how far they are kept and by which profiles; and whose past
    # has changed since (`facts.past`; key null: everybody's).
    (
        'CREATE TABLE IF NOT EXISTS health_days (key INTEGER, "at" TIMESTAMP, score DOUBLE, band VARCHAR, profile VARCHAR, '
        "overridden BOOLEAN, frozen BOOLEAN)"
    ),
    "CREATE TABLE IF NOT EXISTS health_state (model VARCHAR, first TIMESTAMP, last TIMESTAMP)",
    "CREATE TABLE IF NOT EXISTS health_notes (id BIGINT, key INTEGER, since TIMESTAMP)",
    # The same of the milestones of templates (`facts.reached`).
    "CREATE TABLE IF NOT EXISTS milestone_state (model VARCHAR, first TIMESTAMP, last TIMESTAMP)",
    "CREATE TABLE IF NOT EXISTS milestone_notes (id BIGINT, key INTEGER, since TIMESTAMP)",
    # What arrives live (`facts.live`): who belongs to which account since when, who an anonymous visitor turned out to be, the
    # latest that was told of each attribute, and what an event is by its name.
    (
        'CREATE TABLE IF NOT EXISTS memberships (person VARCHAR, account VARCHAR, "at" TIMESTAMP, gone BOOLEAN, '
        "weak BOOLEAN DEFAULT false, joined BOOLEAN DEFAULT true)"
    ),
    'CREATE TABLE IF NOT EXISTS identities (anonymous VARCHAR, person VARCHAR, "at" TIMESTAMP, now BOOLEAN DEFAULT true)',
    "CREATE TABLE IF NOT EXISTS told_rows (collection VARCHAR, id VARCHAR, told VARCHAR)",
    'CREATE TABLE IF NOT EXISTS told (collection VARCHAR, id VARCHAR, field VARCHAR, value VARCHAR, "at" TIMESTAMP)',
    # What the terms of subscriptions were before they were changed in place, see `facts.subscribed`.
    'CREATE TABLE IF NOT EXISTS subscription_terms (id VARCHAR, field VARCHAR, value VARCHAR, "at" TIMESTAMP)',
    "CREATE TABLE IF NOT EXISTS event_catalog (name VARCHAR, kind VARCHAR, feature VARCHAR)",
    # Accounts that a person has split again, and from which: an alias does not make them one once more.
    "CREATE TABLE IF NOT EXISTS kept_apart (id VARCHAR, other VARCHAR)",
    *rollup.TABLES,  # first, last and how many of old events
    # What is said of the sources (`importing.governing`): what their words mean ('' as the source: all of them), which of them
    # has the say in a field, and what the others told of it.
    "CREATE TABLE IF NOT EXISTS value_maps (source VARCHAR, collection VARCHAR, name VARCHAR, given VARCHAR, meant VARCHAR)",
    "CREATE TABLE IF NOT EXISTS field_sources (collection VARCHAR, name VARCHAR, source VARCHAR)",
    'CREATE TABLE IF NOT EXISTS passed_over (collection VARCHAR, name VARCHAR, source VARCHAR, n BIGINT, "at" TIMESTAMP)',
)


def quote(name: str) -> str:
    """A name as an SQL identifier."""
    return '"' + name.replace('"', '""') + '"'


def literal(text: str) -> str:
    """A text as an SQL literal (DuckDB reads no escapes within plain quotes)."""
    return "'" + text.replace("'", "''") + "'"


def names(columns: Iterable[str], prefix: str = "") -> str:
    """Quoted names, separated by commas, each with a table's prefix where one is given."""
    return ", ".join((prefix + "." if prefix else "") + quote(column) for column in columns)


def physical_name(column: str) -> str:
    """The name under which a declared column is held."""
    return KEYED.get(column, column)


def physical_columns(collection: Collection) -> dict[str, str]:
    """Held name -> SQL type of the declared columns of a collection, in order."""
    return {physical_name(column.name): "INTEGER" if column.name in KEYED else PHYSICAL[column.type] for column in collection}


def create_tables(cursor: duckdb.DuckDBPyConnection) -> None:
    """Make all tables of an empty store."""
    for collection in COLLECTIONS.values():
        columns = [f"{quote(name)} {kind}" for name, kind in physical_columns(collection).items()]
        columns += [_EXTRA[collection.name]] if collection.name in _EXTRA else []
        columns += ["first_seen TIMESTAMP"] if collection.name in SEEN else []
        columns += [f"{name} {kind}" for name, kind in _EVENTS.items()] if collection.name == "events" else []
        columns += ["by_person BOOLEAN"] if collection.name in PERSONAL else []
        columns += ["account_was INTEGER"] if collection.name in OWNED else []
        cursor.execute(f"CREATE TABLE {quote(collection.name)} ({', '.join(columns)})")
    for statement in (*_OTHER_TABLES, *_LATER_TABLES, _WORDS, _TELLINGS, _MERGED):
        cursor.execute(statement)
    cursor.execute("CREATE TABLE meta (name VARCHAR, value VARCHAR)")
    cursor.execute("INSERT INTO meta VALUES ('layout', ?)", [str(LAYOUT_VERSION)])


def check_layout(cursor: duckdb.DuckDBPyConnection, path: str) -> None:
    """Make the tables where the file is empty; UserError where it was laid out by another version or is no store."""
    tables = {row[0] for row in cursor.execute("SELECT table_name FROM duckdb_tables() WHERE NOT temporary").fetchall()}
    if not tables:
        cursor.execute("BEGIN")
        create_tables(cursor)
        cursor.execute("COMMIT")
        return
    found = None
    if "meta" in tables:
        found = cursor.execute("SELECT max(value) FROM meta WHERE name = 'layout'").fetchone()
    if found is None or found[0] is None:
        raise UserError(f"{path} is a DuckDB file but holds no Tocsin facts; give another home or move the file away")
    if found[0] != str(LAYOUT_VERSION):
        raise UserError(
            f"{path} was laid out by another version of Tocsin (layout {found[0]}, this one reads {LAYOUT_VERSION}); "
            "use that version, or import the facts into a new home"
        )
    for statement in _LATER_TABLES:
        cursor.execute(statement)
    for table, column, kind in _LATER_COLUMNS:
        cursor.execute(f"ALTER TABLE {table} ADD COLUMN IF NOT EXISTS {quote(column)} {kind}")
    for statement in (_WORDS, _TELLINGS, _MERGED):
        cursor.execute(statement)
    for name in OWNED:
        cursor.execute(f"ALTER TABLE {quote(name)} ADD COLUMN IF NOT EXISTS account_was INTEGER")
    for name in SEEN:
        cursor.execute(f"ALTER TABLE {quote(name)} ADD COLUMN IF NOT EXISTS first_seen TIMESTAMP")
