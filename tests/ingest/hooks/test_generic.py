"""JSON of any shape: rows that name their collection, mappings, and every mistake in either."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings

from tests.ingest.hooks.helpers import ignored, read, request, rows, survives, tampered
from tocsin.core.errors import UserError
from tocsin.ingest.hooks import VENDORS
from tocsin.ingest.hooks.columns import snake

AT = "2026-03-10T09:30:00Z"
EVENT = {"account_id": "acme", "name": "Signed In", "at": AT}


def test_one_row_and_many() -> None:
    assert rows("generic", {"collection": "events", **EVENT}) == [("events", EVENT)]
    many = {"collection": "events", "rows": [EVENT, {**EVENT, "minutes": "5", "properties": {"a": [1]}}]}
    assert rows("generic", many) == [("events", EVENT), ("events", {**EVENT, "minutes": 5.0, "properties": {"a": [1]}})]
    assert "no rows" in ignored("generic", {"collection": "events", "rows": []})


@pytest.mark.parametrize(
    ("collection", "column", "value", "held"),
    [
        ("events", "at", 1_773_135_000, AT),
        ("events", "at", 1_773_135_000_000, AT),
        ("events", "at", "1773135000", AT),
        ("events", "at", "2026-03-10T11:30:00+02:00", AT),
        ("events", "at", "2026-03-10", "2026-03-10T00:00:00Z"),
        ("events", "account_id", 7, "7"),
        ("events", "feature", True, "true"),
        ("events", "feature", 1.5, "1.5"),
        ("events", "feature", " ", None),
        ("events", "feature", None, None),
        ("subscriptions", "starts_on", "2026-03-10T23:30:00Z", "2026-03-11"),
        ("subscriptions", "starts_on", "2026-03-10", "2026-03-10"),
        ("subscriptions", "auto_renew", "Yes", True),
        ("subscriptions", "auto_renew", 0, False),
        ("subscriptions", "mrr", "1e3", 1000.0),
        ("people", "trained_on", ["a", 5, None], ["a", "5"]),
        ("people", "roles", "champion", ["champion"]),
        ("people", "shoe_size", 44, 44),
        ("people", "shoe_size", 10**30, 1e30),
        ("people", "shoe_size", 44.5, 44.5),
        ("people", "vip", True, True),
        ("people", "updated_at", 1_773_135_000, AT),
        ("accounts", "tier", "A\0", "A"),
        ("tasks", "due_on", "2026-03-10", "2026-03-10"),
        ("csms", "team", "North", "North"),
    ],
)
def test_values_take_the_type_of_their_column(collection: str, column: str, value: Any, held: Any) -> None:
    given: dict[str, Any] = {"id": "1", "email": "csm@example.com"} if collection != "csms" else {"email": "csm@example.com"}
    body = {"collection": collection, "id": "1", column: value} if collection != "csms" else {**given, "collection": collection}
    ((_, values),) = rows("generic", {**body, column: value}, {"timezone": "Europe/Berlin"})
    assert values[column] == held
    assert type(values[column]) is type(held)


@pytest.mark.parametrize(
    ("collection", "column", "value", "words"),
    [
        ("events", "at", "soon", "at is 'soon', no time"),
        ("events", "at", True, "at is true, no number"),
        ("events", "at", 1e300, "no time"),
        ("events", "name", {}, "name is an object, no text"),
        ("events", "minutes", "many", "minutes is 'many', no number"),
        ("events", "minutes", int("9" * 400), "too large a number"),
        ("events", "properties", [], "properties is a list, no object"),
        ("subscriptions", "starts_on", "2026-02-30", "no date"),
        ("subscriptions", "auto_renew", "perhaps", "neither true nor false"),
        ("accounts", "shoe_size", [1], "shoe_size is a list, no single value"),
        ("accounts", "name", "", "name may not be empty in accounts"),
        ("events", "names", "x", "events has no column 'names', did you mean 'name'?"),
        ("events", "zzz", "x", "events has no column 'zzz'; it has id, account_id"),
        ("events", "updated_at", AT, "events has no column 'updated_at'"),
    ],
    ids=range(14),
)
def test_values_that_do_not_fit(collection: str, column: str, value: Any, words: str) -> None:
    with pytest.raises(UserError) as caught:
        read("generic", {"collection": collection, "id": "1", column: value})
    assert words in str(caught.value)


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ([], "the body names no collection"),
        ({}, "the body names no collection"),
        ({"collection": "event"}, "collection is 'event', no collection, did you mean 'events'?"),
        ({"collection": "x"}, "no collection; there are accounts"),
        ({"collection": 5}, "collection is 5, no collection"),
        ({"collection": "alerts", "id": "1"}, "alerts, whose rows Tocsin makes itself"),
        ({"collection": "events", "rows": {}}, "rows is an object, no list"),
        ({"collection": "events", "rows": [5]}, "rows[0] is 5, no object"),
        ({"collection": "events", "rows": [], "at": AT}, "the body has rows and also at"),
        ({"collection": "events", "rows": [EVENT, {"name": "x"}]}, "rows[1] lacks account_id, at"),
        ({"collection": "account_aliases", "account_id": "a"}, "lacks source, external_id"),
        ({"collection": "accounts", "name": "Acme"}, "the body lacks id"),
    ],
)
def test_bodies_that_cannot_be_read(body: Any, words: str) -> None:
    with pytest.raises(UserError) as caught:
        read("generic", body)
    assert words in str(caught.value)


@pytest.mark.parametrize("body", [b"", b"{", b"\xff", b"[" * 100_000, b"<xml/>", b"NaN", b'{"a":1e999}'])
def test_bodies_that_are_no_json(body: bytes) -> None:
    with pytest.raises(UserError, match="the body is no JSON that can be read"):
        VENDORS["generic"].read(request("generic", body), {})


def test_a_part_of_a_row_needs_only_its_id() -> None:
    assert rows("generic", {"collection": "tickets", "id": 7, "resolved_at": None}) == [
        ("tickets", {"id": "7", "resolved_at": None})
    ]


MAPPED: dict[str, Any] = {
    "type": "signup",
    "time": 1_773_135_000,
    "org": {"key": "acme"},
    "users": [{"id": 1, "mail": "a@acme.example", "on": True}, {"id": 2, "on": False}, {"id": 3, "mail": None, "on": True}],
}
PEOPLE = {
    "collection": "people",
    "each": "users",
    "columns": {"id": "id", "account_id": "$.org.key", "email": "mail", "source": {"value": "zapier"}},
    "when": {"on": True},
}
EVENTS = {
    "collection": "events",
    "columns": {"account_id": "org.key", "name": {"value": "Signed Up"}, "at": "time", "person_id": "users.0.id"},
    "when": {"type": ["signup", "invite"]},
}


def test_a_mapping() -> None:
    assert rows("generic", MAPPED, {"mapping": PEOPLE}) == [
        ("people", {"id": "1", "account_id": "acme", "email": "a@acme.example", "source": "zapier"}),
        ("people", {"id": "3", "account_id": "acme", "email": None, "source": "zapier"}),
    ]
    event = ("events", {"account_id": "acme", "name": "Signed Up", "at": AT, "person_id": "1"})
    assert rows("generic", MAPPED, {"mapping": [EVENTS]}) == [event]
    both = rows("generic", MAPPED, {"mapping": [PEOPLE, EVENTS]})
    assert [collection for collection, _ in both] == ["people", "people", "events"]


def test_a_mapping_that_finds_nothing() -> None:
    bodies: tuple[Any, ...] = ({**MAPPED, "users": None}, {"type": "signup"}, {**MAPPED, "users": []}, 5, [], None)
    for body in bodies:
        assert "mapping" in ignored("generic", body, {"mapping": PEOPLE})
    assert ignored("generic", {**MAPPED, "type": "other"}, {"mapping": EVENTS})
    assert ignored("generic", {**MAPPED, "users": [{"id": 1, "on": 1}]}, {"mapping": PEOPLE})


def test_a_body_that_is_a_list_of_rows() -> None:
    given = {"mapping": {"collection": "events", "each": "items", "columns": {"id": "0", "name": "1.n"}}}
    assert rows("generic", {"items": [["e1", {"n": "x"}]]}, given) == [("events", {"id": "e1", "name": "x"})]


def test_an_empty_when_fits_all() -> None:
    assert len(rows("generic", MAPPED, {"mapping": {**PEOPLE, "when": {}}})) == 3


def test_an_empty_mapping_is_none() -> None:
    empties: tuple[Any, ...] = (None, {}, [])
    for empty in empties:
        assert rows("generic", {"collection": "events", **EVENT}, {"mapping": empty}) == [("events", EVENT)]


def test_a_mapped_body_that_lacks_something() -> None:
    with pytest.raises(UserError, match="the body lacks account_id, at"):
        read(
            "generic",
            {"type": "signup"},
            {"mapping": {**EVENTS, "columns": {"name": {"value": "x"}, "account_id": "a", "at": "b"}}},
        )
    with pytest.raises(UserError, match=r"users is 5, no list; mend mapping\.each"):
        read("generic", {"users": 5}, {"mapping": PEOPLE})
    with pytest.raises(UserError, match=r"users\[0\]: id may not be empty"):
        read("generic", {"users": [{"id": None, "on": True}]}, {"mapping": PEOPLE})


@pytest.mark.parametrize(
    ("mapping", "words"),
    [
        (5, "the setting mapping is 5"),
        ([5], "the setting mapping[0] is 5"),
        ({"collection": "people"}, "the setting mapping.columns is null"),
        ({**PEOPLE, "collection": "persons"}, "the setting mapping.collection is 'persons', no collection"),
        ({**PEOPLE, "collection": "alerts"}, "whose rows Tocsin makes itself"),
        ({**PEOPLE, "each": 5}, "the setting mapping.each is 5"),
        ({**PEOPLE, "when": [1]}, "the setting mapping.when is no object"),
        ({**PEOPLE, "where": {}}, "the setting mapping has 'where', which means nothing"),
        (
            [{**EVENTS, "columns": {"nam": "x"}}],
            "the setting mapping[0].columns: events has no column 'nam', did you mean 'name'?",
        ),
        ({**EVENTS, "columns": {"name": 5}}, "the setting mapping.columns.name is 5; give a path"),
        ({**EVENTS, "columns": {"name": {"valeu": 5}}}, "the setting mapping.columns.name is an object"),
        ({**EVENTS, "columns": {"": "x"}}, "no name of a column"),
    ],
)
def test_wrong_mappings(mapping: Any, words: str) -> None:
    with pytest.raises(UserError) as caught:
        read("generic", MAPPED, {"mapping": mapping})
    assert words in str(caught.value)


def test_the_delivery_is_known_by_a_header_or_the_body() -> None:
    body = {"collection": "events", **EVENT}
    assert read("generic", body, None, webhook_id="msg_1").delivery_id == "msg_1"
    assert read("generic", body, None, idempotency_key="k1").delivery_id == "k1"
    assert len(read("generic", body).delivery_id) == 64


@pytest.mark.parametrize(
    ("given", "name"),
    [
        ("annualRevenue", "annual_revenue"),
        ("Annual Revenue", "annual_revenue"),
        ("AnnualRevenue__c", "annual_revenue"),
        ("ARRTotal", "arr_total"),
        ("hs_lead_status", "hs_lead_status"),
        ("x2Fa", "x2_fa"),
        ("!?", ""),
    ],
)
def test_snake_case(given: str, name: str) -> None:
    assert snake(given) == name


BODIES = [
    {"collection": "events", "rows": [EVENT, EVENT]},
    {"collection": "accounts", "id": "1", "name": "Acme", "vip": True},
    MAPPED,
]


@settings(max_examples=300, deadline=None)
@given(tampered(BODIES))
def test_no_body_is_more_than_an_error(body: bytes) -> None:
    survives("generic", body)
    survives("generic", body, {"mapping": [PEOPLE, EVENTS]})
