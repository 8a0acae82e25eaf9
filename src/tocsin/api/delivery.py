"""Delivery: channels, the routing plan, silences, the ledger of an alert, the outbox and its dead letters."""

from __future__ import annotations

from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any, Literal
from uuid import UUID

from ninja import Query, Router, Schema, Status
from pydantic import AwareDatetime, Field

from tocsin.alerts import facade as alerts
from tocsin.api import paging
from tocsin.api.access import Caller, may, sees, sees_csms
from tocsin.api.alerts import ERRORS
from tocsin.api.problems import ApiError
from tocsin.core.moment import iso
from tocsin.delivery import facade
from tocsin.people import facade as people

router = Router()
# People read here what they find under Settings.
READ, WRITE, RUN = may("read", people.LEADS), may("delivery:write"), may("read", people.RUNS)
SILENCE, ANYBODY = may("delivery:write", people.LEADS), may("read")
HIDDEN = "a message about how a CSM does"


class Channel(Schema):
    """A channel, without its secret."""

    name: str
    kind: str
    title: str
    personal: bool
    built_in: bool
    disabled_reason: str
    last_sent_at: str | None
    last_error: str


class NewChannel(Schema):
    """A channel to be. Settings as `tocsin channels create --set` takes them."""

    kind: str = Field(max_length=20)
    name: str = Field(min_length=1, max_length=100)
    config: dict[str, str] = Field(default_factory=dict)


class MadeChannel(Schema):
    """A new channel; its secret is shown this once."""

    name: str
    kind: str
    secret: str


class Try(Schema):
    """To whom a test message goes, of a channel that reaches people; empty for others."""

    to: str = Field("", max_length=254)


class Tried(Schema):
    """How a test went. words: what the channel said, or why it was not sent. seconds: it took so long."""

    ok: bool
    words: str
    seconds: float


class Plan(Schema):
    """The routing plan."""

    version: int
    source: str
    published_at: str | None
    by: str
    note: str


class NewPlan(Schema):
    """A plan to be, as YAML."""

    source: str = Field(max_length=200_000)
    note: str = Field("", max_length=2000)


class PlanChecked(Schema):
    """The plan can be put in force."""

    ok: Literal[True]


class Silence(Schema):
    """Keeps the notices of matching alerts back."""

    id: str
    matchers: list[str]
    starts_at: str
    ends_at: str
    by: str
    reason: str
    ended_by: str


class NewSilence(Schema):
    """A silence to be."""

    matchers: list[str] = Field(min_length=1, max_length=20, examples=[["account = A17"]])
    until: AwareDatetime
    reason: str = Field(min_length=1, max_length=2000)


class Delivery(Schema):
    """One message to one target by one channel."""

    id: str
    kind: str
    channel: str
    target: str
    headline: str
    state: Literal["due", "claimed", "sent", "dead"]
    attempts: int
    created_at: str
    next_at: str | None
    sent_at: str | None
    error: str
    note: str


class DeliveryPage(Schema):
    """A part of a list, the latest first. next: the cursor of the next part, null at the end."""

    items: list[Delivery]
    next: str | None


class PlanPage(Schema):
    """A part of the versions, the latest first. next: the cursor of the next part, null at the end."""

    items: list[Plan]
    next: str | None


class PlanFilters(Schema):
    """Which versions."""

    cursor: paging.Cursor = ""
    limit: int = Field(50, ge=1, le=paging.MOST)


class DeliveryFilters(Schema):
    """Which deliveries."""

    state: list[Literal["due", "claimed", "sent", "dead"]] = Field(default_factory=list)
    channel: str = Field("", max_length=100)
    cursor: paging.Cursor = ""
    limit: int = Field(50, ge=1, le=paging.MOST)


class Notice(Schema):
    """One change of an alert for one target, and what became of it."""

    kind: str
    at: str
    target_kind: str
    target: str
    state: str
    reason: str
    why: str
    route: str
    deliveries: list[Delivery]


@router.get("/channels", response={200: list[Channel], **ERRORS}, auth=RUN, operation_id="list_channels")
def channels(request: Caller) -> list[dict[str, Any]]:  # noqa: ARG001 - who asks is all that matters of the request
    """All channels, by name."""
    return [{**asdict(each), "last_sent_at": _iso(each.last_sent_at)} for each in facade.list_channels()]


@router.post("/channels", response={201: MadeChannel, **ERRORS}, auth=WRITE, operation_id="create_channel")
def create_channel(request: Caller, given: NewChannel) -> Status[dict[str, Any]]:
    """Set a channel up."""
    made = facade.create_channel(given.kind, given.name, given.config, by=request.by, moment=request.moment)
    return Status(201, {"name": made.what.name, "kind": made.what.kind, "secret": made.secret})


@router.post("/channels/{name}/test", response={200: Tried, **ERRORS}, auth=WRITE, operation_id="test_channel")
def test_channel(request: Caller, name: str, given: Try) -> dict[str, Any]:
    """Send a test message at once; it is not tried again."""
    if name not in {each.name for each in facade.list_channels()}:
        raise ApiError(404, f"there is no channel {name[:80]!r}")
    return asdict(facade.test_channel(name, to=given.to, by=request.by, moment=request.moment))


@router.get("/routing", response={200: Plan, **ERRORS}, auth=READ, operation_id="get_routing")
def plan(request: Caller) -> dict[str, Any]:  # noqa: ARG001
    """The routing plan in force, as its author wrote it."""
    return _plan(facade.current_plan())


