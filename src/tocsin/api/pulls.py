"""Pulls: databases and folders that are asked by a schedule, their runs, and running one."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Literal

from ninja import Router, Schema, Status
from pydantic import Field

from tocsin.api.access import Caller, may
from tocsin.api.alerts import ERRORS
from tocsin.core.moment import iso
from tocsin.people import facade as people
from tocsin.sources import facade

router = Router()
READ, ADMIN = may("read", people.RUNS), may("admin")


class Pull(Schema):
    """A pull, without what is secret.

    state: fine, running, failing, paused or waiting. last_good_at: so fresh is what it brings. marks: how far it has read.
    failures: runs in a row that failed since the last one that was done.
    """

    id: str
    name: str
    kind: Literal["sql", "folder"]
    place: str
    state: str
    schedule: str
    settings: dict[str, Any]
    paused: bool
    collections: list[str]
    marks: dict[str, str]
    next_at: str | None
    last_run_at: str | None
    last_good_at: str | None
    failures: int
    last_error: str
    created_at: str
    created_by: str


class NewPull(Schema):
    """A pull to be. settings: url, path, mapping, schedule, full, cursor, start, overlap, settle, most_closed."""

    kind: Literal["sql", "folder"]
    name: str = Field(min_length=1, max_length=100)
    settings: dict[str, Any] = Field(default_factory=dict)


class Changes(Schema):
    """Settings to be changed; those not named stay, null makes one the usual one."""

    settings: dict[str, Any]


class Figures(Schema):
    """What a run did to a collection."""

    collection: str
    read: int
    added: int
    updated: int
    unchanged: int
    rejected: int
    notes: list[str]


class Run(Schema):
    """A run. state: running, done, failed or stopped. cause: schedule, retry or hand. stage: what it does, or did last."""

    id: int
    state: str
    cause: str
    by: str
    stage: str
    started_at: str
    ended_at: str | None
    error: str
    report: list[Figures]
    notes: list[str]


@router.get("/pulls", response={200: list[Pull], **ERRORS}, auth=READ, operation_id="list_pulls")
def listing(request: Caller) -> list[dict[str, Any]]:
    """All pulls, by name."""
    return [_pull(each) for each in facade.list_pulls(request.moment)]


@router.post("/pulls", response={201: Pull, **ERRORS}, auth=ADMIN, operation_id="create_pull")
def create(request: Caller, given: NewPull) -> Status[dict[str, Any]]:
    """Set a pull up; its first run is due at once, unless it is run by hand."""
    made = facade.create_pull(given.kind, given.name, given.settings, by=request.by, moment=request.moment)
    return Status(201, _pull(made))


@router.get("/pulls/{pull_id}", response={200: Pull, **ERRORS}, auth=READ, operation_id="pull")
def one(request: Caller, pull_id: str) -> dict[str, Any]:
    """One pull."""
    return _pull(facade.pull_info(pull_id, request.moment))


@router.patch("/pulls/{pull_id}", response={200: Pull, **ERRORS}, auth=ADMIN, operation_id="change_pull")
def change(request: Caller, pull_id: str, given: Changes) -> dict[str, Any]:
    """Change settings of a pull."""
    return _pull(facade.set_pull(pull_id, given.settings, by=request.by, moment=request.moment))


@router.delete("/pulls/{pull_id}", response={200: Pull, **ERRORS}, auth=ADMIN, operation_id="delete_pull")
def delete(request: Caller, pull_id: str) -> dict[str, Any]:
    """Remove a pull; what it has brought stays."""
    return _pull(facade.delete_pull(pull_id, by=request.by, moment=request.moment))


@router.post("/pulls/{pull_id}/pause", response={200: Pull, **ERRORS}, auth=ADMIN, operation_id="pause_pull")
def pause(request: Caller, pull_id: str) -> dict[str, Any]:
    """Begin no run for now."""
    return _pull(facade.pause_pull(pull_id, by=request.by, moment=request.moment))


@router.post("/pulls/{pull_id}/resume", response={200: Pull, **ERRORS}, auth=ADMIN, operation_id="resume_pull")
def resume(request: Caller, pull_id: str) -> dict[str, Any]:
    """Run by the schedule again, and now."""
    return _pull(facade.resume_pull(pull_id, by=request.by, moment=request.moment))


@router.post("/pulls/{pull_id}/run", response={202: Pull, **ERRORS}, auth=ADMIN, operation_id="run_pull")
def run(request: Caller, pull_id: str) -> Status[dict[str, Any]]:
    """Have it run soon; the list of runs shows how it went."""
    return Status(202, _pull(facade.ask_for_run(pull_id, by=request.by, moment=request.moment)))


@router.get("/pulls/{pull_id}/runs", response={200: list[Run], **ERRORS}, auth=READ, operation_id="runs_of_pull")
def runs(request: Caller, pull_id: str) -> list[dict[str, Any]]:  # noqa: ARG001 - the key alone is asked of the request
    """The last runs, newest first."""
    return [_run(each) for each in facade.runs_of(pull_id)]


def _pull(found: facade.PullInfo) -> dict[str, Any]:
    plain = ("id", "name", "kind", "place", "state", "schedule", "paused", "failures", "last_error", "created_by")
    times = ("next_at", "last_run_at", "last_good_at", "created_at")
    return {
        **{name: getattr(found, name) for name in plain},
        **{name: _iso(getattr(found, name)) for name in times},
        "settings": dict(found.settings),
        "collections": list(found.collections),
        "marks": dict(found.marks),
    }


def _run(found: facade.RunInfo) -> dict[str, Any]:
    plain = ("id", "state", "cause", "by", "stage", "error")
    return {
        **{name: getattr(found, name) for name in plain},
        "started_at": iso(found.started_at),
        "ended_at": _iso(found.ended_at),
        "report": [dict(each) for each in found.report],
        "notes": list(found.notes),
    }


def _iso(moment: datetime | None) -> str | None:
    return iso(moment) if moment else None
