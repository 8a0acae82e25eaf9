"""Whose past an import changed, and from when on: what is kept of it (health scores) has to be made anew from there.

A row that is new changes the past from its start on, one that ended or was opened again from that end on, and one whose
other columns changed from its start on; an attribute changes from the entry in its history on. Where more than that may have
changed (a first entry, before which the attribute was taken as constant; a column that is new), it is the whole past.
"""

from __future__ import annotations

from collections.abc import Collection as Names
from zoneinfo import ZoneInfo

import duckdb

from tocsin.core.schema import Collection, Column
from tocsin.facts.cells import FIRST_INSTANT, LAST_INSTANT, start_of_day
from tocsin.facts.layout import physical_columns, physical_name, quote

EVER = FIRST_INSTANT
HISTORIES = {"account_history": "accounts", "people_history": "people"}


class Past:
    """The notes of one import, gathered in the temporary table `past` (key null: every account).

    Nothing is noted where neither scores nor reached milestones are kept. Every method is for a transaction that writes.
    """

    def __init__(self, cursor: duckdb.DuckDBPyConnection, zone: ZoneInfo) -> None:
        self.cursor, self.zone = cursor, zone
        states = "SELECT 'health' FROM health_state UNION SELECT 'milestone' FROM milestone_state"
        self._keepers = [f"{row[0]}_notes" for row in cursor.execute(states).fetchall()]
        self.wanted = bool(self._keepers)
        cursor.execute("CREATE OR REPLACE TEMP TABLE past (key INTEGER, since TIMESTAMP)")

    def note(self, select: str) -> None:
        """Note the accounts (key, since) of a SELECT."""
        if self.wanted:
            self.cursor.execute(f"INSERT INTO past {select}")

    def rows(self, collection: Collection, source: str, given: Names[str], new_columns: Names[str], *, stored: bool) -> None:
        """Note whose rows are about to be stored.

        source: FROM clause with the staged rows as `new` and, where `stored`, the rows that they replace as `old` (null where
                there is none). given: the held columns that the file gives. new_columns: attributes no file gave before.
        """
        if not self.wanted or collection.name == "accounts":
            return  # what is new of accounts is told by `accounts`, what changed by `changed` and `replaced`
        if collection.name == "rates":
            known = 'EXISTS (SELECT 1 FROM rates AS known WHERE known.currency = new.currency AND known."on" <= new."on")'
            self.note(f"SELECT NULL, CASE WHEN {known} THEN {start_of_day('new.on', self.zone)} ELSE {EVER} END FROM {source}")
        elif collection.name in HISTORIES:
            self._entries(collection, source)
        elif "account_key" in physical_columns(collection) and collection.start is not None:
            fresh = "WHERE old.rowid IS NULL" if stored else ""
            self.note(f"SELECT new.account_key, {self._begun(collection, given)} FROM {source} {fresh}")
            if stored:
                self.replaced(collection, source, given, new_columns)
            if collection.name == "events" and "minutes" in given:
                self._minutes(source, stored=stored)

    def _minutes(self, source: str, *, stored: bool) -> None:
        """The first event with minutes ends counting by sessions, for everybody: note it where it is new, or gives none now."""
        self._turned(f'SELECT min(new."at") FROM {source} WHERE new.minutes IS NOT NULL', "<=")
        if stored:
            gone = 'new.minutes IS NULL OR new."at" > old."at"'
            self._turned(f'SELECT min(old."at") FROM {source} WHERE old.minutes IS NOT NULL AND ({gone})', "<")

    def _turned(self, select: str, before: str) -> None:
        """Note everybody from an instant on, unless minutes were given before it anyway."""
        found = self.cursor.execute(select).fetchone()
        if found is None or found[0] is None:
            return
        known = f'SELECT 1 FROM events WHERE minutes IS NOT NULL AND "at" {before} ? LIMIT 1'
        if self.cursor.execute(known, [found[0]]).fetchone() is None:
            self.cursor.execute("INSERT INTO past VALUES (NULL, ?)", [found[0]])

    def _begun(self, collection: Collection, given: Names[str]) -> str:
        """From when on a new row is seen."""
        begun = self._start("new", collection, given)
        if collection.name == "subscriptions":  # the first one takes the place of the account's own columns
            known = "EXISTS (SELECT 1 FROM subscriptions AS known WHERE known.account_key = new.account_key)"
            return f"CASE WHEN {known} THEN {begun} ELSE {EVER} END"
        return begun

    def replaced(self, collection: Collection, source: str, given: Names[str], new_columns: Names[str]) -> None:
        """Note whose stored rows are about to be replaced, from the earliest instant that reads otherwise then.

        Of accounts and people only what no history records is looked at here.
        """
        if not self.wanted:
            return
        ends = {column.name: column.told_by or column.name for column in collection if column.end or column.told_by}
        recorded = collection.history is not None
        begun = f"least({self._start('old', collection, None)}, {self._start('new', collection, given)})"
        since = []
        for column in collection:
            name = physical_name(column.name)
            if name not in given or column.name == "id":
                continue
            changed = f"new.{quote(name)} IS DISTINCT FROM old.{quote(name)}"
            if column.name in ends:
                at = self._end(collection.column(ends[column.name]), given)
            elif recorded and column.name not in (collection.start, "account_id") and column.name not in new_columns:
                continue
            else:
                at = EVER if recorded else begun
            since.append(f"CASE WHEN {changed} THEN {at} END")
        if recorded and new_columns:
            since.append(EVER)
        if not since:
            return
        earliest = f"least({', '.join(since)})" if len(since) > 1 else since[0]
        owner = "key" if collection.name == "accounts" else "account_key"
        where = f"WHERE old.rowid IS NOT NULL AND {earliest} IS NOT NULL"
        self.note(f"SELECT old.{owner}, {earliest} FROM {source} {where}")
        if owner in given:  # a row may move to another account
            self.note(f"SELECT new.{owner}, {earliest} FROM {source} {where}")

    def _entries(self, collection: Collection, source: str) -> None:
        """New entries of a history: before the first one the attribute was taken as constant."""
        owner = "account_key" if collection.name == "account_history" else "person_key"
        known = (
            f"EXISTS (SELECT 1 FROM {collection.name} AS known WHERE known.{owner} = new.{owner} AND known.field = new.field)"
        )
        since = f'CASE WHEN {known} THEN new."at" ELSE {EVER} END'
        if owner == "account_key":
            self.note(f"SELECT new.account_key, {since} FROM {source}")
        else:
            self.note(f"SELECT who.account_key, {since} FROM {source} JOIN people AS who ON who.key = new.person_key")

    def changed(self, collection: str) -> None:
        """Note the changes of attributes that have just been entered into the history (the temporary table `recorded`)."""
        since = f'CASE WHEN recorded.first AND who.created_at IS NULL THEN {EVER} ELSE recorded."at" END'
        owner = "key" if collection == "accounts" else "account_key"
        self.note(f"SELECT who.{owner}, {since} FROM recorded JOIN {collection} AS who ON who.key = recorded.key")

    def accounts(self, seen: str) -> None:
        """Note the accounts that an import made; seen: its time, as SQL."""
        self.note(f"SELECT key, coalesce(created_at, {EVER}) FROM accounts WHERE first_seen = {seen}")

    def write(self) -> None:
        """Keep the notes, one for each account with the earliest instant; they count until scores were made anew."""
        for notes in self._keepers:
            self.cursor.execute(f"""
                CREATE OR REPLACE TEMP TABLE noted AS
                SELECT key, min(since) AS since FROM (
                    SELECT key, since FROM past
                    UNION ALL SELECT key, since FROM {notes} WHERE key IN (SELECT key FROM past) OR key IS NULL
                ) GROUP BY key
            """)
            following = self.cursor.execute(f"SELECT coalesce(max(id), 0) + 1 FROM {notes}").fetchone()
            self.cursor.execute(f"DELETE FROM {notes} WHERE key IN (SELECT key FROM noted) OR key IS NULL")
            self.cursor.execute(f"INSERT INTO {notes} SELECT ?, key, since FROM noted", following)

    def _start(self, row: str, collection: Collection, given: Names[str] | None) -> str:
        """From when on a row exists; a row without a start has always been there. given: None for a stored row."""
        assert collection.start is not None
        if given is not None and physical_name(collection.start) not in given:
            return EVER
        return f"coalesce({self._instant(row, collection.column(collection.start))}, {EVER})"

    def _end(self, column: Column, given: Names[str]) -> str:
        """The earlier of a row's end as it was and as it will be."""
        never = LAST_INSTANT
        old = f"coalesce({self._instant('old', column)}, {never})"
        new = f"coalesce({self._instant('new', column)}, {never})" if column.name in given else old
        return f"least({old}, {new})"

    def _instant(self, row: str, column: Column) -> str:
        held = f"{row}.{quote(column.name)}"
        return start_of_day(held, self.zone) if column.type == "date" else held


def ended(past: Past, collection: Collection, rows: str, since: str) -> None:
    """Note the accounts of stored rows (FROM and WHERE, as `kept`) whose end is set or taken back from an instant on."""
    held = physical_columns(collection)
    owner = "kept.key" if collection.name == "accounts" else "kept.account_key" if "account_key" in held else None
    if owner is not None:
        past.note(f"SELECT {owner}, {since} {rows}")
