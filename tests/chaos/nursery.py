"""Breeds workers to be killed: `python -m tests.chaos.nursery HOME URL`, told by lines on standard input.

    worker        a deliver loop; answers with its process id
    open N        a process that opens alerts for N more accounts in one sweep, as fast as it can
    finish        deliver all that is left, here; answers with what is in the ledger, as JSON
    end

Django and all modules are loaded once, so that a fork begins within milliseconds, and a kill finds it at work.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import threading
import time
from collections import Counter
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from tocsin.workspace import Workspace, configure

LEASE = timedelta(seconds=1)  # above what the receiver takes to answer; short, so that a storm is
RULE = "storm"


def now() -> datetime:
    """The clock."""
    return datetime.now(UTC)


def main(home: str, url: str) -> None:
    """Make the workspace, then obey."""
    workspace = Workspace(configure(Path(home)))
    workspace.make()
    workspace.django()
    _set_up(url)
    # A child that was killed is nobody's to wait for.
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    _close()
    accounts = 0
    _say("ready")
    for line in sys.stdin:
        word, _, number = line.strip().partition(" ")
        if word == "worker":
            _fork(_deliver)
        elif word == "open":
            accounts += int(number)
            count = accounts
            _fork(lambda count=count: _open(count))
        elif word == "finish":
            _say(json.dumps(_finish()))
            _close()
        elif word == "end":
            return


def _set_up(url: str) -> None:
    from tocsin.alerts import facade as alerts
    from tocsin.core.rules import Definitions, MaxNew, Rule
    from tocsin.delivery import facade as delivery
    from tocsin.people import facade as people

    moment = now()
    people.create_user("ann@x.io", "Ann", "csm", moment=moment)
    delivery.choose_preferences("ann@x.io", people.Preferences(daily_cap=1000, weekly_budget=1000), by="test", moment=moment)
    delivery.create_channel("webhook", "hook", {"url": url}, by="test", moment=moment)
    every = MaxNew(count=10**6)
    rule = Rule(id=RULE, name="Storm", category="risk", when="mrr < 10", notify=("owner", "channel:hook"), max_new=every)
    alerts.publish_rules(Definitions(rules=(rule,)), by="test", moment=moment)
    _sweep(0)


def _sweep(count: int) -> None:
    from tests.apps.fakes import FakeBook
    from tocsin.alerts import facade as alerts
    from tocsin.core.rules import Definitions

    known = alerts.definitions()
    names = {f"A{number}" for number in range(count)}
    book = FakeBook(true={RULE: names}, owners=dict.fromkeys(names, "ann@x.io"))
    alerts.sweep(book.book, now, definitions=Definitions(rules=(known.rule(RULE),)))


def _open(count: int) -> None:
    from django.db import OperationalError

    while True:
        try:
            _sweep(count)
        except OperationalError:  # the database is busy; as the worker's loop does, it tries again
            time.sleep(0.02)
        else:
            return


def _deliver() -> None:
    from tocsin.delivery import facade as delivery

    delivery.Loop(clock=now, every=0.02, lease=LEASE).run(threading.Event())


def _finish() -> dict[str, Any]:
    """Deliver what is left; what the ledger and the alerts say then."""
    from tocsin.alerts import facade as alerts
    from tocsin.delivery import facade as delivery
    from tocsin.delivery.models import Delivery, Notice

    loop, until = delivery.Loop(clock=now, every=0.02, lease=LEASE), time.monotonic() + 60
    delivery.audit(now())
    while time.monotonic() < until:
        loop.tick()
        if (
            not Delivery.objects.exclude(state__in=("sent", "dead")).exists()
            and not Notice.objects.filter(state="waiting").exists()
        ):
            break
        time.sleep(0.02)
    loop.close()
    return {
        "alerts": [each.id for each in alerts.list_alerts() if not each.baseline],
        "notices": dict(Counter(Notice.objects.filter(target="hook").values_list("state", flat=True))),
        "deliveries": [
            {"id": str(each.pk), "channel": each.channel, "state": each.state, "attempts": each.attempts}
            for each in Delivery.objects.all()
        ],
    }


def _fork(work: Any) -> None:
    child = os.fork()
    if child == 0:
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        try:
            work()
        finally:
            os._exit(0)
    _say(str(child))


def _close() -> None:
    """No connection is shared between processes."""
    from django.db import connections

    connections.close_all()


def _say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main(*sys.argv[1:])
