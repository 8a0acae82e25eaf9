"""`tocsin keys`: keys for programs: create, list, revoke."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING, Any

from tocsin.cli.console import Console
from tocsin.cli.output import write
from tocsin.cli.parser import add_format
from tocsin.cli.who import me
from tocsin.core.moment import iso
from tocsin.workspace import Workspace

if TYPE_CHECKING:
    from tocsin.people.facade import KeyInfo

COLUMNS = ("id", "name", "kind", "scopes", "created_at", "last_used_at", "revoked_at")


def register(commands: argparse._SubParsersAction[Any]) -> None:
    """Add the command and its acts."""
    parser = commands.add_parser("keys", help="keys for programs: create, list, revoke")
    acts = parser.add_subparsers(dest="act", metavar="ACT", required=True)
    create = acts.add_parser("create", help="a new key, which is shown this once")
    create.add_argument("--kind", required=True, help="write (takes data in) or api (reads and acts, by its scopes)")
    create.add_argument("--name", required=True, help="what it is for")
    create.add_argument(
        "--scope", action="append", default=[], metavar="S", help="of an api key; may be repeated (default: read)"
    )
    add_format(create)
    listing = acts.add_parser("list", help="the keys that open something")
    listing.add_argument("--revoked", action="store_true", help="the revoked ones too")
    add_format(listing)
    revoke = acts.add_parser("revoke", help="from now on the key opens nothing")
    revoke.add_argument("id", metavar="ID", help="as `keys list` shows it")


def run(args: argparse.Namespace, console: Console, workspace: Workspace) -> int:
    """Create, list or revoke."""
    workspace.django()
    from tocsin.people import facade

    if args.act == "list":
        write(console, [_row(each) for each in facade.list_keys(revoked=args.revoked)], COLUMNS, args.format)
        return 0
    if args.act == "revoke":
        gone = facade.revoke_key(args.id, by=me(), moment=console.now)
        console.say(f"the key {gone.name!r} is revoked")
        return 0
    made, secret = facade.create_key(args.name, args.kind, args.scope, by=me(), moment=console.now)
    if args.format == "table":
        console.say(f"key {made.id} ({made.name}, {made.kind}); it is shown this once, and only its hash is kept:")
        console.out(f"{secret}\n")
        return 0
    row = {"id": made.id, "name": made.name, "kind": made.kind, "key": secret}
    write(console, [row], tuple(row), "jsonl" if args.format == "json" else args.format)
    return 0


def _row(key: KeyInfo) -> dict[str, Any]:
    return {
        "id": key.id,
        "name": key.name,
        "kind": key.kind,
        "scopes": " ".join(key.scopes),
        "created_at": iso(key.created_at),
        "last_used_at": iso(key.last_used_at) if key.last_used_at else None,
        "revoked_at": iso(key.revoked_at) if key.revoked_at else None,
    }
