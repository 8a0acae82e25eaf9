"""A file's header against the declaration of its collection: what is missing, what is left out, what is custom."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from difflib import get_close_matches
from fnmatch import fnmatchcase
from pathlib import Path

from tocsin.core.errors import UserError
from tocsin.core.schema import Collection
from tocsin.facts.cells import Formats
from tocsin.facts.importing.raw import RawColumn
from tocsin.facts.importing.sources import Source, shown
from tocsin.facts.importing.stage import UPDATED


@dataclass(frozen=True, slots=True)
class Reading:
    """How the cells of one collection are to be read.

    formats: for all columns; columns: for those named, by their name in the contract; rename: file's name -> contract's;
    types: custom attribute -> the type that all its cells must have. left_out: the file's names of columns that are not read.
    files: names of files (or patterns of them) that hold this collection whatever they are called; of a sheet of a workbook
    `book.xlsx#Sheet`. encoding: of delimited text, as Python names it; None where the bytes tell it.
    """

    formats: Formats = field(default_factory=Formats)
    columns: Mapping[str, Formats] = field(default_factory=dict)
    rename: Mapping[str, str] = field(default_factory=dict)
    types: Mapping[str, str] = field(default_factory=dict)
    left_out: frozenset[str] = frozenset()
    files: tuple[str, ...] = ()
    encoding: str | None = None

    def names_file(self, source: Source) -> bool:
        """Whether a file, or a sheet of a workbook, holds this collection by the mapping's word."""
        wanted = [each for each in self.files if source.sheet is None or "#" in each]
        return any(fnmatchcase(source.name.lower(), pattern.lower()) for pattern in wanted)


def match_columns(
    header: Sequence[str], collection: Collection, path: Path, reading: Reading
) -> tuple[list[RawColumn], tuple[str, ...]]:
    """The columns of a file under the names of the contract (held as c0, c1, ...), and notes on those left out.

    UserError where a required column is missing or one stands there twice. Upper and lower case of declared names and
    white space around names do not matter.
    """
    made: list[RawColumn] = []
    for at, source in enumerate(header):
        if source in reading.left_out or source.strip() in reading.left_out:
            continue
        name = reading.rename.get(source, reading.rename.get(source.strip(), source.strip()))
        if (name not in collection and name.lower() in collection) or name.lower() == UPDATED:
            name = name.lower()
        formats = reading.columns.get(name, Formats())
        merged = replace(
            reading.formats,
            date_format=formats.date_format or reading.formats.date_format,
            decimal=formats.decimal or reading.formats.decimal,
            values=formats.values,
        )
        made.append(RawColumn(name, f"c{at}", "text", merged, source, reading.types.get(name)))
    _check(made, collection, path)
    left_out = [column.name for column in made if column.name and column.name not in collection and column.name != UPDATED]
    if collection.custom or not left_out:
        return made, ()
    listed = ", ".join(left_out[:12]) + (f" and {len(left_out) - 12} more" if len(left_out) > 12 else "")
    return made, (f"columns left out, which {collection.name} do not have: {_printable(listed)}",)


def _check(columns: Sequence[RawColumn], collection: Collection, path: Path) -> None:
    given = [column.name for column in columns if column.name]
    twice = sorted({name for name in given if given.count(name) > 1}) if len(set(given)) < len(given) else []
    if twice:
        raise UserError(f"{shown(path)}: the column {_printable(twice[0])} stands there twice; rename or remove one")
    missing = [name for name in collection.required if name not in given]
    if missing:
        near = get_close_matches(missing[0], given, 1)
        hint = f"is it {_printable(near[0])!r}?" if near else f"the file has {_printable(', '.join(given))[:200]}"
        raise UserError(f"{shown(path)}: the required column {', '.join(missing)} of {collection.name} is missing; {hint}")


def _printable(text: str) -> str:
    """A text from a file, on one line and without control characters."""
    return "".join(letter if letter.isprintable() else "?" for letter in text)[:400]
