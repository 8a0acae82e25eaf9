"""Taking the merge of an account back, as a person asks for it: for pages, programs and the command line alike."""

from __future__ import annotations

from datetime import datetime

from tocsin.facts.duckdb import DuckStore
from tocsin.facts.live.taking import Taker
from tocsin.facts.merged import Merged, merged_account
from tocsin.ingest.arriving import again
from tocsin.ingest.limits import Limits


def split(store: DuckStore, limits: Limits, own: str, moment: datetime) -> Merged:
    """Split a merged account from the one that it went into, for good; gives what it was until now.

    UserError where no account of that id was merged, or where another one has to be split first.
    """
    found = merged_account(store, own)
    Taker(store, lambda waiting: again(waiting, limits)).split(own, moment)
    return found
