"""Jira's issues as tickets of kind product_issue, tagged to one account or more."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tocsin.core.errors import UserError
from tocsin.core.moment import iso
from tocsin.ingest.hooks.fields import Fields, body_object
from tocsin.ingest.hooks.shapes import Reading, Request, Row
from tocsin.ingest.hooks.values import as_key, digest, shown, text_map

TAKEN = ("jira:issue_created", "jira:issue_updated", "jira:issue_deleted")
LABEL = "account:"
PRIORITIES = {
    "highest": "critical",
    "blocker": "critical",
    "critical": "critical",
    "high": "high",
    "major": "high",
    "medium": "normal",
    "low": "low",
    "minor": "low",
    "lowest": "low",
    "trivial": "low",
}


def read(request: Request, settings: Mapping[str, object]) -> Reading:
    """The ticket of an issue.

    settings: `account_field` (the custom field that holds the account or accounts; without it labels such as
    `account:acme`), `priorities` (Jira's priority -> low, normal, high, critical).
    """
    body = body_object(request.body, "Jira")
    delivery = request.headers.get("x-atlassian-webhook-identifier", "").strip() or digest(request.body)
    kind = body.text("webhookEvent")
    if kind not in TAKEN:
        return Reading((), delivery, f"Tocsin takes no notice of events of type {kind}.")
    issue = body.object("issue")
    fields, key = issue.object("fields"), issue.key("key")
    accounts = _accounts(fields, settings)
    if not accounts:
        wanted = _field(settings) or f"label {LABEL}<id>"
        return Reading((), delivery, f"The issue {key} is tagged to no account: it has no {wanted}.")
    values: dict[str, Any] = {
        "id": key,
        "account_id": accounts[0],
        "also_accounts": accounts[1:],
        "kind": "product_issue",
        "opened_at": iso(fields.time("created")),
        "resolved_at": _resolved(fields),
        "subject": fields.maybe_text("summary"),
        **_priority(fields, settings),
    }
    if kind == "jira:issue_deleted" and values["resolved_at"] is None:
        values["resolved_at"] = iso(request.received)
    return Reading((Row("tickets", values, body.maybe_time("timestamp") or fields.maybe_time("updated")),), delivery)


def _field(settings: Mapping[str, object]) -> str:
    name = settings.get("account_field") or ""
    if not isinstance(name, str):
        raise UserError(f"the setting account_field is {shown(name)}; give the id of a field such as customfield_10050")
    return name


def _accounts(fields: Fields, settings: Mapping[str, object]) -> list[str]:
    """The accounts that an issue is tagged to, in order, each once."""
    name = _field(settings)
    if name:
        value = fields.raw(name)
        found = [_named(each) for each in (value if isinstance(value, list) else [value])]
    else:
        labels = [each for each in fields.items("labels") if isinstance(each, str)]
        found = [each[len(LABEL) :].strip() for each in labels if each.lower().startswith(LABEL)]
    return list(dict.fromkeys(each for each in found if each))


def _named(value: Any) -> str:
    """The account in a field's value: a text, a number, an option (`value`), or something with a `key`, `name` or `id`."""
    if isinstance(value, dict):
        held = (as_key(value.get(part)) for part in ("value", "key", "name", "id"))
        return next((each for each in held if each), "")
    return as_key(value) or ""


def _resolved(fields: Fields) -> str | None:
    """When the issue was resolved. Projects without resolutions say it by the category of the status alone."""
    moment = fields.maybe_time("resolutiondate")
    if moment is None:
        status = fields.maybe_object("status")
        category = None if status is None else status.maybe_object("statusCategory")
        if category is not None and category.raw("key") == "done":
            moment = fields.maybe_time("statuscategorychangedate")
    return None if moment is None else iso(moment)


def _priority(fields: Fields, settings: Mapping[str, object]) -> dict[str, str | None]:
    """The priority; not told where the name is none that is known."""
    given = fields.maybe_object("priority")
    if given is None:
        return {"priority": None} if "priority" in fields else {}
    name = given.maybe_text("name") or ""
    found = text_map(settings, "priorities").get(name) or PRIORITIES.get(name.lower())
    return {"priority": found} if found else {}
