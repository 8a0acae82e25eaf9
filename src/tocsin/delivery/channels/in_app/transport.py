"""Sending is done when it is asked for: the row of the outbox is itself what the pages show."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, ClassVar

from tocsin.delivery.channels.base import Channel, Receipt, Target, refuse_unknown
from tocsin.delivery.message import Message


class InApp:
    """The bell in the product."""

    kind: ClassVar[str] = "in-app"
    title: ClassVar[str] = "In the product"
    personal: ClassVar[bool] = True
    shows_secret: ClassVar[bool] = False

    def check(self, config: Mapping[str, Any], secret: str) -> tuple[dict[str, Any], str]:
        """It has no settings."""
        refuse_unknown(config, (), self.kind)
        return {}, secret

    def send(self, channel: Channel, target: Target, message: Message, moment: datetime) -> Receipt:  # noqa: ARG002
        """Nothing is left to do."""
        return Receipt(note="shown in the product")


TRANSPORT = InApp()
