"""HubSpot's properties as columns: by the settings, else by what its own are called, else as custom attributes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from zoneinfo import ZoneInfo

from tocsin.core.errors import UserError
from tocsin.core.moment import iso
from tocsin.core.schema import COLLECTIONS
from tocsin.ingest.hooks.columns import attribute, type_of, value_for
from tocsin.ingest.hooks.hubspot.change import Change
from tocsin.ingest.hooks.values import CastError, text_map

COLLECTION = {"company": "accounts", "contact": "people", "deal": "opportunities"}
DEFAULTS: Mapping[str, Mapping[str, str]] = {
    "company": {
        "name": "name",
        "hubspot_owner_id": "owner",
        "lifecyclestage": "lifecycle_stage",
        "industry": "industry",
        "createdate": "created_at",
        "country": "region",
        "hs_parent_company_id": "parent_id",
    },
    "contact": {
        "associatedcompanyid": "account_id",
        "email": "email",
        "createdate": "created_at",
    },
    "deal": {
        "hs_primary_associated_company": "account_id",
        "amount": "amount",
        "deal_currency_code": "currency",
        "hubspot_owner_id": "owner",
        "dealstage": "stage",
        "hs_manual_forecast_category": "forecast",
        "closedate": "expected_on",
        "createdate": "opened_at",
        "dealtype": "kind",
    },
}
KINDS = {"newbusiness": "new", "existingbusiness": "expansion", "renewal": "renewal"}
FORECASTS = {"COMMIT": "commit", "BEST_CASE": "best_case", "OMIT": "omitted"}
OUTCOMES = {"closedwon": "won", "closedlost": "lost"}


def mapping_of(settings: Mapping[str, object], thing: str) -> dict[str, str]:
    """The setting `properties` for a kind of object: property -> column, '' leaves it out. UserError where it is no mapping."""
    given = settings.get("properties")
    if given is None:
        return dict(DEFAULTS[thing])
    if not isinstance(given, Mapping):
        raise UserError('the setting properties is no object; write such as {"company": {"tier__c": "tier"}}')
    own = given.get(thing)
    if own is None:
        return dict(DEFAULTS[thing])
    if not isinstance(own, Mapping) or not all(isinstance(part, str) for pair in own.items() for part in pair):
        raise UserError(f"the setting properties.{thing} is no mapping from properties to columns; write it as an object")
    return {**DEFAULTS[thing], **own}


def told_by(change: Change, settings: Mapping[str, object], zone: ZoneInfo) -> dict[str, Any]:
    """The columns that a change of one property tells; none where the property has no place."""
    fields, collection = change.fields, COLLECTION[change.thing]
    name, value = fields.text("propertyName"), fields.raw("propertyValue")
    if fields.flag("isSensitive") or value == "REDACTED":
        return {}
    column = mapping_of(settings, change.thing).get(name)
    if column is None:
        column = attribute(name, "hubspot") if COLLECTIONS[collection].custom else ""
    if not column:
        return {}
    if column == "id":
        raise UserError(f"the setting properties.{change.thing} maps {name} to id, which HubSpot's own ids are; leave it out")
    values = {column: _value(change, collection, column, zone)}
    if values[column] is None and column in COLLECTIONS[collection].required:
        return {}  # HubSpot clears the name; the account keeps the last one that it had
    if change.thing == "deal":
        return _deal(change, name, values, settings)
    return values


def _value(change: Change, collection: str, column: str, zone: ZoneInfo) -> Any:
    value = change.fields.raw("propertyValue")
    if type_of(collection, column) == "list" and isinstance(value, str):
        value = [each for each in value.split(";") if each.strip()]
    try:
        return value_for(collection, column, value, zone)
    except CastError as error:
        raise UserError(
            f"{change.fields.path('propertyValue')} of the property {change.fields.raw('propertyName')} {error}; "
            f"map the property to another column of {collection}"
        ) from error


def _deal(change: Change, name: str, values: dict[str, Any], settings: Mapping[str, object]) -> dict[str, Any]:
    """A deal's columns that have words of their own; a stage that closes the deal also tells when, and how it ended."""
    value = str(change.fields.raw("propertyValue") or "")
    if "kind" in values:
        kind = ({**KINDS, **text_map(settings, "kinds")}).get(value)
        return {"kind": kind} if kind else {}
    if "forecast" in values:
        return {"forecast": FORECASTS.get(value.upper())}
    if name != "dealstage":
        return values
    outcome = ({**OUTCOMES, **text_map(settings, "outcomes")}).get(value)
    closed = None if outcome is None else iso(change.at)
    return {**values, "closed_at": closed, "outcome": outcome}
