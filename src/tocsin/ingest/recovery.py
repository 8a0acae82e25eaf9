"""What a server that ended left in the inbox, taken in by whoever opens the facts next."""

from __future__ import annotations

from pathlib import Path

from tocsin.facts.duckdb import DuckStore
from tocsin.facts.live.taking import position
from tocsin.ingest.limits import Limits
from tocsin.ingest.log import Log, leftovers
from tocsin.ingest.writer import Writer

FOLDER = "inbox"


def recover(store: DuckStore, home: Path, limits: Limits) -> int:
    """Take in what was acknowledged and is not stored yet; gives how many events were new."""
    if not leftovers(home / FOLDER):
        return 0
    inbox = open_inbox(store, home, limits)
    try:
        return Writer(store, inbox, limits).drain()
    finally:
        inbox.close()


def open_inbox(store: DuckStore, home: Path, limits: Limits) -> Log:
    """The inbox of a home, beginning at least where the store has come to."""
    return Log(home / FOLDER, most=limits.backlog, floor=position(store))
