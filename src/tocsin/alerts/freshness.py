"""The guards of data: a rule whose data are older than it `needs`, or are not there at all, cannot be judged."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tocsin.core.rules import Rule
    from tocsin.engine import Book, Judgement
    from tocsin.sources.facade import Behind


def stale(book: Book, rules: Sequence[Rule], moment: datetime) -> dict[str, str]:
    """Rule id -> why it cannot be judged as of the moment: a collection that it needs is older than it allows, or empty.

    What a pull brings is as old as its last run that was done, however new its rows are: the others are missing.
    """
    # Sources and their pulls are much to load, and alerts are looked at without them.
    from tocsin.sources import facade as sources

    wanted = {collection for rule in rules for collection in rule.needs}
    latest = {collection: book.store.latest_start(collection, moment) for collection in sorted(wanted)}
    pulled = sources.complete_until(wanted)
    found: dict[str, str] = {}
    for rule in rules:
        for collection, most in rule.needs.items():
            seen = latest[collection]
            if seen is None:
                found[rule.id] = f"it needs {collection}, and there are none"
            elif moment - seen > most:
                found[rule.id] = f"its {collection} are {_spoken(moment - seen)} old; it needs them within {_spoken(most)}"
            elif collection in pulled and moment - pulled[collection].since > most:
                found[rule.id] = _waits(collection, pulled[collection], moment)
    return found


def groundless(book: Book, judgement: Judgement) -> dict[str, str]:
    """Rule id -> why it cannot be judged, of rules that hold for anybody only because a collection has no rows at all."""
    return book.groundless(list({match.rule.id: match.rule for match in judgement.matches}.values()))


def _waits(collection: str, behind: Behind, moment: datetime) -> str:
    why = f" ({behind.why})" if behind.why else ""
    return f"its {collection} come by the pull {behind.pull}, which was last done {_spoken(moment - behind.since)} ago{why}"


def _spoken(span: timedelta) -> str:
    hours = span.total_seconds() / 3600
    return f"{hours:.0f} h" if hours < 72 else f"{hours / 24:.0f} days"
