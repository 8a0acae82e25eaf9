"""What the shipped rules say of subscriptions that were changed in place; cases are imported once, and cannot show it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from tocsin.catalog import catalog
from tocsin.engine import Book
from tocsin.facts.duckdb import DuckStore
from tocsin.facts.importing import import_paths

RULES = ("contract-renewed", "expansion-won", "plan-downgraded", "mrr-dip")
HEAD = "id,account_id,plan,seats,mrr,starts_on,renews_on,ended_on,term_months\n"
YEARLY = "s1,a1,Team,10,100,2025-03-25,2026-03-25,,12\n"
MONTHLY = "s2,a1,Extra,,10,2025-11-01,2026-04-01,,1\n"
BEFORE, CHANGE = datetime(2026, 1, 1, tzinfo=UTC), datetime(2026, 3, 28, 22, 30, tzinfo=UTC)
Said = Callable[..., list[set[str]]]


@pytest.fixture(params=["UTC", "Europe/Berlin", "America/New_York"])
def said(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Said]:
    """Import rows before and at the change; gives which of the rules fire the moment before, then, and two weeks later."""
    store = DuckStore(":memory:", ZoneInfo(request.param))

    def give(name: str, text: str, now: datetime) -> None:
        path = tmp_path / name
        path.write_text(text)
        import_paths(store, [path], now=now)

    def asked(before: str, after: str) -> list[set[str]]:
        give("accounts.csv", "id,name,created_at\na1,Acme,2025-01-01\n", BEFORE)
        give("subscriptions.csv", HEAD + before, BEFORE)
        give("subscriptions.csv", HEAD + after, CHANGE)
        shipped = catalog()
        book = Book(store, shipped.signals, shipped.segments)
        rules = [rule for rule in shipped.rules if rule.id in RULES]
        moments = (CHANGE - timedelta(seconds=1), CHANGE, CHANGE + timedelta(days=13), CHANGE + timedelta(days=31))
        return [{match.rule.id for match in book.judge(rules, moment).matches} for moment in moments]

    yield asked
    store.close()


def test_a_renewal_and_more_revenue(said: Said) -> None:
    told = said(YEARLY, YEARLY.replace("100", "150").replace("2026-03-25", "2027-03-25"))
    assert told == [set(), {"contract-renewed", "expansion-won"}, {"contract-renewed", "expansion-won"}, set()]


def test_a_step_down(said: Said) -> None:
    told = said(YEARLY, YEARLY.replace("Team", "Starter").replace("100", "80"))
    assert told == [set(), {"plan-downgraded", "mrr-dip"}, {"plan-downgraded", "mrr-dip"}, set()]


def test_fewer_seats(said: Said) -> None:
    assert said(YEARLY, YEARLY.replace(",10,", ",8,")) == [set(), {"plan-downgraded"}, {"plan-downgraded"}, set()]


def test_a_correction_of_the_date_is_no_renewal(said: Said) -> None:
    assert said(YEARLY, YEARLY.replace("2026-03-25", "2026-05-25")) == [set()] * 4


def test_one_of_two_ends_in_a_night_in_which_clocks_are_changed(said: Said) -> None:
    """The nearest date is a later one from then on, and nobody has renewed anything."""
    going = "s3,a1,Team,5,1000,2025-12-01,2026-12-01,,12\n"
    ended = YEARLY.replace("2026-03-25,,", "2026-03-25,2026-03-28,")
    assert [each & {"contract-renewed"} for each in said(going + YEARLY, going + ended)] == [set()] * 4


def test_what_renews_while_another_has_ended_some_days_before(said: Said) -> None:
    """The monthly one was dropped, which is another matter."""
    ended = MONTHLY.replace("2026-04-01,,", "2026-04-01,2026-03-20,")
    told = said(YEARLY + ended, YEARLY.replace("2026-03-25", "2027-03-25") + ended)
    assert [each & {"contract-renewed"} for each in told] == [set(), {"contract-renewed"}, {"contract-renewed"}, set()]
