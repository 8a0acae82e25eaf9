"""The loops: the worker sweeps, the pulse looks at what came in, the puller fetches, the deliverer hands messages over."""

from __future__ import annotations

import logging
import threading
import time
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from django.db import connections

from tocsin.alerts import facade
from tocsin.core.errors import UserError
from tocsin.delivery import facade as delivery
from tocsin.facts import breathing
from tocsin.facts.importing.matching import drafts
from tocsin.facts.live.shapes import Taken
from tocsin.health import facade as health
from tocsin.people import facade as people
from tocsin.sources import facade as sources

if TYPE_CHECKING:
    from collections.abc import Callable

    from tocsin.workspace import Workspace

EVERY = 60.0  # seconds from the end of one sweep to the beginning of the next
UPKEEP = timedelta(hours=1)  # from one clearing of what has expired to the next
SETTLED = timedelta(days=1)  # for so long what is held in memory is taken for what stays
SETTLE = 0.5  # seconds that new facts are given to be followed by more

log = logging.getLogger("tocsin.worker")


class Worker:
    """Runs sweeps in a thread of its own until it is stopped. What fails is logged in one line and tried again.

    address: gives the root of the product's pages, for links in messages. settle: called after the first sweep and then once
    a day, see `heap.settle`; whoever has this process to themselves gives it.
    """

    def __init__(
        self,
        workspace: Workspace,
        every: float = EVERY,
        address: Callable[[], str] = lambda: "",
        settle: Callable[[], None] = lambda: None,
    ) -> None:
        self._workspace, self._every, self._address, self._settle = workspace, every, address, settle
        self._kept_up: datetime | None = None
        self._settled: datetime | None = None
        self._whole = True
        self._stop, self._wake = threading.Event(), threading.Event()
        self._guard, self._touched = threading.Lock(), frozenset[str]()
        self._thread = threading.Thread(target=self._run, name="worker", daemon=True)

    def start(self) -> None:
        """Begin; the first sweep follows at once."""
        self._thread.start()

    def nudge(self) -> None:
        """New facts or rules are there: sweep soon."""
        self._whole = True
        self._wake.set()

    def touch(self, accounts: frozenset[str]) -> None:
        """Facts of these accounts have changed: judge their conditions soon."""
        with self._guard:
            self._touched |= accounts
        self._wake.set()

    def stop(self, patience: float) -> bool:
        """End after the sweep under way; waits for it so many seconds at most. Says whether it has ended."""
        self._stop.set()
        self._wake.set()
        if self._thread.is_alive():
            self._thread.join(patience)
        return not self._thread.is_alive()

    def _run(self) -> None:
        due = 0.0
        while not self._stop.is_set():
            if self._whole or time.monotonic() >= due:
                self._whole = False
                self.sweep()
                self.tell_teams(datetime.now(UTC))
                self.keep_up(datetime.now(UTC))
                due = time.monotonic() + self._every
            began = time.monotonic()
            self.pulse()
            # Conditions of busy accounts are judged again and again: never more than a fifth of the time is spent on it.
            rest = max(SETTLE, 4 * (time.monotonic() - began))
            if self._wake.wait(max(0.0, due - time.monotonic())):
                self._wake.clear()
                self._stop.wait(rest)
        connections.close_all()

    def pulse(self) -> None:
        """Judge the conditions of the accounts that were touched since the last time."""
        with self._guard:
            touched, self._touched = self._touched, frozenset()
        if not touched:
            return
        try:
            with breathing.working(breathing.SWEEPING):
                report = facade.pulse_states(self._workspace.book(), lambda: datetime.now(UTC), accounts=touched)
            log.debug("pulse of %d accounts: %d opened, %d closed", len(touched), report.opened, report.closed)
            if report.missed:
                self.nudge()
        except UserError as error:
            log.info("no pulse: %s", error)
        except Exception:  # as in `sweep`
            log.exception("the pulse failed")

    def sweep(self) -> None:
        """One sweep as of now; none while there are no accounts, so that the first one finds a book to take stock of."""
        try:
            if not self._workspace.store().counts()["accounts"]:
                return
            with breathing.working(breathing.SWEEPING):
                report = facade.sweep(self._workspace.book(), lambda: datetime.now(UTC))
            log.debug("swept: %d opened, %d closed, in %.2f s", report.opened, report.closed, report.seconds)
        except UserError as error:
            log.info("no sweep: %s", error)
        except Exception:  # the loop must outlive whatever a sweep meets
            log.exception("the sweep failed")

    def tell_teams(self, moment: datetime) -> None:
        """Tell who leads a team of its week, where the hour has come: here, as it tells whose health fell."""
        try:
            with breathing.working(breathing.SWEEPING):
                delivery.tell_teams(moment, lambda at: health.falls(self._workspace.book(), at), self._address())
        except Exception:  # as in `sweep`; it is tried again after the next one
            log.exception("the week of a team could not be told")

    def keep_up(self, moment: datetime) -> None:
        """Clear the sessions and links that have expired: at the beginning, and then once an hour; settle once a day."""
        if self._settled is None or moment >= self._settled + SETTLED:
            self._settled = moment
            self._settle()
        if self._kept_up is not None and moment < self._kept_up + UPKEEP:
            return
        self._kept_up = moment
        try:
            people.clear_expired(moment)
            sources.clear_expired(moment)
            drafts.clear_expired(self._workspace.home, moment, self._workspace.configuration.limits.upload_kept)
        except Exception:  # as above
            log.exception("what has expired could not be cleared")


