"""`tocsin rules diff`: what rule files would change, or what has been changed of what ships. Changes nothing."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from tocsin.catalog import catalog
from tocsin.cli.console import Console
from tocsin.cli.output import write
from tocsin.cli.parser import add_format
from tocsin.core.rulediff import Difference, differences
from tocsin.core.rules import Definitions
from tocsin.workspace import Workspace

FINE, DIFFERS = 0, 1
COLUMNS = ("kind", "id", "change", "fields", "before", "after")


def add(acts: argparse._SubParsersAction[Any]) -> None:
    """Add the act to `tocsin rules`."""
    parser = acts.add_parser("diff", help="what rule files would change; without a path, what differs from what ships")
    parser.add_argument("path", type=Path, nargs="?", metavar="PATH", help="a rule file, or a folder of them")
    parser.add_argument("--exit-code", action="store_true", help="exit status 1 where anything differs")
    add_format(parser)


def run(args: argparse.Namespace, console: Console, workspace: Workspace, files: Definitions | None) -> int:
    """Tell the differences between what is in force and the files (None: the shipped catalog and what is in force)."""
    known = workspace.definitions()
    if files is None:
        found, sides = differences(catalog(), known), ("shipped", "in force")
    else:
        found, sides = differences(known, files, partial=True), ("in force", "files")
    if args.format == "table":
        for each in found:
            console.out(each.to_text(*sides))
    else:
        write(console, [each.to_json() for each in found], COLUMNS, args.format)
    console.say(_summary(found, files is None))
    return DIFFERS if found and args.exit_code else FINE


def _summary(found: list[Difference], shipped: bool) -> str:
    if not found:
        return "what is in force is what ships" if shipped else "the files are what is in force"
    counts = [(change, sum(each.change == change for each in found)) for change in ("added", "changed", "removed")]
    return ", ".join(f"{count} {change}" for change, count in counts if count)
