"""What the health app shows to others: plain functions that take and give frozen dataclasses.

Times are aware and in UTC. `by` is the e-mail address of who acts, or a word for the machine (`catalog`). What needs the facts
takes the book. Every function that acts raises UserError with one sentence where it cannot.
"""

from __future__ import annotations

from tocsin.health.milestonebook import (
    broken_milestones,
    milestone_versions,
    milestones,
    milestones_in_force,
    publish_milestones,
)
from tocsin.health.overrides import audit, lift_override, overrides, set_override
from tocsin.health.profilebook import (
    broken_profiles,
    draft_model,
    drafts,
    edited,
    follow_signals,
    in_force,
    model,
    profile,
    profiles,
    publish_profiles,
    versions,
)
from tocsin.health.recalibration import apply_weights, propose
from tocsin.health.revisions import under_revision
from tocsin.health.scores import distribution, falls, health, history, preview, rebuild, split, splits
from tocsin.health.shapes import (
    AccountHealth,
    AuditLine,
    DayScore,
    Distribution,
    Fall,
    IndicatorFinding,
    MilestoneInfo,
    OverrideInfo,
    ProfileInfo,
    ProfilesReport,
    ProfileVersionInfo,
    Proposal,
    Split,
)

__all__ = [
    "AccountHealth",
    "AuditLine",
    "DayScore",
    "Distribution",
    "Fall",
    "IndicatorFinding",
    "MilestoneInfo",
    "OverrideInfo",
    "ProfileInfo",
    "ProfileVersionInfo",
    "ProfilesReport",
    "Proposal",
    "Split",
    "apply_weights",
    "audit",
    "broken_milestones",
    "broken_profiles",
    "distribution",
    "draft_model",
    "drafts",
    "edited",
    "falls",
    "follow_signals",
    "health",
    "history",
    "in_force",
    "lift_override",
    "milestone_versions",
    "milestones",
    "milestones_in_force",
    "model",
    "overrides",
    "preview",
    "profile",
    "profiles",
    "propose",
    "publish_milestones",
    "publish_profiles",
    "rebuild",
    "set_override",
    "split",
    "splits",
    "under_revision",
    "versions",
]
