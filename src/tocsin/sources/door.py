"""The door of inbound webhooks: `POST /hooks/<vendor>/<source id>`, an ASGI application beside Django.

What a request tells is durable in the inbox before it is answered; that the delivery is known is written after that, so that
a crash between the two lets it come once more, which changes nothing.
"""

from __future__ import annotations

import asyncio
import json
import logging
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, TypeVar

from django.conf import settings
from django.db import DatabaseError, close_old_connections

from tocsin.core.errors import UserError
from tocsin.core.moment import iso
from tocsin.facts.turned import HOOKS
from tocsin.ingest.arriving import REJECTED
from tocsin.ingest.door import keep
from tocsin.ingest.hooks import VENDORS, Reading, Refused, Request
from tocsin.ingest.hooks.columns import UPDATED
from tocsin.ingest.log import Log
from tocsin.ingest.records import Record
from tocsin.ingest.wire import GoneError, Receive, RefusedError, Scope, Send, read_body, refuse, say
from tocsin.sources import noting, refusals
from tocsin.sources.book import PREFIX
from tocsin.sources.refusals import Gathered
from tocsin.sources.shapes import DoorSource, RefusalInfo

MOST = 1024 * 1024  # bytes of a body, unpacked
AT_ONCE = 4 * 1024 * 1024  # bytes of rows in one record of the inbox
LONGEST_ROW = 2 * 1024 * 1024  # bytes: a mapping can make much of a small body
PAUSED = 60  # seconds after which a paused source is to come again
NOTED_EVERY = 1.0  # seconds: refusals are counted at once and written no more often, so that nobody can make us write
TEST = "x-tocsin-test"  # a signed request with this header is read and answered, and nothing of it is stored

__all__ = ["MOST", "PREFIX", "TEST", "Door"]

T = TypeVar("T")
log = logging.getLogger("tocsin.sources")


@dataclass(slots=True)
class _Refusals:
    """What was refused of a source and is not written down yet; from when on (monotonic) it may be, and what will see to it."""

    gathered: Gathered = field(default_factory=Gathered)
    after: float = 0.0
    timer: asyncio.TimerHandle | None = None


class Door:
    """The application. zone: the IANA name of the workspace's zone, in which instants become days."""

    def __init__(self, inbox: Log, *, zone: str, clock: Callable[[], datetime] = lambda: datetime.now(UTC)) -> None:
        self._inbox, self._zone, self._clock = inbox, zone, clock
        self._refusals: dict[str, _Refusals] = {}
        self._writing: set[asyncio.Task[None]] = set()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        try:
            told = await self._take(scope, receive)
        except RefusedError as error:
            await refuse(send, error)
        except GoneError:
            return
        except Exception:
            log.exception("a request could not be answered")
            await refuse(send, RefusedError(500, "internal", "the server failed; send it again later"))
        else:
            await say(send, 200, json.dumps({"success": True, **told}).encode())

    async def _take(self, scope: Scope, receive: Receive) -> dict[str, Any]:
        """What the answer says beside `success`."""
        source = await self._source(scope["path"])
        if scope["method"] != "POST":
            raise RefusedError(405, "method_not_allowed", "only POST is taken here")
        if source.paused:
            raise RefusedError(503, "paused", "this source is paused; send it again later", retry=PAUSED)
        headers = _headers(scope)
        try:
            body = await read_body(dict(scope["headers"]), receive, MOST)
            request = Request("POST", _url(scope, headers), headers, body, self._clock())
            _check(source, request)
        except RefusedError as error:
            await self._note_refused(source, scope, error)
            raise
        try:
            reading = VENDORS[source.vendor].read(request, {"timezone": self._zone, **source.settings})
            records = _records(source, reading, request.received)
        except UserError as error:
            refused = RefusedError(400, "unreadable", str(error))
            if TEST not in headers:
                await self._reject(source, request, str(error))
                await self._note_refused(source, scope, refused)
            raise refused from error
        if TEST in headers:
            return {"test": True, "rows": _counted(reading), **({"ignored": reading.ignored} if reading.ignored else {})}
        return await self._store(source, reading, records, request.received)

    async def _source(self, path: str) -> DoorSource:
        vendor, _, source_id = path.removeprefix(PREFIX).rstrip("/").partition("/")
        if vendor not in VENDORS:
            raise RefusedError(404, "unknown_vendor", f"there is no {vendor[:40]!r} here; there are {', '.join(VENDORS)}")
        source = None
        if 0 < len(source_id) <= 20 and source_id.isascii() and source_id.isprintable():
            source = await _asked(lambda: noting.for_door(vendor, source_id))
        if source is None:
            raise RefusedError(404, "unknown_source", "there is no source at this address; `tocsin sources list` shows them")
        return source

    async def _store(self, source: DoorSource, reading: Reading, records: list[Record], moment: datetime) -> dict[str, Any]:
        if reading.ignored:
            await self._note(source, reading.delivery_id, "ignored", reading.ignored, moment)
            return {"ignored": reading.ignored}
        if await _asked(lambda: noting.is_repeated(source.id, reading.delivery_id)):
            return {"repeated": True}
        for record in records:
            await keep(self._inbox, record)
        told = ", ".join(f"{count} of {name}" for name, count in _counted(reading).items())
        await self._note(source, reading.delivery_id, "taken", told, moment)
        return {}

    async def _reject(self, source: DoorSource, request: Request, reason: str) -> None:
        """Keep a body that cannot be read in the list of rejected rows."""
        entry = {"reason": f"{source.name}: {reason}", "row": request.body.decode("utf-8", "replace"), "collection": HOOKS}
        await keep(self._inbox, Record("rows", request.received, source.id, json.dumps([[REJECTED, entry]]).encode()))

    async def _note(self, source: DoorSource, delivery_id: str, became: str, detail: str, moment: datetime) -> None:
        await _tried(lambda: noting.note_received(source.id, delivery_id, became, detail, moment=moment))

    async def _note_refused(self, source: DoorSource, scope: Scope, error: RefusedError) -> None:
        """Gather what was refused; it is written down now, or, where something was just now, in a moment."""
        found, moment = self._refusals.setdefault(source.id, _Refusals()), self._clock()
        origin = str((scope.get("client") or ("",))[0])
        found.gathered.add(RefusalInfo(moment, moment, error.status, error.code, error.message, origin))
        left = found.after - time.monotonic()
        if left <= 0:
            await self._write_refused(source.id, found)
        elif found.timer is None:
            found.timer = asyncio.get_running_loop().call_later(left, self._write_later, source.id, found)

    def _write_later(self, source_id: str, found: _Refusals) -> None:
        task = asyncio.create_task(self._write_refused(source_id, found))
        self._writing.add(task)  # a loop holds its tasks but weakly
        task.add_done_callback(self._writing.discard)

    async def _write_refused(self, source_id: str, found: _Refusals) -> None:
        if found.timer is not None:
            found.timer.cancel()
        told = found.gathered
        found.gathered, found.timer, found.after = Gathered(), None, time.monotonic() + NOTED_EVERY
        await _tried(lambda: refusals.note_refused(source_id, list(told.kinds.values()), told.beyond))


