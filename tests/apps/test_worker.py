"""The worker's loop: sweeps when told and when it is time, outlives what fails, and leaves an empty book alone."""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, cast

import pytest
from django.contrib.sessions.models import Session

from tests.apps.fakes import T0
from tocsin import worker as module
from tocsin.alerts.facade import PulseReport
from tocsin.core.errors import UserError
from tocsin.facts.live.shapes import Taken
from tocsin.logs import OneLine
from tocsin.worker import Pulse, Worker
from tocsin.workspace import Workspace, configure


class Stub:
    """A workspace of so many accounts."""

    def __init__(self, accounts: int) -> None:
        self.accounts = accounts
        self.configuration = configure("nowhere", {})
        self.home = self.configuration.home

    def store(self) -> Stub:
        """Itself."""
        return self

    def counts(self) -> dict[str, int]:
        """Rows by collection."""
        return {"accounts": self.accounts}

    def book(self) -> str:
        """Something to sweep."""
        return "book"


class Kept(logging.Handler):
    """Keeps the lines as they would be written."""

    def __init__(self) -> None:
        super().__init__(logging.INFO)
        self.setFormatter(OneLine("{levelname} {message}", style="{"))
        self.lines: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        """Keep one."""
        self.lines.append(self.format(record))


@pytest.fixture
def log() -> Iterator[Kept]:
    logger, kept = logging.getLogger("tocsin.worker"), Kept()
    logger.addHandler(kept)
    yield kept
    logger.removeHandler(kept)


def worker(accounts: int, every: float = 60) -> Worker:
    return Worker(cast("Workspace", Stub(accounts)), every)


def sweeping(monkeypatch: pytest.MonkeyPatch, outcome: Exception | None = None) -> threading.Semaphore:
    """Counts the sweeps."""
    swept = threading.Semaphore(0)

    def sweep(book: object, moment: object) -> Any:
        swept.release()
        raise outcome or UserError("counted")

    monkeypatch.setattr("tocsin.alerts.facade.sweep", sweep)
    return swept


def test_an_empty_book_is_not_swept(monkeypatch: pytest.MonkeyPatch) -> None:
    swept = sweeping(monkeypatch)
    worker(0).sweep()
    assert not swept.acquire(blocking=False)
    worker(1).sweep()
    assert swept.acquire(blocking=False)


def test_what_fails_is_one_line(monkeypatch: pytest.MonkeyPatch, log: Kept) -> None:
    sweeping(monkeypatch, ZeroDivisionError("of\nall things"))
    worker(1).sweep()
    sweeping(monkeypatch, UserError("time does not run backwards"))
    worker(1).sweep()
    assert log.lines == [
        "ERROR the sweep failed: ZeroDivisionError: of all things (TOCSIN_DEBUG=1 shows where)",
        "INFO no sweep: time does not run backwards",
    ]


def test_who_leads_a_team_is_told_with_the_scores_of_the_workspace(monkeypatch: pytest.MonkeyPatch, log: Kept) -> None:
    asked: list[tuple[datetime, str]] = []

    def tell(moment: datetime, falls: Any, address: str) -> int:
        asked.append((falls(moment), address))
        return 1

    monkeypatch.setattr("tocsin.delivery.facade.tell_teams", tell)
    monkeypatch.setattr("tocsin.health.facade.falls", lambda _book, moment: moment)
    Worker(cast("Workspace", Stub(1)), address=lambda: "https://tocsin.example").tell_teams(T0)
    assert asked == [(T0, "https://tocsin.example")]
    monkeypatch.setattr("tocsin.health.facade.falls", lambda _book, _moment: 1 / 0)
    worker(1).tell_teams(T0)
    assert log.lines == [
        "ERROR the week of a team could not be told: ZeroDivisionError: division by zero (TOCSIN_DEBUG=1 shows where)"
    ]


