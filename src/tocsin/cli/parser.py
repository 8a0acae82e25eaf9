"""The parser of the command line: errors are one line, and options that many commands share are declared once."""

from __future__ import annotations

import argparse
import importlib
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any, NoReturn

from tocsin.core.errors import UserError

# In the order of `tocsin --help`. Each is a module of this package (`import_` of the command `import`).
COMMANDS = (
    "demo",
    "up",
    "web",
    "worker",
    "import",
    "signals",
    "evaluate",
    "replay",
    "sweep",
    "alerts",
    "rules",
    "accounts",
    "owners",
    "health",
    "rebuild",
    "users",
    "keys",
    "channels",
    "sources",
    "doctor",
    "bench",
)
FORMATS = ("table", "json", "csv", "jsonl")


class HelpWanted(Exception):  # noqa: N818 - not an error: the person asked for help or the version
    """The text of `--help` or `--version`, for standard output."""


class Parser(argparse.ArgumentParser):
    """A parser that raises instead of writing and exiting, because it may run inside a server."""

    def __init__(self, *args: Any, **options: Any) -> None:
        # An abbreviated option would change its meaning when a new one is added.
        super().__init__(*args, **{"allow_abbrev": False, **options})

    def error(self, message: str) -> NoReturn:
        """Raise UserError with one line that names the command and where to read on."""
        flat = " ".join(message.split())
        raise UserError(f"{flat} (see `{self.prog} --help`)")

    def print_help(self, file: Any = None) -> None:  # noqa: ARG002 - the signature is argparse's
        """Raise HelpWanted with the help."""
        raise HelpWanted(self.format_help())


class _Version(argparse.Action):
    def __call__(self, *_: Any, **__: Any) -> NoReturn:
        raise HelpWanted(f"tocsin {version('tocsin')}\n")


def build_parser(commands: Sequence[str] = COMMANDS) -> Parser:
    """The parser of these commands."""
    parser = Parser(
        prog="tocsin",
        description="The early-warning system for customer success.",
        epilog="A command's own help: tocsin COMMAND --help",
    )
    parser.add_argument("--version", action=_Version, nargs=0, help="print the version and end")
    add_home(parser, default=None)
    below = parser.add_subparsers(dest="command", metavar="COMMAND", parser_class=Parser)
    for name in commands:
        module_of(name).register(below)
    for command in below.choices.values():
        _add_home_throughout(command)
    return parser


def module_of(command: str) -> Any:
    """The module of a command."""
    return importlib.import_module(f"tocsin.cli.{'import_' if command == 'import' else command}")


def _asked(argv: Sequence[str]) -> Sequence[str]:
    """The one command that a command line is about, so that no other has to be loaded; all where that is not plain."""
    words = iter(argv)
    for word in words:
        if word == "--home":
            next(words, None)
        elif word == "--version":
            return ()
        elif not word.startswith("-"):
            return (word,) if word in COMMANDS else COMMANDS
        elif not word.startswith("--home="):
            return COMMANDS
    return COMMANDS


def _add_home_throughout(parser: argparse.ArgumentParser) -> None:
    """Add `--home` to a command and to those below it."""
    add_home(parser, default=argparse.SUPPRESS)
    for action in parser._actions:  # noqa: SLF001 - argparse has no other way to its parsers
        if isinstance(action, argparse._SubParsersAction):  # noqa: SLF001
            for command in action.choices.values():
                _add_home_throughout(command)


def add_home(parser: argparse.ArgumentParser, default: Any) -> None:
    """Add `--home`, before the command and after it."""
    parser.add_argument(
        "--home", type=Path, metavar="DIR", default=default, help="the workspace's folder (TOCSIN_HOME, ./tocsin-home)"
    )


def add_format(parser: argparse.ArgumentParser) -> None:
    """Add `--format`."""
    parser.add_argument("--format", choices=FORMATS, default="table", help="how data is written (default: table)")


def add_as_of(parser: argparse.ArgumentParser) -> None:
    """Add `--as-of T`, as text: `moment_of` reads it in the workspace's zone."""
    parser.add_argument(
        "--as-of", metavar="T", help="an ISO date or time (default: now); a date is the start of that day in the zone"
    )


def parse(argv: Sequence[str], cwd: Path) -> argparse.Namespace:
    """The parsed command line, paths absolute from `cwd`. UserError for wrong usage, HelpWanted for help."""
    parser = build_parser(_asked(argv))
    args = parser.parse_args(list(argv))
    if args.command is None:
        parser.error("which command?")
    for name, value in vars(args).items():
        setattr(args, name, _absolute(value, cwd))
    return args


def _absolute(value: Any, cwd: Path) -> Any:
    if isinstance(value, Path):
        return cwd / value.expanduser()
    if isinstance(value, list):
        return [_absolute(each, cwd) for each in value]
    return value
