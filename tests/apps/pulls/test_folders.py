"""Pulls of folders: what is taken and when, what waits, what vanished, and what one bad file holds up."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.apps.pulls.conftest import Desk
from tocsin.core.errors import UserError
from tocsin.facts import importing
from tocsin.facts.pulling import folders
from tocsin.sources import facade

ACCOUNTS = "id,name,created_at\na1,Acme,2026-01-01\na2,Bolt,2026-01-01\n"
HEAD = "id,account_id,name,at\n"
EVENT = "e{0},a1,Signed in,2026-02-{0:02}T10:00:00Z\n"


def events(*numbers: int) -> str:
    """A file of events."""
    return HEAD + "".join(EVENT.format(number) for number in numbers)


def test_only_files_that_are_new_or_changed_are_taken(desk: Desk) -> None:
    desk.write("accounts.csv", ACCOUNTS)
    desk.write("events-2026-02-01.csv", events(1, 2))
    desk.write("events_0002.csv", events(3))
    desk.write("events/part-0.csv", events(4))
    desk.write("events/_SUCCESS", "")
    desk.write("events-old.csv", events(9))
    desk.write("notes.txt", "a,b\n1,2\n")
    desk.create("folder")
    ended = desk.pull()
    assert ended.run.error == ""
    assert desk.figures(ended) == {"accounts": (2, 2, 0, 0, 0), "events": (4, 4, 0, 0, 0)}
    assert ended.run.notes == (
        "passed over, named after no collection or in no format that can be read: events-old.csv, notes.txt",
    )
    desk.later(hours=1)
    ended = desk.pull()
    assert (ended.run.state, ended.run.report, ended.changed) == ("done", (), False)
    desk.write("events-2026-02-01.csv", events(1, 2, 5))
    desk.write("events-2026-02-02.csv", events(6))
    assert desk.figures(desk.pull()) == {"events": (4, 2, 0, 2, 0)}
    assert desk.info().collections == ("accounts", "events")


def test_what_is_still_being_written_waits(desk: Desk) -> None:
    desk.write("accounts.csv", ACCOUNTS)
    desk.write("events.csv", events(1), age=4)
    desk.create("folder", settle="5s")
    ended = desk.pull()
    assert (ended.run.state, list(desk.figures(ended))) == ("done", ["accounts"])
    assert ended.run.notes == ("still being written, and left to the next run: events.csv",)
    desk.later(seconds=2)
    assert desk.figures(desk.pull()) == {"events": (1, 1, 0, 0, 0)}


@pytest.mark.parametrize("gone", [True, False])
def test_what_changes_or_vanishes_under_our_hands_waits(desk: Desk, monkeypatch: pytest.MonkeyPatch, gone: bool) -> None:
    desk.write("accounts.csv", ACCOUNTS)
    path = desk.write("events.csv", events(1))
    desk.create("folder")
    real = importing.import_sources

    def in_between(store: Any, sources: Any, *args: Any, **options: Any) -> Any:
        if sources[0].stem == "events":
            if gone:
                path.unlink()
            else:
                path.write_text(events(1, 2)[:-20])
        return real(store, sources, *args, **options)

    with monkeypatch.context() as patch:
        patch.setattr(folders, "import_sources", in_between)
        ended = desk.pull()
    assert (ended.run.state, desk.count("events")) == ("done", 0)
    assert ended.run.notes == ("events.csv was changed or went away while it was read; it waits for the next run",)
    desk.write("events.csv", events(1, 2))
    assert desk.figures(desk.pull()) == {"events": (2, 2, 0, 0, 0)}


def test_a_file_that_is_gone_is_forgotten_and_an_empty_folder_is_said(desk: Desk) -> None:
    desk.write("accounts.csv", ACCOUNTS)
    path = desk.write("events.csv", events(1))
    desk.create("folder")
    desk.pull()
    path.unlink()
    ended = desk.pull()
    assert (ended.run.state, ended.run.notes) == ("done", ())
    (desk.folder / "accounts.csv").unlink()
    assert desk.pull().run.notes == ("the folder holds no file any more; where it is mounted, check that it is",)
    assert desk.count("events") == 1
    desk.folder.rmdir()
    ended = desk.pull()
    assert (ended.run.state, ended.passing) == ("failed", True)
    assert (
        ended.run.error
        == f"the folder {desk.folder} cannot be read: No such file or directory; check that it is there and mounted"
    )


def test_one_bad_file_holds_up_its_own_collection_alone(desk: Desk) -> None:
    desk.write("accounts.csv", ACCOUNTS)
    desk.write("events-1.csv", events(1))
    desk.write("events-2.parquet", "PAR1 cut off")
    desk.write("events-3.csv", events(3))
    desk.write("tickets.csv", "id,account_id,opened_at\nt1,a1,2026-02-01\n")
    desk.create("folder")
    ended = desk.pull()
    assert ended.run.state == "failed"
    assert ended.run.error == f"{desk.folder / 'events-2.parquet'} is no Parquet file, or was cut off; write it anew"
    assert not ended.passing
    assert desk.figures(ended) == {
        "accounts": (2, 2, 0, 0, 0), "events": (1, 1, 0, 0, 0), "tickets": (1, 1, 0, 0, 0),
    }  # fmt: skip
    assert (desk.info().state, desk.info().last_good_at) == ("failing", None)
    (desk.folder / "events-2.parquet").unlink()
    desk.later(minutes=5)
    assert desk.figures(desk.pull()) == {"events": (1, 1, 0, 0, 0)}


def test_without_accounts_nothing_else_is_taken(desk: Desk) -> None:
    desk.write("accounts.csv", "identifier,title\na1,Acme\n")
    desk.write("events.csv", events(1))
    desk.create("folder")
    ended = desk.pull()
    assert ended.run.state == "failed"
    assert "the required column id, name of accounts is missing" in ended.run.error
    assert (desk.count("events"), desk.rows("SELECT count(*) FROM rejected")) == (0, [(0,)])
    desk.write("accounts.csv", ACCOUNTS, age=50)
    assert desk.pull().run.state == "done"
    assert desk.count("events") == 1


def test_rows_that_waited_for_their_account_lack_no_columns(desk: Desk) -> None:
    desk.write("accounts.csv", "id,name\na1,Acme\n")
    desk.write("events.csv", "id,account_id,name,at\nx,a1,n,2026-02-01\ny,a2,n,2026-02-01\n")
    desk.create("folder")
    assert desk.pull().warnings == ()
    desk.write("accounts.csv", "id,name\na1,Acme\na2,Birch\n", age=30)
    ended = desk.pull()
    assert (desk.count("events"), ended.warnings) == (2, ())
    desk.write("events.csv", "id,account_id,at,name\nz,a1,2026-02-02,n\n", age=20)
    assert desk.pull().warnings == ()


def test_a_column_that_vanished_from_a_file_is_told(desk: Desk) -> None:
    desk.write("accounts.csv", "id,name,plan\na1,Acme,gold\n")
    desk.create("folder")
    desk.pull()
    desk.write("accounts.csv", "id,name\na1,Acme\n", age=30)
    ended = desk.pull()
    assert ended.warnings == ("accounts: the column plan is not given any more; what is stored of it stays as it was",)
    # Of JSON lines each object has the keys that it needs.
    desk.write("events.jsonl", '{"id": "x", "account_id": "a1", "name": "n", "at": "2026-02-01", "feature": "f"}\n')
    desk.pull()
    desk.write("events.jsonl", '{"id": "x", "account_id": "a1", "name": "n", "at": "2026-02-01"}\n', age=30)
    assert desk.pull().warnings == ()


def test_rows_of_files_come_in_once_their_account_is_known(desk: Desk) -> None:
    desk.write("accounts.csv", ACCOUNTS)
    desk.write("tickets.csv", "id,account_id,opened_at,subject\nt1,a7,2026-02-01,Help\nt2,a1,yesterday,No\n")
    desk.create("folder")
    assert desk.figures(desk.pull())["tickets"] == (2, 0, 0, 0, 2)
    desk.later(hours=1)
    desk.write("accounts-2.csv", "id,name\na7,Dune\n")
    ended = desk.pull()
    assert desk.figures(ended) == {"accounts": (1, 1, 0, 0, 0), "tickets": (1, 1, 0, 0, 0)}
    assert desk.rows("SELECT id, subject FROM tickets") == [("t1", "Help")]
    assert desk.rows("SELECT row_id FROM rejected") == [("t2",)]


def test_each_file_is_a_whole_and_the_parts_of_an_export_are_one(desk: Desk) -> None:
    rows = [f"c{number},Customer {number},2026-01-01\n" for number in range(12)]
    head = "id,name,created_at\n"
    desk.write("accounts-01.csv", head + "".join(rows))
    desk.write("accounts-02.csv", head + "".join(rows[:10]))
    desk.create("folder", full=["accounts"])
    assert desk.pull().run.state == "done"
    assert desk.rows("SELECT id FROM accounts WHERE churned_at IS NOT NULL ORDER BY id") == [("c10",), ("c11",)]
    for path in desk.folder.iterdir():
        path.unlink()
    desk.write("accounts/part-0.csv", head + "".join(rows[:6]))
    desk.write("accounts/part-1.csv", head + "".join(rows[6:]))
    assert desk.figures(desk.pull()) == {"accounts": (12, 0, 0, 12, 0)}
    assert desk.rows("SELECT count(*) FROM accounts WHERE churned_at IS NOT NULL") == [(0,)]
    desk.write("accounts/part-1.csv", head + rows[6], age=30)
    # The part that has not changed goes in beside the one that has: together they lack five.
    assert desk.figures(desk.pull()) == {"accounts": (7, 0, 0, 7, 0)}
    assert desk.rows("SELECT count(*) FROM accounts WHERE churned_at IS NOT NULL") == [(5,)]


def test_a_mapping_sees_the_whole_folder_as_soon_as_one_file_has_changed(desk: Desk) -> None:
    desk.write("customers.csv", "no,company\n1,Acme\n")
    desk.write("orders.csv", "no,what,at\n1,Saved,2026-02-01\n")
    desk.map(
        accounts="SELECT no AS id, company AS name FROM customers",
        events='SELECT no AS account_id, what AS name, "at" FROM orders JOIN customers USING (no)',
    )
    desk.create("folder", mapping=str(desk.mapping))
    assert desk.figures(desk.pull()) == {"accounts": (1, 1, 0, 0, 0), "events": (1, 1, 0, 0, 0)}
    assert desk.pull().run.report == ()
    desk.write("orders.csv", "no,what,at\n1,Saved,2026-02-01\n1,Left,2026-02-02\n", age=30)
    assert desk.figures(desk.pull()) == {"accounts": (1, 0, 0, 1, 0), "events": (2, 1, 0, 1, 0)}
    (desk.folder / "customers.csv").unlink()
    desk.write("orders.csv", "no,what,at\n1,Saved,2026-02-01\n", age=20)
    ended = desk.pull()
    assert ended.run.state == "failed"
    assert "events.sql, line 1, does not run" in ended.run.error or "accounts.sql" in ended.run.error


def test_users_and_teams_follow(desk: Desk) -> None:
    from tocsin.people import facade as people

    desk.write("csms.csv", "email,name,team\nmia@x.io,Mia Berg,North\n")
    desk.create("folder")
    assert desk.pull().run.state == "done"
    assert [(each.email, each.team) for each in people.people()] == [("mia@x.io", "North")]


def test_a_page_may_name_only_what_lies_where_it_may(desk: Desk, settings: Any, tmp_path: Path) -> None:
    settings.TOCSIN_PULL_FOLDERS = (str(tmp_path / "allowed"),)
    inside = tmp_path / "allowed" / "drop"
    inside.mkdir(parents=True)
    who: dict[str, Any] = {"by": "olga@x.io", "moment": desk.now}
    (tmp_path / "allowed" / "link").symlink_to(desk.folder)
    for place in (desk.folder, inside / ".." / ".." / "drop", tmp_path / "allowed" / "link"):
        with pytest.raises(UserError, match="lies in none of the folders that may be pulled from here"):
            facade.create_pull("folder", "drop", {"path": str(place)}, **who)
    desk.map(accounts="SELECT 1")
    with pytest.raises(UserError, match="the file of the database"):
        facade.create_pull("sql", "db", {"url": "sqlite:///etc/x.db", "mapping": str(inside)}, **who)
    with pytest.raises(UserError, match="the mapping"):
        facade.create_pull("folder", "drop", {"path": str(inside), "mapping": str(desk.mapping)}, **who)
    facade.create_pull("folder", "drop", {"path": str(inside)}, **who)
    # What the command line has set up elsewhere may be changed in other ways, and stays there.
    desk.create("folder", "elsewhere")
    assert facade.set_pull("elsewhere", {"schedule": "every 2h"}, **who).schedule == "every 2h"
    with pytest.raises(UserError, match="lies in none"):
        facade.set_pull("elsewhere", {"path": str(tmp_path)}, **who)
