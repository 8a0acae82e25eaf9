"""Moments as they are written on the command line."""

from __future__ import annotations

from datetime import datetime

from tocsin.cli.console import Console
from tocsin.core.errors import UserError
from tocsin.core.moment import MomentError, parse_duration, parse_moment
from tocsin.workspace import Workspace


def moment_of(text: str | None, console: Console, workspace: Workspace, *, option: str = "--as-of") -> datetime:
    """The instant of an option's text, in UTC; when the command began, where it is not given. UserError for anything else."""
    if text is None:
        return console.now
    try:
        return parse_moment(text, workspace.zone)
    except MomentError as error:
        raise UserError(f"{option}: {error}") from error


def ahead(text: str, console: Console, workspace: Workspace, *, option: str) -> datetime:
    """An instant given as a date, a time, or a duration from now such as `3d`."""
    try:
        return console.now + parse_duration(text)
    except MomentError:
        return moment_of(text, console, workspace, option=option)
    except OverflowError as error:
        raise UserError(f"{option}: {text!r} is too far ahead") from error
