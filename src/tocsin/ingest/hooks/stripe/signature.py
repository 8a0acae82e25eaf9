"""Stripe's signature: `Stripe-Signature: t=<seconds>,v1=<hex>[,v1=<hex>]` over `<t>.<body>`; the key is the whole secret."""

from __future__ import annotations

from collections.abc import Sequence

from tocsin.ingest.hooks.shapes import Refused, Request
from tocsin.ingest.hooks.signatures import check_age, compare, header, hex_sha256, seconds, usable

HEADER = "Stripe-Signature"


def verify(request: Request, secrets: Sequence[str]) -> None:
    """Refused unless one v1 signature is that of one of the secrets; v0, which test events carry, counts for nothing."""
    keys = usable(secrets)
    parts = [part.strip().partition("=") for part in header(request, HEADER).split(",")]
    stamps = [value for name, _, value in parts if name == "t"]
    signatures = [value for name, _, value in parts if name == "v1"]
    if len(stamps) != 1 or not signatures:
        raise Refused(f"{HEADER} is not of the form t=...,v1=...; send it as Stripe makes it")
    moment = seconds(stamps[0], HEADER)
    compare(hex_sha256, (key.encode() for key in keys), f"{stamps[0]}.".encode() + request.body, signatures)
    check_age(moment, request.received)


def sign(request: Request, secret: str) -> dict[str, str]:
    """The header of a request that was sent when it was received."""
    key = usable([secret])[0].encode()
    stamp = str(int(request.received.timestamp()))
    return {HEADER.lower(): f"t={stamp},v1={hex_sha256(key, f'{stamp}.'.encode() + request.body)}"}
