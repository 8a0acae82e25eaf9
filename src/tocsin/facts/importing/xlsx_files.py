"""Workbooks: a sheet named after its collection, or a file named after it, read row by row without loading the book."""

from __future__ import annotations

import json
import warnings
import zipfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import date, datetime, time, timedelta
from pathlib import Path
from typing import Any

import duckdb

from tocsin.core.errors import UserError
from tocsin.core.schema import Collection
from tocsin.facts.duckdb import one_line
from tocsin.facts.importing.batches import Record, fill_table
from tocsin.facts.importing.columns import Reading, match_columns
from tocsin.facts.importing.raw import Raw
from tocsin.facts.importing.sources import shown


def sheets(file: Path, shown_as: Path) -> list[str]:
    """The names of a workbook's sheets. UserError where it is none."""
    with _opened(file, shown_as) as book:
        return [str(name) for name in book.sheetnames]


def read_xlsx(
    cursor: duckdb.DuckDBPyConnection,
    file: Path,
    shown_as: Path,
    sheet: str | None,
    collection: Collection,
    reading: Reading,
    table: str,
) -> Raw:
    """The rows of a sheet in a temporary table; UserError where it cannot be read.

    sheet: None for the one named after the collection, else the first.
    """
    with _opened(file, shown_as) as book:
        page = book[sheet] if sheet is not None else _own_sheet(book, collection)
        page.reset_dimensions()  # files made by programs often tell a wrong size
        rows = _rows(page)
        header = next((cells for _, cells in rows), [])
        while header and not header[-1]:
            header.pop()
        if not header:
            raise UserError(f"{shown(shown_as)} is empty; its first row must name the columns")
        columns, notes = match_columns(header, collection, shown_as, reading)
        records = (_record(line, cells, header) for line, cells in rows)
        places = [int(column.held[1:]) for column in columns]
        fill_table(cursor, table, records, [column.held for column in columns], places)
    label = f"{shown_as}" if sheet is None else f"{shown_as}#{sheet}"
    return Raw(collection, label, table, columns, marked=True, notes=notes)


@contextmanager
def _opened(file: Path, shown_as: Path) -> Iterator[Any]:
    """A workbook for as long as it is read. UserError where it is none, or breaks off."""
    import openpyxl  # takes longer to load than all else of an import, and few bring workbooks

    with file.open("rb") as stream, warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of styles and validations that do not concern the cells
        try:
            book = openpyxl.load_workbook(stream, read_only=True, data_only=True)
        except Exception as error:
            # The library lets through whatever its XML parser and its archive reader meet.
            raise UserError(f"{shown(shown_as)} is no .xlsx workbook; save it as one, or as CSV") from error
        try:
            yield book
        except (KeyError, ValueError, IndexError, SyntaxError, zipfile.BadZipFile) as error:
            raise UserError(f"{shown(shown_as)} is no workbook that can be read: {one_line(error)}") from error
        finally:
            book.close()


def _own_sheet(book: Any, collection: Collection) -> Any:
    named = [page for page in book.worksheets if page.title.strip().lower() == collection.name]
    return named[0] if named else book.worksheets[0]


def _rows(page: Any) -> Iterator[tuple[int, list[str]]]:
    """The rows that are not blank, as texts, with their number in the sheet."""
    for line, cells in enumerate(page.iter_rows(values_only=True), 1):
        texts = [_text(cell) for cell in cells]
        if any(texts):
            yield line, texts


def _record(line: int, cells: list[str], header: Sequence[str]) -> Record:
    while len(cells) > len(header) and not cells[-1]:
        cells.pop()
    if len(cells) > len(header):
        named: dict[str, object] = dict(zip(header, cells, strict=False))
        given = json.dumps({**named, "(more)": cells[len(header) :][:50]})
        return Record(line, problem=f"the row has {len(cells)} cells where the header has {len(header)}", text=given)
    return Record(line, [*cells, *([""] * (len(header) - len(cells)))])


def _text(value: Any) -> str:
    """A cell as the text that a CSV file would hold; times of a sheet know no zone."""
    match value:
        case None:
            return ""
        case bool():
            return "true" if value else "false"
        case float() if value.is_integer() and abs(value) < 1e15:
            return str(int(value))
        case datetime() if value.time() == time.min:
            return value.date().isoformat()
        case datetime() | date() | time():
            return value.isoformat()
        case timedelta():
            return str(value.total_seconds())
    return str(value)
