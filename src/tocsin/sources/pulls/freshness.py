"""How far what pulls bring is complete: a rule that needs fresher data than that cannot be judged."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

from tocsin.sources.models import Pull


@dataclass(frozen=True, slots=True)
class Behind:
    """What a collection waits for. since: when the last run that was done began. why: what keeps the pull from its next one."""

    pull: str
    since: datetime
    why: str


def complete_until(collections: Collection[str]) -> dict[str, Behind]:
    """Collection -> of the pulls that bring it, the one whose last good run is the oldest; nothing for what no pull brings."""
    found: dict[str, Behind] = {}
    if not collections:
        return found
    for row in Pull.objects.filter(last_good_at__isnull=False):
        why = "it is paused" if row.paused else row.last_error
        for name in row.columns:
            since = row.last_good_at
            if since is not None and name in collections and (name not in found or since < found[name].since):
                found[name] = Behind(row.name, since, why)
    return found
