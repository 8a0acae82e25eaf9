"""Salesforce: what flows send, and the rows it becomes."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings

from tests.ingest.hooks.helpers import ignored, read, request, rows, survives, tampered
from tocsin.core.errors import UserError
from tocsin.ingest.hooks import VENDORS

CREATED, CHANGED = "2026-03-01T08:00:00.000+0000", "2026-03-10T09:00:00.000+0000"
OPENED, AT, NOW = "2026-03-01T08:00:00Z", "2026-03-10T09:00:00Z", "2026-03-10T09:30:00Z"


def sent(kind: str, **record: Any) -> dict[str, Any]:
    return {"object": kind, "record": {"Id": "001x", "CreatedDate": CREATED, "LastModifiedDate": CHANGED, **record}}


def told(kind: str, given: dict[str, Any] | None = None, **record: Any) -> dict[str, Any]:
    """What a record tells, without its id and dates."""
    ((_, values),) = rows("salesforce", sent(kind, **record), given)
    return {name: held for name, held in values.items() if name not in ("id", "created_at", "opened_at", "updated_at")}


def test_an_account() -> None:
    body = sent(
        "Account",
        attributes={"type": "Account", "url": "/services/x"},
        Name="Acme",
        OwnerId="005x",
        Industry="Software",
        ParentId=None,
        NumberOfEmployees=250,
        Customer_Tier__c="Gold",
        Active__c=True,
    )
    account = {
        "id": "001x",
        "name": "Acme",
        "owner": "005x",
        "industry": "Software",
        "parent_id": None,
        "number_of_employees": 250,
        "customer_tier": "Gold",
        "active": True,
        "created_at": OPENED,
        "updated_at": AT,
    }
    assert rows("salesforce", body) == [("accounts", account)]


def test_the_owner_is_known_by_address() -> None:
    assert told("Account", OwnerId="005x", Owner={"Email": "csm@example.com"}) == {"owner": "csm@example.com"}
    assert told("Opportunity", OwnerId="005x", OwnerEmail="csm@example.com") == {"owner": "csm@example.com"}
    assert told("Account", OwnerId="005x", Owner={"Name": "Sam"}) == {"owner": "005x"}


def test_the_settings_map_fields() -> None:
    given = {"fields": {"Account": {"Tier__c": "tier", "Industry": "", "Renewal__c": "renews_on"}}, "timezone": "Asia/Tokyo"}
    assert told("Account", given, Tier__c="A", Industry="x", Renewal__c="2026-05-01") == {
        "tier": "A",
        "renews_on": "2026-05-01",
    }
    assert told("Account", given, Renewal__c="2026-05-01T20:00:00.000+0000") == {"renews_on": "2026-05-02"}


def test_what_was_not_sent_is_not_told() -> None:
    assert rows("salesforce", {"object": "Account", "record": {"Id": "001x", "Name": None}}) == [
        ("accounts", {"id": "001x", "updated_at": NOW})
    ]


def test_a_contact() -> None:
    person = told("Contact", AccountId="001y", FirstName="Jo", LastName="Doe", Email="jo@acme.example", Title="CTO")
    assert person == {"account_id": "001y", "name": "Jo Doe", "email": "jo@acme.example", "title": "CTO"}
    assert told("Contact", Name="Jo", LastName="Doe", IsDeleted=False) == {"name": "Jo", "deleted_at": None}
    assert told("Contact", IsDeleted=True) == {"deleted_at": AT}
    assert rows("salesforce", sent("Contact"))[0][1] == {"id": "001x", "created_at": OPENED, "updated_at": AT}


def test_an_opportunity() -> None:
    body = sent(
        "Opportunity",
        AccountId="001y",
        Amount=12_000.5,
        CurrencyIsoCode="EUR",
        OwnerId="005x",
        StageName="Negotiation",
        ForecastCategoryName="Best Case",
        CloseDate="2026-04-30",
        Type="Renewal",
        IsClosed=False,
        IsWon=False,
        Unmapped__c="x",
    )
    deal = {
        "id": "001x",
        "account_id": "001y",
        "kind": "renewal",
        "amount": 12_000.5,
        "currency": "EUR",
        "owner": "005x",
        "stage": "Negotiation",
        "forecast": "best_case",
        "expected_on": "2026-04-30",
        "opened_at": OPENED,
        "closed_at": None,
        "outcome": None,
    }
    assert rows("salesforce", body) == [("opportunities", deal)]


def test_how_an_opportunity_ends() -> None:
    won = {"closed_at": AT, "outcome": "won"}
    assert told("Opportunity", IsClosed=True, IsWon=True) == won
    assert told("Opportunity", StageName="Closed Won") == {"stage": "Closed Won", **won}
    assert told("Opportunity", IsClosed=True)["outcome"] == "lost"
    assert told("Opportunity", StageName="Closed Lost")["outcome"] == "lost"
    moved = told("Opportunity", IsClosed=True, IsWon=True, LastStageChangeDate="2026-03-09T00:00:00Z")
    assert moved["closed_at"] == "2026-03-09T00:00:00Z"
    assert told("Opportunity", Amount=1) == {"amount": 1.0}


@pytest.mark.parametrize(
    ("given", "kind"),
    [
        ("New Business", "new"),
        ("Existing Customer - Upgrade", "expansion"),
        ("Renewal", "renewal"),
        (None, "new"),
        ("?", "new"),
    ],
)
def test_kinds(given: Any, kind: str) -> None:
    assert told("Opportunity", Type=given) == {"kind": kind}
    assert told("Opportunity", {"kinds": {"Cross": "expansion"}}, Type="Cross") == {"kind": "expansion"}


def test_a_case() -> None:
    body = sent("Case", AccountId="001y", ContactId="003x", Priority="High", Subject="Help", ClosedDate=None, IsClosed=False)
    ticket = {
        "id": "001x",
        "account_id": "001y",
        "person_id": "003x",
        "kind": "support",
        "priority": "high",
        "opened_at": OPENED,
        "resolved_at": None,
        "subject": "Help",
    }
    assert rows("salesforce", body) == [("tickets", ticket)]
    assert told("Case", ClosedDate="2026-03-05T00:00:00Z") == {"kind": "support", "resolved_at": "2026-03-05T00:00:00Z"}
    assert told("Case", IsClosed=True) == {"kind": "support", "resolved_at": AT}
    assert told("Case", Priority="Medium") == {"kind": "support", "priority": "normal"}
    assert told("Case", Priority="P1") == {"kind": "support"}
    assert told("Case", {"priorities": {"P1": "critical"}}, Priority="P1")["priority"] == "critical"
    assert told("Case", AccountId=None) == {"kind": "support"}


def test_many_at_once() -> None:
    lead = {"object": "Lead", "record": {"Id": "00Q"}}
    several = {"object": "Contact", "records": [{"Id": "a"}, {"Id": "b"}]}
    found = rows("salesforce", [sent("Account"), lead, several])
    assert [(collection, values["id"]) for collection, values in found] == [
        ("accounts", "001x"),
        ("people", "a"),
        ("people", "b"),
    ]


def test_what_is_passed_over() -> None:
    assert "Lead" in ignored("salesforce", {"object": "Lead", "record": {"Id": "00Q"}})
    assert ignored("salesforce", [])


def test_the_delivery_is_known_by_the_header_or_the_body() -> None:
    assert read("salesforce", sent("Account"), None, idempotency_key="k1").delivery_id == "k1"
    assert len(read("salesforce", sent("Account")).delivery_id) == 64


def test_outbound_messages_are_not_supported() -> None:
    with pytest.raises(UserError, match="SOAP outbound messages are, which are not supported"):
        VENDORS["salesforce"].read(request("salesforce", b"  <?xml version='1.0'?><soapenv:Envelope/>"), {})


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (5, "the body holds 5"),
        ([[]], "the body holds a list"),
        ({}, "object is missing"),
        ({"object": "Account"}, "record is missing"),
        ([{"object": "Account", "record": {}}], "[0].record.Id is missing"),
        (sent("Account", CreatedDate="x"), "record.CreatedDate is 'x', no time"),
        (sent("Opportunity", Amount="much"), "record.Amount is 'much', no number"),
        (sent("Opportunity", IsClosed="no"), "record.IsClosed is 'no', neither true nor false"),
        (sent("Account", Seats__c="many"), "record.Seats__c is 'many', no number; map the field to another column"),
    ],
)
def test_what_cannot_be_read(body: Any, words: str) -> None:
    with pytest.raises(UserError) as caught:
        read("salesforce", body)
    assert words in str(caught.value)


@pytest.mark.parametrize("wrong", [5, {"Account": []}, {"Account": {"Name": "id"}}])
def test_wrong_settings(wrong: object) -> None:
    with pytest.raises(UserError, match="the setting "):
        read("salesforce", sent("Account", Name="Acme"), {"fields": wrong})


BODIES = [
    sent("Account", Name="Acme", Owner={"Email": "csm@example.com"}, Tier__c="A"),
    sent("Contact", AccountId="001y", FirstName="Jo", IsDeleted=True),
    sent(
        "Opportunity", Amount=1, Type="Renewal", StageName="Closed Won", CloseDate="2026-04-30", ForecastCategoryName="Commit"
    ),
    [sent("Case", Priority="High", ClosedDate=CHANGED, IsClosed=True), {"object": "Contact", "records": [{"Id": "a"}]}],
]


@settings(max_examples=300, deadline=None)
@given(tampered(BODIES))
def test_no_body_is_more_than_an_error(body: bytes) -> None:
    survives("salesforce", body)
