"""Health: scores, why one is what it is, overrides, and the profiles that score."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from ninja import Query, Router, Schema
from pydantic import AwareDatetime, Field

from tocsin import serving
from tocsin.api import paging
from tocsin.api.access import Caller, may
from tocsin.api.alerts import ERRORS
from tocsin.api.facts import known_account, moment_of, part_of
from tocsin.api.problems import ApiError
from tocsin.core.moment import iso
from tocsin.core.plain import plain
from tocsin.health import facade
from tocsin.people import facade as people

router = Router()
READ, WRITE = may("read"), may("alerts:write")  # of people, `_may_set` says more


class Indicator(Schema):
    """An indicator of one account. score: null where it is missing; the points of all add up to the score."""

    name: str
    kind: str
    score: float | None
    weight: float
    effective_weight: float | None
    points: float | None


class Health(Schema):
    """The health of an account, as `tocsin health --format json` gives it."""

    account_id: str
    score: float | None
    band: str | None
    profile: str | None
    frozen: bool
    overridden: bool
    indicators: list[Indicator]


class HealthPage(Schema):
    """A part of a list, by id of account. next: the cursor of the next part, null at the end."""

    as_of: str
    items: list[Health]
    next: str | None


class HealthFilters(Schema):
    """Whose health."""

    account: list[str] = Field(default_factory=list, max_length=500)
    as_of: AwareDatetime | None = None
    cursor: paging.Cursor = ""
    limit: int = Field(100, ge=1, le=1000)


class Part(Schema):
    """What one thing did to the score between the two moments, in points. kind: indicator, profile or override."""

    kind: str
    name: str
    points: float


class Split(Schema):
    """Why a score is what it is, and how it came from what it was; the parts add up to the change."""

    as_of: str
    now: Health
    before: Health | None
    parts: list[Part]
    note: str


class SplitFilters(Schema):
    """Between which moments."""

    as_of: AwareDatetime | None = None
    before: AwareDatetime | None = Field(None, description="the earlier moment; 30 days before where it is left out")


class NewOverride(Schema):
    """A score in the place of the computed one, for a time."""

    score: float = Field(ge=0, le=100)
    reason: str = Field(min_length=1, max_length=2000)
    until: AwareDatetime


class Override(Schema):
    """An override of an account's health."""

    account_id: str
    score: float
    reason: str
    set_at: str
    until: str
    by: str
    lifted_at: str | None
    lifted_by: str
    active: bool


class Profile(Schema):
    """A profile in force, as YAML. advice: where it departs from what has proved itself."""

    id: str
    version: int
    origin: str
    published_at: str
    by: str
    source: str
    advice: list[str]


@router.get("/health", response={200: HealthPage, **ERRORS}, auth=READ, operation_id="list_health")
def listing(request: Caller, filters: Query[HealthFilters]) -> dict[str, Any]:
    """Scores, bands and indicators of accounts, by id, as of now or of a moment."""
    moment, after = part_of("health", filters.cursor, filters.as_of, request)
    found = [each for each in facade.health(serving.book(), moment, filters.account or None) if each.account_id > after]
    shown = found[: filters.limit]
    following = paging.mark("health", moment, shown[-1].account_id) if len(found) > len(shown) else None
    return {"as_of": iso(moment), "items": [each.to_json() for each in shown], "next": following}


@router.get("/health/profiles", response={200: list[Profile], **ERRORS}, auth=READ, operation_id="list_profiles")
def profiles(request: Caller) -> list[dict[str, Any]]:  # noqa: ARG001 - who asks is all that matters of the request
    """The profiles in force, also those that are off, by precedence."""
    return [
        {
            "id": each.id,
            "version": each.version,
            "origin": each.origin,
            "published_at": iso(each.published_at),
            "by": each.by,
            "source": each.source,
            "advice": list(each.advice),
        }
        for each in facade.profiles()
    ]


@router.get("/accounts/{account_id}/health", response={200: Split, **ERRORS}, auth=READ, operation_id="get_health")
def split(request: Caller, account_id: str, filters: Query[SplitFilters]) -> dict[str, Any]:
    """Why an account's score is what it is, and what changed it since an earlier moment."""
    moment = moment_of(filters.as_of, request)
    before = moment_of(filters.before, request) if filters.before else None
    if before is not None and before >= moment:
        raise ApiError(422, f"before is {iso(before)}, which is not earlier than as_of, {iso(moment)}")
    known_account(account_id, moment)
    found = facade.split(serving.book(), account_id, moment, before)
    return {
        "as_of": iso(moment),
        "now": found.now.to_json(),
        "before": found.before.to_json() if found.before else None,
        "parts": [{"kind": each.kind, "name": each.name, "points": plain(each.points)} for each in found.change.parts],
        "note": found.change.note,
    }


@router.put(
    "/accounts/{account_id}/health/override", response={200: Override, **ERRORS}, auth=WRITE, operation_id="set_override"
)
def override(request: Caller, account_id: str, given: NewOverride) -> dict[str, Any]:
    """Put a score in the place of the computed one until a moment; it takes the place of a running one."""
    until = moment_of(given.until, request, "until")
    _may_set(request, account_id)
    how: dict[str, Any] = {"by": request.by, "moment": request.moment}
    return _override(
        facade.set_override(serving.book(), account_id, score=given.score, reason=given.reason, until=until, **how)
    )


@router.delete(
    "/accounts/{account_id}/health/override", response={200: Override, **ERRORS}, auth=WRITE, operation_id="lift_override"
)
def lift(request: Caller, account_id: str) -> dict[str, Any]:
    """End the running override: the score is the computed one again."""
    _may_set(request, account_id)
    return _override(facade.lift_override(serving.book(), account_id, by=request.by, moment=request.moment))


def _may_set(request: Caller, account_id: str) -> None:
    """ApiError 404 where there is no such account, 403 where a person neither leads nor is its CSM: as in the pages."""
    owner = known_account(account_id, request.moment)
    if not request.key and request.role not in people.LEADS and owner.lower() != request.email:
        raise ApiError(403, "the health of an account is set by its CSM and by those who lead")


def _override(found: facade.OverrideInfo) -> dict[str, Any]:
    def shown(moment: datetime | None) -> str | None:
        return iso(moment) if moment else None

    return {
        "account_id": found.account_id,
        "score": plain(found.score),
        "reason": found.reason,
        "set_at": iso(found.set_at),
        "until": iso(found.until),
        "by": found.by,
        "lifted_at": shown(found.lifted_at),
        "lifted_by": found.lifted_by,
        "active": found.active,
    }
