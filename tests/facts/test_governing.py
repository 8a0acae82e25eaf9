"""What is said of the sources: what their words mean, and which of them has the say in a field, whatever comes first."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest

from tests.facts.conftest import NOW, Desk
from tocsin.core.errors import UserError
from tocsin.facts import fieldsources, valuewords
from tocsin.facts.duckdb import DuckStore
from tocsin.facts.importing.governing import FILE, HTTP, Governance
from tocsin.facts.live.shapes import Arrivals, Membership, Row, Traits
from tocsin.facts.live.taking import Taker
from tocsin.facts.valuewords import Meaning
from tocsin.ingest.arriving import again
from tocsin.ingest.limits import Limits

HOOK = "src_hub"


def taker(store: DuckStore) -> Taker:
    return Taker(store, lambda waiting: again(waiting, Limits()))


def rows(desk: Desk, *given: tuple[str, dict[str, Any]], source: str = HOOK, at: datetime = NOW) -> None:
    """Rows as a webhook gives them."""
    taker(desk.store).take(Arrivals(rows=[Row(name, values, source, at) for name, values in given]), None, at)


def traits(desk: Desk, account: str, at: datetime = NOW, **values: Any) -> None:
    """Traits of an account as Segment's API gives them."""
    taker(desk.store).take(Arrivals(groups={account: None}, traits=[Traits("accounts", account, values, at)]), None, NOW)


def owned(desk: Desk, collection: str = "accounts", **fields: str) -> None:
    """Give fields to sources."""
    fieldsources.give(desk.store, collection, fields)


def passed(desk: Desk) -> dict[tuple[str, str], int]:
    """(field, source) -> values that were passed over."""
    return {(each.name, told.source): told.count for each in fieldsources.fields(desk.store) for told in each.passed}


def say(desk: Desk, name: str, given: str, meant: str, source: str = "") -> str:
    collection, column = name.split(".")
    return valuewords.say(desk.store, Meaning(source, collection, column, given, meant))


TOLD: dict[str, Callable[[Desk], object]] = {
    "file": lambda desk: desk.give("accounts.csv", "id,name,owner,tier,colour\na1,File,file@x.example,1,red\n"),
    "hook": lambda desk: rows(desk, ("accounts", {"id": "a1", "name": "Hook", "owner": "hook@x.example", "tier": "2"})),
    "http": lambda desk: traits(desk, "a1", name="Segment", owner="seg@x.example", tier="3", colour="blue"),
}


@pytest.mark.parametrize("order", list(itertools.permutations(TOLD)))
def test_the_source_that_has_the_say_has_it_in_any_order(desk: Desk, order: tuple[str, ...]) -> None:
    desk.give("accounts.csv", "id,name,colour\nb1,Known,none\n")
    owned(desk, name=HTTP, owner=HOOK, tier=FILE, colour=HTTP)
    for each in order:
        TOLD[each](desk)
    found = desk.rows(
        "SELECT name, owner, CAST(tier AS VARCHAR), json_extract_string(custom, '$.colour') FROM accounts WHERE id = 'a1'"
    )
    assert found == [("Segment", "hook@x.example", "1", "blue")]
    assert passed(desk) == {
        ("name", "file"): 1, ("name", HOOK): 1, ("owner", "file"): 1, ("owner", "http"): 1,
        ("tier", HOOK): 1, ("tier", "http"): 1, ("colour", "file"): 1,
    }  # fmt: skip
    assert (
        desk.rows("SELECT field, value FROM account_history WHERE account_key = (SELECT key FROM accounts WHERE id = 'a1')")
        == []
    )
    assert [value for _, value in desk.timeline("a1", "name")] in ([], ["Segment"])


def test_without_an_owner_the_last_told_wins(desk: Desk) -> None:
    for each in ("file", "hook"):
        TOLD[each](desk)
    assert desk.rows("SELECT name FROM accounts") == [("Hook",)]
    assert passed(desk) == {}


def test_an_account_that_nobody_with_a_say_has_named_is_called_by_its_id(desk: Desk) -> None:
    owned(desk, name=HTTP)
    report = desk.give("accounts.csv", "id,name,owner\na1,File,f@x.example\n")
    assert report.collections[0].notes == ("passed over, as another source has the say there: name",)
    assert desk.rows("SELECT name, owner FROM accounts") == [("a1", "f@x.example")]
    again = desk.give("accounts.csv", "id,name,owner\na1,Other,f@x.example\n")
    assert desk.figures(again, "accounts") == (1, 0, 0, 1, 0)
    traits(desk, "a1", name="Segment")
    assert desk.rows("SELECT name FROM accounts") == [("Segment",)]


