"""Intercom's signature: `X-Hub-Signature: sha1=<hex HMAC of the body>`, by the app's client secret. It has no time."""

from __future__ import annotations

from collections.abc import Sequence

from tocsin.ingest.hooks.shapes import Request
from tocsin.ingest.hooks.signatures import sign_prefixed, verify_prefixed

HEADER, METHOD = "X-Hub-Signature", "sha1"


def verify(request: Request, secrets: Sequence[str]) -> None:
    """Refused unless the signature is that of one of the secrets."""
    verify_prefixed(request, secrets, HEADER, METHOD)


def sign(request: Request, secret: str) -> dict[str, str]:
    """The header of a request."""
    return sign_prefixed(request, secret, HEADER, METHOD)
