"""The patient reader of delimited text: line by line, for files with broken rows or in other encodings, in batches.

A row that cannot be read is handed on with the reason, and the next one is read from the line after it.
"""

from __future__ import annotations

import codecs
import csv
import json
from collections import deque
from collections.abc import Iterator, Sequence
from pathlib import Path

import duckdb

from tocsin.facts.importing.batches import Record, fill_table
from tocsin.facts.importing.raw import RawColumn

LONGEST_LINE = 2_000_000
_CUT = 1_000

csv.field_size_limit(1 << 30)


class _TooLongError(Exception):
    """A row that goes on beyond all measure: an unclosed quote, or a line that is over-long."""


class _Lines:
    """Physical lines, numbered, those of the row under way kept, so that reading can begin again behind a broken one."""

    def __init__(self, file: Path, encoding: str) -> None:
        errors = "surrogateescape" if encoding == "utf-8" else "replace"
        encoding = "utf-8-sig" if encoding == "utf-8" else "cp1252tolerant" if encoding == "cp1252" else encoding
        self.source = file.open(encoding=encoding, errors=errors, newline="")
        self.again: deque[str] = deque()
        self.number = 0
        self.kept: list[str] = []
        self.length = 0

    def __iter__(self) -> _Lines:
        return self

    def __next__(self) -> str:
        if not self.again:
            line = self.source.readline(LONGEST_LINE)
            if not line:
                raise StopIteration
        else:
            line = self.again.popleft()
        self.number += 1
        self.kept.append(line)
        self.length += len(line)
        if self.length >= LONGEST_LINE:
            raise _TooLongError
        return line

    def begin(self) -> int:
        """A new row begins; gives the number of its first line."""
        self.kept, self.length = [], 0
        return self.number + 1

    def retreat(self) -> str:
        """Give up the row under way: its first line, whole; reading goes on behind it."""
        first, *rest = self.kept
        self.again.extendleft(reversed(rest))
        self.number -= len(rest)
        if not rest and len(first) >= LONGEST_LINE and first[-1:] not in "\r\n":
            while (part := self.source.readline(LONGEST_LINE)) and part[-1:] not in "\r\n":
                continue
        return first

    def close(self) -> None:
        """Let go of the file."""
        self.source.close()


def _tolerant(name: str) -> codecs.CodecInfo | None:
    """Windows-1252 with the five bytes that it leaves open read as Latin-1 has them, as browsers do."""
    if name != "cp1252tolerant":
        return None
    table = "".join(bytes([byte]).decode("cp1252", "ignore") or chr(byte) for byte in range(256))

    class Decoder(codecs.IncrementalDecoder):
        def decode(self, data: bytes, final: bool = False) -> str:  # type: ignore[override]  # noqa: ARG002
            return codecs.charmap_decode(data, self.errors, table)[0]

    base = codecs.lookup("cp1252")
    return codecs.CodecInfo(
        base.encode, lambda data, errors="strict": codecs.charmap_decode(data, errors, table),
        incrementaldecoder=Decoder, incrementalencoder=base.incrementalencoder, name=name,
    )  # fmt: skip


codecs.register(_tolerant)


def records(file: Path, encoding: str, separator: str) -> Iterator[Record]:
    """The rows of a file in order, the header first; blank lines are passed over."""
    lines = _Lines(file, encoding)
    try:
        reader = csv.reader(lines, delimiter=separator, strict=True)
        while True:
            number = lines.begin()
            try:
                cells = next(reader)
            except StopIteration:
                return
            except (csv.Error, _TooLongError) as error:
                several = len(lines.kept) > 1
                text = lines.retreat()
                yield Record(number, problem=_why(error, several=several), text=text)
                reader = csv.reader(lines, delimiter=separator, strict=True)
                continue
            if not cells or (len(cells) == 1 and not cells[0].strip()):
                continue
            yield Record(number, cells)
    finally:
        lines.close()


def _why(error: Exception, *, several: bool) -> str:
    if several or "unexpected end" in str(error):
        return "a quote is opened and never closed; double the quotes within a cell"
    if isinstance(error, _TooLongError):
        return f"the line is longer than {LONGEST_LINE:,} characters"
    return f"the quotes are broken ({error}); double the quotes within a cell"


def fill(
    cursor: duckdb.DuckDBPyConnection,
    table: str,
    file: Path,
    encoding: str,
    separator: str,
    width: int,
    columns: Sequence[RawColumn],
) -> None:
    """The rows behind the header in a temporary table, with `line`, `problem` and `given`."""
    found = records(file, encoding, separator)
    header = next(found, Record(0))
    found_rows = (checked(record, header.cells, width) for record in found)
    fill_table(cursor, table, found_rows, [column.held for column in columns], [int(column.held[1:]) for column in columns])


def checked(record: Record, header: Sequence[str], width: int) -> Record:
    """A row with as many cells as there are columns and no broken letters, or with the problem that it has."""
    if record.problem is not None:
        return Record(record.line, problem=record.problem, text=json.dumps(_clean(record.text[:_CUT])))
    cells = list(record.cells)
    while len(cells) > width and not cells[-1].strip():
        cells.pop()
    problem = None
    if len(cells) != width:
        problem = f"the row has {len(cells):,} cells where the header has {width:,}"
    elif not _is_text(cells):
        problem = "the row is not UTF-8; save the file in UTF-8"
    if problem is None:
        return Record(record.line, cells)
    named: dict[str, object] = {name: _clean(cell[:_CUT]) for name, cell in zip(header, cells, strict=False)}
    if len(cells) > width:
        named["(more)"] = [_clean(cell[:_CUT]) for cell in cells[width : width + 50]]
    return Record(record.line, problem=problem, text=json.dumps(named))


def _is_text(cells: Sequence[str]) -> bool:
    try:
        "".join(cells).encode()
    except UnicodeEncodeError:
        return False
    return True


def _clean(text: str) -> str:
    """A text in which what is no Unicode is shown as escapes."""
    return text.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")
