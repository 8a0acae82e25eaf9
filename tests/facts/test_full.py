"""`--full`: what it closed is open again when it is back, and what a source itself ended stays so."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from tests.facts.conftest import LATER, Desk
from tocsin.facts.duckdb import DuckStore
from tocsin.facts.importing import ImportReport

MAY = datetime(2026, 5, 1, 12, tzinfo=UTC)
BOTH, ONE = "id,name\na1,Acme\na2,Bolt\n", "id,name\na1,Acme\n"


def notes(report: ImportReport) -> list[str]:
    return [note for each in report.collections for note in each.notes if "back" in note]


def gone(desk: Desk) -> list[tuple[str]]:
    return desk.rows("SELECT id FROM accounts WHERE churned_at IS NOT NULL ORDER BY id")


def test_an_account_that_returns_is_open_again(acme: Desk) -> None:
    acme.give("accounts.csv", ONE, full=True, now=LATER)
    assert gone(acme) == [("a2",)]
    assert notes(acme.give("accounts.csv", BOTH, now=MAY)) == [], "a file that is not the whole says nothing of ends"
    assert gone(acme) == [("a2",)]
    report = acme.give("accounts.csv", BOTH, full=True, now=MAY)
    assert notes(report) == ["1 rows are back and open again (churned_at)"]
    assert gone(acme) == []
    assert notes(acme.give("accounts.csv", BOTH, full=True, now=MAY)) == []
    acme.give("accounts.csv", ONE, full=True, now=MAY)
    assert gone(acme) == [("a2",)], "and is closed again"


def test_a_file_that_gives_ends_opens_them_itself(acme: Desk) -> None:
    acme.give("accounts.csv", ONE, full=True, now=LATER)
    report = acme.give("accounts.csv", "id,name,churned_at\na1,Acme,\na2,Bolt,\n", full=True, now=MAY)
    assert notes(report) == ["1 rows are back and open again (churned_at)"]
    assert gone(acme) == []


@pytest.mark.parametrize("end", ["2026-03-15", LATER.isoformat()])
def test_an_end_that_the_source_gives_stays(acme: Desk, end: str) -> None:
    acme.give("accounts.csv", ONE, full=True, now=LATER)
    acme.give("accounts.csv", f"id,name,churned_at\na2,Bolt,{end}\n", now=MAY)
    assert notes(acme.give("accounts.csv", BOTH, full=True, now=MAY)) == []
    assert gone(acme) == [("a2",)], "also where it is the very end that --full had set"


def test_a_row_that_is_rejected_is_not_back(acme: Desk) -> None:
    acme.give("accounts.csv", ONE, full=True, now=LATER)
    report = acme.give("accounts.csv", "id,name,seats\na1,Acme,1\na2,Bolt,many\n", full=True, now=MAY)
    assert notes(report) == []
    assert gone(acme) == [("a2",)]


def test_people_and_rows_without_an_id(acme: Desk) -> None:
    acme.give("people.csv", "id,account_id\np1,a1\np2,a1\n")
    acme.give("people.csv", "id,account_id\np1,a1\n", full=True, now=LATER)
    assert notes(acme.give("people.csv", "id,account_id\np1,a1\np2,a1\n", full=True, now=MAY)) == [
        "1 rows are back and open again (deleted_at)"
    ]
    team = "account_id,email,role\na1,ann@x.example,csm\n"
    acme.give("account_team.csv", team + "a2,bob@x.example,csm\n")
    acme.give("account_team.csv", team, full=True, now=LATER)
    assert acme.rows("SELECT email FROM account_team WHERE to_at IS NOT NULL") == [("bob@x.example",)]
    acme.give("account_team.csv", team + "a2,bob@x.example,csm\n", full=True, now=MAY)
    assert acme.rows("SELECT email FROM account_team WHERE to_at IS NOT NULL") == []


def test_a_subscription_that_returns_counts_again(acme: Desk) -> None:
    head = "id,account_id,plan,starts_on\ns1,a1,pro,2026-01-01\n"
    acme.give("subscriptions.csv", head + "s2,a2,pro,2026-01-01\n")
    acme.give("subscriptions.csv", head, full=True, now=LATER)
    assert acme.timeline("a2", "plan") == [("2026-01-01 00:00", "pro"), ("2026-04-01 00:00", "")]
    acme.give("subscriptions.csv", head + "s2,a2,pro,2026-01-01\n", full=True, now=MAY)
    assert acme.timeline("a2", "plan") == [("2026-01-01 00:00", "pro")]


def test_a_store_made_before_it_was_remembered(tmp_path: Path) -> None:
    path = tmp_path / "facts.duckdb"
    first = DuckStore(path, ZoneInfo("UTC"))
    with first.write() as cursor:
        cursor.execute("DROP TABLE closed_by_full")
    first.close()
    desk = Desk(DuckStore(path, ZoneInfo("UTC")), tmp_path)
    desk.give("accounts.csv", BOTH)
    desk.give("accounts.csv", ONE, full=True, now=LATER)
    desk.give("accounts.csv", BOTH, full=True, now=MAY)
    assert gone(desk) == []
    desk.store.close()
