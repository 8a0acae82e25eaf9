"""Alerts about a csm, a team and the company, over facts of their own: they live like others, and belong to no account."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.engine.facts import NOW, add, ago, store_of
from tocsin.alerts import facade
from tocsin.alerts.facade import Alert, AlertFilter
from tocsin.core.rules import Definitions, Rule
from tocsin.engine import Book
from tocsin.facts.duckdb import DuckStore

ANN, BOB = "ann@ours.example", "bob@ours.example"
OVERLOADED = Rule(
    "overloaded", "Overloaded", "portfolio", subject="csm", when="count(accounts where tier = 3) >= 2",
    message="{{ csm.name|default(csm.email) }} has {{ value }} accounts of tier 3", severity="high",
)  # fmt: skip
CHURN = Rule(
    "churn", "Churn over tolerance", "portfolio", subject="company", when="count(accounts where status = 'churned') > 0"
)
STANDING = Rule("standing", "Still with us", "portfolio", subject="team", when="count(accounts) > 0", clear="count(tasks) > 9")
ALARMED = Rule("alarmed", "Too many alerts", "work", subject="csm", when="count(alerts where open and rule = 'low') >= 1")
LOW = Rule("low", "Low MRR", "risk", when="mrr < 10")
ROWS: dict[str, list[dict[str, Any]]] = {
    "accounts": [
        {"id": name, "name": name.title(), "owner": owner, "tier": tier, "mrr": mrr, "created_at": ago(300)}
        for name, owner, tier, mrr in (("a", ANN, 3, 5), ("b", ANN, 3, 50), ("c", BOB, 3, 50), ("d", BOB, 1, 50))
    ],
    "csms": [{"email": ANN, "name": "Ann Lee", "team": "East"}],
}
Sweep = Callable[..., None]


@pytest.fixture
def store(tmp_path: Path) -> DuckStore:
    return store_of(tmp_path, ROWS)


@pytest.fixture
def sweep(db: None, store: DuckStore) -> Sweep:
    def swept(moment: datetime, *rules: Rule) -> None:
        facade.sweep(Book(store, {}), moment, definitions=Definitions(rules=rules))

    return swept


def alerts(**given: Any) -> list[Alert]:
    return sorted(facade.list_alerts(AlertFilter(**given)), key=lambda alert: (alert.rule, alert.subject_id))


def test_they_belong_to_no_account(sweep: Sweep) -> None:
    sweep(NOW, OVERLOADED, CHURN, STANDING)
    found = alerts()
    assert [(alert.subject_kind, alert.subject_id, alert.account, alert.message) for alert in found] == [
        ("csm", ANN, None, "Ann Lee has 2 accounts of tier 3"),
        ("team", "East", None, "East: Still with us"),
    ]
    assert found[0].to_json()["account_id"] is None
    listed = facade.inbox()
    assert (listed.accounts, listed.alerts, listed.pages) == (0, 2, 1)
    assert [(group.account, len(group.alerts)) for group in listed.groups] == [(None, 2)]
    assert facade.live_by_account() == {}


def test_they_open_and_close_as_owners_change(sweep: Sweep, store: DuckStore, tmp_path: Path) -> None:
    history = [
        {"account_id": "a", "field": "owner", "value": who, "at": at}
        for who, at in ((ANN, ago(300)), (BOB, NOW + timedelta(hours=1)))
    ]
    add(store, tmp_path, {"account_history": history})
    sweep(NOW, OVERLOADED)
    sweep(NOW + timedelta(days=1), OVERLOADED)
    assert [(alert.subject_id, alert.state, alert.close_reason) for alert in alerts()] == [
        (ANN, "closed", "cleared"),
        (BOB, "open", ""),
    ]


def test_a_subject_that_is_gone_does_not_wait_for_clear(sweep: Sweep, store: DuckStore, tmp_path: Path) -> None:
    rule = Rule("held", "Held", "work", subject="csm", when="count(accounts) >= 2", clear="count(accounts) > 9")
    history = [{"account_id": name, "field": "owner", "value": ANN, "at": ago(300)} for name in ("a", "b")]
    history += [{"account_id": name, "field": "owner", "value": BOB, "at": NOW + timedelta(hours=1)} for name in ("a", "b")]
    add(store, tmp_path, {"account_history": history})
    sweep(NOW, rule, STANDING)
    sweep(NOW + timedelta(days=1), rule, STANDING)
    reasons = {(alert.rule, alert.subject_id): (alert.state, alert.close_reason) for alert in alerts()}
    assert reasons == {
        ("held", ANN): ("closed", "subject_gone"), ("held", BOB): ("open", ""), ("standing", "East"): ("open", ""),
    }  # fmt: skip


def test_what_came_late_revises_them(sweep: Sweep, store: DuckStore, tmp_path: Path) -> None:
    sweep(NOW, OVERLOADED)
    history = [{"account_id": "a", "field": "owner", "value": BOB, "at": ago(300)}]
    add(store, tmp_path, {"account_history": history})
    sweep(NOW + timedelta(days=1), OVERLOADED)
    assert [(alert.subject_id, alert.close_reason) for alert in alerts()] == [(ANN, "revised"), (BOB, "")]


def test_a_sweep_reads_alerts_as_they_stood_before_it(sweep: Sweep) -> None:
    sweep(NOW, ALARMED, LOW)
    assert [alert.rule for alert in alerts()] == ["low"]
    sweep(NOW + timedelta(hours=1), ALARMED, LOW)
    assert [(alert.rule, alert.subject_id) for alert in alerts()] == [("alarmed", ANN), ("low", "a")]
    facade.resolve(next(alert.id for alert in alerts(rules=("low",))), by="x", moment=NOW + timedelta(hours=2))
    sweep(NOW + timedelta(hours=3), ALARMED, LOW)  # the facts are told after it
    sweep(NOW + timedelta(hours=4), ALARMED, LOW)
    assert [alert.state for alert in alerts(rules=("alarmed",))] == ["closed"]
