"""The front of the server: health, the command line's door, and Django's pages behind them."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

from django.core.asgi import get_asgi_application

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]


class Front:
    """The ASGI application. routes: path -> application, asked before Django's pages; one that ends in / takes all below it.

    `/healthz` says that the process answers; `/readyz` that it takes work: 200 only while `ready()` holds, else 503.
    """

    def __init__(self, ready: Callable[[], bool], routes: dict[str, App]) -> None:
        self._ready, self._routes = ready, routes
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
            await self._pages(scope, receive, send)


async def answer(send: Send, status: int, body: bytes, kind: bytes = b"text/plain; charset=utf-8") -> None:
    """Send a short answer, whole."""
    headers = [(b"content-type", kind), (b"content-length", str(len(body)).encode()), (b"cache-control", b"no-store")]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
