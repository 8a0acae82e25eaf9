"""Running a command line inside the server: its console is the connection to the client."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from tocsin.cli.console import Console, OutputClosedError
from tocsin.cli.main import OWNERS, guarded, run_command
from tocsin.core.errors import UserError

if TYPE_CHECKING:
    from tocsin.ingest.writer import Writer
    from tocsin.server.door import Hatch, Request, Runner
    from tocsin.worker import Worker
    from tocsin.workspace import Workspace

SETTLED = 30.0  # seconds that a command waits for what was acknowledged before it to be stored
FULL = 64 * 1024  # characters of output that go out together
CHANGING = ("import", "rules", "accounts", "health", "rebuild")  # after these the worker has something new to judge


class DistantConsole(Console):
    """The console of a command that runs in the server for a client elsewhere on this machine."""

    def __init__(self, request: Request, hatch: Hatch) -> None:
        super().__init__(now=datetime.now(UTC), cwd=request.cwd, tty=request.tty, width=request.width)
        self._hatch = hatch
        self._held: list[str] = []
        self._size = 0

    def out(self, text: str) -> None:
        """Send data, in larger portions."""
        self._held.append(text)
        self._size += len(text)
        if self._size >= FULL:
            self.flush()

    def say(self, text: str) -> None:
        """Send a message, after the data before it."""
        self.flush()
        self._put({"err": text})

    def progress(self, label: str, share: float) -> None:
        """Send progress where the client draws it; notice a client that has gone."""
        if self.tty:
            self._put({"progress": [label, share]})
        elif self._hatch.gone.is_set():
            raise OutputClosedError

    def flush(self) -> None:
        """Send what is held."""
        if self._held:
            text, self._held, self._size = "".join(self._held), [], 0
            self._put({"out": text})

    def _put(self, frame: dict[str, object]) -> None:
        if self._hatch.gone.is_set():
            raise OutputClosedError
        self._hatch.put(frame)


def runner(workspace: Workspace, worker: Worker, writer: Writer) -> Runner:
    """What the server's door calls for each command line."""

    def run(request: Request, hatch: Hatch) -> int:
        console = DistantConsole(request, hatch)

        def here(argv: Sequence[str], args: argparse.Namespace, console: Console) -> int:  # noqa: ARG001 - a Runner's
            if args.command in OWNERS:
                raise UserError(f"{workspace.home} is served already")
            writer.settle(SETTLED)  # a command sees what was acknowledged before it began
            status = run_command(args, console, workspace)
            pulled = args.command == "sources" and args.act == "pull"  # also one that failed may have stored a part
            if pulled or (status == 0 and args.command in CHANGING):
                worker.nudge()
            return status

        try:
            status = guarded(request.argv, console, here)
            console.flush()
        except OutputClosedError:
            return 0
        return status

    return run
