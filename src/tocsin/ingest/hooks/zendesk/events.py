"""Zendesk's own events: an envelope (`type`, `time`, `id`, `subject`) with the ticket in `detail` and the change in `event`."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from tocsin.core.moment import iso
from tocsin.ingest.hooks.fields import Fields
from tocsin.ingest.hooks.shapes import Row
from tocsin.ingest.hooks.zendesk.words import is_done, priority_of, reference, score_of, status_of

PREFIX = "zen:event-type:"
_TICKET = "ticket."
# What an event changes: the field of the ticket whose new value `event.current` is.
CHANGES = {
    "created": "",
    "status_changed": "",
    "soft_deleted": "",
    "priority_changed": "priority",
    "subject_changed": "subject",
    "organization_changed": "organization_id",
    "requester_changed": "requester_id",
}
RATED = "csat_received"


def event_rows(body: Fields, kind: str, settings: Mapping[str, object]) -> tuple[list[Row], str]:
    """The rows of an event, or why there are none."""
    name = kind.removeprefix(PREFIX)
    act = name.removeprefix(_TICKET)
    if not name.startswith(_TICKET) or (act not in CHANGES and act != RATED):
        return [], f"Tocsin takes no notice of events of type {kind}."
    ticket, at = body.object("detail"), body.time("time")
    event = body.maybe_object("event") or Fields({}, "event", body.sender)
    if act == RATED:
        return _rating(ticket, event, at, settings)
    return [Row("tickets", _ticket(ticket, event, act, at, settings), at)], ""


def _ticket(ticket: Fields, event: Fields, act: str, at: datetime, settings: Mapping[str, object]) -> dict[str, Any]:
    changed = CHANGES[act]
    if changed and "current" in event:
        ticket = Fields({**ticket.given, changed: event.raw("current")}, ticket.where, ticket.sender)
    values = identity_of(ticket)
    created = ticket.maybe_time("created_at")
    if created is not None:
        values["opened_at"] = iso(created)
    if "subject" in ticket:
        values["subject"] = ticket.maybe_text("subject")
    values |= priority_of(ticket, "priority", settings)
    return values | _resolved(ticket, event, act, at, settings)


def identity_of(ticket: Fields) -> dict[str, Any]:
    """Whose ticket it is. Without an organization it is told without an account: the requester's is taken."""
    found = {"id": ticket.key("id"), "kind": "support"}
    account, person = reference(ticket, "organization_id"), reference(ticket, "requester_id")
    return found | ({"account_id": account} if account else {}) | ({"person_id": person} if person else {})


def _resolved(ticket: Fields, event: Fields, act: str, at: datetime, settings: Mapping[str, object]) -> dict[str, Any]:
    """When it was solved, and that it was opened again. Closing a solved ticket, days later, changes nothing."""
    if act == "soft_deleted":
        return {"resolved_at": iso(at)}
    if act == "created":
        return {"resolved_at": iso(at)} if is_done(status_of(ticket.maybe_text("status"), settings)) else {}
    if act != "status_changed":
        return {}
    before = is_done(status_of(event.maybe_text("previous"), settings))
    now = is_done(status_of(event.maybe_text("current") or ticket.maybe_text("status"), settings))
    if now and not before:
        return {"resolved_at": iso(at)}
    return {"resolved_at": None} if before and now is False else {}


def _rating(ticket: Fields, event: Fields, at: datetime, settings: Mapping[str, object]) -> tuple[list[Row], str]:
    given = event.raw("satisfaction_score")
    rating = event.object("satisfaction_score") if isinstance(given, dict) else event
    value = rating.raw("score") if isinstance(given, dict) else event.raw("current") if given is None else given
    score = score_of(value, settings)
    if score is None:
        return [], f"The rating of the ticket {ticket.key('id')} is neither good nor bad."
    return [rating_row(ticket, score, at, rating.maybe_text("comment"))], ""


def rating_row(ticket: Fields, score: float, at: datetime, comment: str | None) -> Row:
    """A rating as a survey; a ticket has one, so a changed mind takes its place."""
    found = identity_of(ticket)
    told = {"id": f"zendesk:csat:{found['id']}", "kind": "csat", "score": score, "at": iso(at), "comment": comment}
    return Row("surveys", {**found, **told}, at)
