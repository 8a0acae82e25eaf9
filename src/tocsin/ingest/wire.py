"""HTTP for doors outside of Django: a body with its bounds, unpacked; the write key; answers that clients understand."""

from __future__ import annotations

import base64
import binascii
import json
import zlib
from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from typing import Any

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]

OK = b'{"success": true}'
_STRETCH = 8192  # bytes that are unpacked at once


class RefusedError(Exception):
    """A request that is answered with an error. code: a word for programs; retry: seconds for Retry-After."""

    def __init__(self, status: int, code: str, message: str, retry: int | None = None) -> None:
        super().__init__(message)
        self.status, self.code, self.message, self.retry = status, code, message, retry


class GoneError(Exception):
    """The client went away before it had sent everything."""


async def read_body(headers: Mapping[bytes, bytes], receive: Receive, most: int) -> bytes:
    """The body, unpacked. RefusedError 413 where it is longer than `most`, 400 where it is no gzip, 415 for other codings."""
    said = headers.get(b"content-length", b"")
    coding = headers.get(b"content-encoding", b"").strip().lower()
    if coding not in (b"", b"identity", b"gzip"):
        raise RefusedError(415, "unsupported_encoding", "the body may be plain or gzip")
    packed_most = most if coding != b"gzip" else most + 1024
    if said.isdigit() and (len(said) > 18 or int(said) > packed_most):
        raise too_long(most)
    parts, size, more = [], 0, True
    while more:
        part = await receive()
        if part["type"] == "http.disconnect":
            raise GoneError
        body = part.get("body", b"")
        size += len(body)
        if size > packed_most:
            raise too_long(most)
        parts.append(body)
        more = part.get("more_body", False)
    whole = b"".join(parts)
    return _unpacked(whole, most) if coding == b"gzip" else whole


def too_long(most: int) -> RefusedError:
    """The answer to a body that is too long."""
    return RefusedError(413, "too_large", f"the body is longer than {most:,} bytes; send less at once")


def _unpacked(data: bytes, most: int) -> bytes:
    """Gzip without its wrapping: never more than `most` bytes of it are made, however much a few bytes may stand for."""
    made = bytearray()
    at, view = 0, memoryview(data)
    try:
        while at < len(data):
            unpack = zlib.decompressobj(wbits=31)
            while not unpack.eof:
                part = view[at : at + _STRETCH]  # what lies behind a member is copied: never more than this
                if not part:
                    raise RefusedError(400, "bad_gzip", "the body is said to be gzip, but it is cut off")
                made += unpack.decompress(part, most + 1 - len(made))
                if len(made) > most:
                    raise too_long(most)
                at += len(part) - len(unpack.unused_data) - len(unpack.unconsumed_tail)
    except zlib.error as error:
        raise RefusedError(400, "bad_gzip", "the body is said to be gzip, but it is none") from error
    if not made:
        raise RefusedError(400, "bad_gzip", "the body is empty")
    return bytes(made)


def basic_key(headers: Mapping[bytes, bytes]) -> str | None:
    """The user name of Basic authorization, which is the write key; None where there is none that can be read."""
    scheme, _, rest = headers.get(b"authorization", b"").partition(b" ")
    if scheme.lower() != b"basic" or len(rest) > 4096:
        return None
    try:
        return base64.b64decode(rest.strip(), validate=True).decode().partition(":")[0] or None
    except (binascii.Error, ValueError):
        return None


async def say(send: Send, status: int, body: bytes, more: list[tuple[bytes, bytes]] | None = None) -> None:
    """Answer with JSON, whole."""
    headers = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode()), *(more or [])]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})


async def refuse(send: Send, error: RefusedError, also: list[tuple[bytes, bytes]] | None = None) -> None:
    """Answer with an error: `code` and `message`, as clients look for them. also: further headers."""
    body = json.dumps({"success": False, "code": error.code, "message": error.message}).encode()
    more = [*(also or []), *([(b"retry-after", str(error.retry).encode())] if error.retry is not None else [])]
    if error.status == 413:
        more.append((b"connection", b"close"))  # what is still on its way is not read
    await say(send, error.status, body, more)
