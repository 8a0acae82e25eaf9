"""From files to rows as received: by the reader of each format, or through a mapping's SELECTs."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field, replace
from pathlib import Path

import duckdb

from tocsin.core.errors import UserError
from tocsin.core.schema import COLLECTIONS, Collection
from tocsin.facts.duckdb import one_line
from tocsin.facts.importing.columns import Reading
from tocsin.facts.importing.csv_files import read_csv
from tocsin.facts.importing.gzipped import unpacked
from tocsin.facts.importing.jsonl_files import read_jsonl
from tocsin.facts.importing.mapping import Mappings, Scratch, loose, wanted_sources
from tocsin.facts.importing.parquet_files import read_parquet
from tocsin.facts.importing.raw import Raw
from tocsin.facts.importing.sources import Source, in_order, shown, unknown_collection
from tocsin.facts.importing.xlsx_files import read_xlsx, sheets

Progress = Callable[[str, float], None]


@dataclass(frozen=True, slots=True)
class Unread:
    """A row of a mapping's source file that could not be read: file, line, reason, the row as received (JSON)."""

    name: str
    file: str
    line: int
    reason: str
    row: str


@dataclass(frozen=True, slots=True)
class Table:
    """Rows of a collection in a file of our own (Parquet, JSON lines). label: whence they come, as rejected rows name it."""

    collection: str
    file: Path
    label: str
    reading: Reading


