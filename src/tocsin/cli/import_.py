"""`tocsin import`: files into the workspace, and the list of rows that were rejected."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from tocsin.cli.console import Console
from tocsin.cli.output import write
from tocsin.cli.parser import add_format
from tocsin.core.errors import UserError
from tocsin.workspace import Workspace

DESCRIPTION = """\
Import files, or folders of files, each named after its collection (accounts.csv, events.parquet, tickets.jsonl, csms.xlsx).
Rows that cannot be stored are kept with their reason; importing a file twice changes nothing.
"""


def register(commands: argparse._SubParsersAction[Any]) -> None:
    """Add the command."""
    parser = commands.add_parser("import", help="files or folders of customer data", description=DESCRIPTION)
    parser.add_argument("paths", nargs="*", type=Path, metavar="PATH", help="a file or a folder (taken literally: no patterns)")
    parser.add_argument(
        "--mapping",
        type=Path,
        metavar="DIR",
        help="for files of other shapes: a folder of COLLECTION.sql and columns.yaml, or the name of a saved mapping",
    )
    parser.add_argument("--dry-run", action="store_true", help="check and count, and write nothing")
    parser.add_argument("--full", action="store_true", help="the files are the whole truth: rows that they lack are closed")
    parser.add_argument("--date-format", metavar="F", help="how local dates are written, such as DD.MM.YYYY or %%m/%%d/%%Y")
    parser.add_argument("--decimal", metavar="SIGN", help="the decimal sign of local numbers, , or .")
    parser.add_argument("--rejected", action="store_true", help="list the rows that were rejected, with their reasons")
    parser.add_argument("--unmatched", action="store_true", help="list accounts that rows name and nobody knows")
    add_format(parser)


def run(args: argparse.Namespace, console: Console, workspace: Workspace) -> int:
    """Import and say what came of it, or list what was rejected."""
    from tocsin.facts.importing import import_paths
    from tocsin.facts.importing.matching import saved

    if args.rejected or args.unmatched:
        return _list(args, console, workspace)
    if not args.paths:
        raise UserError("tocsin import: which files? give files or a folder, or --rejected (see `tocsin import --help`)")
    report = import_paths(
        workspace.store(),
        args.paths,
        now=console.now,
        mapping=saved.chosen(workspace.home, args.mapping, console.cwd),
        dry_run=args.dry_run,
        full=args.full,
        date_format=args.date_format,
        decimal=args.decimal,
        progress=console.progress,
    )
    if args.format == "table":
        console.out(report.to_text() + "\n")
    else:
        columns = ["collection", "read", "added", "updated", "unchanged", "rejected", "notes"]
        write(console, (each.to_json() for each in report.collections), columns, args.format)
        for note in (*report.notes, *report.rejections()):
            console.say(note)
    return 0


def _list(args: argparse.Namespace, console: Console, workspace: Workspace) -> int:
    """The rejected rows, or the unmatched accounts."""
    from tocsin.facts.rejected import iterate_rejected, unmatched

    if args.paths or (args.rejected and args.unmatched):
        raise UserError("tocsin import: --rejected and --unmatched each stand alone, without files")
    if args.unmatched:
        rows = (
            {"collection": name, "account_id": account, "rows": count} for name, account, count in unmatched(workspace.store())
        )
        write(console, rows, ["collection", "account_id", "rows"], args.format)
        return 0
    columns = ["source", "collection", "file", "line", "reason", "row"]
    entries = (entry.to_json() for entry in iterate_rejected(workspace.store()))
    write(console, entries, columns, args.format, shown=["collection", "file", "line", "reason"])
    return 0
