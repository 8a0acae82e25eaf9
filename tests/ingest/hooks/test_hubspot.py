"""HubSpot: every change that tells something, in both of its forms, and the rows it becomes."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings

from tests.ingest.hooks.helpers import ignored, read, rows, survives, tampered
from tocsin.core.errors import UserError

MOMENT = 1_773_135_000_000
AT = "2026-03-10T09:30:00Z"
LATER = "2026-03-10T09:30:01Z"


def change(kind: str, **more: Any) -> dict[str, Any]:
    usual = {"eventId": 1, "subscriptionId": 2, "portalId": 3, "appId": 4, "attemptNumber": 0, "changeSource": "CRM"}
    return {**usual, "subscriptionType": kind, "objectId": 55, "occurredAt": MOMENT, **more}


def became(name: str, value: Any, kind: str = "company", **more: Any) -> dict[str, Any]:
    return change(f"{kind}.propertyChange", propertyName=name, propertyValue=value, **more)


def told(name: str, value: Any, kind: str = "company", given: dict[str, Any] | None = None) -> dict[str, Any]:
    """What one change of a property tells, without the row's id and date."""
    ((_, values),) = rows("hubspot", [became(name, value, kind)], given)
    return {column: held for column, held in values.items() if column not in ("id", "updated_at")}


def test_a_company_is_made() -> None:
    account = {"id": "55", "created_at": AT, "updated_at": AT}
    assert rows("hubspot", [change("company.creation")]) == [("accounts", account)]
    assert rows("hubspot", [change("object.creation", objectTypeId="0-2")]) == [("accounts", account)]


@pytest.mark.parametrize(
    ("name", "value", "column", "held"),
    [
        ("name", "Acme", "name", "Acme"),
        ("hubspot_owner_id", "712", "owner", "712"),
        ("lifecyclestage", "customer", "lifecycle_stage", "customer"),
        ("industry", "COMPUTER_SOFTWARE", "industry", "COMPUTER_SOFTWARE"),
        ("industry", "", "industry", None),
        ("createdate", "1767225600000", "created_at", "2026-01-01T00:00:00Z"),
        ("createdate", "2026-01-01T00:00:00.000Z", "created_at", "2026-01-01T00:00:00Z"),
        ("hs_parent_company_id", "56", "parent_id", "56"),
        ("numberOfEmployees", "250", "number_of_employees", "250"),
        ("seats", "12", "seats", 12.0),
        ("id", "x", "hubspot_id", "x"),
        ("is_public", True, "is_public", True),
    ],
)
def test_what_a_company_changed(name: str, value: Any, column: str, held: Any) -> None:
    assert told(name, value) == {column: held}
    generic = became(name, value, "object", objectTypeId="0-2")
    assert rows("hubspot", [generic]) == [("accounts", {"id": "55", column: held, "updated_at": AT})]


def test_the_settings_map_properties() -> None:
    own = {"properties": {"company": {"plan__c": "plan", "products": "products_owned", "industry": "", "start": "renews_on"}}}
    assert told("plan__c", "Pro", given=own) == {"plan": "Pro"}
    assert told("start", "1767225600000", given=own) == {"renews_on": "2026-01-01"}
    assert told("name", "Acme", given=own) == {"name": "Acme"}
    assert "company.propertyChange" in ignored("hubspot", [became("industry", "x")], own)
    assert told("trained", "a;b", "contact", {"properties": {"contact": {"trained": "trained_on"}}}) == {
        "trained_on": ["a", "b"]
    }


def test_a_name_that_was_cleared_stays() -> None:
    assert ignored("hubspot", [became("name", "")])


def test_what_is_sensitive_stays_out() -> None:
    assert ignored("hubspot", [became("iban", "REDACTED")])
    assert ignored("hubspot", [became("iban", "DE00", isSensitive=True)])