@dataclass
class Opener:
    """Reads files into temporary tables of a connection.

    folder: for links and what is unpacked. tell: called with the collection under way and the fraction that is read.
    """

    cursor: duckdb.DuckDBPyConnection
    folder: Path
    mappings: Mappings
    tell: Progress
    unread: list[Unread] = field(default_factory=list)
    read_by_mapping: dict[str, int] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)

    def read_all(self, sources: Sequence[Source], paths: Sequence[Path]) -> list[Raw]:
        """The rows of all files, in the order in which collections are stored. UserError where one cannot be read."""
        queries = self.mappings.queries
        files = wanted_sources(sources, self.mappings) if queries else self.by_collection(sources, paths)
        order = in_order([*(name for name, _ in files), *queries])
        files.sort(key=lambda each: (order.index(each[0]), str(each[1].path)))
        raws = []
        for at, (name, source) in enumerate(files):
            self.tell(name, at / (len(files) + len(queries)))
            raws.append(self.read(self.cursor, source, COLLECTIONS[name], self.mappings.readings[name], f"raw{at}"))
        if queries:
            beside = {source for _, source in files}
            raws += self.read_mapped([source for source in sources if source not in beside])
        raws.sort(key=lambda raw: order.index(raw.collection.name))
        return raws

    def by_collection(self, sources: Sequence[Source], paths: Sequence[Path]) -> list[tuple[str, Source]]:
        """Each file with its collection; UserError where a file that was named, or a whole folder, is of none."""
        named = {str(Path(path).absolute()) for path in paths}
        found: list[tuple[str, Source]] = []
        others: list[str] = []
        for source in sources:
            own = self.mappings.collections_of(source)
            by_sheet = self.by_sheet(source) if source.format == "xlsx" else []
            found += [(name, source) for name in own]
            # A workbook named after one collection may hold others besides.
            found += [(name, sheet) for name, sheet in by_sheet if name not in own]
            if own or by_sheet:
                continue
            if str(source.path) in named:
                raise unknown_collection(source.shown_as, source.stem)
            others.append(source.path.name)
        if not found:
            raise UserError(
                f"nothing to import: no file is named after a collection ({', '.join(COLLECTIONS)}); "
                "rename the files, or say with --mapping which is which"
            )
        if others:
            self.notes.append(f"passed over, named after no collection: {', '.join(others)}")
        return found

    def by_sheet(self, workbook: Source) -> list[tuple[str, Source]]:
        """The sheets of a workbook that hold collections."""
        pages = [replace(workbook, sheet=sheet) for sheet in sheets(workbook.path, workbook.shown_as)]
        return [(name, page) for page in pages for name in self.mappings.collections_of(page)]

    def read_mapped(self, sources: Sequence[Source]) -> list[Raw]:
        """What the SELECTs of a mapping give over the source files."""
        with closing(Scratch(self.folder)) as scratch:
            for at, source in enumerate(sources):
                self.offer(scratch, source, at)
            scratch.close_doors()
            raws = []
            for at, (name, file) in enumerate(sorted(self.mappings.queries.items())):
                self.tell(name, 0.5 + at / (2 * len(self.mappings.queries)))
                reading = self.mappings.readings[name]
                raws.append(scratch.run(self.cursor, file, COLLECTIONS[name], reading, f"mapped{at}"))
            return raws

    def read_table(self, table: Table, name: str) -> Raw:
        """The rows of a file of our own; its lines mean nothing to anybody. UserError where a required column is missing."""
        read = read_jsonl if table.file.suffix == ".jsonl" else read_parquet
        collection = COLLECTIONS[table.collection]
        raw = read(self.cursor, table.file, Path(table.label), collection, table.reading, name)
        return replace(raw, file=table.label, line_of=_no_lines)

    def offer(self, scratch: Scratch, source: Source, at: int) -> None:
        """Offer a source file to the SELECTs; rows that cannot be read are noted."""
        if source.format == "parquet":
            scratch.offer_parquet(source, self.link(source, f"source{at}"))
            return
        pages = sheets(source.path, source.shown_as) if source.format == "xlsx" else [None]
        for page, sheet in enumerate(pages):
            name = source.stem if sheet is None or len(pages) == 1 else sheet
            table = f"source{at}_{page}"
            raw = self.read(scratch.connection, replace(source, sheet=sheet), loose(name), Reading(), table)
            scratch.offer_rows(name, source.shown_as, raw)
            if raw.marked:
                self.note_unread(scratch.connection, raw)

    def note_unread(self, cursor: duckdb.DuckDBPyConnection, raw: Raw) -> None:
        """Note the rows of a source file that its format does not allow."""
        rows = cursor.execute(
            f"SELECT rowid, problem, {raw.received('raw')} FROM {raw.table} AS raw WHERE problem IS NOT NULL ORDER BY rowid"
        ).fetchall()
        if not rows:
            return
        ords = [row[0] for row in rows]
        if raw.line_of is not None:
            total = cursor.execute(f"SELECT count(*) FROM {raw.table}").fetchone()
            lines = dict(raw.line_of(ords, total[0] if total else 0))
        else:
            lines = dict(cursor.execute(f"SELECT rowid, line FROM {raw.table} WHERE problem IS NOT NULL").fetchall())
        name = raw.collection.name
        self.unread += [Unread(name, raw.file, lines[ord_], problem, row) for ord_, problem, row in rows]

    def read(
        self, cursor: duckdb.DuckDBPyConnection, source: Source, collection: Collection, reading: Reading, table: str
    ) -> Raw:
        """The rows of one file, as received. UserError where it cannot be read."""
        link = self.link(source, table)
        path = source.shown_as
        try:
            match source.format:
                case "parquet":
                    return read_parquet(cursor, link, path, collection, reading, table)
                case "jsonl":
                    return read_jsonl(cursor, link, path, collection, reading, table)
                case "xlsx":
                    return read_xlsx(cursor, link, path, source.sheet, collection, reading, table)
                case "csv.gz":
                    link = unpacked(link, self.folder / f"{table}.csv", path)
            return read_csv(cursor, link, path, collection, reading, table)
        except (OSError, duckdb.IOException, duckdb.OutOfMemoryException) as error:
            raise UserError(f"{shown(path)} cannot be read: {one_line(error)}") from error

    def link(self, source: Source, table: str) -> Path:
        """A link to a file under a name that holds no pattern: the engine takes names for patterns."""
        link = self.folder / f"{table}.data"
        link.symlink_to(source.path)
        return link


def _no_lines(_rows: Sequence[int], _total: int) -> Mapping[int, int]:
    return {}
