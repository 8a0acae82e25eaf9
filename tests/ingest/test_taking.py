"""From the inbox into the facts: each once, whatever the order, whatever the batches, whatever breaks on the way."""

from __future__ import annotations

import itertools
import json
import random
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import mkdtemp
from typing import Any

import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from tests.ingest.line import NOW, SCENE, Line, Message, acme, give, group, identify, line, played, track, when
from tocsin.engine import Book
from tocsin.facts.rejected import list_rejected
from tocsin.ingest.records import Kind
from tocsin.ingest.segment.messages import KINDS

__all__ = ["acme", "line"]


def test_the_same_message_twice_in_a_batch_is_one_event(acme: Line) -> None:
    taken = acme.send(track("m1", 2, userId="ann"), track("m1", 2, userId="ann"), track("m2", 2, userId="ann"))
    assert (taken.events, taken.repeated, taken.refused) == (2, 1, 0)
    assert [each[0] for each in acme.events()] == ["m1", "m2"]


def test_the_first_of_two_that_differ_under_one_id_counts(acme: Line) -> None:
    acme.send(track("m1", 2, "First", userId="ann"), track("m1", 3, "Second", userId="ann"))
    acme.send(track("m1", 4, "Third", userId="ann"))
    assert acme.rows("SELECT name FROM events") == [("First",)]


def test_the_same_message_later_is_no_news(acme: Line) -> None:
    assert acme.send(track("m1", 2, userId="ann")).events == 1
    again = acme.send(track("m2", 2, userId="ann"), track("m1", 2, userId="ann"))
    assert (again.events, again.repeated) == (1, 1)
    assert len(acme.events()) == 2


def test_two_batches_of_one_stretch_that_repeat_each_other(acme: Line) -> None:
    acme.put(track("m1", 2, userId="ann"), track("m2", 2, userId="ann"))
    acme.put(track("m2", 2, userId="ann"), track("m3", 2, userId="ann"))
    assert acme.writer.step().events == 3
    assert [each[0] for each in acme.events()] == ["m1", "m2", "m3"]


def test_what_a_file_brought_is_no_news(acme: Line) -> None:
    acme.send(track("m0", 2, userId="ann"))  # so that the ids that are stored have been read
    give(acme, "events.csv", "id,account_id,name,at\nm1,acme,Report Exported,2026-03-02\nm0,acme,Report Exported,2026-03-02\n")
    taken = acme.send(track("m1", 2, userId="ann"), track("m2", 2, userId="ann"))
    assert (taken.events, taken.repeated) == (1, 1)
    give(acme, "events.csv", "id,account_id,name,at\nm2,acme,Report Exported,2026-03-02\nm3,acme,Report Exported,2026-03-02\n")
    assert [each[0] for each in acme.events()] == ["m0", "m1", "m2", "m3"]


def test_new_events_leave_standing_what_reads_none(acme: Line) -> None:
    def told(*messages: Message) -> tuple[int, int]:
        before = acme.store.generation, acme.store.generation_beside_events
        acme.send(*messages)
        return acme.store.generation - before[0], acme.store.generation_beside_events - before[1]

    assert told(track("m1", 2, userId="ann")) == (1, 0)
    assert told(identify("ann", 3, title="CFO")) == (1, 1)
    assert told(track("m2", 2, userId="ann"), group("bolt", 3)) == (1, 1)
    assert told(track("m3", 2, userId="zoe")) == (1, 0), "it waits for its account"
    assert told(group("bolt", 4, "zoe")) == (1, 1)
    give(acme, "accounts.csv", "id,name\ncove,Cove\n")
    assert acme.rows("SELECT count(*) FROM accounts") == [(3,)]
    assert acme.store.generation_beside_events > 3


