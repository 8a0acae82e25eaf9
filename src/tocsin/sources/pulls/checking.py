"""The settings of a pull: what may be said, how it is kept, and the plan that a run follows."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any

from django.conf import settings as workspace

from tocsin.core.errors import UserError
from tocsin.core.language import suggestion
from tocsin.core.recurring import read_recurring
from tocsin.core.schema import COLLECTIONS
from tocsin.facts.importing.sources import shown
from tocsin.facts.pulling.folders import check_folder
from tocsin.facts.pulling.places import FilePlace, Place, read_place
from tocsin.facts.pulling.shapes import FolderPlan, Mark, TablePlan
from tocsin.facts.pulling.tables import check_tables

# Setting -> what it says, in the order in which they are listed. Those of one kind alone stand in OF_SQL and OF_FOLDER.
SETTINGS = {
    "schedule": "when it runs: `every 15m`, `daily at 06:00`, `cron 0 6 * * 1-5`, `by hand`",
    "mapping": "the folder of COLLECTION.sql and columns.yaml",
    "full": "collections whose pull is the whole truth: what it lacks is closed",
    "most_closed": "the share of the open rows of such a collection that one run may close",
    "url": "the address of the database",
    "cursor": "collection=column: the column that :since goes by",
    "start": "collection=value: where the first run begins",
    "overlap": "how much before the last run is read once more, for rows that were written late",
    "path": "the folder of the files",
    "settle": "a file that was changed within it is still being written",
}
OF_SQL, OF_FOLDER = ("url", "cursor", "start", "overlap"), ("path", "settle")
USUAL = {"schedule": "every 1h", "overlap": "1h", "settle": "10s", "most_closed": "20%"}
_SPAN = re.compile(r"([0-9]{1,6})\s*([smhd])")
_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86_400}


def check_settings(
    kind: str, given: Mapping[str, Any], *, everywhere: bool, before: Collection[str] = ()
) -> tuple[dict[str, Any], str]:
    """The settings as they are kept, and the address of the database ('' for a folder). UserError says what is wrong.

    everywhere: whether any file of this computer may be named, or only what lies in `TOCSIN_PULL_FOLDERS`.
    before: places that it has already, which may stay.
    """

    def there(text: object, what: str) -> Path:
        return _there(text, what, everywhere=everywhere or str(text) in before)

    known = [name for name in SETTINGS if name not in (OF_FOLDER if kind == "sql" else OF_SQL)]
    for name in given:
        if name not in known:
            hint = suggestion(name, known) or f"; it has {', '.join(known)}"
            raise UserError(f"a pull of kind {kind} has no setting {name!r}{hint}")
    kept: dict[str, Any] = {"schedule": read_recurring(str(given.get("schedule") or USUAL["schedule"])).text}
    kept["most_closed"] = _share(given.get("most_closed"))
    kept["full"] = sorted({*_listed(given.get("full"), "full")})
    if given.get("mapping"):
        kept["mapping"] = str(there(given["mapping"], "the mapping"))
    if kind == "folder":
        kept["settle"] = _written(_span(given.get("settle") or USUAL["settle"], "settle"))
        if not given.get("path"):
            raise UserError("which folder is pulled from? give its path")
        kept["path"] = str(there(given["path"], "the folder"))
        check_folder(folder_plan("", kept))
        return kept, ""
    kept["overlap"] = _written(_span(given.get("overlap") or USUAL["overlap"], "overlap"))
    kept["cursor"], kept["start"] = _pairs(given.get("cursor"), "cursor"), _pairs(given.get("start"), "start")
    for name in kept["start"]:
        if name not in kept["cursor"]:
            raise UserError(f"{name} has a start and no cursor; say with cursor {name}=COLUMN by which column it goes")
    url = str(given.get("url") or "").strip()
    if not url:
        raise UserError("which database is pulled from? give its address, such as postgresql://user:password@host:5432/name")
    place = read_place(url)
    if isinstance(place, FilePlace):
        there(place.path, "the file of the database")
    check_tables(table_plan("", kept, {}))
    return kept, url


def folder_plan(name: str, kept: Mapping[str, Any]) -> FolderPlan:
    """The plan of a folder with these settings."""
    return FolderPlan(
        name,
        _mapping(kept),
        frozenset(kept["full"]),
        kept["most_closed"],
        folder=Path(kept["path"]),
        settle=_span(kept["settle"], "settle"),
    )


def table_plan(name: str, kept: Mapping[str, Any], marks: Mapping[str, Mark]) -> TablePlan:
    """The plan of a database with these settings."""
    return TablePlan(
        name,
        _mapping(kept),
        frozenset(kept["full"]),
        kept["most_closed"],
        cursors=kept["cursor"],
        starts=kept["start"],
        overlap=_span(kept["overlap"], "overlap"),
        marks=marks,
    )


def place_shown(kind: str, kept: Mapping[str, Any], url: str) -> str:
    """Where a pull takes from, as people are told of it."""
    return str(kept["path"]) if kind == "folder" else read_place(url).shown


def place_of(url: str) -> Place:
    """The database of an address."""
    return read_place(url)


def _mapping(kept: Mapping[str, Any]) -> Path | None:
    return Path(kept["mapping"]) if kept.get("mapping") else None


def _there(given: object, what: str, *, everywhere: bool) -> Path:
    """A path by its whole name. UserError where it may not be named."""
    text = str(given)
    path = Path(text)
    if "\0" in text or not path.is_absolute():
        raise UserError(f"{what}: {text[:80]!r} is no whole path; begin with /")
    if everywhere:
        return path
    real, allowed = path.resolve(), workspace.TOCSIN_PULL_FOLDERS
    if not any(real.is_relative_to(Path(root).resolve()) for root in allowed):
        raise UserError(
            f"{what}: {shown(path)} lies in none of the folders that may be pulled from here ({', '.join(allowed)}); "
            "move it there, set TOCSIN_PULL_FOLDERS, or set it up on the command line"
        )
    return path


def _listed(given: object, name: str) -> list[str]:
    """Texts, from a list or from one text with commas between."""
    if given is None or given == "":
        return []
    found = given.split(",") if isinstance(given, str) else given
    if not isinstance(found, list | tuple) or not all(isinstance(each, str) for each in found):
        raise UserError(f"{name} takes a list of texts, or one text with commas between")
    return [each.strip() for each in found if each.strip()]


def _pairs(given: object, name: str) -> dict[str, str]:
    """Collection -> value, from a mapping or from `collection=value` texts."""
    if not isinstance(given, Mapping):
        pairs = [each.partition("=") for each in _listed(given, name)]
        if any(not sign for _, sign, _ in pairs):
            example = "loaded_at" if name == "cursor" else "2026-01-01"
            raise UserError(f"{name} takes collection=value, such as {name} events={example}")
        given = {collection: value for collection, _, value in pairs}
    found = {str(collection).strip(): str(value).strip() for collection, value in given.items()}
    for collection, value in found.items():
        if collection not in COLLECTIONS:
            raise UserError(f"{name}: unknown collection {collection!r}{suggestion(collection, COLLECTIONS)}")
        if not value or not value.isprintable():
            raise UserError(f"{name}: {collection} has no value; write {name} {collection}=...")
    return found


def _span(given: object, name: str) -> timedelta:
    found = _SPAN.fullmatch(str(given).strip().lower())
    if not found:
        raise UserError(
            f"{name}: {str(given)[:40]!r} is no length of time; write a number followed by s, m, h or d, such as 90s or 2h"
        )
    return timedelta(seconds=int(found[1]) * _UNITS[found[2]])


def _written(span: timedelta) -> str:
    seconds = int(span.total_seconds())
    unit = next(unit for unit in ("d", "h", "m", "s") if seconds % _UNITS[unit] == 0 and (seconds or unit == "s"))
    return f"{seconds // _UNITS[unit]}{unit}"


def _share(given: object) -> float:
    text = str(USUAL["most_closed"] if given in (None, "") else given).strip()
    try:
        share = float(text.removesuffix("%")) / (100 if text.endswith("%") else 1)
    except ValueError:
        share = -1
    if not 0 <= share <= 1:
        raise UserError(f"most_closed: {text[:40]!r} is no share; write a percent such as 20%, or a number from 0 to 1")
    return share
