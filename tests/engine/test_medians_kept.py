"""The medians of a day are made once, and anew as soon as anything before it is another."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.engine.facts import NOW, add, ago, store_of
from tocsin.engine import Book
from tocsin.facts import event_catalog
from tocsin.facts.arrived import Arrived
from tocsin.facts.duckdb import DuckStore
from tocsin.facts.live.shapes import Arrivals, Event
from tocsin.facts.live.taking import Taker

BEYOND = "count(events in last 7d) - market(count(events in last 7d))"
HOUR = timedelta(hours=1)


@pytest.fixture
def facts(tmp_path: Path) -> DuckStore:
    """Three accounts with one, three and five events of this week."""
    events = [
        {"id": f"{name}{number}", "account_id": name, "name": "x", "at": ago(2, seconds=number)}
        for name, many in (("a", 1), ("b", 3), ("c", 5))
        for number in range(many)
    ]
    return store_of(tmp_path, {"accounts": [{"id": each, "name": each} for each in "abc"], "events": events})


def beyond(book: Book, moment: datetime = NOW) -> list[float]:
    """By how many events each account is beyond the median."""
    found: list[float] = book.signals([BEYOND], [moment]).column("f0").to_pylist()
    return found


def come(store: DuckStore, name: str, at: datetime, number: int = 1) -> None:
    """Events of an account come in, as they do over HTTP."""
    events = [
        Event(f"{name}-{at}-{each}", name, None, None, "x", at, None, None, None, None, b"{}", at) for each in range(number)
    ]
    Taker(store, lambda _: Arrivals()).take(Arrivals(events=events), None, NOW)


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The statements that make medians, as they are asked."""
    found: list[str] = []
    made = Book._medians_of

    def counted(book: Book, *given: Any) -> Any:
        found.append("made")
        return made(book, *given)

    monkeypatch.setattr(Book, "_medians_of", counted)
    return found


def test_events_of_the_day_leave_the_medians_as_they_are(facts: DuckStore, asked: list[str]) -> None:
    book = Book(facts, {})
    assert beyond(book) == [-2, 0, 2]
    come(facts, "a", ago(hours=1))
    assert beyond(book) == [-1, 0, 2]
    assert beyond(book, NOW + HOUR) == [-1, 0, 2]
    assert len(asked) == 1
    assert beyond(book, NOW + timedelta(days=1)) == [-1, 0, 2]
    assert len(asked) == 2, "of another day they are others"


def test_an_event_of_before_the_day_makes_them_anew(facts: DuckStore, asked: list[str]) -> None:
    book = Book(facts, {})
    assert beyond(book) == [-2, 0, 2]
    come(facts, "a", ago(hours=1))
    come(facts, "b", ago(1), number=2)
    come(facts, "c", ago(hours=2))
    assert beyond(book) == [-3, 0, 1], "the median is that of 1, 5, 5 at the start of the day"
    assert len(asked) == 2
    assert beyond(book) == [-3, 0, 1]
    assert len(asked) == 2


def test_an_event_at_the_very_start_of_the_day_makes_them_anew(facts: DuckStore, asked: list[str]) -> None:
    book, midnight = Book(facts, {}), NOW.replace(hour=0)
    assert beyond(book) == [-2, 0, 2]
    come(facts, "c", midnight + timedelta(microseconds=1))
    assert beyond(book) == [-2, 0, 3]
    assert len(asked) == 1, "what started a moment later is not in them"
    come(facts, "b", midnight, number=2)
    assert beyond(book) == [-4, 0, 1], "the median is that of 1, 5, 5"
    assert len(asked) == 2


def test_anything_but_an_event_makes_them_anew(facts: DuckStore, asked: list[str], tmp_path: Path) -> None:
    book = Book(facts, {})
    assert beyond(book) == [-2, 0, 2]
    add(facts, tmp_path, {"account_history": [{"account_id": "a", "field": "status", "value": "churned", "at": ago(10)}]})
    assert beyond(book) == [-3, -1, 1], "the median of those who are active"
    assert len(asked) == 2
    event_catalog.mark(facts, "x", "login", "")
    beyond(book)
    assert len(asked) == 3


def test_the_earliest_start_since_a_generation() -> None:
    arrived = Arrived()
    assert arrived.since(0) is None

    def hour(number: int) -> datetime:
        return datetime(2026, 3, 1, number, tzinfo=UTC)

    for generation, start in ((1, 5), (2, 9), (3, 7), (5, 8), (6, 8)):
        arrived.note(generation, hour(start) + timedelta(minutes=30))
    since = {generation: arrived.since(generation) for generation in range(7)}
    since = {each: None if found is None else found - timedelta(minutes=15) for each, found in since.items()}
    expected = {0: 5, 1: 7, 2: 7, 3: 8, 4: 8, 5: 8}
    assert since == {**{generation: hour(number) for generation, number in expected.items()}, 6: None}
