"""Secrets of channels and sources at rest: encrypted with a key that is derived from the workspace's."""

from __future__ import annotations

import base64
import hashlib
from functools import lru_cache

from cryptography.fernet import Fernet, InvalidToken
from django.conf import settings

_PURPOSE = b"tocsin: secrets of channels"  # what is sealed can be opened by these very words only


class UnreadableError(Exception):
    """It was sealed with another key."""


def seal(text: str) -> str:
    """The text, encrypted; '' stays ''."""
    return _box(settings.SECRET_KEY).encrypt(text.encode()).decode() if text else ""


def unseal(sealed: str) -> str:
    """The text. UnreadableError where the workspace's key is another one than when it was sealed."""
    if not sealed:
        return ""
    try:
        return _box(settings.SECRET_KEY).decrypt(sealed.encode()).decode()
    except InvalidToken as error:
        raise UnreadableError("sealed with another key") from error


@lru_cache(maxsize=2)
def _box(key: str) -> Fernet:
    # The key is as random as a key can be, so one keyed hash apart from its other uses is enough.
    derived = hashlib.blake2b(_PURPOSE, key=hashlib.sha512(key.encode()).digest(), digest_size=32).digest()
    return Fernet(base64.urlsafe_b64encode(derived))
