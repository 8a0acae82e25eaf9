"""Pulls of databases: from mark to mark, what stops them, and that nothing is lost and nothing is silently missing."""

from __future__ import annotations

import gc
from collections.abc import Callable
from typing import Any

import pytest

from tests.apps.pulls.conftest import ACCOUNTS, EVENTS, Desk, Warehouse
from tocsin.core.errors import UserError
from tocsin.facts.duckdb import DuckStore
from tocsin.facts.importing import run as importing
from tocsin.facts.pulling import tables
from tocsin.facts.pulling.shapes import StoppedError
from tocsin.sources.models import Pull


@pytest.fixture
def pulled(desk: Desk, warehouse: Warehouse) -> Desk:
    """A database that is pulled from, with three events, before the first run."""
    desk.map(accounts=ACCOUNTS, events=EVENTS)
    for number in (1, 2, 3):
        warehouse.log(number, f"2026-03-01 0{number}:00:00")
    desk.create("sql", url=warehouse.url, cursor={"events": "loaded_at"}, overlap="90m")
    return desk


def mark(desk: Desk) -> str:
    """How far events were read, as a text without zone."""
    return desk.info().marks["events"].replace("T", " ").removesuffix("Z")


def test_each_run_reads_on_from_the_mark_of_the_last_one_that_was_done(pulled: Desk, warehouse: Warehouse) -> None:
    first = pulled.pull()
    assert (first.run.state, first.run.error, first.run.notes) == ("done", "", ())
    assert pulled.figures(first) == {"accounts": (2, 2, 0, 0, 0), "events": (3, 3, 0, 0, 0)}
    assert mark(pulled) == "2026-03-01 03:00:00"
    # The overlap of 90 minutes reaches back to 01:30: what was written late is seen, what was seen changes nothing.
    warehouse.log(4, "2026-03-01 01:45:00")
    warehouse.log(5, "2026-03-01 11:00:00")
    warehouse.log(6, "2026-03-01 01:00:00")
    pulled.later(hours=1)
    second = pulled.pull()
    assert pulled.figures(second) == {"accounts": (2, 0, 0, 2, 0), "events": (4, 2, 0, 2, 0)}
    assert mark(pulled) == "2026-03-01 11:00:00"
    pulled.later(hours=1)
    assert pulled.figures(pulled.pull())["events"] == (1, 0, 0, 1, 0)
    assert mark(pulled) == "2026-03-01 11:00:00"
    # By this column the cursor goes and no more: it is no attribute of anything.
    assert pulled.count("events") == 5


def test_a_row_of_the_future_does_not_hide_those_that_follow(pulled: Desk, warehouse: Warehouse) -> None:
    warehouse.log(4, "2999-01-01 00:00:00")
    assert pulled.pull().run.state == "done"
    assert mark(pulled) == "2026-03-01 12:00:00"
    warehouse.log(5, "2026-03-01 12:30:00")
    pulled.later(hours=1)
    assert pulled.figures(pulled.pull())["events"] == (2, 1, 0, 1, 0)


def test_it_begins_where_it_is_told_and_anew_when_asked(pulled: Desk) -> None:
    from tocsin.sources import facade

    who: dict[str, Any] = {"by": "olga@x.io", "moment": pulled.now}
    facade.set_pull("warehouse", {"start": {"events": "2026-03-01T01:30:00Z"}}, everywhere=True, **who)
    assert pulled.figures(pulled.pull())["events"] == (2, 2, 0, 0, 0)
    facade.begin_anew("warehouse", **who)
    facade.set_pull("warehouse", {"start": ""}, everywhere=True, **who)
    assert pulled.figures(pulled.pull())["events"] == (3, 1, 0, 2, 0)


class Broken:
    """Breaks something at its n-th call, with an error of its own."""

    def __init__(self, real: Callable[..., Any], at: int, error: Exception) -> None:
        self.real, self.at, self.error, self.calls = real, at, error, 0

    def __call__(self, *args: Any, **options: Any) -> Any:
        """Call through, or break."""
        self.calls += 1
        if self.calls == self.at:
            raise self.error
        return self.real(*args, **options)


