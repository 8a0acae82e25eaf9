"""A test body in the form that needs no mapping: an event of an account that is in no book."""

from __future__ import annotations

from datetime import datetime

import msgspec

from tocsin.core.moment import iso


def sample(now: datetime) -> bytes:
    """One row of `events`."""
    row = {
        "id": f"tocsin-test-{int(now.timestamp())}",
        "account_id": "tocsin-test",
        "name": "Tocsin Test",
        "at": iso(now),
        "kind": "other",
    }
    return msgspec.json.encode({"collection": "events", "rows": [row]})
