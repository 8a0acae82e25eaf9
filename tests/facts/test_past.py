"""Whose past an import changes, and from when on: what kept health scores are made anew from."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from tests.facts.conftest import LATER, NOW, Desk
from tocsin.facts.duckdb import DuckStore
from tocsin.facts.scores import Kept

EVER = "ever"
ACCOUNTS = "id,name,created_at,seats,churned_at,internal\na1,Acme,2026-01-01,5,,\na2,Bolt,2026-01-01,7,,\na3,Cube,,9,,\n"
PEOPLE = "id,account_id,created_at,email,role,deleted_at\np1,a1,2026-01-02,p1@a1.example,user,\np2,a2,,p2@a2.example,user,\n"
BEFORE = {
    "accounts.csv": ACCOUNTS,
    "people.csv": PEOPLE,
    "events.csv": "id,account_id,person_id,name,at\ne1,a1,p1,use,2026-01-05T08:00:00Z\n",
    "tickets.csv": "id,account_id,priority,opened_at,resolved_at\nt1,a1,low,2026-01-10,\nt2,a2,low,2026-01-10,2026-01-20\n",
    "invoices.csv": "id,account_id,amount,issued_on,due_on,paid_on\ni1,a1,10,2026-01-04,2026-02-04,\n",
    "opportunities.csv": "id,account_id,kind,amount,opened_at,closed_at,outcome\no1,a1,renewal,5,2026-01-03,,\n",
    "milestones.csv": "id,account_id,name,started_at,due_on\nm1,a1,Live,,2026-02-01\n",
    "subscriptions.csv": "id,account_id,seats,mrr,currency,starts_on,ended_on\ns1,a2,7,70,EUR,2026-01-01,\n",
    "account_history.csv": "account_id,field,value,at\na1,plan,free,2026-01-01\n",
    "people_history.csv": "person_id,field,value,at\np1,role,user,2026-01-02\n",
    "rates.csv": "currency,on,rate\nEUR,2026-01-01,1.1\n",
}  # fmt: skip


@pytest.fixture(params=["UTC", "Europe/Berlin"])
def kept(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Desk]:
    """A store with facts in which scores are kept from now on."""
    desk = Desk(DuckStore(":memory:", ZoneInfo(request.param), internal_domains=["ours.example"]), tmp_path)
    for name, text in BEFORE.items():
        desk.give(name, text)
    desk.store.scores.settle(Kept("model"), (), None, 0)
    yield desk
    desk.store.close()


def noted(desk: Desk) -> dict[str | None, str]:
    """Account (None: all) -> since when, in the store's zone."""
    return {
        each.account_id: EVER if each.since.year == 1 else f"{each.since.astimezone(desk.store.zone):%Y-%m-%d %H:%M}"
        for each in desk.store.scores.notes()[1]
    }


def import_time(desk: Desk) -> str:
    return f"{LATER.astimezone(desk.store.zone):%Y-%m-%d %H:%M}"


