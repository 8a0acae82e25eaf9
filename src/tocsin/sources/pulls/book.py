"""The pulls of a workspace: set up, changed, paused, removed. Every change is written down with who made it."""

from __future__ import annotations

import json
import secrets
from collections.abc import Mapping
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from django.conf import settings as workspace
from django.db import IntegrityError, transaction
from django.db.models import QuerySet

from tocsin.core.errors import UserError
from tocsin.core.language import suggestion
from tocsin.core.recurring import read_recurring
from tocsin.facts.importing.sources import in_order
from tocsin.facts.pulling.places import FilePlace, read_place
from tocsin.people import audit, sealing
from tocsin.sources.finding import found, near
from tocsin.sources.models import Pull, PullRun, Source
from tocsin.sources.pulls.checking import check_settings, place_shown
from tocsin.sources.pulls.shapes import KINDS, PullInfo, RunInfo

RECENT = 20
_LETTERS = "abcdefghjkmnpqrstuvwxyz23456789"  # none that is read as another


def create_pull(
    kind: str, name: str, settings: Mapping[str, Any], *, by: str, moment: datetime, everywhere: bool = False
) -> PullInfo:
    """Set a pull up; its first run is due at once, unless it is run by hand.

    settings: as `SETTINGS` names them. everywhere: whether any file of this computer may be named.
    UserError says what is wrong.
    """
    if kind not in KINDS:
        hint = suggestion(kind, KINDS) or f"; there are {', '.join(KINDS)}"
        raise UserError(f"unknown kind of pull {kind!r}{hint}")
    label = name.strip()
    if not label or len(label) > 100 or not label.isprintable() or "/" in label:
        raise UserError("a source needs a name of at most 100 characters that says what it is, without a slash")
    kept, url = check_settings(kind, settings, everywhere=everywhere)
    if Source.objects.filter(name=label).exists():
        raise UserError(f"there is a source {label!r} already; give another name")
    by_itself = read_recurring(kept["schedule"]).next(moment, _zone()) is not None
    try:
        with transaction.atomic():
            row = Pull.objects.create(
                public_id=f"pul_{''.join(secrets.choice(_LETTERS) for _ in range(8))}",
                kind=kind,
                name=label,
                place=place_shown(kind, kept, url),
                sealed=sealing.seal(url),
                settings=kept,
                created_at=moment,
                created_by=by,
                next_at=moment if by_itself else None,
            )
            audit.note("pull made", label, f"{kind} {row.place}, {kept['schedule']}", by=by, moment=moment)
    except IntegrityError as error:
        raise UserError(f"there is a source {label!r} already; give another name") from error
    return info(row, moment)


def list_pulls(moment: datetime) -> list[PullInfo]:
    """All pulls, by name."""
    return [info(row, moment) for row in Pull.objects.all()]


def pull_info(reference: str, moment: datetime) -> PullInfo:
    """One pull, by its id or name. UserError where there is none."""
    return info(row_of(reference), moment)


def has_pull(reference: str) -> bool:
    """Whether a pull has that id or name."""
    return Pull.objects.filter(public_id=reference).exists() or Pull.objects.filter(name=reference).exists()


def set_pull(reference: str, settings: Mapping[str, Any], *, by: str, moment: datetime, everywhere: bool = False) -> PullInfo:
    """Change settings: those not named stay, '' and null make one the usual one. UserError says what is wrong."""
    found = row_of(reference)
    with transaction.atomic():
        row = Pull.objects.select_for_update().get(pk=found.pk)
        url = "" if "url" in settings else url_of(row)
        merged = {**row.settings, **({"url": url} if row.kind == "sql" else {}), **settings}
        kept, url = check_settings(row.kind, merged, everywhere=everywhere, before=_places(row, url))
        if place_shown(row.kind, kept, url) != row.place:
            # Another place has other files and other rows: what was taken of the one before says nothing of it.
            row.marks, row.place = {}, place_shown(row.kind, kept, url)
            row.holder, row.lease_until = "", None  # a run of the place before is nobody's from now on, and ends
            row.files.all().delete()
        for name, column in row.settings.get("cursor", {}).items():
            if kept["cursor"].get(name) != column or kept["start"].get(name) != row.settings["start"].get(name):
                row.marks.pop(name, None)
                row.holder, row.lease_until = "", None
        if kept["schedule"] != row.settings["schedule"]:
            row.next_at = None if row.paused else read_recurring(kept["schedule"]).next(moment, _zone())
        row.settings, row.sealed = kept, sealing.seal(url)
        row.save(update_fields=["settings", "sealed", "marks", "place", "next_at", "holder", "lease_until"])
        audit.note("pull changed", row.name, ", ".join(sorted(settings)), by=by, moment=moment)
    return info(row, moment)


