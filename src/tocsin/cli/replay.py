"""`tocsin replay`: the alerts that would have opened and closed between two moments, for every trigger. Changes nothing."""

from __future__ import annotations

import argparse
from datetime import timedelta
from typing import Any

from tocsin.cli.console import Console
from tocsin.cli.evaluate import chosen
from tocsin.cli.moments import moment_of
from tocsin.cli.output import write
from tocsin.cli.parser import add_format
from tocsin.core.errors import UserError
from tocsin.core.moment import MomentError, parse_duration
from tocsin.workspace import Workspace

COLUMNS = (
    "rule", "category", "severity", "subject", "account_id", "as_of", "message", "evidence", "opened_at", "closed_at",
    "close_reason", "step", "existing", "count", "event_id",
)  # fmt: skip
SHOWN = ("opened_at", "closed_at", "rule", "severity", "subject", "step", "existing", "message")


def register(commands: argparse._SubParsersAction[Any]) -> None:
    """Add the command."""
    parser = commands.add_parser("replay", help="the alerts that would have opened and closed; changes nothing")
    parser.add_argument("--from", dest="start", required=True, metavar="A", help="the first moment, an ISO date or time")
    parser.add_argument("--to", dest="end", required=True, metavar="B", help="the last moment at most")
    parser.add_argument("--every", default="1d", metavar="D", help="the step between two moments (default: 1d)")
    parser.add_argument("--rule", action="append", default=[], metavar="ID", help="only this rule (may be repeated)")
    add_format(parser)


def run(args: argparse.Namespace, console: Console, workspace: Workspace) -> int:
    """Write a row per alert, of a countdown one per step; by rule, subject and opening."""
    start = moment_of(args.start, console, workspace, option="--from")
    end = moment_of(args.end, console, workspace, option="--to")
    rules = chosen(workspace.definitions().rules, args.rule)
    from tocsin.engine.replay import replay

    told = replay(workspace.book(), rules, start, end, _step(args.every), beside=workspace.definitions().rules)
    for rule_id, reason in sorted(told.unknown.items()):
        console.say(f"tocsin: rule {rule_id} cannot be judged: {reason}")
    rows = [alert.to_json() for alert in told.alerts]
    if args.format in ("json", "jsonl"):
        write(console, rows, COLUMNS, args.format)
    else:
        write(console, [{**row, "subject": row["subject"]["id"]} for row in rows], COLUMNS, args.format, shown=SHOWN)
    return 0


def _step(text: str) -> timedelta:
    try:
        return parse_duration(text)
    except MomentError as error:
        raise UserError(f"--every: {error}") from error
