"""`tocsin up`: serve the workspace."""

from __future__ import annotations

import argparse
from typing import Any

from tocsin.cli.console import Console
from tocsin.core.errors import UserError
from tocsin.workspace import Workspace

HOST, PORT = "127.0.0.1", 8321


def register(commands: argparse._SubParsersAction[Any]) -> None:
    """Add the command."""
    parser = commands.add_parser("up", help="serve the workspace: pages, worker and the command line in one process")
    add_address(parser)


def add_address(parser: argparse.ArgumentParser) -> None:
    """Add --host and --port."""
    parser.add_argument("--host", default=HOST, help=f"the address to listen on (default: {HOST})")
    parser.add_argument("--port", type=int, default=PORT, help=f"the port; 0 for any that is free (default: {PORT})")


def check_address(args: argparse.Namespace) -> None:
    """UserError where the port is none."""
    if not 0 <= args.port <= 65535:
        raise UserError(f"--port: {args.port} is no port; give a number from 0 to 65535")


def run(args: argparse.Namespace, console: Console, workspace: Workspace) -> int:
    """Serve until a signal ends it."""
    check_address(args)
    workspace.django()
    from tocsin.people import facade

    if not facade.people():
        console.say("tocsin: nobody can sign in yet; `tocsin users create --email E --name N --role admin` makes a link")
    serve(args, console, workspace, lambda address: console.say(f"tocsin: serving {workspace.home} at {address}"))
    return 0


def serve(args: argparse.Namespace, console: Console, workspace: Workspace, greet: Any) -> None:
    """Serve; `greet` is called with the address once the server listens."""
    from tocsin.cli.behind import runner
    from tocsin.server import serve as serve_workspace

    def greeting(address: str) -> None:
        greet(address)
        console.flush()

    serve_workspace(
        workspace,
        host=args.host,
        port=args.port,
        runner=lambda worker, writer: runner(workspace, worker, writer),
        greet=greeting,
    )
