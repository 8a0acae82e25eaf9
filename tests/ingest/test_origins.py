"""Browsers that send from pages of other sites: what they ask before, and what the answers say to them."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.ingest.test_door import BATCH, basic
from tocsin.ingest.door import Door
from tocsin.ingest.limits import Limits
from tocsin.ingest.log import Log
from tocsin.ingest.origins import Origins

ORIGIN = (b"origin", b"https://shop.example")
ASKS = [ORIGIN, (b"access-control-request-method", b"POST"), (b"access-control-request-headers", b"authorization,content-type")]


@pytest.fixture
def inbox(tmp_path: Path) -> Iterator[Log]:
    made = Log(tmp_path / "inbox")
    yield made
    made.close()


def ask(
    inbox: Log, allowed: set[str], method: str, *headers: tuple[bytes, bytes], body: bytes = b""
) -> tuple[int, dict[bytes, bytes]]:
    door, sent = Door(inbox, {"key": "website"}.get, Limits(), origins=Origins(frozenset(allowed))), list[Any]()

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": body, "more_body": False}

    async def send(message: Any) -> None:
        sent.append(message)

    asyncio.run(door({"type": "http", "method": method, "path": "/v1/batch", "headers": list(headers)}, receive, send))
    return sent[0]["status"], dict(sent[0]["headers"])


def test_a_browser_that_asks_is_told_that_it_may(inbox: Log) -> None:
    status, headers = ask(inbox, {"*"}, "OPTIONS", *ASKS)
    assert (status, headers[b"access-control-allow-origin"], headers[b"access-control-allow-methods"]) == (204, b"*", b"POST")
    assert {b"authorization", b"content-type"} <= set(headers[b"access-control-allow-headers"].split(b", "))
    assert b"access-control-allow-credentials" not in headers
    assert inbox.end == 0


def test_only_pages_of_these_sites_may(inbox: Log) -> None:
    status, headers = ask(inbox, {"https://shop.example"}, "OPTIONS", *ASKS)
    assert (status, headers[b"access-control-allow-origin"], headers[b"vary"]) == (204, b"https://shop.example", b"origin")
    for allowed in ({"https://other.example"}, {"none"}):
        assert ask(inbox, allowed, "OPTIONS", *ASKS) == (204, {})


@pytest.mark.parametrize(("key", "status"), [("key", 200), ("wrong", 401)])
def test_the_answer_may_be_read(inbox: Log, key: str, status: int) -> None:
    body = json.dumps(BATCH).encode()
    answer = ask(inbox, {"*"}, "POST", basic(key), ORIGIN, body=body)
    assert (answer[0], answer[1][b"access-control-allow-origin"]) == (status, b"*")
    plain = ask(inbox, {"*"}, "POST", basic(key), body=body)
    assert (plain[0], b"access-control-allow-origin" in plain[1]) == (status, False)
    other = ask(inbox, {"https://other.example"}, "POST", basic(key), ORIGIN, body=body)
    assert (other[0], b"access-control-allow-origin" in other[1]) == (status, False)


def test_what_asks_nothing_is_no_preflight(inbox: Log) -> None:
    assert ask(inbox, {"*"}, "OPTIONS")[0] == 405
    assert ask(inbox, {"*"}, "OPTIONS", ORIGIN)[0] == 405
