"""Delimited text, by the engine's own parallel reader; `csv_slow` takes what that one refuses."""

from __future__ import annotations

import codecs
import csv
import io
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import duckdb

from tocsin.core.errors import UserError
from tocsin.core.schema import Collection
from tocsin.facts.importing import csv_slow
from tocsin.facts.importing.columns import Reading, match_columns
from tocsin.facts.importing.raw import Raw
from tocsin.facts.importing.sources import shown
from tocsin.facts.layout import literal

CHUNK = 8 << 20
SAMPLE = 1 << 20
SEPARATORS = ",;\t|"
# A wider file keeps only the columns that its collection has.
WIDEST = 500


@dataclass(frozen=True, slots=True)
class Look:
    """What a first look at the bytes tells.

    header: the names of the columns. ends: line ends, an unended last line among them. plain: the parallel reader can
    take it (UTF-8 without NULs, one kind of line end, nothing before the header). encoding: as Python names it.
    """

    separator: str
    header: tuple[str, ...]
    ends: int
    plain: bool
    encoding: str


def read_csv(
    cursor: duckdb.DuckDBPyConnection, file: Path, shown_as: Path, collection: Collection, reading: Reading, table: str
) -> Raw:
    """The rows of a delimited file in a temporary table.

    file: a path whose name holds no pattern; shown_as: the path as it was given. UserError where the file cannot be read.
    """
    seen = look(file, shown_as, reading.encoding)
    columns, notes = match_columns(seen.header, collection, shown_as, reading)
    if len(columns) > WIDEST and not collection.custom:
        columns = [column for column in columns if column.name in collection]
    lines = _Lines(file, seen)
    if seen.plain:
        held = "{" + ", ".join(f"{literal(f'c{at}')}: 'VARCHAR'" for at in range(len(seen.header))) + "}"
        options = (
            f"columns={held}, header=true, auto_detect=false, delim={literal(seen.separator)}, quote='\"', escape='\"', "
            f"nullstr='', max_line_size={csv_slow.LONGEST_LINE}, compression='none'"
        )
        names = ", ".join(column.held for column in columns)
        try:
            cursor.execute(
                f"CREATE OR REPLACE TEMP TABLE {table} AS SELECT {names} FROM read_csv({literal(str(file))}, {options})"
            )
        except (duckdb.InvalidInputException, duckdb.ConversionException, duckdb.OutOfRangeException):
            pass  # a line that only the patient reader can take
        else:
            return Raw(collection, str(shown_as), table, columns, line_of=lines, plain=True, notes=notes)
    csv_slow.fill(cursor, table, file, seen.encoding, seen.separator, len(seen.header), columns)
    return Raw(collection, str(shown_as), table, columns, marked=True, notes=notes)


@dataclass(frozen=True, slots=True)
class Bytes:
    """What one pass over a file's bytes tells.

    ends: line ends, an unended last line among them; one_kind: all of them are the same; beginning: the first megabyte.
    """

    ends: int
    one_kind: bool
    nuls: int
    encoding: str
    beginning: str


def scan(file: Path, encoding: str | None = None) -> Bytes:
    """One pass over the bytes of a file; its encoding by its mark, by being UTF-8, else Windows-1252, unless it is given."""
    with file.open("rb") as stream:
        sample = stream.read(SAMPLE)
    asked, encoding = encoding, encoding or _by_mark(sample)
    ends = returns = both = nuls = 0
    last = b""
    decoder: codecs.IncrementalDecoder | None = codecs.getincrementaldecoder("utf-8")() if encoding == "utf-8" else None
    with file.open("rb") as stream:
        while chunk := stream.read(CHUNK):
            ends += chunk.count(b"\n")
            returns += chunk.count(b"\r")
            both += chunk.count(b"\r\n") + (last == b"\r" and chunk[:1] == b"\n")
            nuls += chunk.count(b"\0")
            last = chunk[-1:]
            decoder = _valid(decoder, chunk)
    if encoding == "utf-8" and decoder is None and asked is None:
        encoding = _without_mark(file)
    whole = encoding != "utf-8" or decoder is not None
    one_kind = returns == both and both in (0, ends)
    ends += last not in (b"\n", b"")
    return Bytes(ends, one_kind and whole, nuls, encoding, sample.decode(encoding, "replace").removeprefix("\ufeff"))


def look(file: Path, shown_as: Path, encoding: str | None = None) -> Look:
    """The bytes and the header; encoding: where it is not to be told by the bytes. UserError where there is no header."""
    seen = scan(file, encoding)
    separator, header = _header(seen.beginning)
    if not header:
        raise UserError(f"{shown(shown_as)} is empty; its first line must name the columns")
    plain = seen.encoding == "utf-8" and not seen.nuls and seen.one_kind and seen.beginning[:1] not in "\r\n"
    return Look(separator, header, seen.ends, plain, seen.encoding)


def _header(text: str) -> tuple[str, tuple[str, ...]]:
    """The separator (the sign that the first line has most of) and the names of the columns."""
    text = text.lstrip("\r\n")
    first = re.split(r"[\r\n]", text, maxsplit=1)[0]
    outside = re.sub(r'"[^"]*"', "", first)
    separator = max(SEPARATORS, key=outside.count)
    return separator, tuple(next(csv.reader(io.StringIO(text, newline=""), delimiter=separator), ()))


def _by_mark(sample: bytes) -> str:
    """The encoding that the first bytes tell: UTF-16 by its mark or its NULs, else UTF-8 until something speaks against it."""
    if sample.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return "utf-16"
    head = sample[:400]
    if len(head) > 3 and head[1::2].count(0) > len(head) // 3 and not head[::2].count(0):
        return "utf-16-le"
    if len(head) > 3 and head[::2].count(0) > len(head) // 3 and not head[1::2].count(0):
        return "utf-16-be"
    return "utf-8"


def _valid(decoder: codecs.IncrementalDecoder | None, chunk: bytes) -> codecs.IncrementalDecoder | None:
    """The decoder for the next chunk, or None once the bytes are not UTF-8."""
    if decoder is None:
        return None
    try:
        decoder.decode(chunk)
    except UnicodeDecodeError:
        return None
    return decoder


def _without_mark(file: Path) -> str:
    """Windows-1252 where no two bytes belong together as UTF-8 would have them; else UTF-8 with damaged places."""
    pairs = re.compile(rb"[\xc3-\xf4][\x80-\xbf]")
    with file.open("rb") as stream:
        while chunk := stream.read(CHUNK):
            if pairs.search(chunk):
                return "utf-8"
    return "cp1252"


class _Lines:
    """The physical line on which each row begins, found only when somebody asks."""

    def __init__(self, file: Path, seen: Look) -> None:
        self.file, self.seen = file, seen

    def __call__(self, rows: Sequence[int], total: int) -> Mapping[int, int]:
        if self.seen.ends == total + 1:
            return {row: row + 2 for row in rows}
        wanted = set(rows)
        found = {}
        records = csv_slow.records(self.file, self.seen.encoding, self.seen.separator)
        next(records, None)
        for number, record in enumerate(records):
            if number in wanted:
                found[number] = record.line
        return found
