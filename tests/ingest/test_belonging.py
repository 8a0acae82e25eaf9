"""Whose account what people do is of: by what was told and when, whatever the order in which it came."""

from __future__ import annotations

import itertools
import random
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import pytest

from tests.ingest.line import Line, Message, acme, group, identify, line, line_in, played, tables, track, when
from tocsin.facts.past import Past

__all__ = ["acme", "line"]


def in_any_order(*messages: Message) -> dict[str, Any]:
    """The facts that these messages make, which are the same in every order, one by one and together."""
    found = played([messages], tables)
    orders = [messages[::-1], *random.Random(7).sample(list(itertools.permutations(messages)), 3)]
    for order in orders:
        assert played([[each] for each in order], tables) == found, order
    assert played([orders[1][:2], [*orders[1][2:], *messages]], tables) == found, orders[1]
    return found


def owners(found: dict[str, Any]) -> dict[str, tuple[str, str]]:
    """Event -> account and person."""
    return {each[0]: each[1:3] for each in found["events"]}


def removed(user: str, account: str, day: int, own: str = "r1") -> Message:
    return track(own, day, "Account Removed User", userId=user, context={"groupId": account})


def added(user: str, account: str, day: int, own: str = "a1") -> Message:
    return track(own, day, "Account Added User", userId=user, context={"groupId": account})


# The account of an event


def test_an_event_is_of_the_account_in_which_its_person_was_then() -> None:
    found = in_any_order(
        group("acme", 1, "ann"), group("bolt", 5, "ann"), track("m1", 3, userId="ann"), track("m2", 7, userId="ann")
    )
    assert owners(found) == {"m1": ("acme", "ann"), "m2": ("bolt", "ann")}
    assert found["people"] == {"ann": "bolt"}


def test_what_came_before_the_first_group_is_of_its_account() -> None:
    found = in_any_order(group("acme", 4, "ann"), group("bolt", 5, "ann"), track("m1", 3, userId="ann"))
    assert owners(found) == {"m1": ("acme", "ann")}


def test_who_goes_to_and_fro_is_where_they_were_each_time() -> None:
    calls = [group(name, day, "ann") for name, day in (("acme", 1), ("bolt", 3), ("acme", 5), ("bolt", 7))]
    events = [track(f"m{day}", day, userId="ann") for day in (2, 4, 6, 8)]
    found = played([[*calls, *events]], tables)
    assert owners(found) == {"m2": ("acme", "ann"), "m4": ("bolt", "ann"), "m6": ("acme", "ann"), "m8": ("bolt", "ann")}
    for order in ([*events, *calls[::-1]], [*calls[1:], *events, calls[0]]):
        assert played([[each] for each in order], tables) == found


def test_an_event_that_names_its_account_stays_there() -> None:
    found = in_any_order(
        group("acme", 1, "ann"), group("bolt", 2, "ann"), track("m1", 3, userId="ann", context={"groupId": "acme"})
    )
    assert owners(found) == {"m1": ("acme", "ann")}


def test_who_was_removed_before_they_were_added_is_in_the_account_before() -> None:
    found = in_any_order(
        group("acme", 1, "ann"), group("bolt", 3, "ann"), removed("ann", "bolt", 5), track("m1", 6, userId="ann")
    )
    assert owners(found)["m1"] == ("acme", "ann")
    assert found["people"] == {"ann": "acme"}


def test_who_left_all_accounts_stays_with_the_last() -> None:
    found = in_any_order(group("acme", 1, "ann"), removed("ann", "acme", 3), track("m1", 4, userId="ann"))
    assert (owners(found)["m1"], found["people"], found["rejected"]) == (("acme", "ann"), {"ann": "acme"}, [])


def test_leaving_alone_says_nothing_of_where_a_person_is_now() -> None:
    found = in_any_order(group("acme", 1), removed("ann", "acme", 3), track("m1", 4, userId="ann"))
    assert (list(owners(found)), found["people"]) == (["r1"], {})
    assert found["rejected"] == [("events", "no account yet")]


def test_an_account_added_user_is_a_group() -> None:
    found = in_any_order(group("acme", 1, "ann"), group("bolt", 1), added("ann", "bolt", 5), track("m1", 6, userId="ann"))
    assert owners(found)["m1"] == ("bolt", "ann")


# An identify that names the account


def test_the_latest_identify_that_names_an_account_counts() -> None:
    both = [{**identify("ann", day), "context": {"groupId": name}} for name, day in (("acme", 5), ("bolt", 3))]
    found = in_any_order(group("acme", 1), group("bolt", 1), *both)
    assert found["people"] == {"ann": "acme"}


def test_a_group_says_more_than_an_identify() -> None:
    said = {**identify("ann", 5), "context": {"groupId": "bolt"}}
    found = in_any_order(group("acme", 3, "ann"), group("bolt", 1), said, track("m1", 6, userId="ann"))
    assert (found["people"], owners(found)) == ({"ann": "acme"}, {"m1": ("acme", "ann")})


