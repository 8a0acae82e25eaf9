"""`tocsin users`: people who may sign in."""

from __future__ import annotations

import argparse
from typing import Any

from tocsin.cli.console import Console
from tocsin.cli.moments import moment_of
from tocsin.cli.output import write
from tocsin.cli.parser import add_format
from tocsin.cli.who import me
from tocsin.core.errors import UserError
from tocsin.workspace import Workspace

COLUMNS = ("email", "name", "role", "team", "active", "can_sign_in")


def register(commands: argparse._SubParsersAction[Any]) -> None:
    """Add the command."""
    parser = commands.add_parser("users", help="people: create, list, link, roles, teams, preferences, who is away")
    acts = parser.add_subparsers(dest="act", metavar="ACT", required=True)
    create = acts.add_parser("create", help="a new user; prints a link that sets the password")
    create.add_argument("--email", required=True)
    create.add_argument("--name", required=True)
    create.add_argument("--role", required=True, help="admin, operations, leader, csm or viewer")
    create.add_argument("--team", default="")
    add_format(create)
    link = acts.add_parser("link", help="a new one-time link for a user")
    link.add_argument("email", metavar="EMAIL")
    link.add_argument("--set-password", action="store_true", help="to set a password, rather than to sign in at once")
    add_format(add_list(acts))
    _set(acts, "role", "ROLE", "give somebody a role: admin, operations, leader, csm or viewer")
    _set(acts, "team", "TEAM", "put somebody into a team, which is made where it is missing; '' for none")
    for name, text in (("deactivate", "shut somebody out at once"), ("activate", "let somebody in again")):
        acts.add_parser(name, help=text).add_argument("email", metavar="EMAIL")
    manager = acts.add_parser("manager", help="say who manages a team")
    manager.add_argument("team", metavar="TEAM")
    manager.add_argument("email", metavar="EMAIL", help="'' for nobody")
    away = acts.add_parser("away", help="say that somebody is away, and who stands in")
    away.add_argument("email", metavar="EMAIL")
    away.add_argument("--from", dest="begins", required=True, metavar="T", help="a date or a time")
    away.add_argument("--until", required=True, metavar="T", help="a date or a time; they are back then")
    away.add_argument("--stand-in", default="", metavar="EMAIL", help="who is told meanwhile (default: their manager)")
    away.add_argument("--remove", action="store_true", help="take the period that begins at --from back")
    prefer = acts.add_parser("prefer", help="how somebody works and is told: show it, or change it")
    prefer.add_argument("email", metavar="EMAIL")
    prefer.add_argument(
        "--set",
        action="append",
        default=[],
        metavar="K=V",
        help="such as channels=email,slack or quiet_from=20:00 (repeatable)",
    )
    add_format(prefer)


def _set(acts: argparse._SubParsersAction[Any], name: str, value: str, text: str) -> None:
    parser = acts.add_parser(name, help=text)
    parser.add_argument("email", metavar="EMAIL")
    parser.add_argument("value", metavar=value)


def add_list(acts: argparse._SubParsersAction[Any]) -> argparse.ArgumentParser:
    """Add `users list`."""
    parser: argparse.ArgumentParser = acts.add_parser("list", help="all users")
    return parser


def run(args: argparse.Namespace, console: Console, workspace: Workspace) -> int:
    """Create, list, make a link, or change one thing."""
    workspace.django()
    from dataclasses import asdict

    from tocsin.people import facade

    if args.act == "list":
        rows = [asdict(person) for person in facade.people(active=False)]
        write(console, rows, COLUMNS, args.format)
        return 0
    if args.act == "link":
        purpose = "set-password" if args.set_password else "sign-in"
        console.out(_address(workspace) + facade.make_link(args.email, moment=console.now, purpose=purpose) + "\n")
        return 0
    if args.act == "prefer":
        return _prefer(args, console)
    if args.act != "create":
        console.say(_change(args, console, workspace))
        return 0
    made = facade.create_user(args.email, args.name, args.role, team=args.team, by=me(), moment=console.now)
    link = _address(workspace) + facade.make_link(made.email, moment=console.now, purpose="set-password")
    row = {**asdict(made), "link": link}
    if args.format == "table":
        console.say(f"{made.name} <{made.email}> may sign in as {made.role} after setting a password (once, within 3 days):")
        console.out(f"{link}\n")
    else:
        write(console, [row], (*COLUMNS, "link"), "jsonl" if args.format == "json" else args.format)
    return 0


def _prefer(args: argparse.Namespace, console: Console) -> int:
    """Show how somebody is told, after changing what is asked."""
    from tocsin.cli import preferring
    from tocsin.delivery import facade as delivery
    from tocsin.people import facade

    found = facade.directory().get(args.email.strip().lower())
    if found is None:
        raise UserError(f"there is no user {args.email.strip()!r}; `tocsin users list` shows who there is")
    chosen = preferring.changed(found.preferences, args.set)
    if args.set:
        chosen = delivery.choose_preferences(found.email, chosen, by=me(), moment=console.now)
    write(console, preferring.shown(chosen), ("name", "value"), args.format)
    return 0


def _change(args: argparse.Namespace, console: Console, workspace: Workspace) -> str:
    """Do one thing to somebody; gives the sentence that says what."""
    from tocsin.people import facade

    who: dict[str, Any] = {"by": me(), "moment": console.now}
    match args.act:
        case "role":
            facade.set_role(args.email, args.value, **who)
            return f"{args.email} has the role {args.value}"
        case "team":
            facade.set_team(args.email, args.value, **who)
            return f"{args.email} is of the team {args.value}" if args.value else f"{args.email} is of no team"
        case "manager":
            facade.set_manager(args.team, args.email, **who)
            return f"{args.email or 'nobody'} manages the team {args.team}"
        case "away":
            begins, ends = (moment_of(each, console, workspace, option=option) for each, option in _ends(args))
            if args.remove:
                facade.remove_away(args.email, begins, **who)
                return f"{args.email} is not away then"
            facade.add_away(args.email, facade.AwayPeriod(begins, ends, args.stand_in), **who)
            return f"{args.email} is away until {args.until}; {args.stand_in or 'their manager'} is told meanwhile"
        case _:
            facade.set_active(args.email, args.act == "activate", **who)
            return f"{args.email} is {'active' if args.act == 'activate' else 'shut out'}"


def _ends(args: argparse.Namespace) -> tuple[tuple[str, str], ...]:
    return (args.begins, "--from"), (args.until, "--until")


def _address(workspace: Workspace) -> str:
    """Where the product is served: by the running server, else where `tocsin up` will by default."""
    from tocsin.cli import remote

    server = remote.find(workspace.home)
    return server.address if server else "http://127.0.0.1:8321"
