"""`tocsin channels`: the ways by which messages go out."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from tocsin.cli.console import Console
from tocsin.cli.output import write
from tocsin.cli.parser import add_format
from tocsin.cli.who import me
from tocsin.core.errors import UserError
from tocsin.workspace import Workspace

if TYPE_CHECKING:
    from tocsin.core.made import Made
    from tocsin.delivery.facade import ChannelInfo

MADE = ("id", "name", "kind", "secret")
LISTED = ("id", "name", "kind", "on", "settings", "last_sent_at", "last_error_at", "last_error", "disabled_reason")
SHOWN = ("name", "kind", "on", "last_sent_at", "last_error")


def register(commands: argparse._SubParsersAction[Any]) -> None:
    """Add the command and its acts."""
    parser = commands.add_parser("channels", help="the ways by which messages go out: create, change, test")
    acts = parser.add_subparsers(dest="act", metavar="ACT", required=True)
    create = acts.add_parser("create", help="set a channel up; prints its secret, this once")
    create.add_argument("--kind", required=True, metavar="K", help="email, slack, webhook or apprise")
    create.add_argument("--name", required=True, metavar="N", help="by which rules and routes name it: channel:<name>")
    _settings(create)
    listing = acts.add_parser("list", help="all channels")
    add_format(listing)
    test = acts.add_parser("test", help="send a test message now")
    test.add_argument("name", metavar="NAME")
    test.add_argument("--to", default="", metavar="EMAIL", help="who gets it, of a channel that reaches people")
    change = acts.add_parser("set", help="change settings; what is not named stays, an empty value takes one away")
    change.add_argument("name", metavar="NAME")
    _settings(change)
    change.add_argument("--new-secret", action="store_true", help="make a new secret; the old one is void at once")
    for name, text in (("enable", "switch a channel on"), ("disable", "switch a channel off"), ("remove", "remove a channel")):
        act = acts.add_parser(name, help=text)
        act.add_argument("name", metavar="NAME")
        if name == "disable":
            act.add_argument("--reason", default="", help="why, for others to read")


def _settings(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--url", metavar="U", help="where it goes: an address, or that of a mail server")
    parser.add_argument("--secret", metavar="S", help="of a webhook, where you bring your own")
    parser.add_argument("--set", action="append", default=[], metavar="K=V", help="a setting of this kind (may be repeated)")
    add_format(parser)


def run(args: argparse.Namespace, console: Console, workspace: Workspace) -> int:
    """Do it; 1 where a test message was not taken."""
    workspace.django()
    from tocsin.delivery import facade

    who: dict[str, Any] = {"by": me(), "moment": console.now}
    match args.act:
        case "list":
            write(console, [_listed(each) for each in facade.list_channels()], LISTED, args.format, shown=SHOWN)
        case "create":
            made = facade.create_channel(args.kind, args.name, _given(args), secret=args.secret or "", **who)
            _tell(console, made, args.format, "is set up")
        case "set":
            secret = "" if args.new_secret else args.secret
            _tell(console, facade.update_channel(args.name, _given(args), secret=secret, **who), args.format, "is changed")
        case "test":
            tried = facade.test_channel(args.name, to=args.to, **who)
            console.say(f"{args.name}: {tried.words} ({tried.seconds:.1f} s)")
            return 0 if tried.ok else 1
        case "enable":
            facade.enable_channel(args.name, **who)
            console.say(f"{args.name} is on")
        case "disable":
            facade.disable_channel(args.name, reason=args.reason, **who)
            console.say(f"{args.name} is off")
        case _:
            facade.remove_channel(args.name, **who)
            console.say(f"{args.name} is removed")
    return 0


def _given(args: argparse.Namespace) -> dict[str, str]:
    """The settings of the command line. UserError for one that is not `name=value`."""
    found = _pairs(args.set)
    if args.url is not None:
        found["url"] = args.url
    return found


def _pairs(given: Sequence[str]) -> dict[str, str]:
    found = {}
    for each in given:
        name, sign, value = each.partition("=")
        if not sign or not name.strip():
            # It may hold a secret, so it is not repeated.
            raise UserError("--set takes name=value, such as --set channel=C0123456789")
        found[name.strip()] = value.strip()
    return found


def _tell(console: Console, made: Made[ChannelInfo], form: str, done: str) -> None:
    info = made.what
    if form != "table":
        row = {"id": info.id, "name": info.name, "kind": info.kind, "secret": made.secret or None}
        write(console, [row], MADE, "jsonl" if form == "json" else form)
        return
    console.say(f"the channel {info.name} ({info.title}) {done}")
    if made.secret:
        console.say("its secret, which the receiver needs to check signatures, is shown this once:")
        console.out(f"{made.secret}\n")


def _listed(info: ChannelInfo) -> dict[str, Any]:
    return {
        "id": info.id,
        "name": info.name,
        "kind": info.kind,
        "on": not info.disabled_reason,
        "settings": dict(info.config),
        "last_sent_at": info.last_sent_at,
        "last_error_at": info.last_error_at,
        "last_error": info.last_error or None,
        "disabled_reason": info.disabled_reason or None,
    }