@pytest.mark.parametrize(
    ("name", "text", "expected"),
    [
        ("events.csv", BEFORE["events.csv"], {}),
        ("events.csv", "id,account_id,name,at\ne2,a2,use,2026-01-06\ne3,a2,use,2026-01-04\n", {"a2": "2026-01-04 00:00"}),
        ("events.csv", "id,account_id,person_id,name,at\ne1,a2,p1,use,2026-01-07\n", {"a1": "e1", "a2": "e1"}),
        ("tickets.csv", "id,account_id,opened_at,resolved_at\nt1,a1,2026-01-10,2026-01-15\n", {"a1": "2026-01-15 00:00"}),
        ("tickets.csv", "id,account_id,opened_at,resolved_at\nt2,a2,2026-01-10,\n", {"a2": "2026-01-20 00:00"}),
        ("tickets.csv", "id,account_id,opened_at,resolved_at\nt2,a2,2026-01-10,2026-01-25\n", {"a2": "2026-01-20 00:00"}),
        ("tickets.csv", "id,account_id,opened_at,priority\nt1,a1,2026-01-10,high\n", {"a1": "2026-01-10 00:00"}),
        ("invoices.csv", "id,account_id,amount,issued_on,due_on,paid_on\ni1,a1,10,2026-01-04,2026-02-04,2026-02-09\n",
         {"a1": "2026-02-09 00:00"}),
        ("opportunities.csv", "id,account_id,kind,opened_at,closed_at,outcome\no1,a1,renewal,2026-01-03,2026-02-11,won\n",
         {"a1": "2026-02-11 00:00"}),
        ("milestones.csv", "id,account_id,name,due_on\nm1,a1,Live,2026-02-05\n", {"a1": EVER}),
        ("milestones.csv", "id,account_id,name,started_at\nm2,a2,Live,2026-01-09\n", {"a2": "2026-01-09 00:00"}),
        ("subscriptions.csv", "id,account_id,seats,starts_on\ns2,a2,9,2026-02-01\n", {"a2": "2026-02-01 00:00"}),
        ("subscriptions.csv", "id,account_id,seats,starts_on\ns2,a1,9,2026-02-01\n", {"a1": EVER}),
        ("subscriptions.csv", "id,account_id,seats,starts_on,ended_on\ns1,a2,7,2026-01-01,2026-02-20\n",
         {"a2": "2026-02-20 00:00"}),
        ("account_history.csv", "account_id,field,value,at\na1,plan,pro,2026-02-03\n", {"a1": "2026-02-03 00:00"}),
        ("account_history.csv", "account_id,field,value,at\na2,plan,pro,2026-02-03\n", {"a2": EVER}),
        ("people_history.csv", "person_id,field,value,at\np1,role,champion,2026-02-03\n", {"a1": "2026-02-03 00:00"}),
        ("people_history.csv", "person_id,field,value,at\np2,role,champion,2026-02-03\n", {"a2": EVER}),
        ("people.csv", "id,account_id,created_at\np3,a2,2026-02-14\n", {"a2": "2026-02-14 00:00"}),
        ("people.csv", "id,account_id,created_at,deleted_at\np1,a1,2026-01-02,2026-02-16\n", {"a1": "2026-02-16 00:00"}),
        ("people.csv", "id,account_id,created_at,role\np1,a1,2026-01-02,champion\n", {"a1": "import"}),
        ("people.csv", "id,account_id,role\np2,a2,champion\n", {"a2": EVER}),
        ("people.csv", "id,account_id,created_at\np1,a2,2026-01-02\n", {"a1": EVER, "a2": EVER}),
        ("people.csv", "id,account_id,internal\np1,a1,true\n", {"a1": EVER}),
        ("people.csv", "id,account_id,email,created_at\np9,a2,x@ours.example,2026-02-01\n", {"a2": EVER}),
        ("accounts.csv", "id,name,seats\na1,Acme,6\n", {"a1": "import"}),
        ("accounts.csv", "id,name,seats,updated_at\na1,Acme,6,2026-02-22\n", {"a1": "2026-02-22 00:00"}),
        ("accounts.csv", "id,name,seats\na3,Cube,6\n", {"a3": EVER}),
        ("accounts.csv", "id,name,colour\na1,Acme,red\n", {"a1": EVER}),
        ("accounts.csv", "id,name,churned_at\na1,Acme,2026-02-23\n", {"a1": "2026-02-23 00:00"}),
        ("accounts.csv", "id,name,created_at\na1,Acme,2026-01-11\n", {"a1": EVER}),
        ("accounts.csv", "id,name,internal\na1,Acme,true\n", {"a1": EVER}),
        ("accounts.csv", "id,name,created_at\na4,Dune,2026-02-24\na5,Echo,\n", {"a4": "2026-02-24 00:00", "a5": EVER}),
        ("rates.csv", "currency,on,rate\nEUR,2026-02-25,1.2\n", {None: "2026-02-25 00:00"}),
        ("rates.csv", "currency,on,rate\nSEK,2026-02-25,0.1\n", {None: EVER}),
        ("account_aliases.csv", "account_id,source,external_id\na1,crm,77\n", {}),
        ("csms.csv", "email,name\nada@us.example,Ada\n", {}),
    ],
)  # fmt: skip
def test_each_kind_of_row_changes_the_past_from_where_it_is_seen(
    kept: Desk, name: str, text: str, expected: dict[str | None, str]
) -> None:
    kept.give(name, text, now=LATER)
    first = "2026-01-05 08:00" if kept.store.zone.key == "UTC" else "2026-01-05 09:00"  # when e1 was with a1
    said = {"import": import_time(kept), "e1": first}
    assert noted(kept) == {account: said.get(since, since) for account, since in expected.items()}


def test_the_whole_truth_closes_from_its_import_on_and_opens_again_from_the_end_it_had_set(kept: Desk) -> None:
    kept.give("tickets.csv", "id,account_id,opened_at\nt2,a2,2026-01-10\n", full=True, now=LATER)
    assert noted(kept) == {"a1": import_time(kept)}
    kept.store.scores.settle(Kept("model"), (), None, kept.store.scores.notes()[0])
    assert noted(kept) == {}
    both = "id,account_id,opened_at\nt1,a1,2026-01-10\nt2,a2,2026-01-10\n"
    kept.give("tickets.csv", both, full=True, now=datetime(2026, 5, 1, tzinfo=UTC))
    assert noted(kept) == {"a1": import_time(kept)}


