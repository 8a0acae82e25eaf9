"""Saved mappings: folders in the home, each with a `columns.yaml`, which `tocsin import --mapping` takes by their names."""

from __future__ import annotations

import os
import re
import shutil
from dataclasses import dataclass
from pathlib import Path

from tocsin.core.errors import UserError
from tocsin.facts.cells import Formats
from tocsin.facts.importing.columns_yaml import columns_said
from tocsin.facts.importing.mapping import COLUMNS, Mappings, read_mapping

FOLDER = "mappings"
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9 ._-]{0,59}")


@dataclass(frozen=True, slots=True)
class Saved:
    """A saved mapping. files: the names and patterns of files that it knows. problem: why it cannot be read, else ''."""

    name: str
    collections: tuple[str, ...]
    files: tuple[str, ...]
    problem: str = ""


def list_saved(home: Path) -> list[Saved]:
    """The saved mappings, by name."""
    folder = home / FOLDER
    names = sorted(each.name for each in folder.iterdir() if each.is_dir()) if folder.is_dir() else []
    return [described(home, name) for name in names if _NAME.fullmatch(name)]


def described(home: Path, name: str) -> Saved:
    """What a saved mapping is for, or why it cannot be read."""
    try:
        held = open_saved(home, name)
    except UserError as error:
        return Saved(name, (), (), str(error))
    told = {each: reading for each, reading in held.readings.items() if reading.files or reading.columns or reading.rename}
    files = tuple(dict.fromkeys(file for reading in told.values() for file in reading.files))
    return Saved(name, tuple(dict.fromkeys([*held.queries, *told])), files)


def folder_of(home: Path, name: str) -> Path:
    """The folder of a saved mapping. UserError where there is none of that name."""
    folder = home / FOLDER / name
    if not _NAME.fullmatch(name) or not folder.is_dir():
        known = ", ".join(each.name for each in list_saved(home))
        raise UserError(f"there is no saved mapping {name[:60]!r}; {f'there are {known}' if known else 'none is saved yet'}")
    return folder


def open_saved(home: Path, name: str, formats: Formats | None = None) -> Mappings:
    """A saved mapping, read; formats hold where it says nothing. UserError where there is none, or it cannot be read."""
    folder = folder_of(home, name)
    try:
        return read_mapping(folder, formats or Formats())
    except UserError as error:
        # Where the home lies is nobody's business.
        raise UserError(str(error).replace(f"{folder}/", f"{name}/").replace(str(folder), name)) from error


def save(home: Path, name: str, text: str) -> Path:
    """Keep a `columns.yaml` under a name, in place of what had it; gives its folder.

    UserError for a name that cannot be, or a text that cannot be read: then what had the name stays.
    """
    said = name.strip()
    columns_said(text, COLUMNS, Formats())  # what cannot be read takes the place of nothing
    if not _NAME.fullmatch(said):
        raise UserError("a mapping needs a name of at most 60 letters, digits, spaces, dots, - and _, a letter or digit first")
    folder = home / FOLDER / said
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        temporary = folder / f".{COLUMNS}.{os.getpid()}"
        temporary.write_text(text, "utf-8")
        temporary.replace(folder / COLUMNS)
    except OSError as error:
        raise UserError(f"the mapping {said} cannot be written: {error.strerror}") from error
    return folder


def delete(home: Path, name: str) -> None:
    """Delete a saved mapping. UserError where there is none."""
    shutil.rmtree(folder_of(home, name))


def text_of(home: Path, name: str) -> str:
    """The `columns.yaml` of a saved mapping, as it stands. UserError where there is none."""
    try:
        return (folder_of(home, name) / COLUMNS).read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(f"the mapping {name} has no {COLUMNS} that can be read") from error


def chosen(home: Path, given: Path | None, cwd: Path) -> Path | None:
    """The folder that `--mapping` means: one at that path, else the saved mapping of that name."""
    if given is None or given.exists() or given.parent != cwd or not (home / FOLDER / given.name).is_dir():
        return given
    return folder_of(home, given.name)
