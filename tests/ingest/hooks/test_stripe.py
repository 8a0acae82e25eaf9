"""Stripe: every event that tells something, and the rows it becomes."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings

from tests.ingest.hooks.helpers import ignored, read, rows, survives, tampered
from tocsin.core.errors import UserError
from tocsin.ingest.hooks.stripe.money import decimals

DAY = 86_400
START = 1_767_225_600  # 2026-01-01
CREATED = START + 10 * DAY


def price(**more: Any) -> dict[str, Any]:
    recurring = {"interval": "month", "interval_count": 1, "usage_type": "licensed"} | more.pop("recurring", {})
    usual = {"id": "price_1", "nickname": "Team", "lookup_key": "team", "product": "prod_1", "unit_amount": 2000}
    return {**usual, "unit_amount_decimal": None, "currency": "usd", "recurring": recurring, **more}


def item(quantity: Any = 5, **more: Any) -> dict[str, Any]:
    return {"id": "si_1", "quantity": quantity, "current_period_end": START + 31 * DAY, "price": price(**more)}


def subscription(*items: dict[str, Any], **more: Any) -> dict[str, Any]:
    usual: dict[str, Any] = {
        "id": "sub_1",
        "object": "subscription",
        "customer": "cus_1",
        "currency": "usd",
        "status": "active",
        "start_date": START,
        "created": START,
        "cancel_at_period_end": False,
        "cancel_at": None,
        "canceled_at": None,
        "ended_at": None,
        "trial_end": None,
        "items": {"object": "list", "data": list(items) or [item()]},
    }
    return {**usual, **more}


def invoice(**more: Any) -> dict[str, Any]:
    usual: dict[str, Any] = {
        "id": "in_1",
        "object": "invoice",
        "customer": "cus_1",
        "currency": "eur",
        "status": "open",
        "amount_due": 123_45,
        "total": 200_00,
        "created": START,
        "due_date": START + 30 * DAY,
        "status_transitions": {"finalized_at": START + DAY, "paid_at": None, "voided_at": None},
    }
    return {**usual, **more}


def event(kind: str, thing: dict[str, Any], **data: Any) -> dict[str, Any]:
    return {"id": "evt_1", "object": "event", "type": kind, "created": CREATED, "data": {"object": thing, **data}}


def told(*items: dict[str, Any], **more: Any) -> dict[str, Any]:
    """The one row of a subscription."""
    ((collection, values),) = rows("stripe", event("customer.subscription.updated", subscription(*items, **more)))
    assert collection == "subscriptions"
    return values


PLAIN: dict[str, Any] = {
    "id": "sub_1",
    "account_id": "cus_1",
    "product": "prod_1",
    "plan": "Team",
    "seats": 5.0,
    "mrr": 100.0,
    "currency": "USD",
    "starts_on": "2026-01-01",
    "renews_on": "2026-02-01",
    "billing_period": "monthly",
    "auto_renew": True,
    "cancel_requested_at": None,
    "ended_on": None,
}


@pytest.mark.parametrize("act", ["created", "updated", "paused", "resumed"])
def test_a_subscription(act: str) -> None:
    assert rows("stripe", event(f"customer.subscription.{act}", subscription())) == [("subscriptions", PLAIN)]
    assert read("stripe", event(f"customer.subscription.{act}", subscription())).delivery_id == "evt_1"


def test_names_come_from_the_settings_from_stripe_or_are_ids() -> None:
    names = {"names": {"prod_1": "Tocsin", "price_1": "Team, yearly"}}
    ((_, values),) = rows("stripe", event("customer.subscription.updated", subscription()), names)
    assert (values["product"], values["plan"]) == ("Tocsin", "Team, yearly")
    whole = told(item(product={"id": "prod_1", "name": "Suite"}, nickname=None, lookup_key=None))
    assert (whole["product"], whole["plan"]) == ("Suite", "Suite")
    assert told(item(nickname=None))["plan"] == "team"


@pytest.mark.parametrize(
    ("recurring", "amount", "monthly", "period"),
    [
        ({"interval": "year"}, 120_000, 500.0, "annual"),
        ({"interval": "month", "interval_count": 3}, 30_000, 500.0, "quarterly"),
        ({"interval": "month", "interval_count": 12}, 120_000, 500.0, "annual"),
        ({"interval": "year", "interval_count": 2}, 240_000, 500.0, "every 2 years"),
        ({"interval": "week"}, 1200, 260.71, "weekly"),
        ({"interval": "day"}, 100, 152.08, "daily"),
        ({"interval": "month", "interval_count": None}, 100, 5.0, "monthly"),
    ],
)
def test_every_interval_is_told_by_the_month(recurring: dict[str, Any], amount: int, monthly: float, period: str) -> None:
    values = told(item(unit_amount=amount, recurring=recurring))
    assert (values["mrr"], values["billing_period"]) == (monthly, period)


@pytest.mark.parametrize(
    ("currency", "mrr"), [("usd", 100.0), ("jpy", 10_000.0), ("kwd", 10.0), ("ugx", 100.0), ("isk", 100.0)]
)
def test_minor_units(currency: str, mrr: float) -> None:
    values = told(currency=currency)
    assert (values["mrr"], values["currency"]) == (mrr, currency.upper())
    assert decimals("EUR") == 2


def test_items_add_up() -> None:
    metered = item(None, recurring={"usage_type": "metered"}, unit_amount=7)
    both = told(item(5), item(2, unit_amount=None, unit_amount_decimal="1050.5"), metered)
    assert (both["seats"], both["mrr"]) == (7.0, 121.01)
    used = told(metered)
    assert used["seats"] is None
    assert "mrr" not in used
    assert "mrr" not in told(item(unit_amount=None))
    unsaid = told(item(None))
    assert "seats" not in unsaid
    assert unsaid["mrr"] == 20.0


def test_the_paid_period_stands_on_the_subscription_or_on_its_items() -> None:
    assert told(current_period_end=START + 59 * DAY)["renews_on"] == "2026-03-01"
    late = {**item(), "current_period_end": START + 90 * DAY}
    assert told(late, item())["renews_on"] == "2026-02-01"
    assert "renews_on" not in told({**item(), "current_period_end": None})


def test_cancelling_and_thinking_better_of_it() -> None:
    values = told(cancel_at_period_end=True, canceled_at=CREATED)
    assert (values["auto_renew"], values["cancel_requested_at"]) == (False, "2026-01-11T00:00:00Z")
    assert values["ended_on"] is None
    assert told(cancel_at=CREATED)["auto_renew"] is False
    assert told()["cancel_requested_at"] is None


def test_the_end() -> None:
    gone = subscription(status="canceled", canceled_at=CREATED, ended_at=CREATED)
    ((_, values),) = rows("stripe", event("customer.subscription.deleted", gone))
    assert values["ended_on"] == "2026-01-11"
    assert values["auto_renew"] is False
    ((_, values),) = rows("stripe", event("customer.subscription.deleted", {**gone, "ended_at": None}))
    assert values["ended_on"] == "2026-01-11"


def test_a_paused_subscription_earns_nothing() -> None:
    assert told(status="paused")["mrr"] == 0.0
    assert told(status="past_due")["mrr"] == 100.0


def test_days_are_those_of_the_zone() -> None:
    ((_, values),) = rows("stripe", event("customer.subscription.updated", subscription()), {"timezone": "America/New_York"})
    assert values["starts_on"] == "2025-12-31"


def test_a_trial_and_what_becomes_of_it() -> None:
    trial = subscription(status="trialing", trial_end=START + 14 * DAY)
    account = {"account_id": "cus_1", "status": "trial", "trial_ends_on": "2026-01-15", "updated_at": "2026-01-11T00:00:00Z"}
    assert rows("stripe", event("customer.subscription.created", trial)) == [("subscriptions", PLAIN), ("accounts", account)]
    assert rows("stripe", event("customer.subscription.trial_will_end", trial))[1:] == [
        ("accounts", account),
        (
            "events",
            {"id": "evt_1", "account_id": "cus_1", "name": "Trial Will End", "at": "2026-01-11T00:00:00Z", "kind": "other"},
        ),
    ]
    turned = event("customer.subscription.updated", subscription(), previous_attributes={"status": "trialing"})
    assert rows("stripe", turned)[1:] == [
        ("accounts", {"account_id": "cus_1", "status": "active", "updated_at": "2026-01-11T00:00:00Z"})
    ]


@pytest.mark.parametrize("status", ["incomplete", "incomplete_expired"])
def test_a_subscription_that_was_never_paid(status: str) -> None:
    assert status in ignored("stripe", event("customer.subscription.created", subscription(status=status)))


def test_a_customer_says_which_account_it_is() -> None:
    customer = {"id": "cus_1", "metadata": {"tocsin_account_id": "acme", "crm": 7}}
    alias = {"account_id": "acme", "source": "stripe", "external_id": "cus_1"}
    for act in ("created", "updated"):
        assert rows("stripe", event(f"customer.{act}", customer)) == [("account_aliases", alias)]
    own = rows("stripe", event("customer.created", customer), {"account_metadata_key": "crm"})
    assert own == [("account_aliases", {**alias, "account_id": "7"})]
    assert "tocsin_account_id" in ignored("stripe", event("customer.created", {"id": "cus_1", "metadata": {}}))
    assert ignored("stripe", event("customer.created", {"id": "cus_1"}))


OPEN = {
    "id": "in_1",
    "account_id": "cus_1",
    "amount": 123.45,
    "currency": "EUR",
    "issued_on": "2026-01-02",
    "due_on": "2026-01-31",
    "paid_on": None,
}


@pytest.mark.parametrize("act", ["created", "finalized", "updated", "sent", "overdue", "marked_uncollectible"])
def test_an_open_invoice(act: str) -> None:
    assert rows("stripe", event(f"invoice.{act}", invoice())) == [("invoices", OPEN)]


def test_an_invoice_from_issue_to_end() -> None:
    paid = invoice(status="paid", status_transitions={"finalized_at": START + DAY, "paid_at": START + 5 * DAY})
    assert rows("stripe", event("invoice.paid", paid)) == [("invoices", {**OPEN, "paid_on": "2026-01-06"})]
    bare = invoice(status="paid", status_transitions=None, due_date=None, amount_due=None, customer={"id": "cus_1"})
    at_once = {**OPEN, "amount": 200.0, "issued_on": "2026-01-01", "due_on": "2026-01-01", "paid_on": "2026-01-11"}
    assert rows("stripe", event("invoice.payment_succeeded", bare)) == [("invoices", at_once)]
    void = invoice(status="void", status_transitions={"finalized_at": START + DAY, "voided_at": START + 3 * DAY})
    assert rows("stripe", event("invoice.voided", void)) == [("invoices", {**OPEN, "amount": 0.0, "paid_on": "2026-01-04"})]
    lost = invoice(status="uncollectible")
    assert rows("stripe", event("invoice.marked_uncollectible", lost)) == [("invoices", OPEN)]


def test_a_failed_payment_is_also_an_event() -> None:
    failed = {"id": "evt_1", "account_id": "cus_1", "name": "Payment Failed", "at": "2026-01-11T00:00:00Z", "kind": "other"}
    assert rows("stripe", event("invoice.payment_failed", invoice())) == [("invoices", OPEN), ("events", failed)]


def test_invoices_that_are_not_issued() -> None:
    assert "draft" in ignored("stripe", event("invoice.created", invoice(status="draft")))
    assert "draft" in ignored("stripe", event("invoice.deleted", invoice()))
    assert "preview" in ignored("stripe", event("invoice.upcoming", invoice(id=None)))


@pytest.mark.parametrize(
    "kind", ["plan.created", "customer.deleted", "charge.failed", "invoice.payment.paid", "invoiceitem.created"]
)
def test_other_events_are_passed_over(kind: str) -> None:
    assert kind in ignored("stripe", event(kind, {}))


def test_thin_events_are_passed_over() -> None:
    assert "thin" in ignored("stripe", {"id": "evt_1", "object": "v2.core.event", "type": "v1.billing.meter.no_meter_found"})


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ([], "the body is a list, no JSON object"),
        ({"type": "invoice.paid"}, "id is missing"),
        ({"id": "evt_1", "type": 5}, "type is 5, no text"),
        (event("invoice.paid", {**invoice(), "customer": None}), "data.object.customer_account is missing"),
        (event("invoice.paid", {**invoice(), "status": "lost"}), "data.object.status is 'lost'"),
        (event("invoice.paid", {**invoice(), "amount_due": "x"}), "data.object.amount_due is no amount"),
        (event("invoice.paid", {**invoice(), "amount_due": None, "total": None}), "data.object.amount_due is missing"),
        (
            event("customer.subscription.updated", subscription(created="x", start_date=None)),
            "data.object.created is 'x', no time",
        ),
        (event("customer.subscription.updated", subscription(items=[])), "data.object.items is a list, no object"),
        (
            event("customer.subscription.updated", subscription(item(recurring={"interval": "aeon"}))),
            "data.object.items.data[0].price.recurring.interval is 'aeon'",
        ),
        (
            event("customer.subscription.updated", subscription(item(recurring={"interval_count": 0}))),
            "interval_count is 0, no number of intervals",
        ),
    ],
)
def test_what_cannot_be_read(body: Any, words: str) -> None:
    with pytest.raises(UserError) as caught:
        read("stripe", body)
    assert words in str(caught.value)
    assert "Stripe makes it" in str(caught.value)


@pytest.mark.parametrize("wrong", [{"timezone": "Mars"}, {"timezone": 5}, {"names": []}, {"names": {"a": 1}}])
def test_wrong_settings(wrong: dict[str, object]) -> None:
    with pytest.raises(UserError, match=f"the setting {next(iter(wrong))}"):
        read("stripe", event("customer.subscription.updated", subscription()), wrong)
    with pytest.raises(UserError, match="account_metadata_key"):
        read("stripe", event("customer.created", {"id": "cus_1"}), {"account_metadata_key": 5})


BODIES = [
    event("customer.subscription.trial_will_end", subscription(item(), item(), status="trialing", trial_end=START)),
    event("customer.subscription.deleted", subscription(status="canceled", canceled_at=START), previous_attributes={}),
    event("invoice.payment_failed", invoice()),
    event("invoice.paid", invoice(status="paid")),
    event("customer.updated", {"id": "cus_1", "metadata": {"tocsin_account_id": "acme"}}),
]


@settings(max_examples=300, deadline=None)
@given(tampered(BODIES))
def test_no_body_is_more_than_an_error(body: bytes) -> None:
    survives("stripe", body)
    survives("stripe", body, {"timezone": "Pacific/Kiritimati"})