def test_what_has_expired_is_cleared_once_an_hour(monkeypatch: pytest.MonkeyPatch, log: Kept) -> None:
    cleared: list[datetime] = []
    deliveries: list[datetime] = []
    monkeypatch.setattr("tocsin.people.facade.clear_expired", cleared.append)
    monkeypatch.setattr("tocsin.sources.facade.clear_expired", deliveries.append)
    uploads: list[tuple[datetime, timedelta]] = []
    monkeypatch.setattr(
        "tocsin.facts.importing.matching.drafts.clear_expired", lambda _home, moment, kept: uploads.append((moment, kept))
    )
    one = worker(1)
    for minutes in (0, 1, 59, 60, 61):
        one.keep_up(T0 + timedelta(minutes=minutes))
    assert cleared == deliveries == [T0, T0 + timedelta(hours=1)]
    assert uploads == [(each, timedelta(hours=24)) for each in cleared]

    def fail(moment: datetime) -> None:
        raise ZeroDivisionError(moment)

    monkeypatch.setattr("tocsin.people.facade.clear_expired", fail)
    one.keep_up(T0 + timedelta(hours=2))
    assert [line.partition(":")[0] for line in log.lines] == ["ERROR what has expired could not be cleared"]


def test_memory_is_settled_after_the_first_sweep_and_once_a_day(monkeypatch: pytest.MonkeyPatch) -> None:
    for each in ("people.facade", "sources.facade"):
        monkeypatch.setattr(f"tocsin.{each}.clear_expired", lambda _moment: None)
    settled: list[int] = []
    one = Worker(cast("Workspace", Stub(1)), settle=lambda: settled.append(1))
    counted = []
    for hours in (0, 1, 23, 24, 25, 47, 48):
        one.keep_up(T0 + timedelta(hours=hours))
        counted.append(len(settled))
    assert counted == [1, 1, 1, 2, 2, 2, 3]


@pytest.mark.django_db(transaction=True)
def test_the_running_worker_clears_sessions(monkeypatch: pytest.MonkeyPatch) -> None:
    swept = sweeping(monkeypatch)
    Session.objects.create(session_key="old", session_data="", expire_date=T0)
    one = worker(1, every=0.01)
    one.start()
    assert all(swept.acquire(timeout=60) for _ in range(2))
    assert one.stop(60)
    assert not Session.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_it_sweeps_at_once_when_nudged_and_when_it_is_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "SETTLE", 0.0)
    swept = sweeping(monkeypatch)
    patient = worker(1)
    patient.start()
    assert swept.acquire(timeout=60)
    assert not swept.acquire(timeout=0.2)
    patient.nudge()
    assert swept.acquire(timeout=60)
    assert patient.stop(60)
    hasty = worker(1, every=0.01)
    hasty.start()
    assert all(swept.acquire(timeout=60) for _ in range(3))
    assert hasty.stop(60)
    while swept.acquire(blocking=False):
        continue
    assert not swept.acquire(timeout=0.1)


def test_one_that_never_began_stops() -> None:
    assert worker(1).stop(1)
    assert Pulse(cast("Workspace", Stub(1)), worker(1)).stop(1)


# --- What arrives


@dataclass
class Asked:
    """What pulses were asked for, and what they answer."""

    rows: list[dict[str, Any]] = field(default_factory=list)
    states: list[frozenset[str]] = field(default_factory=list)
    outcome: Exception | None = None
    report: PulseReport = field(default_factory=PulseReport)
    looked: threading.Semaphore = field(default_factory=lambda: threading.Semaphore(0))
    judged: threading.Semaphore = field(default_factory=lambda: threading.Semaphore(0))

    def pulse_rows(self, *_: object, **more: Any) -> PulseReport:
        """The pulse of rows."""
        self.rows.append(more)
        self.looked.release()
        if self.outcome is not None:
            raise self.outcome
        return self.report

    def pulse_states(self, *_: object, accounts: frozenset[str]) -> PulseReport:
        """The pulse of conditions."""
        self.states.append(accounts)
        self.judged.release()
        if self.outcome is not None:
            raise self.outcome
        return self.report


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> Asked:
    made = Asked()
    monkeypatch.setattr(module, "SETTLE", 0.0)
    monkeypatch.setattr("tocsin.alerts.facade.pulse_rows", made.pulse_rows)
    monkeypatch.setattr("tocsin.alerts.facade.pulse_states", made.pulse_states)
    return made


