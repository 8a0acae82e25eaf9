"""Where a command writes: data to standard output, messages and progress to standard error, here or at a distant client."""

from __future__ import annotations

import os
import shutil
import sys
from abc import ABC, abstractmethod
from datetime import UTC, datetime
from pathlib import Path
from typing import IO

BAR = 24


class OutputClosedError(Exception):
    """Whoever read the output is gone: the pipe is closed, or the client went away. The command ends, silently."""


class Console(ABC):
    """The terminal of one command.

    now:   the moment at which the command began, UTC: the default of `--as-of`.
    cwd:   the folder that relative paths of the command line start from.
    tty:   whether a person watches standard error, so that progress is drawn.
    width: columns of the terminal, for tables.
    """

    def __init__(self, *, now: datetime, cwd: Path, tty: bool, width: int) -> None:
        self.now, self.cwd, self.tty, self.width = now, cwd, tty, width

    def clock(self) -> datetime:
        """The present moment, UTC: later than `now` for what had to wait for its turn."""
        return datetime.now(UTC)

    @abstractmethod
    def out(self, text: str) -> None:
        """Write data to standard output, as it is (no newline is added)."""

    @abstractmethod
    def say(self, text: str) -> None:
        """Write one message to standard error, with a newline."""

    @abstractmethod
    def progress(self, label: str, share: float) -> None:
        """Show how far a long action is (0 to 1; 1 ends it); nothing where nobody watches."""

    @abstractmethod
    def flush(self) -> None:
        """Hand over what is buffered."""


class LocalConsole(Console):
    """The console of a command that runs in this process."""

    def __init__(self, out: IO[str] | None = None, err: IO[str] | None = None) -> None:
        self._out, self._err = out or sys.stdout, err or sys.stderr
        self._drawn = 0
        super().__init__(
            now=datetime.now(UTC),
            cwd=Path.cwd(),
            tty=self._err.isatty() and os.environ.get("TERM") != "dumb",
            width=shutil.get_terminal_size((120, 40)).columns,
        )

    def out(self, text: str) -> None:
        """Write to standard output."""
        self._clear()
        try:
            self._out.write(text)
        except BrokenPipeError as error:
            raise OutputClosedError from error

    def say(self, text: str) -> None:
        """Write a line to standard error."""
        self._clear()
        # Messages quote names out of customer data, and these must not give orders to the terminal.
        self._err.write("".join(each if each.isprintable() or each == "\n" else " " for each in text) + "\n")
        self._err.flush()

    def progress(self, label: str, share: float) -> None:
        """Draw a bar on the current line of a terminal."""
        if not self.tty:
            return
        filled = round(BAR * min(max(share, 0.0), 1.0))
        line = f"{label[: max(10, self.width - BAR - 10)]} {'█' * filled}{'░' * (BAR - filled)} {share:4.0%}"
        self._err.write(f"\r{line:<{self._drawn}}")
        self._drawn = len(line)
        if share >= 1:
            self._clear()
        self._err.flush()

    def flush(self) -> None:
        """Flush both streams."""
        try:
            self._out.flush()
            self._err.flush()
        except BrokenPipeError as error:
            raise OutputClosedError from error

    def _clear(self) -> None:
        """Wipe the progress bar, so that a message stands alone."""
        if self._drawn:
            self._err.write(f"\r{'':<{self._drawn}}\r")
            self._drawn = 0
