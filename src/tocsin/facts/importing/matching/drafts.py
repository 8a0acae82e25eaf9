"""Files that were handed over in the browser, in a folder of the home, until they are imported or expire.

A draft is a folder: the files as they came, what was seen in them (`looks.json`), what was decided (`plan.json`), that as a
mapping (`mapping/columns.yaml`), and what an import of it said (`result.json`).
"""

from __future__ import annotations

import json
import os
import re
import secrets
import shutil
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from tocsin.core.errors import UserError
from tocsin.facts.importing.mapping import COLUMNS
from tocsin.facts.importing.matching.looks import Field, Look
from tocsin.facts.importing.matching.plans import Match, Table, as_yaml
from tocsin.facts.importing.sources import as_source

FOLDER = "uploads"
MOST_FILES = 20
LONGEST_NAME = 120
_ID = re.compile(r"[0-9a-f]{16}")


@dataclass(frozen=True, slots=True)
class Plan:
    """What was decided about a draft. tables: None before anybody looked. saved: the mapping that it began with, '' for none.

    full: each file is the whole truth for its collection. looked: how often the files were to be looked at anew.
    """

    at: datetime
    by: str
    saved: str = ""
    full: bool = False
    looked: int = 0
    tables: tuple[Table, ...] | None = None


@dataclass(frozen=True, slots=True)
class Draft:
    """Files that were handed over. files: their names. done: an import of them has ended."""

    id: str
    folder: Path
    plan: Plan
    files: tuple[str, ...]
    done: bool

    @property
    def paths(self) -> list[Path]:
        """The files."""
        return [self.folder / "files" / name for name in self.files]

    @property
    def mapping(self) -> Path:
        """The folder of the mapping that was decided on."""
        return self.folder / "mapping"


def begin(home: Path, files: Iterable[tuple[str, Path]], *, by: str, moment: datetime, saved: str = "") -> Draft:
    """A draft of files (name, where it lies), which are moved into it. UserError for one in no format that can be read."""
    given = checked(files)
    folder = home / FOLDER / secrets.token_hex(8)
    try:
        folder.parent.mkdir(mode=0o700, exist_ok=True)
        folder.mkdir(mode=0o700)
        lay(folder / "files", given)
    except OSError as error:
        shutil.rmtree(folder, ignore_errors=True)
        raise UserError(f"the files cannot be kept: {error.strerror}") from error
    keep(folder, Plan(moment.astimezone(UTC), by, saved))
    return draft(home, folder.name)


def checked(files: Iterable[tuple[str, Path]]) -> list[tuple[str, Path]]:
    """Files that were handed over, under names that they can be kept by. UserError for one in no format that can be read."""
    given = [(_name(name), path) for name, path in files]
    if not given:
        raise UserError("no file was chosen; choose one or several")
    if len(given) > MOST_FILES:
        raise UserError(
            f"{len(given)} files are too many at once; give at most {MOST_FILES}, or import a folder with tocsin import"
        )
    for name, _ in given:
        if as_source(Path(name)) is None:
            raise UserError(f"{name} is in no format that can be read; give .csv, .parquet, .jsonl or .xlsx")
    return given


def lay(folder: Path, given: Iterable[tuple[str, Path]]) -> list[Path]:
    """Move files that are `checked` into a new folder, each under a name of its own; gives where they lie. OSError."""
    folder.mkdir(mode=0o700)
    taken: set[str] = set()
    laid = []
    for name, path in given:
        own = _free(name, taken)
        taken.add(own.lower())
        shutil.move(path, folder / own)
        (folder / own).chmod(0o600)
        laid.append(folder / own)
    return laid


def draft(home: Path, draft_id: str) -> Draft:
    """A draft. UserError where there is none, or none any more."""
    folder = home / FOLDER / draft_id
    found = _plan(folder / "plan.json") if _ID.fullmatch(draft_id) else None
    if found is None:
        raise UserError("these files are not here any more; choose them once more")
    names = tuple(sorted(each.name for each in (folder / "files").iterdir() if each.is_file()))
    return Draft(draft_id, folder, found, names, (folder / "result.json").exists())


def drafts(home: Path) -> list[Draft]:
    """All drafts, the latest first."""
    folder = home / FOLDER
    ids = [each.name for each in folder.iterdir() if (each / "plan.json").exists()] if folder.is_dir() else []
    found = []
    for draft_id in ids:
        try:
            found.append(draft(home, draft_id))
        except (UserError, OSError):
            continue  # it went away between the two looks
    return sorted(found, key=lambda each: each.plan.at, reverse=True)


def keep(folder: Path, plan: Plan) -> None:
    """Keep what was decided, and where it can be imported, the mapping that says so."""
    given = {**asdict(plan), "at": plan.at.isoformat()}
    _write(folder / "plan.json", given)


