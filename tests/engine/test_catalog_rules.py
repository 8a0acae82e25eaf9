"""The shipped rules on facts: who fires and who does not, on both sides of each threshold, with nulls, and with "never"."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.engine.facts import NOW, ago, day, store_of
from tocsin.catalog import catalog
from tocsin.engine import Book
from tocsin.facts.duckdb import DuckStore

RULES = {rule.id: rule for rule in catalog().rules}
Row = dict[str, Any]


@dataclass
class Case:
    """An account of its own, with what it has; whether the rule fires for it (of features: for which)."""

    fires: bool | str
    account: Row = field(default_factory=dict)
    rows: dict[str, list[Row]] = field(default_factory=dict)


def case(fires: bool | str, *, rows: dict[str, list[Row]] | None = None, **account: Any) -> Case:
    return Case(fires, account, rows or {})


def events(count: int, days: float, **columns: Any) -> list[Row]:
    """So many events at one instant, so many days back."""
    return [{"name": "opened", "at": ago(days), "kind": "feature", **columns} for _ in range(count)]


def logins(*days: float, person: str | None = None) -> list[Row]:
    return [{"name": "login", "kind": "login", "at": ago(each), "person_id": person} for each in days]


def used(before: int, now: int, **columns: Any) -> dict[str, list[Row]]:
    """Uses in the 30 days before the last 30, and in the last 30."""
    return {"events": events(before, 40, **columns) + events(now, 10, **columns)}


def person(role: str | None, *, rows: list[Row] | None = None, **columns: Any) -> dict[str, list[Row]]:
    """One person, `<account>.p`, with events of their own."""
    own = [{**row, "person_id": ".p"} for row in rows or []]
    return {"people": [{"id": ".p", "name": "Zoë", "role": role, "created_at": ago(300), **columns}], "events": own}


def stage(name: str, days: float | None, **columns: Any) -> Row:
    entered = None if days is None else ago(days)
    return {"lifecycle_stage": name, "stage_entered_at": entered, **columns}


def started(days: float, tier: int | None = None, **columns: Any) -> Row:
    return {
        "onboarding_started_at": ago(days),
        "lifecycle_stage": "Onboarding",
        "tier": tier,
        "created_at": ago(days + 5),
        **columns,
    }


def mrr(*entries: tuple[float, float]) -> dict[str, list[Row]]:
    return {"account_history": [{"field": "mrr", "value": value, "at": ago(days)} for days, value in entries]}


SECOND = 1 / 86_400
FOUR = [20, 21, 22, 23]
CASES: dict[str, dict[str, Case]] = {
    "no-login": {
        "just over 14 days": case(True, rows={"events": events(1, 14 + SECOND)}),
        "exactly 14 days": case(False, rows={"events": events(1, 14)}),
        "never": case(True),
        "never, but new": case(False, created_at=ago(13)),
        "never, and of unknown age": case(False, created_at=None),
        "errors alone are no use": case(True, rows={"events": events(3, 1, kind="error")}),
        "what nobody has marked is use": case(False, rows={"events": events(1, 1, kind=None)}),
        "only after the moment": case(True, rows={"events": events(1, -1)}),
        "churned": case(False, churned_at=ago(5)),
        "churns later": case(True, churned_at=ago(-5)),
    },
    "onboarding-stuck": {
        "over 14 days in the stage": case(True, **stage("Onboarding", 14 + SECOND)),
        "exactly 14 days": case(False, **stage("Onboarding", 14)),
        "in another stage for long": case(False, **stage("Adoption", 200)),
        "complete": case(False, **stage("Onboarding", 60, onboarding_completed_at=ago(1))),
        "complete only later": case(True, **stage("Onboarding", 60, onboarding_completed_at=ago(-1))),
        "nobody knows since when": case(False, **stage("Onboarding", None)),
        "no stage": case(False),
        "moved on lately": case(
            False,
            rows={"account_history": [
                {"field": "lifecycle_stage", "value": "Trial", "at": ago(90)},
                {"field": "lifecycle_stage", "value": "Onboarding", "at": ago(3)},
            ]},
            **stage("Onboarding", 90),
        ),
        "another use case is stuck": case(
            True, rows={"onboardings": [{"started_at": ago(90), "stage_entered_at": ago(15)}]}, **stage("Adoption", 200),
        ),
        "another use case moves": case(False, rows={"onboardings": [{"started_at": ago(90), "stage_entered_at": ago(13)}]}),
        "another use case never moved": case(True, rows={"onboardings": [{"started_at": ago(15)}]}),
        "another use case is done": case(False, rows={"onboardings": [{"started_at": ago(90), "completed_at": ago(1)}]}),
    },
    "tier-first-weeks": {
        "tier 1, 4 logins in the week": case(True, rows={"events": logins(6, 5, 4, 3)}, **started(7, 1)),
        "tier 1, 5 logins in the week": case(False, rows={"events": logins(6, 5, 4, 3, 2)}, **started(7, 1)),
        "tier 1, the week is not over": case(False, **started(7 - SECOND, 1)),
        "tier 1, 4 in the week and more after it": case(True, rows={"events": logins(9, 8, 7, 6, 2, 1)}, **started(10, 1)),
        "tier 1, a login before the start": case(True, rows={"events": logins(8, 6, 5, 4, 3)}, **started(7, 1)),
        "tier 3, never in two weeks": case(True, **started(14, 3)),
        "tier 3, once": case(False, rows={"events": logins(1)}, **started(14, 3)),
        "tier 3, never, two weeks are not over": case(False, **started(13, 3)),
        "tier 2, twice": case(True, rows={"events": logins(3, 2)}, **started(14, 2)),
        "tier 2, three times": case(False, rows={"events": logins(3, 2, 1)}, **started(14, 2)),
        "no tier, never": case(True, **started(14)),
        "not started": case(False, lifecycle_stage="Onboarding", tier=1),
        "in another stage": case(False, **{**started(14, 1), "lifecycle_stage": "Adoption"}),
        "complete": case(False, onboarding_completed_at=ago(1), **started(14, 1)),
    },
    "renewal-no-qbr": {
        "in 90 days, never a review": case(True, renews_on=day(-90)),
        "in 91 days": case(False, renews_on=day(-91)),
        "no renewal date": case(False),
        "a review 60 days back": case(False, renews_on=day(-30), rows={"touchpoints": [{"kind": "qbr", "at": ago(60)}]}),
        "a review over 60 days back": case(
            True, renews_on=day(-30), rows={"touchpoints": [{"kind": "qbr", "at": ago(60 + SECOND)}]},
        ),
        "calls are no review": case(True, renews_on=day(-30), rows={"touchpoints": [{"kind": "call", "at": ago(1)}]}),
        "a review ahead is no review": case(True, renews_on=day(-30), rows={"touchpoints": [{"kind": "qbr", "at": ago(-2)}]}),
        "booked": case(
            False, renews_on=day(-30), rows={"meetings": [{"kind": "qbr", "booked_at": ago(2), "planned_at": ago(-5)}]},
        ),
        "booked without a date": case(False, renews_on=day(-30), rows={"meetings": [{"kind": "qbr", "booked_at": ago(2)}]}),
        "booked, not held": case(
            True, renews_on=day(-30), rows={"meetings": [{"kind": "qbr", "booked_at": ago(20), "planned_at": ago(5)}]},
        ),
        "booked and cancelled": case(
            True, renews_on=day(-30),
            rows={"meetings": [{"kind": "qbr", "booked_at": ago(9), "planned_at": ago(-5), "cancelled_at": ago(1)}]},
        ),
        "overdue": case(True, renews_on=day(90)),
        "overdue for ever": case(False, renews_on=day(91)),
        "a customer for 30 days": case(False, renews_on=day(-60), created_at=ago(30)),
    },
    "license-70": {
        "over 70 %": case(True, seats=10, seats_used=8),
        "exactly 70 %": case(False, seats=10, seats_used=7),
        "too few seats": case(False, seats=9, seats_used=9),
        "seats unknown": case(False, seats_used=9),
    },
    "license-90": {
        "exactly 90 %": case(True, seats=10, seats_used=9),
        "under 90 %": case(False, seats=100, seats_used=89),
        "a single seat": case(False, seats=1, seats_used=1),
        "no seats": case(False, seats=0, seats_used=5),
    },
    "license-100": {
        "all seats": case(True, seats=9, seats_used=9),
        "all but one": case(False, seats=100, seats_used=99),
        "active users stand in": case(
            True, seats=2, rows={"events": [*events(1, 3, person_id=".a"), *events(2, 29, person_id=".b")]},
        ),
        "users who left do not": case(
            False, seats=2, rows={"events": [*events(1, 3, person_id=".a"), *events(2, 30, person_id=".b")]},
        ),
        "nobody ever": case(False, seats=2),
        "no seats": case(False, seats=0),
    },
    "key-person-silent": {
        "a champion who used to come": case(True, rows=person("champion", rows=logins(*FOUR))),
        "came three times only": case(False, rows=person("champion", rows=logins(20, 21, 22))),
        "came too long ago": case(False, rows=person("champion", rows=logins(20, 21, 22, 42))),
        "exactly 14 days": case(False, rows=person("champion", rows=logins(14, 20, 21, 22))),
        "just over 14 days": case(True, rows=person("power_user", rows=logins(14 + SECOND, 20, 21, 22))),
        "back": case(False, rows=person("champion", rows=logins(1, *FOUR))),
        "never came": case(False, rows=person("champion")),
        "anybody": case(False, rows=person("user", rows=logins(*FOUR))),
        "of unknown role": case(False, rows=person(None, rows=logins(*FOUR))),
        "with several roles": case(True, rows=person("user", rows=logins(*FOUR), roles=["admin", "point_of_contact"])),
        "deleted": case(False, rows=person("champion", rows=logins(*FOUR), deleted_at=ago(2))),
        "of a churned account": case(False, rows=person("champion", rows=logins(*FOUR)), churned_at=ago(1)),
    },
    "feature-dip": {
        "by half": case("exports", rows=used(50, 25, feature="exports")),
        "by less": case(False, rows=used(50, 26, feature="exports")),
        "from too few": case(False, rows=used(49, 1, feature="exports")),
        "to nothing": case("exports", rows=used(50, 0, feature="exports")),
        "first used lately": case(False, rows=used(0, 60, feature="exports")),
        "one of two": case(
            "boards",
            rows={"events": [*used(60, 60, feature="exports")["events"], *used(60, 10, feature="boards")["events"]]},
        ),
    },
    "critical-ticket-old": {
        "over 5 days": case(True, rows={"tickets": [{"priority": "critical", "opened_at": ago(5 + SECOND)}]}),
        "exactly 5 days": case(False, rows={"tickets": [{"priority": "critical", "opened_at": ago(5)}]}),
        "tier 1, over a day": case(True, tier=1, rows={"tickets": [{"priority": "critical", "opened_at": ago(1, 1)}]}),
        "tier 1, under a day": case(False, tier=1, rows={"tickets": [{"priority": "critical", "opened_at": ago(0, 23)}]}),
        "resolved": case(False, rows={"tickets": [{"priority": "critical", "opened_at": ago(9), "resolved_at": ago(1)}]}),
        "resolved later": case(True, rows={"tickets": [{"priority": "critical", "opened_at": ago(9), "resolved_at": ago(-1)}]}),
        "not critical": case(False, rows={"tickets": [{"priority": "high", "opened_at": ago(90)}]}),
        "of unknown priority": case(False, rows={"tickets": [{"opened_at": ago(90)}]}),
        "none": case(False),
    },
    "invoice-overdue": {
        "due 10 days ago": case(True, rows={"invoices": [{"amount": 5, "issued_on": day(40), "due_on": day(10)}]}),
        "due 9 days ago": case(False, rows={"invoices": [{"amount": 5, "issued_on": day(40), "due_on": day(9)}]}),
        "paid": case(False, rows={"invoices": [{"amount": 5, "issued_on": day(40), "due_on": day(30), "paid_on": day(1)}]}),
        "paid later": case(
            True, rows={"invoices": [{"amount": 5, "issued_on": day(40), "due_on": day(30), "paid_on": day(-1)}]},
        ),
        "not due": case(False, rows={"invoices": [{"amount": 5, "issued_on": day(40), "due_on": day(-9)}]}),
        "none": case(False),
    },
    "touchpoint-gap": {
        "tier 1, over 30 days": case(True, tier=1, rows={"touchpoints": [{"kind": "call", "at": ago(30 + SECOND)}]}),
        "tier 1, exactly 30 days": case(False, tier=1, rows={"touchpoints": [{"kind": "call", "at": ago(30)}]}),
        "tier 2, over 60 days": case(True, tier=2, rows={"touchpoints": [{"kind": "email", "at": ago(60 + SECOND)}]}),
        "tier 2, 59 days": case(False, tier=2, rows={"touchpoints": [{"kind": "email", "at": ago(59)}]}),
        "tier 1, never": case(True, tier=1),
        "tier 1, never, but new": case(False, tier=1, created_at=ago(10)),
        "tech touch, never": case(False, tier=3),
        "no tier, never": case(False),
    },
    "mrr-dip": {
        "by 5 %": case(True, mrr=950, rows=mrr((100, 1000), (5, 950))),
        "by less": case(False, mrr=951, rows=mrr((100, 1000), (5, 951))),
        "over 30 days ago": case(False, mrr=900, rows=mrr((100, 1000), (31, 900))),
        "exactly 30 days ago": case(False, mrr=900, rows=mrr((100, 1000), (30, 900))),
        "up": case(False, mrr=1100, rows=mrr((100, 1000), (5, 1100))),
        "from nothing": case(False, mrr=0, rows=mrr((100, 0), (5, 0))),
        "constant": case(False, mrr=1000),
        "unknown": case(False),
        "a new customer": case(False, mrr=900, created_at=ago(20), rows=mrr((20, 1000), (5, 900))),
    },
    "task-overdue": {
        "due yesterday": case(True, rows={"tasks": [{"due_on": day(1)}]}),
        "due today": case(False, rows={"tasks": [{"due_on": day(0)}]}),
        "done": case(False, rows={"tasks": [{"due_on": day(9), "completed_at": ago(1)}]}),
        "done later": case(True, rows={"tasks": [{"due_on": day(9), "completed_at": ago(-1)}]}),
        "without a date": case(False, rows={"tasks": [{}]}),
        "none": case(False),
    },
}  # fmt: skip
NEEDED: dict[str, Row] = {
    "onboardings": {"name": "First"},
    "touchpoints": {"subject": "Hello"},
    "tasks": {"assignee": "ann@ours.example", "title": "Call", "created_at": ago(60)},
}


def facts(cases: dict[str, Case]) -> dict[str, list[Row]]:
    """The rows of all cases: each account has its case's name as id; ids of people that start with a dot follow it."""
    tables: dict[str, list[Row]] = {"accounts": []}
    for name, each in cases.items():
        tables["accounts"].append({"id": name, "name": name, "created_at": ago(400), **each.account})
        for collection, rows in each.rows.items():
            for number, row in enumerate(rows):
                whole = {"id": f"{name}#{number}", "account_id": name, **NEEDED.get(collection, {}), **row}
                for key in ("id", "person_id"):
                    if str(whole.get(key) or "").startswith("."):
                        whole[key] = f"{name}{whole[key]}"
                if collection == "account_history":
                    del whole["id"]
                tables.setdefault(collection, []).append(whole)
    return tables


