"""Zendesk's signature: base64 of HMAC-SHA256 over time and body, the time in ISO 8601."""

from __future__ import annotations

from collections.abc import Sequence

from tocsin.core.moment import iso
from tocsin.ingest.hooks.shapes import Refused, Request
from tocsin.ingest.hooks.signatures import base64_sha256, check_age, compare, header, usable
from tocsin.ingest.hooks.values import CastError, as_moment

HEADER, STAMP = "X-Zendesk-Webhook-Signature", "X-Zendesk-Webhook-Signature-Timestamp"


def verify(request: Request, secrets: Sequence[str]) -> None:
    """Refused unless the signature is that of one of the secrets, and of these five minutes."""
    keys = usable(secrets)
    signature, stamp = header(request, HEADER), header(request, STAMP)
    try:
        moment = as_moment(stamp)
    except CastError as error:
        raise Refused(f"{STAMP} holds no time; send it as Zendesk makes it") from error
    signed = stamp.encode("utf-8", "replace") + request.body
    compare(base64_sha256, (key.encode() for key in keys), signed, [signature])
    check_age(moment.timestamp(), request.received)


def sign(request: Request, secret: str) -> dict[str, str]:
    """The headers of a request that was sent when it was received."""
    key = usable([secret])[0].encode()
    stamp = iso(request.received.replace(microsecond=0))
    return {STAMP.lower(): stamp, HEADER.lower(): base64_sha256(key, stamp.encode() + request.body)}
