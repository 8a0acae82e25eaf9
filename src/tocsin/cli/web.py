"""`tocsin web`: the pages apart from the worker. It says what stands in the way, as facts in DuckDB belong to one process."""

from __future__ import annotations

import argparse
from typing import Any, NoReturn

from tocsin.cli.console import Console
from tocsin.core.errors import UserError
from tocsin.workspace import Workspace


def register(commands: argparse._SubParsersAction[Any]) -> None:
    """Add the command."""
    commands.add_parser("web", help="the pages apart: not with facts in DuckDB, where `tocsin up` serves, sweeps and delivers")


def run(_args: argparse.Namespace, _console: Console, _workspace: Workspace) -> NoReturn:
    """UserError: pages read the facts, which another process would have open."""
    raise UserError(
        "facts in DuckDB belong to one process, so pages cannot be served apart from what sweeps: `tocsin up` does both; "
        "beside it run `tocsin worker --only deliver`, as many as you like"
    )
