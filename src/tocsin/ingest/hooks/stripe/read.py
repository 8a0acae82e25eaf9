"""Stripe's events as rows. An event tells the whole object, so its row says everything that Stripe knows of it."""

from __future__ import annotations

from collections.abc import Mapping

from tocsin.core.errors import UserError
from tocsin.ingest.hooks.fields import Fields, body_object
from tocsin.ingest.hooks.shapes import Reading, Request, Row
from tocsin.ingest.hooks.stripe.event import Event
from tocsin.ingest.hooks.stripe.invoices import invoice_rows
from tocsin.ingest.hooks.stripe.subscriptions import TYPES as SUBSCRIPTION_TYPES
from tocsin.ingest.hooks.stripe.subscriptions import subscription_rows
from tocsin.ingest.hooks.values import as_key, shown, text_map, zone_of

ACCOUNT_KEY = "tocsin_account_id"


def read(request: Request, settings: Mapping[str, object]) -> Reading:
    """The rows of an event.

    settings: `timezone` (in which days are told), `account_metadata_key` (of customers' metadata, tocsin_account_id if not
    given), `names` (ids of prices and products -> what they are called).
    """
    body = body_object(request.body, "Stripe")
    identity, kind = body.key("id"), body.text("type")
    if body.maybe_text("object") == "v2.core.event":
        return Reading((), identity, f"{kind} is a thin event, which tells no object; choose snapshot events at Stripe.")
    taken = kind in SUBSCRIPTION_TYPES or kind.startswith("invoice.") or kind in ("customer.created", "customer.updated")
    if not taken or kind.startswith("invoice.payment."):
        return Reading((), identity, f"Tocsin takes no notice of events of type {kind}.")
    rows, ignored = _rows(_event(body, identity, kind, settings), settings)
    return Reading(tuple(rows), identity, ignored)


def _event(body: Fields, identity: str, kind: str, settings: Mapping[str, object]) -> Event:
    data = body.object("data")
    previous = data.maybe_object("previous_attributes")
    return Event(
        id=identity,
        type=kind,
        created=body.time("created"),
        thing=data.object("object"),
        previous={} if previous is None else previous.given,
        names=text_map(settings, "names"),
        zone=zone_of(settings),
    )


def _rows(event: Event, settings: Mapping[str, object]) -> tuple[list[Row], str]:
    if event.type in SUBSCRIPTION_TYPES:
        return subscription_rows(event)
    if event.type.startswith("invoice."):
        return invoice_rows(event)
    return _customer_rows(event, settings.get("account_metadata_key") or ACCOUNT_KEY)


def _customer_rows(event: Event, key: object) -> tuple[list[Row], str]:
    """The alias by which the customer's other events find their account, where the metadata tells it."""
    if not isinstance(key, str):
        raise UserError(f"the setting account_metadata_key is {shown(key)}; give the name of a field of customers' metadata")
    metadata = event.thing.maybe_object("metadata")
    account = as_key(metadata.raw(key)) if metadata is not None else None
    customer = event.thing.key("id")
    if not account:
        return [], f"The metadata of the customer {customer} has no {key}, so it says nothing of an account."
    return [Row("account_aliases", {"account_id": account, "source": "stripe", "external_id": customer}, event.at)], ""
