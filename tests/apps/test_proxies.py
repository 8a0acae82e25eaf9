"""Behind proxies: whose word on who asks, and by which scheme, counts."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from django.conf import settings
from django.test import RequestFactory

from tocsin.core.errors import UserError
from tocsin.server import behind_proxies
from tocsin.workspace import configure

SAID = [(b"x-forwarded-proto", b"https"), (b"x-forwarded-for", b"6.6.6.6, 203.0.113.9, 10.1.2.3")]


def seen(trusted: tuple[str, ...], client: str) -> tuple[str, str]:
    """(scheme, address) as the application sees them."""
    found: list[tuple[str, str]] = []

    async def app(scope: Any, _receive: Any, _send: Any) -> None:
        found.append((scope["scheme"], scope["client"][0]))

    scope = {"type": "http", "scheme": "http", "client": (client, 5), "headers": SAID}
    asyncio.run(behind_proxies(app, trusted)(scope, None, None))  # type: ignore[arg-type]
    return found[0]


def test_nobody_is_believed_unless_named() -> None:
    assert configure(environ={}).trusted_proxies == ()
    assert seen((), "127.0.0.1") == ("http", "127.0.0.1")
    assert seen(("10.0.0.0/8",), "127.0.0.1") == ("http", "127.0.0.1")


def test_a_trusted_proxy_says_who_asks_and_how() -> None:
    assert seen(("127.0.0.1/32", "10.0.0.0/8"), "127.0.0.1") == ("https", "203.0.113.9")
    assert seen(("10.0.0.0/8",), "10.1.1.1") == ("https", "203.0.113.9"), "what the client claims before does not count"


def test_the_settings_are_checked() -> None:
    given = configure(environ={"TOCSIN_TRUSTED_PROXIES": "127.0.0.1, 10.0.0.0/8", "TOCSIN_INGEST_ORIGINS": "https://a.example"})
    assert given.trusted_proxies == ("127.0.0.1/32", "10.0.0.0/8")
    assert given.ingest_origins == {"https://a.example"}
    assert configure(environ={}).ingest_origins == {"*"}
    for name, value in (("TOCSIN_TRUSTED_PROXIES", "the proxy"), ("TOCSIN_INGEST_ORIGINS", "a.example")):
        with pytest.raises(UserError, match=name):
            configure(environ={name: value})


def test_no_header_of_itself_makes_a_request_secure() -> None:
    """Django reads the scheme that the server found, and no header: who is trusted is asked in one place."""
    assert settings.SECURE_PROXY_SSL_HEADER is None
    request = RequestFactory().get("/", headers={"X-Forwarded-Proto": "https"})
    assert not request.is_secure()