def test_contacts() -> None:
    person = {"id": "hubspot:55"}
    assert rows("hubspot", [change("contact.creation")]) == [("people", {**person, "created_at": AT, "updated_at": AT})]
    assert told("associatedcompanyid", "77", "contact") == {"account_id": "77"}
    assert told("email", "jo@acme.example", "contact") == {"email": "jo@acme.example"}
    assert told("jobtitle", "CTO", "contact") == {"jobtitle": "CTO"}
    gone = {**person, "deleted_at": AT, "updated_at": AT}
    assert rows("hubspot", [change("contact.deletion")]) == [("people", gone)]
    forgotten = {**gone, "name": None, "email": None}
    assert rows("hubspot", [change("contact.privacyDeletion")]) == [("people", forgotten)]
    assert rows("hubspot", [change("object.restore", objectTypeId="0-1")]) == [("people", {**gone, "deleted_at": None})]
    assert ignored("hubspot", [became("associatedcompanyid", "", "contact")])


def test_deals() -> None:
    assert rows("hubspot", [change("deal.creation")]) == [("opportunities", {"id": "55", "kind": "new", "opened_at": AT})]
    assert told("amount", "1200.50", "deal") == {"amount": 1200.5}
    assert told("amount", "", "deal") == {"amount": None}
    assert told("deal_currency_code", "EUR", "deal") == {"currency": "EUR"}
    assert told("closedate", "1775001600000", "deal") == {"expected_on": "2026-04-01"}
    assert told("hs_primary_associated_company", "77", "deal") == {"account_id": "77"}
    assert told("hs_manual_forecast_category", "BEST_CASE", "deal") == {"forecast": "best_case"}
    assert told("hs_manual_forecast_category", "PIPELINE", "deal") == {"forecast": None}
    assert told("dealtype", "existingbusiness", "deal") == {"kind": "expansion"}
    assert told("dealtype", "Renewal 2026", "deal", {"kinds": {"Renewal 2026": "renewal"}}) == {"kind": "renewal"}
    assert ignored("hubspot", [became("dealtype", "other", "deal")])
    assert ignored("hubspot", [became("hs_unmapped", "x", "deal")])
    assert told("dealstage", "qualifiedtobuy", "deal") == {"stage": "qualifiedtobuy", "closed_at": None, "outcome": None}
    assert told("dealstage", "closedwon", "deal") == {"stage": "closedwon", "closed_at": AT, "outcome": "won"}
    own = {"outcomes": {"9871": "lost"}}
    assert told("dealstage", "9871", "deal", own) == {"stage": "9871", "closed_at": AT, "outcome": "lost"}
    assert rows("hubspot", [change("deal.deletion")]) == [("opportunities", {"id": "55", "closed_at": AT})]


def test_merging() -> None:
    merge: dict[str, Any] = {"primaryObjectId": 55, "mergedObjectIds": [56, "57"], "numberOfPropertiesMoved": 1}
    names = [("account_aliases", {"account_id": "55", "source": "hubspot", "external_id": each}) for each in ("56", "57", "99")]
    assert rows("hubspot", [change("company.merge", **merge, newObjectId=99)]) == names
    assert rows("hubspot", [change("company.merge", **merge)]) == names[:2]
    gone = {"deleted_at": AT, "updated_at": AT}
    people = [("people", {"id": f"hubspot:{each}", **gone}) for each in (56, 57, 55)]
    assert rows("hubspot", [change("contact.merge", **merge, newObjectId=99)]) == people
    assert rows("hubspot", [change("contact.merge", **merge)]) == people[:2]
    assert rows("hubspot", [change("deal.merge", **merge)])[0] == ("opportunities", {"id": "56", "closed_at": AT})


def association(kind: str, source: int, target: int, **more: Any) -> dict[str, Any]:
    thing = kind.partition("_")[0].lower()
    usual = {"associationRemoved": False, "isPrimaryAssociation": True, "objectId": None}
    ends = {"associationType": kind, "fromObjectId": source, "toObjectId": target}
    return change(f"{thing}.associationChange", **{**usual, **ends, **more})


