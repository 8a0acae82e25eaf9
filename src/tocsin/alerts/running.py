"""The alerts that run, as far as looking at the facts needs to know them: thousands are read every minute."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TypeVar

from django.db.models import Q

from tocsin.alerts.models import Episode
from tocsin.alerts.models.episodes import RUNNING
from tocsin.facts.breathing import breathe

T = TypeVar("T")
CHUNK = 500  # rows, or keys, of one statement
MANY = 2000  # accounts: with more, all rows are read, which takes less than to name the accounts


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
    found = (Running(*row) for named in among(accounts) for row in rows.filter(named).iterator(CHUNK))
    return [each for each in found if accounts is None or each.account_id in accounts]


def among(accounts: Collection[str] | None) -> Iterator[Q]:
    """What rows to ask for, some at a time, so that those of these accounts (None: all) are among them."""
    if accounts is None or not by_name(accounts):
        yield Q()
    else:
        for part in parts(sorted(accounts)):
            yield Q(account_id__in=part)


def by_name(accounts: Collection[str]) -> bool:
    """Whether the rows of these accounts are asked for by naming them; else all rows are read."""
    return len(accounts) <= MANY


def parts(keys: Sequence[T]) -> Iterator[Sequence[T]]:
    """The keys, so many of them as one statement takes; in between, whoever waits for an answer goes first."""
    for first in range(0, len(keys), CHUNK):
        breathe()
        yield keys[first : first + CHUNK]