@router.put("/routing", response={200: Plan, **ERRORS}, auth=WRITE, operation_id="publish_routing")
def publish_plan(request: Caller, given: NewPlan) -> dict[str, Any]:
    """Put a plan in force; escalations that have begun keep what they began with."""
    return _plan(facade.publish_plan(given.source, by=request.by, moment=request.moment, note=given.note))


@router.post("/routing/check", response={200: PlanChecked, **ERRORS}, auth=READ, operation_id="check_routing")
def check_plan(request: Caller, given: NewPlan) -> dict[str, Any]:  # noqa: ARG001
    """Read a plan and say that it holds, or 422 with what is wrong and where; changes nothing."""
    facade.check_plan(given.source)
    return {"ok": True}


@router.get("/routing/versions", response={200: PlanPage, **ERRORS}, auth=READ, operation_id="list_routing_versions")
def plan_versions(request: Caller, filters: Query[PlanFilters]) -> dict[str, Any]:
    """Every version of the plan, the latest first."""
    after = paging.place("versions", filters.cursor, paging.number)
    found = facade.plan_versions(before=int(after[1]) if after else None, limit=filters.limit + 1)
    shown = found[: filters.limit]
    last = shown[-1] if len(found) > len(shown) else None
    following = paging.mark("versions", last.published_at or request.moment, str(last.version)) if last else None
    return {"items": [_plan(each) for each in shown], "next": following}


@router.get("/silences", response={200: list[Silence], **ERRORS}, auth=READ, operation_id="list_silences")
def silences(request: Caller) -> list[dict[str, Any]]:
    """The silences that run or are to come."""
    return [_silence(each) for each in facade.list_silences(request.moment)]


@router.post("/silences", response={201: Silence, **ERRORS}, auth=SILENCE, operation_id="create_silence")
def create_silence(request: Caller, given: NewSilence) -> Status[dict[str, Any]]:
    """Keep the notices of matching alerts back until a moment."""
    try:
        until = given.until.astimezone(UTC)
    except OverflowError as error:
        raise ApiError(422, "until is too far ahead") from error
    made = facade.create_silence(given.matchers, until=until, reason=given.reason, by=request.by, moment=request.moment)
    return Status(201, _silence(made))


@router.delete("/silences/{silence_id}", response={200: Silence, **ERRORS}, auth=SILENCE, operation_id="end_silence")
def end_silence(request: Caller, silence_id: str) -> dict[str, Any]:
    """End it now; what waited for its end is looked at anew at once."""
    return _silence(facade.end_silence(silence_id, by=request.by, moment=request.moment))


@router.get("/alerts/{alert_id}/notices", response={200: list[Notice], **ERRORS}, auth=ANYBODY, operation_id="notices_of_alert")
def notices(request: Caller, alert_id: str) -> list[dict[str, Any]]:
    """Who was told of an alert, by which way, and what was kept back and why."""
    found = alerts.alerts_by_id([alert_id]).get(alert_id)
    if not sees(request, found):
        raise ApiError(404, f"there is no alert {alert_id[:80]!r}")
    return [
        {**asdict(each), "at": iso(each.at), "deliveries": [_delivery(one, request) for one in each.deliveries]}
        for each in facade.notices_of_alert(alert_id)
    ]


@router.get("/deliveries", response={200: DeliveryPage, **ERRORS}, auth=RUN, operation_id="list_deliveries")
def deliveries(request: Caller, filters: Query[DeliveryFilters]) -> dict[str, Any]:
    """What went out, is due, or was given up; the latest first."""
    after = paging.place("deliveries", filters.cursor, _is_uuid)
    found = facade.deliveries_after(after, states=filters.state, channel=filters.channel, limit=filters.limit + 1)
    shown = found[: filters.limit]
    following = paging.mark("deliveries", shown[-1].created_at, shown[-1].id) if len(found) > len(shown) else None
    return {"items": [_delivery(each, request) for each in shown], "next": following}


@router.post("/deliveries/{delivery_id}/replay", response={200: Delivery, **ERRORS}, auth=WRITE, operation_id="replay_delivery")
def replay(request: Caller, delivery_id: str) -> dict[str, Any]:
    """Send one that was given up after all, under its old id."""
    return _delivery(facade.replay_delivery(delivery_id, by=request.by, moment=request.moment), request)


def _plan(found: facade.PlanVersion) -> dict[str, Any]:
    return {**asdict(found), "published_at": _iso(found.published_at)}


def _silence(found: facade.SilenceInfo) -> dict[str, Any]:
    return {**asdict(found), "starts_at": iso(found.starts_at), "ends_at": iso(found.ends_at)}


def _delivery(found: facade.DeliveryInfo, request: Caller) -> dict[str, Any]:
    """As the caller may see it: what is said about a CSM is for those who lead."""
    return {
        **asdict(found),
        "headline": HIDDEN if found.about_csm and not sees_csms(request) else found.headline,
        "created_at": iso(found.created_at),
        "next_at": _iso(found.next_at),
        "sent_at": _iso(found.sent_at),
    }


def _is_uuid(text: str) -> bool:
    try:
        return str(UUID(text)) == text
    except ValueError:
        return False


def _iso(moment: datetime | None) -> str | None:
    return iso(moment) if moment else None