def taken(*accounts: str, names: tuple[str, ...] = ("x",)) -> Taken:
    return Taken(accounts=frozenset(accounts), events=1, collections=frozenset({"events"}), event_names=frozenset(names))


def test_a_look_goes_back_to_the_look_before(asked: Asked) -> None:
    one = worker(1)
    pulse = Pulse(cast("Workspace", Stub(1)), one)
    began = pulse._seen
    for minutes in (1, 2):
        pulse.look(taken("a", names=(f"n{minutes}",)), T0 + timedelta(minutes=minutes))
    assert [each["arrived"] for each in asked.rows] == [began, T0 + timedelta(minutes=1)]
    assert [sorted(each["what"].event_names) for each in asked.rows] == [["n1"], ["n2"]]
    one.pulse()
    one.pulse()
    assert asked.states == [frozenset({"a"})], "the conditions of those accounts follow, once"


def test_what_arrives_together_is_looked_at_together(asked: Asked, monkeypatch: pytest.MonkeyPatch) -> None:
    sweeping(monkeypatch)
    pulse = Pulse(cast("Workspace", Stub(1)), worker(1))
    pulse.arrived(taken("a", names=("x",)), T0 + timedelta(days=900))
    pulse.arrived(taken("b", names=("y",)), T0 + timedelta(days=901))
    pulse.arrived(Taken(), T0 + timedelta(days=999))
    pulse.start()
    assert asked.looked.acquire(timeout=60)
    assert pulse.stop(60)
    (only,) = asked.rows
    assert only["accounts"] == {"a", "b"}
    assert only["what"].event_names == {"x", "y"}
    assert pulse._seen == T0 + timedelta(days=901)


@pytest.mark.parametrize("outcome", [UserError("not now"), ZeroDivisionError("of all things")])
def test_a_look_that_fails_is_left_to_a_sweep_at_once(asked: Asked, log: Kept, outcome: Exception) -> None:
    asked.outcome = outcome
    one = worker(1)
    one._whole = False
    pulse = Pulse(cast("Workspace", Stub(1)), one)
    pulse.look(taken("a"), T0)
    assert one._whole
    assert one._touched == {"a"}
    assert len(log.lines) == 1
    one.pulse()
    assert len(log.lines) == 2, "the pulse of conditions outlives it as well"


@pytest.mark.django_db(transaction=True)
def test_accounts_that_are_touched_are_judged_soon(asked: Asked, monkeypatch: pytest.MonkeyPatch) -> None:
    swept = sweeping(monkeypatch)
    one = worker(1)
    one.start()
    assert swept.acquire(timeout=60)
    one.touch(frozenset({"a"}))
    assert asked.judged.acquire(timeout=60)
    assert not swept.acquire(timeout=0.2), "no sweep for that"
    assert one.stop(60)


@pytest.mark.django_db(transaction=True)
def test_before_a_sweep_has_taken_stock_what_is_touched_brings_one_at_once(
    asked: Asked, monkeypatch: pytest.MonkeyPatch
) -> None:
    swept = sweeping(monkeypatch)
    asked.report = PulseReport(missed=True)
    one = worker(1)
    one.start()
    assert swept.acquire(timeout=60)
    one.touch(frozenset({"a"}))
    assert asked.judged.acquire(timeout=60)
    assert swept.acquire(timeout=60)
    assert one.stop(60)
