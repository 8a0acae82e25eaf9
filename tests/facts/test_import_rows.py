"""What becomes of rows: typed, keyed, counted, rejected with a reason."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from tests.facts.conftest import LATER, Desk
from tocsin.core.errors import UserError
from tocsin.facts.importing import import_paths
from tocsin.facts.rejected import list_rejected, unmatched


def reasons(desk: Desk) -> list[tuple[int | None, str]]:
    return [(entry.line, entry.reason) for entry in list_rejected(desk.store)]


def test_times(berlin: Desk) -> None:
    berlin.give("accounts.csv", "id,name\na1,Acme\n")
    berlin.give(
        "events.csv",
        "id,account_id,name,at\n"
        "1,a1,x,2026-01-01T10:00:00Z\n"
        "2,a1,x,2026-01-01T10:00:00+05:30\n"
        "3,a1,x,2026-01-01 10:00\n"
        "4,a1,x,2026-07-01\n"
        "5,a1,x,2026-01-01T10:00:00.123456Z\n",
    )
    found = dict(berlin.rows('SELECT id, "at" FROM events'))
    assert found == {
        "1": datetime(2026, 1, 1, 10),  # noqa: DTZ001 -- the store's times are UTC without a zone
        "2": datetime(2026, 1, 1, 4, 30),  # noqa: DTZ001
        "3": datetime(2026, 1, 1, 10),  # noqa: DTZ001
        "4": datetime(2026, 6, 30, 22),  # noqa: DTZ001
        "5": datetime(2026, 1, 1, 10, 0, 0, 123456),  # noqa: DTZ001
    }


@pytest.mark.parametrize(
    ("cell", "said"),
    [
        ("yesterday", "at 'yesterday' is no time"),
        ("2026-02-30", "at '2026-02-30' is no time"),
        ("2026-01-01T25:00:00Z", "is no time"),
        ("2026-01-01T10:00:00+99:99", "is no time"),
        ("31/12/2026", "is no time"),
        ("", "at is empty, and a row needs one"),
    ],
)
def test_times_that_are_none(acme: Desk, cell: str, said: str) -> None:
    report = acme.give("events.csv", f"account_id,name,at\na1,good,2026-01-01\na1,bad,{cell}\n")
    assert acme.figures(report, "events") == (2, 1, 0, 0, 1)
    assert reasons(acme)[0][0] == 3
    assert said in reasons(acme)[0][1]


@pytest.mark.parametrize(("cell", "value"), [("12", 12.0), ("-2.5", -2.5), ("1e3", 1000.0), (".5", 0.5), ("", None)])
def test_numbers(acme: Desk, cell: str, value: float | None) -> None:
    acme.give("events.csv", f"account_id,name,at,minutes\na1,x,2026-01-01,{cell}\n")
    assert acme.rows('SELECT "minutes" FROM events') == [(value,)]


@pytest.mark.parametrize("cell", ["many", "NaN", "inf", "1e999", "0x10", "1 000", "1_000", "-"])
def test_numbers_that_are_none(acme: Desk, cell: str) -> None:
    report = acme.give("events.csv", f"account_id,name,at,minutes\na1,x,2026-01-01,{cell}\n")
    assert acme.figures(report, "events") == (1, 0, 0, 0, 1)
    assert reasons(acme) == [(2, f"minutes '{cell}' is no finite number")]


def test_lists_objects_and_truths(acme: Desk) -> None:
    report = acme.give(
        "people.csv",
        "id,account_id,trained_on,internal\n"
        'p1,a1,"[""reports"", ""api""]",TRUE\np2,a1,[],no\np3,a1,,\np4,a1,reports,\np5,a1,[],perhaps\n',
    )
    assert acme.figures(report, "people") == (5, 3, 0, 0, 2)
    assert acme.rows("SELECT id, trained_on, internal FROM people ORDER BY id") == [
        ("p1", ["reports", "api"], True), ("p2", [], False), ("p3", None, None),
    ]  # fmt: skip
    assert [reason for _, reason in reasons(acme)] == [
        "trained_on 'reports' is no JSON array of texts", "internal 'perhaps' is neither true nor false",
    ]  # fmt: skip
    report = acme.give("events.csv", 'account_id,name,at,properties\na1,x,2026-01-01,"{""a"": 1}"\na1,y,2026-01-01,[1]\n')
    assert acme.figures(report, "events") == (2, 1, 0, 0, 1)


def test_unknown_accounts_are_rejected_and_unknown_people_kept(acme: Desk) -> None:
    report = acme.give("events.csv", "account_id,person_id,name,at\na1,p9,x,2026-01-01\nzz,p9,x,2026-01-01\n")
    assert acme.figures(report, "events") == (2, 1, 0, 0, 1)
    assert acme.rows("SELECT person_keys.id FROM person_keys JOIN events ON person_key = key") == [("p9",)]
    assert acme.store.counts()["people"] == 0
    assert reasons(acme)[0][1].startswith("unknown account 'zz'")
    assert unmatched(acme.store) == [("events", "zz", 1)]


def test_a_task_needs_no_account(acme: Desk) -> None:
    report = acme.give(
        "tasks.csv", "id,account_id,assignee,title,created_at\n1,,ann,Call,2026-01-01\n2,zz,ann,Call,2026-01-01\n"
    )
    assert acme.figures(report, "tasks") == (2, 1, 0, 0, 1)


def test_importing_twice_changes_nothing(acme: Desk) -> None:
    text = "account_id,person_id,name,at\na1,p1,x,2026-01-01\na1,p2,x,2026-01-01\n"
    assert acme.figures(acme.give("events.csv", text), "events") == (2, 2, 0, 0, 0)
    assert acme.figures(acme.give("events.csv", text, now=LATER), "events") == (2, 0, 0, 2, 0)
    assert acme.store.counts()["events"] == 2


def test_the_same_id_again(acme: Desk) -> None:
    acme.give("tickets.csv", "id,account_id,opened_at,priority,subject\nt1,a1,2026-01-01,low,Help\n")
    kept = acme.give("tickets.csv", "id,account_id,opened_at,priority\nt1,a1,2026-01-01,high\n")
    assert acme.figures(kept, "tickets") == (1, 0, 1, 0, 0)
    assert acme.rows("SELECT priority, subject FROM tickets") == [("high", "Help")], "an absent column keeps the stored value"
    acme.give("tickets.csv", "id,account_id,opened_at,subject\nt1,a1,2026-01-01,\n")
    assert acme.rows("SELECT priority, subject FROM tickets") == [("high", None)], "an empty cell clears it"


def test_one_id_several_times_in_a_file(acme: Desk) -> None:
    rows = ["t1,a1,2026-01-01,low", "t2,a1,2026-01-01,low", "t1,a1,2026-01-01,low", "t1,a1,2026-01-01,high"]
    report = acme.give("tickets.csv", "id,account_id,opened_at,priority\n" + "\n".join(rows) + "\n")
    assert acme.figures(report, "tickets") == (4, 2, 1, 1, 0)
    assert acme.rows("SELECT id, priority FROM tickets ORDER BY id") == [("t1", "high"), ("t2", "low")]
    assert any("repeat an id" in note for note in report.collections[0].notes)
    again = acme.give("tickets.csv", "id,account_id,opened_at,priority\nt1,a1,2026-01-01,high\nt1,a1,2026-01-01,high\n")
    assert acme.figures(again, "tickets") == (2, 0, 0, 2, 0)


def test_an_empty_id_is_derived_like_an_absent_one(acme: Desk) -> None:
    acme.give("metrics.csv", "account_id,name,at,value\na1,calls,2026-01-01,5\n")
    report = acme.give(
        "metrics.csv", "id,account_id,name,at,value\n,a1,calls,2026-01-01T00:00:00Z,5\nm1,a1,calls,2026-01-02,5\n"
    )
    assert acme.figures(report, "metrics") == (2, 1, 0, 1, 0)
    empty = acme.give("accounts.csv", "id,name\n,Nobody\n")
    assert acme.figures(empty, "accounts") == (1, 0, 0, 0, 1)


def test_aliases(acme: Desk) -> None:
    acme.give("account_aliases.csv", "account_id,source,external_id\na1,stripe,cus_1\na1,crm,x\na2,zendesk,x\na2,odd,a1\n")
    report = acme.give("events.csv", "id,account_id,name,at\n1,cus_1,x,2026-01-01\n2,x,x,2026-01-01\n3,a1,x,2026-01-01\n")
    assert acme.figures(report, "events") == (3, 2, 0, 0, 1)
    assert acme.rows("SELECT events.id, accounts.id FROM events JOIN accounts ON key = account_key ORDER BY 1") == [
        ("1", "a1"), ("3", "a1"),
    ]  # fmt: skip
    assert "alias of several accounts" in reasons(acme)[0][1]


def test_an_account_row_under_an_alias_goes_to_the_account(acme: Desk) -> None:
    acme.give("account_aliases.csv", "account_id,source,external_id\na1,stripe,cus_1\n")
    report = acme.give("accounts.csv", "id,name,industry\ncus_1,Acme,Mining\ncus_2,New,\n")
    assert acme.figures(report, "accounts") == (2, 1, 1, 0, 0)
    assert acme.rows("SELECT id, industry FROM accounts ORDER BY id") == [("a1", "Mining"), ("a2", None), ("cus_2", None)]


def test_custom_attributes_and_left_out_columns(acme: Desk) -> None:
    report = acme.give("accounts.csv", 'id,name,"odd ""name""",score\na1,Acme,x,5\n')
    assert report.collections[0].notes == ()
    acme.give("accounts.csv", "id,name,score,nick\na1,Acme,,y\n")
    assert acme.rows("SELECT CAST(custom AS VARCHAR) FROM accounts WHERE id = 'a1'") == [('{"odd \\"name\\"":"x","nick":"y"}',)]
    again = acme.give("accounts.csv", 'id,name,"odd ""name""",nick\na1,Acme,x,y\n')
    assert acme.figures(again, "accounts") == (1, 0, 0, 1, 0)
    events = acme.give("events.csv", "account_id,name,at,browser\na1,x,2026-01-01,ff\n")
    assert "browser" in events.collections[0].notes[0]


