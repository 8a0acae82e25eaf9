"""An alias that is told after an account was made of it: one account, whichever came first; and back again."""

from __future__ import annotations

import itertools
from pathlib import Path
from tempfile import mkdtemp
from typing import Any

import pytest

from tests.ingest.line import NOW, Line, facts, group, identify, line, line_in, track, when
from tocsin.core.errors import UserError
from tocsin.core.schema import COLLECTIONS
from tocsin.facts import history
from tocsin.facts.importing import import_paths
from tocsin.facts.importing.upsert import make_changes
from tocsin.facts.layout import OWNED
from tocsin.facts.live.merging import split
from tocsin.facts.live.shapes import Arrivals
from tocsin.facts.live.taking import Taker
from tocsin.facts.merged import merged, told
from tocsin.facts.past import Past

__all__ = ["line"]
ALIAS: tuple[str, dict[str, Any]] = (
    "account_aliases", {"account_id": "acme", "source": "stripe", "external_id": "cus_1", "updated_at": when(9)}
)  # fmt: skip


def do(line: Line, step: Any) -> None:
    if isinstance(step, tuple):
        line.tell(step)
    else:
        line.send(step)


def test_an_alias_after_the_account_is_as_before_it() -> None:
    steps: list[Any] = [
        group("acme", 1, name="Acme", plan="free"), group("cus_1", 5, "ann", plan="pro", seats=7), ALIAS,
        track("m1", 6, userId="ann"), ("invoices", {
            "id": "i1", "account_id": "cus_1", "amount": 5, "issued_on": "2026-03-02", "due_on": "2026-03-09",
        }),
    ]  # fmt: skip
    found = []
    for order in (steps, [steps[0], steps[2], steps[1], *steps[3:]], steps[::-1], [*steps[3:], *steps[:3]]):
        made = Line(Path(mkdtemp()))
        try:
            for step in order:
                do(made, step)
            told = facts(made)
            del told["memberships"]
            query = "SELECT accounts.id FROM invoices JOIN accounts ON accounts.key = account_key"
            found.append((told, made.rows(query)))
        finally:
            made.close()
    assert found[0][0]["accounts"] == {"acme": "Acme"}
    assert found[0][0]["people"] == {"ann": "acme"}
    assert found[0][1] == [("acme",)]
    for each in found[1:]:
        assert each == found[0]


ROWS: dict[str, dict[str, Any]] = {
    "account_team": {"email": "c@us.example", "role": "csm", "from_at": when(1)},
    "subscriptions": {"id": "s1", "starts_on": "2026-01-01"},
    "onboardings": {"id": "o1", "started_at": when(1)},
    "goals": {"id": "g1", "name": "x", "set_at": when(1)},
    "account_history": {"field": "plan", "value": "a", "at": when(1)},
    "people": {"id": "p1"},
    "events": {"id": "e1", "name": "x", "at": when(1)},
    "metrics": {"id": "m1", "name": "x", "at": when(1), "value": 1},
    "touchpoints": {"id": "t1", "kind": "call", "at": when(1)},
    "meetings": {"id": "m1", "kind": "qbr", "booked_at": when(1)},
    "tickets": {"id": "t1", "opened_at": when(1)},
    "invoices": {"id": "i1", "amount": 1, "issued_on": "2026-01-01", "due_on": "2026-01-01"},
    "surveys": {"id": "n1", "kind": "nps", "score": 9, "at": when(1)},
    "integrations": {"id": "i1", "name": "x", "connected_at": when(1)},
    "milestones": {"id": "m1", "name": "x"},
    "opportunities": {"id": "o1", "kind": "new", "opened_at": when(1)},
    "tasks": {"id": "t1", "assignee": "x", "title": "x", "created_at": when(1)},
    "account_aliases": {"source": "zendesk", "external_id": "z1"},
}


def owners(line: Line) -> dict[str, str]:
    """Collection -> the account of its row."""
    parts = [
        f"SELECT '{name}' AS n, min(accounts.id) FROM {name} AS own JOIN accounts ON accounts.key = own.account_key "
        "WHERE accounts.id <> 'acme' OR own.account_was IS NOT NULL"
        for name in ROWS
        if name != "account_aliases"
    ]
    parts.append(
        "SELECT 'account_aliases', accounts.id FROM account_aliases AS own JOIN accounts ON accounts.key = own.account_key "
        "WHERE external_id = 'z1'"
    )
    return dict(line.rows(" UNION ALL ".join(parts)))


def undo(line: Line, own: str) -> None:
    with line.store.write() as cursor:
        past = Past(cursor, line.store.zone)
        make_changes(cursor)
        split(cursor, line.store, past, own, NOW)
        history.settle(cursor, line.store.zone, {"accounts"}, past)


