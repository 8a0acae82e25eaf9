"""Subscriptions that are changed in place: the account keeps what they gave before, and has the new from the change on."""

from __future__ import annotations

from datetime import UTC, datetime
from itertools import permutations
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from tests.facts.conftest import LATER, NOW, Desk
from tocsin.facts.duckdb import DuckStore
from tocsin.facts.scores import Kept

HEAD = "id,account_id,plan,seats,mrr,currency,starts_on,ended_on,renews_on\n"
FIRST = HEAD + "s1,a1,team,5,100,EUR,2026-01-10,,2026-06-01\n"
CHANGED = HEAD + "s1,a1,pro,7,150,EUR,2026-01-10,,2027-06-01\n"
MAY = datetime(2026, 5, 1, 12, tzinfo=UTC)
START, CHANGE = "2026-01-10 00:00", "2026-04-01 12:00"


def test_a_change_in_place_leaves_the_past_as_it_was(acme: Desk) -> None:
    acme.give("subscriptions.csv", FIRST)
    acme.give("subscriptions.csv", CHANGED, now=LATER)
    assert acme.timeline("a1", "plan") == [(START, "team"), (CHANGE, "pro")]
    assert acme.timeline("a1", "seats") == [(START, "5"), (CHANGE, "7")]
    assert acme.timeline("a1", "mrr") == [(START, "100"), (CHANGE, "150")]
    assert acme.timeline("a1", "renews_on") == [(START, "2026-06-01"), (CHANGE, "2027-06-01")]
    acme.give("subscriptions.csv", FIRST.replace("100", ""), now=MAY)
    assert acme.timeline("a1", "mrr") == [(START, "100"), (CHANGE, "150"), ("2026-05-01 12:00", "")]
    assert acme.timeline("a1", "plan")[-1] == ("2026-05-01 12:00", "team")


def test_what_did_not_change_is_not_told_again(acme: Desk) -> None:
    acme.give("subscriptions.csv", FIRST)
    acme.give("subscriptions.csv", FIRST.replace("100", "150"), now=LATER)
    assert acme.timeline("a1", "mrr") == [(START, "100"), (CHANGE, "150")]
    for field in ("plan", "seats", "renews_on"):
        assert len(acme.timeline("a1", field)) == 1


def test_the_same_file_again_changes_nothing(acme: Desk) -> None:
    acme.give("subscriptions.csv", FIRST)
    acme.give("subscriptions.csv", FIRST, now=LATER)
    assert acme.rows("SELECT * FROM subscription_terms") == []
    acme.give("subscriptions.csv", CHANGED, now=LATER)
    kept = acme.rows("SELECT * FROM subscription_terms ORDER BY ALL")
    acme.give("subscriptions.csv", CHANGED, now=MAY)
    assert acme.rows("SELECT * FROM subscription_terms ORDER BY ALL") == kept
    assert len(acme.timeline("a1", "mrr")) == 2


def test_numbers_are_compared_as_what_they_are(acme: Desk) -> None:
    acme.give("subscriptions.csv", FIRST)
    acme.give("subscriptions.csv", FIRST.replace("100", "100.0"), now=LATER)
    assert acme.timeline("a1", "mrr") == [(START, "100")]


def test_two_imports_at_one_instant_end_with_the_last(acme: Desk) -> None:
    acme.give("subscriptions.csv", FIRST)
    for money in ("90", "1000", "200"):
        acme.give("subscriptions.csv", FIRST.replace("100", money), now=LATER)
    assert acme.timeline("a1", "mrr") == [(START, "100"), (CHANGE, "200")]


def test_the_sums_are_of_what_was_in_force_then(acme: Desk) -> None:
    other = "s2,a1,extra,1,30,EUR,2026-02-01,,2026-05-01\n"
    acme.give("subscriptions.csv", FIRST + other)
    acme.give("subscriptions.csv", CHANGED + other, now=LATER)
    acme.give("subscriptions.csv", HEAD + other.replace("30", "200"), now=MAY)
    assert [value for _, value in acme.timeline("a1", "mrr")] == ["100", "130", "180", "350"]
    assert [value for _, value in acme.timeline("a1", "plan")] == ["team", "team", "pro", "extra"]
    assert [value for _, value in acme.timeline("a1", "renews_on")] == ["2026-06-01", "2026-05-01"], "the nearest stays"


def test_a_change_before_the_start_or_after_the_end_is_none_of_the_account(acme: Desk) -> None:
    ahead = "s2,a2,team,5,100,EUR,2026-04-20,,\n"
    acme.give("subscriptions.csv", HEAD + "s1,a1,team,5,100,EUR,2026-01-10,2026-02-10,\n" + ahead)
    acme.give(
        "subscriptions.csv", HEAD + "s1,a1,team,5,300,EUR,2026-01-10,2026-02-10,\n" + ahead.replace("100", "80"), now=LATER
    )
    assert acme.timeline("a1", "mrr") == [(START, "100"), ("2026-02-10 00:00", "")]
    assert acme.timeline("a2", "mrr") == [("2026-04-20 00:00", "80")]


def test_a_column_that_no_subscription_had_is_no_change(acme: Desk) -> None:
    acme.give("subscriptions.csv", "id,account_id,starts_on,seats\ns1,a1,2026-01-10,5\ns2,a2,2026-01-10,\n")
    acme.give(
        "subscriptions.csv", "id,account_id,starts_on,seats,mrr\ns1,a1,2026-01-10,5,100\ns2,a2,2026-01-10,3,\n", now=LATER
    )
    assert acme.timeline("a1", "mrr") == [(START, "100")]
    assert acme.timeline("a2", "seats") == [(START, ""), (CHANGE, "3")]


