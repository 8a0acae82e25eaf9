"""Webhooks: one signed POST for each alert, at least once, to an address that is checked each time."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import secrets
import threading
import time
from collections import OrderedDict
from collections.abc import Mapping
from datetime import datetime
from typing import Any, ClassVar

from tocsin.core.errors import UserError
from tocsin.delivery.channels import http
from tocsin.delivery.channels.base import TIMEOUT, Channel, PermanentError, Receipt, SendError, Target, refuse_unknown
from tocsin.delivery.channels.networks import ForbiddenError, check_host
from tocsin.delivery.channels.webhook.payload import payloads
from tocsin.delivery.message import Message

PREFIX = "whsec_"
LONGEST_ANSWER = 10.0  # seconds that one POST may take
REMEMBERED = 10_000


class _Taken:
    """Which parts of messages were taken, so that a retry by this process leaves them out; later ones repeat them."""

    def __init__(self) -> None:
        self._guard = threading.Lock()
        self._known: OrderedDict[tuple[str, str], None] = OrderedDict()

    def add(self, channel: str, part: str) -> None:
        with self._guard:
            self._known[(channel, part)] = None
            while len(self._known) > REMEMBERED:
                self._known.popitem(last=False)

    def __contains__(self, key: tuple[str, str]) -> bool:
        with self._guard:
            return key in self._known


_taken = _Taken()


class Webhook:
    """An address of your own, called by the Standard Webhooks scheme."""

    kind: ClassVar[str] = "webhook"
    title: ClassVar[str] = "Webhook"
    personal: ClassVar[bool] = False
    shows_secret: ClassVar[bool] = True

    def check(self, config: Mapping[str, Any], secret: str) -> tuple[dict[str, Any], str]:
        """url, and the secret: `whsec_` with 24 to 64 bytes in base64, two with a space while one replaces the other."""
        refuse_unknown(config, ("url",), self.kind)
        url = str(config.get("url") or "").strip()
        if not url:
            raise UserError("a webhook needs its address: give --url https://host/path")
        place = http.place_of(url)
        try:
            check_host(place.host, place.port)
        except ForbiddenError as error:
            raise UserError(str(error)) from error
        for each in secret.split():
            _key(each)
        return {"url": url}, " ".join(secret.split()) or make_secret()

    def send(self, channel: Channel, target: Target, message: Message, moment: datetime) -> Receipt:
        """A POST for each alert. One that is refused for good does not hold up the others."""
        until = time.monotonic() + TIMEOUT
        parts, refusals = list(payloads(target, message, moment)), []
        for part, body in parts:
            if (channel.name, part) in _taken:
                continue
            left = min(LONGEST_ANSWER, until - time.monotonic())
            if left <= 0:
                raise SendError(f"the receiver was too slow for {len(parts)} alerts in {TIMEOUT:.0f} s; the rest follows")
            headers = {"Content-Type": "application/json", "User-Agent": "Tocsin", **signed(channel.secret, part, body, moment)}
            answer = http.post(str(channel.config["url"]), body, headers, left)
            error = http.refused(answer, moment)
            if error is None:
                if len(parts) > 1:
                    _taken.add(channel.name, part)
            elif isinstance(error, PermanentError) and not error.disable:
                refusals.append(error)
            else:
                raise error
        if refusals:
            raise PermanentError(f"{refusals[0]}{f' ({len(refusals)} of {len(parts)} alerts)' if len(parts) > 1 else ''}")
        return Receipt(note=f"taken by the receiver{f', {len(parts)} alerts' if len(parts) > 1 else ''}")


def make_secret() -> str:
    """A new secret."""
    return PREFIX + base64.b64encode(secrets.token_bytes(32)).decode()


def signed(secret: str, part: str, body: bytes, moment: datetime) -> dict[str, str]:
    """The three headers of the Standard Webhooks scheme; a signature by each secret."""
    stamp = str(int(moment.timestamp()))
    signatures = []
    for each in secret.split():
        mac = hmac.digest(_key(each), f"{part}.{stamp}.".encode() + body, hashlib.sha256)
        signatures.append(f"v1,{base64.b64encode(mac).decode()}")
    return {"webhook-id": part, "webhook-timestamp": stamp, "webhook-signature": " ".join(signatures)}


def _key(secret: str) -> bytes:
    try:
        key = base64.b64decode(secret.removeprefix(PREFIX) + "==", validate=False) if secret.startswith(PREFIX) else b""
    except binascii.Error:
        key = b""
    if not 24 <= len(key) <= 64:
        raise UserError("the secret of a webhook is whsec_ and 24 to 64 bytes in base64; leave it out, and one is made")
    return key


TRANSPORT = Webhook()
