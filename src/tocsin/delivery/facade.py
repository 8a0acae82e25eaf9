"""What the delivery app shows to others: plain functions that take and give frozen dataclasses. Times are aware, in UTC.

`by` is the e-mail address of who acts. What changes something raises UserError with one sentence where it cannot.
"""

from __future__ import annotations

from tocsin.delivery.auditor import Audit, audit
from tocsin.delivery.channelbook import (
    ChangeInfo,
    ChannelInfo,
    Made,
    changes_of_channels,
    channel_info,
    create_channel,
    disable_channel,
    enable_channel,
    ensure_channels,
    list_channels,
    remove_channel,
    update_channel,
)
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
from tocsin.delivery.trying import Tried, test_channel

__all__ = [
    "Audit",
    "ChangeInfo",
    "ChannelInfo",
    "DeliveryInfo",
    "DeliveryPage",
    "Loop",
    "Made",
    "NoticeInfo",
    "PlanVersion",
    "SilenceInfo",
    "Tried",
    "audit",
    "changes_of_channels",
    "channel_info",
    "check_plan",
    "create_channel",
    "create_silence",
    "current_plan",
    "delivery",
    "disable_channel",
    "enable_channel",
    "end_silence",
    "enqueue",
    "ensure_channels",
    "in_app",
    "list_channels",
    "list_deliveries",
    "list_silences",
    "mark_seen",
    "notices_of_alert",
    "plan_in_force",
    "plan_versions",
    "publish_plan",
    "remove_channel",
    "replay_all",
    "replay_delivery",
    "test_channel",
    "unseen",
    "update_channel",
]