def test_rows_of_every_collection_move_over_and_back(line: Line) -> None:
    assert set(ROWS) == set(OWNED) - {"alerts"} == {n for n, c in COLLECTIONS.items() if "account_id" in c} - {"alerts"}
    line.send(group("acme", 1, name="Acme", plan="free"), group("cus_1", 5, plan="pro", seats=7))
    line.tell(*((name, {"account_id": "cus_1", **values}) for name, values in ROWS.items()))
    line.tell(("tickets", {"id": "t2", "account_id": "acme", "opened_at": when(1), "also_accounts": ["cus_1", "other"]}))
    before = facts(line)
    assert set(owners(line).values()) == {"cus_1"}
    line.tell(ALIAS)
    assert line.accounts() == {"acme": "Acme"}
    assert set(owners(line).values()) == {"acme"}
    assert line.rows("SELECT also_accounts FROM tickets WHERE id = 't2'") == [(["acme", "other"],)]
    undo(line, "cus_1")
    after = facts(line)
    assert after["accounts"] == before["accounts"]
    assert owners(line)["events"] == "cus_1"
    assert line.rows("SELECT also_accounts FROM tickets WHERE id = 't2'") == [(["cus_1", "other"],)]
    assert (after["signals"], after["people"]) == (before["signals"], before["people"])
    more = [each[:3] for each in after["history"] if each not in before["history"]]
    assert more == [("acme", "plan", "free")], "what it was from its beginning on is written down now"


def test_an_account_with_a_name_of_its_own_stays(line: Line) -> None:
    line.send(group("acme", 1, name="Acme"), group("cus_1", 5, name="Other"))
    line.tell(ALIAS)
    assert line.accounts() == {"acme": "Acme", "cus_1": "Other"}


def test_when_an_alias_comes_to_mean_another_account_its_rows_go_there(line: Line) -> None:
    line.send(group("acme", 1, name="Acme", plan="free"), group("bolt", 1, name="Bolt"), group("cus_1", 5, "ann", plan="pro"))
    line.send(track("m1", 6, userId="ann"), identify("ann", 6, email="a@x.example"))
    line.tell(ALIAS)
    assert line.events()[0][1] == "acme"
    line.tell((ALIAS[0], {**ALIAS[1], "account_id": "bolt", "updated_at": when(12)}))
    assert (line.accounts(), line.events()[0][1], line.people()) == ({"acme": "Acme", "bolt": "Bolt"}, "bolt", {"ann": "bolt"})
    assert line.rows("SELECT id, plan FROM accounts ORDER BY id") == [("acme", "free"), ("bolt", "pro")]


@pytest.mark.parametrize("order", list(itertools.permutations(["b", "c"])))
def test_an_alias_of_an_alias_ends_at_the_account(line: Line, order: tuple[str, ...]) -> None:
    line.send(group("a", 1, name="A"), *(group(each, 2, f"u{each}") for each in order), track("m1", 3, userId="uc"))
    line.tell(
        ("account_aliases", {"account_id": "b", "source": "x", "external_id": "c"}),
        ("account_aliases", {"account_id": "a", "source": "x", "external_id": "b"}),
    )
    assert (line.accounts(), line.events()[0][1]) == ({"a": "A"}, "a")


def test_an_imported_alias_does_the_same(line: Line, tmp_path: Path) -> None:
    line.send(group("acme", 1, name="Acme"), group("cus_1", 5, "ann", plan="pro"), track("m1", 6, userId="ann"))
    path = tmp_path / "account_aliases.csv"
    path.write_text("account_id,source,external_id\nacme,stripe,cus_1\n")
    report = import_paths(line.store, [path], now=NOW)
    assert "only a name" in str(report)
    assert (line.accounts(), line.events()[0][1], line.rows("SELECT plan FROM accounts")) == (
        {"acme": "Acme"},
        "acme",
        [("pro",)],
    )


# Splitting them again


SINGLE: list[Any] = [
    group("acme", 1, name="Acme", plan="free"), group("cus_1", 5, "ann", plan="pro"), track("m1", 6, userId="ann"),
    identify("ann", 6, email="a@x.example"), track("m2", 7, context={"groupId": "cus_1"}, userId="bob"),
    ("invoices", {"id": "i1", "account_id": "cus_1", "amount": 5, "issued_on": "2026-03-02", "due_on": "2026-03-09"}),
]  # fmt: skip
SINCE: list[Any] = [
    track("m3", 8, userId="ann"),
    track("m4", 9, context={"groupId": "cus_1"}, userId="bob"),
    group("cus_1", 9, "eve"),
]


def seen(line: Line) -> dict[str, Any]:
    found = facts(line)
    invoices = "SELECT accounts.id FROM invoices JOIN accounts ON accounts.key = account_key"
    return {name: found[name] for name in ("accounts", "people", "events", "of people", "rejected")} | {
        "invoices": line.rows(invoices)
    }