def pause_pull(reference: str, *, by: str, moment: datetime) -> PullInfo:
    """Begin no run for now; one that is under way goes on."""
    row = _changed(reference, {"paused": True, "next_at": None, "asked_at": None}, "pull paused", by, moment)
    return info(row, moment)


def resume_pull(reference: str, *, by: str, moment: datetime) -> PullInfo:
    """Run by the schedule again, and now."""
    found = row_of(reference)
    by_itself = read_recurring(found.settings["schedule"]).next(moment, _zone()) is not None
    row = _changed(reference, {"paused": False, "next_at": moment if by_itself else None}, "pull resumed", by, moment)
    return info(row, moment)


def ask_for_run(reference: str, *, by: str, moment: datetime) -> PullInfo:
    """Have it run soon, also where it is paused; whoever owns the facts does so."""
    row = _changed(reference, {"asked_at": moment}, "pull asked for", by, moment)
    return info(row, moment)


def begin_anew(reference: str, *, by: str, moment: datetime) -> PullInfo:
    """Forget how far was read and which files were taken: the next run reads everything. What is stored stays."""
    with transaction.atomic():
        row = _changed(reference, {"marks": {}, "holder": "", "lease_until": None}, "pull begins anew", by, moment)
        row.files.all().delete()
    return info(row, moment)


def delete_pull(reference: str, *, by: str, moment: datetime) -> PullInfo:
    """Remove a pull and the list of its runs; what it has brought stays. Gives what it was."""
    row = row_of(reference)
    was = info(row, moment)
    with transaction.atomic():
        audit.note("pull removed", row.name, f"{row.kind} {row.place}", by=by, moment=moment)
        row.delete()
    return was


def runs_of(reference: str, limit: int = RECENT) -> list[RunInfo]:
    """The last runs, newest first."""
    return [run_info(row) for row in PullRun.objects.filter(pull=row_of(reference))[:limit]]


def row_of(reference: str) -> Pull:
    """The stored pull of an id or a name. UserError where there is none."""
    row = found(Pull.objects.all(), reference)
    if row is None:
        raise UserError(f"there is no source {reference!r} that is pulled from{near(Pull.objects.all(), reference)}")
    return row


def url_of(row: Pull) -> str:
    """The address of the database; '' for a folder. UserError where the workspace's key has changed."""
    try:
        return sealing.unseal(row.sealed)
    except sealing.UnreadableError as error:
        raise UserError(
            f"the address of {row.name} cannot be read, as the workspace's key has changed; "
            f"give it anew: tocsin sources set {json.dumps(row.name)} --set url=..."
        ) from error


def info(row: Pull, moment: datetime) -> PullInfo:
    """What is shown of a stored pull."""
    running = bool(row.holder) and row.lease_until is not None and row.lease_until > moment
    return PullInfo(
        id=row.public_id,
        kind=row.kind,
        name=row.name,
        place=row.place,
        schedule=row.settings["schedule"],
        settings=dict(row.settings),
        created_at=row.created_at,
        created_by=row.created_by,
        paused=row.paused,
        next_at=row.next_at,
        asked=row.asked_at is not None,
        collections=tuple(in_order(row.columns)),
        marks={name: value for name, (_, value) in row.marks.items()},
        last_run_at=row.last_run_at,
        last_good_at=row.last_good_at,
        last_error=row.last_error,
        failures=row.failures,
        running_since=row.last_run_at if running else None,
    )


def run_info(row: PullRun) -> RunInfo:
    """What is shown of a stored run."""
    return RunInfo(
        id=row.pk,
        state=row.state,
        cause=row.cause,
        by=row.by,
        stage=row.stage,
        started_at=row.started_at,
        ended_at=row.ended_at,
        error=row.error,
        report=tuple(row.report),
        notes=tuple(row.notes),
    )


def _changed(reference: str, values: Mapping[str, Any], act: str, by: str, moment: datetime) -> Pull:
    row = row_of(reference)
    with transaction.atomic():
        found: QuerySet[Pull] = Pull.objects.filter(pk=row.pk)
        found.update(**values)
        audit.note(act, row.name, by=by, moment=moment)
    return Pull.objects.get(pk=row.pk)


def _places(row: Pull, url: str) -> set[str]:
    """What it may go on to name, as it was allowed to before."""
    named = {str(row.settings.get("path", "")), str(row.settings.get("mapping", ""))}
    if url and isinstance(place := read_place(url), FilePlace):
        named.add(str(place.path))
    return named


def _zone() -> ZoneInfo:
    return ZoneInfo(workspace.TIME_ZONE)
