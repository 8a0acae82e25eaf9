"""The course of an import: look at every file, then store them in one transaction, then settle the history."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path

import duckdb

from tocsin.core.errors import UserError
from tocsin.core.schema import COLLECTIONS, Collection
from tocsin.facts import history
from tocsin.facts.cells import Formats, decimal_sign
from tocsin.facts.cells import date_format as read_date_format
from tocsin.facts.duckdb import DuckStore, one_line
from tocsin.facts.importing.columns import Reading
from tocsin.facts.importing.csv_files import read_csv
from tocsin.facts.importing.gzipped import unpacked
from tocsin.facts.importing.jsonl_files import read_jsonl
from tocsin.facts.importing.parquet_files import read_parquet
from tocsin.facts.importing.raw import Raw
from tocsin.facts.importing.rejects import keep_rejected
from tocsin.facts.importing.sources import Source, collection_named, find_sources, in_order, shown, unknown_collection
from tocsin.facts.importing.stage import Staged, make_references, stage
from tocsin.facts.importing.upsert import make_changes, upsert
from tocsin.facts.importing.xlsx_files import read_xlsx, sheets
from tocsin.facts.report import CollectionReport, ImportReport

Progress = Callable[[str, float], None]


def import_paths(
    store: DuckStore,
    paths: Sequence[Path],
    *,
    now: datetime,
    mapping: Path | None = None,
    dry_run: bool = False,
    full: bool = False,
    date_format: str | None = None,
    decimal: str | None = None,
    progress: Progress | None = None,
) -> ImportReport:
    """Import files, or folders of files, each named after its collection.

    now:         the time of the import: what changed without saying when changed now.
    mapping:     a folder of `<collection>.sql` files and `columns.yaml`; without it files hold the contract's columns.
    dry_run:     counts the same and writes nothing.
    full:        each file is the whole truth for its collection: rows that it lacks are closed.
    date_format: how local dates are written (`DD.MM.YYYY` or strptime); decimal: `,` or `.` where numbers are local.
    progress:    called with the collection under way and the fraction of the whole that is done.

    UserError where a file cannot be read at all; then nothing of the whole import is stored.
    """
    formats = Formats(
        date_format=None if date_format is None else read_date_format(date_format),
        decimal=None if decimal is None else decimal_sign(decimal),
    )
    sources, notes = find_sources(paths)
    files, passed_over = _by_collection(sources, paths)
    with (
        tempfile.TemporaryDirectory(prefix="tocsin-import-") as folder,
        closing(store.cursor()) as cursor,
    ):
        run = _Run(store, cursor, Path(folder), now.astimezone(UTC), Reading(formats), progress)
        # Everything is read before anything is written; what cannot be read leaves no transaction behind.
        raws = run.read_all(files)
        with store.write(keep=not dry_run, cursor=cursor):
            reports = run.store_all(raws)
    return ImportReport(reports, (*notes, *passed_over), dry_run)


def _by_collection(sources: Sequence[Source], paths: Sequence[Path]) -> tuple[list[tuple[str, Source]], list[str]]:
    """Each file with its collection, in the order of storing; UserError where a file, or a whole folder, is of none."""
    named = {str(Path(path).absolute()) for path in paths}
    found: list[tuple[str, Source]] = []
    others: list[str] = []
    for source in sources:
        collection = collection_named(source.stem)
        by_sheet = _by_sheet(source) if source.format == "xlsx" and collection is None else []
        if collection is not None:
            found.append((collection, source))
        elif by_sheet:
            found += by_sheet
        elif str(source.path) in named:
            raise unknown_collection(source.path, source.stem)
        else:
            others.append(source.path.name)
    if not found:
        raise UserError(
            f"nothing to import: no file is named after a collection ({', '.join(COLLECTIONS)}); "
            "rename the files, or say with --mapping which is which"
        )
    order = in_order(collection for collection, _ in found)
    found.sort(key=lambda each: (order.index(each[0]), str(each[1].path)))
    return found, [f"passed over, named after no collection: {', '.join(others)}"] if others else []


def _by_sheet(workbook: Source) -> list[tuple[str, Source]]:
    """The sheets of a workbook that are named after collections."""
    named = [(collection_named(sheet.strip()), sheet) for sheet in sheets(workbook.path, workbook.path)]
    return [(collection, replace(workbook, sheet=sheet)) for collection, sheet in named if collection is not None]


@dataclass
class _Run:
    """One import under way, inside its transaction."""

    store: DuckStore
    cursor: duckdb.DuckDBPyConnection
    folder: Path
    now: datetime
    reading: Reading
    progress: Progress | None
    reports: dict[str, CollectionReport] = field(default_factory=dict)

    def read_all(self, files: Sequence[tuple[str, Source]]) -> list[Raw]:
        """The rows of all files as received, in temporary tables."""
        raws = []
        for at, (name, source) in enumerate(files):
            self.tell(name, at / (2 * len(files)))
            raws.append(self.read(source, COLLECTIONS[name], f"raw{at}"))
        return raws

    def store_all(self, raws: Sequence[Raw]) -> tuple[CollectionReport, ...]:
        """Check and store what was read, and settle the history; gives the reports in order."""
        make_changes(self.cursor)
        for at, raw in enumerate(raws):
            self.tell(raw.collection.name, 0.5 + at / (2 * len(raws)))
            self.store_rows(raw)
        self.tell("history", 0.98)
        history.settle(self.cursor, self.store.zone)
        self.tell("history", 1.0)
        return tuple(self.reports[name] for name in in_order(self.reports))

    def read(self, source: Source, collection: Collection, table: str) -> Raw:
        """The rows of a file, as received."""
        link = self.folder / f"{table}.data"
        link.symlink_to(source.path)  # the engine reads patterns in names; a link's name holds none
        try:
            return self.open(source, link, collection, table)
        except (OSError, duckdb.IOException, duckdb.OutOfMemoryException) as error:
            raise UserError(f"{shown(source.path)} cannot be read: {one_line(error)}") from error

    def open(self, source: Source, link: Path, collection: Collection, table: str) -> Raw:
        """The rows of a file, by the reader of its format."""
        match source.format:
            case "parquet":
                return read_parquet(self.cursor, link, source.path, collection, self.reading, table)
            case "jsonl":
                return read_jsonl(self.cursor, link, source.path, collection, self.reading, table)
            case "xlsx":
                return read_xlsx(self.cursor, link, source.path, source.sheet, collection, self.reading, table)
            case "csv.gz":
                link = unpacked(link, self.folder / f"{table}.csv", source.path)
        return read_csv(self.cursor, link, source.path, collection, self.reading, table)

    def store_rows(self, raw: Raw) -> None:
        """Check, type and store what was read of one file."""
        name = raw.collection.name
        make_references(self.cursor)
        staged = stage(self.cursor, raw, self.store.zone)
        counts = upsert(self.cursor, staged, self.now)
        rejected = keep_rejected(self.cursor, raw, staged, self.now)
        self.touch(staged)
        read = counts.added + counts.updated + counts.unchanged + rejected
        notes = raw.notes
        if counts.repeated:
            notes += (f"{counts.repeated:,} rows repeat an id of the same file; the last one counts",)
        report = CollectionReport(name, read, counts.added, counts.updated, counts.unchanged, rejected, notes)
        self.reports[name] = self.reports[name].plus(report) if name in self.reports else report
        self.cursor.execute(f"DROP TABLE {raw.table}")

    def touch(self, staged: Staged) -> None:
        """Note whose timeline must be made anew."""
        name = staged.collection.name
        owner = {"account_history": "accounts", "subscriptions": "accounts", "people_history": "people"}.get(name)
        if owner is not None:
            key = "person_key" if owner == "people" else "account_key"
            self.cursor.execute(
                f"INSERT INTO touched SELECT DISTINCT '{owner}', {key} FROM {staged.table} WHERE reason IS NULL"
            )
        elif name == "rates":
            self.cursor.execute("INSERT INTO touched SELECT DISTINCT 'accounts', account_key FROM subscriptions")

    def tell(self, name: str, fraction: float) -> None:
        """Tell how far the import has come."""
        if self.progress is not None:
            self.progress(name, fraction)
