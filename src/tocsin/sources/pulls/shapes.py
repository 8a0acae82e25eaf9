"""What the pulls show to others. Times are aware, UTC."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

KINDS = {"sql": "Database", "folder": "Folder of files"}
# running: under way. done: all was stored. failed: it was not, or not all. stopped: whoever ran it ended; it goes on by itself.
STATES = ("running", "done", "failed", "stopped")
CAUSES = {"schedule": "by schedule", "retry": "tried again", "hand": "by hand"}


@dataclass(frozen=True, slots=True)
class PullInfo:
    """A pull as it is set up, without what is secret.

    place: the folder, or the database without its password. schedule: as it is written. collections: those that it has brought.
    last_good_at: when the last run that was done began. failures: runs that failed since. running_since: of the run under way.
    """

    id: str
    kind: str
    name: str
    place: str
    schedule: str
    settings: Mapping[str, Any] = field(hash=False)
    created_at: datetime
    created_by: str
    paused: bool
    next_at: datetime | None
    asked: bool
    collections: tuple[str, ...]
    marks: Mapping[str, str] = field(hash=False)
    last_run_at: datetime | None
    last_good_at: datetime | None
    last_error: str
    failures: int
    running_since: datetime | None

    @property
    def state(self) -> str:
        """In a word: running, paused, failing, waiting (no run yet) or fine."""
        if self.running_since is not None:
            return "running"
        if self.paused:
            return "paused"
        if self.failures:
            return "failing"
        return "fine" if self.last_good_at else "waiting"


@dataclass(frozen=True, slots=True)
class RunInfo:
    """A run. report: for each collection a mapping of its name and the figures of an import. stage: where it is, or stopped."""

    id: int
    state: str
    cause: str
    by: str
    stage: str
    started_at: datetime
    ended_at: datetime | None
    error: str
    report: tuple[Mapping[str, Any], ...] = field(hash=False)
    notes: tuple[str, ...]

    @property
    def seconds(self) -> float | None:
        """How long it took; None while it runs."""
        return None if self.ended_at is None else (self.ended_at - self.started_at).total_seconds()

    @property
    def figures(self) -> dict[str, int]:
        """The figures of all collections together."""
        names = ("read", "added", "updated", "unchanged", "rejected")
        return {name: sum(int(each[name]) for each in self.report) for name in names}
