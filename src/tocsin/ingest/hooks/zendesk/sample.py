"""A test event as Zendesk sends it: a ticket of an organization that is in no book."""

from __future__ import annotations

from datetime import datetime

import msgspec

from tocsin.core.moment import iso


def sample(now: datetime) -> bytes:
    """`ticket.created`."""
    moment = iso(now)
    detail = {
        "id": "1",
        "created_at": moment,
        "organization_id": "100000000001",
        "priority": "HIGH",
        "requester_id": "200000000001",
        "status": "NEW",
        "subject": "Test event from Tocsin",
        "updated_at": moment,
    }
    return msgspec.json.encode(
        {
            "account_id": 1,
            "id": f"tocsin-test-{int(now.timestamp())}",
            "type": "zen:event-type:ticket.created",
            "time": moment,
            "zendesk_event_version": "2022-11-06",
            "subject": "zen:ticket:1",
            "detail": detail,
            "event": {"meta": {}},
        }
    )