def test_the_owner_that_is_a_file_names_it_later(desk: Desk) -> None:
    owned(desk, name=FILE)
    desk.give("accounts.csv", "id,name\nb1,Known\n")
    traits(desk, "a1", name="Segment")
    desk.give("accounts.csv", "id,name\na1,File\n")
    assert desk.rows("SELECT name FROM accounts WHERE id = 'a1'") == [("File",)]
    assert desk.timeline("a1", "name") == [], "that it was called by its id is no part of its past"


def test_entries_of_the_past_follow_the_owner_too(acme: Desk) -> None:
    owned(acme, tier=HTTP)
    given = "account_id,field,value,at\na1,tier,1,2026-01-01\na1,owner,x@x.example,2026-01-01\n"
    report = acme.give("account_history.csv", given)
    assert acme.figures(report, "account_history") == (1, 1, 0, 0, 0)
    assert report.collections[0].notes == ("passed over, as another source has the say there: tier",)
    rows(acme, ("account_history", {"account_id": "a1", "field": "tier", "value": "3", "at": "2026-01-02T00:00:00Z"}))
    assert acme.rows("SELECT field FROM account_history") == [("owner",)]
    assert passed(acme) == {("tier", "file"): 1, ("tier", HOOK): 1}


def test_people_are_there_though_nobody_may_say_anything_of_them(acme: Desk) -> None:
    fieldsources.give(acme.store, "people", {"email": FILE})
    told = [Traits("people", "p1", {"email": "p@x.example"}, NOW, "a1")]
    taker(acme.store).take(Arrivals(traits=told, memberships=[Membership("p1", "a1", NOW)]), None, NOW)
    assert acme.rows("SELECT id, email FROM people") == [("p1", None)]
    acme.give("people.csv", "id,account_id,email\np1,a1,file@x.example\n")
    taker(acme.store).take(Arrivals(traits=told), None, NOW + timedelta(hours=1))
    assert acme.rows("SELECT id, email FROM people") == [("p1", "file@x.example")]


def test_a_dry_run_counts_nothing(desk: Desk) -> None:
    owned(desk, owner=HTTP)
    desk.give("accounts.csv", "id,name,owner\na1,Acme,x\n", dry_run=True)
    assert passed(desk) == {}


def test_giving_fields(desk: Desk) -> None:
    desk.give("accounts.csv", "id,name,colour\na1,Acme,red\n")
    found = {each.name: each for each in fieldsources.fields(desk.store) if each.collection == "accounts"}
    assert found["colour"].custom
    assert not found["owner"].custom
    assert "id" not in found
    assert fieldsources.give(desk.store, "accounts", {"owner": HOOK, "tier": ""}) == [("owner", "", HOOK)]
    desk.give("accounts.csv", "id,name,owner\na1,Acme,x\n")
    assert passed(desk) == {("owner", "file"): 1}
    assert fieldsources.give(desk.store, "accounts", {"owner": FILE}) == [("owner", HOOK, FILE)]
    assert passed(desk) == {}, "counted anew"
    assert fieldsources.give(desk.store, "accounts", {"owner": ""}) == [("owner", FILE, "")]
    for name in ("id", "nonsense"):
        with pytest.raises(UserError, match="no field"):
            fieldsources.give(desk.store, "accounts", {name: FILE})


STAGES = "id,name,lifecycle_stage\na1,Acme,2 - Implementation\na2,Birch,live\na3,Coil,Onboarding\n"


def test_words_of_files_mean_what_is_said_of_them(desk: Desk) -> None:
    say(desk, "accounts.lifecycle_stage", "2 - Implementation", "Onboarding")
    say(desk, "accounts.lifecycle_stage", "live", "Adoption", FILE)
    report = desk.give("accounts.csv", STAGES)
    assert desk.figures(report, "accounts") == (3, 3, 0, 0, 0)
    assert [row[0] for row in desk.rows("SELECT lifecycle_stage FROM accounts ORDER BY id")] == [
        "Onboarding",
        "Adoption",
        "Onboarding",
    ]
    assert desk.figures(desk.give("accounts.csv", STAGES), "accounts") == (3, 0, 0, 3, 0)
    desk.give(
        "account_history.csv", "account_id,field,value,at\na1,lifecycle_stage,live,2026-01-01\na1,owner,live,2026-01-01\n"
    )
    assert desk.rows("SELECT field, value FROM account_history ORDER BY field") == [
        ("lifecycle_stage", "Adoption"),
        ("owner", "live"),
    ]


