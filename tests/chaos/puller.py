"""Breeds processes that pull, to be killed: `python -m tests.chaos.puller HOME DATABASE MAPPING`, told by lines on stdin.

    pull          a process that pulls as soon as it may; answers with its process id
    finish        a process that pulls until a run is done, and says how things stand, as JSON
    end

All modules are loaded once, so that a fork begins within milliseconds, and a kill finds it at work.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from tocsin.workspace import Workspace, configure

LEASE = timedelta(seconds=0.5)  # short, so that who comes after a kill need not wait
PART = 400  # rows that are stored together, so that a kill finds many of them


def now() -> datetime:
    """The clock."""
    return datetime.now(UTC)


def main(home: str, database: str, mapping: str) -> None:
    """Make the workspace and the pull, then obey."""
    workspace = Workspace(configure(Path(home)))
    workspace.make()
    workspace.django()
    from tocsin.facts.pulling import spool
    from tocsin.sources import facade
    from tocsin.sources.pulls import claiming

    claiming.LEASE = LEASE
    spool.spool.__kwdefaults__ = {"mark": None, "most": PART}
    settings: dict[str, Any] = {
        "url": f"sqlite://{database}",
        "mapping": mapping,
        "cursor": "events=loaded_at",
        "full": "accounts",
    }
    facade.create_pull("sql", "storm", settings | {"schedule": "by hand"}, by="test", moment=now(), everywhere=True)
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    _close()
    print("ready", flush=True)  # noqa: T201 - its answers
    for line in sys.stdin:
        word = line.strip()
        if word == "end":
            return
        child = os.fork()
        if not child:
            try:
                _pull(workspace)
                if word == "finish":
                    print(json.dumps(_standing(workspace)), flush=True)  # noqa: T201
            finally:
                os._exit(0)
        if word == "pull":
            print(child, flush=True)  # noqa: T201


def _close() -> None:
    from django.db import connections

    connections.close_all()


def _pull(workspace: Workspace) -> None:
    """Pull, once nobody else does."""
    from tocsin.core.errors import UserError
    from tocsin.sources import facade

    while True:
        try:
            facade.run_now("storm", workspace.store(), clock=now, zone=workspace.zone, by="test")
        except UserError as error:
            if "is being pulled already" not in str(error) and "another process holds it" not in str(error):
                raise
            time.sleep(0.05)
        else:
            return


def _standing(workspace: Workspace) -> dict[str, Any]:
    """What is stored and what is recorded."""
    from tocsin.sources.models import Pull, PullRun

    counts = workspace.store().counts()
    row = Pull.objects.get()
    return {
        "accounts": counts["accounts"],
        "events": counts["events"],
        "closed": workspace.store()
        .query("SELECT count(*) AS n FROM accounts WHERE churned_at IS NOT NULL")
        .to_pylist()[0]["n"],
        "ids": workspace.store().query("SELECT count(DISTINCT id) AS n FROM events").to_pylist()[0]["n"],
        "marks": row.marks,
        "states": list(PullRun.objects.order_by("pk").values_list("state", flat=True)),
        "errors": list(PullRun.objects.exclude(error="").values_list("error", flat=True)),
    }


if __name__ == "__main__":
    main(*sys.argv[1:])
