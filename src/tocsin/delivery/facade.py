"""What the delivery app shows to others: plain functions that take and give frozen dataclasses. Times are aware, in UTC.

`by` is the e-mail address of who acts. What changes something raises UserError with one sentence where it cannot.
"""

from __future__ import annotations

from tocsin.delivery.acting import ACTS as LINK_ACTS
from tocsin.delivery.auditor import SILENT, Audit, audit, seen_by_auditor, tell_operations
from tocsin.delivery.builtin import ensure_channels
from tocsin.delivery.changelog import ChangeInfo, changes
from tocsin.delivery.channelbook import (
    ChannelInfo,
    channel_info,
    choose_preferences,
    create_channel,
    disable_channel,
    enable_channel,
    list_channels,
    remove_channel,
    update_channel,
)
from tocsin.delivery.channels.slack.interactions import ForgedError
from tocsin.delivery.channels.slack.interactions import UnknownError as UnknownSlackError
from tocsin.delivery.channels.slack.interactions import receive as slack_pressed
from tocsin.delivery.enqueue import enqueue
from tocsin.delivery.ledger import (
    DeliveryInfo,
    DeliveryPage,
    NoticeInfo,
    deliveries_after,
    delivery,
    in_app,
    list_deliveries,
    mark_seen,
    notices_of_alert,
    replay_all,
    replay_delivery,
    unseen,
)
from tocsin.delivery.links import DeadLinkError
from tocsin.delivery.links import act as act_by_link
from tocsin.delivery.links import follow as follow_link
from tocsin.delivery.loop import Loop
from tocsin.delivery.routebook import PlanVersion, check_plan, current_plan, plan_in_force, plan_versions, publish_plan
from tocsin.delivery.silences import SilenceInfo, create_silence, end_silence, list_silences
from tocsin.delivery.teamweek import leads_a_team, tell_teams
from tocsin.delivery.trying import Tried, test_channel

__all__ = [
    "LINK_ACTS",
    "SILENT",
    "Audit",
    "ChangeInfo",
    "ChannelInfo",
    "DeadLinkError",
    "DeliveryInfo",
    "DeliveryPage",
    "ForgedError",
    "Loop",
    "NoticeInfo",
    "PlanVersion",
    "SilenceInfo",
    "Tried",
    "UnknownSlackError",
    "act_by_link",
    "audit",
    "changes",
    "channel_info",
    "check_plan",
    "choose_preferences",
    "create_channel",
    "create_silence",
    "current_plan",
    "deliveries_after",
    "delivery",
    "disable_channel",
    "enable_channel",
    "end_silence",
    "enqueue",
    "ensure_channels",
    "follow_link",
    "in_app",
    "leads_a_team",
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
    "seen_by_auditor",
    "slack_pressed",
    "tell_operations",
    "tell_teams",
    "test_channel",
    "unseen",
    "update_channel",
]