def test_own_people_and_tests_are_left_out(acme: Desk) -> None:
    acme.store.internal_domains = ("ours.example",)
    report = acme.give("accounts.csv", "id,name,internal\na1,Acme,true\na2,Bolt,false\n")
    assert any(note.startswith("1 are our own") for note in report.collections[0].notes)
    text = (
        "id,account_id,email,internal\np1,a1,x@ours.example,\np2,a1,x@eu.ours.example,\np3,a1,x@yours.example,\np4,a1,,true\n"
    )
    acme.give("people.csv", text)
    assert acme.rows("SELECT id FROM people WHERE left_out ORDER BY id") == [("p1",), ("p2",), ("p4",)]
    assert acme.rows("SELECT id FROM accounts WHERE left_out") == [("a1",)]


def test_accounts_go_first_whatever_the_files_are_called(desk: Desk) -> None:
    desk.write("in/events.csv", "account_id,name,at\na1,x,2026-01-01\n")
    desk.write("in/account_aliases.csv", "account_id,source,external_id\na1,crm,c1\n")
    desk.write("in/people.csv", "id,account_id\np1,c1\n")
    desk.write("in/accounts.csv", "id,name\na1,Acme\n")
    desk.write("in/notes.md", "hello")
    report = import_paths(desk.store, [desk.folder / "in"], now=LATER)
    assert report.rejected == 0
    assert [each.name for each in report.collections] == ["accounts", "account_aliases", "people", "events"]
    assert any("notes.md" in note for note in report.notes)


