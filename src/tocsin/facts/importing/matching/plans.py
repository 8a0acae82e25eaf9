"""What a person decided about tables before they are imported, and that as the `columns.yaml` of a mapping."""

from __future__ import annotations

import io
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from glob import escape
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML

from tocsin.core.errors import UserError
from tocsin.core.schema import COLLECTIONS
from tocsin.core.vocabulary import KNOWN, plain
from tocsin.facts.cells import date_format, decimal_sign
from tocsin.facts.importing.columns import Reading
from tocsin.facts.importing.encodings import encoding_named
from tocsin.facts.importing.matching import guesses
from tocsin.facts.importing.matching.formats import Written, written_as
from tocsin.facts.importing.matching.looks import Field, Look
from tocsin.facts.importing.sources import Source
from tocsin.facts.importing.stage import UPDATED

LONGEST_NAME = 100


@dataclass(frozen=True, slots=True)
class Match:
    """What becomes of a column of a file.

    target: the collection's column, the name of a custom attribute, or '' where it is left out. date_format, decimal: '' for
    ISO 8601 and plain numbers. values: what stands in the file -> what it means.
    """

    source: str
    target: str = ""
    date_format: str = ""
    decimal: str = ""
    values: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Table:
    """What becomes of a table. collection: '' where it is not imported. encoding: '' where the bytes tell it."""

    file: str
    sheet: str | None
    collection: str
    matches: tuple[Match, ...] = ()
    encoding: str = ""

    @property
    def name(self) -> str:
        """The file's name, with that of the sheet."""
        return self.file if self.sheet is None else f"{self.file}#{self.sheet}"

    @property
    def targets(self) -> tuple[str, ...]:
        """The columns that something is taken for."""
        return tuple(match.target for match in self.matches if match.target)

    @property
    def missing(self) -> list[str]:
        """The required columns that nothing is taken for."""
        return guesses.missing(self.collection, self.targets) if self.collection else []


def proposed(look: Look, collection: str | None = None, reading: Reading | None = None) -> Table:
    """What is proposed for a table.

    collection: None for the one that it most likely is. reading: that of a saved mapping, whose word goes before guesses.
    """
    chosen = guesses.collection_of(look) if collection is None else collection
    if not chosen or look.problem:
        return Table(look.file, look.sheet, "")
    found = guesses.match(look, chosen)
    matches = [
        Match(guess.source, guess.target, guess.written.date_format, guess.written.decimal, alike(chosen, guess.target, seen))
        for guess, seen in zip(found, look.fields, strict=True)
    ]
    encoding = ""
    if reading is not None:
        matches = _as_said(look, chosen, matches, reading)
        encoding = reading.encoding or ""
    return Table(look.file, look.sheet, chosen, tuple(matches), encoding)


def alike(collection: str, target: str, seen: Field) -> dict[str, str]:
    """What words of a column mean that differ from a known one in case, spaces and signs alone (`product issue`)."""
    known = KNOWN.get((collection, target), ())
    if not known or not seen.few:
        return {}
    by_plain = {plain(word): word for word in known}
    found = {value: by_plain.get(plain(value), value) for value, _ in seen.values}
    return {value: word for value, word in found.items() if value != word}


def _as_said(look: Look, collection: str, matches: Sequence[Match], reading: Reading) -> list[Match]:
    """The matches, each as a saved mapping says it, where it says anything of that column."""
    declared = COLLECTIONS[collection]
    said: list[Match] = []
    claimed = set(reading.rename.values())
    for each, seen in zip(matches, look.fields, strict=True):
        if each.source in reading.left_out:
            said.append(Match(each.source))
            continue
        known = each.source in reading.rename
        target = reading.rename.get(each.source, each.source if each.source in reading.columns else each.target)
        if not known and target in claimed and target != each.source:
            target = ""  # the mapping takes that column from another one
        formats = reading.columns.get(target)
        written = written_as(seen, declared.column(target).type) if target in declared else Written(1.0)
        said.append(
            Match(
                each.source,
                target,
                (formats.date_format if formats else None) or reading.formats.date_format or written.date_format,
                (formats.decimal if formats else None) or reading.formats.decimal or written.decimal,
                {given: meant or "" for given, meant in formats.values.items()} if formats else {},
            )
        )
    return said


