"""The deliver loop: groups, escalations and digests whose time has come, and the outbox. Any number of these run side by side.

The database is asked by the loop's own thread alone; the threads of the pool do nothing but send. It reads the operational
database only, so it needs no facts and no lock on the home.
"""

from __future__ import annotations

import logging
import os
import secrets
import socket
import threading
from collections import Counter
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor, wait
from datetime import datetime, timedelta

from django.db import close_old_connections, connections

from tocsin.delivery import auditor, digests, escalations, outbox, planning, waking
from tocsin.delivery.channels import Receipt, SendError, transport_of
from tocsin.delivery.outbox import LEASE, Claimed

Clock = Callable[[], datetime]
EVERY = 1.0  # seconds between two looks, where nothing rings
SENDERS = 8
PER_CHANNEL = 4  # messages that are under way by one channel, so that a slow receiver does not hold all senders
RENEW = 3  # times that a lease is renewed in its length
PARTING = 2.0  # seconds that messages under way are given at the end
BEAT = timedelta(seconds=10)  # from one sign of life to the next

log = logging.getLogger("tocsin.delivery")


class Loop:
    """One worker of the deliver loop. `run` until stopped; what fails is logged in one line and tried again.

    clock: gives the moment, in UTC. address: the root of the product's pages, for links. name: of this worker, unique.
    """

    def __init__(
        self,
        *,
        clock: Clock,
        every: float = EVERY,
        address: Callable[[], str] = lambda: "",
        lease: timedelta = LEASE,
        name: str = "",
    ) -> None:
        self._clock, self._every, self._address, self._lease = clock, every, address, lease
        self.name = name or f"{socket.gethostname()[:30]}:{os.getpid()}:{secrets.token_hex(4)}"
        self._under_way: dict[Future[Receipt], Claimed] = {}
        self._renewed: datetime | None = None
        self._beat: datetime | None = None
        self._bell = threading.Event()
        self._pool = ThreadPoolExecutor(SENDERS, thread_name_prefix="deliver")

    def run(self, stop: threading.Event) -> None:
        """Deliver until `stop` is set and has rung (see `wake`); what is under way then is given up to the next worker."""
        waking.listen(self._bell)
        try:
            while not stop.is_set():
                busy = self._safely()
                if not busy and not stop.is_set():
                    self._bell.wait(self._every)
                self._bell.clear()
            self._finish()
        finally:
            waking.leave(self._bell)
            self.close()
            connections.close_all()

    def wake(self) -> None:
        """Look now."""
        self._bell.set()

    def _finish(self) -> None:
        """Give what is under way a moment to end, and write down what has; the rest is for who finds its lease run out."""
        wait(self._under_way, timeout=PARTING)
        self._record()

    def _safely(self) -> bool:
        try:
            close_old_connections()
            return self.tick()
        except Exception:  # the loop must outlive whatever it meets
            log.exception("delivering failed; it is tried again")
            return False

    def tick(self) -> bool:
        """One look; gives whether there was anything to do, so that the next one follows at once."""
        moment, address = self._clock(), self._address()
        done = self._record()
        self._renew(moment)
        done += escalations.take_due(moment)
        done += planning.repeat_due(moment)
        done += planning.flush_due(moment, address)
        done += digests.send_due(moment, address)
        done += self._send(moment)
        if self._beat is None or moment - self._beat >= BEAT:
            self._beat = moment
            done += auditor.look(moment, self.name)
        return done > 0

    def drain(self, patience: float = 30.0) -> None:
        """Look until nothing is left that is due, and what is under way has ended. For tests and single runs."""
        until = self._clock() + timedelta(seconds=patience)
        while (self.tick() or self._under_way) and self._clock() < until:
            for future in list(self._under_way):
                future.exception(timeout=patience)

    def close(self) -> None:
        """End without waiting."""
        self._pool.shutdown(wait=False, cancel_futures=True)

    def _send(self, moment: datetime) -> int:
        room = SENDERS - len(self._under_way)
        if room <= 0:
            return 0
        counts = Counter(each.channel.name for each in self._under_way.values())
        busy = [name for name, count in counts.items() if count >= PER_CHANNEL]
        started = 0
        for delivery_id in outbox.due(moment, room, busy):
            claimed = outbox.claim(delivery_id, self.name, moment, self._lease)
            if claimed is not None:
                future = self._pool.submit(_transmit, claimed, moment)
                future.add_done_callback(lambda _: self._bell.set())
                self._under_way[future] = claimed
            started += 1
        return started

    def _record(self) -> int:
        """Write down what has ended."""
        ended = [future for future in self._under_way if future.done()]
        for future in ended:
            claimed, moment = self._under_way.pop(future), self._clock()
            error = future.exception()
            if error is None:
                outbox.sent(claimed, future.result(), self.name, moment)
                continue
            if not isinstance(error, SendError):
                log.error("channel %s failed: %s", claimed.channel.name, type(error).__name__, exc_info=error)
                error = SendError(f"the channel failed unexpectedly ({type(error).__name__})")
            if outbox.failed(claimed, error, self.name, moment):
                auditor.report_dead(claimed, str(error), moment, self._address())
        return len(ended)

    def _renew(self, moment: datetime) -> None:
        if self._under_way and (self._renewed is None or moment - self._renewed >= self._lease / RENEW):
            outbox.renew([each.delivery_id for each in self._under_way.values()], self.name, moment, self._lease)
            self._renewed = moment


def _transmit(claimed: Claimed, moment: datetime) -> Receipt:
    return transport_of(claimed.channel.kind).send(claimed.channel, claimed.target, claimed.message, moment)
