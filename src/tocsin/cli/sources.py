"""`tocsin sources`: the systems that send webhooks, and the databases and folders that are pulled from."""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from tocsin.cli import pulls, remote
from tocsin.cli.console import Console
from tocsin.cli.output import write
from tocsin.cli.parser import add_format
from tocsin.cli.who import me
from tocsin.core.errors import UserError
from tocsin.ingest.recovery import open_inbox
from tocsin.workspace import Workspace

if TYPE_CHECKING:
    from tocsin.core.made import Made
    from tocsin.sources.facade import SourceInfo
    from tocsin.sources.trying import Tried

MADE = ("id", "name", "kind", "url", "secret")
LISTED = (
    "id", "name", "kind", "url", "paused", "secrets", "settings", "received", "refused", "last_received_at", "last_error_at",
    "last_error", *pulls.LISTED,
)  # fmt: skip
SHOWN = ("id", "name", "kind", "paused", "received", "refused", "last_received_at", "last_error")


def register(commands: argparse._SubParsersAction[Any]) -> None:
    """Add the command and its acts."""
    parser = commands.add_parser("sources", help="systems that send webhooks, databases and folders that are pulled from")
    acts = parser.add_subparsers(dest="act", metavar="ACT", required=True)
    create = acts.add_parser("create", help="set a source up; prints its address, and the secret where it is made here")
    create.add_argument(
        "--kind",
        required=True,
        metavar="K",
        help="stripe, hubspot, salesforce, zendesk, intercom, jira or generic; sql or folder for a pull",
    )
    create.add_argument("--name", required=True, metavar="N", help="what it is called here")
    create.add_argument("--secret", action="append", default=[], metavar="S", help="by which it signs (may be repeated)")
    _settings(create)
    pulls.register(acts, create)
    listing = acts.add_parser("list", help="all sources")
    add_format(listing)
    change = acts.add_parser("set", help="change settings; what is not named stays, an empty value takes one away")
    change.add_argument("name", metavar="NAME")
    _settings(change)
    for name, text in (
        ("pause", "take nothing from a source for now"),
        ("resume", "take what a source sends again"),
        ("test", "sign the vendor's sample and send it to the door; nothing of it is stored"),
        ("delete", "remove a source; what it has told stays"),
    ):
        acts.add_parser(name, help=text).add_argument("name", metavar="NAME", help="its name or id")
    secret = acts.add_parser("secret", help="the secrets of a source: add, remove")
    below = secret.add_subparsers(dest="doing", metavar="ACT", required=True)
    add = below.add_parser("add", help="one more that the source may sign with")
    add.add_argument("name", metavar="NAME")
    add.add_argument("--secret", default="", metavar="S", help="the one that the vendor shows; made where you choose it")
    add_format(add)
    remove = below.add_parser("remove", help="from now on it signs nothing")
    remove.add_argument("name", metavar="NAME")
    remove.add_argument("id", metavar="ID", help="as `sources list --format json` shows it")


def _settings(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--set", action="append", default=[], metavar="K=V", help="a setting of this kind, as text or JSON (may be repeated)"
    )
    add_format(parser)


def run(args: argparse.Namespace, console: Console, workspace: Workspace) -> int:
    """Do it; 1 where a test was refused."""
    workspace.django()
    from tocsin.sources import facade

    if pulls.names_one(args):
        return pulls.run(args, console, workspace, _pairs(getattr(args, "set", [])))
    if misplaced := pulls.misplaced(args):
        raise UserError(f"{', '.join(misplaced)}: only for the kinds {' and '.join(pulls.KINDS)}, which are pulled from")
    who: dict[str, Any] = {"by": me(), "moment": console.now}
    match args.act:
        case "list":
            _list(args, console, workspace)
        case "create":
            made = facade.create_source(args.kind, args.name, given=args.secret, settings=_pairs(args.set), **who)
            _tell(console, workspace, made, args.format, "is set up")
        case "set":
            info = facade.set_settings(args.name, _pairs(args.set), **who)
            write(console, [_listed(info, _address(workspace))], LISTED, args.format, shown=("name", "kind", "settings"))
        case "secret" if args.doing == "add":
            added = facade.add_secret(args.name, args.secret, **who)
            _tell(console, workspace, added, args.format, "has one more secret")
        case "secret":
            facade.remove_secret(args.name, args.id, **who)
            console.say(f"the secret {args.id} of {args.name} is removed")
        case "test":
            tried = _try(args.name, console, workspace)
            console.say(tried.words)
            return 0 if tried.ok else 1
        case "pause":
            console.say(f"{facade.pause_source(args.name, **who).name} is paused")
        case "resume":
            console.say(f"{facade.resume_source(args.name, **who).name} is taken from again")
        case _:
            console.say(f"{facade.delete_source(args.name, **who).name} is removed; what it has told stays")
    return 0