@pytest.mark.parametrize(
    ("place", "name", "at", "stored", "says"),
    [
        (tables, "open_origin", 1, (0, 0), "connecting to"),
        (tables, "spool", 1, (0, 0), "reading accounts"),
        (tables, "spool", 2, (0, 0), "reading events"),
        (tables, "import_tables", 1, (0, 0), "storing accounts"),
        (tables, "import_tables", 2, (2, 0), "storing events"),
        (tables, "import_tables", 3, (2, 2), "storing events, after 2 of 3 rows"),
        (importing, "upsert", 2, (2, 0), "storing events, after 0 of 3 rows"),
        (tables, "capped", 1, (2, 3), "storing events, after 2 of 3 rows"),
    ],
)
def test_whatever_breaks_is_said_and_made_up_for(
    pulled: Desk, monkeypatch: pytest.MonkeyPatch, place: Any, name: str, at: int, stored: tuple[int, int], says: str
) -> None:
    monkeypatch.setattr("tocsin.facts.pulling.spool.spool.__kwdefaults__", {"mark": None, "most": 2})
    with monkeypatch.context() as patch:
        patch.setattr(place, name, Broken(getattr(place, name), at, RuntimeError("a bug")))
        ended = pulled.pull()
    assert ended.run.state == "failed"
    assert ended.run.error.startswith(says)
    assert "failed unexpectedly (RuntimeError)" in ended.run.error
    assert (pulled.count("accounts"), pulled.count("events")) == stored
    assert sum(each["added"] for each in ended.run.report) == sum(stored)
    info = pulled.info()
    assert (info.marks, info.last_good_at, info.failures, info.state) == ({}, None, 1, "failing")
    pulled.later(minutes=1)
    again = pulled.pull()
    assert again.run.state == "done"
    assert pulled.figures(again)["events"] == (3, 3 - stored[1], 0, stored[1], 0)
    assert (pulled.count("events"), mark(pulled), pulled.info().failures) == (3, "2026-03-01 03:00:00", 0)


def test_a_run_that_is_stopped_goes_on_from_the_same_marks(pulled: Desk) -> None:
    def stop(stage: str) -> None:
        if stage.startswith("storing events"):
            raise StoppedError("the server was stopped")

    ended = pulled.pull(watch=stop)
    assert (ended.run.state, ended.failures) == ("stopped", 0)
    assert ended.run.error == "stopped while storing events, after 0 of 3 rows: the server was stopped"
    assert pulled.info().marks == {}
    assert pulled.pull().run.state == "done"


def test_never_two_at_once_and_a_lost_one_is_taken_over(pulled: Desk) -> None:
    others = 0

    def in_the_middle(stage: str) -> None:
        nonlocal others
        if stage.startswith("storing events") and not others:
            others += 1
            with pytest.raises(UserError, match="is being pulled already"):
                pulled.pull()
            # So long nothing was heard of it: it counts as dead, and another takes over.
            pulled.later(minutes=2)
            assert pulled.pull().run.state == "done"

    ended = pulled.pull(watch=in_the_middle)
    # The first one could store its rows once more; what it has to say of marks and states counts no more.
    assert ended.run.state == "stopped"
    from tocsin.sources import facade

    states = [(each.state, each.error) for each in facade.runs_of("warehouse")]
    assert [state for state, _ in states] == ["done", "stopped"]
    assert "it ended in the middle (storing events, after 0 of 3 rows)" in states[1][1]
    assert (pulled.count("events"), mark(pulled)) == (3, "2026-03-01 03:00:00")
    assert pulled.info().running_since is None


