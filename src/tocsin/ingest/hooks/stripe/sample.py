"""A test event as Stripe sends it: a subscription of a customer who is in no book."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import msgspec


def sample(now: datetime) -> bytes:
    """`customer.subscription.created`, of a monthly plan with ten seats."""
    created = int(now.timestamp())
    renewal = int((now + timedelta(days=30)).timestamp())
    price: dict[str, Any] = {
        "id": "price_tocsin_test",
        "object": "price",
        "currency": "usd",
        "lookup_key": "team_monthly",
        "nickname": "Team",
        "product": "prod_tocsin_test",
        "recurring": {"interval": "month", "interval_count": 1, "usage_type": "licensed"},
        "unit_amount": 2500,
    }
    subscription = {
        "id": "sub_tocsin_test",
        "object": "subscription",
        "cancel_at": None,
        "cancel_at_period_end": False,
        "canceled_at": None,
        "created": created,
        "currency": "usd",
        "customer": "cus_tocsin_test",
        "ended_at": None,
        "items": {
            "object": "list",
            "data": [{"id": "si_tocsin_test", "current_period_end": renewal, "price": price, "quantity": 10}],
        },
        "start_date": created,
        "status": "active",
        "trial_end": None,
    }
    return msgspec.json.encode(
        {
            "id": f"evt_tocsin_test_{created}",
            "object": "event",
            "api_version": "2025-06-30.basil",
            "created": created,
            "data": {"object": subscription},
            "livemode": False,
            "type": "customer.subscription.created",
        }
    )
