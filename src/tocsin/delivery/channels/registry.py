"""The kinds of channels, each loaded when it is first used: sending an e-mail needs no Slack."""

from __future__ import annotations

from functools import cache
from importlib import import_module

from tocsin.core.errors import UserError
from tocsin.core.language import suggestion
from tocsin.delivery.channels.base import Transport

# kind -> the folder in this package whose `transport` module has TRANSPORT.
KINDS = {"in-app": "in_app", "email": "email", "slack": "slack", "webhook": "webhook", "apprise": "apprise"}


@cache
def transport_of(kind: str) -> Transport:
    """The transport of a kind. UserError where there is no such kind."""
    folder = KINDS.get(kind)
    if folder is None:
        hint = suggestion(kind, KINDS) or f"; there are {', '.join(KINDS)}"
        raise UserError(f"unknown kind of channel {kind!r}{hint}")
    transport: Transport = import_module(f"tocsin.delivery.channels.{folder}.transport").TRANSPORT
    return transport