def fired(store: DuckStore, *rule_ids: str) -> set[tuple[str, str]]:
    """(rule, subject id) of all matches as of NOW."""
    book = Book(store, catalog().signals)
    judgement = book.judge([RULES[each] for each in rule_ids], NOW)
    assert judgement.unknown == {}
    return {(match.rule.id, match.subject_id) for match in judgement.matches}


ALL = {f"{rule_id}: {name}": each for rule_id, cases in CASES.items() for name, each in cases.items()}


@pytest.fixture(scope="module")
def matches(tmp_path_factory: pytest.TempPathFactory) -> Iterator[set[tuple[str, str]]]:
    """What the rules say of all cases, judged together."""
    store = store_of(tmp_path_factory.mktemp("catalog"), facts(ALL))
    yield fired(store, *CASES)
    store.close()


def rule_of(name: str) -> str:
    return name.partition(":")[0]


def subject_of(name: str, each: Case) -> str:
    rule = RULES[rule_of(name)]
    if rule.subject == "person":
        return f"{name}.p"
    return f"{name}/{each.fires}" if rule.subject == "feature" else name


@pytest.mark.parametrize("name", ALL)
def test_a_rule_fires_where_it_should_and_nowhere_else(name: str, matches: set[tuple[str, str]]) -> None:
    rule_id, each = rule_of(name), ALL[name]
    found = {
        subject
        for rule, subject in matches
        if rule == rule_id and subject.removeprefix(name)[:1] in ("", ".", "/") and subject.startswith(name)
    }
    assert found == ({subject_of(name, each)} if each.fires else set())


