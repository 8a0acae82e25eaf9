"""The alerts that run, as far as looking at the facts needs to know them: thousands are read every minute."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TypeVar

from tocsin.alerts.models import Episode
from tocsin.alerts.models.episodes import RUNNING

T = TypeVar("T")
CHUNK = 500  # rows, or keys, of one statement


@dataclass(frozen=True, slots=True)
class Running:
    """A running alert."""

    rule: str
    subject_id: str
    key: str
    account_id: str | None
    opened_at: datetime


def running_alerts(accounts: frozenset[str] | None) -> list[Running]:
    """Those that run: all, or those of these accounts."""
    rows = Episode.objects.filter(state__in=RUNNING).values_list("rule", "subject_id", "key", "account_id", "opened_at")
    if accounts is None:
        return [Running(*row) for row in rows]
    return [Running(*row) for part in parts(sorted(accounts)) for row in rows.filter(account_id__in=part)]


def parts(keys: Sequence[T]) -> Iterator[Sequence[T]]:
    """The keys, so many of them as one statement takes."""
    for first in range(0, len(keys), CHUNK):
        yield keys[first : first + CHUNK]
