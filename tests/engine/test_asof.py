"""What is visible at a moment: no fact of later changes a value; ends, what they tell, who counts, money, subscriptions."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.engine.facts import NOW, Rows, add, ago, columns, day, store_of, values
from tocsin.catalog import catalog
from tocsin.core.schema import COLLECTIONS
from tocsin.engine import Book

Row = dict[str, Any]
SECOND = timedelta(seconds=1)
ACCOUNT: Row = {"id": "a", "name": "Acme", "created_at": ago(300)}


def book(folder: Path, rows: Rows, **settings: Any) -> Book:
    given = rows if "accounts" in rows else {"accounts": [ACCOUNT], **rows}
    return Book(store_of(folder, given, **settings), catalog().signals)


def value(of: Book, formula: str, moment: datetime = NOW, subject: str = "account", name: str = "a") -> Any:
    return values(of, formula, moment, subject)[name]


def turning(of: Book, formula: str, at: datetime) -> tuple[Any, Any]:
    """The value just before an instant, and at it."""
    return value(of, formula, at - SECOND), value(of, formula, at)


# --- Later facts change nothing

BEFORE: dict[str, list[Row]] = {
    "accounts": [
        {**ACCOUNT, "plan": "pro", "seats": 10, "tier": 1, "lifecycle_stage": "Adoption", "band": "blue"},
        {"id": "b", "name": "Bolt", "created_at": ago(90), "mrr": 100},
    ],
    "people": [
        {"id": "p", "account_id": "a", "role": "champion", "created_at": ago(200)},
        {"id": "q", "account_id": "b", "role": "user", "created_at": ago(80)},
    ],
    "account_history": [
        {"account_id": "a", "field": "plan", "value": "basic", "at": ago(100)},
        {"account_id": "a", "field": "plan", "value": "pro", "at": ago(20)},
        {"account_id": "b", "field": "mrr", "value": 90, "at": ago(60)},
        {"account_id": "b", "field": "mrr", "value": 100, "at": ago(10)},
    ],
    "people_history": [{"person_id": "p", "field": "role", "value": "champion", "at": ago(50)}],
    "events": [
        {"id": str(number), "account_id": "a", "person_id": "p", "name": "login", "kind": "login", "feature": "api",
         "minutes": number, "at": ago(number * 3)}
        for number in range(1, 30)
    ],
    "metrics": [{"account_id": "b", "name": "calls", "value": 5, "at": ago(4)}],
    "touchpoints": [{"account_id": "a", "person_id": "p", "kind": "call", "at": ago(40)}],
    "tickets": [{"id": "t", "account_id": "a", "person_id": "p", "priority": "critical", "opened_at": ago(6)}],
    "invoices": [{"id": "i", "account_id": "b", "amount": 70, "issued_on": day(50), "due_on": day(20)}],
    "surveys": [{"account_id": "a", "person_id": "p", "kind": "nps", "score": 8, "at": ago(9)}],
    "opportunities": [{"id": "o", "account_id": "a", "kind": "renewal", "amount": 9, "stage": "won", "opened_at": ago(30)}],
    "milestones": [{"account_id": "a", "name": "live", "started_at": ago(100)}],
    "tasks": [{"id": "k", "account_id": "a", "assignee": "x@y.example", "title": "C", "created_at": ago(9), "due_on": day(2)}],
    "integrations": [{"id": "n", "account_id": "a", "name": "crm", "connected_at": ago(70)}],
}  # fmt: skip
LATER = NOW + SECOND
NEW_ROWS: dict[str, list[Row]] = {
    "accounts": [{"id": "c", "name": "Later", "created_at": LATER}],
    "people": [{"id": "r", "account_id": "a", "role": "champion", "created_at": LATER}],
    "account_history": [
        {"account_id": "a", "field": "plan", "value": "free", "at": LATER},
        {"account_id": "a", "field": "churned_at", "value": LATER, "at": LATER},
        {"account_id": "b", "field": "mrr", "value": 1, "at": LATER},
    ],
    "people_history": [{"person_id": "p", "field": "role", "value": "user", "at": LATER}],
    "events": [{"id": "x", "account_id": "a", "person_id": "p", "name": "login", "kind": "login", "minutes": 99, "at": LATER}],
    "metrics": [{"account_id": "b", "name": "calls", "value": 500, "at": LATER}],
    "touchpoints": [{"account_id": "a", "person_id": "p", "kind": "qbr", "at": LATER}],
    "surveys": [{"account_id": "a", "person_id": "p", "kind": "nps", "score": 1, "at": LATER}],
    "invoices": [{"id": "j", "account_id": "b", "amount": 1, "issued_on": day(-1), "due_on": day(-1)}],
}
NEW_ENDS: dict[str, list[Row]] = {
    "tickets": [{**BEFORE["tickets"][0], "resolved_at": LATER}],
    "invoices": [{**BEFORE["invoices"][0], "paid_on": day(-1)}],
    "opportunities": [{**BEFORE["opportunities"][0], "closed_at": LATER, "outcome": "won"}],
    "tasks": [{**BEFORE["tasks"][0], "completed_at": LATER}],
    "integrations": [{**BEFORE["integrations"][0], "disconnected_at": LATER}],
    "milestones": [{**BEFORE["milestones"][0], "reached_at": LATER}],
    "people": [{**BEFORE["people"][0], "deleted_at": LATER}],
    "accounts": [{**BEFORE["accounts"][1], "churned_at": LATER, "churn_reason": "price"}],
}
ASKED: dict[str, list[str]] = {
    "account": [
        *catalog().signals,
        "plan", "days_in(plan)", "previous(plan)", "mrr", "change(mrr, 30d)", "status", "churned_at", "churn_reason", "band",
        "count(people)", "count(people where open)", "count(people where role = 'champion')", "count(people where age > 100)",
        "latest(opportunities.outcome)", "count(opportunities where open)", "count(opportunities where outcome = 'won')",
        "count(integrations where open)", "count(milestones where reached_at is null)", "sum(invoices.amount_due)",
        "max(invoices.days_past_due)", "slope(logins_7d, 60d)", "distinct(events.person_id)", "latest(metrics.value)",
        "latest(surveys.score)", "market(usage_30d)", "count(tasks where overdue)", "max(tickets.resolved_at)",
    ],
    "person": ["role", "days_in(role)", "days_since_login", "count(events in last 30d)", "deleted_at", "account.plan"],
    "feature": ["count(events)", "days_quiet(events)", "ago(count(events in last 7d), 14d)"],
}  # fmt: skip


@pytest.fixture(scope="module")
def known(tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict[str, dict[str, Any]]]:
    """Subject -> formula -> the values as of NOW, where nothing later is known."""
    return answers(book(tmp_path_factory.mktemp("known"), BEFORE))


def answers(of: Book, moment: datetime = NOW) -> dict[str, dict[str, dict[str, Any]]]:
    found = {}
    for subject, asked in ASKED.items():
        ids, *told = columns(of, asked, [moment], subject)
        found[subject] = {formula: dict(zip(ids, each, strict=True)) for formula, each in zip(asked, told, strict=True)}
    return found


@pytest.mark.parametrize("later", [NEW_ROWS, NEW_ENDS], ids=["rows", "ends"])
def test_facts_of_later_never_change_a_value(
    tmp_path: Path, known: dict[str, dict[str, dict[str, Any]]], later: dict[str, list[Row]]
) -> None:
    store = store_of(tmp_path, BEFORE)
    add(store, tmp_path, later)
    of = Book(store, catalog().signals)
    assert answers(of) == known
    # ... and they are there once their time has come.
    after = answers(of, NOW + timedelta(days=2))
    assert {subject for subject in known if after[subject] != known[subject]} >= {"account", "person"}


def test_the_end_of_the_account_and_what_it_tells_are_told_at_once(tmp_path: Path) -> None:
    gone = ago(5)
    of = book(tmp_path, {"accounts": [{**ACCOUNT, "churned_at": gone, "churn_reason": "price"}]})
    assert turning(of, "status", gone) == ("active", "churned")
    assert turning(of, "churn_reason", gone) == (None, "price")
    assert turning(of, "churned_at is null", gone) == (True, False)


def test_status_by_its_dates(tmp_path: Path) -> None:
    account = {**ACCOUNT, "trial_ends_on": day(50), "cancel_requested_at": ago(20), "churned_at": ago(5)}
    of = book(tmp_path, {"accounts": [account]})
    moments = [ago(60), datetime.combine(day(50), datetime.min.time(), NOW.tzinfo), ago(20), ago(5)]
    assert [value(of, "status", moment) for moment in moments] == ["trial", "active", "cancelling", "churned"]


def test_a_recorded_status_comes_before_its_dates(tmp_path: Path) -> None:
    history = [{"account_id": "a", "field": "status", "value": "cancelling", "at": ago(3)}]
    of = book(tmp_path, {"accounts": [ACCOUNT], "account_history": history})
    assert turning(of, "status", ago(3)) == ("active", "cancelling")


def test_a_return_is_a_departure_made_undone(tmp_path: Path) -> None:
    history: list[Row] = [
        {"account_id": "a", "field": "churned_at", "value": ago(40), "at": ago(40)},
        {"account_id": "a", "field": "churned_at", "value": None, "at": ago(10)},
    ]
    of = book(tmp_path, {"accounts": [ACCOUNT], "account_history": history})
    assert [value(of, "status", ago(days)) for days in (41, 40, 11, 10)] == ["active", "churned", "churned", "active"]
    assert value(of, "churned_at") is None


# --- Ends, one by one

ENDS = [
    (collection.name, column.name)
    for collection in COLLECTIONS.values()
    for column in collection.ends
    if collection.name not in ("accounts", "people", "alerts")
]
NEEDED: dict[str, Row] = {
    "account_team": {"email": "e@ours.example", "role": "csm"},
    "goals": {"name": "Grow"},
    "onboardings": {"name": "First"},
    "meetings": {"kind": "qbr"},
    "invoices": {"amount": 5, "due_on": day(20)},
    "integrations": {"name": "crm"},
    "milestones": {"name": "live"},
    "opportunities": {"kind": "new"},
    "tasks": {"assignee": "ann@ours.example", "title": "Call"},
}


def at_of(kind: str, days: int) -> date | datetime:
    """The start of a day, as a column of that type has it."""
    when = datetime.combine(day(days), datetime.min.time(), NOW.tzinfo)
    return when.date() if kind == "date" else when


@pytest.mark.parametrize(("collection", "end"), ENDS)
def test_rows_start_and_end_at_their_time(tmp_path: Path, collection: str, end: str) -> None:
    declared = COLLECTIONS[collection]
    assert declared.start is not None
    row = {"account_id": "a", **NEEDED.get(collection, {})}
    row[declared.start] = at_of(declared.column(declared.start).type, 30)
    row[end] = at_of(declared.column(end).type, 10)
    of = book(tmp_path, {collection: [row]})
    start, ended = (datetime.combine(day(days), datetime.min.time(), NOW.tzinfo) for days in (30, 10))
    assert turning(of, f"count({collection})", start) == (0.0, 1.0)
    assert turning(of, f"count({collection} where {end} is not null)", ended) == (0.0, 1.0)
    if end == declared.closing:
        assert turning(of, f"count({collection} where open)", ended) == (1.0, 0.0)


def test_an_outcome_is_told_when_the_opportunity_closes(tmp_path: Path) -> None:
    row = {"account_id": "a", "kind": "new", "opened_at": ago(30), "closed_at": ago(10), "outcome": "lost"}
    of = book(tmp_path, {"opportunities": [row]})
    assert turning(of, "latest(opportunities.outcome)", ago(10)) == (None, "lost")
    assert turning(of, "count(opportunities where outcome = 'lost')", ago(10)) == (0.0, 1.0)


def test_plans_are_visible_ahead(tmp_path: Path) -> None:
    account = {**ACCOUNT, "renews_on": day(-30), "onboarding_started_at": ago(-3)}
    of = book(tmp_path, {"accounts": [account], "meetings": [{"account_id": "a", "kind": "qbr", "booked_at": ago(1),
                                                              "planned_at": ago(-8)}]})  # fmt: skip
    assert value(of, "days_until(renews_on)") == 30.0
    assert value(of, "days_until(onboarding_started_at)") == 3.0
    assert value(of, "min(meetings.planned_at) > date '2026-04-01'") is True


def test_days_begin_in_the_zone_of_the_workspace(tmp_path: Path) -> None:
    row = {"account_id": "a", "amount": 5, "issued_on": "2026-03-31", "due_on": "2026-03-31", "paid_on": "2026-03-31"}
    of = book(tmp_path, {"invoices": [row]}, zone="America/Los_Angeles")
    midnight = datetime(2026, 3, 31, 7, tzinfo=NOW.tzinfo)
    assert turning(of, "count(invoices)", midnight) == (0.0, 1.0)
    assert turning(of, "count(invoices where not open)", midnight) == (0.0, 1.0)


# --- Attributes


def test_an_attribute_has_the_value_of_its_latest_entry(tmp_path: Path) -> None:
    history = [{"account_id": "a", "field": "plan", "value": each, "at": ago(days)}
               for days, each in ((30, "basic"), (20, "pro"), (15, "pro"), (10, None))]  # fmt: skip
    of = book(tmp_path, {"accounts": [{**ACCOUNT, "plan": "elite"}], "account_history": history})
    assert [value(of, "plan", ago(days)) for days in (31, 30, 20, 12, 10)] == [None, "basic", "pro", "pro", None]
    assert value(of, "days_in(plan)", ago(12)) == 8.0
    assert value(of, "previous(plan)", ago(12)) == "basic"


def test_an_attribute_of_which_nothing_is_recorded_is_constant(tmp_path: Path) -> None:
    of = book(tmp_path, {"accounts": [{**ACCOUNT, "plan": "elite"}]})
    assert {value(of, "plan", ago(days)) for days in (299, 30, 0)} == {"elite"}
    assert value(of, "days_in(plan)") is None


def test_importing_again_records_what_changed(tmp_path: Path) -> None:
    store = store_of(tmp_path, {"accounts": [{**ACCOUNT, "plan": "basic"}]})
    add(store, tmp_path, {"accounts": [{**ACCOUNT, "plan": "pro", "updated_at": ago(3)}]})
    of = Book(store, {})
    assert turning(of, "plan", ago(3)) == ("basic", "pro")


def test_attributes_are_those_of_the_files_and_none_of_the_store(tmp_path: Path) -> None:
    store = store_of(tmp_path, {"accounts": [ACCOUNT], "people": [{"id": "p", "account_id": "a", "shoe": None}]})
    assert store.attributes("people") == {"shoe": "unknown"}
    assert store.attributes("accounts") == {"tier": "unknown", "risk": "unknown"}


# --- Who counts


def test_accounts_and_people_exist_from_their_beginning(tmp_path: Path) -> None:
    rows: dict[str, list[Row]] = {
        "accounts": [{"id": "a", "name": "a", "created_at": ago(9)}, {"id": "always", "name": "b", "created_at": None}],
        "people": [{"id": "p", "account_id": "a", "created_at": ago(20)}, {"id": "q", "account_id": "a", "created_at": ago(5)}],
        "events": [{"account_id": "a", "name": "x", "feature": "api", "at": ago(7)}],
    }
    of = book(tmp_path, rows)
    assert [sorted(values(of, "1", ago(days))) for days in (10, 9)] == [["always"], ["a", "always"]]
    assert [sorted(values(of, "1", ago(days), "person")) for days in (10, 9, 5)] == [[], ["p"], ["p", "q"]]
    assert [sorted(values(of, "1", ago(days), "feature")) for days in (8, 7)] == [[], ["a/api"]]


def test_people_are_subjects_until_they_are_deleted(tmp_path: Path) -> None:
    of = book(tmp_path, {"people": [{"id": "p", "account_id": "a", "created_at": ago(20), "deleted_at": ago(5)}]})
    assert [sorted(values(of, "1", moment, "person")) for moment in (ago(5) - SECOND, ago(5))] == [["p"], []]
    assert turning(of, "count(people)", ago(5)) == (1.0, 1.0)
    assert turning(of, "count(people where open)", ago(5)) == (1.0, 0.0)


LEFT_OUT: dict[str, list[Row]] = {
    "accounts": [ACCOUNT, {"id": "ours", "name": "Ours", "internal": True, "created_at": ago(300)}],
    "people": [
        {"id": "p", "account_id": "a", "email": "p@acme.example", "created_at": ago(200)},
        {"id": "robot", "account_id": "a", "email": "robot@acme.example", "internal": True, "created_at": ago(200)},
        {"id": "colleague", "account_id": "a", "email": "x@Ours.example", "created_at": ago(200)},
    ],
    "events": [
        {"account_id": account, "person_id": person, "name": "x", "kind": "login", "feature": f"f {person}", "at": ago(2)}
        for account, person in (("a", "p"), ("a", "robot"), ("a", "colleague"), ("a", "nobody"), ("a", None), ("ours", None))
    ],
    "surveys": [{"account_id": "a", "person_id": each, "kind": "nps", "score": 5, "at": ago(2)} for each in ("p", "robot")],
    "touchpoints": [{"account_id": "a", "person_id": "colleague", "kind": "call", "at": ago(2)}],
    "tickets": [{"account_id": "a", "person_id": "colleague", "kind": "incident", "opened_at": ago(2)}],
}


def test_our_own_accounts_and_people_count_nowhere(tmp_path: Path) -> None:
    of = book(tmp_path, LEFT_OUT, internal_domains=["ours.example"])
    assert values(of, "count(events)") == {"a": 3.0}
    assert value(of, "count(events since created_at)") == 3.0
    assert value(of, "distinct(events.person_id)") == 2.0
    assert value(of, "count(people)") == 1.0
    assert value(of, "count(surveys)") == 1.0
    assert (value(of, "count(touchpoints)"), value(of, "count(tickets)")) == (
        1.0,
        1.0,
    )  # of the account, whoever of us is named
    assert sorted(values(of, "1", subject="person")) == ["p"]
    assert sorted(values(of, "count(events)", subject="feature")) == ["a/f None", "a/f nobody", "a/f p"]
    assert value(of, "market(count(events))") == 3.0


def test_nobody_is_left_out_where_none_is_ours(tmp_path: Path) -> None:
    rows = {**LEFT_OUT, "people": [{**row, "internal": False} for row in LEFT_OUT["people"]]}
    of = book(tmp_path, rows)
    assert value(of, "count(events)") == 5.0
    assert value(of, "distinct(events.person_id)") == 4.0


# --- Money


RATES = [
    {"currency": "USD", "on": day(60), "rate": 0.5},
    {"currency": "USD", "on": day(20), "rate": 0.9},
    {"currency": "USD", "on": day(-5), "rate": 7},
]


def invoice(amount: float, currency: str | None, days: int, paid: int | None = None) -> Row:
    row = {"account_id": "a", "amount": amount, "currency": currency, "issued_on": day(days), "due_on": day(days - 1)}
    return {"id": f"{amount} {currency} {days}", **row, "paid_on": None if paid is None else day(paid)}


def test_amounts_are_converted_at_the_rate_of_their_day(tmp_path: Path) -> None:
    rows = [invoice(100, "USD", 30), invoice(10, "USD", 20), invoice(1, "EUR", 30), invoice(3, None, 30, paid=5)]
    of = book(tmp_path, {"invoices": rows, "rates": RATES}, currency="EUR")
    assert value(of, "sum(invoices.amount)") == pytest.approx(50 + 9 + 1 + 3)
    assert value(of, "max(invoices.amount)") == 50.0
    assert value(of, "sum(invoices.amount_due)") == pytest.approx(60)
    assert value(of, "sum(invoices.amount where amount > 20)") == 50.0
    assert value(of, "amount_overdue") == pytest.approx(60)


def test_before_the_first_rate_the_first_counts_and_a_currency_without_one_as_it_stands(tmp_path: Path) -> None:
    of = book(tmp_path, {"invoices": [invoice(100, "USD", 90), invoice(7, "CHF", 30)], "rates": RATES}, currency="EUR")
    assert value(of, "max(invoices.amount)") == 50.0
    assert value(of, "min(invoices.amount)") == 7.0


def test_without_rates_amounts_stand_as_they_are(tmp_path: Path) -> None:
    of = book(tmp_path, {"invoices": [invoice(100, "USD", 30), invoice(1, "EUR", 30)]}, currency="EUR")
    assert value(of, "sum(invoices.amount)") == 101.0


# --- Subscriptions


def test_subscriptions_give_plan_seats_mrr_and_renewal(tmp_path: Path) -> None:
    accounts = [{**ACCOUNT, "plan": "told", "seats": 1, "mrr": 1, "renews_on": day(0)}]
    history = [{"account_id": "a", "field": field, "value": 999, "at": ago(50)} for field in ("seats", "mrr")]
    subscriptions = [
        {"id": "1", "account_id": "a", "plan": "basic", "seats": 10, "mrr": 100, "starts_on": day(100), "ended_on": day(40)},
        {"id": "2", "account_id": "a", "plan": "pro", "seats": 20, "mrr": 300, "starts_on": day(60), "renews_on": day(-300)},
        {"id": "3", "account_id": "a", "plan": "addon", "seats": 5, "mrr": 50, "starts_on": day(40), "renews_on": day(-20)},
    ]  # fmt: skip
    of = book(tmp_path, {"accounts": accounts, "account_history": history, "subscriptions": subscriptions})
    asked = ("plan", "seats", "mrr", "days_until(renews_on)")
    found = {days: [value(of, each, ago(days)) for each in asked] for days in (101, 100, 60, 41, 40, 0)}
    assert found == {
        101: [None, None, None, None],
        100: ["basic", 10.0, 100.0, None],
        60: ["pro", 30.0, 400.0, 360.0],
        41: ["pro", 30.0, 400.0, 341.0],
        40: ["pro", 25.0, 350.0, 60.0],
        0: ["pro", 25.0, 350.0, 20.0],
    }
    assert value(of, "change(mrr, 30d)", ago(15)) == (350 - 400) / 400
    assert value(of, "license_utilization") == 0.0


def test_subscriptions_in_another_currency(tmp_path: Path) -> None:
    rows = [{"id": "1", "account_id": "a", "mrr": 100, "currency": "USD", "starts_on": day(30)}]
    of = book(tmp_path, {"subscriptions": rows, "rates": RATES}, currency="EUR")
    assert value(of, "mrr", ago(1)) == 50.0
    assert value(of, "sum(subscriptions.mrr)") == 50.0
