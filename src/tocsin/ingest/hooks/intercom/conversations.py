"""Conversations as tickets, and their ratings as surveys."""

from __future__ import annotations

import html
import re
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from tocsin.core.errors import UserError
from tocsin.core.moment import iso
from tocsin.ingest.hooks.fields import Fields
from tocsin.ingest.hooks.intercom.identity import company_of, person_of
from tocsin.ingest.hooks.shapes import Row
from tocsin.ingest.hooks.values import as_key, shown

CREATED = "conversation.user.created"
CLOSED = "conversation.admin.closed"
REOPENED = frozenset({"conversation.admin.opened", "conversation.admin.open", "conversation.admin.reopened"})
REPLIED = "conversation.user.replied"
RATED = "conversation.rating.added"
TOPICS = frozenset({CREATED, CLOSED, REPLIED, RATED}) | REOPENED
# Intercom knows a priority and none.
PRIORITIES = {"priority": "high", "not_priority": "normal"}
_TAG = re.compile(r"<[^<>]*>")
_LONGEST_SUBJECT = 200


def conversation_rows(topic: str, item: Fields, at: datetime, settings: Mapping[str, object]) -> tuple[list[Row], str]:
    """The rows of a conversation's topic, or why there are none. at: the time of the notification."""
    identity = item.key("id")
    whose = _whose(item, settings)
    if topic == RATED:
        return _rating(item, identity, whose, at)
    values: dict[str, Any] = {"id": identity, "kind": "support", **whose, **_told(item)}
    if topic == CREATED and "opened_at" not in values:
        values["opened_at"] = iso(at)
    if topic == CLOSED:
        values["resolved_at"] = iso(at)
    elif topic in REOPENED or (topic == REPLIED and item.raw("state") == "open"):
        values["resolved_at"] = None
    return [Row("tickets", values, at)], ""


def _whose(item: Fields, settings: Mapping[str, object]) -> dict[str, str]:
    """Account and person. Where the conversation names no company, it is told without an account: the person's is taken."""
    contacts = item.maybe_object("contacts")
    people = [] if contacts is None else contacts.objects("contacts") or contacts.objects("data")
    found = people[0] if people else item.maybe_object("user")
    account = _named(item, settings) or company_of(item) or (company_of(found) if found else None)
    return ({"account_id": account} if account else {}) | ({"person_id": person_of(found)} if found else {})


def _named(item: Fields, settings: Mapping[str, object]) -> str | None:
    """The account in the custom attribute of the conversation that the setting names."""
    name = settings.get("account_attribute")
    if not name:
        return None
    if not isinstance(name, str):
        raise UserError(f"the setting account_attribute is {shown(name)}; give the name of a conversation attribute")
    held = item.maybe_object("custom_attributes")
    return (as_key(held.raw(name)) or None) if held else None


def _told(item: Fields) -> dict[str, Any]:
    """What the conversation tells of itself."""
    values: dict[str, Any] = {}
    created = item.maybe_time("created_at")
    if created is not None:
        values["opened_at"] = iso(created)
    priority = PRIORITIES.get(item.maybe_text("priority") or "")
    if priority:
        values["priority"] = priority
    source = item.maybe_object("source")
    words = [item.maybe_text("title"), source and source.maybe_text("subject"), source and source.maybe_text("body")]
    subject = next((text for each in words if each and (text := _plain(each))), None)
    return values | ({"subject": subject} if subject else {})


def _plain(text: str) -> str:
    """HTML as one short line."""
    flat = " ".join(html.unescape(_TAG.sub(" ", text)).split())
    return flat if len(flat) <= _LONGEST_SUBJECT else f"{flat[: _LONGEST_SUBJECT - 1]}…"


def _rating(item: Fields, identity: str, whose: Mapping[str, str], at: datetime) -> tuple[list[Row], str]:
    """One to five; a conversation has one rating, so a changed mind takes its place."""
    rating = item.object("conversation_rating")
    score = rating.maybe_number("rating")
    if score is None:
        return [], f"The conversation {identity} was asked for a rating and has none yet."
    told = {
        "id": f"intercom:csat:{identity}",
        "kind": "csat",
        "score": score,
        "at": iso(rating.maybe_time("created_at") or at),
        "comment": rating.maybe_text("remark"),
    }
    return [Row("surveys", {**whose, **told}, at)], ""
