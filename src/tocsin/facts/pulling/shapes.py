"""What is pulled, how far it came, and what stops it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

from tocsin.core.errors import UserError
from tocsin.facts.report import CollectionReport, ImportReport

PART = 200_000  # rows that are stored in one transaction, so that what comes in live is stored between two of them

# Where these are missing, rows of all others would be turned away.
FIRST = frozenset({"accounts", "account_aliases"})


class StoppedError(Exception):
    """Whoever watches the run wants it to end, or it is another's by now."""


@dataclass(frozen=True, slots=True)
class Mark:
    """How far a cursor column was read: kind is time, number or text; value as ISO 8601 in UTC, digits, or the text itself."""

    kind: str
    value: str


def source_of(name: str) -> str:
    """What the rows of a pull of this name are known as coming from."""
    return f"pull:{name}"


@dataclass(frozen=True, slots=True)
class Plan:
    """What every pull is told.

    name: of the source, for labels and messages. mapping: its folder, None where files hold the contract's columns.
    full: collections whose pull is the whole truth. most_closed: the share of their open rows that may be closed, None for any.
    """

    name: str
    mapping: Path | None
    full: frozenset[str] = frozenset()
    most_closed: float | None = None

    @property
    def source(self) -> str:
        """What its rows are known as coming from: by it value maps and systems of record tell them from others'."""
        return source_of(self.name)


@dataclass(frozen=True, slots=True)
class TablePlan(Plan):
    """cursors: collection -> the column that `:since` goes by. starts: where it begins. overlap: read once more each time."""

    cursors: Mapping[str, str] = field(default_factory=dict)
    starts: Mapping[str, str] = field(default_factory=dict)
    overlap: timedelta = timedelta(0)
    marks: Mapping[str, Mark] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class FolderPlan(Plan):
    """folder: where the files lie. settle: a file that was changed within it is still being written."""

    folder: Path = Path()
    settle: timedelta = timedelta(seconds=10)


@dataclass
class Course:
    """A run under way: what it does, what was stored so far, and what there is to say of it.

    watch: called with the stage as it begins and between two portions of rows; raises StoppedError where the run is to end.
    taken: called with the files that were stored just now.
    """

    watch: Callable[[str], None] = lambda _stage: None
    stage: str = "beginning"
    reports: dict[str, CollectionReport] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    marks: dict[str, Mark] = field(default_factory=dict)
    failures: list[str] = field(default_factory=list)

    def enter(self, stage: str) -> None:
        """Begin a stage, in words such as `reading events`."""
        self.stage = stage
        self.watch(stage)

    def go_on(self) -> None:
        """Between two portions of a stage."""
        self.watch(self.stage)

    def stored(self, report: ImportReport) -> None:
        """Take in what an import has stored."""
        for each in report.collections:
            self.reports[each.name] = self.reports[each.name].plus(each) if each.name in self.reports else each
        self.notes += [note for note in report.notes if note not in self.notes]


class UnreachableError(UserError):
    """The other database, or the folder, cannot be reached: that may mend itself."""