def test_an_identify_of_an_unknown_account_waits_as_it_came(line: Line) -> None:
    said = {**identify("ann", 5, plan="x"), "context": {"groupId": "bolt"}}
    line.send(said, track("m1", 6, userId="ann"))
    assert line.rejected() == [("events", "no account yet"), ("people", "no account yet")]
    line.send(group("bolt", 9))
    assert (line.rejected(), line.people(), line.events()[0][1]) == ([], {"ann": "bolt"}, "bolt")
    in_any_order(said, track("m1", 6, userId="ann"), group("bolt", 9), group("acme", 7, "ann"))


# Whose an anonymous visitor's events are


def test_of_two_who_claim_a_visitor_the_later_by_time_has_them() -> None:
    found = in_any_order(
        group("acme", 1, "ann"), identify("bob", 5, "v1"), identify("ann", 3, "v1"),
        track("m1", 4, anonymousId="v1", context={"groupId": "acme"}), group("acme", 2, "bob"),
    )  # fmt: skip
    assert owners(found) == {"m1": ("acme", "bob")}


def test_two_claims_at_one_time_end_the_same() -> None:
    found = in_any_order(
        group("acme", 1, "ann"), group("bolt", 1, "bob"), identify("bob", 5, "v1"), identify("ann", 5, "v1"),
        track("m1", 4, anonymousId="v1"),
    )  # fmt: skip
    assert owners(found) == {"m1": ("bolt", "bob")}


def test_who_has_no_account_takes_no_events_along() -> None:
    found = in_any_order(
        group("acme", 1, "ann"), identify("ann", 3, "v1"), identify("bob", 5, "v1"), track("m1", 4, anonymousId="v1")
    )
    assert owners(found) == {"m1": ("acme", "ann")}
    found = in_any_order(
        group("acme", 1, "ann"), identify("ann", 3, "v1"), track("m1", 4, anonymousId="v1"),
        {"type": "alias", "previousId": "v1", "userId": "bob", "timestamp": when(5)}, group("bolt", 9, "bob"),
    )  # fmt: skip
    assert owners(found) == {"m1": ("bolt", "bob")}


def test_a_visitor_whose_person_moves_moves_along() -> None:
    found = in_any_order(
        group("acme", 1, "ann"), identify("ann", 3, "v1"), track("m1", 4, anonymousId="v1"), group("bolt", 2, "ann"),
    )  # fmt: skip
    assert owners(found) == {"m1": ("bolt", "ann")}


# What follows from a move


