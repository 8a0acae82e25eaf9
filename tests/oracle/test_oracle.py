"""The oracle itself, on cases computed by hand."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from tests.oracle import Oracle
from tests.oracle.clock import start_of_day, working_days
from tocsin.core import moment as core

T = datetime(2026, 3, 31, 12, tzinfo=UTC)  # a Tuesday
BERLIN, HAVANA, BEIRUT = ZoneInfo("Europe/Berlin"), ZoneInfo("America/Havana"), ZoneInfo("Asia/Beirut")
ROWS: dict[str, list[dict[str, str]]] = {
    "accounts": [
        {
            "id": "a", "name": "Ada", "created_at": "2025-03-31T12:00:00Z", "tier": "1", "seats": "10", "mrr": "500",
            "lifecycle_stage": "Onboarding", "stage_entered_at": "2026-03-30T00:00:00Z", "renews_on": "2026-06-29",
            "trial_ends_on": "2026-04-01", "churned_at": "2026-05-01T00:00:00Z", "churn_reason": "price",
        },
        {
            "id": "b", "name": "Bob", "created_at": "2026-03-20", "tier": "2", "mrr": "300", "seats": "0", "plan": "old",
            "stage_entered_at": "2026-03-01",
        },
        {"id": "c", "name": "Cy", "created_at": "2026-04-01T00:00:00Z"},
        {"id": "ours", "name": "Ours", "internal": "true"},
    ],
    "account_history": [
        {"account_id": "a", "field": "seats", "value": "5", "at": "2026-01-01T00:00:00Z"},
        {"account_id": "a", "field": "seats", "value": "8", "at": "2026-03-01T12:00:00Z"},
        {"account_id": "a", "field": "seats", "value": "8", "at": "2026-03-10T00:00:00Z"},
        {"account_id": "a", "field": "seats", "value": "99", "at": "2026-04-10T00:00:00Z"},
        {"account_id": "b", "field": "owner", "value": "x", "at": "2026-03-25T00:00:00Z"},
        {"account_id": "b", "field": "owner", "value": "y", "at": "2026-03-25T00:00:00Z"},
        {"account_id": "b", "field": "owner", "value": "", "at": "2026-03-26T00:00:00Z"},
    ],
    "people": [
        {"id": "p1", "account_id": "a", "role": "champion", "created_at": "2026-01-01T00:00:00Z", "trained_on": '["api"]'},
        {"id": "p2", "account_id": "a", "created_at": "", "deleted_at": "2026-03-01T00:00:00Z"},
        {"id": "p3", "account_id": "a", "created_at": "2026-04-30T00:00:00Z"},
        {"id": "staff", "account_id": "a", "internal": "true"},
        {"id": "p5", "account_id": "b", "deleted_at": "2026-04-30T00:00:00Z"},
    ],
    "people_history": [{"person_id": "p1", "field": "role", "value": "user", "at": "2026-03-30T12:00:00Z"}],
    "events": [
        {"id": "e1", "account_id": "a", "person_id": "p1", "kind": "login", "at": "2026-03-24T12:00:00Z", "minutes": "3"},
        {"id": "e2", "account_id": "a", "person_id": "p1", "kind": "login", "at": "2026-03-24T12:00:01Z", "minutes": "4"},
        {"id": "e3", "account_id": "a", "person_id": "p2", "kind": "click", "at": "2026-03-31T12:00:00Z",
         "feature": "api", "properties": '{"x": 3, "y": "3", "z": null}'},
        {"id": "e4", "account_id": "a", "person_id": "p2", "kind": "login", "at": "2026-03-31T12:00:01Z", "feature": "new"},
        {"id": "e5", "account_id": "a", "person_id": "staff", "name": "n", "kind": "login", "at": "2026-03-31T00:00:00Z"},
    ],
    "metrics": [
        {"id": f"m{week}", "account_id": "a", "name": "use", "value": str(100 - 7 * week),
         "at": (T - timedelta(days=7 * week)).isoformat()} for week in range(6)
    ],
    "tickets": [
        {"id": "t1", "account_id": "a", "opened_at": "2026-03-29T12:00:00Z",
         "resolved_at": "2026-04-02T00:00:00Z", "priority": "low"},
        {"id": "t2", "account_id": "a", "opened_at": "2026-03-29T12:00:00Z",
         "resolved_at": "2026-03-30T00:00:00Z", "priority": "high"},
    ],
    "invoices": [
        {"id": "i1", "account_id": "a", "amount": "100", "issued_on": "2026-03-01", "due_on": "2026-03-21",
         "paid_on": "2026-04-03"},
        {"id": "i2", "account_id": "a", "amount": "40", "issued_on": "2026-03-02", "due_on": "2026-03-22",
         "paid_on": "2026-03-23"},
        {"id": "i3", "account_id": "a", "amount": "7", "issued_on": "2026-03-31", "due_on": "2026-04-30"},
    ],
    "milestones": [
        {"id": "s1", "account_id": "a", "name": "late", "started_at": "2026-03-01T00:00:00Z"},
        {"id": "s2", "account_id": "a", "name": "first", "started_at": ""},
    ],
    "tasks": [
        {"id": "k1", "account_id": "a", "created_at": "2026-03-01T00:00:00Z", "due_on": "2026-03-30"},
        {"id": "k2", "account_id": "a", "created_at": "2026-03-01T00:00:00Z", "due_on": "2026-03-31"},
    ],
    "opportunities": [
        {"id": "o1", "account_id": "a", "kind": "renewal", "opened_at": "2026-01-01T00:00:00Z",
         "closed_at": "2026-05-01T00:00:00Z", "outcome": "won"},
    ],
    "subscriptions": [
        {"id": "u1", "account_id": "b", "plan": "gold", "seats": "3", "mrr": "10",
         "starts_on": "2026-03-21", "renews_on": "2026-12-01"},
        {"id": "u2", "account_id": "b", "plan": "base", "seats": "4", "mrr": "5", "starts_on": "2026-03-22",
         "ended_on": "2026-03-30",
         "renews_on": "2026-11-01"},
        {"id": "u3", "account_id": "b", "plan": "last", "seats": "1", "mrr": "10", "starts_on": "2026-03-28", "renews_on": ""},
    ],
}  # fmt: skip

CASES = [
    # windows: (T - 7d, T], [X, X + d), [X, T]
    ("count(events)", "a", 3.0),
    ("count(events in last 7d)", "a", 2.0),
    ("count(events where kind = 'login' in last 7d)", "a", 1.0),
    ("count(events in 7d after date '2026-03-24')", "a", 2.0),
    ("count(events since date '2026-03-25')", "a", 1.0),
    ("count(events since date '2027-01-01')", "a", 0.0),
    ("count(events since onboarding_started_at)", "a", None),
    ("exists(events since onboarding_started_at)", "a", None),
    ("days_quiet(events since onboarding_started_at)", "a", None),
    ("count(milestones in last 10000d)", "a", 1.0),
    # aggregates
    ("count(events)", "b", 0.0),
    ("sum(events.minutes)", "b", 0.0),
    ("avg(events.minutes)", "b", None),
    ("exists(events)", "b", False),
    ("avg(events.minutes)", "a", 3.5),
    ("distinct(events.person_id)", "a", 2.0),
    ("latest(events.minutes)", "a", 4.0),
    ("earliest(events.kind)", "a", "login"),
    ("latest(tickets.priority)", "a", "high"),
    ("latest(milestones.name)", "a", "late"),
    ("earliest(milestones.name)", "a", "first"),
    ("min(milestones.age)", "a", 30.5),
    ("days_quiet(events where kind = 'login')", "a", 7 - 1 / 86400),
    ("days_quiet(touchpoints)", "a", 365.0),
    ("count(people)", "a", 2.0),
    ("count(people where open)", "a", 1.0),
    # ends
    ("count(tickets where open)", "a", 1.0),
    ("latest(opportunities.outcome)", "a", None),
    ("sum(invoices.amount_due)", "a", 107.0),
    ("max(invoices.days_past_due)", "a", 10.0),
    ("min(invoices.age)", "a", 0.5),
    ("count(tasks where overdue)", "a", 1.0),
    ("churned_at", "a", None),
    ("churn_reason", "a", None),
    ("status", "a", "trial"),
    ("status", "b", "active"),
    # attributes and their history
    ("seats", "a", 8.0),
    ("previous(seats)", "a", 5.0),
    ("days_in(seats)", "a", 30.0),
    ("days_in(lifecycle_stage)", "a", 1.5),
    ("days_in(lifecycle_stage)", "b", None),
    ("previous(lifecycle_stage)", "a", None),
    ("days_in(plan)", "a", None),
    ("owner", "b", None),
    ("previous(owner)", "b", "y"),
    ("ago(seats, 120d)", "a", None),
    ("ago(seats, 30d)", "a", 8.0),
    ("ago(seats, 31d)", "a", 5.0),
    ("ago(mrr, 30d)", "b", None),
    ("change(seats, 31d)", "a", 0.6),
    ("change(seats, 31d, 6)", "a", None),
    ("slope(count(metrics), 35d)", "a", 1 / 7),
    ("slope(latest(metrics.value), 35d)", "a", 1.0),
    ("slope(mrr, 21d)", "a", None),
    # subscriptions
    ("mrr", "b", 20.0),
    ("seats", "b", 4.0),
    ("plan", "b", "last"),
    ("renews_on", "b", date(2026, 12, 1)),
    ("days_in(seats)", "b", 1.5),
    ("previous(seats)", "b", 8.0),
    ("ago(plan, 8d)", "b", "gold"),
    ("ago(plan, 11d)", "b", None),
    # days
    ("days_until(renews_on)", "a", 90.0),
    ("days_since(created_at)", "a", 365.0),
    ("workdays_since(date '2026-03-27')", "a", 2.0),
    ("workdays_since(date '2026-04-06')", "a", -4.0),
    ("start_of('quarter')", "a", date(2026, 1, 1)),
    ("days_since(start_of('month'))", "a", 30.0),
    ("36h", "a", 1.5),
    ("market(mrr)", "a", 20.0),
    # null logic
    ("null = 1 or true", "a", True),
    ("null = 1 or false", "a", None),
    ("null = 1 and false", "a", False),
    ("not (null = 1)", "a", None),
    ("mrr in (1, null)", "a", None),
    ("mrr not in (1, 2)", "a", True),
    ("1 / 0", "a", None),
    ("7 / 2", "a", 3.5),
    ("if(null = 1, 1, 2)", "a", 2.0),
    ("least(null, 2, 1)", "a", 1.0),
    ("round(2.5)", "a", 3.0),
    ("round(-2.5)", "a", -3.0),
    ("round(1.25, 1)", "a", 1.3),
    ("scale(5, 10, 0)", "a", 50.0),
    ("scale(5, 1, 1)", "a", None),
    ("scale(50, 0, 10)", "a", 100.0),
    ("steps(5, 0, 'low', 5, 'mid', 9, 'high')", "a", "mid"),
    ("steps(-1, 0, 'low')", "a", None),
    # properties
    ("count(events where properties.x = 3)", "a", 1.0),
    ("count(events where properties.y = 3)", "a", 0.0),
    ("count(events where properties.y = '3')", "a", 1.0),
    ("count(events where properties.z is null)", "a", 3.0),
    # people in filters
    ("count(people where days_in(role) = 1)", "a", 1.0),
    ("latest(people.trained_on) contains 'api'", "a", True),
]


@pytest.fixture(scope="module")
def oracle() -> Oracle:
    return Oracle(ROWS, ZoneInfo("UTC"), {"rich": "mrr > 100"})


@pytest.mark.parametrize(("formula", "account", "value"), CASES)
def test_by_hand(oracle: Oracle, formula: str, account: str, value: object) -> None:
    found = oracle.signals(formula, T)[account]
    assert found == (pytest.approx(value) if isinstance(value, float) else value)
    assert type(found) is type(value)


def test_who_is_a_subject(oracle: Oracle) -> None:
    assert list(oracle.signals("1", T)) == ["a", "b"]
    assert list(oracle.signals("1", T, "person")) == ["p1", "p5"]
    assert list(oracle.signals("1", T - timedelta(days=31), "person")) == ["p1", "p2"]
    assert list(oracle.signals("feature", T, "feature")) == ["a/api"]


def test_people_and_features_see_their_own(oracle: Oracle) -> None:
    assert oracle.signals("count(events)", T, "person") == {"p1": 2.0, "p5": 0.0}
    assert oracle.signals("role = 'user' and account.tier = 1", T, "person") == {"p1": True, "p5": False}
    assert oracle.signals("role", T, "person")["p1"] == "user"
    assert oracle.signals("count(events) + seats", T, "feature") == {"a/api": 9.0}
    assert oracle.signals("rich", T) == {"a": True, "b": False}


def test_a_status_follows_its_dates(oracle: Oracle) -> None:
    moments = {
        "2026-03-31T23:59:59+00:00": "trial",
        "2026-04-01T00:00:00+00:00": "active",
        "2026-05-01T00:00:00+00:00": "churned",
    }
    for at, status in moments.items():
        assert oracle.signals("status", datetime.fromisoformat(at))["a"] == status


def test_days_are_those_of_the_zone() -> None:
    oracle = Oracle(ROWS, BERLIN)
    evening = datetime(2026, 3, 31, 22, tzinfo=UTC)  # the first of April in Berlin
    assert oracle.signals("start_of('month')", evening)["a"] == date(2026, 4, 1)
    assert oracle.signals("days_until(renews_on)", evening)["a"] == 89.0
    assert oracle.signals("count(invoices where open)", evening)["a"] == 2.0


@pytest.mark.parametrize(
    ("day", "zone", "start"),
    [
        (date(2026, 3, 29), BERLIN, datetime(2026, 3, 28, 23, tzinfo=UTC)),
        (date(2026, 3, 30), BERLIN, datetime(2026, 3, 29, 22, tzinfo=UTC)),
        (date(2026, 3, 8), HAVANA, datetime(2026, 3, 8, 5, tzinfo=UTC)),  # midnight is passed over
        (date(2026, 11, 1), HAVANA, datetime(2026, 11, 1, 4, tzinfo=UTC)),  # midnight comes twice: the first
        (date(2026, 3, 29), BEIRUT, datetime(2026, 3, 28, 22, tzinfo=UTC)),
    ],
)
def test_the_start_of_a_day(day: date, zone: ZoneInfo, start: datetime) -> None:
    assert start_of_day(day, zone) == start
    assert core.start_of_day(day, zone) == start


def test_working_days() -> None:
    friday, monday = date(2026, 3, 27), date(2026, 3, 30)
    assert working_days(friday, monday) == 1.0
    assert working_days(monday, friday) == -1.0
    assert working_days(friday, friday + timedelta(days=7)) == 5.0


@pytest.mark.parametrize(
    ("values", "kind"),
    [
        (["1", "2.5"], "number"),
        (["1", "x"], "text"),
        (["true", "False"], "boolean"),
        (["2026-01-01"], "date"),
        (["2026-01-01T00:00:00Z"], "time"),
        ([], "unknown"),
    ],
)
def test_custom_attributes_are_typed_by_all_their_values(values: list[str], kind: str) -> None:
    rows = {"accounts": [{"id": f"x{n}", "name": "x", "colour": value} for n, value in enumerate([*values, ""])]}
    assert Oracle(rows, BERLIN).facts.kind("accounts", "colour") == kind
