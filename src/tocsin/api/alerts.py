"""Alerts: list, one, and everything that people do to them."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any, Literal

from ninja import Query, Router, Schema
from pydantic import AwareDatetime, Field

from tocsin.alerts import facade
from tocsin.api import paging
from tocsin.api.access import Caller, looking_as, may, sees
from tocsin.api.problems import ApiError, Problem
from tocsin.core.moment import iso

router = Router()
ERRORS = {400: Problem, 401: Problem, 403: Problem, 404: Problem, 422: Problem}
READ, WRITE = may("read"), may("alerts:write")
State = Literal["open", "acknowledged", "snoozed", "held", "closed"]


class Line(Schema):
    """A comparison behind an alert."""

    formula: str
    text: str
    value: Any = None
    op: str
    threshold: Any = None
    clears: str


class Subject(Schema):
    """Whom an alert is about."""

    kind: str
    id: str


class Alert(Schema):
    """An alert, as `tocsin alerts list --format json` gives it."""

    id: str
    rule: str
    rule_name: str
    version: int
    category: str
    subject: Subject
    key: str
    account_id: str | None
    account_name: str | None
    state: State
    severity: str
    opened_at: str
    closed_at: str | None
    close_reason: str | None
    acknowledged_at: str | None
    acknowledged_by: str | None
    snoozed_until: str | None
    last_seen_at: str
    baseline: bool
    outcome: str | None
    event_id: str | None
    step: int | str | None
    count: int
    inhibited_by: str | None
    assignee: str | None
    message: str
    clears: str
    evidence: list[Line]


class Entry(Schema):
    """A line of an alert's timeline."""

    at: str
    kind: str
    by: str
    reason: str


class AlertWithTimeline(Alert):
    """An alert with what happened to it, oldest first."""

    timeline: list[Entry]


class AlertPage(Schema):
    """A part of a list. next: the cursor of the next part, null at the end."""

    items: list[Alert]
    next: str | None


class Filters(Schema):
    """Which alerts; what is left out does not narrow. Newest first."""

    state: list[State] = Field(default_factory=list)
    rule: list[str] = Field(default_factory=list, max_length=100)
    account: list[str] = Field(default_factory=list, max_length=500)
    owner: str = Field("", max_length=254, description="assigned to this person, or unassigned and of their accounts")
    cursor: paging.Cursor = ""
    limit: int = Field(50, ge=1, le=paging.MOST)


class Note(Schema):
    """A word on why, for the timeline."""

    note: str = Field("", max_length=2000)


class Snooze(Note):
    """Silent until a moment ahead."""

    until: AwareDatetime


class Resolve(Note):
    """What it was worth, and what was done."""

    outcome: Literal["", "useful", "not_useful", "false_alarm"] = ""


class Assign(Note):
    """To whom; empty gives it back to the account's CSM."""

    to: str = Field(max_length=254)


class Comment(Schema):
    """What is said."""

    text: str = Field(min_length=1, max_length=4000)


@router.get("/alerts", response={200: AlertPage, **ERRORS}, auth=READ, operation_id="list_alerts", summary="List alerts")
def listing(request: Caller, filters: Query[Filters]) -> dict[str, Any]:
    """Alerts in every state unless `state` names some, newest first."""
    wanted = facade.AlertFilter(
        states=tuple(filters.state),
        rules=tuple(filters.rule),
        accounts=tuple(filters.account),
        owner=filters.owner,
        seen_by=looking_as(request),
    )
    found = facade.list_alerts(wanted, limit=filters.limit + 1, after=paging.place("alerts", filters.cursor, paging.number))
    shown = found[: filters.limit]
    more = len(found) > len(shown)
    return {
        "items": [each.to_json() for each in shown],
        "next": paging.mark("alerts", shown[-1].opened_at, shown[-1].id) if more else None,
    }


