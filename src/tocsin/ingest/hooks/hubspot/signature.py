"""HubSpot's third signature: base64 of HMAC-SHA256 over method, address, body and time, by the app's client secret.

The two earlier ones have no time, so a request that carries only those is refused.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from tocsin.ingest.hooks.shapes import Request
from tocsin.ingest.hooks.signatures import base64_sha256, check_age, compare, header, seconds, usable

HEADER, STAMP = "X-HubSpot-Signature-v3", "X-HubSpot-Request-Timestamp"
# HubSpot signs the address with these characters, and no others, decoded.
_DECODED = re.compile("%(3A|2F|3F|40|21|24|27|28|29|2A|2C|3B)", re.IGNORECASE)


def verify(request: Request, secrets: Sequence[str]) -> None:
    """Refused unless the signature is that of one of the secrets, and of these five minutes."""
    keys = usable(secrets)
    signature, stamp = header(request, HEADER), header(request, STAMP)
    moment = seconds(stamp, STAMP)
    compare(base64_sha256, (key.encode() for key in keys), _signed(request, stamp), [signature])
    check_age(moment / 1000, request.received)


def sign(request: Request, secret: str) -> dict[str, str]:
    """The headers of a request that was sent when it was received."""
    key = usable([secret])[0].encode()
    stamp = str(int(request.received.timestamp() * 1000))
    return {STAMP.lower(): stamp, HEADER.lower(): base64_sha256(key, _signed(request, stamp))}


def _signed(request: Request, stamp: str) -> bytes:
    address = _DECODED.sub(lambda found: chr(int(found[1], 16)), request.url)
    return request.method.upper().encode() + address.encode("utf-8", "replace") + request.body + stamp.encode()
