"""The course of an import: look at every file, then store them in one transaction, then settle the history."""

from __future__ import annotations

import tempfile
from collections import Counter
from collections.abc import Callable, Collection, Sequence
from contextlib import closing
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path

import duckdb

from tocsin.core.schema import COLLECTIONS, FROM_SUBSCRIPTIONS
from tocsin.facts import history, rollup
from tocsin.facts.cells import Formats, decimal_sign
from tocsin.facts.cells import date_format as read_date_format
from tocsin.facts.duckdb import DuckStore
from tocsin.facts.importing import governing
from tocsin.facts.importing.full import check_full, close_missing, forget_closed, note_seen, open_returned
from tocsin.facts.importing.governing import FILE, Governance, Passed
from tocsin.facts.importing.mapping import Mappings, read_mapping
from tocsin.facts.importing.money import converted, without_rate
from tocsin.facts.importing.open_files import Opener, Progress, Table
from tocsin.facts.importing.raw import Raw
from tocsin.facts.importing.rejects import Reasons, keep_rejected, keep_unread
from tocsin.facts.importing.samples import first_rows
from tocsin.facts.importing.sources import Source, find_sources, in_order
from tocsin.facts.importing.stage import Staged, make_references, stage
from tocsin.facts.importing.upsert import as_timestamp, make_changes, upsert
from tocsin.facts.layout import literal
from tocsin.facts.past import Past
from tocsin.facts.report import CollectionReport, ImportReport, Sample


def import_paths(
    store: DuckStore,
    paths: Sequence[Path],
    *,
    now: datetime,
    mapping: Path | Mappings | None = None,
    dry_run: bool = False,
    full: bool = False,
    date_format: str | None = None,
    decimal: str | None = None,
    progress: Progress | None = None,
    told_from: Path | None = None,
    sample: int = 0,
) -> ImportReport:
    """Import files, or folders of files, each named after its collection.

    now:         the time of the import: what changed without saying when changed now.
    mapping:     a folder of `<collection>.sql` files and `columns.yaml`; without it files hold the contract's columns.
                 Or one that was read.
    dry_run:     counts the same and writes nothing.
    full:        each file is the whole truth for its collection: rows that it lacks are closed.
    date_format: how local dates are written (`DD.MM.YYYY` or strptime); decimal: `,` or `.` where numbers are local.
    progress:    called with the collection under way and the fraction of the whole that is done.
    told_from:   a folder of the files that is nobody's business: messages and rejected rows name the files from there on.
    sample:      the report shows so many of the first good rows of each file as they are stored.

    UserError where a file cannot be read at all; then nothing of the whole import is stored.
    """
    formats = Formats(
        date_format=None if date_format is None else read_date_format(date_format),
        decimal=None if decimal is None else decimal_sign(decimal),
    )
    mappings = mapping if isinstance(mapping, Mappings) else read_mapping(mapping, formats)
    sources, notes = find_sources(paths, told_from)

    def read(opener: Opener) -> list[Raw]:
        return opener.read_all(sources, paths)

    how = _How(full=full, dry_run=dry_run, sample=sample)
    report = _import(store, mappings, read, now, how, progress or _silent)
    return replace(report, notes=(*notes, *report.notes))


def import_sources(
    store: DuckStore,
    sources: Sequence[Source],
    mappings: Mappings,
    *,
    now: datetime,
    full: Collection[str] = (),
    most_closed: float | None = None,
    check: Callable[[], None] | None = None,
    by: str = FILE,
) -> ImportReport:
    """Import files that were found already, each under the name (`stem`) that it is to have, as `import_paths` does.

    full: collections of which the files are the whole truth. most_closed: the share of the open rows of such a one that may be
    closed, None for any. check: called when everything is read and nothing is stored; what it raises stops the import.
    by:   the source that they come from, whose words and whose say in fields count (`governing`).
    """

    def read(opener: Opener) -> list[Raw]:
        return opener.read_all(sources, ())

    return _import(store, mappings, read, now, _How(full=full, most_closed=most_closed, by=by, check=check), _silent)


