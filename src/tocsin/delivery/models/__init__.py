"""The tables of the delivery app."""

from tocsin.delivery.models.channels import Channel, Conversation
from tocsin.delivery.models.outbox import Delivery, Group, Notice
from tocsin.delivery.models.plans import EscalationStep, Heartbeat, RoutingPlan, Silence

__all__ = ["Channel", "Conversation", "Delivery", "EscalationStep", "Group", "Heartbeat", "Notice", "RoutingPlan", "Silence"]
