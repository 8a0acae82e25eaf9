"""Sources of inbound webhooks: set up, paused, their secrets, and what they delivered lately."""

from __future__ import annotations

from dataclasses import asdict
from datetime import datetime
from typing import Any

from ninja import Router, Schema, Status
from pydantic import Field

from tocsin.api.access import Caller, may
from tocsin.api.alerts import ERRORS
from tocsin.core.made import Made
from tocsin.core.moment import iso
from tocsin.people import facade as people
from tocsin.sources import facade

router = Router()
READ, ADMIN = may("read", people.RUNS), may("admin")


class Secret(Schema):
    """A secret, by what tells it from others."""

    id: str
    added_at: str


class Source(Schema):
    """A source, without its secrets themselves. path: below the address by which Tocsin is reached."""

    id: str
    name: str
    kind: str
    title: str
    path: str
    hint: str
    paused: bool
    secrets: list[Secret]
    settings: dict[str, Any]
    created_at: str
    created_by: str
    last_received_at: str | None
    last_error: str
    last_error_at: str | None
    received: int
    refused: int


class NewSource(Schema):
    """A source to be. secrets: by which it signs; without any, one is made where you choose it."""

    kind: str = Field(max_length=20)
    name: str = Field(min_length=1, max_length=100)
    secrets: list[str] = Field(default_factory=list, max_length=5)
    settings: dict[str, Any] = Field(default_factory=dict)


class MadeSource(Schema):
    """A new source; where its secret was made here, it is shown this once, else it is empty."""

    id: str
    name: str
    kind: str
    path: str
    secret: str


class NewSecret(Schema):
    """A secret to be added; empty: one is made, for the kinds where you choose it."""

    secret: str = Field("", max_length=500)


class Delivery(Schema):
    """A signed delivery. became: taken, ignored or unreadable; detail: its rows, or why there are none."""

    delivery_id: str
    received_at: str
    became: str
    detail: str


class Refusal(Schema):
    """Requests that were refused for one reason within a minute of each other, the last of them from `origin`."""

    first_at: str
    last_at: str
    status: int
    code: str
    reason: str
    origin: str
    elsewhere: bool
    times: int


@router.get("/sources", response={200: list[Source], **ERRORS}, auth=READ, operation_id="list_sources")
def listing(request: Caller) -> list[dict[str, Any]]:  # noqa: ARG001 - who asks is all that matters of the request
    """All sources, by name."""
    return [_source(each) for each in facade.list_sources()]


@router.post("/sources", response={201: MadeSource, **ERRORS}, auth=ADMIN, operation_id="create_source")
def create(request: Caller, given: NewSource) -> Status[dict[str, Any]]:
    """Set a source up."""
    made = facade.create_source(
        given.kind, given.name, given=given.secrets, settings=given.settings, by=request.by, moment=request.moment
    )
    return Status(201, _made(made))


@router.delete("/sources/{source_id}", response={200: Source, **ERRORS}, auth=ADMIN, operation_id="delete_source")
def delete(request: Caller, source_id: str) -> dict[str, Any]:
    """Remove a source; what it has told stays."""
    return _source(facade.delete_source(source_id, by=request.by, moment=request.moment))


@router.post("/sources/{source_id}/pause", response={200: Source, **ERRORS}, auth=ADMIN, operation_id="pause_source")
def pause(request: Caller, source_id: str) -> dict[str, Any]:
    """Take nothing from it for now."""
    return _source(facade.pause_source(source_id, by=request.by, moment=request.moment))


@router.post("/sources/{source_id}/resume", response={200: Source, **ERRORS}, auth=ADMIN, operation_id="resume_source")
def resume(request: Caller, source_id: str) -> dict[str, Any]:
    """Take what it sends again."""
    return _source(facade.resume_source(source_id, by=request.by, moment=request.moment))


@router.post("/sources/{source_id}/secrets", response={201: MadeSource, **ERRORS}, auth=ADMIN, operation_id="add_source_secret")
def add_secret(request: Caller, source_id: str, given: NewSecret) -> Status[dict[str, Any]]:
    """One more secret that it may sign with."""
    return Status(201, _made(facade.add_secret(source_id, given.secret, by=request.by, moment=request.moment)))


@router.delete(
    "/sources/{source_id}/secrets/{secret_id}",
    response={200: Source, **ERRORS},
    auth=ADMIN,
    operation_id="remove_source_secret",
)
def remove_secret(request: Caller, source_id: str, secret_id: str) -> dict[str, Any]:
    """From now on that secret signs nothing."""
    return _source(facade.remove_secret(source_id, secret_id, by=request.by, moment=request.moment))


@router.get(
    "/sources/{source_id}/deliveries", response={200: list[Delivery], **ERRORS}, auth=READ, operation_id="deliveries_of_source"
)
def deliveries(request: Caller, source_id: str) -> list[dict[str, Any]]:  # noqa: ARG001
    """The last signed deliveries, newest first."""
    return [{**asdict(each), "received_at": iso(each.received_at)} for each in facade.recent_deliveries(source_id)]


@router.get(
    "/sources/{source_id}/refusals", response={200: list[Refusal], **ERRORS}, auth=READ, operation_id="refusals_of_source"
)
def refusals(request: Caller, source_id: str) -> list[dict[str, Any]]:  # noqa: ARG001
    """The requests that were refused lately and why, the latest first."""
    found = facade.recent_refusals(source_id)
    return [{**asdict(each), "first_at": iso(each.first_at), "last_at": iso(each.last_at)} for each in found]


def _made(made: Made[facade.SourceInfo]) -> dict[str, Any]:
    found = made.what
    return {"id": found.id, "name": found.name, "kind": found.vendor, "path": found.path, "secret": made.secret}


def _source(found: facade.SourceInfo) -> dict[str, Any]:
    return {
        **asdict(found),
        "kind": found.vendor,
        "secrets": [{"id": each.id, "added_at": iso(each.added_at)} for each in found.secrets],
        "created_at": iso(found.created_at),
        "last_received_at": _iso(found.last_received_at),
        "last_error_at": _iso(found.last_error_at),
    }


def _iso(moment: datetime | None) -> str | None:
    return iso(moment) if moment else None
