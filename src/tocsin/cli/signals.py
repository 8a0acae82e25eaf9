"""`tocsin signals`: the values of formulas, per subject, as of a moment."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from tocsin.cli.console import Console
from tocsin.cli.moments import moment_of
from tocsin.cli.output import cell, write, write_csv
from tocsin.cli.parser import add_as_of, add_format
from tocsin.core.errors import UserError
from tocsin.workspace import Workspace

if TYPE_CHECKING:
    import pyarrow as pa

SUBJECTS = ("account", "person", "feature", "csm", "team", "company")
IDS = {"feature": ("account_id", "feature")}


def register(commands: argparse._SubParsersAction[Any]) -> None:
    """Add the command."""
    parser = commands.add_parser("signals", help="values of formulas or named signals, per subject")
    parser.add_argument("formulas", nargs="+", metavar="FORMULA", help="a formula, or the name of a signal")
    add_as_of(parser)
    parser.add_argument("--subject", choices=SUBJECTS, default="account", help="what a row is about (default: account)")
    parser.add_argument("--where", metavar="FORMULA", help="only subjects for which this holds")
    add_format(parser)


def run(args: argparse.Namespace, console: Console, workspace: Workspace) -> int:
    """Write a row per subject and a column per formula, in the order asked."""
    if any(not formula.strip() for formula in args.formulas):
        raise UserError("a formula is empty; write one such as `mrr / seats`")
    moment = moment_of(args.as_of, console, workspace)
    book = workspace.book()
    wanted = [(formula, None) for formula in args.formulas]
    for formula, expect in [*wanted, *([(args.where, "boolean")] if args.where is not None else [])]:
        try:
            book.term(formula, args.subject, expect)
        except UserError as error:
            raise UserError(f"`{formula}`: {error}") from error
    table = book.signals(args.formulas, [moment], args.subject, where=args.where)
    ids = IDS.get(args.subject, ("subject_id",))
    header = [*ids, *args.formulas]
    rows = _rows(table, [*ids, *(f"f{n}" for n in range(len(args.formulas)))])
    if args.format == "csv":
        write_csv(console, header, rows)
    else:
        named = (dict(zip(header, map(_whole, row), strict=True)) for row in rows)
        write(console, named, list(dict.fromkeys(header)), args.format)
    return 0


def _rows(table: pa.Table, columns: list[str]) -> Iterator[tuple[Any, ...]]:
    """The rows of some columns, batch by batch."""
    for batch in table.select(columns).to_batches(max_chunksize=10_000):
        yield from zip(*(column.to_pylist() for column in batch.columns), strict=True)


def _whole(value: Any) -> Any:
    """A value for JSON and tables: whole numbers without a fraction, times as text."""
    if isinstance(value, float) and value.is_integer() and abs(value) < 1e15:
        return int(value)
    return value if value is None or isinstance(value, bool | int | float | str | list) else cell(value)
