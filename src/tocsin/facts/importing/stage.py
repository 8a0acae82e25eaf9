"""From rows as received to typed rows with keys, and a reason for each that cannot be stored: one SQL statement a file."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from zoneinfo import ZoneInfo

import duckdb

from tocsin.core.schema import COLLECTIONS, Collection, Column
from tocsin.facts.cells import FIRST_INSTANT, LAST_INSTANT, WANTED, Formats, as_text, mapped, parsed
from tocsin.facts.importing.raw import Raw, RawColumn
from tocsin.facts.layout import literal, physical_name, quote

LONGEST = 1_048_576
NEVER = "TIMESTAMP '2400-01-01'"
UPDATED = "updated_at"
OWNERS = {"account_history": "accounts", "people_history": "people"}
# Ids derived from a row keep null and the border between columns apart from all text.
_NULL, _BORDER = "chr(30)", "chr(31)"


@dataclass(frozen=True, slots=True)
class Staged:
    """Typed rows: `ord` (number in the file from 0), `reason` (null where the row is good), the columns.

    columns: the held names of the declared columns that the file gives (a derived id among them).
    customs: custom attribute -> its column here.
    keys:    the held columns that identify a row.
    dated:   the file says when its rows changed (`changed_at`).
    by_catalog: column that the file lacks -> the one here that says what the event catalog makes of a new row.
    """

    collection: Collection
    table: str
    columns: tuple[str, ...]
    customs: dict[str, str]
    keys: tuple[str, ...]
    dated: bool
    by_catalog: Mapping[str, str] = field(default_factory=dict)


def make_references(cursor: duckdb.DuckDBPyConnection, among: Iterable[str] | None = None) -> None:
    """The temporary table of all names of accounts: own ids and aliases; key -1 where an alias is ambiguous.

    among: only these names, where no others are looked up; of a large book that is much less.
    """
    wanted = "IN (SELECT unnest($1))" if among is not None else "IS NOT NULL"
    cursor.execute(
        f"""
        CREATE OR REPLACE TEMP TABLE account_refs AS
        SELECT id AS ref, key, id FROM accounts WHERE id {wanted}
        UNION ALL
        SELECT aliases.external_id,
               CASE WHEN count(DISTINCT aliases.account_key) > 1 THEN -1 ELSE min(aliases.account_key) END,
               min(named.id)
        FROM account_aliases AS aliases JOIN accounts AS named ON named.key = aliases.account_key
        WHERE aliases.external_id {wanted} AND aliases.external_id NOT IN (SELECT id FROM accounts)
        GROUP BY aliases.external_id
        """,
        [list(among)] if among is not None else [],
    )


def stage(cursor: duckdb.DuckDBPyConnection, raw: Raw, zone: ZoneInfo, table: str = "staged") -> Staged:
    """Type, resolve and check every row of a file; makes the temporary table and describes it."""
    return _Staging(raw, zone, table).run(cursor)


class _Staging:
    """The parts of the one statement, gathered column by column."""

    def __init__(self, raw: Raw, zone: ZoneInfo, table: str) -> None:
        self.raw, self.zone, self.table = raw, zone, table
        self.collection = raw.collection
        self.inner: list[str] = ["raw.rowid AS ord"]
        self.outer: list[str] = []
        self.reasons: list[str] = []
        self.columns: list[str] = []
        self.customs: dict[str, str] = {}
        self.joins: list[str] = []
        self.by_catalog: dict[str, str] = {}

    def run(self, cursor: duckdb.DuckDBPyConnection) -> Staged:
        if self.raw.marked:
            self.inner.append("raw.problem AS problem")
            self.reasons.append("WHEN problem IS NOT NULL THEN problem")
        self.add_accounts()
        self.add_persons(cursor)
        for column in self.collection:
            given = self.raw.column(column.name)
            if given is not None and column.name not in ("account_id", "person_id"):
                self.add(column, given)
        self.add_customs()
        dated = self.add_updated_at()
        self.add_catalog(cursor)
        keys = self.add_id()
        reason = f"CASE {' '.join(self.reasons)} END" if self.reasons else "CAST(NULL AS VARCHAR)"
        cursor.execute(
            f"CREATE OR REPLACE TEMP TABLE {self.table} AS SELECT ord, {', '.join(self.outer)}, {reason} AS reason "
            f"FROM (SELECT {', '.join(self.inner)} FROM {self.raw.table} AS raw {' '.join(self.joins)}{self.read()})"
        )
        return Staged(self.collection, self.table, tuple(self.columns), self.customs, keys, dated, self.by_catalog)

    def read(self) -> str:
        """The condition of the rows that are read at all."""
        column = self.raw.column("field")
        if column is None or not self.raw.passed_over:
            return ""
        fields = ", ".join(literal(each) for each in self.raw.passed_over)
        return f" WHERE coalesce({self.text(column)} NOT IN ({fields}), true)"

    def text(self, column: RawColumn) -> str:
        """The cell after the value map; null where it is empty."""
        cell = f"raw.{quote(column.held)}"
        if column.kind != "text":
            return cell
        return mapped(cell if self.raw.plain else f"nullif({cell}, '')", column.formats)

    def add(self, column: Column, given: RawColumn) -> None:
        """A declared column: its typed value, and what is wrong where a cell has none."""
        name, text = column.name, self.text(given)
        held, source = quote(physical_name(name)), quote(f"text of {name}")
        if given.kind == "text":
            value = parsed(text, column.type, self.zone, given.formats)
        else:
            value = f"CASE WHEN isfinite({text}) THEN {text} END"
        if name == "value" and self.collection.name in OWNERS:
            value = self.history_value(text, given)
        if name == "id" and self.collection.name == "accounts":
            self.joins.append(f"LEFT JOIN account_refs AS own ON own.ref = {text}")
            self.inner.append("own.key AS known_key")
            self.reasons.append(self.ambiguous(source, "known_key", "id"))
            value = f"coalesce(own.id, {text})"
        self.inner += [f"{value} AS {held}", f"{text} AS {source}"]
        self.outer.append(held)
        self.columns.append(physical_name(name))
        required = column.required or (self.collection.identity == ("id",) and name == "id")
        if (required and name != "value") or required:
            self.reasons.append(f"WHEN {source} IS NULL THEN {literal(f'{name} is empty, and a row needs one')}")
        self.reasons += self.faults(column, held, source)

    def faults(self, column: Column, held: str, source: str) -> list[str]:
        """What can be wrong with a cell that is not empty."""
        shown = f"{literal(column.name + ' ')} || {_shown(source)} || "
        if column.type in ("text", "any"):
            if self.raw.plain:
                return []
            bad = f"strlen({source}) > {LONGEST} OR contains({source}, chr(0))"
            too = f"WHEN {bad} THEN {literal(column.name + ' is ' + WANTED[column.type])}"
            return [too]
        found = [f"WHEN {source} IS NOT NULL AND {held} IS NULL THEN {shown}{literal(' is ' + WANTED[column.type])}"]
        if column.type == "time":
            outside = f"WHEN {held} < {FIRST_INSTANT} OR {held} > {LAST_INSTANT}"
            found.append(f"{outside} THEN {shown}{literal(' lies outside the years 1 to 9999')}")
            if column.name == self.collection.start:
                # An end may be written so where there is none; nothing begins then.
                found.append(f"WHEN {held} >= {NEVER} THEN {shown}{literal(' lies too far ahead for anything to begin')}")
        return found

    def history_value(self, text: str, given: RawColumn) -> str:
        """The value of a history entry: checked against the declared type of its field, and normalised to cast back."""
        fields = self.raw.column("field")
        if fields is None:
            return text
        name = self.text(fields)
        if self.raw.words:
            meant = [f"WHEN {literal(each)} THEN {mapped(text, Formats(values=own))}" for each, own in self.raw.words.items()]
            text = f"CASE {name} {' '.join(meant)} ELSE {text} END"
        by_type: dict[str, list[str]] = {}
        for column in COLLECTIONS[OWNERS[self.collection.name]]:
            if column.type not in ("text", "any"):
                by_type.setdefault(column.type, []).append(column.name)
        cases, wrong = [], []
        for kind, columns in by_type.items():
            value = parsed(text, kind, self.zone, given.formats)
            kept = as_text(value, kind)
            if kind == "number" and given.formats.decimal is None:
                kept = f"CASE WHEN {value} IS NOT NULL THEN trim({text}) END"
            among = f"IN ({', '.join(literal(column) for column in columns)})"
            cases.append(f"WHEN {name} {among} THEN {kept}")
            wrong.append(f"WHEN {quote('text of field')} {among} THEN {literal(' is ' + WANTED[kind])}")
        # The field's name comes with another column, so the check stands in the outer statement.
        source = quote("text of value")
        self.reasons.append(
            f"WHEN {source} IS NOT NULL AND {quote('value')} IS NULL THEN {literal('value ')} || {_shown(source)} || "
            f"{literal(' of ')} || {quote('text of field')} || CASE {' '.join(wrong)} ELSE '' END"
        )
        return f"CASE {' '.join(cases)} ELSE {text} END"

    def add_accounts(self) -> None:
        """The account that a row names by its id or by an alias."""
        column, given = self._declared("account_id")
        if column is None or given is None:
            return
        text, source = self.text(given), quote("text of account_id")
        self.joins.append(f"LEFT JOIN account_refs AS own ON own.ref = {text}")
        self.inner += ["own.key AS account_key", "own.id AS account_of", f"{text} AS {source}"]
        self.outer += ["account_key"]
        self.columns.append("account_key")
        if column.required:
            self.reasons.append(f"WHEN {source} IS NULL THEN 'account_id is empty, and a row needs one'")
        self.reasons.append(self.ambiguous(source, "account_key", "account_id"))
        self.reasons.append(
            f"WHEN {source} IS NOT NULL AND account_key IS NULL THEN 'unknown account ' || {_shown(source)} || "
            "'; import the account, or give the id of one as its alias'"
        )

    @staticmethod
    def ambiguous(source: str, key: str, name: str) -> str:
        """The case of an alias that several accounts have."""
        return (
            f"WHEN {key} = -1 THEN {literal(name + ' ')} || {_shown(source)} || "
            "' is an alias of several accounts; name the account by its own id'"
        )

    def add_persons(self, cursor: duckdb.DuckDBPyConnection) -> None:
        """The person that a row names; whoever is not known yet gets a key, and is no person by that."""
        name = "id" if self.collection.name == "people" else "person_id"
        column, given = self._declared(name)
        if column is None or given is None:
            return
        text, source = self.text(given), quote("text of person_id")
        cursor.execute(
            "INSERT INTO person_keys "
            "SELECT (SELECT coalesce(max(key), 0) FROM person_keys) + row_number() OVER (ORDER BY id), id "
            f"FROM (SELECT DISTINCT {text} AS id FROM {self.raw.table} AS raw) AS seen "
            f"WHERE id IS NOT NULL AND id NOT IN (SELECT id FROM person_keys)"
        )
        self.joins.append(f"LEFT JOIN person_keys AS who ON who.id = {text}")
        if name == "id":
            self.inner.append("who.key AS person_of")
            self.outer.append("person_of")
            return
        self.inner += ["who.key AS person_key", f"{text} AS {source}"]
        self.outer.append("person_key")
        self.columns.append("person_key")
        if column.required:
            self.reasons.append(f"WHEN {source} IS NULL THEN 'person_id is empty, and a row needs one'")

    def add_catalog(self, cursor: duckdb.DuckDBPyConnection) -> None:
        """What an event is by its name, where the file does not say it; its derived id is of what the file says."""
        name = self.raw.column("name")
        if self.collection.name != "events" or name is None:
            return
        if cursor.execute("SELECT 1 FROM event_catalog LIMIT 1").fetchone() is None:
            return
        self.joins.append(
            "LEFT JOIN (SELECT name, any_value(kind) AS kind, any_value(feature) AS feature FROM event_catalog GROUP BY name) "
            f"AS catalog ON catalog.name = {self.text(name)}"
        )
        for column in ("kind", "feature"):
            self.inner.append(f"catalog.{column} AS {column}_of")
            if column in self.columns:
                self.outer[self.outer.index(quote(column))] = f"coalesce({quote(column)}, {column}_of) AS {quote(column)}"
            else:
                self.outer.append(f"{column}_of")
                self.by_catalog[column] = f"{column}_of"

    def add_customs(self) -> None:
        """Columns that the collection does not declare become custom attributes, as text."""
        if not self.collection.custom:
            return
        for at, given in enumerate(self.raw.columns):
            if given.name in self.collection or given.name == UPDATED or not given.name:
                continue
            held = f"custom{at}"
            text = self.text(given)
            if given.type not in (None, "text") and given.kind == "text":
                source, column = quote(f"text of {given.name}"), Column(given.name, given.type)  # type: ignore[arg-type]
                value = as_text(parsed(text, given.type, self.zone, given.formats), given.type)
                self.inner += [f"{value} AS {held}", f"{text} AS {source}"]
                wrong = f"{literal(column.name + ' ')} || {_shown(source)} || {literal(' is ' + WANTED[column.type])}"
                self.reasons.append(f"WHEN {source} IS NOT NULL AND {held} IS NULL THEN {wrong}")
            else:
                self.inner.append(f"{text} AS {held}")
            self.outer.append(held)
            self.customs[given.name] = held

    def add_updated_at(self) -> bool:
        """When the file says that its row changed; of subscriptions, where it can be read."""
        recorded = self.collection.history is not None
        given = self.raw.column(UPDATED) if recorded or self.collection.name == "subscriptions" else None
        if given is None:
            return False
        column, text = Column(UPDATED, "time"), self.text(given)
        value = parsed(text, "time", self.zone, given.formats) if given.kind == "text" else text
        self.inner += [f"{value} AS changed_at", f"{text} AS {quote('text of updated_at')}"]
        self.outer.append("changed_at")
        if recorded:
            self.reasons += self.faults(column, "changed_at", quote("text of updated_at"))
        return True

    def add_id(self) -> tuple[str, ...]:
        """The key of a row: its id (derived from what identifies it, where it has none) or the identity itself."""
        if not self.collection.keyed_by_id:
            identity = [physical_name(name) for name in self.collection.identity]
            if self.collection.name in OWNERS:
                identity.append("value")  # two entries at one instant are both kept: which one counts is settled later
            return tuple(name for name in identity if name in self.columns)
        if self.collection.identity != ("id",):
            parts = [self._identifying(name) for name in self.collection.identity]
            derived = f"md5(concat_ws({_BORDER}, {', '.join(parts)}))"
            if "id" in self.columns:
                self.outer[self.outer.index(quote("id"))] = f"coalesce({quote('id')}, {derived}) AS {quote('id')}"
            else:
                self.outer.append(f"{derived} AS {quote('id')}")
                self.columns.append("id")
        return ("id",)

    def _identifying(self, name: str) -> str:
        if name == "account_id":
            held = "account_of" if "account_key" in self.columns else "NULL"
        elif name == "person_id":
            held = quote("text of person_id") if "person_key" in self.columns else "NULL"
        else:
            held = quote(name) if name in self.columns else "NULL"
        return f"coalesce(CAST({held} AS VARCHAR), {_NULL})"

    def _declared(self, name: str) -> tuple[Column | None, RawColumn | None]:
        if name not in self.collection:
            return None, None
        return self.collection.column(name), self.raw.column(name)


def _shown(source: str) -> str:
    """A cell as it is quoted in a reason: the first 60 characters, without line ends or NULs."""
    text = f"CAST({source} AS VARCHAR)"
    cut = f"left({text}, 60) || CASE WHEN length({text}) > 60 THEN '...' ELSE '' END"
    return f"'''' || regexp_replace({cut}, '[\\x00-\\x1f]', ' ', 'g') || ''''"
