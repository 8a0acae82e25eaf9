"""A home for the storms of `test_server`: set up, served and looked into by processes of their own.

`python -m tests.chaos.household HOME` and

    make URL      accounts, rules, a webhook to URL; a write key, an administrator's session and a key of the interface, all
                  three printed as JSON; a sweep has taken stock
    up PORT       `tocsin up`, whose deliverer takes over what another one left after seconds and not minutes
    tell          what is in it, as JSON: events by id, alerts, deliveries
"""

from __future__ import annotations

import json
import sys
import tempfile
from collections import Counter
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from tocsin.workspace import Workspace, configure

ACCOUNTS = [f"acc-{number}" for number in range(40)]
LEASE = timedelta(seconds=3)
ADMIN = "ada@us.example"
ALARM, COUNT, RISE = "alarm", "count", "rise"


def main(home: str, what: str, *more: str) -> None:
    """Do it."""
    if what == "up":
        _up(*more)
    workspace = Workspace(configure(Path(home)))
    workspace.make()
    workspace.django()
    print(json.dumps(_tell(workspace)) if what == "tell" else _make(workspace, *more))  # noqa: T201 - its answer
    workspace.close()


def _up(port: str) -> None:
    from tocsin.cli import main as tocsin

    kept = Workspace.django

    def django(self: Workspace) -> None:
        kept(self)
        from tocsin.delivery.loop import Loop

        assert Loop.__init__.__kwdefaults__ is not None
        Loop.__init__.__kwdefaults__["lease"] = LEASE

    Workspace.django = django  # type: ignore[method-assign]
    sys.exit(tocsin(["up", "--port", port]))


def _make(workspace: Workspace, url: str) -> str:
    from tocsin.alerts import facade as alerts
    from tocsin.core.rules import Definitions, MaxNew, Rule, Trigger
    from tocsin.delivery import facade as delivery
    from tocsin.facts.importing import import_paths
    from tocsin.people import facade as people

    moment = datetime.now(UTC)
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder, "accounts.csv")
        file.write_text("id,name,plan\n" + "".join(f"{each},{each},free\n" for each in ACCOUNTS))
        import_paths(workspace.store(), [file], now=moment)
    delivery.create_channel("webhook", "hook", {"url": url}, by="test", moment=moment)
    # Alerts of one account wait for each other for minutes by default, and a storm is over before.
    delivery.publish_plan("route: {group_interval: 1s}", by="test", moment=moment)
    more: dict[str, Any] = {"category": "risk", "notify": ("channel:hook",), "max_new": MaxNew(count=10**6)}
    rules = (
        Rule(ALARM, "Alarm", trigger=Trigger("event", {"event": "name = 'Alarm'"}), **more),
        Rule(COUNT, "Anything at all", when="count(events) > 0", **more),
        Rule(RISE, "Five alarms", when="count(events where name = 'Alarm') >= 5", **more),
    )
    # The shipped rules are off: judging them takes longer than a server lives here.
    shipped = tuple(replace(rule, state="off", source="") for rule in alerts.definitions().rules)
    alerts.publish_rules(Definitions(rules=(*shipped, *rules)), by="test", moment=moment)
    _, key = people.create_key("storm", "write", by="test", moment=moment)
    _, api = people.create_key("keeper", "api", scopes=["admin"], by="test", moment=moment)
    alerts.sweep(workspace.book(), lambda: datetime.now(UTC))
    return json.dumps({"write": key, "api": api, "session": _session(moment)})


def _session(moment: datetime) -> str:
    """The cookie of somebody who is signed in and may do everything."""
    from django.test import Client

    from tocsin.people import facade as people
    from tocsin.people.models import User

    people.create_user(ADMIN, "Ada", "admin", moment=moment)
    client = Client()
    client.force_login(User.objects.get(email=ADMIN))
    return client.cookies["tocsin_session"].value


def _tell(workspace: Workspace) -> dict[str, Any]:
    from tocsin.alerts import facade as alerts
    from tocsin.delivery.models import Delivery

    rows = workspace.store().query(
        "SELECT events.id, events.name, accounts.id AS account FROM events JOIN accounts ON accounts.key = account_key"
    )
    found = alerts.list_alerts()
    return {
        "events": rows.to_pylist(),
        "alerts": [
            {"id": each.id, "rule": each.rule, "subject": each.subject_id, "key": each.key, "state": each.state}
            for each in found
        ],
        "deliveries": dict(Counter(Delivery.objects.values_list("state", flat=True))),
    }


if __name__ == "__main__":
    main(*sys.argv[1:])