def test_associations() -> None:
    person = ("people", {"id": "hubspot:5", "account_id": "77", "updated_at": AT})
    assert rows("hubspot", [association("CONTACT_TO_COMPANY", 5, 77)]) == [person]
    assert rows("hubspot", [association("COMPANY_TO_CONTACT", 77, 5)]) == [person]
    assert rows("hubspot", [association("DEAL_TO_COMPANY", 5, 77)]) == [("opportunities", {"id": "5", "account_id": "77"})]
    for passed in (
        association("CONTACT_TO_COMPANY", 5, 77, associationRemoved=True),
        association("CONTACT_TO_COMPANY", 5, 77, isPrimaryAssociation=False),
        association("DEAL_TO_CONTACT", 5, 77),
        association("TICKET_TO_COMPANY", 5, 77),
    ):
        assert "associationChange" in ignored("hubspot", [passed])


def test_changes_are_sorted_and_those_of_one_instant_are_one_row() -> None:
    late = became("industry", "B", occurredAt=MOMENT + 1000)
    body = [late, became("industry", "A"), became("name", "Acme"), change("company.creation"), became("name", "Z", objectId=56)]
    assert rows("hubspot", body) == [
        ("accounts", {"id": "55", "created_at": AT, "industry": "A", "name": "Acme", "updated_at": AT}),
        ("accounts", {"id": "56", "name": "Z", "updated_at": AT}),
        ("accounts", {"id": "55", "industry": "B", "updated_at": LATER}),
    ]


def test_a_repeat_has_the_same_delivery_id() -> None:
    first, again = (read("hubspot", [became("name", "Acme", attemptNumber=number)]) for number in (0, 3))
    assert first.delivery_id == again.delivery_id != read("hubspot", [became("name", "Acne")]).delivery_id


@pytest.mark.parametrize(
    "kind", ["company.deletion", "company.restore", "deal.restore", "ticket.creation", "conversation.newMessage"]
)
def test_other_changes_are_passed_over(kind: str) -> None:
    assert kind in ignored("hubspot", [change(kind)])


def test_what_is_passed_over_is_named_once() -> None:
    assert "objects of type 0-5.creation" in ignored("hubspot", [change("object.creation", objectTypeId="0-5")] * 2)
    assert "empty" in ignored("hubspot", [])
    assert len(rows("hubspot", [change("ticket.creation"), change("company.creation")])) == 1


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ({}, "the body is an object, no list of changes"),
        ([5], "no object"),
        ([{}], "[0].subscriptionType is missing"),
        ([change("company.creation", objectId=None)], "[0].objectId is missing"),
        ([change("company.creation", occurredAt=10**400)], "[0].occurredAt is"),
        ([became("createdate", "soon")], "the property createdate is 'soon', no time"),
        ([became("seats", "many")], "the property seats is 'many', no number"),
        ([change("company.merge")], "[0].primaryObjectId is missing"),
    ],
)
def test_what_cannot_be_read(body: Any, words: str) -> None:
    with pytest.raises(UserError) as caught:
        read("hubspot", body)
    assert words in str(caught.value)


@pytest.mark.parametrize(
    "wrong", [[], {"company": []}, {"company": {"name": 5}}, {"company": {"name": "id"}}], ids=["list", "inner", "value", "id"]
)
def test_wrong_settings(wrong: object) -> None:
    with pytest.raises(UserError, match="the setting properties"):
        read("hubspot", [became("name", "Acme")], {"properties": wrong})


def test_a_deal_has_no_custom_columns() -> None:
    with pytest.raises(UserError, match="opportunities has no column 'stages', did you mean 'stage'"):
        read("hubspot", [became("x", "y", "deal")], {"properties": {"deal": {"x": "stages"}}})


BODIES: list[Any] = [
    [change("company.creation"), became("name", "Acme"), became("createdate", "1767225600000")],
    [became("dealstage", "closedwon", "deal"), became("amount", "5", "deal"), change("contact.deletion")],
    [change("company.merge", primaryObjectId=1, mergedObjectIds=[2], newObjectId=3), association("CONTACT_TO_COMPANY", 5, 77)],
    [change("contact.merge", primaryObjectId=1, mergedObjectIds=[2], newObjectId=3)],
]


@settings(max_examples=300, deadline=None)
@given(tampered(BODIES))
def test_no_body_is_more_than_an_error(body: bytes) -> None:
    survives("hubspot", body)
