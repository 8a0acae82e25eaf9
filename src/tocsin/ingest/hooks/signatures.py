"""How requests are signed: the parts that the vendors' schemes share. Comparisons take the same time whatever is compared."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime

from tocsin.ingest.hooks.shapes import Refused, Request

TOLERANCE = 300  # seconds that a signature may be old, or ahead
_LONGEST_STAMP = 15  # digits
_WEBHOOK_PREFIX = "whsec_"
_UNSIGNED = "send it signed, or check that nothing on the way takes headers out"

Mac = Callable[[bytes, bytes], str]
"""(key, what is signed) -> the signature as it is written."""


def usable(secrets: Sequence[str]) -> list[str]:
    """The secrets that are not empty; Refused where there is none, so that nothing is ever taken unsigned."""
    given = [each.strip() for each in secrets if each.strip()]
    if not given:
        raise Refused("no signing secret is set for this source; set the one that the sender signs with")
    return given


def header(request: Request, name: str) -> str:
    """A header's value; Refused where it is missing or empty."""
    value = request.headers.get(name.lower(), "").strip()
    if not value:
        raise Refused(f"the request has no header {name}; {_UNSIGNED}")
    return value


def hex_sha256(key: bytes, signed: bytes) -> str:
    """HMAC-SHA256 in hex."""
    return hmac.digest(key, signed, hashlib.sha256).hex()


def hex_sha1(key: bytes, signed: bytes) -> str:
    """HMAC-SHA1 in hex, for the vendors that still use it."""
    return hmac.digest(key, signed, hashlib.sha1).hex()


def base64_sha256(key: bytes, signed: bytes) -> str:
    """HMAC-SHA256 in base64."""
    return base64.b64encode(hmac.digest(key, signed, hashlib.sha256)).decode()


def compare(mac: Mac, keys: Iterable[bytes], signed: bytes, given: Iterable[str]) -> None:
    """Refused where none of the given signatures is that of one of the keys. Every pair is compared, whichever fits."""
    offered = [each.encode("utf-8", "replace") for each in given]
    fits = False
    for key in keys:
        wanted = mac(key, signed).encode()
        for each in offered:
            fits |= hmac.compare_digest(wanted, each)
    if not fits:
        raise Refused("the signature does not match; check that this source's secret is the one that the sender signs with")


def seconds(stamp: str, name: str) -> int:
    """A time stamp of digits; Refused for anything else."""
    if not (stamp.isascii() and stamp.isdigit() and len(stamp) <= _LONGEST_STAMP):
        raise Refused(f"{name} holds no time stamp; send the number that the scheme asks for")
    return int(stamp)


def check_age(signed_at: float, received: datetime) -> None:
    """Refused where a signature (seconds since 1970) is more than the tolerance before or after the arrival."""
    if abs(received.timestamp() - signed_at) > TOLERANCE:
        raise Refused(
            "the signature is more than five minutes old, or ahead; check the clocks of both machines, and send it anew"
        )


def verify_prefixed(request: Request, secrets: Sequence[str], name: str, method: str) -> None:
    """A header `<method>=<hex HMAC of the body>`, as WebSub has it; method: sha1 or sha256. It has no time."""
    keys = usable(secrets)
    given = header(request, name)
    found, equals, signature = given.partition("=")
    if not equals or found.strip().lower() != method:
        raise Refused(f"{name} is not of the form {method}=...; sign the body by HMAC with {method.upper()}")
    mac = hex_sha1 if method == "sha1" else hex_sha256
    compare(mac, (each.encode() for each in keys), request.body, [signature.strip().lower()])


def sign_prefixed(request: Request, secret: str, name: str, method: str) -> dict[str, str]:
    """The header that `verify_prefixed` takes."""
    key = usable([secret])[0].encode()
    mac = hex_sha1 if method == "sha1" else hex_sha256
    return {name.lower(): f"{method}={mac(key, request.body)}"}


def verify_bearer(request: Request, secrets: Sequence[str]) -> None:
    """`Authorization: Bearer <secret>`, for senders that cannot sign."""
    keys = usable(secrets)
    scheme, _, token = header(request, "Authorization").partition(" ")
    if scheme.lower() != "bearer" or not token.strip():
        raise Refused("the header Authorization is not of the form Bearer ...; send the secret of this source in it")
    compare(lambda key, _: key.decode(), (each.encode() for each in keys), b"", [token.strip()])


def verify_standard(request: Request, secrets: Sequence[str]) -> None:
    """The Standard Webhooks scheme: `webhook-id`, `webhook-timestamp`, and `webhook-signature` with one `v1,` or several."""
    keys = [key for each in usable(secrets) if (key := _webhook_key(each))]
    if not keys:
        raise Refused("no secret of this source is one of Standard Webhooks; set whsec_ and a key in base64")
    stamp = header(request, "webhook-timestamp")
    moment = seconds(stamp, "webhook-timestamp")
    signed = f"{header(request, 'webhook-id')}.{stamp}.".encode("utf-8", "replace") + request.body
    given = [each[3:] for each in header(request, "webhook-signature").split() if each.startswith("v1,")]
    compare(base64_sha256, keys, signed, given)
    check_age(moment, request.received)


def sign_standard(request: Request, secret: str, message_id: str) -> dict[str, str]:
    """The three headers of the Standard Webhooks scheme. Refused where the secret is no key in base64."""
    key = _webhook_key(usable([secret])[0])
    if not key:
        raise Refused("the secret is none of Standard Webhooks; set whsec_ and a key in base64")
    stamp = str(int(request.received.timestamp()))
    signature = base64_sha256(key, f"{message_id}.{stamp}.".encode() + request.body)
    return {"webhook-id": message_id, "webhook-timestamp": stamp, "webhook-signature": f"v1,{signature}"}


def _webhook_key(secret: str) -> bytes:
    """The key in a secret, with or without its prefix and padding; empty where it is no base64."""
    coded = secret.removeprefix(_WEBHOOK_PREFIX).rstrip("=")
    try:
        return base64.b64decode(coded + "=" * (-len(coded) % 4), validate=True)
    except (binascii.Error, ValueError):
        return b""
