"""JSON as rows: by the source's mapping, or as the body itself names collection and columns."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any
from zoneinfo import ZoneInfo

from tocsin.core.errors import UserError
from tocsin.core.schema import COLLECTIONS
from tocsin.ingest.hooks.columns import UPDATED, value_for
from tocsin.ingest.hooks.generic.mapping import collection_named, rules, selected
from tocsin.ingest.hooks.shapes import Reading, Request, Row
from tocsin.ingest.hooks.values import CastError, as_moment, decoded, digest, shown, zone_of

_FORM = 'send {"collection": "events", "rows": [{...}]}, or give this source a mapping'
_DELIVERY = ("webhook-id", "idempotency-key")


def read(request: Request, settings: Mapping[str, object]) -> Reading:
    """The rows of a body.

    settings: `timezone`; `mapping`, see the module of that name.
    """
    found, zone = rules(settings), zone_of(settings)
    body = decoded(request.body, "the set-up page shows, and the sender")
    delivery = next((value for name in _DELIVERY if (value := request.headers.get(name, "").strip())), digest(request.body))
    if not found:
        rows = tuple(_own(body, zone))
        return Reading(rows, delivery, "" if rows else "The body has no rows.")
    rows = tuple(_row(rule.collection, place, told, zone) for rule in found for place, told in selected(rule, body) if told)
    return Reading(rows, delivery, "" if rows else "The mapping of this source finds no row in the body.")


def _own(body: Any, zone: ZoneInfo) -> Iterator[Row]:
    """The rows of a body that says itself what they are: many of one collection, or one."""
    if not isinstance(body, dict) or "collection" not in body:
        raise UserError(f"the body names no collection; {_FORM}")
    collection = collection_named(body["collection"], "collection")
    if "rows" not in body:
        one = {name: value for name, value in body.items() if name != "collection"}
        yield _row(collection, "the body", one, zone)
        return
    rows, others = body["rows"], body.keys() - {"collection", "rows"}
    if others:
        raise UserError(f"the body has rows and also {', '.join(sorted(others))}; put every column into its row")
    if not isinstance(rows, list):
        raise UserError(f"rows is {shown(rows)}, no list; {_FORM}")
    for number, each in enumerate(rows):
        if not isinstance(each, dict):
            raise UserError(f"rows[{number}] is {shown(each)}, no object; {_FORM}")
        yield _row(collection, f"rows[{number}]", each, zone)


def _row(collection: str, place: str, given: Mapping[str, Any], zone: ZoneInfo) -> Row:
    values: dict[str, Any] = {}
    at = None
    for column, value in given.items():
        try:
            if column == UPDATED and not COLLECTIONS[collection].custom and collection != "events":
                at = None if value in (None, "") else as_moment(value)
                continue
            values[column] = value_for(collection, column, value, zone)
        except CastError as error:
            raise UserError(f"{place}: {column} {error}; mend it at the sender") from error
        except UserError as error:
            raise UserError(f"{place}: {error}") from error
    _check_known(collection, place, values)
    return Row(collection, values, at)


def _check_known(collection: str, place: str, values: Mapping[str, Any]) -> None:
    """A row with an id may tell a part of itself; one without has to tell all that is required."""
    declared = COLLECTIONS[collection]
    empty = [name for name in declared.required if name in values and values[name] is None]
    if empty:
        raise UserError(f"{place}: {', '.join(empty)} may not be empty in {collection}; send a value, or leave the column out")
    if declared.keyed_by_id and values.get("id") is not None:
        return
    missing = [name for name in declared.required if name not in values]
    if missing:
        raise UserError(f"{place} lacks {', '.join(missing)}, without which there is no row of {collection}; send them too")