class Pulse:
    """Looks at rows as soon as they are stored, in a thread of its own; the conditions that they touch are the worker's."""

    def __init__(self, workspace: Workspace, worker: Worker) -> None:
        self._workspace, self._worker = workspace, worker
        self._guard = threading.Condition()
        self._waiting = Taken()
        # What arrived before is found by the first sweep.
        self._seen = self._until = datetime.now(UTC)
        self._stop = False
        self._thread = threading.Thread(target=self._run, name="pulse", daemon=True)

    def arrived(self, taken: Taken, at: datetime) -> None:
        """Something was stored, known since then: look at it. Called by the writer, which does not wait."""
        if taken.accounts:
            with self._guard:
                self._waiting = self._waiting.plus([taken])
                self._until = max(self._until, at)
                self._guard.notify_all()

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def stop(self, patience: float) -> bool:
        """End after the look under way; waits so many seconds at most. Says whether it has ended."""
        with self._guard:
            self._stop = True
            self._guard.notify_all()
        if self._thread.is_alive():
            self._thread.join(patience)
        return not self._thread.is_alive()

    def _run(self) -> None:
        while True:
            with self._guard:
                self._guard.wait_for(lambda: self._waiting.accounts or self._stop)
                if self._stop:
                    break
                taken, self._waiting, until = self._waiting, Taken(), self._until
            with breathing.working(breathing.ALERTING):
                self.look(taken, until)
        connections.close_all()

    def look(self, taken: Taken, until: datetime) -> None:
        """Open the alerts that rows of these accounts set off which arrived since the last look."""
        from tocsin.engine import Arrived  # who only delivers loads no engine

        since, self._seen = self._seen, until
        try:
            report = facade.pulse_rows(
                self._workspace.book(),
                lambda: datetime.now(UTC),
                accounts=taken.accounts,
                arrived=since,
                what=Arrived(taken.collections, taken.event_names),
            )
            if report.missed:
                self._worker.nudge()
        except UserError as error:
            log.info("no pulse: %s", error)
            self._worker.nudge()
        except Exception:  # as in the worker: the next sweep finds what was missed
            log.exception("the pulse failed")
            self._worker.nudge()
        self._worker.touch(taken.accounts)


class Puller:
    """The pull loop in a thread of its own; the worker judges what it brings."""

    def __init__(self, workspace: Workspace, worker: Worker) -> None:
        def tell(headline: str, about: str) -> None:
            delivery.tell_operations(headline, about, datetime.now(UTC))

        self._loop = sources.PullLoop(
            store=workspace.store, zone=workspace.zone, clock=lambda: datetime.now(UTC), stored=worker.nudge, tell=tell
        )
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._loop.run, args=(self._stop,), name="puller", daemon=True)

    def start(self) -> None:
        """Begin with what is due already."""
        self._thread.start()

    def stop(self, patience: float) -> bool:
        """End after the portions under way; waits so many seconds at most. Says whether it has ended."""
        self._stop.set()
        if self._thread.is_alive():
            self._thread.join(patience)
        return not self._thread.is_alive()


class Deliverer:
    """The deliver loop in a thread of its own. address: gives the root of the product's pages, for links in messages."""

    def __init__(self, address: Callable[[], str], every: float = 1.0) -> None:
        self._loop = delivery.Loop(clock=lambda: datetime.now(UTC), every=every, address=address)
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._loop.run, args=(self._stop,), name="deliverer", daemon=True)

    def start(self) -> None:
        """Begin with what is due already."""
        self._thread.start()

    def stop(self, patience: float) -> bool:
        """End after the look under way; waits so many seconds at most. Says whether it has ended."""
        self._stop.set()
        self._loop.wake()
        if self._thread.is_alive():
            self._thread.join(patience)
        return not self._thread.is_alive()
