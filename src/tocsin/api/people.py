"""People, when they are away, how they are reached; keys; and who is asking."""

from __future__ import annotations

from dataclasses import asdict
from datetime import UTC
from typing import Any, Literal

from ninja import Router, Schema, Status
from pydantic import AwareDatetime, Field

from tocsin.api.access import EVERYBODY, Caller, may
from tocsin.api.alerts import ERRORS
from tocsin.api.problems import ApiError
from tocsin.core.moment import iso
from tocsin.delivery import facade as delivery
from tocsin.people import facade

router = Router()
READ, ADMIN = may("read"), may("admin")
LEAD, WRITE = may("read", facade.LEADS), may("people:write", EVERYBODY)  # of whom, `_theirs` says
ROLE = Literal["admin", "operations", "leader", "csm", "viewer"]
DAY = 24 * 60


class Me(Schema):
    """Who is asking: a key with its scopes, or a person with their role."""

    key: str | None
    scopes: list[str]
    person: str | None
    role: str | None


class Away(Schema):
    """From `begins_at` until `ends_at` somebody is away."""

    begins_at: AwareDatetime
    ends_at: AwareDatetime
    stand_in: str = Field("", max_length=254)


class Preferences(Schema):
    """How a person works and is told; minutes after local midnight."""

    zone: str = Field("", max_length=64)
    work_days: list[int] = Field([0, 1, 2, 3, 4], max_length=7)
    work_from: int = Field(540, ge=0, le=DAY)
    work_to: int = Field(1080, ge=0, le=DAY)
    quiet_from: int | None = Field(None, ge=0, lt=DAY)
    quiet_to: int | None = Field(None, ge=0, le=DAY)
    country: str = Field("", max_length=10)
    channels: list[str] = Field([], max_length=20)
    weekly_budget: int = Field(10, ge=0, le=1000)
    daily_cap: int = Field(5, ge=0, le=1000)
    digest: Literal["daily", "weekly", "off"] = "daily"
    digest_at: int = Field(480, ge=0, le=DAY)
    least_severity: Literal["info", "low", "medium", "high", "critical"] = "info"
    team_digest: Literal["weekly", "off"] = "weekly"
    unacknowledged_days: int = Field(3, ge=1, le=90)


class AwayShown(Schema):
    """An away period."""

    begins_at: str
    ends_at: str
    stand_in: str


class Person(Schema):
    """Somebody on our side."""

    email: str
    name: str
    role: str
    team: str
    manager: str
    active: bool
    can_sign_in: bool
    preferences: Preferences
    away: list[AwayShown]


class NewPerson(Schema):
    """A person to be."""

    email: str = Field(max_length=254)
    name: str = Field(max_length=200)
    role: ROLE
    team: str = Field("", max_length=200)


class ApiKey(Schema):
    """A key, without the key itself."""

    id: str
    name: str
    kind: str
    scopes: list[str]
    created_at: str
    created_by: str
    last_used_at: str | None
    revoked_at: str | None


class NewKey(Schema):
    """A key to be."""

    name: str = Field(min_length=1, max_length=100)
    kind: Literal["write", "api"]
    scopes: list[str] = Field([], max_length=10)


class MadeKey(Schema):
    """A new key; the key itself is shown this once."""

    id: str
    name: str
    kind: str
    key: str


@router.get("/me", response={200: Me, **ERRORS}, auth=READ, operation_id="me")
def me(request: Caller) -> dict[str, Any]:
    """Who is asking."""
    if request.key:
        return {"key": request.key.name, "scopes": list(request.key.scopes), "person": None, "role": None}
    return {"key": None, "scopes": [], "person": request.email, "role": request.role}


@router.get("/people", response={200: list[Person], **ERRORS}, auth=LEAD, operation_id="list_people")
def listing(request: Caller) -> list[dict[str, Any]]:  # noqa: ARG001 - who asks is all that matters of the request
    """Everybody on our side, by e-mail."""
    return [_person(each) for _, each in sorted(facade.directory().items())]


