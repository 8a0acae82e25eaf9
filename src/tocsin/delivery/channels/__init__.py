"""The ways by which a message reaches its target: one folder each, found by kind. See `base` for what each of them is."""

from tocsin.delivery.channels.base import Channel, PermanentError, Receipt, SendError, Target, Transport
from tocsin.delivery.channels.registry import KINDS, transport_of

__all__ = ["KINDS", "Channel", "PermanentError", "Receipt", "SendError", "Target", "Transport", "transport_of"]
