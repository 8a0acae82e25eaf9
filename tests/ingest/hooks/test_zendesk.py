"""Zendesk: ticket events and triggers, and the rows they become."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings

from tests.ingest.hooks.helpers import ignored, read, rows, survives, tampered
from tocsin.core.errors import UserError

CREATED, AT = "2026-03-01T08:00:00Z", "2026-03-10T09:30:00Z"


def event(act: str, change: dict[str, Any] | None = None, **detail: Any) -> dict[str, Any]:
    usual: dict[str, Any] = {
        "id": "35436",
        "status": "OPEN",
        "priority": "URGENT",
        "organization_id": "509974",
        "requester_id": "20978392",
        "subject": "Cannot log in",
        "created_at": CREATED,
        "updated_at": AT,
    }
    return {
        "account_id": 1,
        "id": "2b24ef10",
        "type": f"zen:event-type:ticket.{act}",
        "time": AT,
        "subject": "zen:ticket:35436",
        "zendesk_event_version": "2022-11-06",
        "detail": {**usual, **detail},
        "event": change if change is not None else {},
    }


TICKET: dict[str, Any] = {
    "id": "35436",
    "account_id": "509974",
    "person_id": "20978392",
    "kind": "support",
    "priority": "critical",
    "opened_at": CREATED,
    "subject": "Cannot log in",
}


def told(body: dict[str, Any], given: dict[str, Any] | None = None) -> dict[str, Any]:
    ((collection, values),) = rows("zendesk", body, given)
    assert collection == "tickets"
    return values


def test_a_ticket_is_opened() -> None:
    assert told(event("created")) == TICKET
    assert told(event("created", status="SOLVED")) == {**TICKET, "resolved_at": AT}
    assert read("zendesk", event("created")).delivery_id == "2b24ef10"


@pytest.mark.parametrize(
    ("given", "held"),
    [("LOW", "low"), ("Normal", "normal"), ("high", "high"), ("URGENT", "critical"), (None, None), ("-", None)],
)
def test_priorities(given: Any, held: Any) -> None:
    assert told(event("created", priority=given))["priority"] == held
    assert told(event("priority_changed", {"current": given, "previous": "LOW"}))["priority"] == held


def test_a_priority_of_ones_own() -> None:
    assert "priority" not in told(event("created", priority="P0"))
    assert told(event("created", priority="P0"), {"priorities": {"P0": "critical"}})["priority"] == "critical"


@pytest.mark.parametrize(
    ("before", "now", "more"),
    [
        ("OPEN", "SOLVED", {"resolved_at": AT}),
        ("PENDING", "CLOSED", {"resolved_at": AT}),
        ("OPEN", "DELETED", {"resolved_at": AT}),
        ("SOLVED", "CLOSED", {}),
        ("SOLVED", "OPEN", {"resolved_at": None}),
        ("NEW", "OPEN", {}),
        ("OPEN", "HOLD", {}),
        ("SOLVED", "SOMETHING", {}),
    ],
)
def test_solved_and_opened_again(before: str, now: str, more: dict[str, Any]) -> None:
    assert told(event("status_changed", {"current": now, "previous": before}, status=now)) == {**TICKET, **more}


def test_a_change_of_status_without_the_change() -> None:
    assert told(event("status_changed", {}, status="SOLVED"))["resolved_at"] == AT


def test_other_changes_of_a_ticket() -> None:
    moved = told(event("organization_changed", {"current": "7", "previous": "509974"}))
    assert moved == {**TICKET, "account_id": "7"}
    assert told(event("subject_changed", {"current": "Solved?", "previous": "x"}))["subject"] == "Solved?"
    assert told(event("requester_changed", {"current": 9, "previous": 8}))["person_id"] == "9"
    assert told(event("soft_deleted"))["resolved_at"] == AT


def test_a_ticket_of_no_organization_is_told_by_its_requester() -> None:
    for nothing in (None, "0", 0, ""):
        values = told(event("created", organization_id=nothing))
        assert "account_id" not in values
        assert values["person_id"] == "20978392"


def test_ratings() -> None:
    survey = {
        "id": "zendesk:csat:35436",
        "account_id": "509974",
        "person_id": "20978392",
        "kind": "csat",
        "score": 5.0,
        "at": AT,
        "comment": "Thanks",
    }
    good = event("csat_received", {"satisfaction_score": {"score": "GOOD", "comment": "Thanks"}})
    assert rows("zendesk", good) == [("surveys", survey)]
    bad = event("csat_received", {"current": "bad"})
    assert rows("zendesk", bad) == [("surveys", {**survey, "score": 1.0, "comment": None})]
    plain = event("csat_received", {"satisfaction_score": 4})
    assert rows("zendesk", plain) == [("surveys", {**survey, "score": 4.0, "comment": None})]
    assert "neither" in ignored("zendesk", event("csat_received", {"satisfaction_score": {"score": "OFFERED"}}))


def trigger(**more: Any) -> dict[str, Any]:
    usual = {
        "ticket_id": "35436",
        "organization_id": "509974",
        "requester_id": "20978392",
        "status": "Open",
        "priority": "Urgent",
        "subject": "Cannot log in",
        "created_at": CREATED,
        "updated_at": AT,
        "satisfaction": "Unoffered",
        "satisfaction_comment": "",
    }
    return {**usual, **more}


def test_a_trigger() -> None:
    assert rows("zendesk", trigger()) == [("tickets", {**TICKET, "resolved_at": None})]
    assert rows("zendesk", trigger(status="Solved")) == [("tickets", {**TICKET, "resolved_at": AT})]
    assert len(read("zendesk", trigger()).delivery_id) == 64


def test_a_trigger_in_another_language() -> None:
    given = {"statuses": {"Gelöst": "solved"}, "priorities": {"Dringend": "critical"}, "ratings": {"Gut": "good"}}
    found = rows("zendesk", trigger(status="Gelöst", priority="Dringend", satisfaction="Gut"), given)
    assert found[0] == ("tickets", {**TICKET, "resolved_at": AT})
    assert found[1][1]["score"] == 5.0
    assert rows("zendesk", trigger(status="Gelöst", priority="Dringend")) == [
        ("tickets", {name: value for name, value in TICKET.items() if name != "priority"})
    ]


def test_a_rating_by_a_trigger() -> None:
    found = rows("zendesk", trigger(satisfaction="Bad, took too long", satisfaction_comment="Slow"))
    assert found[1] == (
        "surveys",
        {
            "id": "zendesk:csat:35436",
            "account_id": "509974",
            "person_id": "20978392",
            "kind": "csat",
            "score": 1.0,
            "at": AT,
            "comment": "Slow",
        },
    )


def test_a_trigger_that_says_little() -> None:
    assert rows("zendesk", {"ticket_id": 7}) == [("tickets", {"id": "7", "kind": "support"})]
    assert rows("zendesk", {"ticket_id": 7, "status": "solved"})[0][1]["resolved_at"] == "2026-03-10T09:30:00Z"


@pytest.mark.parametrize("act", ["comment_added", "tags_changed", "undeleted", "merged"])
def test_other_events_are_passed_over(act: str) -> None:
    assert act in ignored("zendesk", event(act))
    assert "user.created" in ignored("zendesk", {**event("created"), "type": "zen:event-type:user.created"})


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ([], "the body is a list, no JSON object"),
        ({}, "ticket_id is missing, and it is no event of Zendesk's"),
        ({**event("created"), "detail": None}, "detail is missing"),
        ({**event("created"), "time": "noon"}, "time is 'noon', no time"),
        (event("created", id=None), "detail.id is missing"),
        (event("created", organization_id=[]), "detail.organization_id is a list, no id"),
        ({**event("created"), "event": []}, "event is a list, no object"),
        (trigger(created_at="x"), "created_at is 'x', no time"),
    ],
)
def test_what_cannot_be_read(body: Any, words: str) -> None:
    with pytest.raises(UserError) as caught:
        read("zendesk", body)
    assert words in str(caught.value)
    assert "Zendesk makes it" in str(caught.value)


BODIES: list[Any] = [
    event("created"),
    event("status_changed", {"current": "SOLVED", "previous": "OPEN"}),
    event("csat_received", {"satisfaction_score": {"score": "GOOD", "comment": "Thanks"}}),
    trigger(satisfaction="Good"),
]


@settings(max_examples=300, deadline=None)
@given(tampered(BODIES))
def test_no_body_is_more_than_an_error(body: bytes) -> None:
    survives("zendesk", body)
