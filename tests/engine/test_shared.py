"""What rules about different kinds of subject ask in common: it is computed once, and each says what it says alone."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import pytest

from tests.engine.facts import NOW, Rows, ago, day, store_of
from tocsin.core.rules import Rule
from tocsin.engine import Book
from tocsin.engine.lookback import TABLE

ANN, BOB = "ann@ours.example", "bob@ours.example"
SIGNALS = {"uses": "count(events in last 7d)", "worth": "mrr * 2"}
ROWS: Rows = {
    "accounts": [
        {"id": "d", "name": "D", "owner": BOB, "mrr": 40, "currency": "USD", "created_at": ago(99)},
        {"id": "b", "name": "B", "owner": ANN, "mrr": 20, "currency": "USD", "created_at": ago(99), "churned_at": ago(4)},
        {"id": "c", "name": "C", "owner": ANN, "mrr": 30, "created_at": ago(99)},
        {"id": "late", "name": "L", "owner": BOB, "mrr": 10, "created_at": ago(-20)},
    ],
    "people": [{"id": f"p {name}", "account_id": name, "created_at": ago(60)} for name in "bcd"],
    "events": [
        *({"account_id": "c", "person_id": "p c", "name": "use", "feature": "x", "at": ago(days)} for days in (1, 2, 3)),
        {"account_id": "d", "person_id": "p d", "name": "use", "feature": "x", "at": ago(1)},
        {"account_id": "late", "name": "use", "at": ago(1)},
    ],
    "csms": [{"email": ANN, "team": "East"}, {"email": BOB, "team": "East"}],
}
RATES: Rows = {"rates": [{"currency": "USD", "on": day(50), "rate": 3}]}


def rule(when: str, subject: str, name: str, **given: Any) -> Rule:
    return Rule(name, "A rule", "portfolio", subject=subject, when=when, **given)  # type: ignore[arg-type]


RULES = [
    rule("sum(accounts.uses) >= 3", "csm", "csm", message="{sum_of_uses} of {csm.id}"),
    rule("sum(accounts.uses) >= 4", "team", "team"),
    rule("count(accounts where uses = 0) >= 1", "company", "company"),
    rule("sum(accounts.worth) >= 100", "csm", "worth"),
    rule("ago(sum(accounts.uses), 2d) >= 1", "csm", "before"),
    rule("uses < market(uses)", "account", "below"),
    rule("uses > market(uses)", "person", "person"),
    rule("uses >= 1", "account", "uses", clear="uses = 0"),
]


@pytest.fixture(scope="module", params=[{}, RATES], ids=["one currency", "rates"])
def book(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Book:
    store = store_of(tmp_path_factory.mktemp("shared"), ROWS | request.param)
    return Book(store, {**SIGNALS, "sum_of_uses": "sum(accounts.uses)"})


def told(book: Book, rules: Sequence[Rule], moment: datetime, **asked: Any) -> list[tuple[str, str, str, str]]:
    judgement = book.judge(rules, moment, **asked)
    assert judgement.unknown == {}
    return [(each.rule.id, each.subject_id, each.message, repr(each.evidence)) for each in judgement.matches]


def queries(book: Book, rules: Sequence[Rule], monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, Any]]:
    """The statements that judging takes, with the tables that each names besides."""
    asked: list[tuple[str, Any]] = []
    query = type(book.store).query

    def noted(store: Any, sql: str, *more: Any, tables: Any = None, **named: Any) -> Any:
        asked.append((sql, tables))
        return query(store, sql, *more, tables=tables, **named)

    with monkeypatch.context() as patch:
        patch.setattr(type(book.store), "query", noted)
        book.judge(rules, NOW)
    return asked


@pytest.mark.parametrize("moment", [NOW, ago(1.5), ago(8), ago(-25)])
@pytest.mark.parametrize("asked", [{}, {"accounts": ["c"]}, {"only": ["c", "p c", ANN]}])
def test_together_rules_say_what_each_says_alone(book: Book, moment: datetime, asked: dict[str, Any]) -> None:
    alone = [line for each in sorted(RULES, key=lambda each: each.id) for line in told(book, [each], moment, **asked)]
    assert told(book, RULES, moment, **asked) == alone
    assert told(book, RULES[::-1], moment, **asked) == alone


def test_what_each_says(book: Book) -> None:
    found = {(name, subject) for name, subject, *_ in told(book, RULES, NOW)}
    worth = {("worth", ANN), ("worth", BOB)} if book.converts else {("worth", ANN)}
    assert found >= {("csm", ANN), ("team", "East"), ("company", "company"), ("person", "p c")} | worth
    assert ("csm", BOB) not in found


def test_accounts_are_asked_once(book: Book, monkeypatch: pytest.MonkeyPatch) -> None:
    book.judge(RULES, NOW)
    asked = queries(book, RULES, monkeypatch)
    [csms] = [(sql, tables) for sql, tables in asked if "our_people" in sql and "spans" in sql]
    [company] = [(sql, tables) for sql, tables in asked if "company" in sql and "our_people" not in sql]
    if book.converts:  # what they ask of accounts is in another currency then
        assert not csms[1]
        assert '"events"' in company[0]
        return
    assert TABLE in csms[1]
    assert '"events"' in csms[0], "as of an earlier moment the accounts have not been asked"
    assert TABLE in company[1]
    assert '"events"' not in company[0]


def test_medians_are_asked_once(book: Book, monkeypatch: pytest.MonkeyPatch) -> None:
    rules = [
        rule("uses < market(uses)", "account", "a"),
        rule("uses > market(uses)", "person", "p"),
        rule("count(events in last 30d) > market(count(events in last 30d))", "account", "b"),
    ]
    assert len(queries(book, rules, monkeypatch)) == 3, "of accounts, of people, and one of the medians"
    assert len(queries(book, rules, monkeypatch)) == 2, "the medians of the day are known"