def _list(args: argparse.Namespace, console: Console, workspace: Workspace) -> None:
    """What sends and what is pulled from, in a table each, or one after the other."""
    from tocsin.sources import facade

    sending = [_listed(each, _address(workspace)) for each in facade.list_sources()]
    pulled = [pulls.listed(each) for each in facade.list_pulls(console.clock())]
    if args.format != "table":
        write(console, [*sending, *pulled], LISTED, args.format)
        return
    if sending or not pulled:
        write(console, sending, LISTED, args.format, shown=SHOWN)
    if pulled:
        console.out("\n" if sending else "")
        write(console, pulled, LISTED, args.format, shown=pulls.SHOWN)


def _try(name: str, console: Console, workspace: Workspace) -> Tried:
    from tocsin.sources import trying
    from tocsin.sources.door import Door

    server = remote.find(workspace.home)
    if server is not None:
        return trying.try_source(name, trying.to_server(server.address), server.address, moment=console.clock())
    inbox = open_inbox(workspace.store(), workspace.home, workspace.configuration.limits)
    try:
        door = Door(inbox, zone=workspace.zone.key, clock=console.clock)
        return trying.try_source(name, trying.to_door(door), trying.HERE, moment=console.clock())
    finally:
        inbox.close()


def _address(workspace: Workspace) -> str:
    """Where the door is reached: the public address, else that of the running server, else nothing."""
    from django.conf import settings

    server = None if settings.TOCSIN_PUBLIC_URL else remote.find(workspace.home)
    return settings.TOCSIN_PUBLIC_URL or (server.address if server else "")


def _pairs(given: Sequence[str]) -> dict[str, Any]:
    """The settings of the command line. UserError for one that is not `name=value`."""
    found: dict[str, Any] = {}
    for each in given:
        name, sign, value = each.partition("=")
        if not sign or not name.strip():
            raise UserError("--set takes name=value, such as --set timezone=Europe/Berlin")
        try:
            found[name.strip()] = json.loads(value)
        except (ValueError, RecursionError):  # a text that is no JSON is a text
            found[name.strip()] = value.strip()
    return found


def _tell(console: Console, workspace: Workspace, made: Made[SourceInfo], form: str, done: str) -> None:
    info = made.what
    url = f"{_address(workspace)}{info.path}"
    if form != "table":
        row = {"id": info.id, "name": info.name, "kind": info.vendor, "url": url, "secret": made.secret or None}
        write(console, [row], MADE, "jsonl" if form == "json" else form)
        return
    console.say(f"the source {info.name} ({info.title}) {done}; it sends to")
    console.out(f"{url}\n")
    if made.secret:
        console.say("the secret, which it signs with, is shown this once:")
        console.out(f"{made.secret}\n")
    elif not info.secrets:
        console.say(f"until it has a secret, all that it sends is refused. {info.hint}")


def _listed(info: SourceInfo, address: str) -> dict[str, Any]:
    return {
        "id": info.id,
        "name": info.name,
        "kind": info.vendor,
        "url": f"{address}{info.path}",
        "paused": info.paused,
        "secrets": [{"id": each.id, "added_at": each.added_at} for each in info.secrets],
        "settings": dict(info.settings),
        "received": info.received,
        "refused": info.refused,
        "last_received_at": info.last_received_at,
        "last_error_at": info.last_error_at,
        "last_error": info.last_error or None,
    }
