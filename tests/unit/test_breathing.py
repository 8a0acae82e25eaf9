"""Ranks of urgency: who can wait stands back while more urgent work is under way, for a moment at a time."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator

import pytest

from tocsin.facts import breathing
from tocsin.facts.breathing import ALERTING, ANSWERING, STAND_BACK, STORING, SWEEPING, breathe, counted, holding, working


@pytest.fixture(autouse=True)
def eager(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody need have worked for long before standing back, and whoever stands back does so for long."""
    monkeypatch.setattr(breathing, "WORK", 0.0)
    monkeypatch.setattr(breathing, "STAND_BACK", dict.fromkeys(STAND_BACK, 5.0))


@pytest.fixture(autouse=True)
def nothing_left() -> Iterator[None]:
    """Whatever a test did, nothing is under way after it."""
    yield
    assert breathing._under_way == [0, 0, 0, 0]


def stands_back(mine: int, others: int) -> bool:
    """Whether work of a rank stands back while work of another is under way, and goes on when that has ended."""
    stood, gone_on = threading.Event(), threading.Event()

    def work() -> None:
        with working(mine):
            stood.set()
            breathe()
            gone_on.set()

    thread = threading.Thread(target=work)
    with counted(others):
        thread.start()
        assert stood.wait(5)
        waited = not gone_on.wait(0.15)
    thread.join(2)
    assert gone_on.is_set(), "it goes on at once when the other has ended, and not when its time is up"
    return waited


@pytest.mark.parametrize("mine", [STORING, ALERTING, SWEEPING])
@pytest.mark.parametrize("others", [ANSWERING, STORING, ALERTING, SWEEPING])
def test_only_for_what_is_more_urgent(mine: int, others: int) -> None:
    assert stands_back(mine, others) is (others < mine)


def test_who_answers_waits_for_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    began = time.monotonic()
    with counted(ANSWERING), counted(STORING), counted(ALERTING), counted(SWEEPING):
        breathe()
        with working(ANSWERING):
            breathe()
    assert time.monotonic() - began < 2


def test_not_for_longer_than_it_may(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(breathing, "STAND_BACK", {SWEEPING: 0.05})
    began = time.monotonic()
    with counted(ANSWERING), working(SWEEPING):
        breathe()
    assert 0.05 <= time.monotonic() - began < 2


def test_not_sooner_than_it_has_got_on(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(breathing, "WORK", 60.0)
    began = time.monotonic()
    with counted(ANSWERING), working(SWEEPING):
        for _ in range(100):
            breathe()
    assert time.monotonic() - began < 2


def test_work_inside_of_work_has_its_own_rank_and_then_the_one_before() -> None:
    with working(SWEEPING):
        assert breathing._under_way == [0, 0, 0, 1]
        with working(ALERTING):
            assert breathing._under_way == [0, 0, 1, 1]
        assert breathing._under_way == [0, 0, 0, 1]
        assert breathing._local.rank == SWEEPING
    assert breathing._local.rank == ANSWERING


def test_what_fails_is_no_longer_under_way() -> None:
    def fails() -> None:
        with working(ALERTING):
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fails()
    assert breathing._under_way == [0, 0, 0, 0]
    assert breathing._local.rank == ANSWERING


def test_who_holds_what_others_wait_for_stands_back_briefly(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(breathing, "BRIEFLY", 0.05)
    with counted(ANSWERING), working(SWEEPING):
        began = time.monotonic()
        with holding():
            breathe()
        assert 0.05 <= time.monotonic() - began < 2
        monkeypatch.setattr(breathing, "STAND_BACK", {SWEEPING: 0.3})
        began = time.monotonic()
        breathe()
        assert time.monotonic() - began >= 0.3, "and afterwards as long as ever"
