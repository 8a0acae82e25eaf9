"""A workspace that has run for a year, and how long each page of it takes in the server's own process."""

from __future__ import annotations

import math
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import cycle, islice
from typing import Any

from tests.bench.client import share
from tocsin.workspace import Workspace

YEAR = timedelta(days=365)
LASTED = timedelta(days=7)
A_PART = 2000  # rows of one statement
RUNNING = 5000  # alerts that still run, at most
# Of a hundred running alerts: acknowledged, snoozed, held.
SEEN_TO = ("acknowledged",) * 15 + ("snoozed",) * 5 + ("held",) * 2

PAGES = {
    "Alerts": "/alerts/",
    "Alerts, the tenth page": "/alerts/?page=10",
    "Alerts, of one severity": "/alerts/?severity=critical",
    "Alerts, of one category": "/alerts/?category=renewal",
    "Alerts, of one rule": "/alerts/?rule={rule}",
    "Alerts, of one account": "/alerts/?account={account}",
    "Alerts, acknowledged": "/alerts/?state=acknowledged",
    "Alerts, closed": "/alerts/?state=closed",
    "Alerts, of the last week": "/alerts/?age=week",
    "one alert": "/alerts/{running}/",
    "one alert that has closed": "/alerts/{closed}/",
    "Accounts": "/accounts/",
    "Accounts by health": "/accounts/?sort=health",
    "Accounts by CSM": "/accounts/?sort=csm",
    "Accounts by name, the hundredth page": "/accounts/?sort=name&page=100",
    "Accounts named so": "/accounts/?q=12",
    "Accounts as families": "/accounts/?by=family",
    "search": "/search/?q=12",
    "one account": "/accounts/{account}/",
    "the health of one account": "/accounts/{account}/health/",
    "the signals of one account": "/accounts/{account}/signals/",
    "Rules": "/rules/",
    "Rules, of one category": "/rules/?category=risk",
    "one rule": "/rules/{rule}/",
    "who matches a rule": "/rules/{rule}/matches/",
    "Health": "/health/",
    "Data": "/data/",
    "Data, events": "/data/events/",
    "Data, values": "/data/values/",
    "Data, unmatched": "/data/unmatched/",
    "Data, rejected": "/data/rejected/",
    "Data, owners": "/data/owners/",
    "Data, import": "/data/import/",
    "Settings": "/settings/",
    "Settings, people": "/settings/people/",
    "Settings, routing": "/settings/routing/",
    "Settings, deliveries": "/settings/deliveries/",
    "Settings, audit": "/settings/audit/",
    "Messages": "/messages/",
}


def remember(number: int) -> None:
    """So many alerts in all: of those that a sweep opened a few thousand run on, the others of the past year have closed."""
    from tocsin.alerts.models import Episode

    now = datetime.now(UTC)
    opened = list(Episode.objects.exclude(state="closed").order_by("id"))
    stride = math.ceil(len(opened) / RUNNING) if len(opened) <= number else 1
    ending = {"state": "closed", "closed_at": now, "close_reason": "cleared", "remembered": True}
    _change([row.pk for place, row in enumerate(opened) if place % stride], **ending)
    running = [row.pk for row in opened[::stride]]
    for state, more in (("acknowledged", {"acknowledged_at": now}), ("snoozed", {"snoozed_until": now + LASTED}), ("held", {})):
        _change([key for key, word in zip(running, cycle(_seen_to()), strict=False) if word == state], state=state, **more)
    _past(opened, number - len(opened))


def _seen_to() -> list[str]:
    """The states of a hundred alerts one after another, those that somebody has seen to spread among the others."""
    states = [*SEEN_TO, *("open",) * (100 - len(SEEN_TO))]
    return [states[place * 37 % 100] for place in range(100)]


def _change(keys: list[int], **changes: Any) -> None:
    from tocsin.alerts.models import Episode

    for first in range(0, len(keys), A_PART):
        Episode.objects.filter(pk__in=keys[first : first + A_PART]).update(**changes)