def test_another_process_knows_what_is_stored(tmp_path: Path) -> None:
    line = Line(tmp_path, tmp_path / "facts.duckdb")
    line.send(group("acme", 1, "ann"), track("m1", 2, userId="ann"))
    line.close()
    line = Line(tmp_path, tmp_path / "facts.duckdb")
    assert line.send(track("m1", 2, userId="ann"), track("m2", 2, userId="ann")).events == 1
    assert [each[0] for each in line.events()] == ["m1", "m2"]
    line.close()


def test_without_an_id_the_same_words_are_the_same_event(acme: Line) -> None:
    bare = {name: value for name, value in track("", 2, userId="ann").items() if name != "messageId"}
    acme.send(bare, bare)
    acme.send(bare, received=NOW + timedelta(hours=1))
    assert len(acme.events()) == 1


def test_many_events_with_repeats_in_many_batches(acme: Line) -> None:
    chance = random.Random(7)
    sent: set[str] = set()
    for _ in range(20):
        numbers = [chance.randrange(400) for _ in range(60)]
        acme.send(*(track(f"m{n}", 1 + n % 28, userId=f"u{n % 7}", context={"groupId": "acme"}) for n in numbers))
        sent |= {f"m{n}" for n in numbers}
    assert sorted(each[0] for each in acme.events()) == sorted(sent)


# Whom it belongs to


def test_an_event_is_of_the_account_that_it_names_else_of_its_person(acme: Line) -> None:
    acme.send(group("bolt", 1))
    acme.send(track("m1", 2, userId="ann", context={"groupId": "bolt"}), track("m2", 2, userId="ann"))
    assert acme.events() == [("m1", "bolt", "ann", "03-02 00:00"), ("m2", "acme", "ann", "03-02 00:00")]


def test_a_group_makes_the_account_named_by_its_id_until_told(line: Line) -> None:
    line.send(group("acme", 5))
    assert line.accounts() == {"acme": "acme"}
    line.send(group("acme", 4, plan="pro"))
    assert line.accounts() == {"acme": "acme"}
    assert line.rows("SELECT plan FROM accounts") == [("pro",)], "what is told without a name is kept"
    line.send(group("acme", 6, name="Acme Inc"))
    assert line.accounts() == {"acme": "Acme Inc"}
    line.send(group("acme", 7, plan="team"))
    assert line.rows("SELECT name, plan FROM accounts") == [("Acme Inc", "team")]
    assert line.rejected() == []


def test_an_alias_names_the_account(acme: Line) -> None:
    give(acme, "account_aliases.csv", "account_id,source,external_id\nacme,stripe,cus_1\n")
    acme.send(
        group("cus_1", 3, "bob", plan="pro"),
        track("m1", 4, userId="bob"),
        track("m2", 4, userId="eve", context={"groupId": "cus_1"}),
        identify("cid", 4, email="c@x.example") | {"context": {"groupId": "cus_1"}},
    )
    assert acme.accounts() == {"acme": "Acme"}
    assert acme.rows("SELECT plan FROM accounts") == [("pro",)]
    assert [each[:2] for each in acme.events()] == [("m1", "acme"), ("m2", "acme")]
    assert acme.people() == {"ann": "acme", "bob": "acme", "cid": "acme"}


def test_a_person_is_of_the_latest_group_by_its_timestamp(line: Line) -> None:
    line.send(group("new", 9, "ann"))
    line.send(group("old", 3, "ann"))
    assert line.people() == {"ann": "new"}
    line.send(group("newest", 10, "ann"), group("older", 2, "ann"))
    assert line.people() == {"ann": "newest"}
    line.send(track("m1", 11, userId="ann"))
    assert line.events()[0][1] == "newest"


def test_who_is_removed_is_of_the_account_before(line: Line) -> None:
    line.send(group("first", 1, "ann"), group("second", 2, "ann"))
    line.send(track("m1", 3, "Account Removed User", userId="ann", context={"groupId": "second"}))
    assert line.people() == {"ann": "first"}
    line.send(track("m2", 4, userId="ann"))
    assert line.events()[1][:2] == ("m2", "first")
    line.send(group("second", 2, "ann"))
    assert line.people() == {"ann": "first"}, "an older word that comes late does not bring them back"
    line.send(group("second", 5, "ann"))
    assert line.people() == {"ann": "second"}


