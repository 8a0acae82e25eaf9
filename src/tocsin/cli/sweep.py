"""`tocsin sweep`: judge the rules as of a moment, open and close alerts."""

from __future__ import annotations

import argparse
from dataclasses import asdict
from typing import Any

from tocsin.cli.console import Console
from tocsin.cli.moments import moment_of
from tocsin.cli.output import write
from tocsin.cli.parser import add_as_of, add_format
from tocsin.core.moment import iso
from tocsin.workspace import Workspace

COUNTS = ("judged", "opened", "closed", "kept", "held", "renotified", "pending")


def register(commands: argparse._SubParsersAction[Any]) -> None:
    """Add the command."""
    parser = commands.add_parser("sweep", help="judge all rules; open and close alerts")
    add_as_of(parser)
    add_format(parser)


def run(args: argparse.Namespace, console: Console, workspace: Workspace) -> int:
    """Sweep, and say what it did."""
    moment = moment_of(args.as_of, console, workspace)
    book = workspace.book()
    from tocsin.alerts import facade

    report = facade.sweep(book, console.clock if args.as_of is None else moment, clock=console.clock)
    if report.as_of > console.clock():
        console.say(f"tocsin: {iso(report.as_of)} is ahead of the clock: until then every other sweep is refused")
    for rule_id, reason in sorted(report.unknown.items()):
        console.say(f"tocsin: rule {rule_id} cannot be judged: {reason}")
    if report.baseline:
        console.say("tocsin: the first sweep of this workspace: what matches already is the baseline, and nobody is told")
    row = {name: value for name, value in asdict(report).items() if name != "seconds"}
    if args.format == "json":
        write(console, [row], list(row), "jsonl")
    else:
        write(console, [row], ("as_of", *COUNTS), args.format)
    return 0