def import_tables(
    store: DuckStore,
    tables: Sequence[Table],
    *,
    now: datetime,
    full: Collection[str] = (),
    most_closed: float | None = None,
    check: Callable[[], None] | None = None,
    by: str = FILE,
) -> ImportReport:
    """Import rows that were written to files of our own, in the order given; the options as for `import_sources`."""

    def read(opener: Opener) -> list[Raw]:
        return [opener.read_table(table, f"raw{at}") for at, table in enumerate(tables)]

    return _import(store, Mappings(), read, now, _How(full=full, most_closed=most_closed, by=by, check=check), _silent)


@dataclass(frozen=True)
class _How:
    """How rows are imported: see `import_paths` and `import_sources`."""

    full: bool | Collection[str] = False
    most_closed: float | None = None
    dry_run: bool = False
    sample: int = 0
    by: str = FILE
    check: Callable[[], None] | None = None


def _import(
    store: DuckStore, mappings: Mappings, read: Callable[[Opener], list[Raw]], now: datetime, how: _How, tell: Progress
) -> ImportReport:
    with tempfile.TemporaryDirectory(prefix="tocsin-import-") as folder, closing(store.cursor()) as cursor:
        opener = Opener(cursor, Path(folder), mappings, lambda name, share: tell(name, share / 2))
        # Everything is read before anything is written; what cannot be read leaves no transaction behind.
        raws = read(opener)
        given = {raw.collection.name for raw in raws}
        whole = frozenset((given if how.full else ()) if isinstance(how.full, bool) else given.intersection(how.full))
        check_full(set(whole))
        if how.check is not None:
            how.check()
        run = _Run(store, cursor, now.astimezone(UTC), tell, whole, how)
        with store.write(keep=not how.dry_run, cursor=cursor):
            unread = keep_unread(cursor, opener.unread, run.now)
            for each in opener.unread:
                run.reasons.add(each.name, each.file, each.line, each.reason)
            reports = run.store_all(raws)
    return ImportReport(
        (*reports, *unread), tuple(opener.notes), how.dry_run, tuple(run.reasons.first.values()), tuple(run.samples)
    )


def _silent(_name: str, _share: float) -> None:
    """Nobody watches."""