def test_a_run_whose_pull_was_changed_meanwhile_moves_no_mark(pulled: Desk, warehouse: Warehouse) -> None:
    from tocsin.sources import facade

    def in_the_middle(stage: str) -> None:
        if stage.startswith("storing accounts"):
            facade.begin_anew("warehouse", by="olga@x.io", moment=pulled.now)

    ended = pulled.pull(watch=in_the_middle)
    assert "changed or removed meanwhile" in ended.run.error or ended.run.state == "running"
    assert pulled.info().marks == {}
    facade.delete_pull("warehouse", by="olga@x.io", moment=pulled.now)
    assert Pull.objects.count() == 0


def test_what_vanished_from_the_database_is_named(pulled: Desk, warehouse: Warehouse) -> None:
    assert pulled.pull().run.state == "done"
    warehouse.do("ALTER TABLE logs RENAME COLUMN what TO kind_of_event")
    warehouse.log(4, "2026-03-01 11:00:00")
    ended = pulled.pull()
    assert ended.run.state == "failed"
    assert "events.sql" in ended.run.error
    assert "what" in ended.run.error
    assert not ended.passing
    assert mark(pulled) == "2026-03-01 03:00:00"
    pulled.map(events=EVENTS.replace("what AS", "kind_of_event AS"))
    assert pulled.figures(pulled.pull())["events"][:2] == (3, 1)


