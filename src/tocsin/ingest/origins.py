"""Requests of browsers from pages of other sites (CORS): which sites may send, and what browsers ask before they do."""

from __future__ import annotations

from tocsin.ingest.wire import Scope, Send

ANY = "*"
KEPT_FOR = 24 * 3600  # seconds that a browser need not ask again
Headers = list[tuple[bytes, bytes]]
_ASKED = (b"access-control-request-method",)


class Origins:
    """The origins (`https://app.example.com`) whose pages may send; `*` is every one.

    Any may be right: a write key stands in the page for all to read, opens nothing but this door, and no cookie plays a part.
    """

    def __init__(self, allowed: frozenset[str] = frozenset({ANY})) -> None:
        self._any = ANY in allowed
        self._allowed = frozenset(each.encode("ascii", "ignore") for each in allowed)

    def headers(self, scope: Scope) -> Headers | None:
        """What an answer says to a browser; None where no browser asks, or its page is of a site that may not send."""
        for name, value in scope["headers"]:
            if name == b"origin":
                if self._any:
                    return [(b"access-control-allow-origin", b"*")]
                allowed = value in self._allowed
                return [(b"access-control-allow-origin", value), (b"vary", b"origin")] if allowed else None
        return None

    async def answer(self, scope: Scope, send: Send) -> bool:
        """Answer what a browser asks before it sends (a preflight); False where the request is none."""
        names = {name for name, _ in scope["headers"]}
        if scope["method"] != "OPTIONS" or b"origin" not in names or not names.issuperset(_ASKED):
            return False
        headers = self.headers(scope)
        if headers is not None:
            headers += [
                (b"access-control-allow-methods", b"POST"),
                (b"access-control-allow-headers", b"authorization, content-type, content-encoding"),
                (b"access-control-max-age", str(KEPT_FOR).encode()),
            ]
        await send({"type": "http.response.start", "status": 204, "headers": headers or []})
        await send({"type": "http.response.body", "body": b""})
        return True
