"""Mapping folders: files of any shape into the contract's columns, by one SELECT per collection.

The SELECTs run in a scratch database of their own that can reach the given files and nothing else.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import duckdb
import pyarrow as pa

from tocsin.core.errors import UserError
from tocsin.core.schema import COLLECTIONS, Collection
from tocsin.facts.cells import Formats
from tocsin.facts.duckdb import CONFIG, one_line, settle_session
from tocsin.facts.importing.columns import Reading, match_columns
from tocsin.facts.importing.columns_yaml import read_columns_yaml
from tocsin.facts.importing.parquet_files import check_ends, typed_column
from tocsin.facts.importing.raw import Raw
from tocsin.facts.importing.sources import Source, collection_named, shown, unknown_collection
from tocsin.facts.layout import literal, quote

COLUMNS = "columns.yaml"
# Where in the text of a query DuckDB found a fault: the first line of the excerpt that it shows.
_PLACE = re.compile(r"^LINE (\d+): ", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Mappings:
    """A mapping folder: collection -> its SQL file, and how the cells of each collection are read."""

    queries: Mapping[str, Path] = field(default_factory=dict)
    readings: Mapping[str, Reading] = field(default_factory=dict)

    def collections_of(self, source: Source) -> list[str]:
        """The collections that a file, or a sheet of a workbook, holds: by the mapping's word, else by its name."""
        said = [name for name, reading in self.readings.items() if reading.names_file(source)]
        found = collection_named(source.stem if source.sheet is None else source.sheet.strip())
        return said or ([found] if found is not None else [])


def read_mapping(folder: Path | None, formats: Formats) -> Mappings:
    """The mapping in a folder (none: every collection is read with the command line's formats). UserError where it is none."""
    if folder is None:
        return Mappings(readings={name: Reading(formats) for name in COLLECTIONS})
    try:
        entries = sorted(folder.iterdir())
    except OSError as error:
        raise UserError(
            f"the mapping {shown(folder)} cannot be read: {error.strerror}; give a folder of COLLECTION.sql files"
        ) from error
    queries = {}
    for entry in entries:
        if entry.suffix.lower() == ".sql":
            collection = collection_named(entry.stem)
            if collection is None:
                raise unknown_collection(entry, entry.stem)
            queries[collection] = entry
    given = folder / COLUMNS
    readings = read_columns_yaml(given, formats) if given.exists() else {name: Reading(formats) for name in COLLECTIONS}
    if not queries and not given.exists():
        raise UserError(
            f"the mapping {shown(folder)} holds no COLLECTION.sql and no {COLUMNS}; write one SELECT per collection"
        )
    return Mappings(queries, readings)