@router.post("/people", response={201: Person, **ERRORS}, auth=ADMIN, operation_id="create_person")
def create(request: Caller, given: NewPerson) -> Status[dict[str, Any]]:
    """A new user, who cannot sign in before they set a password."""
    made = facade.create_user(given.email, given.name, given.role, team=given.team, by=request.by, moment=request.moment)
    return Status(201, _person(facade.directory()[made.email]))


@router.put("/people/{email}/preferences", response={200: Person, **ERRORS}, auth=WRITE, operation_id="set_preferences")
def preferences(request: Caller, email: str, given: Preferences) -> dict[str, Any]:
    """How a person works and is told: of a key with the scope, anybody's; of a person, their own."""
    _theirs(request, email)
    values = given.dict()
    chosen = facade.Preferences(**{**values, "work_days": tuple(values["work_days"]), "channels": tuple(values["channels"])})
    delivery.choose_preferences(email, chosen, by=request.by, moment=request.moment)
    return _one(email)


@router.post("/people/{email}/away", response={200: Person, **ERRORS}, auth=WRITE, operation_id="add_away")
def away(request: Caller, email: str, given: Away) -> dict[str, Any]:
    """Say that somebody is away, and who stands in."""
    _theirs(request, email)
    try:
        period = facade.AwayPeriod(given.begins_at.astimezone(UTC), given.ends_at.astimezone(UTC), given.stand_in)
    except OverflowError as error:
        raise ApiError(422, "the away period is too far ahead") from error
    facade.add_away(email, period, by=request.by, moment=request.moment)
    return _one(email)


@router.get("/keys", response={200: list[ApiKey], **ERRORS}, auth=ADMIN, operation_id="list_keys")
def keys(request: Caller) -> list[dict[str, Any]]:  # noqa: ARG001
    """The keys that open something."""
    return [_key(each) for each in facade.list_keys()]


@router.post("/keys", response={201: MadeKey, **ERRORS}, auth=ADMIN, operation_id="create_key")
def create_key(request: Caller, given: NewKey) -> Status[dict[str, Any]]:
    """A new key, which is shown this once."""
    made, secret = facade.create_key(given.name, given.kind, given.scopes, by=request.by, moment=request.moment)
    return Status(201, {"id": made.id, "name": made.name, "kind": made.kind, "key": secret})


@router.delete("/keys/{key_id}", response={200: ApiKey, **ERRORS}, auth=ADMIN, operation_id="revoke_key")
def revoke(request: Caller, key_id: str) -> dict[str, Any]:
    """From now on the key opens nothing."""
    if request.key and key_id == request.key.id:
        raise ApiError(422, "a key cannot revoke itself; use another one, or `tocsin keys revoke`")
    return _key(facade.revoke_key(key_id, by=request.by, moment=request.moment))


def _theirs(request: Caller, email: str) -> None:
    """ApiError 403 where a person changes something of another, and does not run the product, or the other administrates."""
    if request.key or request.email == email.strip().lower():
        return
    found = facade.person(email)
    if request.role not in facade.RUNS or (found and found.role == "admin" and request.role != "admin"):
        raise ApiError(403, f"the role {request.role} may not change this of {email[:254]!r}")


def _one(email: str) -> dict[str, Any]:
    return _person(facade.directory()[email.strip().lower()])


def _person(found: facade.Contact) -> dict[str, Any]:
    periods = [
        {"begins_at": iso(each.begins_at), "ends_at": iso(each.ends_at), "stand_in": each.stand_in} for each in found.away
    ]
    return {**asdict(found), "away": periods}


def _key(found: facade.KeyInfo) -> dict[str, Any]:
    return {
        **asdict(found),
        "created_at": iso(found.created_at),
        "last_used_at": iso(found.last_used_at) if found.last_used_at else None,
        "revoked_at": iso(found.revoked_at) if found.revoked_at else None,
    }
