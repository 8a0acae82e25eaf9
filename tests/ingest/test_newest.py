"""What webhooks tell of one row, in any order: the latest by its time counts, and of accounts and people the past is kept."""

from __future__ import annotations

import itertools
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import mkdtemp
from typing import Any

from tests.ingest.line import NOW, Line, acme, group, identify, line, track, when
from tocsin.facts.live.traits import thin

__all__ = ["acme", "line"]
Told = tuple[str, dict[str, Any]]


def account(day: int, **values: Any) -> Told:
    return "accounts", {"id": "acme", "updated_at": when(day), **values}


def stored(line: Line, *queries: str) -> list[Any]:
    return [line.rows(each) for each in queries]


def in_any_order(rows: list[Told], *queries: str) -> list[Any]:
    """What these rows leave, which is the same in every order, one by one and together."""
    found = []
    orders = list(itertools.permutations(rows))
    for number, order in enumerate([orders[0], orders[-1], orders[len(orders) // 3], orders[len(orders) // 2 + 1]]):
        line = Line(Path(mkdtemp()))
        try:
            for batch in [order] if number % 2 else [[each] for each in order]:
                line.tell(*batch)
            line.tell(*order[:1])
            found.append(stored(line, *queries))
        finally:
            line.close()
    assert all(each == found[0] for each in found[1:]), found
    return found[0]


PLANS = "SELECT value, strftime(\"at\", '%m-%d') AS d FROM account_timeline WHERE field = 'plan' ORDER BY \"at\""


def test_an_older_row_that_comes_later_is_history() -> None:
    rows = [account(1, name="Acme", plan="a"), account(5, plan="c"), account(3, plan="b"), account(4, seats=7)]
    plans, now = in_any_order(rows, PLANS, "SELECT name, plan, seats FROM accounts")
    assert now == [("Acme", "c", 7.0)]
    assert plans == [("a", "03-01"), ("b", "03-03"), ("c", "03-05")]


def test_several_changes_in_one_stretch_are_all_kept(line: Line) -> None:
    line.tell(*(account(day, plan=plan) for day, plan in ((1, "a"), (2, "b"), (3, "c"))))
    assert line.rows(PLANS) == [("a", "03-01"), ("b", "03-02"), ("c", "03-03")]


def test_rows_and_calls_tell_of_the_same_account(line: Line) -> None:
    line.tell(account(5, plan="row"))
    line.send(group("acme", 3, plan="call"))
    assert line.rows("SELECT plan FROM accounts") == [("row",)]
    line.send(group("acme", 7, plan="later"))
    assert line.rows("SELECT plan FROM accounts") == [("later",)]


def test_people_by_their_time_and_where_they_belong() -> None:
    rows: list[Told] = [
        ("accounts", {"id": "acme", "name": "Acme"}),
        ("accounts", {"id": "bolt", "name": "Bolt"}),
        ("people", {"id": "p1", "account_id": "acme", "email": "a@x.example", "updated_at": when(1)}),
        ("people", {"id": "p1", "account_id": "bolt", "email": "b@x.example", "updated_at": when(5)}),
    ]
    query = "SELECT people.id, email, accounts.id AS a FROM people JOIN accounts ON accounts.key = account_key"
    [people] = in_any_order(rows, query)
    assert people == [("p1", "b@x.example", "bolt")]


def test_a_row_of_another_collection_column_by_column() -> None:
    whole = {"id": "t1", "account_id": "acme", "kind": "support", "opened_at": when(1)}
    rows: list[Told] = [
        ("accounts", {"id": "acme", "name": "Acme"}),
        ("tickets", {**whole, "priority": "low", "resolved_at": when(2), "updated_at": when(2)}),
        ("tickets", {"id": "t1", "priority": "high", "updated_at": when(4)}),
        ("tickets", {"id": "t1", "resolved_at": None, "priority": "normal", "updated_at": when(3)}),
    ]
    tickets, waiting = in_any_order(rows, "SELECT priority, resolved_at FROM tickets", "SELECT reason FROM rejected")
    assert (tickets, waiting) == ([("high", None)], [])


def test_what_is_told_of_one_moment_ends_the_same() -> None:
    whole = {"id": "t1", "account_id": "acme", "kind": "support", "opened_at": when(1), "updated_at": when(2)}
    rows: list[Told] = [("accounts", {"id": "acme"}), *(("tickets", {**whole, "priority": each}) for each in ("low", "high"))]
    assert in_any_order(rows, "SELECT priority FROM tickets") == [[("low",)]]


def test_an_alias_by_its_time() -> None:
    rows: list[Told] = [("accounts", {"id": each, "name": each.title()}) for each in ("acme", "bolt")]
    rows += [
        ("account_aliases", {"account_id": own, "source": "stripe", "external_id": "cus_1", "updated_at": when(day)})
        for own, day in (("acme", 5), ("bolt", 3))
    ]
    [found] = in_any_order(rows, "SELECT accounts.id FROM account_aliases JOIN accounts ON accounts.key = account_key")
    assert found == [("acme",)]


def test_what_is_not_dated_counts_as_it_comes(line: Line) -> None:
    line.tell(("accounts", {"id": "acme", "plan": "b"}), received=NOW)
    line.tell(("accounts", {"id": "acme", "plan": "a"}), received=NOW + timedelta(seconds=1))
    assert line.rows("SELECT plan FROM accounts") == [("a",)]


def test_what_needs_a_known_account_waits_for_it(line: Line) -> None:
    row = {"account_id": "cus_1", "status": "trial", "updated_at": when(3)}
    line.tell(("accounts", row))
    assert (line.accounts(), line.rejected()) == ({}, [("accounts", "no account yet")])
    line.send(group("acme", 1, name="Acme"))
    line.tell(("account_aliases", {"account_id": "acme", "source": "stripe", "external_id": "cus_1"}))
    assert (line.accounts(), line.rejected()) == ({"acme": "Acme"}, [])
    assert line.rows("SELECT status FROM accounts") == [("trial",)]


def test_a_row_places_what_its_person_did(line: Line) -> None:
    line.send(track("m1", 2, userId="p1"), identify("p1", 2, email="p@x.example"))
    line.tell(
        ("accounts", {"id": "acme", "name": "Acme"}), ("people", {"id": "p1", "account_id": "acme", "updated_at": when(1)})
    )
    assert [each[:3] for each in line.events()] == [("m1", "acme", "p1")]
    assert line.rows("SELECT email FROM people") == [("p@x.example",)]
    assert line.rejected() == []


def test_old_tellings_between_two_that_say_the_same_are_forgotten(acme: Line) -> None:
    for day in (1, 2, 3, 4, 5, 9, 10, 11):
        acme.send(identify("ann", day, title="CFO" if day != 4 else "CEO", role="admin"))
    later = datetime(2026, 4, 9, tzinfo=UTC)  # thirty days after 10 March
    with acme.store.write() as cursor:
        thin(cursor, later)
    told = "SELECT field, day(\"at\") FROM told_words WHERE id = 'ann' AND field IN ('title', 'role') ORDER BY ALL"
    days = {name: [day for field, day in acme.rows(told) if field == name] for name in ("title", "role")}
    # 10 March is of the last thirty days, and the week before it begins on 3 March.
    assert days == {"title": [1, 2, 3, 4, 5, 9, 10, 11], "role": [1, 2, 3, 9, 10, 11]}
    turns = 'SELECT value, day("at") FROM people_history WHERE field = \'title\' ORDER BY "at"'
    assert acme.rows(turns) == [("CFO", 1), ("CEO", 4), ("CFO", 5)]