class Scratch:
    """A database in which the source files are tables under their names without the ending; text for CSV and the like."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.connection = duckdb.connect(str(folder / "scratch.duckdb"), config=CONFIG)
        settle_session(self.connection)
        self.connection.execute(f"SET temp_directory = {literal(str(folder))}")
        self.links: dict[str, Path] = {}
        self.sources: dict[str, Path] = {}

    def offer_parquet(self, source: Source, link: Path) -> None:
        """Offer a Parquet file with the types that it has."""
        check_ends(link, source.shown_as)
        self.named(source.stem, source.shown_as)
        self.links[str(link)] = source.shown_as
        try:
            self.connection.execute(f"CREATE VIEW {quote(source.stem)} AS SELECT * FROM read_parquet({literal(str(link))})")
        except duckdb.Error as error:
            raise UserError(f"{shown(source.shown_as)} is no Parquet file that can be read: {one_line(error)}") from error

    def offer_rows(self, name: str, path: Path, raw: Raw) -> None:
        """Offer what was read of a file, as text; rows that could not be read are not among them."""
        self.named(name, path)
        columns = ", ".join(f"{column.held} AS {quote(column.name)}" for column in raw.columns if column.name)
        good = " WHERE problem IS NULL" if raw.marked else ""
        self.connection.execute(f"CREATE VIEW {quote(name)} AS SELECT {columns} FROM {raw.table}{good}")

    def named(self, name: str, path: Path) -> None:
        """Take a name. UserError where another file has it."""
        if name.lower() in self.sources:
            raise UserError(
                f"{shown(path)} and {shown(self.sources[name.lower()])} would both be the table {name!r}; rename one"
            )
        self.sources[name.lower()] = path

    def close_doors(self) -> None:
        """From here on nothing but the offered files can be reached."""
        links = ", ".join(literal(link) for link in self.links)
        self.connection.execute(f"SET allowed_paths = [{links}]")
        self.connection.execute("SET enable_external_access = false")
        self.connection.execute("SET lock_configuration = true")

    def run(self, cursor: duckdb.DuckDBPyConnection, file: Path, collection: Collection, reading: Reading, table: str) -> Raw:
        """The rows that a SQL file gives, in a temporary table of the store. UserError where it does not run."""
        query, before = self.only_select(file)
        try:
            types = {row[0]: row[1] for row in self.connection.execute(f"DESCRIBE SELECT * FROM (\n{query}\n)").fetchall()}
        except duckdb.Error as error:
            raise self.failed(file, error, before) from error
        columns, notes = match_columns(list(types), collection, file, reading)
        typed = [typed_column(column, types[column.source], collection) for column in columns]
        cells = ", ".join(f"{expression} AS {column.held}" for column, expression in typed)
        faults: list[Exception] = []
        try:
            reader = self.connection.sql(f"SELECT {cells} FROM (\n{query}\n)").to_arrow_reader(100_000)
            cursor.register("incoming", pa.RecordBatchReader.from_batches(reader.schema, _watched(reader, faults)))
            try:
                cursor.execute(f"CREATE OR REPLACE TEMP TABLE {table} AS SELECT * FROM incoming")
            finally:
                cursor.unregister("incoming")
        except duckdb.Error as error:
            raise self.failed(file, faults[0] if faults else error, before) from error
        return Raw(collection, str(file), table, [column for column, _ in typed], notes=notes)

    def only_select(self, file: Path) -> tuple[str, int]:
        """The one SELECT that a file holds, and how many lines stand before it. UserError for anything else."""
        try:
            text = file.read_text("utf-8-sig")
            statements = self.connection.extract_statements(text)
        except (OSError, UnicodeDecodeError) as error:
            raise UserError(f"{shown(file)} cannot be read: {one_line(error)}") from error
        except duckdb.Error as error:
            raise self.failed(file, error) from error
        if len(statements) != 1 or statements[0].type != duckdb.StatementType.SELECT:
            raise UserError(f"{shown(file)} must hold exactly one SELECT over {', '.join(sorted(self.sources)) or 'the files'}")
        query = statements[0].query.strip().rstrip(";")
        return query, text.count("\n", 0, max(text.find(query), 0))

    def failed(self, file: Path, error: Exception, before: int | None = None) -> UserError:
        """The error of a SELECT that does not run: its line, what DuckDB says of it, and the tables that there are.

        before: how many lines of the file stand before the SELECT, where DuckDB was given it below a line of ours.
        """
        said = one_line(error)
        for link, path in self.links.items():
            said = said.replace(link, shown(path))
        place = _PLACE.search(str(error))
        line = int(place[1]) - (before is not None) if place else 0
        where = f"{shown(file)}, line {line + (before or 0)}," if line > 0 else shown(file)
        return UserError(f"{where} does not run: {said} (tables: {', '.join(sorted(self.sources))})")

    def close(self) -> None:
        """Let go of the scratch database."""
        self.connection.close()


def _watched(reader: pa.RecordBatchReader, faults: list[Exception]) -> Iterator[pa.RecordBatch]:
    """The batches of a SELECT. What goes wrong in it is noted: whoever reads on says it in words about the reading."""
    try:
        yield from reader
    except Exception as error:
        faults.append(error)
        raise


def loose(name: str) -> Collection:
    """A stand-in for a source file that is no collection: any columns, all of them text."""
    return Collection(name, (), None, (), custom=True)


def wanted_sources(sources: Sequence[Source], mappings: Mappings) -> list[tuple[str, Source]]:
    """The files that are read as they are beside a mapping: of a collection for which it has no SELECT."""
    return [
        (collection, source)
        for source in sources
        for collection in mappings.collections_of(source)
        if collection not in mappings.queries
    ]
