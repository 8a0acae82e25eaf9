"""A test call as a flow sends it: an account that is in no book."""

from __future__ import annotations

from datetime import datetime

import msgspec

from tocsin.core.moment import iso


def sample(now: datetime) -> bytes:
    """A record of Account."""
    record = {
        "Id": "001000000000001AAA",
        "Name": "Tocsin test",
        "Industry": "Software",
        "CreatedDate": iso(now),
        "LastModifiedDate": iso(now),
        "Owner": {"Email": "csm@example.com"},
    }
    return msgspec.json.encode({"object": "Account", "record": record})
