"""Alerts about a csm, a team or the company on the pages: they have no account, and every page stands it."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.urls import reverse

from tests.web.conftest import NOW, SignedIn
from tocsin import workspace
from tocsin.alerts import facade as alerts
from tocsin.alerts.facade import Alert
from tocsin.core.rulefiles import read_rules

RULES = """
rules:
  - id: quiet-customers
    name: Quiet customers
    category: portfolio
    subject: csm
    when: count(accounts where days_since_touchpoint > 20) >= 2
    severity: high
    message: "{{ csm.name|default(csm.email) }} has {{ value }} customers with whom nobody talks. Ask why."
  - id: team-size
    name: Small team
    category: work
    subject: team
    when: count(accounts) < 2
    message: "{{ team.name }} looks after {{ value }} customers."
  - id: money
    name: Money
    category: portfolio
    subject: company
    when: sum(accounts.mrr) > 100
"""


@pytest.fixture
def ours(swept: dict[tuple[str, str], Alert], here: workspace.Workspace) -> dict[str, Alert]:
    """The alerts of no account, by rule, beside those of accounts."""
    definitions, problems = read_rules([("ours.yaml", RULES)])
    assert not problems
    alerts.publish_rules(definitions, by="test", moment=NOW - timedelta(days=1))
    alerts.sweep(here.book(), NOW - timedelta(minutes=30))
    return {each.rule: each for each in alerts.list_alerts() if each.account is None}


def test_the_inbox_lists_them_under_no_account(ours: dict[str, Alert], signed_in: SignedIn) -> None:
    assert set(ours) == {"quiet-customers", "team-size", "money"}
    text = signed_in("ada").get(reverse("web:alerts")).content.decode()
    assert "About no one account" in text
    assert "Maya Lind has 2 customers with whom nobody talks" in text
    listed = alerts.inbox()
    assert f"<b>{listed.accounts} accounts</b> with alerts" in text
    assert listed.accounts == len(listed.groups) - 1


@pytest.mark.parametrize(
    ("rule", "kind", "name"),
    [("quiet-customers", "CSM", "Maya Lind"), ("team-size", "Team", "South"), ("money", "Company", "company")],
)
def test_the_page_of_one_says_whom_it_is_about(
    ours: dict[str, Alert], signed_in: SignedIn, rule: str, kind: str, name: str
) -> None:
    page = signed_in("ada").get(reverse("web:alert", args=[ours[rule].id]))
    text = page.content.decode()
    assert page.status_code == 200
    assert f"<dt>{kind}</dt>" in text
    assert f'<span class="text">{name}</span>' in text
    assert "Last touchpoint" not in text


def test_its_evidence_is_as_of_now(ours: dict[str, Alert], signed_in: SignedIn) -> None:
    page = signed_in("ada").get(reverse("web:alert", args=[ours["money"].id]))
    (row,) = page.context["evidence"]
    assert (row.observed, row.threshold, row.then) == ("$36,400", "above $100", "")


def test_it_has_no_chart(ours: dict[str, Alert], signed_in: SignedIn) -> None:
    assert signed_in("ada").get(reverse("web:alert-chart", args=[ours["money"].id])).status_code == 404


def test_the_page_of_its_rule_lists_it(ours: dict[str, Alert], signed_in: SignedIn) -> None:
    assert "South looks after 1 customers" in signed_in("ada").get(reverse("web:rule", args=["team-size"])).content.decode()


def test_people_act_on_it_as_on_others(ours: dict[str, Alert], signed_in: SignedIn) -> None:
    client = signed_in("ada")
    for act, given in (("acknowledge", {}), ("snooze", {"until": "2026-03-20"}), ("resolve", {"outcome": "useful"})):
        answer = client.post(reverse(f"web:{act}", args=[ours["team-size"].id]), given, follow=True)
        assert answer.status_code == 200
    assert alerts.alert(ours["team-size"].id).state == "closed"
    assert client.post(reverse("web:reopen", args=[ours["team-size"].id]), follow=True).status_code == 200


def test_alerts_say_nothing_of_how_fresh_the_data_is(ours: dict[str, Alert], signed_in: SignedIn) -> None:
    shell = signed_in("ada").get(reverse("web:alerts")).context["shell"]
    assert shell.data_as_of < NOW - timedelta(minutes=31)
