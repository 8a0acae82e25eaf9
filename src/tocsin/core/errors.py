"""Errors that are meant for people: one clear sentence that says what, where, and how to mend it."""

from __future__ import annotations

from dataclasses import dataclass


class UserError(Exception):
    """Wrong usage or bad input. The message is one sentence for the person who gave it; no traceback is shown."""


@dataclass(frozen=True, slots=True, order=True)
class Problem:
    """A located problem of a file: lines and columns count from 1; 0 where the place is not known."""

    file: str
    line: int
    column: int
    message: str

    def __str__(self) -> str:
        """`rules.yaml:12:9: message`, as editors follow it."""
        return f"{self.file}:{self.line}:{self.column}: {self.message}"
