"""The page docs/catalog.md: every shipped rule, the row of the field's checklist it answers to, its reading, its parameters."""

from __future__ import annotations

from tocsin.catalog import catalog
from tocsin.core import readings
from tocsin.core.rules import CATEGORIES, Rule

# Rule -> the rows of the checklist (T1 to T71) that it answers to. A row may take several rules, a rule may answer to several.
ROWS: dict[str, tuple[int, ...]] = {
    "onboarding-stuck": (1,), "unengaged-login": (2,), "feature-first-use": (3,), "trained-feature-used": (4,),
    "mature-without-feature": (5,), "user-added": (6,), "customer-won": (7,), "integration-connected": (8,),
    "milestone-missed": (9,), "tier-first-weeks": (10, 11), "onboarding-complete": (12,), "trial-ending": (13,),
    "user-surge": (14,), "renewal-countdown": (15, 16), "renewal-poor-health": (17,), "renewal-no-qbr": (18,),
    "contract-renewed": (19,), "upsell-at-renewal": (20,), "license-70": (21,), "license-90": (22,), "license-100": (23,),
    "heavy-use": (24,), "pricing-interest": (25,), "nps-promoter": (26,), "nps-celebrate": (26,), "feature-a-not-b": (27,),
    "expansion-won": (28,),
    "key-person-silent": (29,), "key-person-drop": (30,), "key-person-deleted": (31,), "champion-lost": (32,),
    "health-dropped": (33,), "health-declining": (34,), "health-poor-long": (35,), "risk-updated": (36,), "no-login": (37,),
    "usage-drop": (38,), "seats-collapse": (39,), "active-users-decline": (40,), "engagement-low": (41,),
    "feature-underused": (42,), "feature-dip": (43,), "minutes-low": (44,), "disengaged-entered": (45,),
    "integration-removed": (46,), "error-page": (47,), "help-often": (48,), "touchpoint-gap": (49,),
    "touchpoint-decline": (50,), "cadence-missed": (51,), "call-gap": (52,), "nps-detractor": (53,),
    "nps-detractor-mild": (53,), "review-due": (54,), "plan-downgraded": (55,), "subscription-cancelled": (56,),
    "invoice-overdue": (57,), "amount-due-high": (58,), "mrr-dip": (59,), "critical-ticket-old": (60,),
    "product-issue-open": (61,), "sla-breached": (62,), "churn-over-tolerance": (63,), "churn-over-tolerance-team": (63,),
    "churn-over-tolerance-csm": (63,), "churn-statement": (63,), "task-due": (64,), "task-overdue": (65,),
    "csm-missing-deadlines": (66,), "csm-overloaded": (67,), "churn-predicted": (68,), "conversion-predicted": (69,),
    "expansion-predicted": (70,), "needs-nurturing": (71,),
}  # fmt: skip
TITLES = {
    "onboarding": "Onboarding", "renewal": "Renewal", "upsell": "Upsell", "risk": "Risk", "account": "Account",
    "safety": "Safety nets", "portfolio": "Portfolio", "work": "Our own work",
}  # fmt: skip
HEAD = """\
# The catalog

<!-- Made by `make docs` from the shipped rules; edits here are overwritten. -->

The rules that ship with Tocsin, live the moment an account is. Those that are *on* are the start-up set; the others are in
*shadow*: judged and counted, and announced to nobody until you switch them on. Each is a file in `src/tocsin/catalog/rules`,
with its test beside it, and yours to change: `tocsin rules export DIR`, edit, `tocsin rules apply DIR`. What you have edited
stays as it is when Tocsin is upgraded.

*Row* is the number of the trigger in the checklist of the field's own playbooks that the rule answers to (T1 to T71).
Parameters are given with their defaults; where a rule differs by segment, the first segment that fits decides.
"""


def page() -> str:
    """The page as it stands in docs/."""
    rules = catalog().rules
    parts = [HEAD]
    for category in CATEGORIES:
        mine = sorted((rule for rule in rules if rule.category == category), key=lambda rule: (ROWS[rule.id], rule.id))
        parts.append(f"## {TITLES[category]}\n")
        parts += [_section(rule) for rule in mine]
    return "\n".join(parts)


def _section(rule: Rule) -> str:
    rows = ", ".join(f"T{row}" for row in ROWS[rule.id])
    about = [f"Row: {rows}", f"severity: {rule.severity}", f"starts: {rule.state}"]
    lines = [
        f"### `{rule.id}`: {rule.name}\n",
        f"{' · '.join(about)}\n",
        f"For {readings.scope(rule)}: {readings.setting_off(rule)}.\n",
    ]
    told = readings.life(rule)
    if told:
        lines.append(" ".join(told) + "\n")
    if rule.params:
        lines.append(f"Parameters: {readings.parameters(rule.params, rule.percents)}.\n")
    for variant in rule.vary:
        whom = readings.formula(variant.where, rule.params) if variant.where else "everybody else"
        lines.append(f"- where {whom}: {readings.parameters(variant.params, rule.percents)}")
    if rule.vary:
        lines.append("")
    return "\n".join(lines)
