"""Lists, the inbox by account, counts: what is there, in the right order, in few queries."""

from __future__ import annotations

import json
from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from tests.apps.conftest import Sweeping
from tests.apps.fakes import T0, FakeBook, rule
from tocsin.alerts import facade
from tocsin.alerts.facade import AlertFilter
from tocsin.alerts.models import Episode
from tocsin.people.facade import create_user

RULES = (
    rule("low-mrr", severity="low"),
    rule("silent", severity="critical", category="safety"),
    rule("late", severity="high", category="renewal"),
)


@pytest.fixture
def filled(book: FakeBook, swept: Sweeping) -> None:
    book.true = {"low-mrr": {"a", "b", "c"}, "silent": {"b"}, "late": {"d", "e"}}
    book.mrr, book.owners = {"d": 50.0, "e": 900.0, "b": 20.0}, {"d": "Bob@us.example"}
    swept(*RULES)


def test_the_most_urgent_account_first(filled: None) -> None:
    inbox = facade.inbox()
    assert [group.account.id for group in inbox.groups if group.account] == ["b", "e", "d", "a", "c"]
    assert [alert.rule for alert in inbox.groups[0].alerts] == ["silent", "low-mrr"]
    assert (inbox.groups[0].severity, inbox.groups[0].at_stake, inbox.groups[3].at_stake) == ("critical", 20.0, None)
    assert (inbox.accounts, inbox.alerts, inbox.at_stake) == (5, 6, 970.0)
    assert inbox.by_severity == {"low": 3, "critical": 1, "high": 2}
    assert inbox.by_category == {"risk": 3, "safety": 1, "renewal": 2}
    assert inbox.by_rule == {"low-mrr": 3, "silent": 1, "late": 2}


def test_pages_of_accounts(filled: None) -> None:
    pages = [facade.inbox(page=page, size=2) for page in (1, 2, 3)]
    shown = [group.account.id for page in pages for group in page.groups if group.account]
    assert shown == ["b", "e", "d", "a", "c"]
    assert {page.pages for page in pages} == {3}
    assert facade.inbox(page=99, size=2).page == 3
    assert facade.inbox(page=-1, size=2).page == 1


def test_what_is_closed_or_held_is_not_in_the_inbox(filled: None) -> None:
    first = facade.inbox().groups[0].alerts[0]
    facade.resolve(first.id, by="x", moment=T0)
    assert facade.inbox().alerts == 5
    assert facade.inbox(AlertFilter(states=("closed",))).alerts == 1


@pytest.mark.parametrize(
    ("wanted", "subjects"),
    [
        (AlertFilter(owner="bob@us.example"), {"d"}),
        (AlertFilter(owners=("ada@us.example",), rules=("late",)), {"e"}),
        (AlertFilter(severities=("critical", "high")), {"b", "d", "e"}),
        (AlertFilter(categories=("renewal",)), {"d", "e"}),
        (AlertFilter(accounts=("a", "zz")), {"a"}),
        (AlertFilter(text="C INC"), {"c"}),
        (AlertFilter(text="wrong", rules=("silent",)), {"b"}),
        (AlertFilter(opened_before=T0), set()),
        (AlertFilter(opened_after=T0, rules=("silent",)), {"b"}),
        (AlertFilter(states=("closed", "held")), set()),
    ],
)
def test_filters(wanted: AlertFilter, subjects: set[str], filled: None) -> None:
    assert {alert.subject_id for alert in facade.list_alerts(wanted)} == subjects


def test_the_inbox_is_a_constant_number_of_queries(filled: None, book: FakeBook, swept: Sweeping) -> None:
    with CaptureQueriesContext(connection) as few:
        facade.inbox()
    book.true = {"silent": {f"n{n}" for n in range(60)}}
    swept(*(rule(each.id, severity=each.severity, max_new=_MANY) for each in RULES), day=1)
    with CaptureQueriesContext(connection) as many:
        assert facade.inbox().alerts == 60
    assert len(many) == len(few) <= 10


def test_owners_have_names(filled: None) -> None:
    create_user("bob@us.example", "Bob Breton", "csm", moment=T0)
    (alert,) = facade.list_alerts(AlertFilter(owner="bob@us.example"))
    assert alert.account
    assert (alert.account.owner, alert.account.owner_name) == ("Bob@us.example", "Bob Breton")


