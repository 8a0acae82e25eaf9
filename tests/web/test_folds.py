"""One cause, few alerts: what another alert keeps quiet is folded under it; repeats and steps are told; who sees whom."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from tests.web.conftest import NOW, SignedIn
from tests.web.test_inbox import Swept, listed, text_of
from tocsin.alerts import facade as alerts
from tocsin.alerts.facade import AccountCard, AccountGroup, Alert
from tocsin.alerts.models import Episode
from tocsin.core.rulefiles import read_rules
from tocsin.web import folds
from tocsin.workspace import Workspace


def alert(name: str, rule: str, by: str = "", **more: Any) -> Alert:
    card = AccountCard("a", "A")
    given: dict[str, Any] = {
        "id": name, "rule": rule, "rule_name": rule.title(), "version": 1, "category": "risk", "severity": "high",
        "subject_kind": "account", "subject_id": "a", "key": "", "account": card, "state": "open", "opened_at": NOW,
        "last_seen_at": NOW, "message": "x", "evidence": (), "clears": "", "inhibited_by": by,
    }  # fmt: skip
    return Alert(**(given | more))


def folded(*of: Alert) -> list[tuple[str, list[str]]]:
    (group,) = folds.fold([AccountGroup(of[0].account, of, "high", None)])
    loose = [(rule, [each.id for each in quiet]) for rule, quiet in group.loose]
    return [(row.alert.id, [each.id for each in row.quiet]) for row in group.rows] + loose


def test_what_is_kept_quiet_stands_under_what_keeps_it_so() -> None:
    assert folded(alert("1", "gone"), alert("2", "drop", "gone"), alert("3", "tickets")) == [("1", ["2"]), ("3", [])]


def test_a_chain_ends_at_the_one_that_speaks() -> None:
    given = alert("1", "dip", "drop"), alert("2", "drop", "gone"), alert("3", "gone")
    assert folded(*given) == [("3", ["1", "2"])]


def test_what_speaks_elsewhere_is_named() -> None:
    assert folded(alert("1", "dip", "drop"), alert("2", "other", "drop"), alert("3", "x")) == [("3", []), ("drop", ["1", "2"])]


def test_nobody_speaks_for_another_account() -> None:
    team: dict[str, Any] = {"account": None, "subject_kind": "team"}
    given = alert("1", "gone", subject_id="North", **team), alert("2", "drop", "gone", subject_id="South", **team)
    assert folded(*given) == [("1", []), ("gone", ["2"])]


def test_a_circle_ends() -> None:
    assert folded(alert("1", "a", "b"), alert("2", "b", "a")) == [("b", ["1"]), ("a", ["2"])]


def test_unfolded_each_stands_for_itself() -> None:
    group = AccountGroup(None, (alert("1", "gone"), alert("2", "drop", "gone")), "high", None)
    (shown,) = folds.fold([group], folded=False)
    assert [row.alert.id for row in shown.rows] == ["1", "2"]
    assert folds.in_order(folds.in_sections([shown])) == list(group.alerts)


# On the pages


@pytest.fixture
def quiet(swept: Swept) -> str:
    """The id of an alert that the renewal's keeps quiet."""
    one = swept["halden", "usage-drop"].id
    Episode.objects.filter(pk=one).update(inhibited_by="renewal-quiet")
    return one


def test_the_inbox_folds_and_counts_apart(signed_in: SignedIn, swept: Swept, quiet: str) -> None:
    page = text_of(signed_in("ada"), "/alerts/")
    assert '<h1>Alerts</h1><span class="faint num">3</span>' in page
    assert "1 kept quiet" in page
    assert "1 more, kept quiet by “Renewal ahead without a word”" in page
    folded_away = re.findall(r'<details class="quiet">.*?</details>', page, re.DOTALL)
    assert [listed(each) for each in folded_away] == [[quiet]]
    assert "1 of 3" in page, "one walks past what is folded away"
    assert 'title="open, of the accounts of everyone">3</span>' in page


def test_what_was_asked_for_is_not_folded_away(signed_in: SignedIn, swept: Swept, quiet: str) -> None:
    page = text_of(signed_in("ada"), "/alerts/?rule=usage-drop")
    assert 'class="quiet"' not in page
    assert listed(page) == [quiet]
    other = text_of(signed_in("ada"), "/alerts/?severity=high")
    assert "1 more, kept quiet by “Renewal ahead without a word”" in other, "also where what speaks is filtered out"


def test_the_page_of_one_that_is_kept_quiet_says_by_whom(signed_in: SignedIn, swept: Swept, quiet: str) -> None:
    page = text_of(signed_in("ada"), f"/alerts/{quiet}/")
    assert '<details class="quiet" open>' in page
    said = 'Kept quiet by <a class="link" href="/rules/renewal-quiet/">Renewal ahead without a word</a>'
    assert said in page
    speaking = text_of(signed_in("ada"), f"/alerts/{swept['halden', 'renewal-quiet'].id}/")
    part = speaking.partition('id="h-silenced"')[2].partition("</section>")[0]
    assert f'data-alert="{quiet}"' in part
    assert "Kept quiet by" not in speaking.partition('class="alert"')[2]


