"""A message that can never be stored does not keep the others waiting, and is not lost."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest

from tests.ingest.line import NOW, SCENE, Line, acme, group, identify, line, track
from tocsin.core.errors import UserError
from tocsin.facts.live import events, taking
from tocsin.facts.live.shapes import Arrivals, Event, Taken
from tocsin.facts.live.taking import position
from tocsin.facts.rejected import list_rejected
from tocsin.ingest import writer as writing
from tocsin.ingest.arriving import again
from tocsin.ingest.isolating import pieces
from tocsin.ingest.limits import Limits
from tocsin.ingest.records import Record

__all__ = ["acme", "line"]


def poison(monkeypatch: pytest.MonkeyPatch, *names: str) -> None:
    """From now on no event of these names can be stored."""
    real = events.put_events

    def put(cursor: Any, past: Any, events: Iterable[Event], *rest: Any) -> Any:
        given = list(events)
        if any(each.name in names for each in given):
            raise ZeroDivisionError("no number\nof any kind")
        return real(cursor, past, given, *rest)

    monkeypatch.setattr(taking, "put_events", put)


def test_what_fails_alone_is_listed_and_the_others_go_in(
    line: Line, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    poison(monkeypatch, "Bad")
    line.put(*SCENE[:10], track("b1", 3, "Bad", userId="ann"), *SCENE[10:], {"type": "nonsense"})
    line.put_single("track", {"event": "Bad", "messageId": "b2", "userId": "bob"})
    line.put(track("e9", 16, userId="ann"), context={"groupId": "acme"})
    with caplog.at_level(logging.ERROR):
        assert line.writer.drain() == 9
    assert position(line.store) == line.writer.position == line.inbox.end
    assert [each[0] for each in line.events()] == [f"e{n}" for n in range(1, 10)]
    found = {each.row.get("messageId"): each for each in list_rejected(line.store) if "messageId" in each.row}
    assert set(found) == {"b1", "b2"}
    assert {each.reason for each in found.values()} == {"internal error: ZeroDivisionError: no number of any kind"}
    assert found["b1"].row == track("b1", 3, "Bad", userId="ann")
    assert found["b2"].row["type"] == "track"
    assert len([each for each in caplog.records if "kept in the list of rejected rows" in each.message]) == 2
    assert len(list_rejected(line.store)) == 3


def test_once_mended_it_can_be_tried_again(acme: Line, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patched:
        poison(patched, "Bad")
        acme.put(track("b1", 3, "Bad", anonymousId="v1"), context={"groupId": "acme"})
        acme.writer.drain()
    (entry,) = acme.rows('SELECT collection, "row", "at" FROM rejected')
    acme.writer._taker.take(again([(entry[0], entry[1], NOW)], Limits()), None, NOW)
    assert acme.events() == [("b1", "acme", "v1", "03-03 00:00")]


def test_a_crash_in_the_middle_loses_nothing_and_stores_nothing_twice(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    line = Line(tmp_path, tmp_path / "facts.duckdb")
    poison(monkeypatch, "Bad")
    line.put(*SCENE, track("b1", 3, "Bad", userId="ann"))
    real, left = line.writer._taker.take, [5]

    def take(*given: Any) -> Taken:
        if given[0].refused and not given[0].events and given[1] is not None:
            raise KeyboardInterrupt  # killed before the position moves
        left[0] -= 1
        return real(*given)

    monkeypatch.setattr(line.writer._taker, "take", take)
    with pytest.raises(KeyboardInterrupt):
        line.writer.drain()
    assert left[0] < 0, "a part was stored"
    assert position(line.store) == 0
    line.close()
    line = Line(tmp_path, tmp_path / "facts.duckdb")
    line.writer.drain()
    assert [each[0] for each in line.events()] == [f"e{n}" for n in range(1, 9)]
    assert [reason for _, reason in line.rejected()] == ["internal error: ZeroDivisionError: no number of any kind"]
    assert position(line.store) == line.inbox.end
    line.close()


def test_where_nothing_can_be_stored_nothing_is_blamed(acme: Line, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_given: Any) -> Taken:
        raise RuntimeError("the database has been invalidated")

    acme.put(track("m1", 2, userId="ann"))
    with monkeypatch.context() as patched:
        patched.setattr(acme.writer._taker, "take", fail)
        with pytest.raises(RuntimeError, match="invalidated"):
            acme.writer.drain()
    assert (acme.rejected(), acme.events()) == ([], [])
    assert acme.writer.drain() == 1


def test_a_full_disk_on_the_way_blames_no_message(acme: Line, monkeypatch: pytest.MonkeyPatch) -> None:
    poison(monkeypatch, "Bad")
    acme.put(track("b1", 3, "Bad", userId="ann"), track("m1", 3, userId="ann"))
    real = acme.writer._taker.take

    def take(arrivals: Arrivals, *given: Any) -> Taken:
        if len(arrivals.events) == 1:
            raise UserError("the disk is full")
        return real(arrivals, *given)

    with monkeypatch.context() as patched:
        patched.setattr(acme.writer._taker, "take", take)
        with pytest.raises(UserError, match="full"):
            acme.writer.drain()
    assert (acme.rejected(), position(acme.store) < acme.inbox.end) == ([], True)


def test_the_thread_goes_on_behind_it(acme: Line, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(writing, "RETRY", 0.01)
    poison(monkeypatch, "Bad")
    acme.put(track("b1", 3, "Bad", userId="ann"), track("m1", 3, userId="ann"))
    acme.writer.start()
    assert acme.writer.settle(60)
    acme.put(track("m2", 3, userId="ann"))
    assert acme.writer.settle(60)
    assert acme.writer.stop(20)
    assert [each[0] for each in acme.events()] == ["m1", "m2"]
    assert len(acme.rejected()) == 1


def test_a_record_is_taken_apart_into_what_it_holds() -> None:
    batch = Record("batch", NOW, "key", json.dumps({"batch": [track("a", 1), identify("b", 2)], "sentAt": "x"}).encode())
    rows = Record("rows", NOW, "src", json.dumps([["accounts", {"id": "a"}], ["tickets", {"id": "t"}]]).encode())
    odd = Record("batch", NOW, "key", b"no JSON")
    found = pieces([batch, rows, odd, Record("track", NOW, "key", b"{}")])
    assert [each.kind for each in found] == ["batch", "batch", "rows", "rows", "batch", "track"]
    assert [len(json.loads(each.body)["batch"]) for each in found[:2]] == [1, 1]
    assert json.loads(found[0].body)["sentAt"] == "x"
    assert found[4:] == [odd, Record("track", NOW, "key", b"{}")]
    assert not pieces([])


def test_nothing_is_made_of_nothing(acme: Line) -> None:
    acme.writer._taker.take(Arrivals(), None, NOW)
    assert acme.writer.step() == Taken()
    acme.send(group("bolt", 2))
    assert acme.writer.step() == Taken()
