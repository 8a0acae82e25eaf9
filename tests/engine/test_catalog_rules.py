"""What the shipped rules show where they fire. Whom they fire for is said in the test file beside each rule."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

from tests.engine.facts import NOW, Rows, ago, store_of
from tocsin.catalog import catalog
from tocsin.engine import Book

RULES = {rule.id: rule for rule in catalog().rules}


def account(name: str = "Acme", **columns: Any) -> dict[str, Any]:
    """A customer for more than a year."""
    return {"id": name, "name": name, "created_at": ago(400), **columns}


def uses(*days: float) -> list[dict[str, Any]]:
    """One use each, so many days back."""
    return [{"account_id": "Acme", "name": "opened", "kind": "feature", "at": ago(each)} for each in days]


def book(folder: Path, rows: Rows) -> Book:
    """The rows as the shipped signals see them."""
    return Book(store_of(folder, rows), catalog().signals)


def test_evidence_message_and_what_would_clear_it(tmp_path: Path) -> None:
    facts = book(tmp_path, {"accounts": [account()], "events": uses(20)})
    (match,) = facts.judge([RULES["no-login"]], NOW).matches
    assert match.message == "Nobody at Acme has used the product for 20 days. Call before they get used to it."
    (line,) = match.evidence
    assert (line.value, line.op, line.threshold) == (20.0, ">", 14.0)
    assert line.text
    assert match.clears


def test_a_variant_gives_the_threshold_of_the_evidence(tmp_path: Path) -> None:
    tickets = [{"id": "t", "account_id": "Acme", "priority": "critical", "opened_at": ago(3)}]
    facts = book(tmp_path, {"accounts": [account(tier=1)], "tickets": tickets})
    (match,) = facts.judge([RULES["critical-ticket-old"]], NOW).matches
    assert [(line.value, line.threshold) for line in match.evidence] == [(3.0, 1.0)]
    assert "has been open for 3 days" in match.message


def test_as_of_the_past_the_same_rules_see_only_the_past(tmp_path: Path) -> None:
    facts = book(tmp_path, {"accounts": [account()], "events": uses(40, 10)})
    moments = {days: NOW - timedelta(days=days) for days in (41, 39, 27, 26, 25, 11, 9, 0)}
    firing = [days for days, moment in moments.items() if facts.judge([RULES["no-login"]], moment).matches]
    assert firing == [41, 25, 11]


def test_clear_formulas_are_judged_beside_the_conditions(tmp_path: Path) -> None:
    used = {"full": 91, "a little less": 86, "well below": 84}
    facts = book(tmp_path, {"accounts": [account(name, seats=100, seats_used=count) for name, count in used.items()]})
    judgement = facts.judge([RULES["license-90"]], NOW)
    assert [match.subject_id for match in judgement.matches] == ["full"]
    assert judgement.clears == {"license-90": frozenset({"well below"})}
