"""Writing data: tables for people, JSON, CSV and JSON lines for programs."""

from __future__ import annotations

import csv
import io
import itertools
import json
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime
from typing import Any

from tocsin.cli.console import Console
from tocsin.core.moment import iso

ROWS_AT_ONCE = 2000


def write(
    console: Console, rows: Iterable[Mapping[str, Any]], columns: Sequence[str], form: str, *, shown: Sequence[str] = ()
) -> None:
    """Write rows in a format: table, json, csv or jsonl.

    columns: the keys of a row, in order: JSON has all of them, also those of nested values. shown: those of the table; all
    where it is empty.
    """
    if form == "json":
        console.out(json.dumps([dict(row) for row in rows], ensure_ascii=False, indent=2, default=_json) + "\n")
    elif form == "jsonl":
        for row in rows:
            console.out(json.dumps(dict(row), ensure_ascii=False, default=_json) + "\n")
    elif form == "csv":
        write_csv(console, columns, ([row.get(column) for column in columns] for row in rows))
    else:
        write_table(console, shown or columns, [[row.get(column) for column in shown or columns] for row in rows])


def write_csv(console: Console, header: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
    """Write CSV: nulls empty, truths true and false, times ISO with a Z, numbers so that they read back the same."""
    buffer = io.StringIO()
    plain = csv.writer(buffer, lineterminator="\n")
    # A lone carriage return ends a line for readers, and the plain writer does not quote it.
    quoted = csv.writer(buffer, lineterminator="\n", quoting=csv.QUOTE_ALL)
    for count, row in enumerate(itertools.chain([header], rows)):
        cells = [cell(value) for value in row]
        (quoted if any("\r" in text for text in cells) else plain).writerow(cells)
        if count % ROWS_AT_ONCE == 0:
            console.out(buffer.getvalue())
            buffer.seek(0)
            buffer.truncate()
    console.out(buffer.getvalue())


def write_table(console: Console, header: Sequence[str], rows: Sequence[Sequence[Any]]) -> None:
    """Write a table for people: columns aligned, numbers to the right, the widest text column cut to fit the terminal."""
    if not rows:
        console.say("nothing to show")
        return
    cells = [[_shown(value) for value in row] for row in rows]
    widths = [max(_width(line[n]) for line in [list(header), *cells]) for n in range(len(header))]
    if console.tty:
        excess = sum(widths) + 2 * (len(widths) - 1) - console.width
        widest = max(range(len(widths)), key=widths.__getitem__)
        if excess > 0:
            widths[widest] = max(20, widths[widest] - excess)
    right = [all(isinstance(row[n], int | float) or row[n] is None for row in rows) for n in range(len(header))]
    console.out(_line(header, widths, right) + "\n")
    console.out(_line(["─" * width for width in widths], widths, right) + "\n")
    for line in cells:
        console.out(_line(line, widths, right) + "\n")


def cell(value: Any) -> str:
    """A value as CSV holds it."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        # repr reads back exactly; a whole number has no tail.
        return str(int(value)) if value.is_integer() and abs(value) < 1e15 else repr(value)
    if isinstance(value, datetime):
        return iso(value) if value.tzinfo else value.isoformat() + "Z"
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, list | tuple | dict):
        return json.dumps(value, ensure_ascii=False, default=_json)
    return str(value)


def _json(value: Any) -> Any:
    if isinstance(value, datetime | date):
        return cell(value)
    raise TypeError(f"{type(value).__name__} has no JSON")


def _shown(value: Any) -> str:
    if isinstance(value, float) and not value.is_integer():
        return f"{value:.6g}"
    text = cell(value)
    return "".join(letter if letter.isprintable() else " " for letter in text)


def _width(text: str) -> int:
    """Columns of a terminal that a text takes."""
    return sum(
        2 if unicodedata.east_asian_width(letter) in "WF" else 0 if unicodedata.combining(letter) else 1 for letter in text
    )


def _line(cells: Sequence[str], widths: Sequence[int], right: Sequence[bool]) -> str:
    parts = []
    for text, width, to_right in zip(cells, widths, right, strict=True):
        fitting = text if _width(text) <= width else text[: width - 1] + "…"
        gap = " " * max(0, width - _width(fitting))
        parts.append(gap + fitting if to_right else fitting + gap)
    return "  ".join(parts).rstrip()
