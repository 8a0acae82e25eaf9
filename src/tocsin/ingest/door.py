"""The door of Segment's API: `POST /v1/{batch,track,identify,group,page,screen,alias}`, an ASGI application beside Django.

Nothing is stored here but in the inbox: a request is read, checked as far as it can be refused, made durable, and answered.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import cast

import msgspec

from tocsin.core.errors import UserError
from tocsin.facts import breathing
from tocsin.ingest.limits import Limits
from tocsin.ingest.log import FullError, Log
from tocsin.ingest.origins import Origins
from tocsin.ingest.records import Kind, Record
from tocsin.ingest.segment.messages import KINDS, read_call, read_envelope
from tocsin.ingest.segment.reading import Told
from tocsin.ingest.wire import OK, GoneError, Receive, RefusedError, Scope, Send, basic_key, read_body, refuse, say

PREFIX = "/v1/"
KNOWN_FOR = 5.0  # seconds that a key once looked up is taken to be as it was: a revoked one ends within them
MOST_KEYS = 1_000

log = logging.getLogger("tocsin.ingest")

_SINGLE = msgspec.json.Decoder(dict[str, msgspec.Raw])


class Door:
    """The application. whose: the name of a write key's holder, None for a key that opens nothing; asked in a thread.

    origins: the sites whose pages may send; every one where it is not given.
    """

    def __init__(
        self,
        inbox: Log,
        whose: Callable[[str], str | None],
        limits: Limits,
        *,
        origins: Origins | None = None,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._inbox, self._whose, self._limits, self._clock = inbox, whose, limits, clock
        self._origins = origins or Origins()
        self._keys: dict[str, tuple[float, str | None]] = {}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["method"] == "OPTIONS" and await self._origins.answer(scope, send):
            return
        also = self._origins.headers(scope)
        try:
            with breathing.counted(breathing.ANSWERING):
                await self._take(scope, receive)
        except RefusedError as error:
            await refuse(send, error, also)
        except GoneError:
            return
        except Exception:
            log.exception("a request could not be answered")
            await refuse(send, RefusedError(500, "internal", "the server failed; send it again later"), also)
        else:
            await say(send, 200, OK, also)

    async def _take(self, scope: Scope, receive: Receive) -> None:
        kind = scope["path"].removeprefix(PREFIX).rstrip("/")
        if kind != "batch" and kind not in KINDS:
            raise RefusedError(404, "not_found", f"there is no {scope['path'][:60]!r}; POST to /v1/batch")
        if scope["method"] != "POST":
            raise RefusedError(405, "method_not_allowed", "only POST is taken here")
        headers = dict(scope["headers"])
        key = basic_key(headers)
        source = None if key is None else await self._holder(key)
        if key is not None and source is None:
            raise _unknown_key()
        body = await read_body(headers, receive, self._limits.body)
        received = self._clock()
        inside = self._check_batch(body) if kind == "batch" else self._check_single(body, kind, received)
        if source is None:
            source = None if inside is None else await self._holder(inside)
        if source is None:
            raise _unknown_key()
        await self._keep(Record(cast("Kind", kind), received, source, body))

    def _check_batch(self, body: bytes) -> str | None:
        """The write key of a batch that can be read."""
        try:
            envelope = read_envelope(body)
        except msgspec.ValidationError as error:
            raise RefusedError(
                400, "invalid_batch", f"`batch` must be a list of messages, `writeKey` a text: {error}"
            ) from error
        except (msgspec.DecodeError, ValueError, RecursionError) as error:
            raise RefusedError(400, "invalid_json", "the body is no valid JSON") from error
        if len(envelope.batch) > self._limits.messages:
            raise RefusedError(413, "too_many", f"a batch has {self._limits.messages:,} messages at most; send several")
        return envelope.write_key

    def _check_single(self, body: bytes, kind: str, received: datetime) -> str | None:
        """The write key of a single call that can be taken; all that is wrong with it is told at once."""
        if len(body) > self._limits.message:
            raise RefusedError(413, "too_large", f"a message has {self._limits.message:,} bytes at most")
        try:
            given = _SINGLE.decode(body)
            key = msgspec.json.decode(given["writeKey"], type=str | None) if "writeKey" in given else None
        except (msgspec.MsgspecError, ValueError, RecursionError) as error:
            raise RefusedError(400, "invalid_json", "the body is no JSON object, or its writeKey no text") from error
        try:
            Told().add(read_call(body, kind=kind, received=received, sent_at=None, ahead=self._limits.ahead))
        except UserError as error:
            raise RefusedError(400, "invalid_message", str(error)) from error
        return key

    async def _holder(self, key: str) -> str | None:
        now = time.monotonic()
        known = self._keys.get(key)
        if known is None or known[0] < now:
            if len(self._keys) > MOST_KEYS:
                self._keys.clear()
            known = self._keys[key] = (now + KNOWN_FOR, await asyncio.to_thread(self._whose, key))
        return known[1]

    async def _keep(self, record: Record) -> None:
        await keep(self._inbox, record)


async def keep(inbox: Log, record: Record) -> None:
    """Put a record into the inbox; returns once it is durable. RefusedError 429: too much waits; 503: it cannot be written."""
    loop = asyncio.get_running_loop()
    future: asyncio.Future[None] = loop.create_future()

    def finish(error: BaseException | None) -> None:
        if future.done():
            return
        if error is None:
            future.set_result(None)
        else:
            future.set_exception(error)

    def done(error: BaseException | None) -> None:
        loop.call_soon_threadsafe(finish, error)

    try:
        inbox.append(record.packed(), done)
    except FullError as error:
        raise RefusedError(429, "busy", str(error), retry=1) from error
    except ValueError as error:  # longer than any limit allows
        raise RefusedError(413, "too_large", str(error)) from error
    try:
        await future
    except OSError as error:
        log.error("the inbox cannot be written: %s", error)  # noqa: TRY400 - one line says it
        raise RefusedError(503, "unavailable", "what was sent could not be stored; send it again later", retry=5) from error


def _unknown_key() -> RefusedError:
    return RefusedError(401, "invalid_write_key", "the write key is missing or opens nothing; `tocsin keys create` makes one")
