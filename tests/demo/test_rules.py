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
RULES = [rule for rule in catalog().rules if rule.trigger.kind == "when" and rule.subject in {"account", "person", "feature"}]


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
def test_the_rule_has_true_and_false_cases_now_and_before(judged: dict[int, Judgement], rule: str) -> None:
    found = {days: sum(match.rule.id == rule for match in each.matches) for days, each in judged.items()}
    assert rule not in judged[0].unknown
    assert 1 <= found[0] < judged[0].scopes[rule]
    assert sum(found[days] for days in PAST) >= 1


def test_a_csm_has_some_alerts_and_not_a_hundred(judged: dict[int, Judgement]) -> None:
    sounding = [match for match in judged[0].matches if match.rule.state == "on"]
    accounts = Counter(match.account_id for match in sounding)
    assert 30 <= len(accounts) <= ACCOUNTS * 0.35
    assert 5 <= len(sounding) / 10 <= 15  # ten CSMs
    assert max(accounts.values()) <= 6