def test_every_rule_has_cases_of_both_kinds() -> None:
    assert {*CASES, "usage-drop"} == set(RULES)
    for cases in CASES.values():
        assert {bool(each.fires) for each in cases.values()} == {True, False}


# --- A drop beyond the market's: the others matter


def test_usage_drop_in_a_steady_market(tmp_path: Path) -> None:
    cases = {f"steady {number}": case(False, rows=used(100, 100)) for number in range(5)} | {
        "by 30 %": case(True, rows=used(100, 70)),
        "by less": case(False, rows=used(100, 71)),
        "from too few": case(False, rows=used(99, 1)),
        "never used": case(False),
        "new use": case(False, rows=used(0, 500)),
        "errors are no use": case(False, rows={"events": [*events(100, 40, kind="error"), *events(1, 10, kind="error")]}),
        "of a churned account": case(False, rows=used(100, 10), churned_at=ago(1)),
    }
    store = store_of(tmp_path, facts(cases))
    assert fired(store, "usage-drop") == {("usage-drop", name) for name, each in cases.items() if each.fires}
    store.close()


def test_usage_drop_passes_over_what_everybody_does(tmp_path: Path) -> None:
    falling = {f"falling {number}": case(False, rows=used(100, 65)) for number in range(5)}
    cases = {**falling, "beyond it": case(True, rows=used(200, 60)), "not beyond it": case(False, rows=used(200, 80))}
    store = store_of(tmp_path, facts(cases))
    assert fired(store, "usage-drop") == {("usage-drop", "beyond it")}
    store.close()


