"""The entry of the command line: parse, find the server or own the home, run, and end with the right status."""

from __future__ import annotations

import argparse
import os
import sys
import traceback
from collections.abc import Sequence
from pathlib import Path
from typing import Protocol, cast

from tocsin import heap
from tocsin import workspace as workspaces
from tocsin.cli import remote
from tocsin.cli.console import Console, LocalConsole, OutputClosedError
from tocsin.cli.imported import sync_people
from tocsin.cli.parser import HelpWanted, module_of, parse
from tocsin.core.errors import UserError
from tocsin.workspace import Workspace

FINE, FAILED, WRONG, STOPPED = 0, 1, 2, 130
# These own the home themselves; beside a running server they have nothing to do.
OWNERS = ("up", "demo")
# These have nothing to do with the home: it is neither made nor asked for.
HOMELESS = ("bench",)
# These run beside whoever owns the home, as they open no facts.
BESIDE = ("web", "worker")


class Command(Protocol):
    """A module of a command."""

    def run(self, args: argparse.Namespace, console: Console, workspace: Workspace) -> int:
        """Do it; gives the exit status."""


def main(argv: Sequence[str] | None = None) -> int:
    """Run a command line; gives the exit status. Entry point of `tocsin`."""
    heap.ease()
    given = list(sys.argv[1:] if argv is None else argv)
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(encoding="utf-8", errors="backslashreplace")
    console = LocalConsole()
    try:
        status = guarded(given, console, _run)
        console.flush()
    except OutputClosedError:
        # Python would complain of the closed pipe once more at its own end.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return FINE
    except KeyboardInterrupt:
        return STOPPED
    return status


class Runner(Protocol):
    """What runs a parsed command line: here, or inside a server."""

    def __call__(self, argv: Sequence[str], args: argparse.Namespace, console: Console) -> int:
        """The exit status."""


def guarded(argv: Sequence[str], console: Console, runner: Runner) -> int:
    """Parse and run; what goes wrong becomes one line on standard error and an exit status."""
    try:
        args = parse(argv, console.cwd)
        return runner(argv, args, console)
    except HelpWanted as wanted:
        console.out(str(wanted))
        return FINE
    except UserError as error:
        console.say(f"tocsin: {' '.join(str(error).split())}")
        return WRONG
    except OutputClosedError:
        raise
    except Exception as error:  # noqa: BLE001 - the last resort: whatever it is, a person gets one line and a status
        if os.environ.get("TOCSIN_DEBUG") == "1":
            console.say(traceback.format_exc().rstrip())
        first = (str(error).strip().splitlines() or [""])[0]
        console.say(f"tocsin: failed with {type(error).__name__}: {first[:300]} (TOCSIN_DEBUG=1 shows where)")
        return FAILED


def run_command(args: argparse.Namespace, console: Console, workspace: Workspace) -> int:
    """Run the parsed command on an opened workspace."""
    command: Command = module_of(args.command)
    status = command.run(args, console, workspace)
    if args.command == "import" and status == FINE and not getattr(args, "dry_run", False):
        sync_people(workspace, console)
    return status


def _run(argv: Sequence[str], args: argparse.Namespace, console: Console) -> int:
    configuration = workspaces.configure(cast("Path | None", args.home))
    workspace = Workspace(configuration)
    if args.command in HOMELESS:
        return run_command(args, console, workspace)
    if args.command in BESIDE:
        workspace.make()
        try:
            return run_command(args, console, workspace)
        finally:
            workspace.close()
    server = remote.find(configuration.home)
    if server is not None:
        if args.command in OWNERS:
            raise UserError(f"{configuration.home} is served already by process {server.pid}: {server.address}")
        return remote.run(server, argv, console)
    workspace.make()
    with remote.owned(configuration.home, console) as found:
        if found is not None:  # a server came up while this command waited for its turn
            if args.command in OWNERS:
                raise UserError(f"{configuration.home} is served already by process {found.pid}: {found.address}")
            return remote.run(found, argv, console)
        try:
            return run_command(args, console, workspace)
        finally:
            workspace.close()
