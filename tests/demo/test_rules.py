"""The shipped rules find true cases in the demo, now and in its past, and leave most accounts in peace."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from datetime import timedelta
from zoneinfo import ZoneInfo

import pytest

from tests.demo.conftest import UNTIL
from tocsin.catalog import catalog
from tocsin.engine import Book, Judgement
from tocsin.facts.demo import generate
from tocsin.facts.duckdb import DuckStore

ACCOUNTS = 400
PAST = (60, 150, 240, 330)  # days before
# Of these the demo has no case: they wait for a choice of features, for a forecast, or for a kind of trouble that none of its
# stories tells. Health is computed apart.
SILENT = {
    "feature-a-not-b", "feature-underused", "churn-predicted", "conversion-predicted", "expansion-predicted",
    "active-users-decline", "seats-collapse", "help-often",
}  # fmt: skip
OF_HEALTH = {"renewal-poor-health", "health-poor-long", "health-declining"}
RULES = [
    rule
    for rule in catalog().rules
    if rule.trigger.kind == "when" and rule.subject in {"account", "person", "feature"} and rule.id not in OF_HEALTH
]


@pytest.fixture(scope="module")
def judged() -> Iterator[dict[int, Judgement]]:
    """Days back -> what the catalog says as of then, for the demo that people get."""
    store = DuckStore(":memory:", ZoneInfo("UTC"), currency="USD")
    try:
        generate(store, accounts=ACCOUNTS, until=UNTIL)
        definitions = catalog()
        facts = Book(store, definitions.signals, definitions.segments)
        yield {days: facts.judge(RULES, UNTIL - timedelta(days=days)) for days in (0, *PAST)}
    finally:
        store.close()


@pytest.mark.parametrize("rule", [rule.id for rule in RULES])
def test_the_rule_has_true_and_false_cases_now_or_before(judged: dict[int, Judgement], rule: str) -> None:
    found = {days: sum(match.rule.id == rule for match in each.matches) for days, each in judged.items()}
    assert rule not in judged[0].unknown
    assert (sum(found.values()) == 0) is (rule in SILENT)
    assert rule in SILENT or found[0] < judged[0].scopes[rule]


def test_what_starts_on_has_true_cases_now_and_before(judged: dict[int, Judgement]) -> None:
    on = {rule.id for rule in RULES if rule.state == "on"}
    for moments in ((0,), PAST):
        assert {match.rule.id for days in moments for match in judged[days].matches} >= on


def test_a_csm_has_some_alerts_and_not_a_hundred(judged: dict[int, Judgement]) -> None:
    sounding = [match for match in judged[0].matches if match.rule.state == "on"]
    accounts = Counter(match.account_id for match in sounding)
    assert 30 <= len(accounts) <= ACCOUNTS * 0.35
    assert 5 <= len(sounding) / 10 <= 15  # ten CSMs
    assert max(accounts.values()) <= 6
