"""What the alerts app shows to others: plain functions that take and give frozen dataclasses.

Times are aware and in UTC. `by` is the e-mail address of who acts, or a word for the machine (`sweep`, `catalog`).
Every function that acts raises UserError with one sentence where it cannot.
"""

from __future__ import annotations

from tocsin.alerts.acts import acknowledge, release, reopen, resolve, snooze
from tocsin.alerts.escalating import note_escalation
from tocsin.alerts.handing import assign, comment, reassign
from tocsin.alerts.pulsing import PulseReport, pulse_rows, pulse_states
from tocsin.alerts.reading import (
    AuditLine,
    alert,
    alerts_by_id,
    alerts_of_rule,
    audit,
    inbox,
    list_alerts,
    open_counts,
    timeline_of_account,
    untold_candidates,
)
from tocsin.alerts.reviewing import release_many, resolve_many
from tocsin.alerts.rulebook import (
    RuleVersionInfo,
    broken_rules,
    definitions,
    draft_rules,
    export_rules,
    list_drafts,
    list_rules,
    publish_rules,
    rule,
    versions,
)
from tocsin.alerts.shapes import (
    LIVE,
    OUTCOMES,
    SEVERITIES,
    STATES,
    AccountCard,
    AccountGroup,
    Alert,
    AlertFilter,
    AlertPage,
    Entry,
    EvidenceLine,
    Inbox,
    OpenCounts,
    PublishReport,
    RuleInfo,
    SweepReport,
    TransitionNotice,
)
from tocsin.alerts.sweeping import MOST_AHEAD, last_sweep, sweep
from tocsin.alerts.teamwork import AGES, CLEARED, OwnerFigures, TeamFigures, team_figures
from tocsin.alerts.together import (
    acknowledge_together,
    assign_together,
    reopen_together,
    resolve_together,
    snooze_together,
)

__all__ = [
    "AGES",
    "CLEARED",
    "LIVE",
    "MOST_AHEAD",
    "OUTCOMES",
    "SEVERITIES",
    "STATES",
    "AccountCard",
    "AccountGroup",
    "Alert",
    "AlertFilter",
    "AlertPage",
    "AuditLine",
    "Entry",
    "EvidenceLine",
    "Inbox",
    "OpenCounts",
    "OwnerFigures",
    "PublishReport",
    "PulseReport",
    "RuleInfo",
    "RuleVersionInfo",
    "SweepReport",
    "TeamFigures",
    "TransitionNotice",
    "acknowledge",
    "acknowledge_together",
    "alert",
    "alerts_by_id",
    "alerts_of_rule",
    "assign",
    "assign_together",
    "audit",
    "broken_rules",
    "comment",
    "definitions",
    "draft_rules",
    "export_rules",
    "inbox",
    "last_sweep",
    "list_alerts",
    "list_drafts",
    "list_rules",
    "note_escalation",
    "open_counts",
    "publish_rules",
    "pulse_rows",
    "pulse_states",
    "reassign",
    "release",
    "release_many",
    "reopen",
    "reopen_together",
    "resolve",
    "resolve_many",
    "resolve_together",
    "rule",
    "snooze",
    "snooze_together",
    "sweep",
    "team_figures",
    "timeline_of_account",
    "untold_candidates",
    "versions",
]
