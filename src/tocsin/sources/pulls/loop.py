"""The pull loop of whoever owns the facts: runs what is due, a few at a time, and tells of what fails."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from django.db import close_old_connections, connections

from tocsin.core.errors import UserError
from tocsin.facts.pulling.shapes import StoppedError
from tocsin.sources.pulls import claiming
from tocsin.sources.pulls.claiming import Claimed
from tocsin.sources.pulls.running import Clock, Ended, holder_name, run_claimed

if TYPE_CHECKING:
    from tocsin.facts.duckdb import DuckStore

AT_ONCE = 2  # runs side by side, so that a slow database does not hold up the others
EVERY = 2.0  # seconds between two looks
UNTOLD = 1  # failures in a row that are left to the next attempt, where what is wrong may mend itself

Tell = Callable[[str, str], None]
"""Puts a headline before operations; the second text says what it is about, so that it is not said again and again."""

log = logging.getLogger("tocsin.pulls")


class Loop:
    """Runs pulls until stopped. store: the facts. stored: called when a run has changed them. tell: see `Tell`."""

    def __init__(
        self, *, store: Callable[[], DuckStore], zone: ZoneInfo, clock: Clock, stored: Callable[[], None], tell: Tell
    ) -> None:
        self._store, self._zone, self._clock, self._stored, self._tell = store, zone, clock, stored, tell
        self._under_way: dict[Future[Ended], Claimed] = {}
        self._ending = threading.Event()
        self._pool = ThreadPoolExecutor(AT_ONCE, thread_name_prefix="pull")

    def run(self, stop: threading.Event) -> None:
        """Look again and again until `stop` is set. Runs under way then end at their next portion; they go on later."""
        try:
            while not stop.is_set():
                self._safely()
                stop.wait(EVERY)
        finally:
            self._ending.set()
            self._pool.shutdown(wait=True, cancel_futures=True)
            self._settle()
            connections.close_all()

    def tick(self) -> int:
        """One look; gives how many runs were begun."""
        self._settle()
        begun = 0
        for public_id in claiming.due(self._clock()):
            if len(self._under_way) >= AT_ONCE:
                break
            claimed = claiming.claim(public_id, holder_name(), self._clock())
            if claimed is not None:
                self._under_way[self._pool.submit(self._one, claimed)] = claimed
                begun += 1
        return begun

    def drain(self) -> None:
        """Look until nothing is due and nothing runs. For tests."""
        while self.tick() or self._under_way:
            for future in list(self._under_way):
                future.exception()

    def _safely(self) -> None:
        try:
            close_old_connections()
            self.tick()
        except Exception:  # the loop must outlive whatever it meets
            log.exception("looking for pulls failed; it is tried again")

    def _one(self, claimed: Claimed) -> Ended:
        def watch(_stage: str) -> None:
            if self._ending.is_set():
                raise StoppedError("the server was stopped; it goes on when it is up again")

        try:
            return run_claimed(claimed, self._store(), clock=self._clock, zone=self._zone, watch=watch)
        finally:
            connections.close_all()

    def _settle(self) -> None:
        """Take in what has ended."""
        for future in [each for each in self._under_way if each.done()]:
            claimed = self._under_way.pop(future)
            if future.cancelled():
                continue
            error = future.exception()
            if error is not None:
                log.error("a pull of %s could not be recorded: %s", claimed.name, error, exc_info=error)
                continue
            ended = future.result()
            log.info("pull of %s: %s%s", claimed.name, ended.run.state, f" ({ended.run.error})" if ended.run.error else "")
            if ended.changed:
                self._stored()
            if (headline := headline_of(claimed, ended)) is not None:
                try:
                    self._tell(headline, f"pull {claimed.pull_id}")
                except UserError as refusal:
                    log.error("operations could not be told: %s", refusal)  # noqa: TRY400 - one line says it


def headline_of(claimed: Claimed, ended: Ended) -> str | None:
    """What operations are told of a run; None where it is not worth it, or not yet."""
    if ended.run.state == "done" and ended.warnings:
        return f"Pull {claimed.name}: {'; '.join(ended.warnings)}"
    if ended.run.state != "failed" or (ended.passing and ended.failures <= UNTOLD):
        return None
    times = f" ({ended.failures} times in a row)" if ended.failures > 1 else ""
    return f"Pull {claimed.name} failed{times}: {ended.run.error}"
