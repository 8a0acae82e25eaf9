"""The tables of the delivery app."""

from tocsin.delivery.models.channels import Channel, Conversation
from tocsin.delivery.models.outbox import Delivery, Group, Notice
from tocsin.delivery.models.plans import EscalationStep, Heartbeat, RoutingPlan, Silence
from tocsin.delivery.models.records import ChangeLog
from tocsin.delivery.models.teams import TeamWeek

__all__ = [
    "ChangeLog",
    "Channel",
    "Conversation",
    "Delivery",
    "EscalationStep",
    "Group",
    "Heartbeat",
    "Notice",
    "RoutingPlan",
    "Silence",
    "TeamWeek",
]