async def _asked(ask: Callable[[], T]) -> T:
    """What the database says, asked in a thread. RefusedError 503 where it does not answer."""
    try:
        return await asyncio.to_thread(_connected, ask)
    except DatabaseError as error:
        log.error("the sources cannot be read: %s", error)  # noqa: TRY400 - one line says it
        raise RefusedError(503, "unavailable", "the source cannot be looked up; send it again later", retry=5) from error


async def _tried(write: Callable[[], None]) -> None:
    """Write something down about what is safe in the inbox already: that it fails is no reason to refuse what was sent."""
    try:
        await asyncio.to_thread(_connected, write)
    except DatabaseError as error:
        log.error("what became of a delivery cannot be written down: %s", error)  # noqa: TRY400


def _connected(act: Callable[[], T]) -> T:
    """Act with a connection that is alive: nobody else looks after those of these threads."""
    close_old_connections()
    try:
        return act()
    finally:
        close_old_connections()


def _check(source: DoorSource, request: Request) -> None:
    """RefusedError 401 where none of the source's secrets signed the request."""
    if source.unreadable:
        lost = "this source's secrets cannot be read, as the workspace's key has changed; add them anew"
        raise RefusedError(401, "invalid_signature", lost)
    try:
        VENDORS[source.vendor].verify(request, source.secrets)
    except Refused as error:
        raise RefusedError(401, "invalid_signature", str(error)) from error


def _headers(scope: Scope) -> dict[str, str]:
    """Headers by lower-case names; one that came several times is one with commas."""
    found: dict[str, str] = {}
    for name, value in scope["headers"]:
        key, text = name.decode("latin-1").lower(), value.decode("latin-1")
        found[key] = f"{found[key]}, {text}" if key in found else text
    return found


def _url(scope: Scope, headers: dict[str, str]) -> str:
    """The address as the sender sees it: below the public one where it is set, else as the request says."""
    base = settings.TOCSIN_PUBLIC_URL or f"{scope.get('scheme', 'http')}://{headers.get('host', 'localhost')}"
    path = (scope.get("raw_path") or scope["path"].encode()).decode("latin-1")
    query = scope.get("query_string", b"").decode("latin-1")
    return f"{base}{path}?{query}" if query else f"{base}{path}"


def _records(source: DoorSource, reading: Reading, received: datetime) -> list[Record]:
    """The rows as they stand in the inbox, in as many records as are needed. UserError where a row is too long for it."""
    bodies: list[list[str]] = []
    size = AT_ONCE
    for row in reading.rows:
        dated = {} if row.at is None else {UPDATED: iso(row.at)}
        text = json.dumps([row.collection, {**row.values, **dated}])
        if len(text) > LONGEST_ROW:
            raise UserError(f"a row of {row.collection} is longer than {LONGEST_ROW:,} bytes; send less, or mend the mapping")
        if size + len(text) > AT_ONCE:
            bodies.append([])
            size = 0
        bodies[-1].append(text)
        size += len(text)
    return [Record("rows", received, source.id, f"[{','.join(texts)}]".encode()) for texts in bodies]


def _counted(reading: Reading) -> dict[str, int]:
    """Collection -> rows."""
    found: dict[str, int] = {}
    for row in reading.rows:
        found[row.collection] = found.get(row.collection, 0) + 1
    return found
