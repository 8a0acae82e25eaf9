"""`tocsin worker --only deliver`: hand messages over, beside a server or elsewhere; any number of these."""

from __future__ import annotations

import argparse
import signal
import threading
from datetime import UTC, datetime
from types import FrameType
from typing import Any

from tocsin.cli.console import Console
from tocsin.core.errors import UserError
from tocsin.workspace import Workspace

PARTS = ("deliver",)


def register(commands: argparse._SubParsersAction[Any]) -> None:
    """Add the command."""
    parser = commands.add_parser("worker", help="hand messages over, beside the server; any number of these")
    parser.add_argument("--only", choices=PARTS, help="deliver: groups, escalations, digests and messages, and nothing else")


def run(args: argparse.Namespace, console: Console, workspace: Workspace) -> int:
    """Deliver until a signal ends it. Reads the operational database alone, so it takes no lock and needs no facts."""
    if args.only is None:
        raise UserError(
            "facts in DuckDB belong to one process: `tocsin up` sweeps and serves; "
            "beside it run `tocsin worker --only deliver`, as many as you like"
        )
    workspace.django()
    from django.conf import settings

    from tocsin.cli import remote
    from tocsin.delivery import facade

    def address() -> str:
        server = remote.find(workspace.home)
        return settings.TOCSIN_PUBLIC_URL or (server.address if server else "")

    loop, stop = facade.Loop(clock=lambda: datetime.now(UTC), address=address), threading.Event()

    def end(_signal: int, _frame: FrameType | None) -> None:
        stop.set()
        loop.wake()

    for each in (signal.SIGINT, signal.SIGTERM):
        signal.signal(each, end)
    console.say(f"tocsin: delivering for {workspace.home} as {loop.name}")
    console.flush()
    loop.run(stop)
    return 0
