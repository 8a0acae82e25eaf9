"""One record of Salesforce's as a row."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from zoneinfo import ZoneInfo

from tocsin.core.errors import UserError
from tocsin.core.moment import iso
from tocsin.core.schema import COLLECTIONS
from tocsin.ingest.hooks.columns import attribute, value_for
from tocsin.ingest.hooks.fields import Fields
from tocsin.ingest.hooks.salesforce.words import COLLECTION, FIELDS, FORECASTS, KINDS, KNOWN, LOST, PRIORITIES, WON
from tocsin.ingest.hooks.shapes import Request, Row
from tocsin.ingest.hooks.values import CastError, text_map


def row_of(kind: str, record: Fields, request: Request, settings: Mapping[str, object], zone: ZoneInfo) -> Row:
    """The row of a record; kind: Account, Contact, Opportunity or Case. What the record does not hold is not told."""
    values = {"id": record.key("Id"), **_mapped(kind, record, settings, zone)}
    if kind == "Account":
        values |= _owner(record)
    elif kind == "Contact":
        values |= _person(record, request)
    elif kind == "Opportunity":
        values |= _owner(record) | _opportunity(record, request, settings)
    else:
        values |= _case(record, request, settings)
    collection = COLLECTION[kind]
    at = None
    if COLLECTIONS[collection].custom:
        values["updated_at"] = iso(_changed(record, request))
    else:
        at = _changed(record, request)
    needed = COLLECTIONS[collection].required
    return Row(collection, {name: value for name, value in values.items() if value is not None or name not in needed}, at)


def mapping_of(kind: str, settings: Mapping[str, object]) -> dict[str, str]:
    """The columns of an object's fields: the setting `fields` for it, over those that are usual; '' leaves a field out."""
    given = settings.get("fields")
    if given is None:
        return dict(FIELDS[kind])
    if not isinstance(given, Mapping):
        raise UserError('the setting fields is no object; write such as {"Account": {"Tier__c": "tier"}}')
    own = text_map(given, kind)
    if "id" in own.values():
        raise UserError(f"the setting fields.{kind} maps a field to id, which Salesforce's own Id is; leave it out")
    return {**FIELDS[kind], **own}


def _mapped(kind: str, record: Fields, settings: Mapping[str, object], zone: ZoneInfo) -> dict[str, Any]:
    collection, mapping = COLLECTION[kind], mapping_of(kind, settings)
    custom = COLLECTIONS[collection].custom
    values: dict[str, Any] = {}
    for name, value in record.given.items():
        column = mapping.get(name)
        if column is None and custom and name not in KNOWN and not isinstance(value, dict | list):
            column = attribute(name, "salesforce")
        if not column:
            continue
        try:
            values[column] = value_for(collection, column, value, zone)
        except CastError as error:
            raise UserError(f"{record.path(name)} {error}; map the field to another column of {collection}") from error
    return values


def _changed(record: Fields, request: Request) -> Any:
    return record.maybe_time("LastModifiedDate") or record.maybe_time("SystemModstamp") or request.received


def _owner(record: Fields) -> dict[str, Any]:
    """The owner's address, where the record has it: that says more than an id."""
    owner = record.raw("Owner")
    email = record.object("Owner").maybe_text("Email") if isinstance(owner, dict) else record.maybe_text("OwnerEmail")
    return {"owner": email} if email else {}


def _person(record: Fields, request: Request) -> dict[str, Any]:
    values: dict[str, Any] = {}
    parts = [part for name in ("FirstName", "LastName") if (part := record.maybe_text(name))]
    if "Name" not in record and parts:
        values["name"] = " ".join(parts)
    if "IsDeleted" in record:
        values["deleted_at"] = iso(_changed(record, request)) if record.flag("IsDeleted") else None
    return values


def _opportunity(record: Fields, request: Request, settings: Mapping[str, object]) -> dict[str, Any]:
    """Kind, forecast and end. Told new where the type is none that is known: every opportunity has a kind."""
    values: dict[str, Any] = {}
    if "Type" in record:
        kind = record.maybe_text("Type") or ""
        values["kind"] = text_map(settings, "kinds").get(kind) or KINDS.get(kind.lower(), "new")
    forecast = record.maybe_text("ForecastCategoryName") or record.maybe_text("ForecastCategory")
    if forecast is not None:
        values["forecast"] = FORECASTS.get(forecast.lower())
    outcome = _outcome(record)
    if outcome is not None:
        closed = record.maybe_time("LastStageChangeDate") or _changed(record, request)
        values |= {"closed_at": iso(closed) if outcome else None, "outcome": outcome or None}
    return values


def _outcome(record: Fields) -> str | None:
    """Won or lost, '' while it is open, None where the record does not say."""
    if "IsClosed" in record:
        if not record.flag("IsClosed"):
            return ""
        return "won" if record.flag("IsWon") or record.maybe_text("StageName") == WON else "lost"
    stage = record.maybe_text("StageName")
    if stage is None:
        return None
    return {WON: "won", LOST: "lost"}.get(stage, "")


def _case(record: Fields, request: Request, settings: Mapping[str, object]) -> dict[str, Any]:
    values: dict[str, Any] = {"kind": "support"}
    priority = record.maybe_text("Priority") or ""
    found = text_map(settings, "priorities").get(priority) or PRIORITIES.get(priority.lower())
    if found:
        values["priority"] = found
    closed = record.maybe_time("ClosedDate")
    if closed is None and record.flag("IsClosed"):
        closed = _changed(record, request)
    if closed is not None or "ClosedDate" in record or "IsClosed" in record:
        values["resolved_at"] = None if closed is None else iso(closed)
    return values