def test_several_files_of_one_collection_are_taken_one_after_the_other(acme: Desk) -> None:
    acme.write("in/tickets.csv", "id,account_id,opened_at,subject\nt1,a1,2026-01-01,Help\nt2,a1,2026-01-01,\n")
    line = '{"id": "%s", "account_id": "a1", "opened_at": "2026-01-01", "priority": "%s"}\n'
    acme.write("in/tickets.jsonl", line % ("t1", "high") + line % ("t3", "low"))
    report = import_paths(acme.store, [acme.folder / "in"], now=LATER)
    assert acme.figures(report, "tickets") == (4, 3, 1, 0, 0)
    assert acme.rows("SELECT id, subject, priority FROM tickets ORDER BY id") == [
        ("t1", "Help", "high"), ("t2", None, None), ("t3", None, "low"),
    ]  # fmt: skip


def test_a_dry_run_says_the_same_and_writes_nothing(acme: Desk) -> None:
    text = "account_id,name,at\na1,x,2026-01-01\nzz,x,2026-01-01\n"
    dry = acme.give("events.csv", text, dry_run=True)
    assert acme.store.counts()["events"] == 0
    assert list_rejected(acme.store) == []
    assert acme.give("events.csv", text).collections == dry.collections
    assert "nothing was written" in dry.to_text()
    assert "--rejected" not in dry.to_text(), "a dry run leaves no list behind"


