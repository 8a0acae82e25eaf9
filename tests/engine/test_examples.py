"""The mappings of `examples/` on a few made-up rows in the shape of their sources, and their rules."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from tests.engine.facts import values
from tocsin.catalog import catalog
from tocsin.core.rulefiles import read_rules
from tocsin.engine import Book
from tocsin.facts.duckdb import DuckStore
from tocsin.facts.importing import ImportReport, import_paths
from tocsin.facts.rejected import list_rejected

NOW = datetime(2025, 1, 1, tzinfo=UTC)
SOURCES = {
    "ravenstack_accounts": """
account_id,account_name,industry,country,signup_date,referral_source,plan_tier,seats,is_trial,churn_flag
A-1,One,DevTools,US,2024-01-01,ads,Enterprise,9,FALSE,TRUE
A-2,Two,EdTech,DE,2024-01-01,event,Basic,5,TRUE,FALSE
""",
    "ravenstack_churn_events": """
churn_event_id,account_id,churn_date,reason_code,refund_amount_usd,is_reactivation,feedback_text
C-1,A-1,2024-05-10,pricing,0,FALSE,
C-2,A-1,2024-05-10,budget,4.5,FALSE,too expensive
C-3,A-2,2024-11-01,support,0,FALSE,
""",
    "ravenstack_subscriptions": """
subscription_id,account_id,start_date,end_date,plan_tier,seats,mrr_amount,billing_frequency,auto_renew_flag
S-1,A-1,2024-01-01,2024-05-10,Pro,4,100,monthly,TRUE
S-2,A-1,2024-06-01,,Enterprise,8,300,annual,FALSE
S-3,A-2,2024-11-01,,Basic,1,10,monthly,TRUE
""",
    "ravenstack_feature_usage": """
usage_id,subscription_id,usage_date,feature_name,usage_count,usage_duration_secs,error_count,is_beta_feature
U-1,S-1,2024-12-30,feature_1,9,90,0,False
U-1,S-2,2024-12-31,feature_2,3,60,2,True
U-2,S-2,2024-12-31,feature_2,many,much,0,False
U-3,S-9,2024-12-31,feature_2,1,1,0,False
""",
    "ravenstack_support_tickets": """
ticket_id,account_id,submitted_at,closed_at,priority,first_response_time_minutes,satisfaction_score
T-1,A-1,2024-12-29,2025-01-01 3:00,urgent,90,4
T-2,A-2,2024-13-01,2024-12-31 3:00,medium,5,
""",
}


@pytest.fixture
def imported(tmp_path: Path, root: Path) -> tuple[Book, ImportReport]:
    """A book of the made-up rows, by the mapping, and what the import said."""
    files = tmp_path / "files"
    files.mkdir()
    for name, text in SOURCES.items():
        (files / f"{name}.csv").write_text(text.lstrip(), encoding="utf-8")
    store = DuckStore(":memory:", ZoneInfo("UTC"))
    report = import_paths(store, [files], now=NOW, mapping=root / "examples" / "ravenstack")
    return Book(store, catalog().signals), report


def test_departures_and_returns_are_told_as_of_each_moment(imported: tuple[Book, ImportReport]) -> None:
    book, _ = imported
    days = ((5, 9), (5, 10), (5, 31), (6, 1), (11, 1), (12, 31))
    told = {day: values(book, "status", datetime(2024, *day, tzinfo=UTC)) for day in days}
    assert [told[day]["A-1"] for day in days] == ["active", "churned", "churned", "active", "active", "active"]
    # A subscription that starts on the day of the departure is no return.
    assert [told[day]["A-2"] for day in days] == ["active"] * 4 + ["churned"] * 2
    assert values(book, "churn_reason", datetime(2024, 5, 20, tzinfo=UTC))["A-1"] == "budget"
    assert values(book, "churn_reason", NOW)["A-1"] is None


def test_words_and_units_of_the_source_become_those_of_the_contract(imported: tuple[Book, ImportReport]) -> None:
    book, _ = imported
    asked = {
        "tier": 1.0, "oldest_critical_ticket": 3.0, "count(surveys)": 0.0, "mrr": 300.0, "plan": "Enterprise",
        "sum(events.minutes)": 2.5, "sum(metrics.value where name = 'feature_uses')": 12.0,
        "sum(metrics.value where name = 'feature_errors')": 2.0, "latest(touchpoints.at) = max(touchpoints.at)": True,
    }  # fmt: skip
    assert {formula: values(book, formula, NOW)["A-1"] for formula in asked} == asked


def test_a_bad_cell_costs_its_row_alone(imported: tuple[Book, ImportReport]) -> None:
    book, report = imported
    assert isinstance(book.store, DuckStore)
    found = sorted((each.collection, each.row["id"], each.reason.split(";")[0]) for each in list_rejected(book.store))
    assert found == [
        ("events", "U-2", "minutes 'much' is no finite number"),
        ("events", "U-3", "account_id is empty, and a row needs one"),
        ("metrics", "U-2", "value 'many' is no finite number"),
        ("metrics", "U-3", "account_id is empty, and a row needs one"),
        ("tickets", "T-2", "opened_at '2024-13-01' is no time"),
        ("touchpoints", "T-2", "at '2024-13-01' is no time"),
    ]
    for each in report.collections:
        assert each.read == each.added + each.rejected


@pytest.mark.parametrize("name", ["ravenstack", "saasguard"])
def test_the_rules_of_an_example_can_be_judged(imported: tuple[Book, ImportReport], root: Path, name: str) -> None:
    book, _ = imported
    text = (root / "examples" / name / "rules.yaml").read_text(encoding="utf-8")
    definitions, problems = read_rules([("rules.yaml", text)], names=book.names, known=catalog())
    assert problems == ()
    assert definitions.rules
    assert book.judge(definitions.rules, NOW).unknown == {}
