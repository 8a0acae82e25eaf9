"""What a flow or Apex sends: `{"object": "Account", "record": {...}}`, or a list of such."""

from __future__ import annotations

from collections.abc import Mapping

from tocsin.core.errors import UserError
from tocsin.ingest.hooks.fields import Fields
from tocsin.ingest.hooks.salesforce.records import row_of
from tocsin.ingest.hooks.salesforce.words import COLLECTION
from tocsin.ingest.hooks.shapes import Reading, Request, Row
from tocsin.ingest.hooks.values import decoded, digest, shown, zone_of


def read(request: Request, settings: Mapping[str, object]) -> Reading:
    """The rows of the records.

    settings: `timezone`; `fields` (object -> field -> column, '' leaves it out); `kinds` (type of opportunity -> new,
    expansion, renewal); `priorities` (of cases -> low, normal, high, critical).
    """
    if request.body.lstrip()[:1] == b"<":
        raise UserError(
            "the body is XML, as SOAP outbound messages are, which are not supported; send JSON by an HTTP callout of a flow"
        )
    body = decoded(request.body, "the set-up page")
    delivery = request.headers.get("idempotency-key", "").strip() or digest(request.body)
    zone, rows, passed = zone_of(settings), list[Row](), list[str]()
    for each in _entries(body):
        kind = each.text("object")
        for record in _records(each):
            if kind in COLLECTION:
                rows.append(row_of(kind, record, request, settings, zone))
            else:
                passed.append(kind)
    ignored = (
        f"Tocsin takes no notice of objects of type {', '.join(dict.fromkeys(passed))}." if passed else "It holds no record."
    )
    return Reading(tuple(rows), delivery, "" if rows else ignored)


def _entries(body: object) -> list[Fields]:
    given = body if isinstance(body, list) else [body]
    for each in given:
        if not isinstance(each, dict):
            raise UserError(f'the body holds {shown(each)}; send {{"object": "Account", "record": {{...}}}} or a list of such')
    many = isinstance(body, list)
    return [Fields(each, f"[{number}]" if many else "", "the set-up page") for number, each in enumerate(given)]


def _records(entry: Fields) -> list[Fields]:
    """`record`, or `records` where a flow sends a collection."""
    return entry.objects("records") if "records" in entry else [entry.object("record")]
