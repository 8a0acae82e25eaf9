"""The quick way of plain track calls makes just what the thorough way makes, message by message."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any
from unittest.mock import patch

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tocsin.ingest.arriving import arrivals_of
from tocsin.ingest.limits import Limits
from tocsin.ingest.records import Record
from tocsin.ingest.segment import quick

RECEIVED = datetime(2026, 3, 31, 12, tzinfo=UTC)
PLAIN: dict[str, Any] = {
    "type": "track", "messageId": "m-1", "userId": "u1", "event": "Report Opened", "timestamp": "2026-03-30T10:00:00Z",
    "context": {"groupId": "acme", "library": {"name": "analytics-python"}}, "properties": {"feature": "reports", "minutes": 3},
}  # fmt: skip
ODD: tuple[Any, ...] = ("", None, "x" * 1_001, "\x00", "ü\ud800", "Account Created", "login", 7, [], {"a": 1})
FIELDS = ("type", "messageId", "userId", "anonymousId", "event", "groupId", "previousId", "context", "properties", "sentAt")
TIMES = ("2026-03-30T10:00:00", "2026-03-30T10:00:00+09:00", "2026-04-09T00:00:00Z", "1969-12-31T23:59:59Z", "soon", None, 5)
CONTEXTS: tuple[Any, ...] = (
    {},
    {"groupId": ""},
    {"groupId": "x" * 1_001},
    {"groupId": None},
    {"groupId": 3},
    {"traits": {"a": 1}},
    None,
    [],
)
PROPERTIES: tuple[Any, ...] = (
    None, {}, [], "text", {"feature": ""}, {"feature": 5}, {"minutes": -1}, {"minutes": True}, {"minutes": "3"},
    {"minutes": 2.5}, {"a": "\x00"}, {"a": "\\u0000"}, {"a": "\ud800"}, {"a": 10**30}, {"a": {"b": [1, None, "é"]}},
    {"big": "x" * 33_000},
)  # fmt: skip


def told(body: bytes, *, quickly: bool) -> Any:
    """What a batch tells, with or without the quick way."""
    record = Record("batch", RECEIVED, "website", body)
    if quickly:
        return arrivals_of([record], Limits())
    with patch.object(quick, "messages_of", lambda _body: None):
        return arrivals_of([record], Limits())


def batch(*messages: Any, **envelope: Any) -> bytes:
    return json.dumps({"batch": messages, **envelope}).encode()


def changed(**fields: Any) -> dict[str, Any]:
    return {**PLAIN, **fields}


odd_fields = st.dictionaries(st.sampled_from(FIELDS), st.sampled_from(ODD), max_size=2)
odd_message = st.builds(
    lambda fields, time, context, properties, lacking: {
        name: value
        for name, value in {**PLAIN, **time, **context, **properties, **fields}.items()
        if name not in lacking
    },
    odd_fields,
    st.sampled_from([{}, *({"timestamp": each} for each in TIMES)]),
    st.sampled_from([{}, *({"context": each} for each in CONTEXTS)]),
    st.sampled_from([{}, *({"properties": each} for each in PROPERTIES)]),
    st.sets(st.sampled_from([*FIELDS, "timestamp"]), max_size=2),
)  # fmt: skip
envelopes = st.sampled_from([{}, {"sentAt": "2026-03-31T11:59:00Z"}, {"context": {"groupId": "shared"}}, {"context": {}}])


@given(st.lists(odd_message | st.just(PLAIN), min_size=1, max_size=4), envelopes)
def test_both_ways_tell_the_same(messages: list[Any], envelope: dict[str, Any]) -> None:
    body = batch(*messages, **envelope)
    assert told(body, quickly=True) == told(body, quickly=False)


def test_a_plain_call_goes_the_quick_way() -> None:
    [message] = quick.messages_of(batch(PLAIN)) or []
    made: Any = told(batch(), quickly=True)
    assert quick.add(made, message, msgspec.Raw(b"{}"), RECEIVED, timedelta(hours=24))
    assert made.events[0].account == "acme"
    assert made.events[0].minutes == 3.0


@pytest.mark.parametrize("limit", [0, 1])
def test_a_message_a_byte_too_long_is_refused(limit: int) -> None:
    raw = json.dumps(PLAIN).encode()
    arrivals = arrivals_of(
        [Record("batch", RECEIVED, "website", b'{"batch":[' + raw + b"]}")], Limits(message=len(raw) - limit)
    )
    assert (len(arrivals.events), len(arrivals.refused)) == ((1, 0), (0, 1))[limit]


def test_one_odd_message_does_not_change_the_others() -> None:
    arrivals = told(batch(PLAIN, changed(userId=[]), changed(messageId="m-2")), quickly=True)
    assert [each.id for each in arrivals.events] == ["m-1", "m-2"]
    assert len(arrivals.refused) == 1