@dataclass
class _Run:
    """One import under way, inside its transaction."""

    store: DuckStore
    cursor: duckdb.DuckDBPyConnection
    now: datetime
    tell: Progress
    full: frozenset[str]
    how: _How
    past: Past = field(init=False)
    said: Governance = field(default_factory=Governance)
    passed: Passed = field(default_factory=Counter)
    samples: list[Sample] = field(default_factory=list)
    reports: dict[str, CollectionReport] = field(default_factory=dict)
    returned: Counter[str] = field(default_factory=Counter)
    reasons: Reasons = field(default_factory=Reasons)

    def store_all(self, raws: Sequence[Raw]) -> tuple[CollectionReport, ...]:
        """Check and store what was read, and settle the history; gives the reports in order."""
        make_changes(self.cursor)
        self.past = Past(self.cursor, self.store.zone)
        self.said = governing.read(self.cursor)
        for at, raw in enumerate(raws):
            name = raw.collection.name
            self.tell(name, 0.5 + at / (2 * len(raws)))
            staged = self.store_rows(raw)
            last = at + 1 == len(raws) or raws[at + 1].collection.name != name
            if name in self.full and last:
                self.returned[name] += open_returned(self.cursor, staged, self.past)
            if self.returned[name] and last:
                self.note(name, f"{self.returned[name]:,} rows are back and open again ({raw.collection.closing})")
            if name in self.full and last:
                closed = close_missing(self.cursor, staged, self.now, self.past, self.how.most_closed)
                self.note(name, f"{closed:,} rows that the file lacks are closed ({raw.collection.closing})")
        self.merge_aliases()
        self.tell("history", 0.98)
        history.settle(self.cursor, self.store.zone, self.reports.keys(), self.past)
        history.leave_out(self.cursor, self.store.internal_domains, self.past)
        self.past.accounts(as_timestamp(self.now))
        self.past.write()
        governing.note_passed(self.cursor, self.passed, self.now)
        if "events" in self.reports:
            rollup.advance(self.cursor, self.now)
        self.add_notes()
        self.add_notes_on_money()
        self.tell("history", 1.0)
        return tuple(self.reports[name] for name in in_order(self.reports))

    def merge_aliases(self) -> None:
        """Accounts that turned out to be only a name of another one, now that aliases say so."""
        if "account_aliases" not in self.reports:
            return
        from tocsin.facts.live.merging import merge  # it stores what it moves by the steps of an import

        concerned = merge(self.cursor, self.store, self.past, self.now)
        if concerned:
            names = ", ".join(sorted(concerned)[:10])
            self.note("account_aliases", f"accounts that were only a name are one with the account of that alias: {names}")

    def store_rows(self, raw: Raw) -> Staged:
        """Check, type and store what was read of one file."""
        name = raw.collection.name
        make_references(self.cursor)
        raw, note = governing.governed(self.cursor, raw, self.said, self.passed, self.how.by)
        staged = stage(self.cursor, raw, self.store.zone)
        counts = upsert(self.cursor, staged, self.now, self.past)
        if self.how.sample:
            self.samples.append(first_rows(self.cursor, raw, staged, self.how.sample))
        rejected = keep_rejected(self.cursor, raw, staged, self.now)
        if rejected:
            self.reasons.add_file(self.cursor, name)
        self.touch(staged)
        self.returned[name] += forget_closed(self.cursor, staged)
        if name in self.full:
            note_seen(self.cursor, staged)
        read = counts.added + counts.updated + counts.unchanged + rejected
        # What no object of a file of JSON lines happens to have is not missing.
        columns = tuple(column.name for column in raw.columns if column.name and raw.document is None)
        notes = (*raw.notes, note) if note else raw.notes
        report = CollectionReport(name, read, counts.added, counts.updated, counts.unchanged, rejected, notes, columns)
        self.reports[name] = self.reports[name].plus(report) if name in self.reports else report
        if counts.repeated:
            self.note(name, f"{counts.repeated:,} rows repeat an id of the same file; the last one counts")
        self.cursor.execute(f"DROP TABLE {raw.table}")
        return staged

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

    def note(self, name: str, text: str) -> None:
        """Add a note to the report of a collection."""
        self.reports[name] = replace(self.reports[name], notes=(*self.reports[name].notes, text))

    def add_notes(self) -> None:
        """Say who is left out, and whose columns are passed over for their subscriptions."""
        for name in ("accounts", "people"):
            left_out = self.count(f"SELECT count(*) FROM {name} WHERE left_out")
            if left_out and name in self.reports:
                self.note(name, f"{left_out:,} are our own, tests or demos, and are left out of everything")
        concerned = [name for name in ("subscriptions", "accounts", "account_history") if name in self.reports]
        if not concerned:
            return
        given = ", ".join(FROM_SUBSCRIPTIONS)
        fields = ", ".join(literal(name) for name in FROM_SUBSCRIPTIONS)
        columns = ", ".join(f"CAST({name} AS VARCHAR)" for name in FROM_SUBSCRIPTIONS)
        recorded = f"SELECT account_key FROM account_history WHERE field IN ({fields})"
        passed_over = self.count(
            "SELECT count(*) FROM accounts WHERE key IN (SELECT account_key FROM subscriptions) "
            f"AND (coalesce({columns}) IS NOT NULL OR key IN ({recorded}))"
        )
        if passed_over:
            self.note(
                concerned[0],
                f"{passed_over:,} accounts have subscriptions, which alone give {given}; "
                "columns and history of these names are passed over",
            )

    def add_notes_on_money(self) -> None:
        """Say which amounts no rate converts: of what was imported, and of everything where rates were."""
        for name, collection in COLLECTIONS.items():
            told = name if name in self.reports else "rates"
            if converted(collection) and told in self.reports:
                for text in without_rate(self.cursor, name, self.store.currency):
                    self.note(told, text)

    def count(self, sql: str) -> int:
        """The one number that a query gives."""
        found = self.cursor.execute(sql).fetchone()
        return int(found[0]) if found else 0
