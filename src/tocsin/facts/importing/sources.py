"""Which files an import reads, and which collection each of them is."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from difflib import get_close_matches
from pathlib import Path

from tocsin.core.errors import UserError
from tocsin.core.schema import COLLECTIONS

# Endings of files -> how they are read.
FORMATS = {
    ".csv": "csv", ".tsv": "csv", ".txt": "csv", ".csv.gz": "csv.gz", ".tsv.gz": "csv.gz", ".parquet": "parquet",
    ".jsonl": "jsonl", ".ndjson": "jsonl", ".json": "jsonl", ".xlsx": "xlsx",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Source:
    """A file to read: its path, its name without the ending, its format (a value of FORMATS), and of a workbook the sheet.

    told: the path by which messages and the list of rejected rows name it, where that is another one.
    """

    path: Path
    stem: str
    format: str
    sheet: str | None = None
    told: Path | None = None

    @property
    def shown_as(self) -> Path:
        """The file as messages and the list of rejected rows name it."""
        return self.told or self.path

    @property
    def name(self) -> str:
        """The file's own name, with that of the sheet (`book.xlsx#Sheet`)."""
        return self.path.name if self.sheet is None else f"{self.path.name}#{self.sheet}"


def find_sources(paths: Sequence[Path], told_from: Path | None = None) -> tuple[list[Source], list[str]]:
    """The files that the paths name, and a note for each file of a folder that is passed over.

    told_from: a folder of the files that is nobody's business: messages name them from there on.
    A path is literal. UserError where one is not there, is no regular file, or is in no format that can be read.
    """
    sources: list[Source] = []
    notes: list[str] = []
    for given in paths:
        path = Path(os.path.abspath(given))  # noqa: PTH100 -- links are kept as they are named
        mode = _mode(path)
        if stat.S_ISDIR(mode):
            found, passed_over = _in_folder(path)
            sources += found
            if passed_over:
                notes.append(f"passed over in {shown(path)}: {', '.join(passed_over)}")
        elif stat.S_ISREG(mode):
            source = as_source(path)
            if source is None:
                raise UserError(f"{shown(path)} is in no format that can be read; give .csv, .parquet, .jsonl or .xlsx")
            sources.append(source)
        else:
            raise UserError(f"{shown(path)} is not a regular file; give a file or a folder of files")
    if told_from is not None:
        sources = [replace(each, told=each.path.relative_to(told_from)) for each in sources]
    return sources, notes


def _mode(path: Path) -> int:
    try:
        return path.stat().st_mode
    except (OSError, ValueError) as error:
        said = getattr(error, "strerror", None) or str(error)
        raise UserError(f"{shown(path)} cannot be read: {said}; a path is taken literally, without patterns") from error


def _in_folder(folder: Path) -> tuple[list[Source], list[str]]:
    """The files of a folder in a format that can be read, by name, and the names of the others."""
    try:
        entries = sorted(folder.iterdir())
    except OSError as error:
        raise UserError(f"the folder {shown(folder)} cannot be read: {error.strerror}") from error
    sources, others = [], []
    for entry in entries:
        source = as_source(entry)
        if source is not None and entry.is_file():
            sources.append(source)
        elif not entry.name.startswith("."):
            others.append(shown(Path(entry.name)))
    return sources, others


def as_source(path: Path) -> Source | None:
    """A file by its ending; None where the ending is none that can be read."""
    name = path.name
    for ending in sorted(FORMATS, key=len, reverse=True):
        if name.lower().endswith(ending) and len(name) > len(ending):
            return Source(path, name[: -len(ending)], FORMATS[ending])
    return None


def collection_named(stem: str) -> str | None:
    """The collection that a file's name means: exactly, or in other case; None where there is none."""
    return stem.lower() if stem.lower() in COLLECTIONS else None


def unknown_collection(path: Path, stem: str) -> UserError:
    """The error for a file that is named after no collection, with the nearest name."""
    near = get_close_matches(stem.lower(), COLLECTIONS, 1)
    hint = f"did you mean {near[0]}?" if near else f"name it after one of {', '.join(COLLECTIONS)}"
    return UserError(f"{shown(path)}: unknown collection {stem[:80]!r}; {hint}")


def shown(path: Path) -> str:
    """A path on one line, however it is named."""
    text = str(path)
    return text if text.isprintable() else repr(text)


def in_order(names: Iterable[str]) -> list[str]:
    """Collections in the order in which they are stored: what others refer to goes first."""
    first = ["accounts", "account_aliases", "people"]
    rest = [name for name in COLLECTIONS if name not in first]
    wanted = set(names)
    return [name for name in [*first, *rest] if name in wanted]
