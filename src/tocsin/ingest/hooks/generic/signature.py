"""Three ways for senders of any kind: Standard Webhooks, an HMAC of the body, or the secret itself as a bearer token."""

from __future__ import annotations

from collections.abc import Sequence

from tocsin.ingest.hooks.shapes import Refused, Request
from tocsin.ingest.hooks.signatures import sign_prefixed, usable, verify_bearer, verify_prefixed, verify_standard

STANDARD = "webhook-signature"
PREFIXED = ("X-Tocsin-Signature", "X-Hub-Signature-256")
METHOD = "sha256"


def verify(request: Request, secrets: Sequence[str]) -> None:
    """Refused unless one of the secrets signed the request, or came with it. The strongest scheme that is there decides."""
    usable(secrets)
    if STANDARD in request.headers:
        verify_standard(request, secrets)
        return
    for name in PREFIXED:
        if name.lower() in request.headers:
            verify_prefixed(request, secrets, name, METHOD)
            return
    if "authorization" not in request.headers:
        raise Refused(
            f"the request is not signed; send {STANDARD} (Standard Webhooks), {PREFIXED[0]}, or Authorization: Bearer <secret>"
        )
    verify_bearer(request, secrets)


def sign(request: Request, secret: str) -> dict[str, str]:
    """The header of a request: the HMAC of its body, which any secret will do for."""
    return sign_prefixed(request, secret, PREFIXED[0], METHOD)
