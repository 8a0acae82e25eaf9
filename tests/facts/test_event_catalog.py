"""The event catalog: what is listed, what a mark changes of stored events and of those to come."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from tests.facts.conftest import NOW, Desk
from tocsin.core.errors import UserError
from tocsin.facts import event_catalog
from tocsin.facts.live.shapes import Arrivals, Row
from tocsin.facts.live.taking import Taker
from tocsin.ingest.arriving import again
from tocsin.ingest.limits import Limits

EVENTS = """id,account_id,name,at,kind,feature
e1,a1,Opened,2026-02-20,,
e2,a2,Opened,2026-02-21,,
e3,a1,Opened,2025-11-01,page,plan
e4,a1,Saved,2026-02-28T10:00:00Z,feature,files
e5,a1,Saved,2026-06-01,feature,files
"""


@pytest.fixture
def busy(acme: Desk) -> Desk:
    """Two accounts with a few events."""
    acme.give("events.csv", EVENTS)
    return acme


def kinds(desk: Desk, name: str) -> list[tuple[str | None, str | None]]:
    """Kind and feature of the events of a name, by id."""
    return [
        (kind, feature) for kind, feature in desk.rows(f"SELECT kind, feature FROM events WHERE name = '{name}' ORDER BY id")
    ]


def test_names_are_listed_by_how_often_they_come(busy: Desk) -> None:
    found = event_catalog.listing(busy.store, NOW)
    assert [(each.name, each.count, each.accounts, each.sent_kind) for each in found.names] == [
        ("Opened", 2, 2, "page"),
        ("Saved", 1, 1, "feature"),
    ]
    assert found.names[1].last == datetime(2026, 2, 28, 10, tzinfo=UTC), "what lies ahead has not been seen"
    assert (found.total, found.unmarked) == (2, 0)
    assert [each.name for each in event_catalog.listing(busy.store, NOW, page=2, size=1).names] == ["Saved"]
    assert [each.name for each in event_catalog.listing(busy.store, NOW, text="AVE").names] == ["Saved"]
    assert event_catalog.listing(busy.store, NOW, text="%").total == 0
    busy.give("events.csv", "id,account_id,name,at\ne9,a1,Bare,2026-02-28\n")
    bare = event_catalog.listing(busy.store, NOW, unmarked=True)
    assert ([each.name for each in bare.names], bare.unmarked) == (["Bare"], 1)


def test_a_mark_fills_what_is_empty_and_follows_itself(busy: Desk) -> None:
    generation = busy.store.generation
    assert event_catalog.mark(busy.store, "Opened", "login", "") == event_catalog.Marked(("", ""), 2)
    assert kinds(busy, "Opened") == [("login", None), ("login", None), ("page", "plan")], "what was sent stays"
    assert busy.store.generation == generation + 1
    assert event_catalog.mark(busy.store, "Opened", "login", " start ") == event_catalog.Marked(("login", ""), 2)
    assert event_catalog.mark(busy.store, "Opened", "click", "start") == event_catalog.Marked(("login", "start"), 2)
    assert kinds(busy, "Opened") == [("click", "start"), ("click", "start"), ("page", "plan")]
    assert event_catalog.mark(busy.store, "Opened", "click", "start").events == 0
    [named] = event_catalog.listing(busy.store, NOW, text="opened").names
    assert (named.kind, named.feature) == ("click", "start")
    assert event_catalog.mark(busy.store, "Opened", "", "").events == 2
    assert kinds(busy, "Opened") == [(None, None), (None, None), ("page", "plan")]
    assert busy.rows("SELECT * FROM event_catalog") == []


def test_events_to_come_bear_the_mark(busy: Desk) -> None:
    event_catalog.mark(busy.store, "Opened", "login", "door")
    row = '{"type":"track","event":"Opened","messageId":"m","userId":"u","context":{"groupId":"a1"}}'
    taker = Taker(busy.store, lambda waiting: again(waiting, Limits()))
    taker.take(again([("events", row, NOW)], Limits()), None, NOW)
    assert busy.rows("SELECT kind, feature FROM events WHERE id = 'm'") == [("login", "door")]


@pytest.mark.parametrize("told", ["page", None])
def test_what_the_sender_says_comes_before_the_catalog_live_as_in_files(busy: Desk, told: str | None) -> None:
    event_catalog.mark(busy.store, "Opened", "login", "")
    said = {"id": "m", "account_id": "a1", "name": "Opened", "at": "2026-02-26T00:00:00Z", "kind": told}
    rows = Arrivals(rows=[Row("events", said, "src_1", NOW)])
    Taker(busy.store, lambda waiting: again(waiting, Limits())).take(rows, None, NOW)
    busy.give("events.csv", f"id,account_id,name,at,kind\nf,a1,Opened,2026-02-26,{told or ''}\n")
    found = busy.rows("SELECT kind FROM events WHERE id IN ('f', 'm')")
    assert found == [(told or "login",)] * 2


def test_the_catalog_comes_before_what_a_name_alone_says(busy: Desk) -> None:
    row = '{"type":"track","event":"%s","messageId":"%s","userId":"u","context":{"groupId":"a1"}}'
    for own in ("before", "after"):
        takes = Taker(busy.store, lambda waiting: again(waiting, Limits()))
        takes.take(again([("events", row % ("Signed In", own), NOW)], Limits()), None, NOW)
        event_catalog.mark(busy.store, "Signed In", "click", "")
    assert busy.rows("SELECT kind FROM events WHERE id IN ('before', 'after') ORDER BY id DESC") == [("login",), ("click",)]


def test_scores_are_made_anew_from_the_first_changed_event_on(busy: Desk) -> None:
    with busy.store.write() as cursor:
        cursor.execute("INSERT INTO health_state VALUES ('m', '2025-01-01', '2026-03-01')")
    event_catalog.mark(busy.store, "Opened", "login", "")
    assert busy.rows("SELECT a.id, since FROM health_notes AS h JOIN accounts AS a USING (key) ORDER BY 1") == [
        ("a1", datetime(2026, 2, 20)),  # noqa: DTZ001 - as the table holds it
        ("a2", datetime(2026, 2, 21)),  # noqa: DTZ001
    ]


@pytest.mark.parametrize(
    ("name", "kind", "feature", "said"),
    [
        ("Opened", "visit", "", "unknown kind 'visit'"),
        ("Closed", "login", "", "no event is called"),
        ("Opened", "", "x" * 201, "200"),
    ],
)
def test_what_cannot_be_marked(busy: Desk, name: str, kind: str, feature: str, said: str) -> None:
    with pytest.raises(UserError, match=said):
        event_catalog.mark(busy.store, name, kind, feature)
    assert busy.rows("SELECT * FROM event_catalog") == []


def test_files_take_the_mark_where_they_say_nothing(busy: Desk) -> None:
    event_catalog.mark(busy.store, "Opened", "login", "door")
    bare = "account_id,name,at{}\na1,Opened,2026-02-25{}\n"
    busy.give("events.csv", bare.format("", ""))
    busy.give(
        "events.csv", "id,account_id,name,at,kind,feature\nf1,a1,Opened,2026-02-26,,\nf2,a1,Opened,2026-02-26,page,hall\n"
    )
    found = busy.rows("SELECT kind, feature FROM events WHERE \"at\" >= '2026-02-25' AND name = 'Opened' ORDER BY \"at\", id")
    assert found == [("login", "door"), ("login", "door"), ("page", "hall")]


def test_a_mark_changes_no_derived_id(busy: Desk) -> None:
    given = "account_id,name,at,feature\na1,Opened,2026-02-25,\na2,Opened,2026-02-25,wall\n"
    assert busy.figures(busy.give("events.csv", given), "events") == (2, 2, 0, 0, 0)
    event_catalog.mark(busy.store, "Opened", "login", "door")
    assert busy.figures(busy.give("events.csv", given), "events") == (2, 0, 0, 2, 0)
    event_catalog.mark(busy.store, "Opened", "", "")
    assert busy.figures(busy.give("events.csv", given), "events") == (2, 0, 0, 2, 0)


def test_a_file_without_kinds_keeps_those_that_are_stored(busy: Desk) -> None:
    event_catalog.mark(busy.store, "Opened", "login", "")
    assert busy.figures(busy.give("events.csv", "id,account_id,name,at\ne3,a2,Opened,2025-11-01\n"), "events") == (
        1,
        0,
        1,
        0,
        0,
    )
    assert busy.rows("SELECT kind, feature FROM events WHERE id = 'e3'") == [("page", "plan")]


def test_counts_may_be_older_than_the_catalog(busy: Desk) -> None:
    seen = event_catalog.counts(busy.store, NOW)
    event_catalog.mark(busy.store, "Saved", "other", "")
    found = event_catalog.listing(busy.store, NOW, seen=seen, text="saved")
    assert [(each.kind, each.count) for each in found.names] == [("other", 1)]
