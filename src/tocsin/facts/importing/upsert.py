"""Good rows into their table: who is new, who is the same, who changed; repeats within a file in their order."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

import duckdb

from tocsin.core.schema import Collection
from tocsin.facts import rollup, subscribed
from tocsin.facts.cells import as_text
from tocsin.facts.importing.stage import Staged
from tocsin.facts.layout import OWNED, SEEN, literal, names, physical_columns, quote
from tocsin.facts.past import Past


@dataclass(frozen=True, slots=True)
class Counts:
    """Rows of one file that were stored or already there, and how many of them repeated a row of the same file."""

    added: int = 0
    updated: int = 0
    unchanged: int = 0
    repeated: int = 0


def upsert(cursor: duckdb.DuckDBPyConnection, staged: Staged, now: datetime, past: Past) -> Counts:
    """Store the good rows of a file; changes of attributes are noted in the temporary table `changes`, whose past in `past`."""
    return _Upsert(cursor, staged, now, past).run()


def make_changes(cursor: duckdb.DuckDBPyConnection) -> None:
    """The temporary tables of what an import changes: attributes, and accounts and people whose timeline it touches."""
    cursor.execute(
        "CREATE OR REPLACE TEMP TABLE changes "
        '(collection VARCHAR, key INTEGER, field VARCHAR, old VARCHAR, new VARCHAR, "at" TIMESTAMP, since TIMESTAMP)'
    )
    cursor.execute("CREATE OR REPLACE TEMP TABLE touched (collection VARCHAR, key INTEGER)")


def unrecorded(collection: Collection) -> set[str]:
    """Declared columns whose changes no history records: keys, ends and what they tell, the start, `internal`."""
    left_out = {column.name for column in collection if column.end or column.told_by}
    return left_out | {"id", "account_id", "account_key", "internal", collection.start or ""}


def custom_text(row: str, name: str) -> str:
    """A custom attribute of a stored row, as text."""
    return f"json_extract_string({row}.custom_given, {literal('$.' + _json_key(name))})"


def as_timestamp(moment: datetime) -> str:
    """An instant (UTC) as an SQL value."""
    return f"CAST({literal(moment.replace(tzinfo=None).isoformat(sep=' '))} AS TIMESTAMP)"


class _Upsert:
    def __init__(self, cursor: duckdb.DuckDBPyConnection, staged: Staged, now: datetime, past: Past) -> None:
        self.cursor, self.staged, self.now, self.past = cursor, staged, now, past
        self.collection = staged.collection
        self.target = quote(self.collection.name)
        self.good = f"{staged.table}.reason IS NULL"

    def run(self) -> Counts:
        counts = self.store()
        self.note_columns()
        return counts

    def store(self) -> Counts:
        self.find_repeats()
        repeats = self.one("SELECT count(*) FILTER (rn > 1), count(*) FILTER (rn > 1 AND same) FROM repeats")
        if not repeats[0] and not self.has_target_rows():
            good = f"(SELECT * FROM {self.staged.table} WHERE reason IS NULL) AS new"
            self.past.rows(self.collection, good, self.staged.columns, (), stored=False)
            rows = f"SELECT {self.new_row()} FROM {self.staged.table} AS new WHERE reason IS NULL"
            added = self.insert(rows)
            if self.collection.name == "events":
                rollup.added(self.cursor, rows)
            return Counts(added=added)
        self.cursor.execute(
            f"CREATE OR REPLACE TEMP TABLE matched AS SELECT new.ord, old.rowid AS old_row, {self.same('old')} AS same "
            f"FROM {self.staged.table} AS new LEFT JOIN {self.target} AS old ON {self.keys_equal()} "
            "WHERE new.reason IS NULL"
        )
        added, updated, unchanged = self.one(
            "SELECT count(*) FILTER (old_row IS NULL), count(*) FILTER (old_row IS NOT NULL AND NOT same), "
            "count(*) FILTER (old_row IS NOT NULL AND same) FROM matched "
            "WHERE ord NOT IN (SELECT ord FROM repeats WHERE rn > 1)"
        )
        self.write()
        return Counts(added, updated + repeats[0] - repeats[1], unchanged + repeats[1], repeats[0])

    def one(self, sql: str) -> tuple[int, ...]:
        """The one row of a query of counts."""
        found = self.cursor.execute(sql).fetchone()
        return found if found is not None else ()

    def has_target_rows(self) -> bool:
        """Whether any row of the file is stored already."""
        if not self.one(f"SELECT count(*) FROM (SELECT 1 FROM {self.target} LIMIT 1)")[0]:
            return False
        return bool(
            self.one(
                f"SELECT count(*) FROM (SELECT 1 FROM {self.target} AS old "
                f"WHERE EXISTS (SELECT 1 FROM {self.staged.table} AS new WHERE reason IS NULL AND {self.keys_equal()}) LIMIT 1)"
            )[0]
        )

    def keys_equal(self) -> str:
        """Whether a new and an old row are one; null equals null."""
        equal = "=" if self.staged.keys == ("id",) else "IS NOT DISTINCT FROM"
        return " AND ".join(f"new.{quote(key)} {equal} old.{quote(key)}" for key in self.staged.keys)

    def find_repeats(self) -> None:
        """The rows whose key stands in the file more than once: rn in order, `last`, and `same` as the one before."""
        keys = names(self.staged.keys)
        columns = [quote(column) for column in self.staged.columns] + list(self.staged.customs.values())
        order = f"OVER (PARTITION BY {keys} ORDER BY ord)"
        same = " AND ".join(f"{column} IS NOT DISTINCT FROM lag({column}) {order}" for column in columns)
        equal = " AND ".join(f"new.{quote(key)} IS NOT DISTINCT FROM twice.{quote(key)}" for key in self.staged.keys)
        self.cursor.execute(
            f"CREATE OR REPLACE TEMP TABLE repeats AS SELECT ord, row_number() {order} AS rn, "
            f"lead(ord) {order} IS NULL AS last, coalesce({same}, false) AS same "
            f"FROM (SELECT new.* FROM {self.staged.table} AS new JOIN (SELECT {keys} FROM {self.staged.table} "
            f"WHERE reason IS NULL GROUP BY {keys} HAVING count(*) > 1) AS twice ON {equal} WHERE new.reason IS NULL)"
        )

    def same(self, old: str) -> str:
        """Whether a new row says nothing new of the old one."""
        parts = [
            f"new.{quote(column)} IS NOT DISTINCT FROM {old}.{quote(column)}"
            for column in self.staged.columns
            if column not in self.staged.keys
        ]
        parts += [f"new.{held} IS NOT DISTINCT FROM {custom_text(old, name)}" for name, held in self.staged.customs.items()]
        return " AND ".join(parts) or "true"

    def write(self) -> None:
        """Put the last row of each key in place of the stored one; a column that the file lacks keeps what is stored."""
        self.cursor.execute(
            "CREATE OR REPLACE TEMP TABLE final AS SELECT matched.ord, matched.old_row FROM matched "
            "WHERE (old_row IS NULL OR NOT same) AND ord NOT IN (SELECT ord FROM repeats WHERE NOT last)"
        )
        source = (
            f"final JOIN {self.staged.table} AS new ON new.ord = final.ord "
            f"LEFT JOIN {self.target} AS old ON old.rowid = final.old_row"
        )
        self.note_past(source)
        if self.collection.history:
            self.note_changes(source)
        elif "account_key" in physical_columns(self.collection):
            # A row that moves to another account leaves the timeline of the one it was with.
            self.cursor.execute(
                f"INSERT INTO touched SELECT 'accounts', old.account_key FROM {source} WHERE old_row IS NOT NULL"
            )
        if self.collection.name == "subscriptions":
            subscribed.record(self.cursor, source, self.staged.columns, self.changed_at())
        self.cursor.execute(f"CREATE OR REPLACE TEMP TABLE merged AS SELECT {self.merged_row()} FROM {source}")
        gone = "rowid IN (SELECT old_row FROM final WHERE old_row IS NOT NULL)"
        old = self.collection.name == "events" and self.replacing(gone)
        self.cursor.execute(f"DELETE FROM {self.target} WHERE {gone}")
        self.insert("SELECT * FROM merged")
        if old:
            rollup.changed(self.cursor)

    def replacing(self, gone: str) -> bool:
        """Tell the rollup of old events which of them make way, and which come instead; whether it counts any of them."""
        columns = 'account_key, person_key, "at"'
        return rollup.changing(self.cursor, f"SELECT {columns} FROM events WHERE {gone} UNION ALL SELECT {columns} FROM merged")

    def note_past(self, source: str) -> None:
        """Note whose past these rows change."""
        new = self.new_columns() if self.collection.history else set()
        self.past.rows(self.collection, source, self.staged.columns, new, stored=True)
        if self.collection.name == "accounts":
            self.past.replaced(self.collection, source, self.staged.columns, new)

    def insert(self, select: str) -> int:
        """Insert rows of the whole shape of the table; gives their number."""
        columns = list(physical_columns(self.collection))
        if self.collection.custom:
            columns += ["key", "custom", "custom_given", "left_out", "first_seen"]
        elif self.collection.name in SEEN:
            columns.append("first_seen")
        if self.collection.name in OWNED:
            columns.append("account_was")
        found = self.cursor.execute(f"INSERT INTO {self.target} ({names(columns)}) {select}").fetchone()
        return int(found[0]) if found is not None else 0

    def untold(self, column: str, kind: str) -> str:
        """A column that a new row does not give: an account that is told no name is called by its id."""
        if column in self.staged.by_catalog:
            return f"new.{self.staged.by_catalog[column]}"
        return "new.id" if (self.collection.name, column) == ("accounts", "name") else f"CAST(NULL AS {kind})"

    def new_row(self) -> str:
        """The columns of a row of which nothing is stored."""
        cells = [
            f"new.{quote(column)}" if column in self.staged.columns else self.untold(column, kind)
            for column, kind in physical_columns(self.collection).items()
        ]
        cells = [f"{cell} AS {quote(column)}" for cell, column in zip(cells, physical_columns(self.collection), strict=True)]
        if self.collection.custom:
            given = self.customs_given()
            cells += [f"{self.new_key()} AS key", f"{given} AS custom", f"{given} AS custom_given", "false", self.seen()]
        elif self.collection.name in SEEN:
            cells.append(self.seen())
        if self.collection.name in OWNED:
            cells.append("CAST(NULL AS INTEGER) AS account_was")
        return ", ".join(cells)

    def merged_row(self) -> str:
        """The columns of a row that takes the place of a stored one, where there is one."""
        cells = [
            f"new.{quote(column)}" if column in self.staged.columns else self.kept(column)
            for column in physical_columns(self.collection)
        ]
        cells = [f"{cell} AS {quote(column)}" for cell, column in zip(cells, physical_columns(self.collection), strict=True)]
        if self.collection.custom:
            given = f"json_merge_patch(coalesce(old.custom_given, '{{}}'), {self.custom_object()})"
            cells += [
                f"coalesce(old.key, {self.new_key()}) AS key",
                f"{given} AS custom",
                f"{given} AS custom_given",
                "coalesce(old.left_out, false) AS left_out",
                f"coalesce(old.first_seen, {self.seen()}) AS first_seen",
            ]
        elif self.collection.name in SEEN:
            cells.append(f"CASE WHEN old.rowid IS NULL THEN {self.seen()} ELSE old.first_seen END AS first_seen")
        if self.collection.name in OWNED:  # as long as it stays where a merge has brought it
            here = "new.account_key" if "account_key" in self.staged.columns else "old.account_key"
            cells.append(f"CASE WHEN {here} = old.account_key THEN old.account_was END AS account_was")
        return ", ".join(cells)

    def kept(self, column: str) -> str:
        """A column that a row does not give: as it is stored, where anything is."""
        if column not in self.staged.by_catalog and (self.collection.name, column) != ("accounts", "name"):
            return f"old.{quote(column)}"
        return f"CASE WHEN old.rowid IS NULL THEN {self.untold(column, '')} ELSE old.{quote(column)} END"

    def custom_object(self) -> str:
        """The custom attributes of a row as a JSON object, null where a cell is empty."""
        pairs = ", ".join(f"{literal(name)}, new.{held}" for name, held in self.staged.customs.items())
        return f"json_object({pairs})" if pairs else "CAST('{}' AS JSON)"

    def customs_given(self) -> str:
        """The custom attributes of a new row as a JSON object of those that are not null."""
        return f"json_merge_patch('{{}}', {self.custom_object()})"

    def new_key(self) -> str:
        """The key of a row that is new: of a person the one of its id, of an account the next."""
        if self.collection.name == "people":
            return "new.person_of"
        # The key of a merged account stays its own: rows say by it where they were, and a split gives it back.
        taken = "SELECT key FROM accounts UNION ALL SELECT key FROM merged_accounts"
        return f"CAST((SELECT coalesce(max(key), 0) FROM ({taken})) + row_number() OVER (ORDER BY new.ord) AS INTEGER)"

    def seen(self) -> str:
        """The time of this import as an SQL value."""
        return as_timestamp(self.now)

    def changed_at(self) -> str:
        """When a row became what the file says, as an SQL value."""
        return f"coalesce(new.changed_at, {self.seen()})" if self.staged.dated else self.seen()

    def new_columns(self) -> set[str]:
        """The columns that no file gave before: what one learns of them is no change, but all that is known."""
        known = self.cursor.execute("SELECT name FROM columns_given WHERE collection = ?", [self.collection.name]).fetchall()
        return {*self.staged.columns, *self.staged.customs} - {row[0] for row in known}

    def note_columns(self) -> None:
        """Remember which columns files have given so far."""
        if self.collection.history:
            rows = [(self.collection.name, name) for name in sorted(self.new_columns())]
            if rows:
                self.cursor.executemany("INSERT INTO columns_given VALUES (?, ?)", rows)

    def note_changes(self, source: str) -> None:
        """Note every attribute whose stored value another one replaces."""
        at = self.changed_at()
        passed_over = unrecorded(self.collection) | self.new_columns()
        attributes = [
            (column.name, as_text(f"old.{quote(column.name)}", column.type), as_text(f"new.{quote(column.name)}", column.type))
            for column in self.collection
            if column.name in self.staged.columns and column.name not in passed_over
        ]
        attributes += [
            (name, custom_text("old", name), f"new.{held}")
            for name, held in self.staged.customs.items()
            if name not in passed_over
        ]
        since = f"coalesce(old.{quote(self.collection.start or '')}, old.first_seen)"
        # That an account was called by its id until it was told a name is no part of its past.
        unnamed = " AND old.name <> old.id" if self.collection.name == "accounts" else ""
        for name, old, new in attributes:
            self.cursor.execute(
                f"INSERT INTO changes SELECT {literal(self.collection.name)}, old.key, {literal(name)}, "
                f"{old}, {new}, {at}, {since} FROM {source} WHERE old.key IS NOT NULL AND {old} IS DISTINCT FROM {new}"
                f"{unnamed if name == 'name' else ''}"
            )


def _json_key(name: str) -> str:
    """A name as a key in a JSON path."""
    return '"' + name.replace("\\", "\\\\").replace('"', '\\"') + '"'
