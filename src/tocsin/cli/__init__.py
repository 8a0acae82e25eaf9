"""The command line: `tocsin COMMAND ...`. Each command is a module here with `register(subparsers)` and `run(...)`.

`run(args, console, workspace) -> int` gives the exit status: 0 fine, 1 the work failed or a check fell short. Wrong usage and
bad input are a UserError: one line on standard error and exit status 2. Beside a running server the same function runs inside
the server's process (see `tocsin.server`), so a command writes only through its console and reads the clock only from there.
Arguments that are paths use `type=Path`: they arrive absolute, seen from the folder in which the command was given.
"""

from tocsin.cli.main import main

__all__ = ["main"]
