"""Subscriptions, and the trials that they begin with."""

from __future__ import annotations

from typing import Any

from tocsin.core.moment import iso
from tocsin.ingest.hooks.fields import Fields
from tocsin.ingest.hooks.shapes import Row
from tocsin.ingest.hooks.stripe.event import Event, reference
from tocsin.ingest.hooks.stripe.money import billing_period, monthly, quantity_of

TYPES = frozenset(
    f"customer.subscription.{each}" for each in ("created", "updated", "deleted", "paused", "resumed", "trial_will_end")
)
# Not yet paid for the first time, or never: nobody is a customer by it.
UNPAID = frozenset({"incomplete", "incomplete_expired"})


def subscription_rows(event: Event) -> tuple[list[Row], str]:
    """The rows of a subscription's event, or why there are none."""
    thing, status = event.thing, event.thing.text("status")
    if status in UNPAID:
        return [], f"The subscription {thing.key('id')} is {status}: it counts from its first payment on."
    rows = [Row("subscriptions", _values(event, status), event.at)]
    rows += _trial(event, status)
    if event.type.endswith(".trial_will_end"):
        rows.append(event.row("Trial Will End"))
    return rows, ""


def _values(event: Event, status: str) -> dict[str, Any]:
    thing = event.thing
    currency = thing.text("currency").upper()
    cancelled = thing.maybe_time("canceled_at")
    leaving = thing.flag("cancel_at_period_end") or thing.maybe_time("cancel_at") is not None or status == "canceled"
    ended = event.day(thing, "ended_at")
    if ended is None and (status == "canceled" or event.type.endswith(".deleted")):
        ended = event.today()
    values: dict[str, Any] = {
        "id": thing.key("id"),
        "account_id": event.customer(),
        "currency": currency,
        "starts_on": event.day(thing, "start_date") or event.day(thing, "created") or event.today(),
        "auto_renew": not leaving,
        "cancel_requested_at": None if cancelled is None else iso(cancelled),
        "ended_on": ended,
    }
    items = _items(thing)
    if items:
        values |= _terms(event, items, currency)
    if status == "paused":
        values["mrr"] = 0.0
    renewal = _renewal(event, items)
    return values if renewal is None else values | {"renews_on": renewal}


def _items(thing: Fields) -> list[Fields]:
    held = thing.maybe_object("items")
    return [] if held is None else held.objects("data")


def _terms(event: Event, items: list[Fields], currency: str) -> dict[str, Any]:
    """Plan, seats and price; only what the items fix."""
    price = items[0].object("price")
    product = reference(price, "product")
    product_name = _product_name(event, price, product)
    plan = price.maybe_text("nickname") or price.maybe_text("lookup_key")
    values: dict[str, Any] = {
        "product": product_name,
        "plan": event.names.get(price.maybe_key("id") or "") or plan or product_name,
        "billing_period": billing_period(items[0]),
    }
    if all(each.raw("quantity") is not None or _metered(each) for each in items):
        counted = [each for each in items if not _metered(each)]
        values["seats"] = float(sum(quantity_of(each) for each in counted)) if counted else None
    mrr = monthly(items, currency)
    return values if mrr is None else values | {"mrr": mrr}


def _product_name(event: Event, price: Fields, product: str | None) -> str | None:
    """What the product is called: by the settings, by Stripe where it gives it whole, else its id."""
    named = event.names.get(product or "")
    if named is None and isinstance(price.raw("product"), dict):
        named = price.object("product").maybe_text("name")
    return named or product


def _metered(item: Fields) -> bool:
    recurring = item.object("price").maybe_object("recurring")
    return recurring is not None and recurring.maybe_text("usage_type") == "metered"


def _renewal(event: Event, items: list[Fields]) -> str | None:
    """The end of the paid period: of the subscription, in newer versions of the API the first of its items."""
    given = event.day(event.thing, "current_period_end")
    if given is not None:
        return given
    return min((day for each in items if (day := event.day(each, "current_period_end")) is not None), default=None)


def _trial(event: Event, status: str) -> list[Row]:
    """What a trial says of the account: that it is one, and that it became a customer when it turned into one."""
    account = {"account_id": event.customer(), "updated_at": iso(event.created)}
    if status == "trialing":
        return [Row("accounts", account | {"status": "trial", "trial_ends_on": event.day(event.thing, "trial_end")})]
    if event.previous.get("status") == "trialing" and status == "active":
        return [Row("accounts", account | {"status": "active"})]
    return []
