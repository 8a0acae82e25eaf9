"""What the shipped health indicators say of bills that are late."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.engine.facts import NOW, Rows, day, store_of, values
from tocsin.catalog import catalog
from tocsin.engine import Book


@pytest.fixture(scope="module")
def book(tmp_path_factory: pytest.TempPathFactory) -> Book:
    folder: Path = tmp_path_factory.mktemp("late")
    late = (0, 10, 11, 35, 60, 200)
    rows: Rows = {
        "accounts": [{"id": name, "name": name} for name in (*(f"late-{each}" for each in late), "none", "paid")],
        "invoices": [
            *(
                {"id": f"i{n}", "account_id": f"late-{n}", "amount": 9, "issued_on": day(n + 30), "due_on": day(n)}
                for n in late
            ),
            {"id": "p", "account_id": "paid", "amount": 9, "issued_on": day(99), "due_on": day(69), "paid_on": day(1)},
        ],
    }
    given = catalog()
    return Book(store_of(folder, rows), given.signals, given.segments)


def test_a_late_bill_weighs_more_the_longer_it_is_late(book: Book) -> None:
    found = values(book, "support_and_billing", NOW)
    assert found.pop("none") is None
    assert found == pytest.approx(
        {"late-0": 100, "late-10": 100, "late-11": 58.8, "late-35": 30, "late-60": 0, "late-200": 0, "paid": 100}
    )
