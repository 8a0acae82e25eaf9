"""Invoices: what is owed, since when, until when, and when that ended."""

from __future__ import annotations

from typing import Any

from tocsin.ingest.hooks.shapes import Row
from tocsin.ingest.hooks.stripe.event import Event
from tocsin.ingest.hooks.stripe.money import amount_of, major

STATUSES = frozenset({"draft", "open", "paid", "void", "uncollectible"})


def invoice_rows(event: Event) -> tuple[list[Row], str]:
    """The rows of an invoice's event, or why there are none.

    Void: nothing is owed, so it is 0 and settled on the day it was voided. Uncollectible: written off, and still not paid.
    """
    thing = event.thing
    identity, status = thing.maybe_key("id"), thing.maybe_text("status")
    if identity is None or event.type == "invoice.upcoming":
        return [], "The invoice is a preview of one to come."
    if status is None or status == "draft" or event.type == "invoice.deleted":
        return [], f"The invoice {identity} is a draft: it counts once it is issued."
    if status not in STATUSES:
        raise thing.fault("status", f"is {status!r}, none of {', '.join(sorted(STATUSES))}")
    rows = [Row("invoices", _values(event, identity, status), event.at)]
    if event.type == "invoice.payment_failed":
        rows.append(event.row("Payment Failed"))
    return rows, ""


def _values(event: Event, identity: str, status: str) -> dict[str, Any]:
    thing = event.thing
    currency = thing.text("currency").upper()
    due = amount_of(thing, "amount_due")
    if due is None:
        due = amount_of(thing, "total")
    if due is None:
        raise thing.fault("amount_due", "is missing")
    steps = thing.maybe_object("status_transitions")
    told = {name: None if steps is None else event.day(steps, f"{name}_at") for name in ("finalized", "paid", "voided")}
    issued = told["finalized"] or event.day(thing, "created") or event.today()
    ended = {"paid": told["paid"] or event.today(), "void": told["voided"] or event.today()}
    return {
        "id": identity,
        "account_id": event.customer(),
        "amount": 0.0 if status == "void" else major(due, currency),
        "currency": currency,
        "issued_on": issued,
        "due_on": event.day(thing, "due_date") or issued,
        "paid_on": ended.get(status),
    }
