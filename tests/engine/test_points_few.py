"""As of a few points, what is looked back to sees nothing of what happened after it."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from tests.engine.facts import NOW, ago, store_of
from tocsin.catalog import catalog
from tocsin.engine import Book
from tocsin.engine.sql.sources import EveryMoment


@pytest.mark.parametrize(
    "formula", ["ago(count(events), 3d)", "ago(count(events in last 2d), 3d)", "ago(distinct(events.name in last 2d), 3d)"]
)
def test_looking_back_alone_sees_nothing_later(tmp_path: Path, formula: str) -> None:
    events = [{"id": str(n), "account_id": "a", "name": f"n{n}", "at": ago(hours=n * 7)} for n in range(60)]
    accounts = [{"id": "a", "name": "Acme", "created_at": ago(300)}]
    book = Book(store_of(tmp_path, {"accounts": accounts, "events": events}), catalog().signals)
    moments = [NOW - timedelta(hours=17 * n) for n in (3, 2, 1, 0)]
    points = book.points([book.term(formula)], EveryMoment("account", moments)).column("f0").to_pylist()
    assert points == book.signals([formula], moments).column("f0").to_pylist()
    assert all(points)


@pytest.mark.parametrize("windows", [2, 12])  # with twelve there are more borders than a whole number has bits
def test_different_values_in_windows_that_overlap(tmp_path: Path, windows: int) -> None:
    events = [{"id": str(n), "account_id": "a", "name": f"n{n % 7}", "at": ago(hours=n * 5)} for n in range(90)]
    accounts = [{"id": "a", "name": "Acme", "created_at": ago(300)}]
    book = Book(store_of(tmp_path, {"accounts": accounts, "events": events}), catalog().signals)
    moments = [NOW - timedelta(hours=17 * n) for n in (5, 4, 3, 2, 1, 0)]
    formulas = [f"distinct(events.name where name != 'n3' in last {1 + n}d)" for n in range(windows)]
    points = book.points([book.term(each) for each in formulas], EveryMoment("account", moments))
    asked = book.signals(formulas, moments)
    for place in range(windows):
        assert points.column(f"f{place}").to_pylist() == asked.column(f"f{place}").to_pylist()
    assert points.column("f0").to_pylist() != points.column("f1").to_pylist()