def decide(found: Draft) -> Path:
    """Write the mapping of what was decided; gives its folder. UserError where it cannot be imported as it is."""
    text = as_yaml(found.plan.tables or ())
    found.mapping.mkdir(mode=0o700, exist_ok=True)
    (found.mapping / COLUMNS).write_text(text, "utf-8")
    return found.mapping


def planned(found: Draft, tables: Sequence[Table], *, full: bool) -> Draft:
    """The draft with what is decided now."""
    plan = replace(found.plan, tables=tuple(tables), full=full)
    keep(found.folder, plan)
    return replace(found, plan=plan)


def keep_looks(found: Draft, looks: Sequence[Look]) -> None:
    """Keep what was seen in the files."""
    _write(found.folder / "looks.json", [asdict(each) for each in looks])


def looks_of(found: Draft) -> list[Look] | None:
    """What was seen in the files; None before anybody looked."""
    try:
        return [_look(each) for each in _read(found.folder / "looks.json")]
    except (KeyError, TypeError, ValueError):  # none, or none that this version can read
        return None


def forget_looks(found: Draft) -> None:
    """The files are to be looked at anew: an encoding was changed."""
    keep(found.folder, replace(found.plan, looked=found.plan.looked + 1))
    (found.folder / "looks.json").unlink(missing_ok=True)


def keep_result(found: Draft, result: Mapping[str, Any]) -> None:
    """Keep what an import said."""
    _write(found.folder / "result.json", dict(result))


def result_of(found: Draft) -> dict[str, Any] | None:
    """What an import said; None where none has ended."""
    given: dict[str, Any] | None = _read(found.folder / "result.json")
    return given


def discard(home: Path, draft_id: str) -> Draft:
    """Delete a draft and its files. UserError where there is none."""
    found = draft(home, draft_id)
    shutil.rmtree(found.folder, ignore_errors=True)
    return found


def clear_expired(home: Path, moment: datetime, kept: timedelta) -> int:
    """Delete drafts, and what an upload that broke off has left, that are older than what is kept; gives how many."""
    folder, gone = home / FOLDER, 0
    for each in folder.iterdir() if folder.is_dir() else ():
        try:
            plan = _plan(each / "plan.json") if each.is_dir() else None
            at = plan.at if plan is not None else datetime.fromtimestamp(each.stat().st_mtime, UTC)
            if at < moment - kept:
                shutil.rmtree(each, ignore_errors=True) if each.is_dir() else each.unlink(missing_ok=True)
                gone += 1
        except FileNotFoundError:
            continue  # somebody else was quicker
    return gone


def _name(given: str) -> str:
    """A file's own name as it can be kept: without folders and control characters, its ending whole."""
    name = given.replace("\\", "/").rsplit("/", 1)[-1]
    name = "".join(each if each.isprintable() else "_" for each in name).strip().lstrip(".") or "file"
    if len(name.encode()) <= LONGEST_NAME:
        return name
    source = as_source(Path(name))
    ending = name[len(source.stem) :] if source is not None else Path(name).suffix[:20]
    return name[: LONGEST_NAME // 4].rstrip() + ending


def _free(name: str, taken: set[str]) -> str:
    source = as_source(Path(name))
    stem = source.stem if source is not None else name
    tries = (f"{stem} ({number}){name[len(stem) :]}" for number in range(2, MOST_FILES + 2))
    return name if name.lower() not in taken else next(each for each in tries if each.lower() not in taken)


def _read(path: Path) -> Any:
    try:
        return json.loads(path.read_text("utf-8"))
    except (OSError, ValueError):
        return None


def _write(path: Path, given: Any) -> None:
    temporary = path.with_name(f".{path.name}.{os.getpid()}.{secrets.token_hex(4)}")
    temporary.write_text(json.dumps(given, ensure_ascii=False), "utf-8")
    temporary.replace(path)


def _plan(path: Path) -> Plan | None:
    """What was decided; None where nothing is, or nothing that this version can read."""
    given = _read(path)
    try:
        tables = given["tables"]
        return Plan(
            datetime.fromisoformat(given["at"]),
            given["by"],
            given["saved"],
            given["full"],
            given["looked"],
            None if tables is None else tuple(_table(each) for each in tables),
        )
    except (KeyError, TypeError, ValueError):
        return None


def _table(given: Mapping[str, Any]) -> Table:
    return Table(**{**given, "matches": tuple(Match(**each) for each in given["matches"])})


def _look(given: Mapping[str, Any]) -> Look:
    fields = tuple(Field(**{**each, "values": tuple((value, n) for value, n in each["values"])}) for each in given["fields"])
    return Look(**{**given, "fields": fields})
