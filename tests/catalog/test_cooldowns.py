"""How long each shipped rule is silent after closing: the day before its end it stays silent, at its end it opens again."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from tocsin.catalog import catalog
from tocsin.core.lifecycle import EpisodeState, Outcome, Verdict, transition
from tocsin.core.rules import Rule

RULES = {rule.id: rule for rule in catalog().rules}
DAY = timedelta(days=1)
CLOSED = datetime(2026, 3, 1, tzinfo=UTC)
# Days -> the rules that are silent for so long; all others open again as soon as they hold.
SILENT = {
    1: "sla-breached",
    3: "cadence-missed call-gap touchpoint-gap",
    7: "amount-due-high key-person-silent milestone-missed no-login onboarding-stuck",
    14: """
        active-users-decline churn-over-tolerance churn-over-tolerance-csm churn-over-tolerance-team churn-predicted
        conversion-predicted csm-overloaded engagement-low feature-dip feature-underused health-declining health-poor-long
        help-often key-person-drop minutes-low onboarding-complete plan-downgraded renewal-no-qbr renewal-poor-health
        seats-collapse touchpoint-decline usage-drop
        """,
    30: "csm-missing-deadlines expansion-predicted feature-a-not-b needs-nurturing upsell-at-renewal user-surge",
    60: "contract-renewed customer-won expansion-won",
    90: "heavy-use",
}
DAYS = {rule_id: days for days, ids in SILENT.items() for rule_id in ids.split()}


def after(rule: Rule, since_closing: timedelta) -> Outcome:
    """What becomes of a rule that closed, has held again for longer than its `for`, and is judged so long after closing."""
    assert rule.hold is None or rule.hold < timedelta(DAYS[rule.id]), "the wait of `for` would hide the silence"
    held = EpisodeState("closed", since=CLOSED, opened_at=CLOSED - 40 * DAY, closed_at=CLOSED, closed_because="cleared")
    return transition(replace(held, rearmed=True), Verdict(truth=True), CLOSED + since_closing, rule.policy)


def test_each_rule_that_is_silent_after_closing_is_in_the_table() -> None:
    assert {rule.id for rule in RULES.values() if rule.cooldown} == set(DAYS)


@pytest.mark.parametrize("rule_id", sorted(DAYS))
def test_a_rule_is_silent_until_the_day_and_not_longer(rule_id: str) -> None:
    silence = DAYS[rule_id] * DAY
    refused = after(RULES[rule_id], silence - DAY)
    assert (refused.action, refused.suppressed, refused.notify) == ("none", True, False)
    assert refused.reason.startswith("in cooldown until")
    assert not after(RULES[rule_id], silence - timedelta(microseconds=1)).notify
    assert after(RULES[rule_id], silence).action == "open"
