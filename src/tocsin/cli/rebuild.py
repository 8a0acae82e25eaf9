"""`tocsin rebuild`: what is kept of the past, made anew from the facts."""

from __future__ import annotations

import argparse
from typing import Any

from tocsin.cli.console import Console
from tocsin.workspace import Workspace


def register(commands: argparse._SubParsersAction[Any]) -> None:
    """Add the command."""
    commands.add_parser("rebuild", help="make what is kept of the past (health, old events) anew; the same comes of it")


def run(args: argparse.Namespace, console: Console, workspace: Workspace) -> int:  # noqa: ARG001 - a Command's
    """Drop what is kept, and make it anew."""
    workspace.store().roll_up(console.now)
    book = workspace.book()
    from tocsin.health import facade

    days = facade.rebuild(book, console.now)
    console.say(f"the health of {days:,} days of accounts is made anew")
    return 0
