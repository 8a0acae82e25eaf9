"""The figures are those of a plausible book, and what the rules look for is there now and in the past."""

from __future__ import annotations

from datetime import timedelta

import pytest

from tests.demo.conftest import ACCOUNTS, UNTIL, Written
from tocsin.facts.demo.names import account_name, colleague
from tocsin.facts.demo.window import Window

NOW = f"TIMESTAMPTZ '{UNTIL.isoformat()}'"
TODAY = f"DATE '{UNTIL.date()}'"


def test_names_are_all_different() -> None:
    assert len({account_name(index, 7)[0] for index in range(100_000)}) == 100_000
    assert len({colleague(place) for place in range(1500)}) == 1500


def test_events_are_many_enough_and_not_too_many(book: Written) -> None:
    assert 800 < book.summary.events / ACCOUNTS < 1600
    assert book.one("SELECT count(DISTINCT date_trunc('month', moment)) FROM events") >= 18


def test_work_is_done_on_workdays(book: Written) -> None:
    weekend = book.one("SELECT avg(CAST(isodow(moment) >= 6 AS INTEGER)) FROM events")
    assert 0.01 < weekend < 0.1
    assert book.one("SELECT count(*) FROM events WHERE CAST(moment AS DATE) = DATE '2025-12-25'") < 0.6 * book.one(
        "SELECT count(*) FROM events WHERE CAST(moment AS DATE) = DATE '2025-12-11'"
    )


def test_kinds_of_events(book: Written) -> None:
    kinds = dict(book.rows("SELECT kind, count(*) FROM events GROUP BY kind"))
    assert set(kinds) == {"login", "feature", "page", "click", "error", "other"}
    assert book.one("SELECT count(*) FROM events WHERE (kind = 'feature') <> (feature IS NOT NULL)") == 0
    assert book.one("SELECT count(*) FROM events WHERE minutes IS NOT NULL AND minutes <= 0") == 0
    assert book.one("SELECT count(*) FROM events WHERE properties IS NOT NULL AND NOT json_valid(properties)") == 0


def test_churn_is_some_but_not_much(book: Written) -> None:
    rate = book.summary.churned / ACCOUNTS
    assert 0.05 < rate < 0.22
    assert book.one("SELECT count(*) FROM accounts WHERE (churned_at IS NULL) <> (churn_reason IS NULL)") == 0
    assert book.one("SELECT count(*) FROM accounts WHERE (status = 'churned') <> (churned_at IS NOT NULL)") == 0


def test_churners_use_the_product_less_before_they_leave(book: Written) -> None:
    use = """SELECT median(last) FROM (SELECT a.id, count(e.id) / a.seats AS last FROM accounts a
        LEFT JOIN events e ON e.account_id = a.id AND e.moment > coalesce(a.churned_at, {now}) - INTERVAL 30 DAY
        WHERE a.churned_at IS {which} AND trial_ends_on IS NULL GROUP BY a.id, a.seats)"""
    left = book.one(use.format(now=NOW, which="NOT NULL"))
    stayed = book.one(use.format(now=NOW, which="NULL"))
    assert left < 0.7 * stayed


def test_money_adds_up(book: Written) -> None:
    assert book.one("SELECT count(*) FROM subscriptions WHERE mrr <= 0 OR seats <= 0 OR ended_on < starts_on") == 0
    double = """SELECT count(*) FROM subscriptions a JOIN subscriptions b ON a.account_id = b.account_id AND a.id <> b.id
        AND a.starts_on <= b.starts_on AND b.starts_on < coalesce(a.ended_on, DATE '9999-01-01')"""
    assert book.one(double) == 0
    assert book.one("SELECT count(*) FROM accounts WHERE currency NOT IN (SELECT currency FROM rates)") == 0
    assert book.one(f'SELECT count(DISTINCT currency) FROM rates WHERE "on" <= {TODAY}') == 3


def test_seats_in_use_are_the_people_there(book: Written) -> None:
    differing = """SELECT count(*) FROM accounts a WHERE a.churned_at IS NULL AND a.seats_used <>
        (SELECT count(*) FROM people p WHERE p.account_id = a.id AND NOT p.internal AND p.deleted_at IS NULL)"""
    assert book.one(differing) == 0
    assert book.one("SELECT count(*) FROM accounts WHERE seats_used > seats") <= ACCOUNTS * 0.05


def test_history_ends_with_what_the_account_says(book: Written) -> None:
    for field in ("lifecycle_stage", "status", "risk", "owner"):
        differing = f"""SELECT count(*) FROM accounts a JOIN (
            SELECT account_id, max_by(value, moment) AS value FROM account_history
            WHERE field = '{field}' GROUP BY account_id) h ON h.account_id = a.id
            WHERE coalesce(h.value, '') <> coalesce(CAST(a.{field} AS VARCHAR), '')"""
        assert book.one(differing) == 0, field


def test_some_are_trained_on_features_of_the_product(book: Written) -> None:
    share = book.one("SELECT avg(CAST(trained_on IS NOT NULL AS INTEGER)) FROM people")
    assert 0.05 < share < 0.3
    stray = """SELECT count(*) FROM (SELECT unnest(trained_on) AS f FROM people)
        WHERE f NOT IN (SELECT feature FROM events WHERE feature IS NOT NULL)"""
    assert book.one(stray) == 0


