"""`tocsin bench`: the performance table on this machine."""

from __future__ import annotations

import argparse
from typing import Any

from tocsin.cli.console import Console
from tocsin.core.errors import UserError
from tocsin.workspace import Workspace


def register(commands: argparse._SubParsersAction[Any]) -> None:
    """Add the command."""
    parser = commands.add_parser("bench", help="measure this machine: sweep and import beside bare scans")
    parser.add_argument("--accounts", type=int, default=5_000, metavar="N", help="accounts (default: 5000)")
    parser.add_argument("--events", type=int, default=2_000_000, metavar="N", help="events (default: 2000000)")


def run(args: argparse.Namespace, console: Console, workspace: Workspace) -> int:  # noqa: ARG001 - it has a home of its own
    """Measure in a temporary folder; the workspace is not touched."""
    if args.accounts < 1 or args.events < 1:
        raise UserError("--accounts and --events: give at least 1")
    from tocsin.bench import run as measure

    console.out(measure(accounts=args.accounts, events=args.events, progress=console.progress))
    return 0
