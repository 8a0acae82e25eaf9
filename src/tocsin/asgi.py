"""The front of the server: health, the command line's door, and Django's pages behind them."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from contextlib import nullcontext
from typing import Any

from django.core.asgi import get_asgi_application

from tocsin.api.middleware import PATH
from tocsin.api.problems import MEDIA, said
from tocsin.facts import breathing

MOST = 8 * 1024 * 1024  # bytes of a request to a page or the interface, unless it is one for files

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]


class Front:
    """The ASGI application. routes: path -> application, asked before Django's pages; one that ends in / takes all below it.

    `/healthz` says that the process answers; `/readyz` that it takes work: 200 only while `ready()` holds, else 503.
    most: path of a page -> bytes that a request to it may have; of all others `MOST`. Django writes a body to disk before
    anybody asks how large it is.
    """

    def __init__(self, ready: Callable[[], bool], routes: dict[str, App], most: Mapping[str, int] | None = None) -> None:
        self._ready, self._routes, self._most = ready, routes, most or {}
        self._below = tuple(path for path in routes if path.endswith("/"))
        self._pages: Any = get_asgi_application()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            if scope["type"] == "websocket":
                await send({"type": "websocket.close", "code": 1000})
            return
        path = scope["path"]
        if path == "/healthz":
            await answer(send, 200, b"ok\n")
        elif path == "/readyz":
            ready = self._ready()
            await answer(send, 200 if ready else 503, b"ready\n" if ready else b"not ready\n")
        elif path in self._routes:
            await self._routes[path](scope, receive, send)
        elif (below := next((each for each in self._below if path.startswith(each)), None)) is not None:
            await self._routes[below](scope, receive, send)
        else:
            # Whoever reads a page waits for it, and sweeps and pulses stand back; what changes something may take long.
            hurry = breathing.counted(breathing.ANSWERING) if scope["method"] in ("GET", "HEAD") else nullcontext()
            with hurry:
                await bounded(self._pages, self._most.get(path, MOST), scope, receive, send)


async def bounded(app: App, most: int, scope: Scope, receive: Receive, send: Send) -> None:
    """Let an application answer, unless the body is larger than it may be: then 413, once the rest of it was passed over."""
    told = dict(scope["headers"]).get(b"content-length", b"0")
    over = told.isdigit() and int(told) > most
    size, begun = 0, False

    async def counted() -> MutableMapping[str, Any]:
        nonlocal size, over
        message = await receive()
        size += len(message.get("body", b""))
        if size <= most:
            return message
        over = True
        await _pass_over(message, receive)
        return {"type": "http.disconnect"}

    async def noting(message: MutableMapping[str, Any]) -> None:
        nonlocal begun
        begun = True
        await send(message)

    if over:
        await _pass_over({"type": "http.request", "more_body": True}, receive)
    else:
        await app(scope, counted, noting)
    if over and not begun:
        words = f"This is larger than the {most / 1024 / 1024:,.0f} MB that are taken at once."
        path = scope.get("path", "")
        if path.startswith(PATH):
            await answer(send, 413, said(path, 413, words).encode(), MEDIA.encode())
        else:
            await answer(send, 413, f"{words}\n".encode())


async def _pass_over(message: MutableMapping[str, Any], receive: Receive) -> None:
    """Take the rest of a body without keeping it: a browser shows no answer before it has sent everything."""
    while message["type"] == "http.request" and message.get("more_body", False):
        message = await receive()


async def answer(send: Send, status: int, body: bytes, kind: bytes = b"text/plain; charset=utf-8") -> None:
    """Send a short answer, whole."""
    headers = [(b"content-type", kind), (b"content-length", str(len(body)).encode()), (b"cache-control", b"no-store")]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