def test_owners_are_our_csms(book: Written) -> None:
    assert book.one("SELECT count(*) FROM accounts WHERE owner NOT IN (SELECT email FROM csms)") == 0
    assert book.one("SELECT count(*) FROM csms WHERE email NOT LIKE '%@example.com'") == 0
    assert 8 <= book.one("SELECT count(*) FROM csms WHERE role = 'csm' AND active") <= 12
    assert book.one("SELECT count(*) FROM teams") == 3


SITUATIONS = {
    "an invoice more than 10 days past due": (
        f"SELECT DISTINCT account_id FROM invoices WHERE paid_on IS NULL AND due_on < {TODAY} - 10"
    ),
    "a critical ticket open for more than 5 days": (
        "SELECT DISTINCT account_id FROM tickets WHERE priority = 'critical' AND resolved_at IS NULL "
        f"AND opened_at < {NOW} - INTERVAL 5 DAY"
    ),
    "an onboarding stuck for more than 14 days": (
        f"SELECT DISTINCT account_id FROM onboardings WHERE completed_at IS NULL AND stage_entered_at < {NOW} - INTERVAL 14 DAY"
    ),
    "a milestone missed": f"SELECT DISTINCT account_id FROM milestones WHERE reached_at IS NULL AND due_on < {TODAY}",
    "a trial that ends within 14 days": (
        f"SELECT id FROM accounts WHERE trial_ends_on BETWEEN {TODAY} AND {TODAY} + 14 AND status = 'trial'"
    ),
    "a renewal within 90 days": (
        f"SELECT id FROM accounts WHERE renews_on BETWEEN {TODAY} AND {TODAY} + 90 AND status <> 'churned'"
    ),
    "a renewal overdue": f"SELECT id FROM accounts WHERE renews_on < {TODAY} AND status <> 'churned'",
    "all seats in use": "SELECT id FROM accounts WHERE seats_used >= seats AND status = 'active'",
    "no use for 14 days": (
        "SELECT a.id FROM accounts a LEFT JOIN events e ON e.account_id = a.id "
        f"AND e.moment > {NOW} - INTERVAL 14 DAY WHERE a.churned_at IS NULL GROUP BY a.id HAVING count(e.id) = 0"
    ),
    "an integration removed within 90 days": (
        f"SELECT DISTINCT account_id FROM integrations WHERE disconnected_at > {NOW} - INTERVAL 90 DAY"
    ),
    "a detractor within 90 days": (
        f"SELECT DISTINCT account_id FROM surveys WHERE kind = 'nps' AND score < 5 AND moment > {NOW} - INTERVAL 90 DAY"
    ),
    "a task overdue": f"SELECT DISTINCT account_id FROM tasks WHERE completed_at IS NULL AND due_on < {TODAY}",
    "an account flagged at risk": "SELECT id FROM accounts WHERE risk IS NOT NULL AND status <> 'churned'",
    "no touchpoint for 60 days": (
        "SELECT a.id FROM accounts a LEFT JOIN touchpoints t ON t.account_id = a.id "
        f"AND t.moment > {NOW} - INTERVAL 60 DAY WHERE a.churned_at IS NULL GROUP BY a.id HAVING count(t.id) = 0"
    ),
    "a champion gone within 90 days": (
        f"SELECT account_id FROM people WHERE role = 'champion' AND deleted_at > {NOW} - INTERVAL 90 DAY UNION "
        "SELECT p.account_id FROM people_history h JOIN people p ON p.id = h.person_id "
        f"WHERE h.value = 'user' AND h.moment > {NOW} - INTERVAL 90 DAY"
    ),
    "a test account": "SELECT id FROM accounts WHERE internal",
}


@pytest.mark.parametrize("situation", SITUATIONS)
def test_it_is_so_somewhere_and_not_everywhere(book: Written, situation: str) -> None:
    found = len(book.rows(SITUATIONS[situation]))
    assert 1 <= found <= ACCOUNTS * 0.45, f"{situation}: {found}"


def test_renewals_are_won_and_lost(book: Written) -> None:
    outcomes = dict(book.rows("SELECT outcome, count(*) FROM opportunities WHERE kind = 'renewal' GROUP BY outcome"))
    assert outcomes["won"] > 3 * outcomes["lost"] > 0
    assert outcomes[None] > 0
    assert dict(book.rows("SELECT outcome, count(*) FROM opportunities WHERE kind = 'expansion' GROUP BY outcome")).keys() >= {
        "won"
    }


def test_the_window() -> None:
    window = Window(UNTIL)
    assert window.dates[-1] == UNTIL.date()
    assert window.number_of(UNTIL.date()) == window.days - 1
    assert window.zero + timedelta(days=window.end) == UNTIL
    assert window.workday(window.number_of(UNTIL.date()) + 2.5) % 1 == 0.5
    assert not window.is_weekend(window.workday(window.number_of(UNTIL.date()) + 2))
