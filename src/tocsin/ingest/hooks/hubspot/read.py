"""HubSpot's changes as rows: a list of them, each of one object, in no order."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

import msgspec

from tocsin.core.errors import UserError
from tocsin.core.moment import iso
from tocsin.ingest.hooks.fields import Fields
from tocsin.ingest.hooks.hubspot.change import Change, change_of, person_id
from tocsin.ingest.hooks.hubspot.properties import COLLECTION, told_by
from tocsin.ingest.hooks.shapes import Reading, Request, Row
from tocsin.ingest.hooks.values import as_key, decoded, shown, zone_of

_DELETIONS = ("deletion", "privacyDeletion")


def read(request: Request, settings: Mapping[str, object]) -> Reading:
    """The rows of all changes, oldest first; what changed of an object at one instant is one row.

    settings: `timezone`; `properties` (company, contact, deal -> property -> column, '' leaves it out); `kinds` (deal type ->
    new, expansion, renewal); `outcomes` (deal stage -> won, lost).
    """
    body = decoded(request.body, "HubSpot")
    if not isinstance(body, list):
        raise UserError(f"the body is {shown(body)}, no list of changes; send it as HubSpot makes it")
    if not all(isinstance(each, dict) for each in body):
        raise UserError("the body holds what is no object; send a list of changes as HubSpot makes it")
    changes = [change_of(Fields(each, f"[{number}]", "HubSpot")) for number, each in enumerate(body)]
    zone, rows, passed = zone_of(settings), list[Row](), list[str]()
    for change in sorted(changes, key=lambda each: (each.at, each.act != "creation")):
        found = list(_rows(change, settings, zone))
        rows += found
        passed += [] if found else [f"{change.thing}.{change.act}"]
    ignored = "" if rows else _ignored(passed)
    return Reading(tuple(_together(rows)), _delivery(body), ignored)


def _delivery(body: list[dict[str, Any]]) -> str:
    """HubSpot gives a delivery no id, and an `eventId` that may come twice; a repeat differs in `attemptNumber` alone."""
    bare = [{name: value for name, value in each.items() if name != "attemptNumber"} for each in body]
    return hashlib.sha256(msgspec.json.encode(bare, order="deterministic")).hexdigest()


def _ignored(passed: Iterable[str]) -> str:
    names = ", ".join(dict.fromkeys(passed))
    return f"Tocsin takes no notice of {names}." if names else "The list of changes is empty."


def _rows(change: Change, settings: Mapping[str, object], zone: ZoneInfo) -> Iterable[Row]:
    if change.act == "associationChange":
        return _associated(change)
    if change.thing not in COLLECTION:
        return ()
    if change.act == "merge":
        return _merged(change)
    told: dict[str, Any] | None = None
    if change.act == "propertyChange":
        told = told_by(change, settings, zone)
    elif change.act == "creation":
        told = _created(change)
    elif change.act in _DELETIONS:
        told = _gone(change)
    elif change.act == "restore" and change.thing == "contact":
        told = {"deleted_at": None}
    return (_row(change, change.key, told),) if told else ()


def _row(change: Change, key: str, told: Mapping[str, Any]) -> Row:
    identity = person_id(key) if change.thing == "contact" else key
    dated = {} if change.thing == "deal" else {"updated_at": iso(change.at)}
    return Row(COLLECTION[change.thing], {"id": identity, **told, **dated}, None if dated else change.at)


def _created(change: Change) -> dict[str, Any]:
    """The instant of creation; a deal is new business until its type says otherwise."""
    return {"kind": "new", "opened_at": iso(change.at)} if change.thing == "deal" else {"created_at": iso(change.at)}


def _gone(change: Change) -> dict[str, Any]:
    """A deleted contact has left; one that asked to be forgotten leaves no name. A deleted deal is no longer open.

    A deleted company has not churned: what is deleted in a CRM is mostly a duplicate.
    """
    if change.thing == "deal":
        return {"closed_at": iso(change.at)}
    if change.thing == "company":
        return {}
    forgotten = {"name": None, "email": None} if change.act == "privacyDeletion" else {}
    return {"deleted_at": iso(change.at), **forgotten}


def _merged(change: Change) -> list[Row]:
    """Two records became one. Of companies the others are names of the first; of contacts and deals they have ended.

    HubSpot may make a new record for the result: it is then one more name of the first.
    """
    first = change.fields.key("primaryObjectId")
    merged = [as_key(each) for each in change.fields.items("mergedObjectIds")]
    new = change.fields.maybe_key("newObjectId")
    if change.thing == "company":
        others = dict.fromkeys(each for each in [*merged, new] if each and each != first)
        return [
            Row("account_aliases", {"account_id": first, "source": "hubspot", "external_id": each}, change.at)
            for each in others
        ]
    gone = [each for each in [*merged, first if new else ""] if each and each != (new or first)]
    return [_row(change, each, _ended(change)) for each in dict.fromkeys(gone)]


def _ended(change: Change) -> dict[str, Any]:
    return {"closed_at" if change.thing == "deal" else "deleted_at": iso(change.at)}


def _associated(change: Change) -> list[Row]:
    """A contact or a deal got a company. Taking one away changes nothing: they stay with the last one."""
    source, _, target = (change.fields.maybe_text("associationType") or "").partition("_TO_")
    kinds = {"CONTACT": "contact", "DEAL": "deal"}
    ends = [change.fields.maybe_key("fromObjectId"), change.fields.maybe_key("toObjectId")]
    if source == "COMPANY":
        source, target, ends = target, source, ends[::-1]
    member, company = ends
    if source not in kinds or target != "COMPANY" or change.fields.flag("associationRemoved") or not member or not company:
        return []
    if change.fields.raw("isPrimaryAssociation") is False:
        return []
    moved = Change(kinds[source], change.act, member, change.at, change.fields)
    return [_row(moved, member, {"account_id": company})]


def _together(rows: Iterable[Row]) -> list[Row]:
    """What one instant changed of one object as one row; the order stays."""
    found: dict[Any, dict[str, Any]] = {}
    for row in rows:
        if row.collection == "account_aliases":
            place = (row.collection, row.values["external_id"], row.at)
        else:
            place = (row.collection, row.values["id"], row.values.get("updated_at") or row.at)
        found.setdefault(place, {}).update(row.values)
    return [Row(place[0], values, place[2] if isinstance(place[2], datetime) else None) for place, values in found.items()]
