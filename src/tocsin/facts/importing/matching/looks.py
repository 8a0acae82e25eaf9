"""A first look at files: their columns, how often each is filled, and what stands in them. Nothing of it is stored."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import duckdb

from tocsin.core.errors import UserError
from tocsin.facts.importing.columns import Reading
from tocsin.facts.importing.csv_files import look as look_at_text
from tocsin.facts.importing.mapping import Mappings, Scratch, loose
from tocsin.facts.importing.open_files import Opener
from tocsin.facts.importing.raw import Raw
from tocsin.facts.importing.sources import Source, find_sources
from tocsin.facts.importing.xlsx_files import sheets
from tocsin.facts.layout import quote

EXAMPLES = 3
DISTINCT = 60  # a column with more different values than that is no list of words
KEPT = 400  # values of a column that guesses are made from
LONGEST = 200  # characters of a value that are kept
WIDEST = 400  # columns of a table that are looked at


@dataclass(frozen=True, slots=True)
class Field:
    """A column of a file.

    filled: rows in which it is not empty. distinct: how many different values it has. values: the most frequent ones with how
    often they come, all of them where there are few. sure: the file itself says that it is a time or a number.
    """

    name: str
    filled: int
    distinct: int
    values: tuple[tuple[str, int], ...]
    sure: bool = False

    @property
    def examples(self) -> tuple[str, ...]:
        """A few of its values."""
        return tuple(value for value, _ in self.values[:EXAMPLES])

    @property
    def few(self) -> bool:
        """Whether its values are all here, so that they can be words of a list."""
        return 0 < self.distinct <= DISTINCT


@dataclass(frozen=True, slots=True)
class Look:
    """A table: a file, or a sheet of a workbook. broken: rows that cannot be read. problem: why the whole cannot, else ''.

    encoding, separator: of delimited text, as the bytes tell them, else ''.
    """

    file: str
    sheet: str | None
    rows: int = 0
    broken: int = 0
    encoding: str = ""
    separator: str = ""
    fields: tuple[Field, ...] = field(default=())
    problem: str = ""

    @property
    def name(self) -> str:
        """The file's name, with that of the sheet."""
        return self.file if self.sheet is None else f"{self.file}#{self.sheet}"


def look_at(paths: Sequence[Path], *, told_from: Path, encodings: dict[str, str] | None = None) -> list[Look]:
    """What each of these files holds, of a workbook each sheet; one that cannot be read comes with the reason.

    told_from: the folder of the files. encodings: file -> its encoding, where the bytes are not to tell it.
    """
    found: list[Look] = []
    for path in paths:
        try:
            [source], _ = find_sources([path], told_from)
            names: list[str | None] = list(sheets(path, source.shown_as)) if source.format == "xlsx" else [None]
        except UserError as error:
            found.append(Look(path.name, None, problem=str(error)))
            continue
        tables = [_look(replace(source, sheet=name), (encodings or {}).get(path.name)) for name in names]
        # Of a workbook, sheets without anything are passed over, unless all of them are.
        found += [each for each in tables if not each.problem or len(tables) == 1] or tables[:1]
    return found


def _look(source: Source, encoding: str | None) -> Look:
    try:
        with tempfile.TemporaryDirectory(prefix="tocsin-look-", dir=source.path.parent) as folder:
            return _looked(source, encoding, Path(folder))
    except UserError as error:
        return Look(source.path.name, source.sheet, problem=str(error))


def _looked(source: Source, encoding: str | None, folder: Path) -> Look:
    seen = look_at_text(source.path, source.shown_as, encoding) if source.format == "csv" else None
    with closing(Scratch(folder)) as scratch:
        opener = Opener(scratch.connection, folder, Mappings(), lambda _name, _share: None)
        raw = opener.read(scratch.connection, source, loose("table"), Reading(encoding=encoding), "looked")
        good = "WHERE problem IS NULL" if raw.marked else ""
        counted = scratch.connection.execute(
            f"SELECT count(*), count(*) FILTER ({'problem IS NOT NULL' if raw.marked else 'false'}) FROM {raw.table}"
        ).fetchone() or (0, 0)
        fields = _fields(scratch.connection, raw, good)
    return Look(
        source.path.name,
        source.sheet,
        int(counted[0]) - int(counted[1]),
        int(counted[1]),
        seen.encoding if seen else "",
        seen.separator if seen else "",
        fields,
    )


def _fields(cursor: duckdb.DuckDBPyConnection, raw: Raw, good: str) -> tuple[Field, ...]:
    """The columns of a table: one query that counts, one that gives the values of all of them."""
    columns = [each for each in raw.columns if each.name][:WIDEST]
    if not columns:
        return ()
    cells = [f"nullif(left(trim(CAST({quote(each.held)} AS VARCHAR)), {LONGEST}), '')" for each in columns]
    counts = ", ".join(f"count({cell}), approx_count_distinct({cell})" for cell in cells)
    found: tuple[Any, ...] = cursor.execute(f"SELECT {counts} FROM {raw.table} {good}").fetchone() or ()
    made = []
    for at, (column, cell) in enumerate(zip(columns, cells, strict=True)):
        filled, about = int(found[2 * at]), int(found[2 * at + 1])
        # Of a column with many values the first rows tell enough, and counting all would tell nothing more.
        few = about <= 2 * DISTINCT
        part = raw.table if few else f"(SELECT * FROM {raw.table} {good} LIMIT 5000)"
        rows = cursor.execute(
            f"SELECT {cell} AS v, count(*) AS n FROM {part} {good if few else ''} GROUP BY v HAVING v IS NOT NULL "
            f"ORDER BY n DESC, v LIMIT {KEPT}"
        ).fetchall()
        distinct = len(rows) if few and len(rows) < KEPT else max(about, len(rows))
        made.append(Field(column.source or column.name, filled, distinct, tuple(rows), column.kind != "text"))
    return tuple(made)
