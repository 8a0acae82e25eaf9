"""Intercom's notifications: an envelope (`topic`, `id`, `created_at`) with the object in `data.item`."""

from __future__ import annotations

from collections.abc import Mapping

from tocsin.ingest.hooks.fields import body_object
from tocsin.ingest.hooks.intercom.conversations import TOPICS, conversation_rows
from tocsin.ingest.hooks.intercom.people import company_rows, contact_rows
from tocsin.ingest.hooks.shapes import Reading, Request
from tocsin.ingest.hooks.values import digest


def read(request: Request, settings: Mapping[str, object]) -> Reading:
    """The rows of a notification.

    settings: `account_attribute` (the conversation attribute that holds the account), `attributes` (custom attribute of
    contacts and companies -> column, '' leaves it out).
    """
    body = body_object(request.body, "Intercom")
    topic, delivery = body.text("topic"), body.maybe_key("id") or digest(request.body)
    if topic == "ping":
        return Reading((), delivery, "It is Intercom's test, which tells nothing.")
    kind = topic.partition(".")[0]
    if topic not in TOPICS and kind not in ("contact", "user", "company"):
        return Reading((), delivery, f"Tocsin takes no notice of the topic {topic}.")
    item, at = body.object("data").object("item"), body.maybe_time("created_at") or request.received
    if topic in TOPICS:
        rows, ignored = conversation_rows(topic, item, at, settings)
    elif kind == "company":
        rows, ignored = company_rows(topic, item, at, settings)
    else:
        rows, ignored = contact_rows(topic, item, at, settings)
    return Reading(tuple(rows), delivery, ignored)
