"""What files gave stays the past of an attribute, however what is told live is cut into batches."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from tests.ingest.line import Line, Message, give, group, identify, line
from tocsin.engine import Book

__all__ = ["line"]

ACCOUNTS = "id,name,created_at,mrr,plan,region_code\nacme,Acme,2025-01-01,1000,pro,7\n"
PEOPLE = "id,account_id,created_at,role\nann,acme,2025-02-01,champion\n"
TOLD = [
    group("acme", 5, mrr=850, plan="pro"),
    group("acme", 10, mrr=1000, region_code=8),
    group("acme", 15, mrr=800),
    identify("ann", 5, role="champion"),
    identify("ann", 10, role="user"),
    identify("ann", 15, role="admin"),
]


def imported(line: Line) -> Line:
    give(line, "accounts.csv", ACCOUNTS)
    give(line, "people.csv", PEOPLE)
    return line


def past(line: Line) -> dict[str, list[tuple[str, Any]]]:
    """Attribute -> (when, value) of its history."""
    rows = line.rows(
        "SELECT field, strftime(\"at\", '%Y-%m-%d') AS day, value FROM account_history UNION ALL "
        "SELECT field, strftime(\"at\", '%Y-%m-%d'), value FROM people_history ORDER BY 1, 2, 3"
    )
    return {field: [each[1:] for each in own] for field, own in itertools.groupby(rows, key=lambda row: row[0])}


WHOLE = {
    "mrr": [("2025-01-01", "1000"), ("2026-03-05", "850"), ("2026-03-10", "1000"), ("2026-03-15", "800")],
    "region_code": [("2025-01-01", "7"), ("2026-03-10", "8")],
    "role": [("2025-02-01", "champion"), ("2026-03-10", "user"), ("2026-03-15", "admin")],
}


def cut(messages: Sequence[Message], size: int) -> list[Sequence[Message]]:
    return [messages[first : first + size] for first in range(0, len(messages), size)]


@pytest.mark.parametrize("size", [1, 2, 3, 6])
def test_one_batch_is_as_many(line: Line, size: int) -> None:
    imported(line)
    for batch in cut(TOLD, size):
        line.send(*batch)
    assert past(line) == WHOLE


@pytest.mark.parametrize("size", [1, 2, 6])
def test_in_any_order(line: Line, size: int) -> None:
    imported(line)
    for batch in cut(TOLD[::-1], size):
        line.send(*batch)
    assert past(line) == WHOLE


def test_two_requests_within_one_stretch(line: Line) -> None:
    imported(line)
    line.put(group("acme", 5, mrr=850))
    line.put(group("acme", 10, mrr=1000))
    line.writer.step()
    assert past(line)["mrr"] == WHOLE["mrr"][:3]


def test_as_of_an_earlier_moment_the_files_word_stands(line: Line) -> None:
    line = imported(line)
    line.send(*TOLD)
    book = Book(line.store, {})
    for day, mrr, role in (
        ("2026-03-01", 1000.0, "champion"),
        ("2026-03-06", 850.0, "champion"),
        ("2026-03-11", 1000.0, "user"),
    ):
        moment = datetime.fromisoformat(day).replace(tzinfo=UTC)
        assert book.signals(["mrr"], [moment]).column("f0").to_pylist() == [mrr]
        assert book.signals(["role"], [moment], "person").column("f0").to_pylist() == [role]


def test_what_repeats_the_file_is_no_change(line: Line) -> None:
    imported(line)
    line.send(group("acme", 5, mrr=1000, plan="pro"), identify("ann", 5, role="champion"))
    line.send(group("acme", 6, mrr=1000.0))
    assert past(line) == {}


def test_a_history_from_a_file_is_taken_as_it_is(line: Line) -> None:
    imported(line)
    give(line, "account_history.csv", "account_id,field,value,at\nacme,mrr,1200,2025-06-01\n")
    line.send(group("acme", 5, mrr=850), group("acme", 10, mrr=1000))
    assert past(line)["mrr"] == [("2025-06-01", "1200"), ("2026-03-05", "850"), ("2026-03-10", "1000")]


def test_what_is_told_of_a_moment_before_the_beginning_is_the_past(line: Line) -> None:
    give(line, "accounts.csv", "id,name,created_at,mrr\nacme,Acme,2026-03-12,1000\n")
    line.send(group("acme", 5, mrr=850), group("acme", 15, mrr=900))
    assert past(line)["mrr"] == [("2026-03-05", "850"), ("2026-03-15", "900")]


def test_an_account_made_live_begins_with_what_was_told_of_it(line: Line, tmp_path: Path) -> None:
    line.send(group("acme", 5, mrr=850, name="Acme"), group("acme", 10, mrr=1000))
    other = Line(tmp_path / "other")
    other.send(group("acme", 5, mrr=850, name="Acme"))
    other.send(group("acme", 10, mrr=1000))
    assert past(line) == past(other) == {"mrr": [("2026-03-05", "850"), ("2026-03-10", "1000")]}
    other.close()
