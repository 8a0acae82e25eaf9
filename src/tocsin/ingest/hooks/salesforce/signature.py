"""Flows cannot sign: `Authorization: Bearer <secret>`, or from Apex `X-Tocsin-Signature: sha256=<hex HMAC of the body>`."""

from __future__ import annotations

from collections.abc import Sequence

from tocsin.ingest.hooks.shapes import Request
from tocsin.ingest.hooks.signatures import sign_prefixed, verify_bearer, verify_prefixed

HEADER, METHOD = "X-Tocsin-Signature", "sha256"


def verify(request: Request, secrets: Sequence[str]) -> None:
    """Refused unless one of the secrets signed the request, or came with it. A signature, where there is one, decides."""
    if HEADER.lower() in request.headers:
        verify_prefixed(request, secrets, HEADER, METHOD)
    else:
        verify_bearer(request, secrets)


def sign(request: Request, secret: str) -> dict[str, str]:
    """The header of a request, as Apex signs it."""
    return sign_prefixed(request, secret, HEADER, METHOD)
