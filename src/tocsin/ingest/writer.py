"""The writer: takes what is in the inbox into the store, a stretch at a time, each exactly once.

How far it has come is written in the very transaction that stores the rows, so that after a crash it goes on where the facts
end, whatever the inbox says.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime

from tocsin.core.errors import UserError
from tocsin.facts import breathing
from tocsin.facts.duckdb import DuckStore
from tocsin.facts.live.shapes import Arrivals, Taken
from tocsin.facts.live.taking import Taker, position
from tocsin.ingest import isolating
from tocsin.ingest.arriving import again, arrivals_of
from tocsin.ingest.limits import Limits
from tocsin.ingest.log import Log
from tocsin.ingest.records import Record, unpacked

MOST = 4 * 1024 * 1024  # bytes of one stretch: some ten thousand events
PACE = 0.05  # seconds from the beginning of one stretch to the beginning of the next, where little comes in
# A stretch costs some 30 ms however little is in it, and twenty a second would take half of a core from whoever reads a page:
# so many times as long as a stretch took passes before the next, but no more than REST.
SPARE, REST = 3, 0.25
FLOOD = 16 * 1024 * 1024  # bytes that wait: with more, and more coming in than is stored, it is a burst
YIELD = 6  # while a burst comes in, so many times as long as a stretch took is left to those who send
RETRY = 2.0  # seconds after which what failed is tried again
# How often a stretch may fail, other than for want of space, before it is taken apart: what is amiss for a moment (memory, a
# statement that was interrupted) has passed by then, and what comes in waits some seconds and no longer.
TRIES = 3

log = logging.getLogger("tocsin.ingest")


class Writer:
    """Takes the inbox in, in a thread of its own.

    stored: told after each stretch, outside of its transaction, with when its rows became known (their `first_seen`).
    """

    def __init__(
        self,
        store: DuckStore,
        inbox: Log,
        limits: Limits,
        *,
        stored: Callable[[Taken, datetime], None] = lambda _taken, _at: None,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._inbox, self._limits, self._stored, self._clock = inbox, limits, stored, clock
        self._taker = Taker(store, lambda waiting: again(waiting, limits))
        self._position = max(position(store), inbox.begin)
        inbox.consumed(self._position)
        self._stop, self._moved = threading.Event(), threading.Condition()
        self._thread = threading.Thread(target=self._run, name="writer", daemon=True)

    @property
    def position(self) -> int:
        """How far the inbox has been taken in."""
        return self._position

    def start(self) -> None:
        """Begin with what was left."""
        self._thread.start()

    def stop(self, patience: float) -> bool:
        """End after the stretch under way; waits so many seconds at most. Says whether it has ended."""
        self._stop.set()
        if self._thread.is_alive():
            self._thread.join(patience)
        return not self._thread.is_alive()

    def settle(self, patience: float) -> bool:
        """Wait until everything that was in the inbox when this was called is stored; says whether it is."""
        wanted = self._inbox.end
        with self._moved:
            return self._moved.wait_for(lambda: self._position >= wanted, patience)

    def drain(self) -> int:
        """Take in all that is there, here and now; gives how many events were new."""
        events, failures = 0, 0
        while self._inbox.end > self._position:
            before = self._position
            try:
                events += self.step().events
            except UserError:
                raise
            except Exception:  # noqa: BLE001 - whatever it is, it is tried again, and then looked for
                failures += 1
                if failures < TRIES:
                    continue
                events += self.quarantine().events
            failures = 0
            if self._position == before:
                log.error("%s bytes of the inbox cannot be read", self._inbox.end - before)
                break
        return events

    def step(self) -> Taken:
        """Take in one stretch."""
        records, after = self._stretch()
        if after == self._position:
            return Taken()
        now = self._clock()
        return self._done(self._taker.take(arrivals_of(records, self._limits), after, now), after, now)

    def meet(self) -> Taken:
        """Take in what waited for accounts and people that imports, pulls and edits have brought meanwhile."""
        now = self._clock()
        return self._done(self._taker.meet(now), self._position, now)

    def quarantine(self) -> Taken:
        """Take in one stretch that fails, all but the messages that fail alone: those go into the list of rejected rows.

        Nothing is lost: the position moves in the transaction that lists them; what was taken in before a crash is known when
        it comes again. Raises what a stretch of nothing raises: then it is no message's fault, and everything waits.
        """
        records, after = self._stretch()
        now = self._clock()
        self._taker.take(Arrivals(), None, now)

        def take(parts: Sequence[Record]) -> Taken:
            return self._taker.take(arrivals_of(parts, self._limits), None, now)

        taken, failed = isolating.isolate(isolating.pieces(records), take, self._stop.is_set)
        refused = [isolating.refusal(piece, error) for piece, error in failed]
        last = self._taker.take(Arrivals(refused=refused), after, now)
        for each, (_, error) in zip(refused, failed, strict=True):
            log.error("a message cannot be stored, and is kept in the list of rejected rows: %s", each.reason, exc_info=error)
        return self._done(last.plus(taken), after, now)

    def _stretch(self) -> tuple[list[Record], int]:
        """The records of the next stretch, and the position behind it."""
        stretch = self._inbox.read(self._position, MOST)
        records: list[Record] = []
        for each in stretch:
            try:
                records.append(unpacked(each.payload))
            except ValueError:
                log.exception("a record of the inbox cannot be read and is passed over")
        return records, stretch[-1].after if stretch else self._position

    def _done(self, taken: Taken, after: int, now: datetime) -> Taken:
        with self._moved:
            self._position = after
            self._moved.notify_all()
        self._inbox.consumed(after)
        self._stored(taken, now)
        return taken

    def _meet(self) -> None:
        try:
            with breathing.working(breathing.STORING):
                self.meet()
        except InterruptedError:
            return
        except Exception:  # what waits stays in its list, and is met again after the next import
            log.exception("what waited for its account cannot be stored, and waits on")

    def _run(self) -> None:
        failures = 0
        while not self._stop.is_set():
            came_in = self._inbox.wait(self._position, 0.5)
            if self._taker.behind:
                self._meet()
            if not came_in:
                continue
            began, end = time.monotonic(), self._inbox.end
            try:
                with breathing.working(breathing.STORING):
                    if failures < TRIES:
                        self.step()
                    else:
                        self.quarantine()
                failures = 0
            except InterruptedError:
                continue
            except UserError as error:
                log.error("what came in cannot be stored and waits in the inbox: %s", error)  # noqa: TRY400 - one line says it
                self._stop.wait(RETRY)
                continue
            except Exception:  # the loop must outlive whatever it meets
                log.exception("what came in cannot be stored and waits in the inbox")
                failures += 1
                self._stop.wait(RETRY)
                continue
            came = self._inbox.end - end
            self._stop.wait(pause(time.monotonic() - began, came, self._inbox.backlog, self._limits.backlog))


def pause(took: float, came: int, waiting: int, room: int) -> float:
    """Seconds between a stretch and the next one.

    A burst is taken in first, as far as half of the room goes, and stored when it ebbs: whoever sends waits for the answer, and
    all of it is stored no earlier by making them wait. Beyond that, what fills a stretch is stored as fast as can be, and what
    fills none is given time to become more.

    took: seconds of the stretch. came: bytes that came in meanwhile. waiting: bytes that wait. room: how many may.
    """
    if came > MOST and FLOOD < waiting < room // 2:
        return YIELD * took
    if waiting >= MOST:
        return 0.0
    return max(PACE - took, min(SPARE * took, REST))