def parted(line: Line, own: str) -> None:
    """As a person splits it."""
    Taker(line.store, lambda _: Arrivals()).split(own, NOW)


@pytest.mark.parametrize("place", [3, 5, 6, 7, 9])
def test_what_is_split_is_as_if_it_had_never_been_merged(place: int) -> None:
    """The alias comes anywhere in the life of the two, and they are split at its end."""
    lives = []
    for wrong in (False, True):
        with line_in() as made:
            steps = [*SINGLE, *SINCE]
            for step in [*steps[:place], *([ALIAS] if wrong else []), *steps[place:]]:
                do(made, step)
            if wrong:
                assert made.accounts() == {"acme": "Acme"}
                parted(made, "cus_1")
            lives.append(seen(made))
    if place < 6:  # a row of a webhook that came under the name since does not note it, and stays
        assert (lives[0].pop("invoices"), lives[1].pop("invoices")) == ([("cus_1",)], [("acme",)])
    assert lives[1] == lives[0]


def test_what_is_split_stays_so_whatever_aliases_say_again(line: Line) -> None:
    for step in [*SINGLE, ALIAS]:
        do(line, step)
    parted(line, "cus_1")
    line.tell(ALIAS, (ALIAS[0], {**ALIAS[1], "updated_at": when(20)}))
    line.send(track("m9", 21, userId="ann"))
    assert line.accounts() == {"acme": "Acme", "cus_1": "cus_1"}
    assert line.events()[-1][1] == "cus_1"


def test_what_splitting_does_is_known_before(line: Line) -> None:
    for step in [*SINGLE, ALIAS]:
        do(line, step)
    [found] = merged(line.store)
    assert (found.id, found.into, found.into_name, found.people) == ("cus_1", "acme", "Acme", 1)
    assert {name: found.rows[name] for name in ("events", "invoices", "people")} == {"events": 2, "invoices": 1, "people": 1}
    assert "2 of events" in told(found)
    before = dict(found.rows)
    parted(line, "cus_1")
    assert merged(line.store) == []
    after = dict(line.rows(
        "SELECT 'events', count(*) FROM events JOIN accounts ON accounts.key = account_key WHERE accounts.id = 'cus_1' "
        "UNION ALL SELECT 'invoices', count(*) FROM invoices JOIN accounts ON accounts.key = account_key "
        "WHERE accounts.id = 'cus_1'"
    ))  # fmt: skip
    assert after == {name: before[name] for name in after}


@pytest.mark.parametrize("order", [("cus_1", "cus_2"), ("cus_2", "cus_1")])
def test_an_account_that_comes_after_a_merge_has_nothing_of_the_merged_one(line: Line, order: tuple[str, str]) -> None:
    line.tell(("accounts", {"id": "acme", "name": "Acme"}))
    for own in ("cus_1", "cus_2"):
        line.tell(("accounts", {"id": own}), ("tickets", {"id": f"t-{own}", "account_id": own, "opened_at": when(1)}))
        line.tell(("account_aliases", {"account_id": "acme", "source": own, "external_id": own}))
    line.tell(("accounts", {"id": "new", "name": "New"}))
    found = line.rows("SELECT id, key FROM accounts UNION ALL SELECT id, key FROM merged_accounts")
    assert len({key for _, key in found}) == len(found) == 4
    for own in order:
        undo(line, own)
    query = (
        "SELECT tickets.id AS ticket, accounts.id AS own FROM tickets JOIN accounts ON accounts.key = account_key ORDER BY 1"
    )
    assert line.rows(query) == [("t-cus_1", "cus_1"), ("t-cus_2", "cus_2")]


def test_of_a_chain_the_later_merge_is_split_first(line: Line) -> None:
    line.send(group("a", 1, name="A"), group("c", 2, "uc"), track("m1", 3, userId="uc"))
    line.send(group("b", 2, "ub"))
    line.tell(("account_aliases", {"account_id": "b", "source": "x", "external_id": "c"}))
    line.tell(("account_aliases", {"account_id": "a", "source": "x", "external_id": "b"}))
    assert [(each.id, each.blocked) for each in merged(line.store)] == [("b", ""), ("c", "b")]
    with pytest.raises(UserError, match="split b first"):
        parted(line, "c")
    parted(line, "b")
    assert (line.accounts(), line.events()[0][1]) == ({"a": "A", "b": "b"}, "b")
    parted(line, "c")
    assert (line.accounts(), line.events()[0][1], line.people()) == (
        {"a": "A", "b": "b", "c": "c"}, "c", {"ub": "b", "uc": "c"},
    )  # fmt: skip


def test_what_was_not_merged_is_not_split(line: Line) -> None:
    line.send(group("acme", 1, name="Acme"))
    with pytest.raises(UserError, match="no merged account 'acme'"):
        parted(line, "acme")