def test_updated_at_dates_the_change(acme: Desk) -> None:
    head = "id,account_id,starts_on,mrr,updated_at\n"
    acme.give("subscriptions.csv", head + "s1,a1,2026-01-10,100,2026-01-10\n")
    report = acme.give("subscriptions.csv", head + "s1,a1,2026-01-10,150,2026-02-05T10:00:00Z\n", now=LATER)
    acme.give("subscriptions.csv", head + "s1,a1,2026-01-10,170,soon\n", now=MAY)
    assert acme.timeline("a1", "mrr") == [(START, "100"), ("2026-02-05 10:00", "150"), ("2026-05-01 12:00", "170")]
    assert report.collections[0].notes == ()


def test_dated_changes_are_the_same_in_any_order(acme: Desk) -> None:
    head = "id,account_id,starts_on,mrr,updated_at\n"
    changes = ("150,2026-02-05", "70,2026-02-07", "200,2026-02-09")
    for number, order in enumerate(permutations(changes)):
        acme.give("subscriptions.csv", head + f"s{number},a1,2026-01-{10 + number},100,\n")
        for change in order:
            acme.give("subscriptions.csv", head + f"s{number},a1,2026-01-{10 + number},{change}\n", now=LATER)
    kept = acme.rows('SELECT id, list((value, "at") ORDER BY "at") AS said FROM subscription_terms GROUP BY id ORDER BY id')
    assert len(kept) == 6
    assert all(said == kept[0][1] for _, said in kept)
    assert [value for _, value in acme.timeline("a1", "mrr")][-3:] == ["900", "420", "1200"]


def test_money_is_converted_with_the_currency_and_at_the_rate_of_then(acme: Desk) -> None:
    acme.give("rates.csv", "currency,on,rate\nUSD,2026-01-01,0.5\nUSD,2026-03-15,2\nEUR,2026-01-01,1\n")
    acme.give("subscriptions.csv", FIRST.replace("EUR", "USD"))
    acme.give("subscriptions.csv", FIRST.replace("EUR", "USD").replace("100", "110"), now=LATER)
    acme.give("subscriptions.csv", FIRST, now=MAY)
    assert acme.timeline("a1", "mrr") == [(START, "50"), (CHANGE, "220"), ("2026-05-01 12:00", "100")]


def test_a_change_is_an_instant_and_a_start_a_day_of_the_zone(berlin: Desk) -> None:
    berlin.give("accounts.csv", "id,name\na1,Acme\n")
    berlin.give("subscriptions.csv", FIRST)
    berlin.give("subscriptions.csv", FIRST.replace("100", "150"), now=datetime(2026, 1, 9, 23, 30, tzinfo=UTC))
    assert berlin.timeline("a1", "mrr") == [("2026-01-09 23:00", "100"), ("2026-01-09 23:30", "150")]


def test_the_whole_truth_closes_and_a_subscription_returns_changed(acme: Desk) -> None:
    other = "s2,a2,team,5,100,EUR,2026-01-10,,\n"
    head = HEAD.replace("ended_on,", "")
    first, changed = FIRST.replace(HEAD, head).replace(",,", ","), CHANGED.replace(HEAD, head).replace(",,", ",")
    other = other.replace(",,", ",")
    acme.give("subscriptions.csv", first + other, full=True)
    acme.give("subscriptions.csv", head + other, full=True, now=LATER)
    assert acme.timeline("a1", "mrr") == [(START, "100"), ("2026-04-01 00:00", "")]
    acme.give("subscriptions.csv", changed + other, full=True, now=MAY)
    assert acme.timeline("a1", "mrr") == [(START, "100"), ("2026-05-01 12:00", "150")]


def test_a_dry_run_keeps_nothing(acme: Desk) -> None:
    acme.give("subscriptions.csv", FIRST)
    acme.give("subscriptions.csv", CHANGED, now=LATER, dry_run=True)
    assert acme.rows("SELECT * FROM subscription_terms") == []
    assert acme.timeline("a1", "mrr") == [(START, "100")]


def test_a_subscription_that_moves_takes_its_past_along(acme: Desk) -> None:
    acme.give("subscriptions.csv", FIRST)
    acme.give("subscriptions.csv", CHANGED, now=LATER)
    acme.give("subscriptions.csv", CHANGED.replace("a1", "a2"), now=MAY)
    assert acme.timeline("a1", "mrr") == []
    assert acme.timeline("a2", "mrr") == [(START, "100"), (CHANGE, "150")]


def test_the_scores_of_then_are_made_anew(acme: Desk) -> None:
    """The row itself reads otherwise from its start on: formulas may ask it as well as the account."""
    acme.give("subscriptions.csv", FIRST)
    acme.store.scores.settle(Kept("model"), (), None, 0)
    acme.give("subscriptions.csv", CHANGED, now=LATER)
    assert [(each.account_id, f"{each.since:%Y-%m-%d %H:%M}") for each in acme.store.scores.notes()[1]] == [("a1", START)]


@pytest.mark.parametrize("zone", ["UTC", "Europe/Berlin"])
def test_a_store_made_before_changes_were_kept(tmp_path: Path, zone: str) -> None:
    first = Desk(DuckStore(tmp_path / "facts.duckdb", ZoneInfo(zone)), tmp_path)
    first.give("accounts.csv", "id,name\na1,Acme\n")
    first.give("subscriptions.csv", FIRST, now=NOW)
    with first.store.write() as cursor:
        cursor.execute("DROP TABLE subscription_terms")
    first.store.close()
    second = Desk(DuckStore(tmp_path / "facts.duckdb", ZoneInfo(zone)), tmp_path)
    second.give("subscriptions.csv", CHANGED, now=LATER)
    assert [value for _, value in second.timeline("a1", "mrr")] == ["100", "150"]
    second.store.close()
