"""The oracle about csms, teams and the company, on cases computed by hand."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from tests.oracle import Oracle

T = datetime(2026, 3, 31, 12, tzinfo=UTC)
ANN, BOB = "ann@ours.example", "bob@ours.example"
ROWS: dict[str, list[dict[str, str]]] = {
    "accounts": [
        {"id": "a", "name": "A", "owner": "Ann@ours.example", "mrr": "100", "created_at": "2025-01-01"},
        {"id": "b", "name": "B", "owner": BOB, "mrr": "50", "created_at": "2025-01-01", "churned_at": "2026-03-01"},
        {"id": "c", "name": "C", "mrr": "7", "created_at": "2026-04-01"},
        {"id": "ours", "name": "O", "owner": "xe@ours.example", "internal": "true"},
    ],
    "account_history": [
        {"account_id": "b", "field": "owner", "value": ANN, "at": "2026-01-01"},
        {"account_id": "b", "field": "owner", "value": BOB, "at": "2026-02-01"},
    ],
    "events": [{"id": "e", "account_id": "b", "kind": "login", "name": "x", "at": "2026-03-30T00:00:00Z"}],
    "csms": [{"email": "ANN@ours.example", "name": "Ann", "team": "East", "capacity": "1"}, {"email": "eve@ours.example"}],
    "teams": [{"name": "North", "manager": "meg"}],
    "tasks": [
        {"id": "1", "account_id": "", "assignee": "zoe@ours.example", "created_at": "2026-03-30", "due_on": "2026-03-30"},
        {"id": "2", "account_id": "ours", "assignee": ANN, "created_at": "2026-03-01"},
        {"id": "3", "account_id": "b", "assignee": ANN, "created_at": "2026-03-01"},
    ],
    "alerts": [
        {"id": "1", "account_id": "b", "subject": "", "opened_at": "2026-03-01", "closed_at": "2026-05-01"},
        {"id": "2", "account_id": "", "subject": "Ann@ours.example", "opened_at": "2026-03-02"},
        {"id": "3", "account_id": "", "subject": "East", "opened_at": "2026-03-03"},
        {"id": "4", "account_id": "", "subject": "company", "opened_at": "2026-03-04"},
        {"id": "5", "account_id": "ours", "subject": "", "opened_at": "2026-03-04"},
    ],
}  # fmt: skip
SIGNALS = {"logins": "count(events where kind = 'login')", "load": "capacity + 1"}


@pytest.fixture(scope="module")
def oracle() -> Oracle:
    return Oracle(ROWS, ZoneInfo("UTC"), SIGNALS)


@pytest.mark.parametrize(
    ("subject", "formula", "values"),
    [
        ("csm", "id", {ANN: ANN, BOB: BOB, "zoe@ours.example": "zoe@ours.example"}),
        ("csm", "name", {ANN: "Ann", BOB: None, "zoe@ours.example": None}),
        ("csm", "email", {ANN: "ANN@ours.example", BOB: BOB, "zoe@ours.example": "zoe@ours.example"}),
        ("csm", "count(accounts where status = 'churned')", {ANN: 0.0, BOB: 1.0, "zoe@ours.example": 0.0}),
        ("csm", "sum(accounts.logins where logins > capacity - 1)", {ANN: 0.0, BOB: 0.0, "zoe@ours.example": 0.0}),
        ("csm", "sum(accounts.logins)", {ANN: 0.0, BOB: 1.0, "zoe@ours.example": 0.0}),
        ("csm", "count(accounts where mrr > load)", {ANN: 1.0, BOB: 0.0, "zoe@ours.example": 0.0}),
        ("csm", "ago(count(accounts), 60d)", {ANN: 2.0, BOB: None, "zoe@ours.example": None}),
        ("csm", "count(tasks)", {ANN: 1.0, BOB: 0.0, "zoe@ours.example": 1.0}),
        ("csm", "count(tasks where overdue)", {ANN: 0.0, BOB: 0.0, "zoe@ours.example": 1.0}),
        ("csm", "count(alerts where open)", {ANN: 1.0, BOB: 1.0, "zoe@ours.example": 0.0}),
        ("csm", "days_quiet(tasks)", {ANN: 30.5, BOB: None, "zoe@ours.example": 1.5}),
        ("team", "count(accounts) + count(alerts)", {"East": 3.0, "North": 0.0}),
        ("team", "manager", {"East": None, "North": "meg"}),
        ("company", "count(accounts)", {"company": 2.0}),
        ("company", "count(alerts)", {"company": 4.0}),
        ("company", "count(tasks)", {"company": 2.0}),
        ("company", "churn_tolerance", {"company": None}),
    ],
)
def test_by_hand(oracle: Oracle, subject: str, formula: str, values: dict[str, object]) -> None:
    assert oracle.signals(formula, T, subject) == values


def test_whoever_owns_nothing_is_nobody(oracle: Oracle) -> None:
    assert list(oracle.signals("1", datetime(2025, 6, 1, tzinfo=UTC), "csm")) == [ANN]
    assert list(oracle.signals("1", datetime(2026, 2, 1, tzinfo=UTC), "csm")) == [ANN, BOB]
    assert list(oracle.signals("1", datetime(2025, 1, 1, tzinfo=UTC) - timedelta(seconds=1), "csm")) == []
