"""A test notification as Intercom sends it: a conversation with a company that is in no book."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import msgspec


def sample(now: datetime) -> bytes:
    """`conversation.user.created`."""
    moment = int(now.timestamp())
    item: dict[str, Any] = {
        "type": "conversation",
        "id": "1",
        "created_at": moment,
        "updated_at": moment,
        "state": "open",
        "priority": "not_priority",
        "source": {"type": "conversation", "subject": "", "body": "<p>Test event from Tocsin</p>"},
        "contacts": {"type": "contact.list", "contacts": [{"type": "contact", "id": "tocsin", "external_id": "tocsin-test"}]},
        "company": {"type": "company", "id": "tocsin", "company_id": "tocsin-test"},
    }
    return msgspec.json.encode(
        {
            "type": "notification_event",
            "app_id": "tocsin",
            "topic": "conversation.user.created",
            "id": f"notif_tocsin_test_{moment}",
            "created_at": moment,
            "data": {"type": "notification_event_data", "item": item},
        }
    )
