"""A test event as Jira sends it: an issue that is tagged to an account in no book."""

from __future__ import annotations

from datetime import datetime

import msgspec

from tocsin.core.moment import iso


def sample(now: datetime) -> bytes:
    """`jira:issue_created`."""
    fields = {
        "created": iso(now),
        "updated": iso(now),
        "issuetype": {"name": "Bug"},
        "labels": ["account:tocsin-test"],
        "priority": {"id": "2", "name": "High"},
        "resolution": None,
        "resolutiondate": None,
        "status": {"name": "To Do", "statusCategory": {"key": "new"}},
        "summary": "Test event from Tocsin",
    }
    return msgspec.json.encode(
        {
            "timestamp": int(now.timestamp() * 1000),
            "webhookEvent": "jira:issue_created",
            "issue_event_type_name": "issue_created",
            "issue": {"id": "10000", "key": "TEST-1", "fields": fields},
        }
    )
