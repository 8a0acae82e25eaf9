"""Wakes the loop of this process when a transaction has left something to do; other processes look on their own."""

from __future__ import annotations

import threading

from django.db import transaction

_bells: set[threading.Event] = set()
_guard = threading.Lock()


def listen(bell: threading.Event) -> None:
    """Ring this bell from now on."""
    with _guard:
        _bells.add(bell)


def leave(bell: threading.Event) -> None:
    """Ring it no more."""
    with _guard:
        _bells.discard(bell)


def ring() -> None:
    """Wake whoever listens in this process."""
    with _guard:
        for bell in _bells:
            bell.set()


def after_commit() -> None:
    """Wake them once what is being written can be seen."""
    transaction.on_commit(ring)