def _past(like: list[Any], number: int) -> None:
    """So many alerts that have closed, each like one of these, with their timelines."""
    from tocsin.alerts.models import Episode, Transition

    made: Iterator[Any] = (_closed(row, back) for row, back in zip(cycle(like), _back(), strict=False))
    made = islice(made, max(0, number) if like else 0)
    while part := list(islice(made, A_PART)):
        Episode.objects.bulk_create(part)
        Transition.objects.bulk_create(
            Transition(episode=row, at=at, kind=kind, by="bench")
            for row in part
            for at, kind in ((row.opened_at, "opened"), (row.closed_at, "closed"))
        )


def _back() -> Iterator[timedelta]:
    """How long ago alerts of the past opened, without end: from ten days to a year."""
    return cycle(timedelta(days=10) + (YEAR - timedelta(days=10)) * (number * 37 % 1009) / 1009 for number in range(1009))


def _closed(row: Any, back: timedelta) -> Any:
    """A row like another that runs, as it was so long ago; it closed after a week."""
    from tocsin.alerts.models import Episode

    kept = {field.attname: getattr(row, field.attname) for field in Episode._meta.concrete_fields if not field.primary_key}
    opened = row.opened_at - back
    closed = {"state": "closed", "opened_at": opened, "since": opened, "last_seen_at": opened, "notified_at": opened}
    return Episode(**(kept | closed | {"closed_at": opened + LASTED, "close_reason": "cleared", "baseline": False}))


def look(each: int) -> dict[str, Any]:
    """Ask for every page so often, signed in; by page what it took.

    first, p50, p95: milliseconds of an answer; cpu: of computing in all threads, the median; queries: of the operational
    database. It is asked in this process: no other work is done meanwhile. Each page is asked for twice before, as what is kept
    for a minute is made by the first who asks in it.
    """
    from django.conf import settings
    from django.contrib.auth import get_user_model
    from django.test import Client

    from tocsin.alerts.models import Episode

    settings.ALLOWED_HOSTS = ["testserver"]
    client = Client()
    client.force_login(get_user_model().objects.get(email="bench@example.com"))
    running = Episode.objects.filter(state="open", subject_kind="account").order_by("-rank", "id").first()
    closed = Episode.objects.filter(state="closed").order_by("id").first()
    if running is None:
        raise RuntimeError("no alert is open in this book")
    known = {"running": running.pk, "closed": (closed or running).pk, "rule": running.rule, "account": running.account_id}
    return {name: _looked(client, address.format(**known), each) for name, address in PAGES.items()}


def _looked(client: Any, address: str, each: int) -> dict[str, Any]:
    from django.db import connection
    from django.test.utils import CaptureQueriesContext

    first = _asked(client, address)
    with CaptureQueriesContext(connection) as asked:
        _asked(client, address)
    queries = len(asked)  # now, as the next request begins a new log
    times, computed = [], []
    for _ in range(each):
        began = time.process_time()
        times.append(_asked(client, address))
        computed.append(1000 * (time.process_time() - began))
    found = {"first": first, "p50": share(times, 0.5), "p95": share(times, 0.95), "cpu": share(computed, 0.5)}
    return {**found, "queries": queries}


def _asked(client: Any, address: str) -> float:
    began = time.perf_counter()
    answer = client.get(address)
    took = 1000 * (time.perf_counter() - began)
    if answer.status_code != 200:
        raise RuntimeError(f"{address} was answered with {answer.status_code}")
    return took


def looked(workspace: Workspace, each: int) -> dict[str, Any]:
    """The figures of `look`, and how large the book is."""
    from tocsin.alerts.models import Episode

    states = {
        state: Episode.objects.filter(state=state).count() for state in ("open", "acknowledged", "snoozed", "held", "closed")
    }
    return {"pages": look(each), "accounts": workspace.store().counts()["accounts"], "alerts": states}
