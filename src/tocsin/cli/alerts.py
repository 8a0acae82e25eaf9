"""`tocsin alerts`: list, acknowledge, snooze, resolve, assign, comment, reopen."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING, Any

from tocsin.alerts.shapes import OUTCOMES, STATES
from tocsin.cli.console import Console
from tocsin.cli.moments import ahead
from tocsin.cli.output import write
from tocsin.cli.parser import add_format
from tocsin.cli.who import me
from tocsin.core.errors import UserError
from tocsin.workspace import Workspace

if TYPE_CHECKING:
    from tocsin.alerts.facade import Alert

SHOWN = ("id", "state", "severity", "rule", "account_id", "opened_at", "message")


def register(commands: argparse._SubParsersAction[Any]) -> None:
    """Add the command and its acts."""
    parser = commands.add_parser("alerts", help="list, acknowledge, snooze or resolve alerts")
    acts = parser.add_subparsers(dest="act", metavar="ACT", required=True)
    listing = acts.add_parser("list", help="every alert, in every state unless --state says otherwise")
    listing.add_argument("--state", action="append", choices=STATES, default=[], help="only this state (may be repeated)")
    listing.add_argument("--rule", action="append", default=[], metavar="ID", help="only this rule (may be repeated)")
    listing.add_argument("--account", action="append", default=[], metavar="ID", help="only this account (may be repeated)")
    add_format(listing)
    _act(acts, "ack", "somebody has it: no more reminders")
    snooze = _act(acts, "snooze", "silent until a moment")
    snooze.add_argument("--until", required=True, metavar="T", help="a date, a time, or a duration from now such as 3d")
    resolve = _act(acts, "resolve", "close it")
    resolve.add_argument("--outcome", choices=OUTCOMES, default="", help="what it was worth")
    assign = _act(acts, "assign", "give it to somebody; they are told")
    assign.add_argument("--to", required=True, metavar="EMAIL", help="a user; '' gives it back to the account's CSM")
    comment = _act(acts, "comment", "say something in its timeline")
    comment.add_argument("--text", required=True)
    _act(acts, "release", "let a held alert go out after review")
    _act(acts, "reopen", "take an act back")


def _act(acts: argparse._SubParsersAction[Any], name: str, text: str) -> argparse.ArgumentParser:
    parser: argparse.ArgumentParser = acts.add_parser(name, help=text)
    parser.add_argument("ids", nargs="+", metavar="ALERT", help="the alert's id, as `alerts list` shows it")
    parser.add_argument("--note", default="", help="a word on why, for the timeline")
    parser.add_argument("--by", default="", metavar="EMAIL", help="who acts (default: the user of this computer)")
    return parser


def run(args: argparse.Namespace, console: Console, workspace: Workspace) -> int:
    """List, or do one thing to alerts: to all that are named, or to none."""
    workspace.django()
    from tocsin.alerts import facade

    if args.act == "list":
        wanted = facade.AlertFilter(states=tuple(args.state), rules=tuple(args.rule), accounts=tuple(args.account))
        rows = [alert.to_json() for alert in facade.list_alerts(wanted)]
        columns = list(rows[0]) if rows else list(SHOWN)
        if args.format in ("csv", "table"):
            rows = [{**row, "subject": row["subject"]["id"]} for row in rows]
        write(console, rows, columns, args.format, shown=SHOWN)
        return 0
    from django.db import transaction

    with transaction.atomic():
        done = [_do(args, alert_id, console, workspace) for alert_id in dict.fromkeys(args.ids)]
    for alert in done:
        console.say(f"alert {alert.id} is {alert.state}: {alert.message}")
    return 0


def _do(args: argparse.Namespace, alert_id: str, console: Console, workspace: Workspace) -> Alert:
    from tocsin.alerts import facade

    who: dict[str, Any] = {"by": args.by or me(), "moment": console.now, "note": args.note}
    try:
        match args.act:
            case "ack":
                return facade.acknowledge(alert_id, **who)
            case "snooze":
                until = ahead(args.until, console, workspace, option="--until")
                return facade.snooze(alert_id, until=until, **who)
            case "resolve":
                return facade.resolve(alert_id, outcome=args.outcome, **who)
            case "release":
                return facade.release(alert_id, **who)
            case "assign":
                return facade.assign(alert_id, args.to, **who)
            case "comment":
                return facade.comment(alert_id, args.text, by=who["by"], moment=who["moment"])
            case _:
                return facade.reopen(alert_id, **who)
    except UserError as error:
        raise UserError(f"alert {alert_id}: {error}" if "there is no alert" not in str(error) else str(error)) from error
