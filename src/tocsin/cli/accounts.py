"""`tocsin accounts`: accounts that became one with another because of an alias: list them, split one again."""

from __future__ import annotations

import argparse
from typing import Any

from tocsin.cli.console import Console
from tocsin.cli.output import write
from tocsin.cli.parser import add_format
from tocsin.cli.who import me
from tocsin.workspace import Workspace

COLUMNS = ("id", "into", "into_name", "total", "rows", "people", "blocked")
SHOWN = ("id", "into", "into_name", "total", "people")


def register(commands: argparse._SubParsersAction[Any]) -> None:
    """Add the command and its acts."""
    parser = commands.add_parser("accounts", help="accounts that an alias made one: merged, split")
    acts = parser.add_subparsers(dest="act", metavar="ACT", required=True)
    listing = acts.add_parser("merged", help="accounts that were only a name, and are one with another account now")
    add_format(listing)
    split = acts.add_parser("split", help="take such a merge back, for good: what was its own returns to it")
    split.add_argument("id", metavar="ID", help="as `accounts merged` shows it")
    split.add_argument("--dry-run", action="store_true", help="say what it would do, and do nothing")


def run(args: argparse.Namespace, console: Console, workspace: Workspace) -> int:
    """List, or split."""
    workspace.django()
    from tocsin.facts.merged import merged, merged_account, told
    from tocsin.ingest.parting import split
    from tocsin.people import facade as people

    store = workspace.store()
    if args.act == "merged":
        found = merged(store, size=1_000_000)
        rows = [{name: getattr(each, name) for name in COLUMNS} | {"rows": dict(each.rows)} for each in found]
        write(console, rows, COLUMNS, args.format, shown=SHOWN)
        return 0
    console.say(told(merged_account(store, args.id)))
    if args.dry_run:
        console.say("Nothing was done.")
        return 0
    done = split(store, workspace.configuration.limits, args.id, console.now)
    people.note("account split", done.id, f"from {done.into}; {done.total:,} rows went back", by=me(), moment=console.now)
    console.say(f"{done.id} is split from {done.into}")
    return 0
