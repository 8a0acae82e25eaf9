"""As of a few points, what is looked back to sees nothing of what happened after it."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

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


OF_ROWS = [
    "count(people where open)",
    "count(people where role = 'champion')",
    "count(tickets where open and age > 2)",
    "max(invoices.days_past_due)",
    "avg(touchpoints.sentiment in last 10d)",
    "count(tickets where kind = plan)",  # looks at the account
    "count(tickets in 5d after created_at)",
]


@pytest.mark.parametrize("days", [(9, 0), (9, 6, 3, 0)])
def test_rows_as_of_few_moments_are_those_of_each(tmp_path: Path, days: tuple[int, ...]) -> None:
    accounts: list[dict[str, Any]] = [
        {"id": "a", "name": "Acme", "created_at": ago(12), "plan": "support"},
        {"id": "b", "name": "Bolt", "created_at": ago(5), "plan": "team"},
        {"id": "c", "name": "Core"},
    ]
    people = [
        {"id": f"{account}{n}", "account_id": account, "created_at": ago(n), "deleted_at": ago(n - 4) if n > 5 else None}
        for account in "ab"
        for n in range(0, 12, 2)
    ]
    history = [{"person_id": "a6", "field": "role", "value": "champion", "at": ago(7)}]
    tickets = [
        {
            "id": f"{account}{n}",
            "account_id": account,
            "kind": "support",
            "opened_at": ago(n),
            "resolved_at": ago(n - 5) if n > 5 else None,
        }
        for account in "ac"
        for n in range(1, 12, 2)
    ]
    invoices = [
        {"id": str(n), "account_id": "a", "amount": 10, "issued_on": ago(n).date(), "due_on": ago(n - 1).date()}
        for n in (2, 8, 20)
    ]
    touches = [{"id": str(n), "account_id": "b", "kind": "call", "at": ago(n), "sentiment": n / 10} for n in range(9)]
    rows: dict[str, list[dict[str, Any]]] = {
        "accounts": accounts, "people": people, "people_history": history, "tickets": tickets, "invoices": invoices,
        "touchpoints": touches,
    }  # fmt: skip
    book = Book(store_of(tmp_path, rows), {})
    moments = [ago(each) for each in days]
    terms = [book.term(each) for each in OF_ROWS]
    points, asked = book.points(terms, EveryMoment("account", moments)), book.signals(OF_ROWS, moments)
    found = {name: points.column(name).to_pylist() for name in asked.column_names}
    assert found == {name: asked.column(name).to_pylist() for name in asked.column_names}
    same = [formula for place, formula in enumerate(OF_ROWS) if len(set(found[f"f{place}"])) < 2]
    assert not same, "each says something"
