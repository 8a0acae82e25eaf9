"""What the delivery app shows to others: plain functions that take and give frozen dataclasses. Times are aware, in UTC.

`by` is the e-mail address of who acts. What changes something raises UserError with one sentence where it cannot.
"""

from __future__ import annotations

from tocsin.delivery.auditor import Audit, audit
from tocsin.delivery.enqueue import enqueue
from tocsin.delivery.ledger import (
    DeliveryInfo,
    DeliveryPage,
    NoticeInfo,
    delivery,
    in_app,
    list_deliveries,
    mark_seen,
    notices_of_alert,
    replay_all,
    replay_delivery,
    unseen,
)
from tocsin.delivery.loop import Loop
from tocsin.delivery.routebook import PlanVersion, check_plan, current_plan, plan_in_force, plan_versions, publish_plan
from tocsin.delivery.silences import SilenceInfo, create_silence, end_silence, list_silences

__all__ = [
    "Audit",
    "DeliveryInfo",
    "DeliveryPage",
    "Loop",
    "NoticeInfo",
    "PlanVersion",
    "SilenceInfo",
    "audit",
    "check_plan",
    "create_silence",
    "current_plan",
    "delivery",
    "end_silence",
    "enqueue",
    "in_app",
    "list_deliveries",
    "list_silences",
    "mark_seen",
    "notices_of_alert",
    "plan_in_force",
    "plan_versions",
    "publish_plan",
    "replay_all",
    "replay_delivery",
    "unseen",
]
