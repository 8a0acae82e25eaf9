"""A home to be measured: set up, served and counted by processes of its own.

`python -m tests.bench.home HOME` and

    make JSON     {accounts, events, url, alerts}: a synthetic book that has been swept, with so many alerts in all, a rule for
                  probes with a webhook to url, a write key and a signed-in session, which are printed as JSON
    up PORT       `tocsin up`
    unstored PORT `tocsin up` whose inbox says at once that all is durable, and stores nothing
    count         how many events came over HTTP
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from itertools import cycle, islice
from pathlib import Path
from typing import Any

from tocsin.workspace import Workspace, configure

PROBE, RULE = "Probe", "bench-probe"
YEAR = timedelta(days=365)
A_PART = 2000  # rows of one statement


def main(home: str, what: str, *more: str) -> None:
    """Do it."""
    if what in ("up", "unstored"):
        _up(*more, stored=what == "up")
    workspace = Workspace(configure(Path(home)))
    workspace.make()
    workspace.django()
    told = _made(workspace, **json.loads(more[0])) if what == "make" else _counted(workspace)
    print(json.dumps(told))  # noqa: T201 - its answer
    workspace.close()


def _up(port: str, *, stored: bool) -> None:
    from tocsin.cli import main as tocsin
    from tocsin.ingest.log import Log

    def append(self: Log, payload: bytes, done: Callable[[BaseException | None], None]) -> None:
        del self, payload
        done(None)

    if not stored:
        Log.append = append  # type: ignore[method-assign]
    sys.exit(tocsin(["up", "--port", port]))


def _made(workspace: Workspace, accounts: int, events: int, url: str = "", alerts: int = 0) -> dict[str, Any]:
    from django.conf import settings
    from django.contrib.auth import get_user_model
    from django.test import Client

    from tocsin.alerts import facade
    from tocsin.core.rules import Definitions, MaxNew, Rule, Trigger
    from tocsin.delivery import facade as delivery
    from tocsin.facts.synthetic import fill
    from tocsin.people import facade as people

    now = datetime.now(UTC)
    fill(workspace.store(), accounts=accounts, events=events, until=now)
    notify: tuple[str, ...] = ()
    if url:
        delivery.create_channel("webhook", "bench", {"url": url}, by="bench", moment=now)
        notify = ("channel:bench",)
    trigger = Trigger("event", {"event": f"name = '{PROBE}'"})
    probe = Rule(RULE, "Probe", "risk", trigger=trigger, notify=notify, max_new=MaxNew(count=10**6))
    facade.publish_rules(Definitions(rules=(probe,)), by="bench", moment=now)
    _, key = people.create_key("bench", "write", by="bench", moment=now)
    people.create_user("bench@example.com", "Bench", "admin", moment=now, by="bench")
    client = Client()
    client.force_login(get_user_model().objects.get(email="bench@example.com"))
    report = facade.sweep(workspace.book(), lambda: datetime.now(UTC))
    _remember(alerts - report.opened)
    return {"key": key, "cookie": client.cookies[settings.SESSION_COOKIE_NAME].value, "alerts": report.opened}


def _remember(number: int) -> None:
    """So many alerts of the past year that have closed again, each like one that is open; some of those are seen to."""
    from tocsin.alerts.models import Episode, Transition

    made: Iterator[tuple[Episode, timedelta]] = islice(
        zip(cycle(Episode.objects.order_by("id")), _back(), strict=False), max(0, number)
    )
    while part := list(islice(made, A_PART)):
        rows = [_closed(row, back) for row, back in part]
        Episode.objects.bulk_create(rows)
        Transition.objects.bulk_create(
            Transition(episode=row, at=at, kind=kind, by="bench")
            for row in rows
            for at, kind in ((row.opened_at, "opened"), (row.closed_at, "closed"))
        )
    if number > 0:
        now = datetime.now(UTC)
        states = {0: {"state": "acknowledged", "acknowledged_by": "bench@example.com", "acknowledged_at": now}}
        states |= {1: {"state": "snoozed", "snoozed_until": now + timedelta(days=3)}, 2: {"state": "held"}}
        for rest, changes in states.items():
            ids = Episode.objects.filter(state="open").order_by("id").values_list("pk", flat=True)
            Episode.objects.filter(pk__in=[key for key in ids if key % 20 == rest]).update(**changes)


def _back() -> Iterator[timedelta]:
    """How long ago alerts of the past opened, without end: from ten days to a year."""
    return cycle(timedelta(days=10) + (YEAR - timedelta(days=10)) * (number * 37 % 1009) / 1009 for number in range(1009))


def _closed(row: Any, back: timedelta) -> Any:
    """A row like another that runs, as it was so long ago; it closed after a week."""
    from tocsin.alerts.models import Episode

    kept = {field.attname: getattr(row, field.attname) for field in Episode._meta.concrete_fields if not field.primary_key}
    opened = row.opened_at - back
    closed = {"state": "closed", "opened_at": opened, "since": opened, "last_seen_at": opened, "notified_at": opened}
    closed |= {"closed_at": opened + timedelta(days=7), "close_reason": "cleared", "baseline": False}
    return Episode(**(kept | closed))


def _counted(workspace: Workspace) -> dict[str, Any]:
    table = workspace.store().query("SELECT count(*) AS n, count(DISTINCT id) AS ids FROM events WHERE id LIKE 'bench-%'")
    return dict(table.to_pylist()[0])


if __name__ == "__main__":
    main(*sys.argv[1:])
