"""Rules about a csm, a team and the company: who matches, what the match says, how many statements it takes."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.engine.facts import NOW, ago, store_of
from tocsin.core.rules import Rule, Variant
from tocsin.engine import Book
from tocsin.engine.replay import replay

ANN, BOB = "ann@ours.example", "bob@ours.example"
SIGNALS = {"logins_7d": "count(events where kind = 'login' in last 7d)", "load": "count(accounts where open)"}
ROWS: dict[str, list[dict[str, Any]]] = {
    "accounts": [
        {"id": "a", "name": "A", "owner": ANN, "mrr": 10, "created_at": ago(99), "churned_at": ago(9)},
        {"id": "b", "name": "B", "owner": ANN, "mrr": 20, "created_at": ago(99), "churned_at": ago(4)},
        {"id": "c", "name": "C", "owner": ANN, "mrr": 30, "created_at": ago(99)},
        {"id": "d", "name": "D", "owner": BOB, "mrr": 40, "created_at": ago(99)},
    ],
    "events": [{"account_id": "c", "name": "login", "kind": "login", "at": ago(1)}],
    "csms": [{"email": ANN, "name": "Ann Lee", "team": "East", "capacity": 1}, {"email": BOB, "team": "West"}],
    "teams": [{"name": "East", "manager": "meg@ours.example"}],
    "tasks": [{"id": "t", "assignee": ANN, "title": "T", "created_at": ago(30), "due_on": ago(3).date()}],
    "alerts": [{"id": "1", "account_id": "c", "rule": "r", "opened_at": ago(2)}],
}


@pytest.fixture(scope="module")
def book(tmp_path_factory: pytest.TempPathFactory) -> Book:
    return Book(store_of(tmp_path_factory.mktemp("rules"), ROWS), SIGNALS, churn_tolerance=0.1)


def rule(when: str, subject: str = "csm", name: str = "r", **given: Any) -> Rule:
    return Rule(name, "A rule", "portfolio", subject=subject, when=when, **given)  # type: ignore[arg-type]


LOST = "count(accounts where status = 'churned')"


def fired(book: Book, *rules: Rule, **asked: Any) -> list[tuple[str, str]]:
    judgement = book.judge(rules, NOW, **asked)
    assert judgement.unknown == {}
    return [(match.rule.id, match.subject_id) for match in judgement.matches]


def test_they_fire_for_whom_they_hold(book: Book) -> None:
    rules = [
        rule(f"{LOST} >= 2", name="csm"),
        rule(f"{LOST} >= 1", "team", "team"),
        rule(f"{LOST} / count(accounts) > churn_tolerance", "company", "company"),
        rule("count(accounts where logins_7d = 0 and open) >= 1", name="silent"),
        rule("count(tasks where overdue) >= 1", name="late"),
        rule("count(alerts where open) >= 1", name="alarmed"),
    ]
    assert fired(book, *rules) == [
        ("alarmed", ANN), ("company", "company"), ("csm", ANN), ("late", ANN), ("silent", BOB), ("team", "East"),
    ]  # fmt: skip


def test_churned_accounts_are_rows_like_others(book: Book) -> None:
    # The rule names neither `status` nor `churned_at`: that shuts out churned subjects, and a csm is none.
    assert fired(book, rule("count(accounts) >= 3")) == [("r", ANN)]
    assert fired(book, rule("sum(accounts.mrr) = 100", "company")) == [("r", "company")]


def test_segments_scopes_and_clear(book: Book) -> None:
    varied = rule("load >= $n", params={"n": 9.0}, vary=(Variant("team = 'West'", {"n": 1.0}),), clear="load = $n")
    judgement = book.judge([varied], NOW)
    assert [match.subject_id for match in judgement.matches] == [BOB]
    assert judgement.scopes == {"r": 2}
    assert judgement.clears == {"r": frozenset({BOB})}
    assert fired(book, rule("load >= 1", where="capacity is not null")) == [("r", ANN)]


@pytest.mark.parametrize(
    ("subject", "message", "said"),
    [
        ("csm", None, "Ann Lee: A rule"),
        ("csm", "{{ csm.name }} ({{ csm.email }}, {{ csm.team }}): {{ value }} of {{ csm.capacity }}",
         f"Ann Lee ({ANN}, East): 2 of 1"),
        ("team", "{{ team.name }}, led by {{ team.manager }}: {{ load }}", "East, led by meg@ours.example: 1"),
        ("company", "{{ value|number }} lost, tolerance {{ company.churn_tolerance|percent }}", "2 lost, tolerance 10%"),
        ("csm", "{{ account.name }} and {{ person.name }}", "unknown and unknown"),
    ],
)  # fmt: skip
def test_what_a_message_tells(book: Book, subject: str, message: str | None, said: str) -> None:
    (match,) = book.judge([rule(f"{LOST} >= 2", subject, message=message)], NOW).matches
    assert match.message == said


def test_a_match_as_json(book: Book) -> None:
    (match,) = book.judge([rule(f"{LOST} >= 2", severity="high")], NOW).matches
    assert match.to_json() == {
        "rule": "r",
        "category": "portfolio",
        "severity": "high",
        "subject": {"kind": "csm", "id": ANN},
        "account_id": None,
        "as_of": "2026-03-31T12:00:00Z",
        "message": "Ann Lee: A rule",
        "evidence": [
            {
                "formula": f"{LOST} >= 2",
                "text": "2 or more accounts with status 'churned'",
                "value": 2,
                "op": ">=",
                "threshold": 2,
            }
        ],
    }
    assert match.clears == "fewer than 2 accounts with status 'churned'"


def test_a_formula_that_means_nothing_for_a_csm_is_told(book: Book) -> None:
    judgement = book.judge([rule("mrr > 1", name="bad"), rule("load > 0", name="good")], NOW)
    assert "write sum(accounts.mrr)" in judgement.unknown["bad"]
    assert [match.rule.id for match in judgement.matches] == ["good", "good"]


def test_only_these_and_those_of_accounts(book: Book) -> None:
    assert fired(book, rule("load >= 1"), only=[BOB]) == [("r", BOB)]
    both = [rule("load >= 1"), rule("mrr > 0", "account", "a")]
    assert fired(book, *both, accounts=["c"]) == [("a", "c")], "nobody on our side belongs to an account"


def test_one_statement_for_each_kind_of_subject(book: Book, monkeypatch: pytest.MonkeyPatch) -> None:
    rules = [
        rule(f"{test} >= {n}", subject, f"{subject}-{index}-{n}")
        for subject in ("csm", "team", "company")
        for index, test in enumerate((LOST, "sum(accounts.logins_7d)", "count(tasks)", "count(alerts)", "ago(load, 7d)"))
        for n in range(3)
    ]
    rules.append(rule("mrr > 1", "account", "account"))
    book.judge(rules, NOW)  # what the facts as a whole are like is known by now
    asked: list[str] = []
    query = type(book.store).query

    def counted(store: Any, sql: str, *more: Any, **named: Any) -> Any:
        asked.append(sql)
        return query(store, sql, *more, **named)

    monkeypatch.setattr(type(book.store), "query", counted)
    assert len(book.judge(rules, NOW).matches) > 20
    assert len(asked) == 4


def test_a_replay_tells_when_they_opened_and_closed(book: Book) -> None:
    held = rule("count(accounts where open) < 3", name="held")
    told = replay(book, [rule(f"{LOST} >= 2"), held], ago(20), NOW)
    assert told.unknown == {}
    found = {
        (each.match.rule.id, each.match.subject_id): (each.opened_at, each.closed_at, each.existing) for each in told.alerts
    }
    assert found == {
        ("r", ANN): (ago(4), None, False),
        ("held", ANN): (ago(9), None, False),
        ("held", BOB): (ago(20), None, True),
    }
    assert {each.match.account_id for each in told.alerts} == {None}
    hourly = replay(book, [rule(f"{LOST} >= 2", "company")], ago(5), NOW, timedelta(hours=5))
    assert [each.opened_at for each in hourly.alerts] == [ago(4, hours=-1)]


def test_who_becomes_a_subject_on_the_way(tmp_path: Path) -> None:
    history = [{"account_id": "a", "field": "owner", "value": who, "at": at} for who, at in ((ANN, ago(90)), (BOB, ago(10)))]
    handed = Book(store_of(tmp_path, {"accounts": [{"id": "a", "name": "A"}], "account_history": history}), {})
    told = replay(handed, [rule("count(accounts) >= 1")], ago(20), NOW)
    assert [(each.match.subject_id, each.opened_at, each.closed_at) for each in told.alerts] == [
        (ANN, ago(20), ago(10)), (BOB, ago(10), None),
    ]  # fmt: skip
