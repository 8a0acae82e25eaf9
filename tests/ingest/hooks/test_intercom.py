"""Intercom: conversations, ratings, contacts and companies, and the rows they become."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings

from tests.ingest.hooks.helpers import ignored, read, rows, survives, tampered
from tocsin.core.errors import UserError

MOMENT = 1_773_135_000
AT, OPENED = "2026-03-10T09:30:00Z", "2026-03-01T09:30:00Z"


def notification(topic: str, item: Any, **more: Any) -> dict[str, Any]:
    data = {"type": "notification_event_data", "item": item}
    usual = {"type": "notification_event", "app_id": "ws", "id": "notif_1", "created_at": MOMENT}
    return {**usual, "topic": topic, "data": data, **more}


def conversation(**more: Any) -> dict[str, Any]:
    usual: dict[str, Any] = {
        "type": "conversation",
        "id": "295",
        "created_at": MOMENT - 9 * 86_400,
        "state": "open",
        "priority": "priority",
        "title": None,
        "source": {"subject": "", "body": "<p>Cannot&nbsp;log in<br>&amp; more</p>"},
        "contacts": {"type": "contact.list", "contacts": [{"type": "contact", "id": "64", "external_id": "u1"}]},
        "company": {"id": "531", "company_id": "acme"},
    }
    return {**usual, **more}


TICKET: dict[str, Any] = {
    "id": "295",
    "account_id": "acme",
    "person_id": "u1",
    "kind": "support",
    "priority": "high",
    "opened_at": OPENED,
    "subject": "Cannot log in & more",
}


def told(topic: str, item: dict[str, Any], given: dict[str, Any] | None = None) -> dict[str, Any]:
    ((_, values),) = rows("intercom", notification(topic, item), given)
    return values


def test_a_conversation_from_beginning_to_end() -> None:
    assert rows("intercom", notification("conversation.user.created", conversation())) == [("tickets", TICKET)]
    assert told("conversation.admin.closed", conversation(state="closed")) == {**TICKET, "resolved_at": AT}
    for topic in ("conversation.admin.opened", "conversation.admin.reopened", "conversation.user.replied"):
        assert told(topic, conversation()) == {**TICKET, "resolved_at": None}
    assert told("conversation.user.replied", conversation(state="closed")) == TICKET
    assert read("intercom", notification("conversation.admin.closed", conversation())).delivery_id == "notif_1"


def test_the_subject_is_title_subject_or_first_words() -> None:
    topic = "conversation.user.created"
    assert told(topic, conversation(title="Log-in"))["subject"] == "Log-in"
    assert told(topic, conversation(source={"subject": "<b>Help</b>", "body": "x"}))["subject"] == "Help"
    assert len(told(topic, conversation(title="x" * 500))["subject"]) == 200
    assert "subject" not in told(topic, conversation(source=None))


def test_whose_conversation_it_is() -> None:
    topic = "conversation.user.created"
    assert told(topic, conversation(priority="not_priority"))["priority"] == "normal"
    alone = conversation(company=None)
    assert "account_id" not in told(topic, alone)
    assert told(topic, {**alone, "companies": {"companies": [{"id": "531"}]}})["account_id"] == "531"
    assert told(topic, {**alone, "companies": [{"company_id": "acme"}]})["account_id"] == "acme"
    user = {"type": "user", "id": "64", "user_id": "u1", "companies": {"data": [{"company_id": "acme"}]}}
    assert told(topic, {**alone, "contacts": None, "user": user}) == TICKET
    stranger = {"contacts": {"contacts": [{"id": "64", "external_id": None}]}}
    assert told(topic, {**alone, **stranger})["person_id"] == "intercom:64"
    named = conversation(custom_attributes={"Account": "globex"})
    assert told(topic, named, {"account_attribute": "Account"})["account_id"] == "globex"
    assert told(topic, conversation(custom_attributes={"Account": None}), {"account_attribute": "Account"}) == TICKET
    assert "person_id" not in told(topic, conversation(contacts={"contacts": []}))


def test_a_conversation_without_a_date_began_now() -> None:
    assert told("conversation.user.created", conversation(created_at=None))["opened_at"] == AT


def test_a_rating() -> None:
    rating = {"rating": 4, "remark": "Quick", "created_at": MOMENT - 60, "contact": {"id": "64"}}
    survey = {
        "id": "intercom:csat:295",
        "account_id": "acme",
        "person_id": "u1",
        "kind": "csat",
        "score": 4.0,
        "at": "2026-03-10T09:29:00Z",
        "comment": "Quick",
    }
    topic = "conversation.rating.added"
    assert rows("intercom", notification(topic, conversation(conversation_rating=rating))) == [("surveys", survey)]
    bare = notification(topic, conversation(conversation_rating={"rating": 1}))
    assert rows("intercom", bare) == [("surveys", {**survey, "score": 1.0, "at": AT, "comment": None})]
    assert "rating" in ignored("intercom", notification(topic, conversation(conversation_rating={"rating": None})))


def contact(**more: Any) -> dict[str, Any]:
    usual: dict[str, Any] = {
        "type": "contact",
        "id": "64",
        "external_id": "u1",
        "role": "user",
        "name": "Jo",
        "email": "jo@acme.example",
        "created_at": MOMENT - 9 * 86_400,
        "companies": {"type": "list", "data": [{"type": "company", "id": "531"}]},
        "custom_attributes": {"jobTitle": "CTO", "logins": 7, "vip": True, "tags": ["a"], "id": 9},
    }
    return {**usual, **more}


PERSON: dict[str, Any] = {
    "id": "u1",
    "account_id": "531",
    "name": "Jo",
    "email": "jo@acme.example",
    "created_at": OPENED,
    "job_title": "CTO",
    "logins": 7,
    "vip": True,
    "intercom_id": 9,
    "updated_at": AT,
}


@pytest.mark.parametrize("topic", ["contact.user.created", "contact.created", "contact.email.updated", "user.created"])
def test_a_contact(topic: str) -> None:
    assert rows("intercom", notification(topic, contact())) == [("people", PERSON)]


def test_contacts_that_go_and_come_back() -> None:
    gone = {"id": "u1", "deleted_at": AT, "updated_at": AT}
    for topic in ("contact.deleted", "user.deleted", "contact.archived", "contact.archive"):
        assert rows("intercom", notification(topic, {"id": "64", "external_id": "u1"})) == [("people", gone)]
    assert told("contact.unarchived", contact()) == {**PERSON, "deleted_at": None}


def test_leads_belong_to_no_account() -> None:
    lead = contact(role="lead", companies={"data": []})
    assert "lead" in ignored("intercom", notification("contact.lead.created", lead))
    assert told("contact.lead.created", contact(role="lead"))["account_id"] == "531"


def test_a_setting_names_the_columns_of_attributes() -> None:
    given = {"attributes": {"jobTitle": "role", "logins": "", "vip": "champion"}}
    values = told("contact.user.created", contact(), given)
    assert (values["role"], values["champion"]) == ("CTO", True)
    assert "logins" not in values


def company(**more: Any) -> dict[str, Any]:
    usual: dict[str, Any] = {
        "type": "company",
        "id": "531",
        "company_id": "acme",
        "name": "Acme",
        "industry": "Software",
        "plan": {"type": "plan", "id": "1", "name": "Pro"},
        "created_at": MOMENT,
        "remote_created_at": MOMENT - 9 * 86_400,
        "custom_attributes": {"tier": "A"},
    }
    return {**usual, **more}


def test_a_company_and_its_other_name() -> None:
    account = {
        "id": "acme",
        "name": "Acme",
        "industry": "Software",
        "plan": "Pro",
        "created_at": OPENED,
        "tier": "A",
        "updated_at": AT,
    }
    alias = {"account_id": "acme", "source": "intercom", "external_id": "531"}
    for topic in ("company.created", "company.updated"):
        assert rows("intercom", notification(topic, company())) == [("accounts", account), ("account_aliases", alias)]
    small = {"id": "531", "updated_at": AT}
    assert rows("intercom", notification("company.updated", {"id": "531", "plan": None})) == [("accounts", small)]


def test_a_contact_gets_a_company() -> None:
    item = {
        "type": "company.contact",
        "company": {"id": "531", "company_id": "acme"},
        "contact": {"id": "64", "external_id": "u1"},
    }
    person = {"id": "u1", "account_id": "acme", "updated_at": AT}
    assert rows("intercom", notification("company.contact.attached", item)) == [("people", person)]
    assert ignored("intercom", notification("company.contact.detached", item))


@pytest.mark.parametrize(
    "topic", ["conversation.admin.replied", "ticket.created", "contact.tag.created", "user.unsubscribed", "company.deleted"]
)
def test_other_topics_are_passed_over(topic: str) -> None:
    assert topic in ignored("intercom", notification(topic, {}))


def test_the_test_of_intercom() -> None:
    assert "test" in ignored("intercom", {"type": "notification_event", "topic": "ping", "data": {"item": {"type": "ping"}}})


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ("x", "the body is 'x', no JSON object"),
        ({}, "topic is missing"),
        ({"topic": "company.created"}, "data is missing"),
        (notification("company.created", None), "data.item is missing"),
        (notification("company.created", {}), "data.item.company_id is missing"),
        (notification("company.contact.attached", {"contact": {}, "company": {}}), "data.item.company.id is missing"),
        (notification("contact.created", {}), "data.item.id is missing"),
        (notification("conversation.rating.added", conversation()), "data.item.conversation_rating is missing"),
        (notification("conversation.user.created", conversation(contacts=[])), "data.item.contacts is a list, no object"),
        (notification("contact.created", contact(custom_attributes={"internal": "maybe"})), "custom_attributes.internal is"),
    ],
)
def test_what_cannot_be_read(body: Any, words: str) -> None:
    with pytest.raises(UserError) as caught:
        read("intercom", body)
    assert words in str(caught.value)


def test_wrong_settings() -> None:
    with pytest.raises(UserError, match="the setting account_attribute"):
        read("intercom", notification("conversation.user.created", conversation()), {"account_attribute": 5})
    with pytest.raises(UserError, match="the setting attributes"):
        read("intercom", notification("contact.created", contact()), {"attributes": "x"})


BODIES: list[Any] = [
    notification("conversation.user.created", conversation()),
    notification("conversation.rating.added", conversation(conversation_rating={"rating": 4, "created_at": MOMENT})),
    notification("contact.user.created", contact()),
    notification("company.created", company()),
    notification("company.contact.attached", {"company": {"id": "531"}, "contact": {"id": "64"}}),
]


@settings(max_examples=300, deadline=None)
@given(tampered(BODIES))
def test_no_body_is_more_than_an_error(body: bytes) -> None:
    survives("intercom", body)
