"""Terms of subscriptions that webhooks tell, in any order: the row is the latest, and the account keeps what was before."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from tests.ingest.line import NOW, Line, group, line, line_in, when
from tests.ingest.test_merging import undo
from tocsin.facts.importing import import_paths
from tocsin.facts.scores import Kept

__all__ = ["line"]
Told = tuple[str, dict[str, Any]]
GIVEN = (
    "SELECT field, value, strftime(\"at\", '%m-%d') AS day FROM account_timeline WHERE field IN ('mrr', 'plan') ORDER BY ALL"
)
ALIAS: Told = ("account_aliases", {"account_id": "acme", "source": "stripe", "external_id": "cus_1", "updated_at": when(9)})
FILE = "id,account_id,starts_on,plan,mrr\ns1,acme,2026-03-01,team,100\n"


def subscription(day: int, account: str = "acme", **values: Any) -> Told:
    return "subscriptions", {"id": "s1", "account_id": account, "starts_on": "2026-03-01", "updated_at": when(day), **values}


def imported(line: Line, text: str) -> None:
    path = line.folder / "subscriptions.csv"
    path.write_text(text)
    import_paths(line.store, [path], now=NOW)


def left(rows: Sequence[Told], file: str = "") -> tuple[Any, Any, Any]:
    """What these rows leave, told one by one, the first of them twice; after a file, where one is given."""
    with line_in() as line:
        line.send(group("acme", 1, name="Acme"))
        if file:
            imported(line, file)
        for row in (*rows, rows[0]):
            line.tell(row)
        stored = line.rows("SELECT plan, mrr FROM subscriptions")
        return stored, [tuple(each) for each in line.rows(GIVEN)], line.rows("SELECT * FROM subscription_terms ORDER BY ALL")


def test_the_account_keeps_what_a_subscription_gave_in_any_order() -> None:
    rows = [
        subscription(2, plan="team", mrr=100), subscription(5, plan="team", mrr=90), subscription(9, plan="pro", mrr=100.0),
        subscription(11, plan=None),
    ]  # fmt: skip
    stored, given, kept = left(rows)
    assert stored == [(None, 100.0)]
    assert given == [
        ("mrr", "100", "03-01"), ("mrr", "100", "03-09"), ("mrr", "90", "03-05"),
        ("plan", "", "03-11"), ("plan", "pro", "03-09"), ("plan", "team", "03-01"),
    ]  # fmt: skip
    for order in itertools.permutations(rows):
        assert left(order) == (stored, given, kept), order


def test_what_a_file_gave_was_so_before_any_telling() -> None:
    rows = [subscription(5, mrr=90), subscription(7, mrr=100), subscription(9, mrr=120)]
    stored, given, kept = left(rows, FILE)
    assert [each for each in given if each[0] == "mrr"] == [
        ("mrr", "100", "03-01"), ("mrr", "100", "03-07"), ("mrr", "120", "03-09"), ("mrr", "90", "03-05"),
    ]  # fmt: skip
    for order in itertools.permutations(rows):
        assert left(order, FILE) == (stored, given, kept), order


def test_what_is_not_dated_is_so_when_it_comes(line: Line) -> None:
    line.send(group("acme", 1, name="Acme"))
    for hours, money in enumerate((100, 150, 120)):
        row = ("subscriptions", {"id": "s1", "account_id": "acme", "starts_on": "2026-03-01", "mrr": money})
        line.tell(row, received=NOW + timedelta(hours=hours))
    found = 'SELECT value, hour("at") FROM account_timeline WHERE field = \'mrr\' ORDER BY "at"'
    assert line.rows(found) == [("100", 0), ("150", 13), ("120", 14)]


def test_what_is_no_value_is_not_kept(line: Line) -> None:
    line.send(group("acme", 1, name="Acme"))
    line.tell(subscription(2, mrr=100))
    line.tell(subscription(4, mrr="much"))
    assert line.rows("SELECT value FROM subscription_terms") == [("100",)]
    assert line.rows(GIVEN) == [("mrr", "100", "03-01"), ("plan", "", "03-01")]


def test_what_has_waited_for_its_account_is_of_when_it_was_told(line: Line) -> None:
    line.tell(subscription(2, "cus_1", mrr=100))
    line.tell(subscription(5, "cus_1", mrr=150))
    assert line.rows("SELECT id FROM subscriptions") == []
    line.send(group("acme", 1, name="Acme"))
    line.tell(ALIAS)
    assert [row[1:] for row in line.rows(GIVEN) if row[0] == "mrr"] == [("100", "03-01"), ("150", "03-05")]


def test_the_past_goes_with_the_account_that_turned_out_to_be_another(line: Line) -> None:
    line.send(group("acme", 1, name="Acme"), group("cus_1", 1))
    line.tell(subscription(2, "cus_1", mrr=100))
    line.tell(subscription(5, "cus_1", mrr=150))
    theirs = "SELECT id, value FROM account_timeline JOIN accounts USING (key) WHERE field = 'mrr' ORDER BY id, \"at\""
    assert line.rows(theirs) == [("cus_1", "100"), ("cus_1", "150")]
    line.tell(ALIAS)
    assert line.rows(theirs) == [("acme", "100"), ("acme", "150")]
    undo(line, "cus_1")
    assert line.rows(theirs) == [("cus_1", "100"), ("cus_1", "150")]


def test_a_telling_of_before_makes_scores_anew_from_its_time_on(line: Line) -> None:
    line.send(group("acme", 1, name="Acme"))
    line.tell(subscription(2, mrr=100))
    line.tell(subscription(9, mrr=150))
    line.store.scores.settle(Kept("model"), (), None, 0)
    line.tell(subscription(9, mrr=150))
    assert line.store.scores.notes()[1] == []
    taken = line.tell(subscription(5, mrr=120))
    assert [(each.account_id, each.since.day) for each in line.store.scores.notes()[1]] == [("acme", 5)]
    assert taken.accounts == {"acme"}
    assert "subscriptions" in taken.collections
    line.tell(subscription(1, mrr=70))
    assert [(each.account_id, each.since.day) for each in line.store.scores.notes()[1]] == [("acme", 1)]