@router.get(
    "/alerts/{alert_id}", response={200: AlertWithTimeline, **ERRORS}, auth=READ, operation_id="get_alert", summary="One alert"
)
def one(request: Caller, alert_id: str) -> dict[str, Any]:
    """One alert with its timeline."""
    found = _seen(request, alert_id)
    lines = [{"at": iso(each.at), "kind": each.kind, "by": each.by, "reason": each.reason} for each in found.timeline]
    return {**found.to_json(), "timeline": lines}


@router.post("/alerts/{alert_id}/acknowledge", response={200: Alert, **ERRORS}, auth=WRITE, operation_id="acknowledge_alert")
def acknowledge(request: Caller, alert_id: str, given: Note) -> dict[str, Any]:
    """Somebody has it: no more reminders, no escalation."""
    _seen(request, alert_id)
    return facade.acknowledge(alert_id, by=request.by, moment=request.moment, note=given.note).to_json()


@router.post("/alerts/{alert_id}/snooze", response={200: Alert, **ERRORS}, auth=WRITE, operation_id="snooze_alert")
def snooze(request: Caller, alert_id: str, given: Snooze) -> dict[str, Any]:
    """Silent until a moment; then it is open again if it still stands."""
    _seen(request, alert_id)
    until = in_utc(given.until)
    return facade.snooze(alert_id, until=until, by=request.by, moment=request.moment, note=given.note).to_json()


@router.post("/alerts/{alert_id}/resolve", response={200: Alert, **ERRORS}, auth=WRITE, operation_id="resolve_alert")
def resolve(request: Caller, alert_id: str, given: Resolve) -> dict[str, Any]:
    """Close it, and say what it was worth."""
    _seen(request, alert_id)
    done = facade.resolve(alert_id, outcome=given.outcome, by=request.by, moment=request.moment, note=given.note)
    return done.to_json()


@router.post("/alerts/{alert_id}/reopen", response={200: Alert, **ERRORS}, auth=WRITE, operation_id="reopen_alert")
def reopen(request: Caller, alert_id: str, given: Note) -> dict[str, Any]:
    """Take an act back: an acknowledged, snoozed or resolved alert is open again."""
    _seen(request, alert_id)
    return facade.reopen(alert_id, by=request.by, moment=request.moment, note=given.note).to_json()


@router.post("/alerts/{alert_id}/release", response={200: Alert, **ERRORS}, auth=WRITE, operation_id="release_alert")
def release(request: Caller, alert_id: str, given: Note) -> dict[str, Any]:
    """Let a held alert go out after review."""
    _seen(request, alert_id)
    return facade.release(alert_id, by=request.by, moment=request.moment, note=given.note).to_json()


@router.post("/alerts/{alert_id}/assign", response={200: Alert, **ERRORS}, auth=WRITE, operation_id="assign_alert")
def assign(request: Caller, alert_id: str, given: Assign) -> dict[str, Any]:
    """Give it to somebody; they are told."""
    _seen(request, alert_id)
    return facade.assign(alert_id, given.to, by=request.by, moment=request.moment, note=given.note).to_json()


@router.post("/alerts/{alert_id}/comments", response={200: Alert, **ERRORS}, auth=WRITE, operation_id="comment_alert")
def comment(request: Caller, alert_id: str, given: Comment) -> dict[str, Any]:
    """Say something in its timeline."""
    _seen(request, alert_id)
    return facade.comment(alert_id, given.text, by=request.by, moment=request.moment).to_json()


def _seen(request: Caller, alert_id: str) -> facade.Alert:
    """The alert, where the caller may see it; a 404 like that of one that there is not, where it may not."""
    found = facade.alerts_by_id([alert_id]).get(alert_id)
    if not sees(request, found):
        raise ApiError(404, f"there is no alert {alert_id[:80]!r}")
    return facade.alert(alert_id)


def in_utc(moment: datetime) -> datetime:
    """A moment that was sent, in UTC. ApiError 422: out of range."""
    try:
        return moment.astimezone(UTC)
    except OverflowError as error:
        raise ApiError(422, "until is too far ahead") from error