class Noted:
    """What a `Past` was told to note: account -> since."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.found: dict[str, datetime] = {}
        real = Past.write

        def write(past: Past) -> None:
            rows = past.cursor.execute(
                "SELECT accounts.id, min(since) FROM past JOIN accounts ON accounts.key = past.key GROUP BY ALL"
            ).fetchall()
            self.found = dict(rows)
            real(past)

        monkeypatch.setattr(Past, "write", write)


def keep_scores(line: Line) -> None:
    """As if health had been scored, so that there is something kept to be made anew."""
    with line.store.write() as cursor:
        cursor.execute("INSERT INTO health_state VALUES ('m', TIMESTAMP '2026-01-01', TIMESTAMP '2026-03-30')")


def naive(day: int) -> datetime:
    return datetime(2026, 3, day, tzinfo=UTC).replace(tzinfo=None)


def test_events_that_move_are_judged_anew_in_both_accounts(line: Line, monkeypatch: pytest.MonkeyPatch) -> None:
    line.send(group("acme", 1, "ann"), group("bolt", 1, "bob"), *(track(f"m{n}", n, userId="ann") for n in (2, 5, 7)))
    keep_scores(line)
    noted = Noted(monkeypatch)
    taken = line.send(group("bolt", 4, "ann"))
    assert [each[1] for each in line.events()] == ["acme", "bolt", "bolt"]
    assert {"acme", "bolt"} <= taken.accounts
    assert noted.found["acme"] <= naive(5)
    assert noted.found["bolt"] <= naive(5)
    noted.found.clear()
    assert line.send(group("bolt", 4, "ann")).accounts == frozenset()


def test_handing_a_visitors_events_over_is_noted(line: Line, monkeypatch: pytest.MonkeyPatch) -> None:
    line.send(group("acme", 1, "ann"), *(track(f"m{n}", n, anonymousId="v1", context={"groupId": "acme"}) for n in (3, 5)))
    keep_scores(line)
    noted = Noted(monkeypatch)
    taken = line.send({"type": "alias", "previousId": "v1", "userId": "ann", "timestamp": when(6)})
    assert {each[2] for each in line.events()} == {"ann"}
    assert noted.found == {"acme": naive(3)}
    assert taken.accounts == {"acme"}


def test_a_person_of_a_file_was_there_all_along(acme: Line) -> None:
    with acme.store.write() as cursor:  # as a file gives them: a row of people and no word of when
        cursor.execute("INSERT INTO person_keys VALUES (900, 'eve')")
        cursor.execute("INSERT INTO people (key, id, account_key, left_out) SELECT 900, 'eve', key, false FROM accounts")
    acme.send(track("m1", 3, userId="eve"))
    acme.send(group("bolt", 5, "eve"), track("m2", 7, userId="eve"))
    assert [each[1] for each in acme.events()] == ["acme", "bolt"]


def batches(messages: Sequence[Message], size: int) -> list[list[Message]]:
    return [list(messages[begin : begin + size]) for begin in range(0, len(messages), size)]


def test_a_move_of_many_takes_as_many_statements_as_one(monkeypatch: pytest.MonkeyPatch, tmp_path: Any) -> None:
    counts = []
    for many in (2, 40):
        line = Line(tmp_path / str(many))
        people = [f"u{n}" for n in range(many)]
        line.send(*(group("acme", 1, each) for each in people), *(track(f"m{each}", 5, userId=each) for each in people))
        line.put(*(group("bolt", 3, each) for each in people))
        counted = Counting(line, monkeypatch)
        line.writer.step()
        assert {each[1] for each in line.events()} == {"bolt"}
        counts.append(counted.statements)
        line.close()
    assert counts[0] == counts[1]


class Counting:
    """Counts the statements of the transactions of a line."""

    def __init__(self, line: Line, monkeypatch: pytest.MonkeyPatch) -> None:
        self.statements = 0
        real = line.store.cursor
        outer = self

        class Cursor:
            def __init__(self) -> None:
                self.inner = real()

            def execute(self, *given: Any) -> Any:
                outer.statements += 1
                return self.inner.execute(*given)

            def __getattr__(self, name: str) -> Any:
                return getattr(self.inner, name)

        monkeypatch.setattr(line.store, "cursor", Cursor)


# Rows of webhooks that are a person's


ROWS: list[tuple[str, Message]] = [
    ("tickets", {"id": "t1", "person_id": "ann", "opened_at": when(3)}),
    ("touchpoints", {"id": "c1", "person_id": "ann", "kind": "call", "at": when(5)}),
    ("surveys", {"person_id": "ann", "kind": "nps", "score": 9, "at": when(7)}),
    ("metrics", {"id": "m1", "person_id": "ann", "name": "calls", "at": when(3), "value": 1}),
]
NAMED: tuple[str, Message] = ("tickets", {"id": "t2", "person_id": "ann", "account_id": "acme", "opened_at": when(7)})


def of_rows(line: Line) -> dict[str, Any]:
    """Collection and start -> the account."""
    parts = [
        f"SELECT '{name}', strftime(own.{start}, '%d'), accounts.id FROM {name} AS own JOIN accounts ON key = account_key"
        for name, start in (("tickets", "opened_at"), ("touchpoints", "at"), ("surveys", "at"), ("metrics", "at"))
    ]
    return {f"{name} {day}": account for name, day, account in line.rows(f"{' UNION ALL '.join(parts)} ORDER BY ALL")}


@pytest.mark.parametrize("seed", range(6))
def test_rows_are_of_the_account_in_which_their_person_was_then(seed: int) -> None:
    steps: list[Any] = [group("acme", 1, "ann"), group("bolt", 4, "ann"), *ROWS, NAMED]
    random.Random(seed).shuffle(steps)
    with line_in() as line:
        for step in [*steps, *steps[:2]]:
            line.tell(step) if isinstance(step, tuple) else line.send(step)
        assert of_rows(line) == {
            "tickets 03": "acme", "touchpoints 05": "bolt", "surveys 07": "bolt", "metrics 03": "acme", "tickets 07": "acme",
        }  # fmt: skip
        assert line.rejected() == []


def test_a_row_that_moves_with_its_person_is_judged_anew_in_both_accounts(line: Line, monkeypatch: pytest.MonkeyPatch) -> None:
    line.send(group("acme", 1, "ann"), group("bolt", 1, "bob"))
    line.tell(*ROWS)
    keep_scores(line)
    noted = Noted(monkeypatch)
    taken = line.send(group("bolt", 4, "ann"))
    assert {"acme", "bolt"} <= taken.accounts
    assert {"touchpoints", "surveys"} <= taken.collections
    assert max(noted.found["acme"], noted.found["bolt"]) <= naive(5)


def test_a_ticket_that_is_told_again_stays_a_persons_until_its_account_is_named(line: Line) -> None:
    line.send(group("acme", 1, "ann"))
    line.tell(ROWS[0])
    line.tell(("tickets", {"id": "t1", "priority": "high", "updated_at": when(5)}))
    line.send(group("bolt", 2, "ann"))
    assert of_rows(line) == {"tickets 03": "bolt"}
    line.tell(("tickets", {"id": "t1", "account_id": "acme", "updated_at": when(6)}))
    line.tell(("tickets", {"id": "t1", "priority": "low", "updated_at": when(7)}))
    line.send(group("bolt", 1, "ann"), group("cove", 3, "ann"))
    assert of_rows(line) == {"tickets 03": "acme"}
    assert line.rows("SELECT priority FROM tickets") == [("low",)]
