"""A console that keeps what is written."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

from tocsin.cli.console import Console

NOW = datetime(2026, 3, 1, tzinfo=UTC)


class Kept(Console):
    """Keeps data, messages and progress."""

    def __init__(self, *, tty: bool = False, width: int = 80, cwd: Path = Path("/")) -> None:
        super().__init__(now=NOW, cwd=cwd, tty=tty, width=width)
        self.text, self.said = "", ""
        self.shares: list[float] = []

    def out(self, text: str) -> None:
        """Keep data."""
        self.text += text

    def say(self, text: str) -> None:
        """Keep a message."""
        self.said += f"{text}\n"

    def progress(self, label: str, share: float) -> None:  # noqa: ARG002
        """Keep how far it was."""
        self.shares.append(share)

    def flush(self) -> None:
        """Nothing is buffered."""