def test_the_page_of_the_account_lists_it_last_and_says_so(signed_in: SignedIn, swept: Swept, quiet: str) -> None:
    Episode.objects.filter(pk=swept["halden", "renewal-quiet"].id).update(severity="low")
    page = text_of(signed_in("ada"), "/accounts/halden/").partition('id="h-open"')[2].partition("</section>")[0]
    assert listed(page) == [swept["halden", "renewal-quiet"].id, quiet]
    assert page.count("<span>kept quiet</span>") == 1


def test_steps_and_repeats_are_told(signed_in: SignedIn, swept: Swept) -> None:
    one, other = swept["halden", "renewal-quiet"].id, swept["halden", "usage-drop"].id
    Episode.objects.filter(pk=one).update(step="30", key="2026-04-04")
    line = {
        "formula": "repeats",
        "text": "it happened 40 times, the last time on 12 Mar 2026",
        "value": 40,
        "op": ">",
        "threshold": 1,
    }
    Episode.objects.filter(pk=other).update(count=40, evidence=[line | {"clears": ""}])
    page = text_of(signed_in("ada"), f"/alerts/{other}/")
    assert "<span>30 days before</span>" in page
    assert '<span class="num">40 times</span>' in page
    assert "It happened 40 times, the last time on 12 Mar 2026" in page
    assert "<code>repeats</code>" not in page


EVENTS = """
- id: opens
  name: Opens a plan
  category: upsell
  trigger: {event: name = 'Opened plan'}
  when: count(events in last 7d) > 3
  collapse: 3d
  message: "{{ account.name }} opened a plan."
"""


def test_the_evidence_of_an_event_stands_as_it_was(
    signed_in: SignedIn, here: Workspace, swept: Swept, caplog: pytest.LogCaptureFixture
) -> None:
    definitions, problems = read_rules([("events.yaml", EVENTS)], known=alerts.definitions())
    assert not problems
    alerts.publish_rules(definitions, by="test", moment=NOW - timedelta(days=30))
    alerts.sweep(here.book(), NOW, published={"opens": NOW - timedelta(days=30)})
    (one, *_) = [each for each in alerts.list_alerts() if each.rule == "opens" and each.account_id == "lindmark"]
    page = text_of(signed_in("ada"), f"/alerts/{one.id}/")
    (row, other, *_) = signed_in("ada").get(f"/alerts/{one.id}/").context["evidence"]
    assert (row.formula, row.observed) == ("name = 'Opened plan'", "Opened plan"), "its name, not that of the account"
    assert other.formula == "count(events in last 7d) > 3"
    assert "count(events in last 7d) &gt; 3" in page
    assert "not available" not in caplog.text, "nobody asks what the event is like now"
    assert signed_in("ada").get(f"/alerts/{one.id}/chart.svg").status_code == 200


# Who sees whom


@pytest.fixture
def about_csms(swept: Swept) -> dict[str, str]:
    """CSM -> the id of an alert about them."""
    made = {}
    for name in ("maya", "nils"):
        row = Episode.objects.create(
            rule="task-overdue", rule_name="Tasks overdue", version=1, category="work", severity="low", rank=1, state="open",
            subject_kind="csm", subject_id=f"{name}@quill.example", opened_at=NOW, last_seen_at=NOW,
            message=f"{name} has tasks overdue.", evidence=[],
        )  # fmt: skip
        made[name] = str(row.pk)
    return made


def test_an_alert_about_a_csm_is_theirs_and_of_those_who_lead(signed_in: SignedIn, about_csms: dict[str, str]) -> None:
    ids = set(about_csms.values())
    assert ids & set(listed(text_of(signed_in("maya"), "/alerts/"))) == {about_csms["maya"]}, "mine"
    assert ids & set(listed(text_of(signed_in("nils"), "/alerts/?whose=all"))) == {about_csms["nils"]}
    assert ids & set(listed(text_of(signed_in("ada"), "/alerts/?whose=all"))) == ids
    assert ids & set(listed(text_of(signed_in("vic"), "/alerts/?whose=all"))) == set()
    for name, status in (("maya", 200), ("ada", 200), ("nils", 404), ("vic", 404)):
        assert signed_in(name).get(f"/alerts/{about_csms['maya']}/").status_code == status


def test_nobody_acts_on_what_they_may_not_see(signed_in: SignedIn, about_csms: dict[str, str]) -> None:
    assert signed_in("nils").post(f"/alerts/{about_csms['maya']}/acknowledge/").status_code == 404
    assert signed_in("nils").post(f"/alerts/{about_csms['nils']}/acknowledge/").status_code == 302
    assert alerts.alert(about_csms["maya"]).state == "open"
    assert alerts.alert(about_csms["nils"]).state == "acknowledged"


def test_folding_costs_no_queries(signed_in: SignedIn, swept: Swept, quiet: str) -> None:
    client = signed_in("ada")
    client.get("/alerts/")
    with CaptureQueriesContext(connection) as found:
        client.get("/alerts/")
    assert len(found) <= 36