def test_usage_drop_is_a_drop_of_its_own(tmp_path: Path) -> None:
    growing = {f"growing {number}": case(False, rows=used(100, 150)) for number in range(5)}
    store = store_of(tmp_path, facts({**growing, "flat": case(False, rows=used(100, 100))}))
    assert fired(store, "usage-drop") == set()
    store.close()


# --- What an alert shows


def test_evidence_message_and_what_would_clear_it(tmp_path: Path) -> None:
    cases = {"Acme": case(True, rows={"events": events(1, 20)})}
    book = Book(store_of(tmp_path, facts(cases)), catalog().signals)
    (match,) = book.judge([RULES["no-login"]], NOW).matches
    assert match.message == "Nobody at Acme has used the product for 20 days. Call before they get used to it."
    (line,) = match.evidence
    assert (line.value, line.op, line.threshold) == (20.0, ">", 14.0)
    assert line.text
    assert match.clears


def test_a_variant_gives_the_threshold_of_the_evidence(tmp_path: Path) -> None:
    tickets = {"tickets": [{"priority": "critical", "opened_at": ago(3)}]}
    book = Book(store_of(tmp_path, facts({"Acme": case(True, tier=1, rows=tickets)})), catalog().signals)
    (match,) = book.judge([RULES["critical-ticket-old"]], NOW).matches
    assert [(line.value, line.threshold) for line in match.evidence] == [(3.0, 1.0)]
    assert "has been open for 3 days" in match.message


def test_as_of_the_past_the_same_rules_see_only_the_past(tmp_path: Path) -> None:
    rows = {"events": [*events(1, 40), *events(1, 10)]}
    book = Book(store_of(tmp_path, facts({"Acme": case(False, rows=rows)})), catalog().signals)
    moments = {days: NOW - timedelta(days=days) for days in (41, 39, 27, 26, 25, 11, 9, 0)}
    firing = [days for days, moment in moments.items() if book.judge([RULES["no-login"]], moment).matches]
    assert firing == [41, 25, 11]


def test_clear_formulas_are_judged_beside_the_conditions(tmp_path: Path) -> None:
    cases = {
        "full": case(True, seats=100, seats_used=91),
        "a little less": case(False, seats=100, seats_used=86),
        "well below": case(False, seats=100, seats_used=84),
    }
    book = Book(store_of(tmp_path, facts(cases)), catalog().signals)
    judgement = book.judge([RULES["license-90"]], NOW)
    assert [match.subject_id for match in judgement.matches] == ["full"]
    assert judgement.clears == {"license-90": frozenset({"well below"})}
