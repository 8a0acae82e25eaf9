"""One change of HubSpot's, whichever of its two forms it has: `company.creation`, or `object.creation` of the type 0-2."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from tocsin.ingest.hooks.fields import Fields

TYPES = {"0-1": "contact", "0-2": "company", "0-3": "deal"}


@dataclass(frozen=True, slots=True)
class Change:
    """thing: contact, company, deal or another kind. act: creation, propertyChange ... key: of the object, '' where several."""

    thing: str
    act: str
    key: str
    at: datetime
    fields: Fields


def change_of(fields: Fields) -> Change:
    """The change that an object of the body's list tells. UserError where it is none."""
    thing, _, act = fields.text("subscriptionType").partition(".")
    if thing == "object":
        kind = fields.maybe_text("objectTypeId") or ""
        thing = TYPES.get(kind, f"objects of type {kind}")
    several = act in ("merge", "associationChange")
    key = (fields.maybe_key("objectId") or "") if several else fields.key("objectId")
    return Change(thing, act, key, fields.time("occurredAt"), fields)


def person_id(key: str) -> str:
    """The id of a contact among the people: contacts, companies and deals have numbers that may be the same."""
    return f"hubspot:{key}"
