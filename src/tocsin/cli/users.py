"""`tocsin users`: people who may sign in."""

from __future__ import annotations

import argparse
from typing import Any

from tocsin.cli.console import Console
from tocsin.cli.output import write
from tocsin.cli.parser import add_format
from tocsin.workspace import Workspace

COLUMNS = ("email", "name", "role", "team", "active", "can_sign_in")


def register(commands: argparse._SubParsersAction[Any]) -> None:
    """Add the command."""
    parser = commands.add_parser("users", help="people: create, list, link")
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


def add_list(acts: argparse._SubParsersAction[Any]) -> argparse.ArgumentParser:
    """Add `users list`."""
    parser: argparse.ArgumentParser = acts.add_parser("list", help="all users")
    return parser


def run(args: argparse.Namespace, console: Console, workspace: Workspace) -> int:
    """Create, list, or make a link."""
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
    made = facade.create_user(args.email, args.name, args.role, team=args.team, moment=console.now)
    link = _address(workspace) + facade.make_link(made.email, moment=console.now, purpose="set-password")
    row = {**asdict(made), "link": link}
    if args.format == "table":
        console.say(f"{made.name} <{made.email}> may sign in as {made.role} after setting a password (once, within 3 days):")
        console.out(f"{link}\n")
    else:
        write(console, [row], (*COLUMNS, "link"), "jsonl" if args.format == "json" else args.format)
    return 0


def _address(workspace: Workspace) -> str:
    """Where the product is served: by the running server, else where `tocsin up` will by default."""
    from tocsin.cli import remote

    server = remote.find(workspace.home)
    return server.address if server else "http://127.0.0.1:8321"
