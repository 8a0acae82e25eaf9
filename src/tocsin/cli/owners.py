"""`tocsin owners`: owners as the data names them: who they are, said and taken back."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING, Any

from tocsin.cli.console import Console
from tocsin.cli.output import write
from tocsin.cli.parser import add_format
from tocsin.cli.who import me
from tocsin.core.errors import UserError
from tocsin.core.language import suggestion
from tocsin.workspace import Workspace

if TYPE_CHECKING:
    from tocsin.facts.duckdb import DuckStore
    from tocsin.people.facade import Person

COLUMNS = ("owner", "accounts", "user", "active", "mapped")


def register(commands: argparse._SubParsersAction[Any]) -> None:
    """Add the command and its acts."""
    parser = commands.add_parser("owners", help="owners of accounts as the data names them: list, map to users, unmap")
    acts = parser.add_subparsers(dest="act", metavar="ACT", required=True)
    listing = acts.add_parser("list", help="all owners with their users, those first who are none")
    add_format(listing)
    to = acts.add_parser("map", help="say which user an owner is, in what is stored and in what comes")
    to.add_argument("owner", metavar="OWNER", help="an id or a name, as `owners list` shows it")
    to.add_argument("user", metavar="EMAIL", help="the address of the user")
    back = acts.add_parser("unmap", help="take that back for what comes from now on; what is stored stays")
    back.add_argument("owner", metavar="OWNER", help="as it was mapped")


def run(args: argparse.Namespace, console: Console, workspace: Workspace) -> int:
    """List, or say who somebody is."""
    workspace.django()
    from tocsin.facts import ownermap
    from tocsin.people import facade as people

    store = workspace.store()
    if args.act == "list":
        write(console, _listed(store, people.people(active=False)), COLUMNS, args.format)
    elif args.act == "map":
        email = _address(args.user, people.people())
        count = ownermap.is_user(store, args.owner, email)
        people.note("owner mapped", args.owner, email, by=me(), moment=console.now)
        of = f"{count:,} {'account' if count == 1 else 'accounts'}"
        console.say(f"{args.owner} is {email}, of {of} and in all that comes from now on")
    else:
        was = ownermap.is_nobody(store, args.owner)
        people.note("owner unmapped", args.owner, was, by=me(), moment=console.now)
        console.say(f"{args.owner} is {was} no more in what comes from now on; what is stored stays")
    return 0


def _listed(store: DuckStore, users: list[Person]) -> list[dict[str, Any]]:
    """A row for each owner of accounts, those first who are no user; then those that were mapped and own none by that name."""
    from tocsin.facts import inventory, ownermap

    known = {each.email.casefold(): each for each in users}
    said = ownermap.mapped(store)
    counts = dict(inventory.owners(store))
    rows = []
    for owner in [*counts, *(each for each in said if each not in counts)]:
        user = known.get(said.get(owner, owner).strip().casefold())
        rows.append(
            {
                "owner": owner,
                "accounts": counts.get(owner, 0),
                "user": user.email if user else None,
                "active": user.active if user else None,
                "mapped": owner in said,
            }
        )
    return sorted(rows, key=lambda row: row["user"] is not None)


def _address(given: str, users: list[Person]) -> str:
    """The address of an active user, as it is kept. UserError where there is none."""
    known = {each.email.casefold(): each.email for each in users}
    wanted = given.strip().casefold()
    if wanted not in known:
        hint = suggestion(wanted, known) or "; `tocsin users list` shows them"
        raise UserError(f"there is no active user {given!r}{hint}")
    return known[wanted]
