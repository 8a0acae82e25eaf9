"""How much is taken in at once, and how far ahead of the clock."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

KB = 1024


@dataclass(frozen=True, slots=True)
class Limits:
    """The limits of ingestion over HTTP; bytes are counted after unpacking.

    message, body: bytes of one message and of a whole request. messages: of a batch. ahead: how far in the future an event
    may lie. backlog: bytes that may wait to be stored. upload: bytes of the files that are handed over in the browser at once;
    upload_kept: for how long they are kept.
    """

    message: int = 32 * KB
    body: int = 500 * KB
    messages: int = 2_500
    ahead: timedelta = timedelta(hours=24)
    backlog: int = 4 * KB * KB * KB
    upload: int = 500 * KB * KB
    upload_kept: timedelta = timedelta(hours=24)
