"""Importing what was handed over in the browser: looking at it, trying it, doing it, all by the import of the command line.

What takes long runs beside the pages; nothing here is kept in memory that a restart of the server must not lose.
"""

from __future__ import annotations

import hashlib
import logging
import threading
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from typing import Any

from django.db import connections

from tocsin import workspace
from tocsin.core.errors import UserError
from tocsin.facts.importing import ImportReport, import_paths
from tocsin.facts.importing.matching import drafts, plans, saved
from tocsin.facts.importing.matching.drafts import Draft
from tocsin.facts.importing.matching.looks import Look, look_at
from tocsin.facts.importing.samples import FIRST
from tocsin.people.following import follow_facts
from tocsin.web import source
from tocsin.web.background import Asked, beside

log = logging.getLogger("tocsin.web")


@dataclass(frozen=True, slots=True)
class Tried:
    """A dry run. refused: why there is none, else ''."""

    report: ImportReport | None
    refused: str = ""


@dataclass(slots=True)
class _Running:
    """An import under way. share: of the whole, from 0 to 1."""

    begun: datetime
    label: str = ""
    share: float = 0.0


_running: dict[str, _Running] = {}
_guard = threading.Lock()


def here() -> workspace.Workspace:
    """The workspace that this process serves. RuntimeError outside of one."""
    found = workspace.current()
    if found is None:
        raise RuntimeError("no workspace is open in this process")
    return found


def look(found: Draft) -> Asked[bool]:
    """What the files hold, looked at beside the page; once it is made, the draft has a plan."""
    if drafts.looks_of(found) is not None and found.plan.tables is not None:
        return Asked(True, made=True, failed=False, waited=0.0)
    return beside.ask(("look", found.id, found.plan.looked), None, lambda: _look(found))


def _look(found: Draft) -> bool:
    encodings = {table.file: table.encoding for table in found.plan.tables or () if table.encoding}
    looks = look_at(found.paths, told_from=found.folder / "files", encodings=encodings)
    before = {table.name: table for table in found.plan.tables or ()}
    drafts.keep(found.folder, replace(found.plan, tables=tuple(_proposed(each, before, found.plan.saved) for each in looks)))
    drafts.keep_looks(found, looks)
    return True


def _proposed(look: Look, before: dict[str, plans.Table], mapping: str) -> plans.Table:
    """What is proposed for a table: as the saved mapping says, else by guessing; a collection chosen before stays chosen."""
    known = before.get(look.name)
    if known is not None:
        return replace(plans.proposed(look, known.collection), encoding=known.encoding)
    return proposed(look, None, mapping)


def proposed(look: Look, collection: str | None, mapping: str) -> plans.Table:
    """What is proposed for a table. collection: None for the one that it most likely is; mapping: a saved one, '' for none."""
    if not mapping:
        return plans.proposed(look, collection)
    readings = saved.open_saved(here().home, mapping).readings
    said = plans.reading_for(readings, look) if collection is None else None
    chosen = said[0] if said else plans.proposed(look, collection).collection
    reading = said[1] if said else readings.get(chosen)
    return plans.proposed(look, chosen, reading)


def preview(found: Draft, moment: datetime) -> Asked[Tried]:
    """What an import would do, told by a dry run beside the page."""
    decided = hashlib.sha256(repr((found.plan.tables, found.plan.full)).encode()).hexdigest()
    return beside.ask(("preview", found.id, decided), source.store().generation, lambda: _try(found, moment))


def _try(found: Draft, moment: datetime) -> Tried:
    try:
        return Tried(_imported(found, moment, dry_run=True))
    except UserError as refusal:
        return Tried(None, str(refusal))


def _imported(
    found: Draft, moment: datetime, *, dry_run: bool, progress: Callable[[str, float], None] | None = None
) -> ImportReport:
    files = {table.file for table in found.plan.tables or () if table.collection}
    return import_paths(
        source.store(),
        [path for path in found.paths if path.name in files],
        now=moment,
        mapping=drafts.decide(found),
        dry_run=dry_run,
        full=found.plan.full,
        progress=progress,
        told_from=found.folder / "files",
        sample=FIRST if dry_run else 0,
    )


def start(found: Draft, moment: datetime) -> None:
    """Begin the import beside the pages. UserError where it is under way already, or cannot be imported as it is."""
    drafts.decide(found)
    with _guard:
        if found.id in _running:
            raise UserError("these files are being imported already")
        _running[found.id] = _Running(moment)
    beside.ask(("import", found.id, moment), None, lambda: run(found, moment), wait=False)


def run(found: Draft, moment: datetime) -> None:
    """The import: its result is kept with the draft, whatever becomes of it."""
    running = _running.setdefault(found.id, _Running(moment))

    def tell(label: str, share: float) -> None:
        running.label, running.share = label, share

    result: dict[str, Any] = {"begun": moment.isoformat(), "by": found.plan.by, "error": ""}
    try:
        report = _imported(found, moment, dry_run=False, progress=tell)
        notes = [*report.notes, *_people(moment)]
        result["report"] = asdict(replace(report, samples=(), notes=tuple(notes)))
    except UserError as refusal:
        result["error"] = str(refusal)
    except Exception as error:
        log.exception("an import failed")
        result["error"] = f"it failed with {type(error).__name__}; nothing was stored, and the server's log says where"
    finally:
        try:
            drafts.keep_result(found, result)
        except OSError:
            log.exception("what became of an import cannot be kept")
        with _guard:
            _running.pop(found.id, None)
    here().changed()


def _people(moment: datetime) -> list[str]:
    """Users and teams follow the facts; what is to be said of that."""
    try:
        return follow_facts(source.store(), moment)
    finally:
        connections.close_all()  # those of this thread


def under_way(draft_id: str) -> tuple[str, float] | None:
    """What is being imported and how far it is (0 to 1); None where no import of the draft runs."""
    with _guard:
        found = _running.get(draft_id)
    return None if found is None else (found.label, found.share)