def test_the_timeline_of_an_account(filled: None) -> None:
    (alert,) = facade.list_alerts(AlertFilter(rules=("silent",)))
    facade.acknowledge(alert.id, by="x", moment=T0 + timedelta(hours=1))
    kinds = [(told.rule, entry.kind) for told, entry in facade.timeline_of_account("b")]
    assert kinds[0] == ("silent", "acknowledged")
    assert sorted(kinds[1:]) == [("low-mrr", "opened"), ("silent", "opened")]


def test_an_alert_as_json(filled: None) -> None:
    (alert,) = facade.list_alerts(AlertFilter(rules=("silent",)))
    given = json.loads(json.dumps(alert.to_json()))
    expected = {
        "rule": "silent",
        "subject": {"kind": "account", "id": "b"},
        "account_id": "b",
        "state": "open",
        "severity": "critical",
        "opened_at": "2026-03-01T08:00:00Z",
        "closed_at": None,
        "event_id": None,
        "message": "something is wrong",
    }
    assert {key: given[key] for key in expected} == expected
    assert given["evidence"][0]["value"] == 7.5
    assert given["id"] == alert.id


_MANY = rule().max_new.__class__(count=10_000)


def _alert(rule_id: str, kind: str, subject: str, **more: object) -> Episode:
    given = {
        "rule": rule_id, "rule_name": rule_id, "version": 1, "category": "work", "severity": "low", "rank": 1, "state": "open",
        "subject_kind": kind, "subject_id": subject, "opened_at": T0, "last_seen_at": T0, "message": f"{rule_id} {subject}",
    }  # fmt: skip
    return Episode.objects.create(**(given | more))


@pytest.fixture
def ours(filled: None) -> None:
    """Alerts about two CSMs, a team and the company, beside those of accounts."""
    for subject in ("ada@us.example", "bob@us.example"):
        _alert("task-overdue", "csm", subject)
    _alert("losses", "team", "North")
    _alert("money", "company", "company")


@pytest.mark.parametrize(
    ("wanted", "subjects"),
    [
        (AlertFilter(owner="bob@us.example"), {"d", "bob@us.example"}),
        (AlertFilter(owners=("bob@us.example", "eve@us.example")), {"d", "bob@us.example"}),
        (AlertFilter(owners=("eve@us.example",), teams=("North",)), {"North"}),
        (
            AlertFilter(rules=("task-overdue", "losses", "money"), seen_by="bob@us.example"),
            {"bob@us.example", "North", "company"},
        ),
        (AlertFilter(rules=("task-overdue",), seen_by="eve@us.example"), set()),
        (AlertFilter(rules=("task-overdue",)), {"ada@us.example", "bob@us.example"}),
    ],
)
def test_whose_an_alert_about_our_own_people_is(wanted: AlertFilter, subjects: set[str], ours: None) -> None:
    assert {alert.subject_id for alert in facade.list_alerts(wanted)} == subjects


def test_what_another_alert_keeps_quiet_is_counted_apart(filled: None) -> None:
    Episode.objects.filter(rule="low-mrr", subject_id="b").update(inhibited_by="silent")
    inbox = facade.inbox()
    assert (inbox.alerts, inbox.quiet, facade.actionable()) == (6, 1, 5)
    assert facade.live_by_account()["b"] == 2
    assert sum(facade.live_by_account().values()) == 6
    assert facade.actionable(AlertFilter(owner="bob@us.example")) == 1
    Episode.objects.filter(rule="low-mrr", subject_id="b").update(state="held")
    inbox = facade.inbox()
    assert (inbox.alerts, inbox.quiet, facade.actionable()) == (5, 0, 5)


def test_the_alerts_of_a_rule_in_pages_the_largest_accounts_first(filled: None, book: FakeBook, swept: Sweeping) -> None:
    book.true, book.mrr = {"low-mrr": {"a", "b", "c"}}, {"b": 900.0, "c": 500.0}
    swept(*RULES, day=1)
    first = facade.alerts_of_rule("low-mrr", size=2)
    assert ([each.subject_id for each in first.alerts], first.page, first.pages, first.total) == (["b", "c"], 1, 2, 3)
    assert [each.subject_id for each in facade.alerts_of_rule("low-mrr", page=9, size=2).alerts] == ["a"]
    assert facade.alerts_of_rule("late", states=("closed",)).total == 2
    assert facade.alerts_of_rule("nothing").alerts == ()
