"""The lines of alerts in lists: what they say of each state, and that nothing in them runs."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from django.template import Context, Template

from tocsin.alerts.facade import AccountCard, AccountGroup, Alert
from tocsin.web import filters, folds

NOW = datetime(2026, 3, 12, 9, 12, tzinfo=UTC)
HOSTILE = '<b onclick="x">&\'"'
CARD = AccountCard("acc", "Halden Freight", mrr=1200.0, renews_on=date(2026, 4, 4))
ALERT = Alert(
    id="7",
    rule="gap",
    rule_name="No touchpoint",
    version=1,
    category="safety",
    severity="high",
    subject_kind="account",
    subject_id="acc",
    key="",
    account=CARD,
    state="open",
    opened_at=NOW - timedelta(hours=3),
    last_seen_at=NOW,
    message="Halden Freight is quiet. Call them.",
    evidence=(),
    clears="",
)


def lines(*given: Alert, tag: str = "alert_groups groups", **context: Any) -> str:
    """The HTML of a group with these alerts, or of the first as a line elsewhere."""
    groups = folds.fold([AccountGroup(given[0].account, given, "high", None)])
    values = {"now": NOW, "currency": "USD", "soon": date(2026, 4, 11), "groups": groups, "alert": given[0], **context}
    return Template("{% load alertlist %}{% " + tag + " %}").render(Context(values))


def text(html: str) -> str:
    """What is read of it."""
    return " ".join(re.sub(r"<[^>]*>", " ", html).split())


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({}, "Safety"),
        ({"baseline": True}, "Safety from a baseline"),
        ({"step": "30", "count": 3}, "Safety 30 days before 3 times"),
        ({"state": "acknowledged", "baseline": True}, "Safety acknowledged"),
        ({"state": "held"}, "Safety held"),
        ({"state": "snoozed", "snoozed_until": NOW + timedelta(hours=2)}, "Safety snoozed until 11:12"),
        ({"state": "closed", "closed_at": NOW - timedelta(days=2)}, "Safety closed 2 days ago"),
    ],
)
def test_a_line_tells_what_became_of_an_alert(changes: dict[str, Any], told: str) -> None:
    alert = replace(ALERT, **changes)
    assert text(lines(alert, tag="alert_row alert")) == f"Is quiet 3 h {told}"
    assert text(lines(alert)) == f"HF Halden Freight renews in 23 d $1,200 Is quiet 3 h {told}"


def test_a_line_leads_to_its_alert_with_the_filters_kept() -> None:
    given = filters.Filters(state="open", account="a&b")
    html = lines(ALERT, filters=given, open_alert=ALERT, may_act=True)
    assert html.count('"/alerts/7/?state=open&amp;account=a%26b"') == 2
    assert html.count('aria-current="true"') == 1
    assert '<input type="checkbox" name="ids" value="7" form="many"><span class="sr">Tick: Is quiet</span>' in html
    assert "hx-get" not in lines(ALERT, tag="alert_row alert", filters=given, open_alert=ALERT, may_act=True)
    assert "checkbox" not in lines(replace(ALERT, state="closed", closed_at=NOW), may_act=True)


def test_what_is_kept_quiet_is_folded_under_what_keeps_it_so() -> None:
    quiet = replace(ALERT, id="8", rule="other", inhibited_by="gap")
    loose = replace(ALERT, id="9", rule="third", inhibited_by="away")
    html = lines(ALERT, quiet, loose, open_alert=quiet, chosen=True, rule_names={"away": "Gone"})
    assert "1 more, kept quiet by “No touchpoint”" in html
    assert "1 more, kept quiet by “Gone”" in html
    assert html.count('<details class="quiet" open>') == 1
    assert "<span>kept quiet</span>" not in html
    assert "<span>kept quiet</span>" in lines(quiet, tag="alert_row alert")


def test_nothing_in_a_line_runs() -> None:
    card = replace(CARD, name=HOSTILE)
    hostile = {"message": f"So {HOSTILE}", "category": HOSTILE, "step": HOSTILE, "rule_name": HOSTILE, "rule": "r"}
    alert = replace(ALERT, account=card, **hostile)  # type: ignore[arg-type]
    loose = replace(alert, id="9", rule="third", inhibited_by=HOSTILE)
    html = lines(alert, replace(alert, id="8", inhibited_by="r"), loose, currency="<i>", may_act=True)
    assert "<b" not in html
    assert "<i>" not in html
    assert 'onclick="' not in html


def test_an_account_that_renews_soon_is_marked_and_one_that_there_is_not_is_named() -> None:
    assert "data-soon" in lines(ALERT)
    assert "data-soon" not in lines(ALERT, soon=date(2026, 4, 3))
    assert "renews in" not in lines(replace(ALERT, account=replace(CARD, renews_on=None)))
    assert "About no one account" in lines(replace(ALERT, account=None))