def test_notes_of_an_account_become_one_with_the_earliest_instant(kept: Desk) -> None:
    for day in ("2026-02-09", "2026-02-03", "2026-02-06"):
        kept.give("events.csv", f"account_id,name,at\na1,use,{day}\n", now=LATER)
    kept.give("rates.csv", "currency,on,rate\nEUR,2026-02-25,1.2\n", now=LATER)
    assert noted(kept) == {"a1": "2026-02-03 00:00", None: "2026-02-25 00:00"}


def test_what_arrives_while_scores_are_made_stays_noted(kept: Desk) -> None:
    kept.give("events.csv", "account_id,name,at\na1,use,2026-02-09\na2,use,2026-02-09\n", now=LATER)
    seen, _ = kept.store.scores.notes()
    kept.give("events.csv", "account_id,name,at\na1,use,2026-02-11\n", now=LATER)
    kept.store.scores.settle(Kept("model"), (), None, seen)
    assert noted(kept) == {"a1": "2026-02-09 00:00"}


def test_a_dry_run_notes_nothing(kept: Desk) -> None:
    kept.give("events.csv", "account_id,name,at\na1,use,2026-02-09\n", now=LATER, dry_run=True)
    assert noted(kept) == {}


def test_nothing_is_noted_where_no_scores_are_kept(acme: Desk) -> None:
    acme.give("events.csv", "account_id,name,at\na1,use,2026-02-09\n")
    assert acme.store.scores.notes() == (0, [])


def test_what_the_engine_keeps_is_no_history_that_anybody_recorded(kept: Desk) -> None:
    store = kept.store
    with store.write() as cursor:
        cursor.execute("INSERT INTO account_timeline SELECT key, 'health_band', 'Good', TIMESTAMP '2026-01-03' FROM accounts")
    entries = "account_id,field,value,at\na1,health_band,Poor,2026-01-02\na1,plan,pro,2026-02-01\n"
    kept.give("account_history.csv", entries, now=NOW)
    assert [value for _, value in kept.timeline("a1", "health_band")] == ["Good"]
    store.scores.forget()
    assert kept.timeline("a1", "health_band") == []
    assert [value for _, value in kept.timeline("a1", "plan")] == ["free", "pro"]
    assert store.scores.kept() is None


def test_an_entry_from_the_product_is_noted_and_takes_the_place_of_later_ones(kept: Desk) -> None:
    at, until = datetime(2026, 2, 1, tzinfo=UTC), datetime(2026, 2, 9, tzinfo=UTC)
    kept.store.record("a1", "health_override", [("20", at), (None, until)], after=at)
    kept.store.record(
        "a1", "health_override", [("30", datetime(2026, 2, 5, tzinfo=UTC))], after=datetime(2026, 2, 5, tzinfo=UTC)
    )
    assert [value for _, value in kept.timeline("a1", "health_override")] == ["20", "30"]
    assert [each.since for each in kept.store.scores.notes()[1]] == [at]


@pytest.mark.parametrize(
    ("text", "since"),
    [
        ("id,account_id,name,at,minutes\ne2,a2,use,2026-01-06,\n", None),
        ("id,account_id,name,at,minutes\ne2,a2,use,2026-01-06,3\ne3,a2,use,2026-01-04,\n", "2026-01-06 00:00"),
        ("id,account_id,person_id,name,at,minutes\ne1,a1,p1,use,2026-01-05T08:00:00Z,3\n", "e1"),
    ],
)
def test_the_first_event_with_minutes_changes_everybodys(kept: Desk, text: str, since: str | None) -> None:
    """From it on minutes are no longer counted by sessions."""
    kept.give("events.csv", text)
    at = datetime(2026, 1, 5, 8, tzinfo=UTC).astimezone(kept.store.zone)
    assert noted(kept).get(None) == (f"{at:%Y-%m-%d %H:%M}" if since == "e1" else since)


def test_later_minutes_change_their_accounts_only(kept: Desk) -> None:
    kept.give("events.csv", "id,account_id,name,at,minutes\ne2,a2,use,2026-01-06,3\n", now=LATER)
    kept.store.scores.settle(Kept("model"), (), None, kept.store.scores.notes()[0])
    kept.give("events.csv", "id,account_id,name,at,minutes\ne3,a1,use,2026-01-07,3\n", now=LATER)
    assert noted(kept) == {"a1": "2026-01-07 00:00"}
    kept.give("events.csv", "id,account_id,name,at,minutes\ne2,a2,use,2026-01-06,\n", now=LATER)
    assert noted(kept)[None] == "2026-01-06 00:00"  # until the seventh nobody gives minutes now
