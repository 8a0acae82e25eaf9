"""A test delivery as HubSpot sends it: a company that is in no book was made, and got its name."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import msgspec


def sample(now: datetime) -> bytes:
    """`company.creation` and `company.propertyChange`."""
    moment = int(now.timestamp() * 1000)
    common: dict[str, Any] = {
        "subscriptionId": 1,
        "portalId": 1,
        "appId": 1,
        "occurredAt": moment,
        "attemptNumber": 0,
        "objectId": 100000000001,
        "changeSource": "CRM",
    }
    return msgspec.json.encode(
        [
            {**common, "eventId": 1, "subscriptionType": "company.creation", "changeFlag": "CREATED"},
            {
                **common,
                "eventId": 2,
                "subscriptionType": "company.propertyChange",
                "propertyName": "name",
                "propertyValue": "Tocsin test",
            },
        ]
    )