def test_words_of_webhooks_and_traits_too(acme: Desk) -> None:
    say(acme, "tickets.priority", "P1", "critical", HOOK)
    say(acme, "tickets.priority", "P1", "high")
    say(acme, "accounts.status", "gone", "")
    ticket = {"id": "t1", "account_id": "a1", "opened_at": "2026-02-01T00:00:00Z", "priority": "P1"}
    rows(acme, ("tickets", ticket))
    rows(acme, ("tickets", {**ticket, "id": "t2"}), source="src_other")
    assert acme.rows("SELECT id, priority FROM tickets ORDER BY id") == [("t1", "critical"), ("t2", "high")]
    traits(acme, "a1", status="active")
    traits(acme, "a1", NOW + timedelta(hours=1), status="gone")
    assert acme.rows("SELECT status FROM accounts WHERE id = 'a1'") == [(None,)]
    rows(acme, ("events", {"id": "e1", "account_id": "a1", "name": "x", "at": "2026-02-01T00:00:00Z", "kind": "visit"}))
    say(acme, "events.kind", "visit", "page")
    rows(acme, ("events", {"id": "e2", "account_id": "a1", "name": "x", "at": "2026-02-01T00:00:00Z", "kind": "visit"}))
    assert acme.rows("SELECT id, kind FROM events ORDER BY id") == [("e1", "visit"), ("e2", "page")]


def test_a_mapping_goes_before_the_map_for_all(desk: Desk) -> None:
    say(desk, "accounts.lifecycle_stage", "live", "Adoption")
    say(desk, "accounts.lifecycle_stage", "Live now", "Established")
    desk.write(
        "map/columns.yaml", 'accounts: {columns: {lifecycle_stage: {values: {"2 - Implementation": Live now, live: Trial}}}}'
    )
    desk.give("accounts.csv", STAGES, mapping=desk.folder / "map")
    assert [row[0] for row in desk.rows("SELECT lifecycle_stage FROM accounts ORDER BY id")] == [
        "Established",
        "Trial",
        "Onboarding",
    ]


def test_what_a_source_means_goes_through_the_map_of_all() -> None:
    place = ("accounts", "status")
    said = Governance(words={"": {place: {"B": "C", "X": None}}, "s": {place: {"A": "B", "Y": "X"}}})
    assert said.meaning(place, "s") == {"B": "C", "X": None, "A": "C", "Y": None}
    assert said.meaning(place, "") == {"B": "C", "X": None}


def test_maps_lead_to_words_and_not_to_other_maps(desk: Desk) -> None:
    assert say(desk, "accounts.status", "A", "B") == ""
    assert say(desk, "accounts.status", "A", "active") == "B"
    for given, meant, words in (
        ("B", "A", "is itself mapped"),
        ("active", "trial", "map it to 'trial' first"),
        ("x", "x", "means itself"),
        ("", "x", "1 to 200"),
        ("y" * 201, "x", "1 to 200"),
    ):
        with pytest.raises(UserError, match=words):
            say(desk, "accounts.status", given, meant)
    with pytest.raises(UserError, match="not mapped"):
        say(desk, "accounts.name", "a", "b")
    valuewords.forget(desk.store, Meaning("", "accounts", "status", "A", ""))
    assert valuewords.meanings(desk.store) == []
    with pytest.raises(UserError, match="nothing is said"):
        valuewords.forget(desk.store, Meaning("", "accounts", "status", "A", ""))


def test_words_that_nothing_is_known_of_are_counted(desk: Desk) -> None:
    desk.give(
        "accounts.csv",
        "id,name,lifecycle_stage,segment,internal\na1,A,live,big,\na2,B,live,small,\na3,C,Onboarding,big,\na4,D,odd,big,true\n",
    )
    assert [(each.name, each.value, each.rows) for each in valuewords.strange(desk.store)] == [("lifecycle_stage", "live", 2)]
    say(desk, "accounts.lifecycle_stage", "x", "live")
    assert valuewords.strange(desk.store) == [], "what a map leads to is known"
    known = valuewords.known(desk.store)
    assert known["accounts", "segment"] == ("big", "small"), "where the product knows no words, those that are stored"
    assert known["accounts", "lifecycle_stage"][-1] == "live"
