"""Trying a source: the vendor's own sample, signed as the vendor would, through the door. Nothing of it is stored."""

from __future__ import annotations

import asyncio
import http.client
import json
from collections.abc import Callable, Mapping, MutableMapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings

from tocsin.core.errors import UserError
from tocsin.ingest.hooks import VENDORS, Request
from tocsin.ingest.wire import Scope
from tocsin.sources.book import info, row_of
from tocsin.sources.door import TEST, Door
from tocsin.sources.noting import for_door

HERE = "http://localhost"  # the address of a door without a server
TIMEOUT = 20.0  # seconds

Post = Callable[[str, Mapping[str, str], bytes], tuple[int, bytes]]
"""(path, headers, body) -> status and body of the answer."""


@dataclass(frozen=True, slots=True)
class Tried:
    """How a test went. words: one sentence."""

    ok: bool
    words: str


def try_source(reference: str, post: Post, address: str, *, moment: datetime) -> Tried:
    """Send a signed sample to the door. address: where the door is reached. UserError where no secret is there to sign with."""
    found = info(row_of(reference))
    held = for_door(found.vendor, found.id)
    vendor = VENDORS[found.vendor]
    if held is None or not held.secrets:
        raise UserError(f"the source {found.name!r} has no secret to sign with; add it first. {vendor.secret_hint}")
    body = vendor.sample(moment)
    url = f"{settings.TOCSIN_PUBLIC_URL or address}{found.path}"
    headers = vendor.sign(Request("POST", url, {}, body, moment), held.secrets[-1])
    status, answer = post(found.path, {"content-type": "application/json", **headers, TEST: "1"}, body)
    return _told(found.name, status, answer)


def to_server(address: str) -> Post:
    """Posts to a running server at an address such as `http://127.0.0.1:8321`."""

    def post(path: str, headers: Mapping[str, str], body: bytes) -> tuple[int, bytes]:
        there = urlsplit(address)
        line = http.client.HTTPConnection(there.hostname or "127.0.0.1", there.port, timeout=TIMEOUT)
        try:
            line.request("POST", path, body, dict(headers))
            answer = line.getresponse()
            return answer.status, answer.read()
        except (OSError, http.client.HTTPException) as error:
            raise UserError(f"the server at {address} does not answer ({error}); try again") from error
        finally:
            line.close()

    return post


def to_door(door: Door) -> Post:
    """Posts to a door in this process."""

    def post(path: str, headers: Mapping[str, str], body: bytes) -> tuple[int, bytes]:
        sent: list[MutableMapping[str, Any]] = []

        async def receive() -> MutableMapping[str, Any]:
            return {"type": "http.request", "body": body, "more_body": False}

        async def send(message: MutableMapping[str, Any]) -> None:
            sent.append(message)

        given = [(name.lower().encode(), value.encode("latin-1")) for name, value in {"host": "localhost", **headers}.items()]
        scope: Scope = {"type": "http", "method": "POST", "scheme": "http", "path": path, "query_string": b"", "headers": given}
        asyncio.run(door(scope, receive, send))
        return int(sent[0]["status"]), b"".join(each.get("body", b"") for each in sent[1:])

    return post


def _told(name: str, status: int, answer: bytes) -> Tried:
    try:
        said = json.loads(answer)
    except ValueError:
        said = {}
    if status != 200:
        return Tried(False, f"{name}: refused with {status}: {said.get('message', 'no reason was given')}")
    rows = ", ".join(f"{count} of {collection}" for collection, count in said.get("rows", {}).items())
    became = f"its rows would be {rows}" if rows else str(said.get("ignored", "it tells no rows")).rstrip(".")
    return Tried(True, f"{name}: the signature is good and the sample can be read; {became}. Nothing of a test is stored.")
