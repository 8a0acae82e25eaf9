"""A home to be measured: set up, served and counted by processes of its own.

`python -m tests.bench.home HOME` and

    make JSON     {accounts, events, url, alerts}: a synthetic book that has been swept, with so many alerts in all, a rule for
                  probes with a webhook to url, a write key and a signed-in session, which are printed as JSON
    up PORT       `tocsin up`
    unstored PORT `tocsin up` whose inbox says at once that all is durable, and stores nothing
    count         how many events came over HTTP
    look EACH     each page asked for so often in this process: see `large`
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from tests.bench import large
from tocsin.workspace import Workspace, configure

PROBE, RULE = "Probe", "bench-probe"


def main(home: str, what: str, *more: str) -> None:
    """Do it."""
    if what in ("up", "unstored"):
        _up(*more, stored=what == "up")
    workspace = Workspace(configure(Path(home)))
    workspace.make()
    workspace.django()
    if what == "make":
        told = _made(workspace, **json.loads(more[0]))
    else:
        told = large.looked(workspace, int(more[0])) if what == "look" else _counted(workspace)
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
    if alerts:
        large.remember(alerts)
    return {"key": key, "cookie": client.cookies[settings.SESSION_COOKIE_NAME].value, "alerts": report.opened}


def _counted(workspace: Workspace) -> dict[str, Any]:
    table = workspace.store().query("SELECT count(*) AS n, count(DISTINCT id) AS ids FROM events WHERE id LIKE 'bench-%'")
    return dict(table.to_pylist()[0])


if __name__ == "__main__":
    main(*sys.argv[1:])
