"""Jira: issues that are tagged to accounts, and the tickets they become."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings

from tests.ingest.hooks.helpers import ignored, read, rows, survives, tampered
from tocsin.core.errors import UserError


def body(kind: str = "jira:issue_created", **fields: Any) -> dict[str, Any]:
    usual: dict[str, Any] = {
        "created": "2026-03-01T11:00:00.000+0300",
        "labels": ["account:acme", "backend"],
        "priority": {"id": "1", "name": "Highest"},
        "resolutiondate": None,
        "status": {"name": "To Do", "statusCategory": {"key": "new"}},
        "summary": "Export fails",
    }
    issue = {"id": "30369", "key": "CORE-7", "fields": {**usual, **fields}}
    return {"timestamp": 1_773_135_000_000, "webhookEvent": kind, "issue": issue}


TICKET: dict[str, Any] = {
    "id": "CORE-7",
    "account_id": "acme",
    "also_accounts": [],
    "kind": "product_issue",
    "priority": "critical",
    "opened_at": "2026-03-01T08:00:00Z",
    "resolved_at": None,
    "subject": "Export fails",
}


@pytest.mark.parametrize("kind", ["jira:issue_created", "jira:issue_updated"])
def test_an_issue(kind: str) -> None:
    assert rows("jira", body(kind)) == [("tickets", TICKET)]


def test_an_issue_is_resolved_and_opened_again() -> None:
    solved = body("jira:issue_updated", resolutiondate="2026-03-09T10:00:00.250+0000")
    assert rows("jira", solved) == [("tickets", {**TICKET, "resolved_at": "2026-03-09T10:00:00.250000Z"})]
    assert rows("jira", body("jira:issue_updated"))[0][1]["resolved_at"] is None
    done = {"status": {"statusCategory": {"key": "done"}}, "statuscategorychangedate": "2026-03-09T10:00:00.000+0000"}
    assert rows("jira", body("jira:issue_updated", **done))[0][1]["resolved_at"] == "2026-03-09T10:00:00Z"


def test_a_deleted_issue_is_open_no_more() -> None:
    assert rows("jira", body("jira:issue_deleted"))[0][1]["resolved_at"] == "2026-03-10T09:30:00Z"
    solved = body("jira:issue_deleted", resolutiondate="2026-03-09T10:00:00.000+0000")
    assert rows("jira", solved)[0][1]["resolved_at"] == "2026-03-09T10:00:00Z"


@pytest.mark.parametrize(
    ("given", "held"),
    [
        ("Highest", "critical"),
        ("Blocker", "critical"),
        ("High", "high"),
        ("Medium", "normal"),
        ("Low", "low"),
        ("Lowest", "low"),
    ],
)
def test_priorities(given: str, held: str) -> None:
    assert rows("jira", body(priority={"name": given}))[0][1]["priority"] == held


def test_priorities_of_ones_own_and_none() -> None:
    assert "priority" not in rows("jira", body(priority={"name": "P1"}))[0][1]
    own = rows("jira", body(priority={"name": "P1"}), {"priorities": {"P1": "critical"}})
    assert own[0][1]["priority"] == "critical"
    assert rows("jira", body(priority=None))[0][1]["priority"] is None


@pytest.mark.parametrize(
    ("value", "account", "others"),
    [
        ("acme", "acme", []),
        (7, "7", []),
        ({"id": "10100", "value": "acme"}, "acme", []),
        ({"name": "acme"}, "acme", []),
        (["acme", "globex", "acme"], "acme", ["globex"]),
        ([{"value": "acme"}, {"value": "globex"}, {"value": "initech"}], "acme", ["globex", "initech"]),
    ],
)
def test_the_account_is_in_a_field(value: Any, account: str, others: list[str]) -> None:
    ((_, values),) = rows("jira", body(customfield_10050=value), {"account_field": "customfield_10050"})
    assert (values["account_id"], values["also_accounts"]) == (account, others)


@pytest.mark.parametrize("value", [None, "", " ", [], [None], {}, {"value": []}, True])
def test_a_field_without_an_account(value: Any) -> None:
    assert "customfield_10050" in ignored("jira", body(customfield_10050=value), {"account_field": "customfield_10050"})


def test_the_account_is_in_labels() -> None:
    ((_, values),) = rows("jira", body(labels=["x", "Account:acme", "account:globex", 5]))
    assert (values["account_id"], values["also_accounts"]) == ("acme", ["globex"])
    for labels in (None, [], ["acme"], ["account:"]):
        assert "label account:" in ignored("jira", body(labels=labels))


def test_the_delivery_is_known_by_the_header() -> None:
    given = read("jira", body(), None, x_atlassian_webhook_identifier="abc")
    assert given.delivery_id == "abc"
    assert read("jira", body()).delivery_id == read("jira", body()).delivery_id != "abc"


@pytest.mark.parametrize("kind", ["comment_created", "jira:version_released", "project_created", "issuelink_created"])
def test_other_events_are_passed_over(kind: str) -> None:
    assert kind in ignored("jira", {"webhookEvent": kind})


@pytest.mark.parametrize(
    ("given", "words"),
    [
        (None, "the body is null, no JSON object"),
        ({}, "webhookEvent is missing"),
        ({"webhookEvent": "jira:issue_created"}, "issue is missing"),
        (body(created=None), "issue.fields.created is missing"),
        (body(created="yesterday"), "issue.fields.created is 'yesterday', no time"),
        (body(labels="account:acme"), "issue.fields.labels is 'account:acme', no list"),
        (body(summary=5), "issue.fields.summary is 5, no text"),
        (body(priority="High"), "issue.fields.priority is 'High', no object"),
    ],
)
def test_what_cannot_be_read(given: Any, words: str) -> None:
    with pytest.raises(UserError) as caught:
        read("jira", given)
    assert words in str(caught.value)
    assert "Jira makes it" in str(caught.value)


def test_a_wrong_setting() -> None:
    with pytest.raises(UserError, match="the setting account_field"):
        read("jira", body(), {"account_field": 10050})


BODIES = [
    body(customfield_10050=[{"value": "acme"}, "globex"]),
    body("jira:issue_updated", resolutiondate="2026-03-09T10:00:00.250+0000"),
    body("jira:issue_deleted", status={"statusCategory": {"key": "done"}}),
]


@settings(max_examples=300, deadline=None)
@given(tampered(BODIES))
def test_no_body_is_more_than_an_error(given_body: bytes) -> None:
    survives("jira", given_body)
    survives("jira", given_body, {"account_field": "customfield_10050"})
