"""The worker's loop: sweeps when told and when it is time, outlives what fails, and leaves an empty book alone."""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any, cast

import pytest
from django.contrib.sessions.models import Session

from tests.apps.fakes import T0
from tocsin import worker as module
from tocsin.core.errors import UserError
from tocsin.logs import OneLine
from tocsin.worker import Worker
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


@pytest.mark.django_db(transaction=True)
def test_the_running_worker_clears_sessions(monkeypatch: pytest.MonkeyPatch) -> None:
    swept = sweeping(monkeypatch)
    Session.objects.create(session_key="old", session_data="", expire_date=T0)
    one = worker(1, every=0.01)
    one.start()
    assert all(swept.acquire(timeout=10) for _ in range(2))
    assert one.stop(10)
    assert not Session.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_it_sweeps_at_once_when_nudged_and_when_it_is_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "SETTLE", 0.0)
    swept = sweeping(monkeypatch)
    patient = worker(1)
    patient.start()
    assert swept.acquire(timeout=10)
    assert not swept.acquire(timeout=0.2)
    patient.nudge()
    assert swept.acquire(timeout=10)
    assert patient.stop(10)
    hasty = worker(1, every=0.01)
    hasty.start()
    assert all(swept.acquire(timeout=10) for _ in range(3))
    assert hasty.stop(10)
    while swept.acquire(blocking=False):
        continue
    assert not swept.acquire(timeout=0.1)


def test_one_that_never_began_stops() -> None:
    assert worker(1).stop(1)
