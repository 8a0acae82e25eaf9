"""The files of a folder as a pull sees them: which collection each is of, whether it is whole, and whether it is known."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

from tocsin.core.errors import UserError
from tocsin.core.schema import COLLECTIONS
from tocsin.facts.importing.sources import Source, as_source, collection_named, in_order, shown
from tocsin.facts.importing.xlsx_files import sheets
from tocsin.facts.pulling.shapes import FolderPlan, UnreachableError

# What may stand between the name of a collection and the day or number of a file: events-2026-03-01.csv, events_0007.parquet.
_BETWEEN = "-_. "

State = tuple[int, int]
"""Size in bytes and time of the last change in nanoseconds."""


@dataclass(frozen=True, slots=True)
class Found:
    """A file. name: its path below the folder. collection: None where a mapping alone knows what it is."""

    name: str
    source: Source
    state: State
    collection: str | None

    @property
    def path(self) -> Path:
        """Where it lies."""
        return self.source.path


@dataclass(frozen=True, slots=True)
class Listing:
    """A folder. files: those that can be taken, in the order of taking. waiting: names of those that are still being written.

    others: names of what is passed over.
    """

    files: tuple[Found, ...]
    waiting: tuple[str, ...] = ()
    others: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Unit:
    """Files that are stored together: one file, or the parts of one export. collection: None for a mapping's and workbooks'."""

    collection: str | None
    files: tuple[Found, ...]

    @property
    def words(self) -> str:
        """The unit in a message."""
        return self.files[0].name if len(self.files) == 1 else f"{self.files[0].name} and {len(self.files) - 1} more"


def list_folder(plan: FolderPlan, now: datetime, *, mapped: bool) -> Listing:
    """What lies in the folder. mapped: a mapping's SELECTs say what the files are; else their names do.

    UnreachableError where it cannot be read.
    """
    files, waiting, others = [], [], []
    youngest = int((now.astimezone(UTC) - plan.settle).timestamp() * 1_000_000_000)
    for name, path in _entries(plan.folder):
        source = as_source(path)
        state = state_of(path)
        if source is None or state is None:
            others += [name] if state is not None else []
            continue
        if state[1] > youngest:
            waiting.append(name)
            continue
        collection = None if mapped else _collection(source, name)
        if mapped and "/" in name:
            others.append(name)
        elif mapped or collection is not None or _is_workbook(source):
            stem = source.stem if collection is None else collection
            files.append(Found(name, replace(source, stem=stem), state, collection))
        else:
            others.append(name)
    order = {name: at for at, name in enumerate(in_order(COLLECTIONS))}
    files.sort(key=lambda each: (order.get(each.collection or "", -1), each.name))
    return Listing(tuple(files), tuple(waiting), tuple(others))


def state_of(path: Path) -> State | None:
    """Size and time of the last change; None where there is no such file any more, or it is none."""
    try:
        found = path.stat()
    except OSError:
        return None
    return (found.st_size, found.st_mtime_ns) if stat.S_ISREG(found.st_mode) else None


def units(listing: Listing, known: Mapping[str, State], plan: FolderPlan, *, mapped: bool) -> list[Unit]:
    """What is to be stored: files that are new or have changed, with those that only make sense beside them."""
    fresh = [each for each in listing.files if known.get(each.name) != each.state]
    if mapped:
        return [Unit(None, listing.files)] if fresh else []
    found: list[Unit] = []
    for each in fresh:
        folder, _, below = each.name.rpartition("/")
        if each.collection in plan.full and folder and below:
            # The parts of an export together are the whole truth, so they go in together.
            parts = tuple(other for other in listing.files if other.name.startswith(f"{folder}/"))
            if not any(unit.files == parts for unit in found):
                found.append(Unit(each.collection, parts))
        else:
            found.append(Unit(each.collection, (each,)))
    return found


def unchanged(files: Sequence[Found]) -> Callable[[], None]:
    """A check that files are as they were when they were listed; raises ChangedError."""

    def check() -> None:
        for each in files:
            if state_of(each.path) != each.state:
                raise ChangedError(each.name)

    return check


class ChangedError(UserError):
    """A file was changed or went away while it was read: it waits for the next run."""


def _entries(folder: Path) -> Iterator[tuple[str, Path]]:
    """The files of a folder, and of the folders in it that are named after a collection; hidden ones are passed over."""
    try:
        names = sorted(os.listdir(folder))  # noqa: PTH208 - links are kept as they are named
    except (OSError, ValueError) as error:
        said = getattr(error, "strerror", None) or str(error)
        raise UnreachableError(
            f"the folder {shown(folder)} cannot be read: {said}; check that it is there and mounted"
        ) from error
    for name in names:
        path = folder / name
        if name.startswith((".", "_")):
            continue  # what is hidden, and what a writer marks its work with (_SUCCESS, _temporary)
        if collection_named(name) is not None and path.is_dir():
            try:
                below = sorted(os.listdir(path))  # noqa: PTH208
            except OSError as error:
                raise UnreachableError(f"the folder {shown(path)} cannot be read: {error.strerror}") from error
            yield from ((f"{name}/{each}", path / each) for each in below if not each.startswith((".", "_")))
        else:
            yield name, path


def _collection(source: Source, name: str) -> str | None:
    """The collection of a file: by the folder it lies in, by its name, or by its name before a day or a number."""
    folder = name.rpartition("/")[0]
    if folder:
        return collection_named(folder)
    exact = collection_named(source.stem)
    if exact is not None:
        return exact
    stem = source.stem.lower()
    for collection in sorted(COLLECTIONS, key=len, reverse=True):
        rest = stem.removeprefix(collection)
        if rest != stem and rest[0] in _BETWEEN and rest.lstrip(_BETWEEN)[:1].isdigit():
            return collection
    return None


def _is_workbook(source: Source) -> bool:
    """Whether a file is a workbook with sheets that are named after collections."""
    if source.format != "xlsx":
        return False
    try:
        return any(collection_named(sheet.strip()) is not None for sheet in sheets(source.path, source.path))
    except UserError:
        return True  # a workbook that cannot be read is told of when it is taken
