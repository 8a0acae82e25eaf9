"""Letting urgent work through: one interpreter runs one thread at a time, and no sweep of seconds may keep an alert waiting.

There are ranks of urgency. Whoever answers a request comes first, then who stores what came in, then who opens alerts for it;
sweeps come last. Work that can wait calls `breathe` again and again; while something of a higher rank is under way it then
stands back, for no more than `STAND_BACK` at a time and not sooner than `WORK` after the last time, so that it always gets on.
Who holds what others wait for stands back no longer than `BRIEFLY`.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

ANSWERING, STORING, ALERTING, SWEEPING = range(4)
STAND_BACK = {STORING: 0.02, ALERTING: 0.04, SWEEPING: 0.25}  # seconds
BRIEFLY = 0.05  # seconds
WORK = 0.02  # seconds

_local = threading.local()
_guard = threading.Condition()
_under_way = [0, 0, 0, 0]


@contextmanager
def working(rank: int) -> Iterator[None]:
    """While this lasts, this thread does work of this rank: lower ranks stand back, and it stands back before higher ones."""
    before = getattr(_local, "rank", ANSWERING)
    _local.rank, _local.worked = rank, time.monotonic()
    with counted(rank):
        try:
            yield
        finally:
            _local.rank = before


@contextmanager
def counted(rank: int) -> Iterator[None]:
    """While this lasts, work of this rank is under way, in whatever threads: what an event loop does has none of its own."""
    with _guard:
        _under_way[rank] += 1
    try:
        yield
    finally:
        with _guard:
            _under_way[rank] -= 1
            _guard.notify_all()


@contextmanager
def holding() -> Iterator[None]:
    """While this lasts, this thread holds what others wait for, such as a lock."""
    before = getattr(_local, "holds", False)
    _local.holds = True
    try:
        yield
    finally:
        _local.holds = before


def breathe() -> None:
    """Stand back for a moment, if this thread's work can wait and something more urgent is under way."""
    rank = getattr(_local, "rank", ANSWERING)
    if not any(_under_way[:rank]) or time.monotonic() - _local.worked < WORK:
        return
    with _guard:
        most = min(STAND_BACK[rank], BRIEFLY) if getattr(_local, "holds", False) else STAND_BACK[rank]
        _guard.wait_for(lambda: not any(_under_way[:rank]), most)
    _local.worked = time.monotonic()
