"""What breaks on the way from the inbox into the facts, and what is left of it: nothing twice, nothing lost."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from tests.ingest.line import NOW, SCENE, Line, acme, group, line, track
from tocsin.core.errors import UserError
from tocsin.facts.duckdb import DuckStore
from tocsin.facts.live.shapes import Taken
from tocsin.facts.live.taking import position
from tocsin.ingest import recovery
from tocsin.ingest.limits import Limits
from tocsin.ingest.writer import Writer

__all__ = ["acme", "line"]

# Whatever breaks


def broken(line: Line, monkeypatch: pytest.MonkeyPatch, place: str) -> None:
    """The next taking breaks off there."""

    def crash(*_given: Any, **_named: Any) -> Any:
        raise RuntimeError("killed here")

    monkeypatch.setattr(place, crash)


@pytest.mark.parametrize(
    "place",
    [
        "tocsin.facts.live.taking.placing.claim",
        "tocsin.facts.live.taking.put_rows",
        "tocsin.facts.live.taking.put_events",
        "tocsin.facts.live.taking.refused.enter",
        "tocsin.facts.live.taking.history.settle",
        "tocsin.facts.live.taking.history.leave_out",
    ],
)
def test_what_breaks_off_stores_nothing_and_then_all_once(line: Line, monkeypatch: pytest.MonkeyPatch, place: str) -> None:
    line.put(*SCENE, {"type": "nonsense"})
    with monkeypatch.context() as patched:
        broken(line, patched, place)
        for _ in range(2):
            with pytest.raises(RuntimeError, match="killed here"):
                line.writer.step()
    assert (line.accounts(), line.people(), line.events(), line.rejected()) == ({}, {}, [], [])
    assert (position(line.store), line.writer.position, line.inbox.backlog) == (0, 0, line.inbox.end)
    assert line.writer.step().events == 8
    assert line.writer.step() == Taken()
    assert position(line.store) == line.writer.position == line.inbox.end
    assert len(line.events()) == 8
    assert line.rejected() == [("events", line.rejected()[0][1])]


def test_the_position_moves_with_the_rows(line: Line) -> None:
    line.put(group("acme", 1, "ann"))
    first = line.inbox.end
    line.put(track("m1", 2, userId="ann"))
    assert position(line.store) == 0
    line.writer.drain()
    assert first < position(line.store) == line.inbox.end


def test_a_record_that_cannot_be_read_is_passed_over(acme: Line, caplog: pytest.LogCaptureFixture) -> None:
    acme.inbox.append_now(b"\xff is no record at all")
    acme.put(track("m1", 2, userId="ann"))
    acme.writer.drain()
    assert [each[0] for each in acme.events()] == ["m1"]
    assert "passed over" in caplog.text


def test_what_a_server_left_is_taken_in_by_whoever_comes_next(tmp_path: Path) -> None:
    line = Line(tmp_path, tmp_path / "facts.duckdb")
    line.send(group("acme", 1, "ann"), track("m1", 2, userId="ann"))
    line.put(track("m1", 2, userId="ann"), track("m2", 3, userId="ann"))
    line.put(track("m3", 3, userId="ann"))
    line.close()
    last = max((tmp_path / "inbox").glob("*.log"))
    last.write_bytes(last.read_bytes() + b"half a rec")
    store = DuckStore(tmp_path / "facts.duckdb", ZoneInfo("UTC"))
    assert recovery.recover(store, tmp_path, Limits()) == 2
    assert recovery.recover(store, tmp_path, Limits()) == 0
    assert store.query("SELECT id FROM events ORDER BY id").column("id").to_pylist() == ["m1", "m2", "m3"]
    store.close()


def test_where_there_was_no_server_nothing_is_made(tmp_path: Path) -> None:
    store = DuckStore(":memory:", ZoneInfo("UTC"))
    assert recovery.recover(store, tmp_path, Limits()) == 0
    assert list(tmp_path.iterdir()) == []
    store.close()


def test_an_inbox_that_is_gone_goes_on_behind_what_is_stored(tmp_path: Path) -> None:
    line = Line(tmp_path, tmp_path / "facts.duckdb")
    line.send(group("acme", 1, "ann"))
    line.close()
    for each in (tmp_path / "inbox").glob("*"):
        each.unlink()
    line = Line(tmp_path, tmp_path / "facts.duckdb")
    assert line.inbox.end == position(line.store) > 0
    assert line.send(track("m1", 2, userId="ann")).events == 1
    line.close()


def test_damage_that_nothing_follows_ends_the_draining(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    line = Line(tmp_path)
    line.put(track("m1", 2, userId="ann"))
    path = next((tmp_path / "inbox").glob("*.log"))
    path.write_bytes(path.read_bytes()[:-1] + b"?")
    assert line.writer.drain() == 0
    line.close()


# The thread


def test_the_writer_works_by_itself_and_outlives_what_breaks(line: Line, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tocsin.ingest.writer.RETRY", 0.02)
    told: list[tuple[Taken, datetime]] = []
    writer = Writer(line.store, line.inbox, Limits(), stored=lambda taken, at: told.append((taken, at)), clock=lambda: NOW)
    failures: list[BaseException] = [UserError("the disk is full"), RuntimeError("something else")]
    real = writer._taker.take

    def take(*given: Any, **named: Any) -> Taken:
        if failures:
            raise failures.pop()
        return real(*given, **named)

    monkeypatch.setattr(writer._taker, "take", take)
    writer.start()
    line.put(group("acme", 1, "ann"), track("m1", 2, userId="ann"))
    assert writer.settle(20)
    assert writer.stop(20)
    assert failures == []
    assert sum(taken.events for taken, _ in told) == 1
    assert {at for _, at in told} == {NOW}
    assert [each[0] for each in line.events()] == ["m1"]
    assert "acme" in frozenset[str]().union(*(taken.accounts for taken, _ in told))