def test_joining_and_leaving_at_one_moment_is_leaving(tmp_path: Path) -> None:
    leaves = track("m1", 2, "Account Removed User", userId="ann", context={"groupId": "second"})
    for order in itertools.permutations([group("second", 2, "ann"), leaves]):
        for together in (True, False):
            line = Line(Path(mkdtemp(dir=tmp_path)))
            line.send(group("first", 1, "ann"))
            for batch in [order] if together else [[each] for each in order]:
                line.send(*batch)
            assert line.people() == {"ann": "first"}
            line.close()


def test_a_user_without_an_account_waits_listed_once(line: Line) -> None:
    event, person = track("m1", 2, userId="ann"), identify("ann", 2, email="ann@acme.example")
    for _ in range(2):
        line.send(event, person)
    assert line.rejected() == [("events", "no account yet"), ("people", "no account yet")]
    assert [each.row for each in list_rejected(line.store)] == [event, person], "as received"
    assert (line.events(), line.people()) == ([], {})
    line.send(group("acme", 1, "ann"))
    assert line.rejected() == []
    assert line.events() == [("m1", "acme", "ann", "03-02 00:00")]
    assert line.rows("SELECT email FROM people") == [("ann@acme.example",)]
    line.send(event, person)
    assert (len(line.events()), line.rejected()) == (1, [])


def test_a_visitor_waits_until_it_is_known_who_it_was(line: Line) -> None:
    line.send(track("m1", 2, anonymousId="v1"), {"type": "page", "anonymousId": "v1", "messageId": "m2", "timestamp": when(2)})
    assert line.rejected() == [("events", "no account yet")] * 2
    line.send(identify("ann", 3, "v1"))
    assert len(line.rejected()) >= 2, "ann has no account yet"
    line.send(group("acme", 1, "ann"))
    assert line.rejected() == []
    assert [each[:3] for each in line.events()] == [("m1", "acme", "ann"), ("m2", "acme", "ann")]


def test_a_visitor_is_placed_by_an_alias_after_the_group(acme: Line) -> None:
    acme.send(track("m1", 2, anonymousId="v1"))
    acme.send({"type": "alias", "previousId": "v1", "userId": "ann", "timestamp": when(3)})
    assert acme.rejected() == []
    assert acme.events() == [("m1", "acme", "ann", "03-02 00:00")]
    acme.send(track("m2", 4, anonymousId="v1"))
    assert acme.events()[1][:3] == ("m2", "acme", "ann")


def test_an_account_that_is_not_known_is_waited_for(line: Line) -> None:
    line.send(track("m1", 2, userId="ann", context={"groupId": "acme"}))
    assert line.rejected() == [("events", "no account yet")]
    assert line.accounts() == {}, "a track call makes no account"
    line.send(group("acme", 1))
    assert (line.rejected(), line.events()) == ([], [("m1", "acme", "ann", "03-02 00:00")])


def test_what_an_unknown_account_is_told_by_an_event_waits_with_it(line: Line) -> None:
    begun = track(
        "m1", 2, "Trial Started", userId="ann", context={"groupId": "acme"}, properties={"trial_end_date": "2026-03-15"}
    )
    line.send(begun)
    assert (line.accounts(), line.rejected()) == ({}, [("events", "no account yet")])
    line.send(group("acme", 1, plan="pro"))
    assert line.rows("SELECT status, plan, CAST(trial_ends_on AS VARCHAR) AS t FROM accounts") == [
        ("trial", "pro", "2026-03-15")
    ]
    assert line.rejected() == []


