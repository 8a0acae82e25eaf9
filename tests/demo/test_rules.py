"""The shipped rules find true cases in the demo, now and in its past, and leave most accounts in peace."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from tests.demo.conftest import UNTIL
from tocsin.catalog import catalog
from tocsin.core.profiles import ProfileVersion
from tocsin.engine import Book, HealthModel, Judgement
from tocsin.engine.replay import replay
from tocsin.facts.demo import generate
from tocsin.facts.duckdb import DuckStore

pytestmark = pytest.mark.long
ACCOUNTS = 400
PAST = (90, 130, 240, 330)  # days before; one of them at the beginning of a month
LATELY = timedelta(days=200)
RULES = {rule.id: rule for rule in catalog().rules}
# Rules that find nobody in the demo, and why.
NOBODY = {
    "feature-underused": "somebody must say which feature is critical",
    "feature-a-not-b": "somebody must say which features these are",
    "mature-without-feature": "somebody must say which feature it is",
    "churn-predicted": "no forecast has been trained",
    "conversion-predicted": "no forecast has been trained",
    "expansion-predicted": "no forecast has been trained",
    "seats-collapse": "seats are given back one by one",
    "help-often": "nobody is as lost as that",
    "csm-overloaded": "trouble is spread evenly",
}
CONDITIONS = [rule for rule in RULES.values() if rule.trigger.kind == "when"]
TRIGGERS = [rule for rule in RULES.values() if rule.trigger.kind != "when"]


@pytest.fixture(scope="module")
def demo() -> Iterator[Book]:
    """The demo that people get, with health as it is scored there."""
    store = DuckStore(":memory:", ZoneInfo("UTC"), currency="USD")
    generate(store, accounts=ACCOUNTS, until=UNTIL)
    shipped, always = catalog(), datetime(1970, 1, 1, tzinfo=UTC)
    health = HealthModel(tuple(ProfileVersion(each, 1, always, shipped.signals) for each in shipped.profiles))
    yield Book(store, shipped.signals, shipped.segments, health=health, churn_tolerance=0.1)
    store.close()


@pytest.fixture(scope="module")
def judged(demo: Book) -> dict[int, Judgement]:
    """Days back -> what the conditions say as of then."""
    return {days: demo.judge(CONDITIONS, UNTIL - timedelta(days=days)) for days in (0, *PAST)}


@pytest.fixture(scope="module")
def opened(demo: Book) -> Counter[str]:
    """How many alerts each rule on events, changes, new rows and dates would have opened lately."""
    told = replay(demo, TRIGGERS, UNTIL - LATELY, UNTIL, timedelta(days=1))
    assert told.unknown == {}
    return Counter(alert.match.rule.id for alert in told.alerts)


@pytest.mark.parametrize("rule", [rule.id for rule in CONDITIONS if rule.id not in NOBODY])
def test_a_condition_is_true_of_some_and_never_of_all(judged: dict[int, Judgement], rule: str) -> None:
    found = {days: sum(match.rule.id == rule for match in each.matches) for days, each in judged.items()}
    assert rule not in judged[0].unknown
    assert sum(found.values()) >= 1
    if RULES[rule].subject in ("account", "person", "feature"):
        assert found[0] < judged[0].scopes[rule]


@pytest.mark.parametrize("rule", [rule.id for rule in TRIGGERS if rule.id not in NOBODY])
def test_a_trigger_is_set_off(opened: Counter[str], rule: str) -> None:
    assert opened[rule] >= 1


@pytest.mark.parametrize("rule", sorted(NOBODY))
def test_a_rule_that_cannot_speak_here_is_silent(judged: dict[int, Judgement], opened: Counter[str], rule: str) -> None:
    assert opened[rule] == 0
    assert not [match for each in judged.values() for match in each.matches if match.rule.id == rule]
    assert rule not in judged[0].unknown


def test_a_csm_has_some_alerts_and_not_a_hundred(judged: dict[int, Judgement]) -> None:
    sounding = [match for match in judged[0].matches if match.rule.state == "on"]
    accounts = Counter(match.account_id for match in sounding)
    assert 30 <= len(accounts) <= ACCOUNTS * 0.35
    assert 5 <= len(sounding) / 10 <= 15  # ten CSMs
    assert max(accounts.values()) <= 6
