"""The worker: sweeps every minute, and soon after new facts came in; and the deliverer, which hands over what sweeps leave."""

from __future__ import annotations

import logging
import threading
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from django.db import connections

from tocsin.alerts import facade
from tocsin.core.errors import UserError
from tocsin.delivery import facade as delivery
from tocsin.people import facade as people

if TYPE_CHECKING:
    from collections.abc import Callable

    from tocsin.facts.live.shapes import Taken
    from tocsin.workspace import Workspace

EVERY = 60.0  # seconds from the end of one sweep to the beginning of the next
UPKEEP = timedelta(hours=1)  # from one clearing of what has expired to the next
SETTLE = 0.5  # seconds that new facts are given to be followed by more

log = logging.getLogger("tocsin.worker")


class Worker:
    """Runs sweeps in a thread of its own until it is stopped. What fails is logged in one line and tried again."""

    def __init__(self, workspace: Workspace, every: float = EVERY) -> None:
        self._workspace, self._every = workspace, every
        self._kept_up: datetime | None = None
        self._stop, self._wake = threading.Event(), threading.Event()
        self._thread = threading.Thread(target=self._run, name="worker", daemon=True)

    def start(self) -> None:
        """Begin; the first sweep follows at once."""
        self._thread.start()

    def nudge(self) -> None:
        """New facts or rules are there: sweep soon."""
        self._wake.set()

    def arrived(self, taken: Taken) -> None:
        """Something was stored: look at what it changes."""
        if taken.accounts:
            self.nudge()

    def stop(self, patience: float) -> bool:
        """End after the sweep under way; waits for it so many seconds at most. Says whether it has ended."""
        self._stop.set()
        self._wake.set()
        if self._thread.is_alive():
            self._thread.join(patience)
        return not self._thread.is_alive()

    def _run(self) -> None:
        while not self._stop.is_set():
            self.sweep()
            self.keep_up(datetime.now(UTC))
            if self._wake.wait(self._every):
                self._wake.clear()
                self._stop.wait(SETTLE)
        connections.close_all()

    def sweep(self) -> None:
        """One sweep as of now; none while there are no accounts, so that the first one finds a book to take stock of."""
        try:
            if not self._workspace.store().counts()["accounts"]:
                return
            report = facade.sweep(self._workspace.book(), lambda: datetime.now(UTC))
            log.debug("swept: %d opened, %d closed, in %.2f s", report.opened, report.closed, report.seconds)
        except UserError as error:
            log.info("no sweep: %s", error)
        except Exception:  # the loop must outlive whatever a sweep meets
            log.exception("the sweep failed")

    def keep_up(self, moment: datetime) -> None:
        """Clear the sessions and links that have expired: at the beginning, and then once an hour."""
        if self._kept_up is not None and moment < self._kept_up + UPKEEP:
            return
        self._kept_up = moment
        try:
            people.clear_expired(moment)
        except Exception:  # as above
            log.exception("what has expired could not be cleared")


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