def test_what_waits_is_placed_at_its_own_time(line: Line) -> None:
    bare = {name: value for name, value in track("m1", 2, userId="ann").items() if name != "timestamp"}
    early = NOW - timedelta(hours=5)
    line.send(bare, received=early)
    line.send(
        {**bare, "messageId": "m2", "originalTimestamp": "2020-01-01T00:00:00Z"}, received=early, sentAt="2020-01-01T01:00:00Z"
    )
    line.send({**bare, "messageId": "m3", "userId": "ann"}, received=early)
    line.send(group("acme", 1, "ann"))
    assert [each[3] for each in line.events()] == ["03-31 07:00", "03-31 06:00", "03-31 07:00"]


@pytest.mark.parametrize(("kind", "name"), [("page", "Viewed Pricing Page"), ("screen", "Viewed Pricing Screen")])
def test_what_came_by_its_address_waits_as_what_it_was(line: Line, kind: Kind, name: str) -> None:
    line.put_single(kind, {"userId": "ann", "name": "Pricing", "messageId": "m1", "timestamp": when(2)})
    line.writer.step()
    assert line.rejected() == [("events", "no account yet")]
    line.send(group("acme", 1, "ann"))
    assert line.rejected() == []
    assert line.rows("SELECT name, kind FROM events") == [(name, "page")]


def test_what_waits_for_the_account_that_its_batch_named(line: Line) -> None:
    line.send(track("m1", 2, userId="ann"), context={"groupId": "acme"})
    line.send(group("acme", 1))
    assert (line.rejected(), [each[:2] for each in line.events()]) == ([], [("m1", "acme")])


def test_a_person_who_names_an_unknown_account_waits_for_it(line: Line) -> None:
    line.send(identify("ann", 2, type="admin", email="ann@acme.example") | {"context": {"groupId": "acme"}})
    assert line.rejected() == [("people", "no account yet")]
    line.send(group("acme", 1))
    assert line.rejected() == []
    assert line.people() == {"ann": "acme"}
    assert line.custom("people", "ann") == {"type": "admin"}


# What was told of them


def test_traits_by_their_timestamp_with_their_past(acme: Line) -> None:
    acme.send(group("acme", 10, plan="pro", seats=5))
    acme.send(group("acme", 5, plan="free"))
    acme.send(group("acme", 20, plan="team"), group("acme", 15, plan="pro"))
    book = Book(acme.store, {})
    moments = [datetime(2026, 3, day, 12, tzinfo=UTC) for day in (5, 9, 10, 15, 20)]
    found = book.signals(["plan", "seats"], moments).to_pylist()
    assert [row["f0"] for row in found] == ["free", "free", "pro", "pro", "team"]


def test_null_clears_and_what_is_not_told_stays(acme: Line) -> None:
    acme.send(group("acme", 5, plan="pro", region="eu", crmId="7"))
    acme.send(group("acme", 6, plan=None, crmId=None))
    assert acme.rows("SELECT plan, region FROM accounts") == [(None, "eu")]
    assert acme.custom("accounts", "acme").get("crm_id") in (None, "")
    acme.send(group("acme", 4, plan="old"))
    assert acme.rows("SELECT plan FROM accounts") == [(None,)]


def test_a_bad_trait_refuses_its_call_and_no_other(acme: Line) -> None:
    bad = group("acme", 5, plan="pro", seats="many")
    acme.send(group("acme", 4, plan="team"), bad, group("acme", 6, region="eu"), identify("ann", 5, createdAt="soon"))
    assert acme.rows("SELECT plan, seats, region FROM accounts") == [("team", None, "eu")]
    assert list_rejected(acme.store)[0].row == bad
    assert [collection for collection, _ in acme.rejected()] == ["accounts", "people"]


def test_deleted_accounts_churn(acme: Line) -> None:
    acme.send(track("m1", 9, "Account Deleted", userId="ann", context={"groupId": "acme"}))
    assert acme.rows("SELECT status, strftime(churned_at, '%Y-%m-%d') AS c FROM accounts") == [("churned", "2026-03-09")]


# Bad ones


