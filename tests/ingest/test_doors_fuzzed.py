"""Whatever is sent to the doors is taken or refused with one sentence; nothing that was taken is lost, and nothing breaks."""

from __future__ import annotations

import asyncio
import gzip
import json
from pathlib import Path
from tempfile import mkdtemp
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.ingest.line import Line
from tests.ingest.test_door import BATCH, GOOD, basic
from tocsin.facts.rejected import list_rejected
from tocsin.ingest.door import Door
from tocsin.ingest.limits import Limits

LIMITS = Limits(message=2_000, body=8_000, messages=10)
json_values: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=6), inner, max_size=3),
    max_leaves=6,
)
names = st.sampled_from(
    ["type", "userId", "groupId", "event", "context", "traits", "properties", "timestamp", "batch", "writeKey"]
)
odd_calls = st.builds(
    lambda kind, more: {"type": kind, **GOOD[kind], **more},
    st.sampled_from(list(GOOD)),
    st.dictionaries(names | st.text(max_size=5), json_values, max_size=3),
)
texts = (
    st.builds(lambda calls, more: {**more, "batch": calls}, st.lists(odd_calls | json_values, max_size=4),
              st.dictionaries(names, json_values, max_size=2))
    | odd_calls
    | json_values
).map(lambda value: json.dumps(value).encode())  # fmt: skip
bodies = texts | texts.map(lambda body: body[: len(body) // 2]) | st.binary(max_size=40) | texts.map(gzip.compress)
paths = st.sampled_from(["batch", *GOOD, "nothing", ""]).map(lambda name: f"/v1/{name}")
headers = st.lists(
    st.sampled_from([
        (b"content-encoding", b"gzip"), (b"content-encoding", b"br"), (b"content-length", b"99999999999999999999"),
        (b"authorization", b"Basic !!"), (b"authorization", b"Bearer x"), (b"origin", b"\xff"), basic("key"),
    ]),
    max_size=3,
)  # fmt: skip


@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.lists(st.tuples(paths, bodies, headers, st.sampled_from(["POST", "POST", "POST", "GET", "OPTIONS"])), max_size=6))
def test_whatever_is_sent_to_ingestion(requests: list[tuple[str, bytes, list[tuple[bytes, bytes]], str]]) -> None:
    line = Line(Path(mkdtemp()))
    try:
        door = Door(line.inbox, {"key": "website"}.get, LIMITS)
        for path, body, more, method in [*requests, ("/v1/batch", json.dumps(BATCH).encode(), [], "POST")]:
            status, said = asked(door, path, body, [basic("key"), *more], method)
            assert status < 500, said
            if status not in (200, 204):
                given = json.loads(said)
                assert given["code"]
                assert given["message"]
                assert "\n" not in given["message"]
        line.writer.drain()
        assert line.writer.position == line.inbox.end
        assert {"Report Exported", "Viewed Pricing Page"} <= {name for (name,) in line.rows("SELECT name FROM events")}
        assert not [each for each in list_rejected(line.store) if each.reason.startswith("internal error")]
        assert all(each.reason for each in list_rejected(line.store))
    finally:
        line.close()


def asked(door: Any, path: str, body: bytes, given: list[tuple[bytes, bytes]], method: str) -> tuple[int, bytes]:
    """Status and body of the answer."""
    sent: list[Any] = []

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": body, "more_body": False}

    async def send(message: Any) -> None:
        sent.append(message)

    scope = {"type": "http", "method": method, "path": path, "query_string": b"", "scheme": "http", "headers": given}
    asyncio.run(door(scope, receive, send))
    return int(sent[0]["status"]), b"".join(each.get("body", b"") for each in sent[1:])
