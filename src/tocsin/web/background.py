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

QUICK = 0.1  # seconds: what is made in less is made anew whenever it may have changed
STALE = 900.0  # seconds after which a value is not given any more before it was made anew


class Standing(Generic[T]):
    """A value that is given at once, perhaps a little old, and made anew beside the page; for what reads every event."""

    def __init__(self) -> None:
        self._guard = threading.Lock()
        self._of: object = None
        self._stamp: object = None
        self._value: T | None = None
        self._at = self._cost = float("-inf")
        self._making = False

    def get(self, of: object, stamp: object, make: Callable[[], T]) -> T:
        """The value: as it stands where its stamp is the present one, or where making it takes long and it is not too old.

        of: what it is a value of; one of something else is never given.
        """
        with self._guard:
            if self._of != of:
                self._of, self._value = of, None
            value, age = self._value, time.monotonic() - self._at
            if value is not None and self._stamp == stamp:
                return value
            if value is None or self._cost < QUICK or age > STALE:
                return self._make(stamp, make)
            if not self._making:
                self._making = True
                threading.Thread(target=self._renew, args=(of, stamp, make), name="standing", daemon=True).start()
            return value

    def drop(self) -> None:
        """Forget the value: the next one who asks waits for a new one."""
        with self._guard:
            self._value = None

    def _make(self, stamp: object, make: Callable[[], T]) -> T:
        began = time.monotonic()
        value = make()
        self._at, self._stamp, self._value = time.monotonic(), stamp, value
        self._cost = self._at - began
        return value

    def _renew(self, of: object, stamp: object, make: Callable[[], T]) -> None:
        try:
            began = time.monotonic()
            value = make()
            with self._guard:
                if self._value is not None and self._of == of:  # not dropped meanwhile
                    self._at, self._stamp, self._value = time.monotonic(), stamp, value
                    self._cost = self._at - began
        except Exception:  # the old value stands, and the next one who asks tries again
            log.exception("a value that stands could not be made anew")
        finally:
            self._making = False