def test_a_bad_message_is_listed_once_and_the_good_go_in(acme: Line) -> None:
    bad: list[Message] = [{"type": "track", "userId": "ann"}, {"type": "nonsense"}, track("m9", 2)]
    for _ in range(2):
        acme.send(track("m1", 2, userId="ann"), *bad, track("m2", 2, userId="ann"))
    assert [each[0] for each in acme.events()] == ["m1", "m2"]
    found = list_rejected(acme.store)
    assert sorted(json.dumps(each.row) for each in found) == sorted(map(json.dumps, bad))
    assert all(each.source == "http" and each.reason for each in found)


ODD = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=6),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=4), inner, max_size=2),
    max_leaves=4,
)
FIELDS = st.sampled_from(["userId", "groupId", "event", "anonymousId", "context", "properties", "messageId"])
NAMES = st.sampled_from(
    ["name", "plan", "seats", "createdAt", "renewsOn", "internal", "roles", "mrr", "type", "id", "tier", "email"]
)
CALLS = st.builds(
    lambda kind, fields, traits, at: {
        "type": kind, "userId": "ann", "groupId": "acme", "event": "E", "name": "N", "previousId": "v", "timestamp": at,
        "traits": traits, "properties": traits, **fields,
    },
    st.sampled_from(KINDS),
    st.dictionaries(FIELDS, ODD, max_size=3),
    st.dictionaries(NAMES | st.text(max_size=6), ODD, max_size=4),
    st.sampled_from([when(2), when(3), "1970-01-01T00:00:00Z", "2026-04-01T11:00:00Z"]),
)  # fmt: skip


@settings(max_examples=15, deadline=None, phases=[Phase.explicit, Phase.reuse, Phase.generate])
@given(st.lists(st.lists(CALLS, min_size=1, max_size=6), min_size=1, max_size=3))
def test_whatever_comes_is_stored_or_listed_and_the_inbox_never_stops(batches: list[list[Message]]) -> None:
    line = Line(Path(mkdtemp()))
    try:
        for batch in batches:
            line.send(*batch)
        assert line.writer.position == line.inbox.end
        line.send(group("acme", 1, "ann", name="Acme"), track("good", 2, userId="ann", context={"groupId": "acme"}))
        assert "good" in {each[0] for each in line.events()}
        assert all(each.reason for each in list_rejected(line.store))
    finally:
        line.close()


# Whatever the order


@pytest.fixture(scope="module")
def expected() -> dict[str, Any]:
    """The facts of the scene, told in order and at once."""
    found = played([SCENE])
    assert found["rejected"] == []
    assert [each[:3] for each in found["events"]] == [
        ("e1", "acme", "ann"), ("e2", "acme", "ann"), ("e3", "bolt", "bob"), ("e4", "bolt", "eve"), ("e5", "acme", "ann"),
        ("e6", "bolt", "bob"), ("e7", "acme", "eve"), ("e8", "bolt", "bob"),
    ]  # fmt: skip
    return found


def test_one_by_one_is_the_same(expected: dict[str, Any]) -> None:
    assert played([[each] for each in SCENE]) == expected


def test_backwards_is_the_same(expected: dict[str, Any]) -> None:
    assert played([[each] for each in reversed(SCENE)]) == expected
    assert played([SCENE[::-1]]) == expected


def test_told_twice_is_the_same(expected: dict[str, Any]) -> None:
    assert played([SCENE, SCENE[::-1]]) == expected
    assert played([SCENE + SCENE]) == expected


@settings(max_examples=8, deadline=None, phases=[Phase.explicit, Phase.reuse, Phase.generate])  # shrinking takes minutes
@given(data=st.data())
def test_any_order_in_any_batches_with_repeats_is_the_same(expected: dict[str, Any], data: st.DataObject) -> None:
    repeats = data.draw(st.lists(st.sampled_from(SCENE), max_size=6))
    order = data.draw(st.permutations(SCENE + repeats))
    cuts = sorted(data.draw(st.sets(st.integers(1, len(order) - 1), max_size=5)))
    batches = [list(order[begin:end]) for begin, end in itertools.pairwise([0, *cuts, len(order)])]
    assert played(batches) == expected
