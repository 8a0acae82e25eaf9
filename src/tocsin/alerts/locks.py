"""Who may write what follows from judging: one at a time, and not for long."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from tocsin.facts.breathing import holding

# Sweeps, and pulses of conditions, take turns from their first look at the facts on: what one of them has judged another may
# have overtaken. A pulse of rows does not wait for that, only for the writing.
sweeping = threading.Lock()
_writing = threading.Lock()


@contextmanager
def writing() -> Iterator[None]:
    """While this lasts, nobody else writes what follows from judging; who does stands back for pages only briefly."""
    with _writing, holding():
        yield
