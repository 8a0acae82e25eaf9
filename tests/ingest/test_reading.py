"""From calls to what they tell: names of events, columns of traits, who belongs where, and the events of B2B SaaS."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tocsin.core.errors import UserError
from tocsin.facts.live.shapes import Event, Link, Membership
from tocsin.ingest.segment.messages import read_call
from tocsin.ingest.segment.reading import MOST_TRAITS, Told, snake

NOW = datetime(2026, 3, 31, 12, tzinfo=UTC)
AT = datetime(2026, 3, 1, 10, tzinfo=UTC)


def told(**fields: Any) -> Told:
    """What one call tells."""
    found = Told()
    raw = json.dumps({"messageId": "m1", "timestamp": AT.isoformat(), **fields}).encode()
    found.add(read_call(raw, kind=None, received=NOW, sent_at=None, ahead=timedelta(hours=24)))
    return found


def event(**fields: Any) -> Event:
    found = told(**({"userId": "u1"} | fields)).events
    assert len(found) == 1
    return found[0]


def track(name: str, **fields: Any) -> Event:
    return event(type="track", event=name, **fields)


def traits(kind: str, values: dict[str, Any], **fields: Any) -> dict[str, Any]:
    found = told(type=kind, userId="u1", groupId="acme", traits=values, **fields).traits
    assert len(found) == 1
    return found[0].values


# Events


def test_a_track_call_is_an_event() -> None:
    found = track("Report Exported", properties={"rows": 42}, context={"groupId": "acme"}, anonymousId="a1")
    assert (found.id, found.account, found.person, found.anonymous) == ("m1", "acme", "u1", "a1")
    assert (found.name, found.at, found.kind, found.feature, found.minutes) == ("Report Exported", AT, None, None, None)
    assert json.loads(found.properties or "") == {"rows": 42}


@pytest.mark.parametrize(
    ("kind", "name", "wanted"),
    [
        ("page", "Pricing", "Viewed Pricing Page"),
        ("screen", "Home", "Viewed Home Screen"),
        ("page", None, "Viewed Page"),
        ("screen", "", "Viewed Screen"),
        ("page", "Preise für Größen", "Viewed Preise für Größen Page"),
    ],
)
def test_pages_and_screens_are_events_of_kind_page(kind: str, name: str | None, wanted: str) -> None:
    found = event(type=kind, name=name, category="Docs", properties={"url": "https://x.example"})
    assert (found.name, found.kind) == (wanted, "page")


def test_identify_alias_and_group_are_no_events() -> None:
    assert told(type="identify", userId="u1", traits={}).events == []
    assert told(type="alias", userId="u1", previousId="a1").events == []
    assert told(type="group", userId="u1", groupId="acme").events == []


def test_feature_and_minutes_fill_their_columns() -> None:
    found = track("Used", properties={"feature": "Reports", "minutes": 2.5})
    assert (found.feature, found.minutes, found.guess) == ("Reports", 2.5, "feature")
    assert track("Used", properties={"minutes": 0}).minutes == 0.0


@pytest.mark.parametrize("value", ["many", "5", True, None, [], {}, -1, -1e308, 1e300, 2**70])
def test_minutes_that_are_none_are_left_out(value: Any) -> None:
    found = track("Used", properties={"minutes": value})
    assert found.minutes is None
    assert json.loads(found.properties or "") == {"minutes": value}, "they stay where they were told"


@pytest.mark.parametrize("value", ["", 5, True, None, [], ["x"], {}])
def test_a_feature_that_is_none_is_left_out(value: Any) -> None:
    assert track("Used", properties={"feature": value}).feature is None


@pytest.mark.parametrize("name", ["Signed In", "Logged In", "User Logged In", "Login", "login"])
def test_logins_by_their_usual_names(name: str) -> None:
    assert track(name).guess == "login"


def test_a_page_with_a_feature_stays_a_page() -> None:
    assert event(type="page", name="X", properties={"feature": "Y"}).kind == "page"


# Traits


@pytest.mark.parametrize(
    ("name", "wanted"),
    [
        ("createdAt", "created_at"),
        ("created_at", "created_at"),
        ("Created At", "created_at"),
        ("CreatedAt", "created_at"),
        ("stageEnteredAt", "stage_entered_at"),
        ("renewsOn", "renews_on"),
        ("seatsUsed", "seats_used"),
        ("mrr", "mrr"),
        ("MRR", "mrr"),
        ("customerURL", "customer_url"),
        ("HTTPServer", "http_server"),
        ("seats2Go", "seats2_go"),
        ("plan-name", "plan_name"),
        (" plan ", "plan"),
        ("Größe", "größe"),
        ("__proto__", "proto"),
        ("$.x[0]", "x_0"),
        ("", ""),
    ],
)
def test_names_of_traits(name: str, wanted: str) -> None:
    assert snake(name) == wanted


def test_traits_go_to_columns_and_others_are_custom() -> None:
    assert traits("group", {"name": "Acme", "createdAt": "2025-01-01T00:00:00Z", "renews_on": "2026-12-01", "crmTier": 2}) == {
        "name": "Acme", "created_at": "2025-01-01T00:00:00Z", "renews_on": "2026-12-01", "crm_tier": 2,
    }  # fmt: skip


def test_nested_traits_are_told_by_their_parts() -> None:
    assert traits("identify", {"address": {"city": "Ulm", "postalCode": "89073", "geo": {"lat": 1}, "lines": [1]}}) == {
        "address_city": "Ulm",
        "address_postal_code": "89073",
    }


@pytest.mark.parametrize("kind", ["identify", "group"])
def test_traits_name_no_key_of_ours(kind: str) -> None:
    ours = {
        "id": "x",
        "account_id": "y",
        "accountId": "y",
        "key": 7,
        "updatedAt": "2026-01-01",
        "leftOut": True,
        "custom": "{}",
    }
    nested = {"account": {"id": "other"}, "left": {"out": True}, "first": {"seen": "2020-01-01"}, "custom": {"given": "{}"}}
    assert traits(kind, {**ours, **nested, "plan": "pro"}) == {"plan": "pro"}


def test_null_clears_and_absence_keeps() -> None:
    assert traits("identify", {"title": None, "role": "admin"}) == {"title": None, "role": "admin"}
    assert traits("group", {"plan": None}) == {"plan": None}


@pytest.mark.parametrize("value", [None, ""])
def test_an_account_whose_name_is_cleared_is_called_by_its_id(value: Any) -> None:
    assert traits("group", {"name": value, "plan": "pro"}) == {"name": "acme", "plan": "pro"}


@pytest.mark.parametrize(
    ("values", "name"),
    [
        ({"firstName": "Ada", "lastName": "Lovelace"}, "Ada Lovelace"),
        ({"first_name": "Ada"}, "Ada"),
        ({"name": "A. L.", "firstName": "Ada"}, "A. L."),
        ({"firstName": None, "lastName": "L"}, "L"),
    ],
)
def test_a_person_is_called_by_the_parts_of_a_name(values: dict[str, Any], name: str) -> None:
    assert traits("identify", values)["name"] == name


def test_rudderstack_tells_of_a_person_in_the_context() -> None:
    found = told(type="identify", userId="u1", context={"traits": {"email": "x@y.example", "createdAt": "2025-01-01"}})
    assert found.traits[0].values == {"email": "x@y.example", "created_at": "2025-01-01"}
    found = told(type="identify", userId="u1", traits={"email": "own@y.example"}, context={"traits": {"email": "x@y.example"}})
    assert found.traits[0].values == {"email": "own@y.example"}


def test_the_person_in_the_context_of_a_group_is_not_the_account() -> None:
    about = {"traits": {"email": "x@y.example", "name": "Ada"}}
    assert told(type="group", userId="u1", groupId="acme", context=about).traits[0].values == {}
    assert told(type="group", userId="u1", groupId="acme", traits={"plan": "pro"}, context=about).traits[0].values == {
        "plan": "pro"
    }


@pytest.mark.parametrize(
    ("kind", "name", "value"),
    [
        *(("group", "seats", value) for value in ("many", True, [], [5], "NaN", "inf", "1e999", "1_000", "0x10")),
        ("group", "renewsOn", "soon"),
        ("group", "renewsOn", 5),
        ("group", "renewsOn", True),
        ("group", "renewsOn", []),
        ("group", "renewsOn", "2026-02-30"),
        ("group", "renewsOn", "31.12.2026"),
        ("group", "createdAt", "soon"),
        ("group", "createdAt", 1714521600),
        ("group", "createdAt", []),
        ("group", "internal", "perhaps"),
        ("group", "internal", 2),
        ("group", "plan", ["pro"]),
        ("group", "plan", "a\x00"),
        ("identify", "createdAt", "soon"),
        ("identify", "roles", 5),
        ("identify", "roles", True),
    ],
)
def test_a_trait_that_its_column_cannot_hold_is_said(kind: str, name: str, value: Any) -> None:
    with pytest.raises(UserError, match=f"the trait {snake(name)} .* is no|the trait {snake(name)} .*(neither|NUL)"):
        traits(kind, {"industry": "steel", name: value})


@pytest.mark.parametrize(
    ("kind", "name", "value"),
    [
        *(("group", "seats", value) for value in (5, 2.5, "5", " 5 ", "1e3", "-2", "", None)),
        *(("group", "renewsOn", value) for value in ("2026-12-31", "2026-12-31T00:00:00Z", "", None)),
        *(("group", "internal", value) for value in (True, False, "true", "No", 0, 1, "")),
        *(("group", "plan", value) for value in (5, True, "pro", "")),
        *(("group", "tier", value) for value in (1, "gold", True)),
        *(("identify", "roles", value) for value in (["admin", "champion"], "", [], '["admin"]')),
    ],
)
def test_a_trait_that_its_column_can_hold_is_kept_as_told(kind: str, name: str, value: Any) -> None:
    assert traits(kind, {name: value}) == {snake(name): value}


def test_one_role_is_a_list_of_one() -> None:
    assert traits("identify", {"roles": "admin"}) == {"roles": ["admin"]}


def test_so_many_traits_are_a_mistake() -> None:
    assert len(traits("group", {f"t{n}": n for n in range(MOST_TRAITS)})) == MOST_TRAITS
    with pytest.raises(UserError, match="traits are more than"):
        traits("group", {f"t{n}": n for n in range(MOST_TRAITS + 1)})


# Who is who, and who belongs where


def test_a_group_makes_an_account_and_a_member() -> None:
    found = told(type="group", userId="u1", groupId="acme", traits={"name": "Acme"})
    assert list(found.groups) == ["acme"]
    assert found.memberships == [Membership("u1", "acme", AT)]
    assert told(type="group", anonymousId="a1", groupId="acme").memberships == []


def test_visitors_turn_out_to_be_somebody() -> None:
    assert told(type="alias", previousId="a1", userId="u1").links == [Link("a1", "u1", AT)]
    assert told(type="identify", anonymousId="a1", userId="u1").links == [Link("a1", "u1", AT)]
    assert told(type="track", anonymousId="a1", userId="u1", event="E").links == [Link("a1", "u1", AT)]
    assert told(type="identify", anonymousId="a1", traits={"email": "x@y.example"}).traits == []


def test_an_identify_may_name_the_account() -> None:
    assert told(type="identify", userId="u1", context={"groupId": "acme"}).traits[0].account == "acme"


# B2B SaaS


def b2b(name: str, properties: dict[str, Any] | None = None, **fields: Any) -> Told:
    found = told(
        type="track", userId="u1", event=name, properties=properties or {}, **({"context": {"groupId": "acme"}} | fields)
    )
    assert [each.name for each in found.events] == [name], "what happened is an event as well"
    return found


def said(found: Told) -> list[tuple[str, str, dict[str, Any]]]:
    return [(each.collection, each.id, each.values) for each in found.traits]


def test_accounts_are_made_and_end() -> None:
    made = b2b("Account Created", {"account_name": "Acme"})
    assert list(made.groups) == ["acme"]
    assert said(made) == [("accounts", "acme", {"created_at": AT.isoformat(), "name": "Acme"})]
    ended = b2b("Account Deleted")
    assert said(ended) == [("accounts", "acme", {"churned_at": AT.isoformat(), "status": "churned"})]
    assert ended.groups == {}


def test_people_come_and_go() -> None:
    signed = b2b("Signed Up", {"email": "x@y.example", "first_name": "Ada", "last_name": "L", "title": "CEO"})
    person = {"created_at": AT.isoformat(), "email": "x@y.example", "first_name": "Ada", "last_name": "L", "title": "CEO"}
    assert said(signed) == [("people", "u1", person | {"name": "Ada L"})]
    added = b2b("Account Added User", {"role": "admin"})
    assert added.memberships == [Membership("u1", "acme", AT)]
    assert said(added) == [("people", "u1", {"role": "admin"})]
    gone = b2b("Account Removed User")
    assert gone.memberships == [Membership("u1", "acme", AT, left=True)]
    assert b2b("Signed In").events[0].guess == "login"
    assert said(b2b("Invite Sent", {"invitee_email": "z@y.example"})) == []


def test_trials_begin_and_end() -> None:
    begun = b2b(
        "Trial Started", {"trial_start_date": "2026-03-01", "trial_end_date": "2026-03-15T00:00:00Z", "trial_plan_name": "team"}
    )
    assert said(begun) == [("accounts", "acme", {"status": "trial", "plan": "team", "trial_ends_on": "2026-03-15"})]
    ended = b2b("Trial Ended", {"trial_end_date": "2026-03-14", "trial_plan_name": "team"})
    assert said(ended) == [("accounts", "acme", {"trial_ends_on": "2026-03-14"})]


@pytest.mark.parametrize(
    "name", ["Account Deleted", "Account Added User", "Account Removed User", "Trial Started", "Trial Ended"]
)
def test_what_names_no_account_tells_nothing_of_one(name: str) -> None:
    found = b2b(name, {"trial_end_date": "2026-03-14"}, context={})
    assert (found.memberships, found.groups, said(found)) == ([], {}, [])


@pytest.mark.parametrize("value", [5, True, [], {}, "soon", "2026-02-30"])
@pytest.mark.parametrize(
    ("name", "key"), [("Trial Started", "trial_end_date"), ("Account Created", "account_name"), ("Account Added User", "role")]
)
def test_properties_of_another_type_are_no_facts(name: str, key: str, value: Any) -> None:
    for collection, _, values in said(b2b(name, {key: value})):
        assert "trial_ends_on" not in values
        if not isinstance(value, str):
            assert "name" not in values or collection == "people"
            assert "role" not in values
