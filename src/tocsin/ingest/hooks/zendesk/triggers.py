"""What a trigger sends: the body that the set-up page gives, filled by Zendesk's placeholders."""

from __future__ import annotations

from collections.abc import Mapping

from tocsin.core.moment import iso
from tocsin.ingest.hooks.fields import Fields
from tocsin.ingest.hooks.shapes import Request, Row
from tocsin.ingest.hooks.zendesk.events import identity_of, rating_row
from tocsin.ingest.hooks.zendesk.words import is_done, priority_of, score_of, status_of


def trigger_rows(body: Fields, request: Request, settings: Mapping[str, object]) -> list[Row]:
    """The ticket, and its rating where it was rated. What the body does not hold is not told.

    The body has no time of its own for the solution, so that is the time of the update that the trigger fired on.
    """
    ticket = Fields({**body.given, "id": body.key("ticket_id")}, "", body.sender)
    values = identity_of(ticket)
    created, changed = body.maybe_time("created_at"), body.maybe_time("updated_at") or request.received
    if created is not None:
        values["opened_at"] = iso(created)
    if "subject" in body:
        values["subject"] = body.maybe_text("subject")
    values |= priority_of(body, "priority", settings)
    done = is_done(status_of(body.maybe_text("status"), settings))
    if done is not None:
        values["resolved_at"] = iso(changed) if done else None
    rows = [Row("tickets", values, changed)]
    score = score_of(body.raw("satisfaction"), settings)
    if score is not None:
        rows.append(rating_row(ticket, score, changed, body.maybe_text("satisfaction_comment")))
    return rows
