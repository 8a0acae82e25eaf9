"""Letting urgent work through: one interpreter runs one thread at a time, and no sweep of seconds may keep an alert waiting.

Work that can wait calls `breathe` again and again; while something urgent is under way it then stands back, for no more than
`STAND_BACK` at a time and not sooner than `WORK` after the last time, so that it always gets on.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

STAND_BACK = 0.25  # seconds
WORK = 0.02  # seconds

_local = threading.local()
_idle = threading.Event()
_idle.set()
_guard = threading.Lock()
_urgent = 0


@contextmanager
def urgent() -> Iterator[None]:
    """While this lasts, patient threads stand back."""
    global _urgent  # noqa: PLW0603 - there is one interpreter, and one count of who is in a hurry in it
    with _guard:
        _urgent += 1
        _idle.clear()
    try:
        yield
    finally:
        with _guard:
            _urgent -= 1
            if not _urgent:
                _idle.set()


@contextmanager
def patient() -> Iterator[None]:
    """This thread can wait, while this lasts."""
    before, _local.patient = getattr(_local, "patient", False), True
    _local.worked = time.monotonic()
    try:
        yield
    finally:
        _local.patient = before


def breathe() -> None:
    """Stand back for a moment, if this thread is patient and something urgent is under way."""
    if _idle.is_set() or not getattr(_local, "patient", False):
        return
    if time.monotonic() - _local.worked < WORK:
        return
    _idle.wait(STAND_BACK)
    _local.worked = time.monotonic()
