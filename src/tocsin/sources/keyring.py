"""The secrets by which a source may sign: several while one takes the place of another, sealed together."""

from __future__ import annotations

import hashlib
import json
import secrets
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

from django.conf import settings

from tocsin.core.errors import UserError
from tocsin.core.moment import iso
from tocsin.people import sealing
from tocsin.sources.shapes import SecretInfo

# Where we choose the secret, one is made when none is given; the others show theirs.
CHOSEN_HERE = frozenset({"generic", "salesforce", "jira"})
MOST, LONGEST = 5, 500


@dataclass(frozen=True, slots=True)
class Secret:
    """A secret, and since when it is known (UTC)."""

    text: str = field(repr=False)
    added_at: datetime

    @property
    def id(self) -> str:
        """Eight characters that tell it from others. They are made with the workspace's key, so they say nothing of it."""
        key = hashlib.sha512(settings.SECRET_KEY.encode()).digest()
        return hashlib.blake2b(self.text.encode(), key=key, digest_size=4).hexdigest()

    def info(self) -> SecretInfo:
        """What may be shown of it."""
        return SecretInfo(self.id, self.added_at)


def opened(sealed: str) -> list[Secret]:
    """The secrets, oldest first. `sealing.UnreadableError` where the workspace's key is another one."""
    text = sealing.unseal(sealed)
    return [Secret(each["secret"], datetime.fromisoformat(each["at"])) for each in json.loads(text)] if text else []


def closed(held: Sequence[Secret]) -> str:
    """The secrets as they are kept."""
    return sealing.seal(json.dumps([{"secret": each.text, "at": iso(each.added_at)} for each in held])) if held else ""


def readable(sealed: str) -> list[Secret]:
    """The secrets; none where they cannot be read any more, as the workspace's key has changed."""
    try:
        return opened(sealed)
    except sealing.UnreadableError:
        return []


def checked(given: str) -> str:
    """A secret without blanks around it. UserError where it is empty, too long, or no text that can be signed with."""
    text = given.strip()
    if not text or len(text) > LONGEST:
        raise UserError(f"a secret has 1 to {LONGEST} characters")
    if text.encode("utf-8", "ignore").decode() != text:
        raise UserError("the secret holds half a character; copy it once more from where it is shown")
    return text


def made() -> str:
    """A new secret."""
    return secrets.token_urlsafe(32)
