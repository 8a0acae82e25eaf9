"""For how long what is known of accounts stands while only time passes."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from tests.facts.conftest import LATER, Desk
from tocsin.engine import Book
from tocsin.facts.lasting import unchanged_until

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
MIDNIGHT = datetime(2026, 3, 2, tzinfo=UTC)
EVENING = datetime(2026, 3, 1, 18, 30, tzinfo=UTC)


def test_until_the_next_day_where_nothing_lies_ahead(berlin: Desk) -> None:
    assert unchanged_until(berlin.store, NOON) == datetime(2026, 3, 1, 23, tzinfo=UTC), "that of the workspace's zone"
    assert unchanged_until(berlin.store, datetime(2026, 3, 1, 23, tzinfo=UTC)) == datetime(2026, 3, 2, 23, tzinfo=UTC)
    berlin.give("accounts.csv", "id,name,created_at,churned_at\na1,Acme,2026-01-01,2026-02-01T10:00:00Z\n")
    assert unchanged_until(berlin.store, NOON) == datetime(2026, 3, 1, 23, tzinfo=UTC), "what is over changes nothing any more"


@pytest.mark.parametrize("column", ["churned_at", "cancel_requested_at", "created_at", "stage_entered_at"])
def test_until_a_time_that_an_account_names(desk: Desk, column: str) -> None:
    columns, begun = ("id,name", "") if column == "created_at" else ("id,name,created_at", "2026-01-01,")
    rows = f"{columns},{column}\na1,Acme,{begun}2026-03-01T18:30:00Z\n"
    desk.give("accounts.csv", rows, now=LATER)
    assert unchanged_until(desk.store, NOON) == EVENING
    assert unchanged_until(desk.store, EVENING) == MIDNIGHT, "an instant that has come is not ahead"


def test_until_the_next_entry_of_a_history(acme: Desk) -> None:
    acme.give(
        "account_history.csv",
        "account_id,field,value,at\na1,plan,Gold,2026-03-01T18:30:00Z\na2,plan,Tin,2026-03-01T19:00:00Z\na1,owner,x@example.com,2026-02-01\n",
        now=LATER,
    )
    book, until = Book(acme.store, {}), unchanged_until(acme.store, NOON)
    assert until == EVENING

    def plans(moment: datetime) -> list[str | None]:
        return list(book.signals(["plan"], [moment]).column("f0").to_pylist())

    assert plans(NOON) == plans(datetime(2026, 3, 1, 18, 29, 59, 999999, tzinfo=UTC)) != plans(until)