def test_a_cursor_that_is_no_column_is_named_and_nothing_else_said(pulled: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """Rows that were left half read complained, above the sentence, that their connection was closed."""
    ignored: list[Any] = []
    monkeypatch.setattr("sys.unraisablehook", lambda found: ignored.append(repr(found.exc_value)))
    pulled.map(
        events=EVENTS.replace(", loaded_at FROM", " FROM").replace("loaded_at > :since", "CAST(:since AS VARCHAR) IS NOT NULL")
    )
    ended = pulled.pull()
    gc.collect()
    assert ended.run.state == "failed"
    assert "loaded_at" in ended.run.error
    assert ignored == []


def test_a_column_that_is_not_given_any_more_is_noted(pulled: Desk) -> None:
    pulled.map(accounts=ACCOUNTS.replace("since AS created_at", "since AS created_at, 'gold' AS plan, 7 AS colour"))
    assert pulled.pull().warnings == ()
    pulled.map(accounts=ACCOUNTS)
    ended = pulled.pull()
    assert ended.run.state == "done"
    words = "accounts: the columns colour, plan are not given any more; what is stored of them stays as it was"
    assert ended.warnings == (words,)
    assert words in ended.run.notes
    assert pulled.rows("SELECT DISTINCT plan FROM accounts") == [("gold",)]
    assert pulled.pull().warnings == ()


def test_rows_of_an_unknown_account_come_in_once_it_is_known(pulled: Desk, warehouse: Warehouse) -> None:
    warehouse.log(4, "2026-03-01 02:30:00", customer="a9")
    assert pulled.figures(pulled.pull())["events"] == (4, 3, 0, 0, 1)
    pulled.later(days=1)
    # It is seen again within the overlap, and stands in the list once.
    assert pulled.figures(pulled.pull())["events"] == (3, 0, 0, 2, 1)
    rejected = "SELECT file, line, reason FROM rejected WHERE \"source\" = 'file'"
    [(file, line, reason)] = pulled.rows(rejected)
    assert (file, line) == ("warehouse/events.sql", None)
    assert reason.startswith("unknown account 'a9'")
    warehouse.log(5, "2026-03-02 11:00:00")
    pulled.later(days=1)
    assert pulled.figures(pulled.pull())["events"] == (4, 1, 0, 2, 1)
    # Far behind the mark by now, so that no SELECT gives it any more.
    warehouse.do("INSERT INTO customers VALUES ('a9', 'Cove', '2024-01-01 00:00:00')")
    pulled.later(days=1)
    assert pulled.figures(pulled.pull())["events"] == (2, 1, 0, 1, 0)
    assert (pulled.count("events"), pulled.rows(rejected)) == (5, [])


def many(warehouse: Warehouse, first: int, last: int) -> None:
    values = ", ".join(f"('c{number}', 'Customer {number}', '2024-01-01 00:00:00')" for number in range(first, last))
    warehouse.do(f"INSERT INTO customers VALUES {values}")


def test_a_whole_that_shrinks_too_much_closes_nothing(desk: Desk, warehouse: Warehouse) -> None:
    desk.map(accounts=ACCOUNTS)
    many(warehouse, 0, 58)
    desk.create("sql", url=warehouse.url, full="accounts")
    assert desk.pull().run.state == "done"
    warehouse.do("DELETE FROM customers WHERE no IN ('c0', 'c1', 'c2')")
    desk.later(days=1)
    ended = desk.pull()
    assert ended.run.state == "done"
    assert desk.rows("SELECT count(*) FROM accounts WHERE churned_at IS NOT NULL") == [(3,)]
    warehouse.do("DELETE FROM customers WHERE no LIKE 'c%'")
    warehouse.do("INSERT INTO customers VALUES ('new', 'New', '2024-01-01 00:00:00')")
    desk.later(days=1)
    ended = desk.pull()
    assert ended.run.state == "failed"
    assert ended.run.error == (
        "accounts lacks 55 of the 58 rows that are open, more than 20%; closing them was refused; "
        "if that is right, run it once with --allow-shrink, or raise most_closed"
    )
    assert not ended.passing
    assert desk.rows("SELECT count(*) FROM accounts WHERE churned_at IS NOT NULL") == [(3,)]
    assert desk.count("accounts") == 60
    assert desk.pull(allow_shrink=True).run.state == "done"
    assert desk.rows("SELECT count(*) FROM accounts WHERE churned_at IS NOT NULL") == [(58,)]
    warehouse.do("DELETE FROM customers")
    ended = desk.pull(allow_shrink=True)
    assert "holds no rows, which would close all of them" in ended.run.error


def test_parts_of_a_whole_go_in_together(desk: Desk, warehouse: Warehouse, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tocsin.facts.pulling.spool.spool.__kwdefaults__", {"mark": None, "most": 7})
    desk.map(accounts=ACCOUNTS)
    many(warehouse, 0, 20)
    desk.create("sql", url=warehouse.url, full="accounts")
    assert desk.figures(desk.pull()) == {"accounts": (22, 22, 0, 0, 0)}
    assert desk.rows("SELECT count(*) FROM accounts WHERE churned_at IS NOT NULL") == [(0,)]


def test_an_address_is_shown_to_nobody(desk: Desk, caplog: pytest.LogCaptureFixture) -> None:
    from tocsin.people import facade as people
    from tocsin.sources import facade

    desk.map(accounts=ACCOUNTS)
    secret = "pg-pass-4711"
    desk.create("sql", url=f"postgresql://reader:{secret}@127.0.0.1:1/books?connect_timeout=2")
    ended = desk.pull()
    assert ended.run.state == "failed"
    assert ended.passing
    assert ended.run.error.startswith("postgresql://reader@127.0.0.1:1/books cannot be reached: ")
    seen = f"{desk.info()}{facade.runs_of('warehouse')}{people.changes()}{caplog.text}{Pull.objects.values()}"
    assert secret not in seen


def test_a_database_that_comes_back(pulled: Desk, warehouse: Warehouse) -> None:
    warehouse.reach(False)
    ended = pulled.pull()
    assert (ended.run.state, ended.passing, ended.failures) == ("failed", True, 1)
    assert pulled.info().place in ended.run.error
    assert pulled.pull().failures == 2
    warehouse.reach(True)
    assert pulled.pull().run.state == "done"
    assert (pulled.info().failures, pulled.info().last_error) == (0, "")


@pytest.mark.parametrize(
    ("queries", "settings", "why"),
    [
        ({}, {}, "holds no COLLECTION.sql"),
        ({"acounts": "SELECT 1"}, {}, "did you mean accounts"),
        ({"accounts": ACCOUNTS, "events": EVENTS}, {}, "uses :since; say by which of its columns, with cursor events=COLUMN"),
        ({"accounts": ACCOUNTS}, {"cursor": "accounts=since"}, "does not use :since"),
        ({"accounts": ACCOUNTS}, {"cursor": "events=at"}, "holds no events.sql"),
        ({"accounts": ACCOUNTS}, {"cursor": "events"}, "takes collection=value"),
        ({"accounts": ACCOUNTS}, {"start": "accounts=2026"}, "has a start and no cursor"),
        ({"events": EVENTS}, {"cursor": "events=loaded_at", "full": "events"}, "is pulled as a whole, and"),
        ({"events": "SELECT 1"}, {"full": "events"}, "have no end column"),
        ({"accounts": "SELECT :until"}, {}, "there is no parameter :until"),
        ({"accounts": " ;"}, {}, "is empty; write one SELECT"),
        ({"accounts": ACCOUNTS}, {"schedule": "whenever"}, "is no schedule"),
        ({"accounts": ACCOUNTS}, {"overlap": "long"}, "is no length of time"),
        ({"accounts": ACCOUNTS}, {"most_closed": "120%"}, "is no share"),
        ({"accounts": ACCOUNTS}, {"mapping": "there"}, "is no whole path"),
        ({"accounts": ACCOUNTS}, {"url": "mysql://u:hush@h/db"}, "'mysql' is no kind of database that is pulled from"),
        ({"accounts": ACCOUNTS}, {"url": "postgresql://u:hush@h"}, "names no database"),
        ({"accounts": ACCOUNTS}, {"url": "sqlite://x.db"}, "names no file by its whole path"),
        ({"accounts": ACCOUNTS}, {"url": "postgresql://u:hush@h:x/db"}, "is none; write postgresql"),
        ({"accounts": ACCOUNTS}, {"url": "postgresql://u:hush@h/db?hostaddr=1"}, "unknown option 'hostaddr'"),
        ({"accounts": ACCOUNTS}, {"path": "/x"}, "a pull of kind sql has no setting 'path'"),
    ],
)
def test_what_cannot_be_set_up(desk: Desk, queries: dict[str, str], settings: dict[str, Any], why: str) -> None:
    desk.map(**queries)
    with pytest.raises(UserError, match=why) as refused:
        desk.create("sql", **{"url": "sqlite:///x.db", **settings})
    assert "hush" not in str(refused.value)
    assert Pull.objects.count() == 0


def test_a_select_changes_nothing_where_it_runs(desk: Desk, warehouse: Warehouse) -> None:
    for text in ("DELETE FROM customers RETURNING no AS id", f"{ACCOUNTS}; DELETE FROM customers"):
        desk.map(accounts=text)
        name = f"pull {len(text)}"
        desk.create("sql", name, url=warehouse.url)
        ended = desk.pull(name)
        assert ended.run.state == "failed"
        assert "accounts.sql" in ended.run.error
    desk.map(accounts=f"{ACCOUNTS} -- all; of 'them'\n;\n")
    desk.create("sql", url=warehouse.url)
    assert desk.figures(desk.pull()) == {"accounts": (2, 2, 0, 0, 0)}


def test_a_mapping_reads_values_and_formats_there_too(desk: Desk, warehouse: Warehouse, monkeypatch: Any) -> None:
    desk.map(accounts="SELECT no AS customer_no, company AS name, 'B' AS tier, '02.05.2024' AS created_at FROM customers")
    (desk.mapping / "columns.yaml").write_text(
        "accounts:\n  columns:\n    id: customer_no\n    created_at: {date_format: DD.MM.YYYY}\n    tier: {values: {B: 2}}\n"
    )
    desk.create("sql", url=warehouse.url)
    assert desk.pull().run.state == "done"
    assert desk.rows("SELECT id, tier, CAST(created_at AS DATE)::VARCHAR FROM accounts ORDER BY id LIMIT 1") == [
        ("a1", "2", "2024-05-02")
    ]
    assert isinstance(desk.store, DuckStore)
