"""The whole book: casts the accounts, draws what follows, writes the files and hands them to the importer."""

from __future__ import annotations

import shutil
import tempfile
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq

from tocsin.core.errors import UserError
from tocsin.core.schema import COLLECTIONS
from tocsin.facts import importing
from tocsin.facts.demo import commerce, support
from tocsin.facts.demo.care import Care
from tocsin.facts.demo.draws import dice
from tocsin.facts.demo.journey import Journey
from tocsin.facts.demo.life import Life
from tocsin.facts.demo.names import colleague
from tocsin.facts.demo.people import Person, Staff, write_people
from tocsin.facts.demo.sheets import Sheets
from tocsin.facts.demo.stories import cast
from tocsin.facts.demo.team import Team, address
from tocsin.facts.demo.usage import Block, Usage
from tocsin.facts.demo.window import MONTH, SPAN, Window
from tocsin.facts.duckdb import DuckStore
from tocsin.facts.layout import SEEN, quote

_BLOCK = 100  # accounts whose events are drawn together
_EXECUTIVES = 6
_REPEATING = ["account_id", "person_id", "name", "kind", "feature", "minutes", "properties"]

Progress = Callable[[str, float], None]


@dataclass(frozen=True)
class DemoSummary:
    """What was made: rows by collection, accounts by story and by (story, case), and how many churned by `until`."""

    accounts: int
    until: datetime
    seed: int
    rows: Mapping[str, int]
    by_story: Mapping[str, int]
    by_case: Mapping[tuple[str, str], int]
    churned: int
    rejected: int = 0

    @property
    def events(self) -> int:
        """How many events there are."""
        return self.rows.get("events", 0)

    @property
    def people(self) -> int:
        """How many people there are."""
        return self.rows.get("people", 0)


@dataclass
class _Tally:
    stories: Counter[str] = field(default_factory=Counter)
    cases: Counter[tuple[str, str]] = field(default_factory=Counter)
    churned: int = 0

    def count(self, life: Life) -> None:
        self.stories[life.story] += 1
        self.cases[life.story, life.case] += 1
        self.churned += life.gone


def write_book(
    folder: Path, *, accounts: int = 400, until: datetime, seed: int = 7, progress: Progress | None = None
) -> DemoSummary:
    """Write the demo book into a folder, a Parquet file per collection.

    accounts: how many, from one up. until: an aware instant; the eighteen months before it are covered and nothing later is
    told but plans. The same (accounts, until, seed) give the same bytes, and the first accounts of a larger book are those of
    a smaller one, their owners aside. progress is told the step and how far it is, 0 to 1. UserError for numbers out of range.
    """
    if accounts < 1:
        raise UserError(f"A demo needs at least one account, not {accounts}.")
    if until.tzinfo is None:
        raise UserError("The end of the demo needs a time zone, such as 2026-03-31T09:00:00Z.")
    window = Window(until.astimezone(UTC))
    sheets, team, tally = Sheets(window), Team(accounts, seed), _Tally()
    lives: list[Life] = []
    writer: pq.ParquetWriter | None = None
    events = 0
    for first in range(0, accounts, _BLOCK):
        block = Block(window, seed, [cast(index, seed, window) for index in range(first, min(accounts, first + _BLOCK))], [])
        for life in block.lives:
            tally.count(life)
            block.staff.append(_write_account(sheets, life, team, seed))
        usage = Usage(block)
        table = usage.table(events)
        writer = writer or pq.ParquetWriter(
            folder / "events.parquet", table.schema, compression="lz4", use_dictionary=_REPEATING
        )
        writer.write_table(table)
        events += table.num_rows
        _write_metrics(sheets, block, usage)
        lives += block.lives
        if progress:
            progress("inventing the book", min(1.0, (first + _BLOCK) / accounts))
    if writer:
        writer.close()
    team.write(sheets)
    commerce.write_rates(sheets, window, seed)
    support.write_issues(sheets, lives, seed)
    rows = sheets.write(folder) | {"events": events}
    return DemoSummary(accounts, window.until, seed, rows, dict(tally.stories), dict(tally.cases), tally.churned)


def _write_account(sheets: Sheets, life: Life, team: Team, seed: int) -> list[Person]:
    """All rows of an account but its events; returns its people."""
    ledger = commerce.ledger_of(life, seed)
    staff = Staff(life, ledger, seed).people
    owners = team.owners(life)
    executive = address(colleague(900 + int(_EXECUTIVES * dice(seed, life.index, "executive").random())))
    Journey(sheets, life, ledger, staff, seed).write(owners, executive)
    write_people(sheets, life, staff, seed)
    commerce.write_contracts(sheets, life, ledger, seed)
    commerce.write_deals(sheets, life, ledger, executive, seed)
    support.Desk(sheets, life, staff, seed).write()
    Care(sheets, life, staff, owners, seed).write(ledger)
    return staff


def _write_metrics(sheets: Sheets, block: Block, usage: Usage) -> None:
    """What another system totals: people active in each week, and calls of the interface in each month."""
    add = sheets.adder("metrics", "account_id", "name", "at", "value")
    for place, week, count in zip(*(column.tolist() for column in usage.weekly_people()), strict=True):
        at = 7.0 * week + 7
        life = block.lives[place]
        if life.created < at <= life.end:
            add(life.id, "active_users", at, float(count))
    for place, life in enumerate(block.lives):
        rng = dice(block.seed, life.index, "metrics")
        if rng.random() > 0.3:
            continue
        size = life.seats * (200 + 900 * rng.random())
        for month in range(1, int(SPAN / MONTH) + 1):
            end = int(month * MONTH)
            if life.created < end - MONTH and end <= life.end:
                level = float(np.mean(usage.level[place, int(end - MONTH) : end]))
                add(life.id, "api_calls", float(end), float(round(size * level)))


def arrived_as_they_happened(store: DuckStore) -> None:
    """Let each row have come in when it started: the book tells of months that were lived, not of an import of history."""
    with store.write() as cursor:
        for name in SEEN:
            declared = COLLECTIONS[name]
            start = quote(declared.start or "")
            cursor.execute(f"UPDATE {quote(name)} SET first_seen = CAST({start} AS TIMESTAMP) WHERE {start} IS NOT NULL")


def generate(
    store: DuckStore, *, accounts: int = 400, until: datetime, seed: int = 7, progress: Progress | None = None
) -> DemoSummary:
    """Fill an empty store with the demo book, through the importer as any other data; see `write_book`."""
    folder = Path(tempfile.mkdtemp(prefix="tocsin-demo-"))
    try:
        made = write_book(folder, accounts=accounts, until=until, seed=seed, progress=progress)
        report = importing.import_paths(store, [folder], now=until, mapping=None, progress=progress)
        arrived_as_they_happened(store)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    rejected = sum(collection.rejected for collection in report.collections)
    return DemoSummary(made.accounts, made.until, made.seed, made.rows, made.by_story, made.by_case, made.churned, rejected)
