"""What is made beside a page: once, kept while it stands, never asked for in vain."""

from __future__ import annotations

import threading

import pytest

from tocsin.web import background
from tocsin.web.background import Background


def test_what_is_made_quickly_is_there_at_once_and_made_once() -> None:
    beside, made = Background(patience=30), []

    def make() -> int:
        made.append(1)
        return 7

    for _ in range(3):
        asked = beside.ask("k", "facts 1", make)
        assert (asked.value, asked.made, asked.failed) == (7, True, False)
    assert made == [1]


def test_who_does_not_wait_gets_it_later() -> None:
    beside, gate = Background(patience=30), threading.Event()
    first = beside.ask("k", 1, lambda: gate.wait(30), wait=False)
    assert (first.value, first.made, first.failed) == (None, False, False)
    assert not beside.finish(0)
    gate.set()
    assert beside.finish(30)
    assert beside.ask("k", 1, lambda: None, wait=False).value is True


def test_facts_that_keep_coming_in_do_not_keep_a_value_away() -> None:
    beside = Background(patience=30)
    assert beside.ask("k", "facts 1", lambda: "old").value == "old"
    assert beside.ask("k", "facts 2", lambda: "new").value == "old", "made within the last minute"
    strict = Background(patience=30, fresh=0)
    assert strict.ask("k", "facts 1", lambda: "old").value == "old"
    assert strict.ask("k", "facts 2", lambda: "new").value == "new"


def test_what_fails_says_so_and_can_be_tried_again(caplog: pytest.LogCaptureFixture) -> None:
    beside = Background(patience=0.05)

    def broken() -> int:
        raise OverflowError("too much")

    beside.ask("k", 1, broken)
    assert beside.finish(30)
    threading.Event().wait(0.1)
    asked = beside.ask("k", 1, lambda: 7, wait=False)
    assert beside.finish(30)
    assert not asked.failed
    assert beside.ask("k", 1, lambda: 8).value == 7
    assert "a part of a page could not be made" in caplog.text


def test_a_failure_is_told_to_who_waited() -> None:
    def broken() -> int:
        raise OverflowError("too much")

    asked = Background(patience=30).ask("k", 1, broken)
    assert (asked.value, asked.made, asked.failed) == (None, False, True)


def test_few_are_made_at_a_time() -> None:
    beside, gate, running = Background(patience=30), threading.Event(), threading.Semaphore(0)

    def make() -> bool:
        running.release()
        return gate.wait(30)

    for key in range(5):
        beside.ask(key, 1, make, wait=False)
    assert running.acquire(timeout=30)
    assert running.acquire(timeout=30)
    assert not running.acquire(timeout=0.2), "the others wait for their turn"
    gate.set()
    assert beside.finish(30)


def test_what_stands_is_given_at_once_and_made_anew_beside(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(background, "QUICK", 0.0)
    standing, made = background.Standing[str](), threading.Event()

    def renewed() -> str:
        made.set()
        return "new"

    assert standing.get("here", 1, lambda: "old") == "old"
    assert standing.get("here", 1, renewed) == "old"
    assert not made.is_set(), "it is of the present stamp"
    assert standing.get("here", 2, renewed) == "old"
    assert made.wait(30)
    for _ in range(300):
        if standing.get("here", 2, lambda: "newer") == "new":
            break
        threading.Event().wait(0.1)
    assert standing.get("here", 2, lambda: "newer") == "new"
    assert standing.get("elsewhere", 2, lambda: "of others") == "of others"
    standing.drop()
    assert standing.get("elsewhere", 2, lambda: "after") == "after"


def test_what_is_quick_or_too_old_is_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    standing = background.Standing[int]()
    monkeypatch.setattr(background, "QUICK", 600.0)
    assert [standing.get("k", stamp, lambda stamp=stamp: stamp) for stamp in (1, 2)] == [1, 2]  # type: ignore[misc]
    monkeypatch.setattr(background, "QUICK", 0.0)
    monkeypatch.setattr(background, "STALE", 0.0)
    assert standing.get("k", 3, lambda: 3) == 3


def test_a_value_that_cannot_be_made_anew_stands(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    monkeypatch.setattr(background, "QUICK", 0.0)
    standing, tried = background.Standing[int](), threading.Event()

    def broken() -> int:
        tried.set()
        raise OverflowError("too much")

    assert standing.get("k", 1, lambda: 1) == 1
    assert standing.get("k", 2, broken) == 1
    assert tried.wait(30)
    for _ in range(300):
        if "could not be made anew" in caplog.text:
            break
        threading.Event().wait(0.1)
    assert standing.get("k", 2, lambda: 2) == 1
    assert "could not be made anew" in caplog.text
