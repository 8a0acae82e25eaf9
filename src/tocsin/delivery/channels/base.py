"""What every channel is: settings that are checked when they are given, and one function that sends one message."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, ClassVar, Protocol

from tocsin.core.errors import UserError
from tocsin.delivery.message import Message

TIMEOUT = 20.0  # seconds that sending may take in all; well below the lease of a delivery


class SendError(Exception):
    """It could not be sent now and may be later. The text is for people and holds no secret.

    retry_after: not before so long; disable: the channel is to be switched off (410 Gone, a revoked token).
    """

    def __init__(self, text: str, *, retry_after: timedelta | None = None) -> None:
        super().__init__(text)
        self.retry_after = retry_after


class PermanentError(SendError):
    """It will never be sent so: an unknown address, a refused body. disable: nor will anything else by this channel."""

    def __init__(self, text: str, *, disable: bool = False) -> None:
        super().__init__(text)
        self.disable = disable


@dataclass(frozen=True, slots=True)
class Channel:
    """A channel as it is set up. config: as its kind checks it (public). secret: for signing or signing in, '' where none."""

    name: str
    kind: str
    config: Mapping[str, Any] = field(default_factory=dict, hash=False)
    secret: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True)
class Target:
    """Who gets a message by a channel. email, name: of the person; '' where the channel itself is the target.

    delivery_id: the idempotency key: the same for every attempt. conversation: alert id -> what the channel gave back when
    that alert was told to this target for the first time (a Slack message's place), so that it can be answered or updated.
    """

    delivery_id: str
    email: str = ""
    name: str = ""
    conversation: Mapping[str, Mapping[str, Any]] = field(default_factory=dict, hash=False)


@dataclass(frozen=True, slots=True)
class Receipt:
    """What a channel gave back. data: JSON, kept for later messages about the same alerts. note: for the ledger, in words."""

    data: Mapping[str, Any] = field(default_factory=dict, hash=False)
    note: str = ""


class Transport(Protocol):
    """A kind of channel. Stateless: everything that it needs comes with the call."""

    kind: ClassVar[str]
    title: ClassVar[str]
    personal: ClassVar[bool]  # reaches one person by their address (e-mail); else the channel itself is the target
    shows_secret: ClassVar[bool]  # the other side needs the secret, so it is shown once when the channel is set up

    def check(self, config: Mapping[str, Any], secret: str) -> tuple[dict[str, Any], str]:
        """The settings as they are kept, and the secret (made where none was given). UserError says what is wrong."""
        ...

    def send(self, channel: Channel, target: Target, message: Message, moment: datetime) -> Receipt:
        """Send one message within TIMEOUT seconds. SendError or PermanentError where it was not taken."""
        ...


def refuse_unknown(config: Mapping[str, Any], known: tuple[str, ...], kind: str) -> None:
    """UserError where a setting has no meaning for a kind of channel."""
    for name in config:
        if name not in known:
            raise UserError(f"a channel of kind {kind} has no setting {name!r}; it has {', '.join(known) or 'none'}")
