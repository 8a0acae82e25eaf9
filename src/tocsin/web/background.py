"""What takes longer than a page may: made in a thread beside it, asked for again until it is there, and kept.

A value is asked for by a key and a stamp that says of what it was made (the generation of the facts, the version of a rule).
One that was made of something older is still given for a minute: else, while facts keep coming in, nobody would ever see one.
"""

from __future__ import annotations

import logging
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Hashable
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

T = TypeVar("T")
log = logging.getLogger("tocsin.web")
KEPT = 128
LANES = 2  # so many are made at a time
FRESH = 60.0  # seconds for which a value is given although its stamp is not the present one
PATIENCE = 0.4  # seconds that a request waits: what is made quickly needs no second one


@dataclass(frozen=True, slots=True)
class Asked(Generic[T]):
    """The state of a value. made: whether it is there; else `failed` says that making it failed, or it is under way.

    waited: seconds since it was begun.
    """

    value: T | None
    made: bool
    failed: bool
    waited: float


@dataclass
class _Job:
    stamp: object
    begun: float
    done: threading.Event = field(default_factory=threading.Event)
    ended: float = 0.0
    value: Any = None
    failed: bool = False


class Background:
    """Values made in threads of their own, few at a time, so that pages and sweeps keep breathing."""

    def __init__(self, *, patience: float = PATIENCE, fresh: float = FRESH) -> None:
        self.patience, self.fresh = patience, fresh
        self._guard = threading.Lock()
        self._turn = threading.BoundedSemaphore(LANES)
        self._jobs: OrderedDict[Hashable, _Job] = OrderedDict()

    def ask(self, key: Hashable, stamp: object, make: Callable[[], T], *, wait: bool = True) -> Asked[T]:
        """The value of a key where it is there; else it is begun, and waited for a little unless told otherwise."""
        with self._guard:
            job = self._jobs.get(key)
            if job is None or (job.done.is_set() and not self._stands(job, stamp)):
                job = self._jobs[key] = _Job(stamp, time.monotonic())
                threading.Thread(target=self._make, args=(job, make), name="background", daemon=True).start()
            self._jobs.move_to_end(key)
            self._drop_oldest()
        if wait:
            job.done.wait(self.patience)
        return self._state(job)

    def finish(self, patience: float) -> bool:
        """Wait so many seconds for what is being made; whether nothing is being made any more."""
        until = time.monotonic() + patience
        with self._guard:
            running = [job for job in self._jobs.values() if not job.done.is_set()]
        return all(job.done.wait(max(0.0, until - time.monotonic())) for job in running)

    def _stands(self, job: _Job, stamp: object) -> bool:
        """Whether a finished job is still given: one that failed for moments only, so that trying again is possible."""
        age = time.monotonic() - job.ended
        return age < self.patience if job.failed else job.stamp == stamp or age < self.fresh

    def _make(self, job: _Job, make: Callable[[], Any]) -> None:
        try:
            with self._turn:
                job.value = make()
        except Exception:  # whatever it is: the page says that it failed, and the log says why
            job.failed = True
            log.exception("a part of a page could not be made")
        finally:
            job.ended = time.monotonic()
            job.done.set()

    def _drop_oldest(self) -> None:
        for key in [key for key, job in self._jobs.items() if job.done.is_set()][: max(0, len(self._jobs) - KEPT)]:
            del self._jobs[key]

    def _state(self, job: _Job) -> Asked[Any]:
        made = job.done.is_set() and not job.failed
        waited = (job.ended if job.done.is_set() else time.monotonic()) - job.begun
        return Asked(job.value if made else None, made, job.done.is_set() and job.failed, waited)


beside = Background()
"""Those of this process."""
