"""Importing files that a program sends, by the import of the command line; and saved mappings."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from ninja import Query, Router, Schema
from pydantic import Field

from tocsin import serving
from tocsin.api import uploads
from tocsin.api.access import Caller, may
from tocsin.api.alerts import ERRORS
from tocsin.api.problems import ApiError, Problem
from tocsin.api.pulls import Figures
from tocsin.core.errors import UserError
from tocsin.core.schema import COLLECTIONS
from tocsin.facts.cells import Formats, date_format, decimal_sign
from tocsin.facts.importing import ImportReport, import_paths
from tocsin.facts.importing.columns_yaml import columns_said
from tocsin.facts.importing.mapping import COLUMNS, Mappings, read_mapping
from tocsin.facts.importing.matching import saved
from tocsin.facts.importing.matching.saved import Saved
from tocsin.facts.importing.samples import FIRST
from tocsin.facts.importing.sources import unknown_collection
from tocsin.people import facade as people
from tocsin.people.following import follow_facts

router = Router()
READ, WRITE = may("read", people.RUNS), may("admin", people.RUNS)
LONGEST = 200_000  # characters of a columns.yaml
_turn = threading.BoundedSemaphore(2)  # so many imports at a time, as beside the pages


class How(Schema):
    """What is to be imported, and how; as for `tocsin import`."""

    collection: str = Field("", max_length=60, description="what the rows are; '' where the mapping or the file's name says it")
    mapping: str = Field("", max_length=60, description="the name of a saved mapping")
    name: str = Field("", max_length=200, description="what a file that is the body is called", examples=["customers.csv"])
    dry_run: bool = Field(False, description="check and count, show the first rows, and write nothing")
    full: bool = Field(False, description="the files are the whole truth: rows that they lack are closed")
    date_format: str = Field("", max_length=60, description="how local dates are written", examples=["DD.MM.YYYY"])
    decimal: str = Field("", max_length=1, description="the decimal sign of local numbers")


class Sample(Schema):
    """The first rows of a file as they would be stored: columns, and their values as texts."""

    collection: str
    file: str
    columns: list[str]
    rows: list[list[str | None]]


class Report(Schema):
    """What an import did, or would do. reasons: why rows were rejected, the first of each kind. samples: of a dry run."""

    dry_run: bool
    collections: list[Figures]
    rejected: int
    reasons: list[str]
    notes: list[str]
    samples: list[Sample]


class SavedMapping(Schema):
    """A saved mapping. files: the names and patterns that it knows. problem: why it cannot be read, else ''."""

    name: str
    collections: list[str]
    files: list[str]
    problem: str


class WholeMapping(SavedMapping):
    """A saved mapping with its `columns.yaml`, '' where it has SELECTs only."""

    columns: str


class NewMapping(Schema):
    """The text of a `columns.yaml`."""

    columns: str = Field(min_length=1, max_length=LONGEST)


@router.post(
    "/imports",
    response={200: Report, 413: Problem, **ERRORS},
    auth=WRITE,
    operation_id="import_files",
    url_name="import_files",
    openapi_extra=uploads.BODY,
)
def import_files(request: Caller, how: Query[How]) -> dict[str, Any]:
    """Import a file, or several of a form; answers once it is done. Rows that cannot be stored are kept with their reasons."""
    here = serving.here()
    _check(how)
    with uploads.sent(request, how.name or how.collection) as sent, _turn:
        try:
            report = import_paths(
                here.store(),
                sent.files,
                now=request.moment,
                mapping=_mappings(how, sent.columns),
                dry_run=how.dry_run,
                full=how.full,
                told_from=sent.folder,
                sample=FIRST if how.dry_run else 0,
            )
        except UserError as error:  # a SELECT of a mapping is named by its path, and where the home lies is nobody's business
            raise UserError(str(error).replace(f"{here.home / saved.FOLDER}/", "")) from error
    if not how.dry_run:
        report = replace(report, notes=(*report.notes, *follow_facts(here.store(), request.moment)))
        names = ", ".join(each.name for each in sent.files)[:400]
        detail = ", ".join(each.name for each in report.collections)
        people.note("files imported", names, detail, by=request.by, moment=request.moment)
        here.changed()
    return _report(report)


@router.get("/imports/mappings", response={200: list[SavedMapping], **ERRORS}, auth=READ, operation_id="list_mappings")
def mappings(request: Caller) -> list[dict[str, Any]]:  # noqa: ARG001 - the key alone is asked of the request
    """The saved mappings, by name."""
    return [_saved(each) for each in saved.list_saved(serving.here().home)]


@router.get("/imports/mappings/{name}", response={200: WholeMapping, **ERRORS}, auth=READ, operation_id="get_mapping")
def mapping(request: Caller, name: str) -> dict[str, Any]:  # noqa: ARG001 - as above
    """A saved mapping."""
    return _whole(name)


@router.put("/imports/mappings/{name}", response={200: WholeMapping, **ERRORS}, auth=WRITE, operation_id="save_mapping")
def save(request: Caller, name: str, given: NewMapping) -> dict[str, Any]:
    """Keep a mapping under a name, in place of what had it; `tocsin import --mapping NAME` takes it too."""
    kept = saved.save(serving.here().home, name, given.columns).name
    people.note("mapping saved", kept, by=request.by, moment=request.moment)
    return _whole(kept)


@router.delete("/imports/mappings/{name}", response={200: SavedMapping, **ERRORS}, auth=WRITE, operation_id="delete_mapping")
def delete(request: Caller, name: str) -> dict[str, Any]:
    """Delete a saved mapping; gives it as it was."""
    home = serving.here().home
    saved.folder_of(home, name)
    gone = saved.described(home, name)
    saved.delete(home, name)
    people.note("mapping deleted", name, by=request.by, moment=request.moment)
    return _saved(gone)


def _check(how: How) -> None:
    """Before the files are looked at: whether what is asked for is there at all."""
    if how.collection and how.collection not in COLLECTIONS:
        raise unknown_collection(Path("collection"), how.collection)
    if how.mapping:
        saved.folder_of(serving.here().home, how.mapping)


def _mappings(how: How, columns: str) -> Mappings:
    """How the files are read. A collection that was named goes before what the mapping says of names of files."""
    formats = Formats(
        date_format=date_format(how.date_format) if how.date_format else None,
        decimal=decimal_sign(how.decimal) if how.decimal else None,
    )
    home = serving.here().home
    if how.mapping and columns:
        raise ApiError(422, "give a saved mapping or `columns`, not both")
    if len(columns) > LONGEST:
        raise ApiError(422, f"`columns` has more than {LONGEST:,} characters")
    if columns:
        found = Mappings(readings=columns_said(columns, uploads.COLUMNS, formats))
    else:
        found = saved.open_saved(home, how.mapping, formats) if how.mapping else read_mapping(None, formats)
    if not how.collection:
        return found
    if found.queries:
        raise ApiError(422, f"the mapping {how.mapping} says by its SELECTs what the rows are; leave the collection out")
    readings: Mapping[str, Any] = {
        name: replace(reading, files=("*",) if name == how.collection else ()) for name, reading in found.readings.items()
    }
    return Mappings(readings=readings)


def _report(found: ImportReport) -> dict[str, Any]:
    samples = [
        {
            "collection": each.collection,
            "file": each.file,
            "columns": list(each.columns),
            "rows": [list(row) for row in each.rows],
        }
        for each in found.samples
    ]
    figures = [each.to_json() for each in found.collections]
    told = {"reasons": list(found.reasons), "notes": list(found.notes), "samples": samples}
    return {"dry_run": found.dry_run, "collections": figures, "rejected": found.rejected, **told}


def _saved(found: Saved) -> dict[str, Any]:
    return {
        "name": found.name, "collections": list(found.collections), "files": list(found.files), "problem": found.problem,
    }  # fmt: skip


def _whole(name: str) -> dict[str, Any]:
    home = serving.here().home
    text = saved.text_of(home, name) if (saved.folder_of(home, name) / COLUMNS).exists() else ""
    return {**_saved(saved.described(home, name)), "columns": text}