def checked(table: Table) -> Table:
    """The table as it can be imported. UserError, naming the column, for what cannot be."""
    if not table.collection:
        return table
    if table.collection not in guesses.OFFERED:
        raise UserError(f"{table.name}: unknown collection {table.collection!r}")
    declared = COLLECTIONS[table.collection]
    seen: dict[str, str] = {}
    for match in table.matches:
        target = match.target.strip()
        place = f"{table.name}, column {match.source}"
        if len(target) > LONGEST_NAME or not target.isprintable():
            raise UserError(f"{place}: a name has at most {LONGEST_NAME} characters on one line")
        if target and target not in declared and target != UPDATED and not declared.custom:
            raise UserError(f"{place}: {table.collection} have no column {target!r} and take no columns of your own")
        if target in seen:
            raise UserError(
                f"{table.name}: both {seen[target]} and {match.source} are taken for {target}; leave one of them out"
            )
        if target:
            seen[target] = match.source
        try:
            if match.date_format:
                date_format(match.date_format)
            if match.decimal:
                decimal_sign(match.decimal)
        except UserError as error:
            raise UserError(f"{place}: {error}") from error
    if lacking := guesses.missing(table.collection, list(seen)):
        raise UserError(f"{table.name}: nothing is taken for {', '.join(lacking)}, which {table.collection} require")
    if table.encoding:
        encoding_named(table.encoding)
    return replace(table, matches=tuple(replace(match, target=match.target.strip()) for match in table.matches))


def as_yaml(tables: Sequence[Table], *, patterns: bool = False) -> str:
    """The `columns.yaml` by which these tables are imported as they were decided.

    patterns: files are named by patterns that take those of other days as well (`customers-2026-03.csv`).
    UserError where two tables of one collection contradict each other, or none is to be imported.
    """
    top: dict[str, Any] = {}
    for name in COLLECTIONS:
        of_it = [checked(table) for table in tables if table.collection == name]
        if of_it:
            top[name] = _of_collection(name, of_it, patterns)
    if not top:
        raise UserError("nothing is to be imported; say of one file at least which collection it is")
    writer, out = YAML(typ="safe", pure=True), io.StringIO()
    writer.default_flow_style = False
    writer.sort_base_mapping_type_on_output = False  # type: ignore[assignment]
    writer.width = 1_000
    writer.dump(top, out)
    return out.getvalue()


def _of_collection(name: str, tables: Sequence[Table], patterns: bool) -> dict[str, Any]:
    files = list(dict.fromkeys(pattern(table) if patterns else escape(table.name) for table in tables))
    made: dict[str, Any] = {"files": files}
    encodings = {table.encoding for table in tables}
    if len(encodings) > 1:
        raise _contradiction(name, "are in different encodings")
    if encoding := next(iter(encodings)):
        made["encoding"] = encoding
    fate: dict[str, str] = {}
    columns: dict[str, dict[str, Any]] = {}
    for table in tables:
        for match in table.matches:
            if fate.setdefault(match.source, match.target) != match.target:
                raise _contradiction(name, f"have a column {match.source} that becomes different things")
            if match.target:
                _add(columns.setdefault(match.target, {}), match, name)
    left_out = [source for source, target in fate.items() if not target]
    if left_out:
        made["leave_out"] = left_out
    for target, spec in columns.items():
        if spec["from"] == [target]:
            del spec["from"]
        elif len(spec["from"]) == 1:
            spec["from"] = spec["from"][0]
    kept = {target: spec for target, spec in columns.items() if spec}
    if kept:
        made["columns"] = kept
    return made


def _add(spec: dict[str, Any], match: Match, collection: str) -> None:
    """Add what one table says of a column to what others said."""
    if match.source not in spec.setdefault("from", []):
        spec["from"].append(match.source)
    for key, value in (("date_format", match.date_format), ("decimal", match.decimal)):
        if value and spec.setdefault(key, value) != value:
            raise _contradiction(collection, f"write {match.target} in different ways")
    for given, meant in match.values.items():
        if spec.setdefault("values", {}).setdefault(given, meant or None) != (meant or None):
            raise _contradiction(collection, f"mean different things by {given!r} in {match.target}")


def _contradiction(collection: str, what: str) -> UserError:
    return UserError(f"two files of {collection} {what}; import them one after the other")


def pattern(table: Table) -> str:
    """A pattern for the files that take the place of this one later on: what changes from day to day is left open."""
    stem = table.file.split(".")[0]
    name = escape(table.file)
    if sum(each.isalpha() for each in stem) >= 3:
        name = re.sub(r"\d[\d._T-]*\d|\d+", "*", escape(stem)) + name[len(escape(stem)) :]
    return name if table.sheet is None else f"{name}#{escape(table.sheet)}"


def reading_for(readings: Mapping[str, Reading], look: Look) -> tuple[str, Reading] | None:
    """The collection that a saved mapping says a table is, with its reading; None where it says nothing of that file."""
    source = Source(Path(look.file), look.file.split(".")[0], "", look.sheet)
    for name, reading in readings.items():
        if reading.names_file(source):
            return name, reading
    return None
