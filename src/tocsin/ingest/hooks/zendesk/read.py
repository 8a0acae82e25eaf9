"""Zendesk's bodies: its own events, and the bodies of triggers, told apart by the type that only events have."""

from __future__ import annotations

from collections.abc import Mapping

from tocsin.ingest.hooks.fields import body_object
from tocsin.ingest.hooks.shapes import Reading, Request
from tocsin.ingest.hooks.values import digest
from tocsin.ingest.hooks.zendesk.events import PREFIX, event_rows
from tocsin.ingest.hooks.zendesk.triggers import trigger_rows


def read(request: Request, settings: Mapping[str, object]) -> Reading:
    """The rows of a body.

    settings: `statuses`, `priorities`, `ratings`: what words of other languages, or of your own, mean (`Gelöst` -> solved).
    """
    body = body_object(request.body, "Zendesk")
    kind = body.raw("type")
    if isinstance(kind, str) and kind.startswith(PREFIX):
        rows, ignored = event_rows(body, kind, settings)
        return Reading(tuple(rows), body.maybe_key("id") or digest(request.body), ignored)
    if "ticket_id" not in body:
        raise body.fault("ticket_id", "is missing, and it is no event of Zendesk's")
    return Reading(tuple(trigger_rows(body, request, settings)), digest(request.body))
