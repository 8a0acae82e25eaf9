"""Contacts as people, companies as accounts."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from tocsin.core.errors import UserError
from tocsin.core.moment import iso
from tocsin.ingest.hooks.columns import attribute, value_for
from tocsin.ingest.hooks.fields import Fields
from tocsin.ingest.hooks.intercom.identity import account_of, company_of, person_of
from tocsin.ingest.hooks.shapes import Row
from tocsin.ingest.hooks.values import UTC_ZONE, CastError, text_map

GONE = frozenset({"deleted", "archived", "archive"})
_IDLE = frozenset({"unsubscribed", "tag.created", "tag.deleted", "viewed", "merged"})


def contact_rows(topic: str, item: Fields, at: datetime, settings: Mapping[str, object]) -> tuple[list[Row], str]:
    """The rows of a topic `contact.*` or `user.*`, or why there are none."""
    act = topic.partition(".")[2].removeprefix("user.").removeprefix("lead.")
    if act in _IDLE:
        return [], f"Tocsin takes no notice of the topic {topic}."
    person = person_of(item)
    dated = {"id": person, "updated_at": iso(at)}
    if act in GONE:
        return [Row("people", dated | {"deleted_at": iso(at)})], ""
    if item.raw("role") == "lead" and company_of(item) is None:
        return [], f"The contact {person} is a lead of no company."
    values = {**_attributes("people", item, settings), **_contact(item), **dated}
    if act == "unarchived":
        values["deleted_at"] = None
    return [Row("people", values)], ""


def _contact(item: Fields) -> dict[str, Any]:
    values: dict[str, Any] = {name: item.maybe_text(name) for name in ("name", "email") if name in item}
    created = item.maybe_time("signed_up_at") or item.maybe_time("created_at")
    if created is not None:
        values["created_at"] = iso(created)
    account = company_of(item)
    return values | ({"account_id": account} if account else {})


def company_rows(topic: str, item: Fields, at: datetime, settings: Mapping[str, object]) -> tuple[list[Row], str]:
    """The rows of a topic `company.*`, or why there are none."""
    act = topic.removeprefix("company.")
    if act in ("contact.attached", "contact.added") and "contact" in item:
        return _attached(item, at), ""
    if act not in ("created", "updated"):
        return [], f"Tocsin takes no notice of the topic {topic}."
    account = account_of(item)
    if account is None:
        raise item.fault("company_id", "is missing")
    rows = [
        Row("accounts", {**_attributes("accounts", item, settings), **_company(item), "id": account, "updated_at": iso(at)})
    ]
    other = item.maybe_key("id")
    if other and other != account:
        rows.append(Row("account_aliases", {"account_id": account, "source": "intercom", "external_id": other}))
    return rows, ""


def _company(item: Fields) -> dict[str, Any]:
    values: dict[str, Any] = {}
    if name := item.maybe_text("name"):
        values["name"] = name
    if "industry" in item:
        values["industry"] = item.maybe_text("industry")
    plan = item.raw("plan")
    if isinstance(plan, dict):
        values["plan"] = item.object("plan").maybe_text("name")
    created = item.maybe_time("remote_created_at") or item.maybe_time("created_at")
    return values | ({"created_at": iso(created)} if created else {})


def _attached(item: Fields, at: datetime) -> list[Row]:
    account = account_of(item.object("company"))
    if account is None:
        raise item.fault("company.id", "is missing")
    return [Row("people", {"id": person_of(item.object("contact")), "account_id": account, "updated_at": iso(at)})]


def _attributes(collection: str, item: Fields, settings: Mapping[str, object]) -> dict[str, Any]:
    """Custom attributes: to the column of that name, or to that which the setting `attributes` gives; '' leaves one out."""
    held, mapping = item.maybe_object("custom_attributes"), text_map(settings, "attributes")
    values: dict[str, Any] = {}
    for name, value in ({} if held is None else held.given).items():
        column = mapping.get(name, attribute(name, "intercom"))
        if not column or isinstance(value, dict | list):
            continue
        try:
            values[column] = value_for(collection, column, value, UTC_ZONE)
        except CastError as error:
            raise UserError(
                f"{item.path('custom_attributes')}.{name} {error}; name another column for it in the setting attributes"
            ) from error
    return values