@pytest.mark.parametrize("dry_run", [True, False])
def test_the_first_reasons_are_said(acme: Desk, dry_run: bool) -> None:
    rows = ["zz,x,2026-01-01", "a1,x,soon", "a1,x,2026-01-01", "yy,x,2026-01-01", "a1,x,never", "a1,,2026-01-01"]
    report = acme.give("events.csv", "account_id,name,at\n" + "\n".join(rows) + "\n", dry_run=dry_run)
    found = [reason.removeprefix(str(acme.folder / "events.csv")) for reason in report.reasons]
    assert [reason[:22] for reason in found] == [":2: unknown account 'z", ":3: at 'soon' is no ti", ":7: name is empty, and"]
    said = report.to_text().splitlines()
    at = said.index(report.reasons[0])
    assert said[at : at + 3] == list(report.reasons)
    assert said[at + 3].startswith(
        "5 rows would be rejected" if dry_run else "5 rows were rejected; `tocsin import --rejected`"
    )


def test_only_a_few_reasons_are_said(acme: Desk) -> None:
    acme.write("in/accounts.csv", "id,name,seats\na1,,\na2,Bolt,many\x1b\n")
    columns = ["person_id", "name", "at", "minutes", "properties"]
    broken = ["p,,2026-01-01,,", "p,x,soon,,", "p,x,2026-01-01,many,", "p,x,2026-01-01,,[]"]
    text = f"account_id,{','.join(columns)}\n" + "".join(f"a1,{row}\n" for row in broken)
    acme.write("in/events.csv", text)
    report = import_paths(acme.store, [acme.folder / "in"], now=LATER)
    assert report.rejected == 6
    assert [Path(reason.split(": ")[0]).name for reason in report.reasons] == [
        "accounts.csv:2", "accounts.csv:3", "events.csv:2", "events.csv:3", "events.csv:4",
    ]  # fmt: skip
    assert all(reason.isprintable() for reason in report.reasons)


def test_rejected_rows_are_kept_once_and_leave_when_they_come_in(acme: Desk) -> None:
    acme.give("events.csv", "id,account_id,name,at\n1,a3,x,2026-01-01\n2,a1,x,never\n")
    acme.give("events.csv", "id,account_id,name,at\n1,a3,x,2026-01-01\n2,a1,x,never\n", now=LATER)
    first, second = list_rejected(acme.store)
    assert (first.line, first.collection, first.source) == (2, "events", "file")
    assert first.file is not None
    assert first.file.endswith("events.csv")
    assert second.row == {"id": "2", "account_id": "a1", "name": "x", "at": "never"}
    acme.give("accounts.csv", "id,name\na3,Coil\n", now=LATER)
    acme.give("events.csv", "id,account_id,name,at\n1,a3,x,2026-01-01\n2,a1,x,never\n", now=datetime(2026, 5, 1, tzinfo=UTC))
    assert [entry.row["id"] for entry in list_rejected(acme.store)] == ["2"]


def test_full_closes_what_the_file_lacks(acme: Desk) -> None:
    acme.give("tickets.csv", "id,account_id,opened_at\nt1,a1,2026-01-01\nt2,a1,2026-01-01\nt3,a1,2026-01-01\n")
    report = acme.give("tickets.csv", "id,account_id,opened_at\nt1,a1,2026-01-01\nt3,zz,2026-01-01\n", full=True, now=LATER)
    assert acme.rows("SELECT id FROM tickets WHERE resolved_at IS NOT NULL") == [("t2",)], "a rejected row is not missing"
    assert any(note.startswith("1 rows that the file lacks") for note in report.collections[0].notes)
    acme.give("accounts.csv", "id,name\na1,Acme\n", full=True, now=LATER)
    assert acme.rows("SELECT id FROM accounts WHERE churned_at IS NOT NULL") == [("a2",)]


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        ("events.csv", "account_id,name,at\na1,x,2026-01-01\n", "have no end column"),
        ("tickets.csv", "account_id,opened_at\n", "would close all of them"),
    ],
)
def test_full_where_it_makes_no_sense(acme: Desk, name: str, text: str, said: str) -> None:
    with pytest.raises(UserError, match=said):
        acme.give(name, text, full=True)
    assert acme.store.counts()["events"] == 0
