"""Who matches a rule: scopes, `vary`, the churned and the deleted, what is unknown, what is asked about, and in which order."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.engine.facts import NOW, Rows, ago, store_of
from tocsin.core.rules import Rule, Trigger, Variant
from tocsin.engine import Book, Judgement

SIGNALS = {"tickets_open": "count(tickets where open)", "lost": "status = 'churned'", "broken": "count(nothing)"}
ROWS: Rows = {
    "accounts": [
        {"id": "Zed", "name": "Zed", "tier": 1, "seats": 5, "mrr": 10, "created_at": ago(300)},
        {"id": "acme", "name": "Acme & Söhne", "tier": 2, "seats": 5, "mrr": 20, "created_at": ago(300)},
        {"id": "bolt", "name": "Bolt", "tier": 3, "seats": 5, "mrr": None, "created_at": ago(300)},
        {"id": "core", "name": "Core", "tier": None, "seats": 5, "mrr": 40, "created_at": ago(300)},
        {"id": "gone", "name": "Gone", "tier": 1, "seats": 5, "mrr": 50, "created_at": ago(300), "churned_at": ago(9)},
        {"id": "later", "name": "Later", "tier": 1, "seats": 5, "mrr": 60, "created_at": ago(-1)},
    ],
    "people": [
        {"id": "p1", "account_id": "acme", "name": "Zoë", "role": "champion", "created_at": ago(90)},
        {"id": "p2", "account_id": "acme", "email": "bo@acme.example", "role": "user", "created_at": ago(90)},
        {"id": "p3", "account_id": "bolt", "name": "Left", "role": "champion", "created_at": ago(90), "deleted_at": ago(5)},
        {"id": "p4", "account_id": "gone", "name": "Theirs", "role": "champion", "created_at": ago(90)},
    ],
    "events": [
        {"id": f"{account} {feature} {number}", "account_id": account, "person_id": "p1", "name": "x", "feature": feature,
         "at": ago(2)}
        for account, feature, count in (("acme", "b/c", 2), ("acme", "api", 3), ("bolt", "api", 1), ("gone", "api", 4))
        for number in range(count)
    ],
    "tickets": [{"id": "t", "account_id": "Zed", "priority": "high", "opened_at": ago(3)}],
}  # fmt: skip


@pytest.fixture(scope="module")
def book(tmp_path_factory: pytest.TempPathFactory) -> Book:
    return Book(store_of(tmp_path_factory.mktemp("judge"), ROWS), SIGNALS)


def rule(when: str | None = "seats > 0", *, name: str = "r", **given: Any) -> Rule:
    return Rule(name, "A rule", "risk", when=when, **given)


def subjects(judgement: Judgement, name: str = "r") -> list[str]:
    return [match.subject_id for match in judgement.matches if match.rule.id == name]


def fired(book: Book, *rules: Rule, **asked: Any) -> list[str]:
    judgement = book.judge(rules, NOW, **asked)
    assert judgement.unknown == {}
    return subjects(judgement)


# --- Scope and condition


def test_it_fires_where_the_condition_is_true_never_where_it_is_null(book: Book) -> None:
    assert fired(book, rule("mrr > 15")) == ["acme", "core"]
    assert fired(book, rule("not (mrr > 15)")) == ["Zed"]
    assert fired(book, rule("mrr is null")) == ["bolt"]


def test_the_scope_narrows_and_is_counted(book: Book) -> None:
    judgement = book.judge([rule("mrr > 15", where="tier in (1, 2)")], NOW)
    assert subjects(judgement) == ["acme"]
    assert judgement.scopes == {"r": 2}


def test_nothing_is_in_an_empty_list(book: Book) -> None:
    assert fired(book, rule("tier in ($tiers)", params={"tiers": []})) == []
    (match, *_) = book.judge([rule("tier not in ($tiers)", params={"tiers": []})], NOW).matches
    assert [(line.value, line.op, line.threshold) for line in match.evidence] == [(1.0, "not in", [])]


def test_a_scope_that_is_null_is_none(book: Book) -> None:
    assert fired(book, rule(where="tier > 0")) == ["Zed", "acme", "bolt"]


def test_rules_with_another_trigger_are_passed_over(book: Book) -> None:
    other = rule(None, trigger=Trigger("new", {"new": "tickets"}))
    beside = rule("seats > 0", trigger=Trigger("event", {"event": "kind = 'login'"}))
    judgement = book.judge([other, beside], NOW)
    assert (judgement.matches, judgement.scopes, judgement.unknown) == ((), {}, {})


def test_no_rules_and_nobody(book: Book, tmp_path: Path) -> None:
    assert book.judge([], NOW).matches == ()
    empty = Book(store_of(tmp_path, {"rates": [{"currency": "USD", "on": NOW.date(), "rate": 1}]}), {}).judge([rule()], NOW)
    assert (empty.matches, empty.scopes) == ((), {"r": 0})


# --- vary


VARIED = (
    Variant("tier = 1", {"limit": 5.0}),
    Variant("tier <= 2", {"limit": 20.0}),
    Variant("tier <= 3", {"limit": 1.0, "less": 7.0}),
)


def thresholds(book: Book, *, vary: tuple[Variant, ...], when: str = "seats * 4 >= $limit") -> dict[str, Any]:
    matches = book.judge([rule(when, params={"limit": 0.0, "less": 3.0}, vary=vary)], NOW).matches
    return {match.subject_id: match.evidence[0].threshold for match in matches}


def test_the_first_segment_that_matches_gives_the_parameters(book: Book) -> None:
    assert thresholds(book, vary=VARIED) == {"Zed": 5.0, "acme": 20.0, "bolt": 1.0, "core": 0.0}
    assert thresholds(book, vary=VARIED[::-1]) == {"Zed": 1.0, "acme": 1.0, "bolt": 1.0, "core": 0.0}


def test_a_segment_whose_threshold_is_not_met_does_not_fall_through(book: Book) -> None:
    assert thresholds(book, vary=(Variant("tier = 1", {"limit": 21.0}), Variant("tier <= 2", {"limit": 4.0}))) == {
        "acme": 4.0, "bolt": 0.0, "core": 0.0,
    }  # fmt: skip


def test_parameters_that_a_segment_leaves_alone_are_the_rules_own(book: Book) -> None:
    assert thresholds(book, vary=VARIED, when="seats > $less") == {"Zed": 3.0, "acme": 3.0, "core": 3.0}


def test_a_segment_without_a_where_is_for_everybody_left(book: Book) -> None:
    vary = (Variant("tier = 1", {"limit": 5.0}), Variant(None, {"limit": 2.0}), Variant("tier = 2", {"limit": 9.0}))
    assert thresholds(book, vary=vary) == {"Zed": 5.0, "acme": 2.0, "bolt": 2.0, "core": 2.0}


def test_scopes_and_clears_are_of_all_segments_together(book: Book) -> None:
    judgement = book.judge([rule("mrr > $limit", clear="mrr < $limit", params={"limit": 30.0}, vary=VARIED)], NOW)
    assert judgement.scopes == {"r": 4}
    assert subjects(judgement) == ["Zed", "core"]
    assert judgement.clears == {"r": frozenset()}
    judgement = book.judge([rule("mrr > $limit", clear="mrr <= $limit", params={"limit": 50.0}, vary=VARIED)], NOW)
    assert judgement.clears == {"r": frozenset({"acme", "core"})}


# --- The churned and the deleted


@pytest.mark.parametrize(
    ("given", "found"),
    [
        ({}, False),
        ({"when": "seats > 0 and lost"}, False),  # a signal that names it is not the rule naming it
        ({"when": "status = 'churned'"}, True),
        ({"when": "churned_at is not null"}, True),
        ({"where": "status != 'trial'"}, True),
        ({"vary": (Variant("status = 'churned'", {}),)}, True),
    ],
)
def test_churned_accounts_are_outside_unless_the_rule_names_it(book: Book, given: dict[str, Any], found: bool) -> None:
    assert ("gone" in fired(book, rule(**given))) is found


def test_an_account_is_inside_until_it_churns(book: Book) -> None:
    assert "gone" in subjects(book.judge([rule()], ago(10)))
    assert "gone" not in subjects(book.judge([rule()], ago(9)))


def test_people_and_features_of_churned_accounts_are_outside_too(book: Book) -> None:
    assert fired(book, rule("role = 'champion'", subject="person")) == ["p1"]
    assert fired(book, rule("account.status = 'churned'", subject="person")) == ["p4"]
    assert fired(book, rule("count(events) > 0", subject="feature")) == ["acme/api", "acme/b/c", "bolt/api"]
    assert fired(book, rule("count(events) > 3 and status = 'churned'", subject="feature")) == ["gone/api"]


def test_deleted_people_only_where_a_rule_names_it(book: Book) -> None:
    assert fired(book, rule("deleted_at is not null", subject="person")) == ["p3"]
    where = "deleted_at is null or days_since(deleted_at) > 1"
    assert fired(book, rule("role = 'champion'", where=where, subject="person")) == ["p1", "p3"]
    both = [rule("role = 'champion'", subject="person"), rule("deleted_at is not null", name="s", subject="person")]
    judgement = book.judge(both, NOW)
    assert [(match.rule.id, match.subject_id) for match in judgement.matches] == [("r", "p1"), ("s", "p3")]


def test_of_people_and_features_who_do_not_match_scopes_and_clears_are_told(book: Book) -> None:
    champion, anybody = "role = 'champion'", "deleted_at is null or true"
    some = [
        rule("id = 'p1'", where=champion, clear=champion, subject="person"),
        rule("id = 'p3'", where=anybody, clear="deleted_at is not null", name="s", subject="person"),
        rule("count(events) > 99", clear="status = 'churned'", name="f", subject="feature"),
    ]
    judgement = book.judge(some, NOW)
    assert [match.subject_id for match in judgement.matches] == ["p1", "p3"]
    assert judgement.scopes["r"] == 1  # p3 was a champion until being deleted
    assert judgement.scopes["s"] == 3  # p4 is of a churned account
    assert judgement.clears == {"r": frozenset({"p1", "p4"}), "s": frozenset({"p3"}), "f": frozenset({"gone/api"})}


# --- What cannot be judged


@pytest.mark.parametrize(
    ("given", "reason"),
    [
        ({"when": "tickets_opne > 1"}, "tickets_open"),
        ({"when": "seats >"}, "formula ends"),
        ({"when": "seats + 1"}, "a truth (true or false) was expected"),
        ({"when": "seats > $limit"}, "limit"),
        ({"where": "colour = 'red'"}, "colour"),
        ({"clear": "colour = 'red'"}, "colour"),
        ({"vary": (Variant("colour = 'red'", {}),)}, "colour"),
        ({"when": "broken > 1"}, "nothing"),
    ],
)
def test_a_rule_that_cannot_be_judged_says_why_and_stops_no_other(book: Book, given: dict[str, Any], reason: str) -> None:
    judgement = book.judge([rule(name="bad", **given), rule(name="good")], NOW)
    assert list(judgement.unknown) == ["bad"]
    assert reason in judgement.unknown["bad"]
    assert subjects(judgement, "good") == ["Zed", "acme", "bolt", "core"]
    assert subjects(judgement, "bad") == []
    assert "bad" not in judgement.scopes


# --- What is asked about


def test_only_these_subjects(book: Book) -> None:
    assert fired(book, rule(), only=["core", "Zed", "nobody"]) == ["Zed", "core"]
    assert fired(book, rule(), only=[]) == []
    assert fired(book, rule("role in ('champion', 'user')", subject="person"), only=["p2"]) == ["p2"]
    assert fired(book, rule("count(events) > 0", subject="feature"), only=["bolt"]) == ["bolt/api"]


def test_only_subjects_of_these_accounts(book: Book) -> None:
    assert fired(book, rule(), accounts=["core", "Zed"]) == ["Zed", "core"]
    assert fired(book, rule("role in ('champion', 'user')", subject="person"), accounts=["acme"]) == ["p1", "p2"]
    assert fired(book, rule("count(events) > 0", subject="feature"), accounts=["acme"]) == ["acme/api", "acme/b/c"]
    assert fired(book, rule("role = 'user'", subject="person"), accounts=["bolt"]) == []


def test_narrowing_changes_no_value(book: Book) -> None:
    rules = [rule("tickets_open >= 0 and market(seats) = 5"), rule("count(events) >= 0", name="f", subject="feature")]
    whole = [match for match in book.judge(rules, NOW).matches if match.account_id == "acme"]
    assert whole
    assert list(book.judge(rules, NOW, accounts=["acme"]).matches) == whole


# --- What a match says


def test_matches_are_sorted_by_rule_then_subject_by_code_point(book: Book) -> None:
    rules = [rule(name="b"), rule("count(events) > 0", name="a", subject="feature"), rule(name="B", where="tier = 1")]
    judgement = book.judge(rules, NOW)
    assert [(match.rule.id, match.subject_id) for match in judgement.matches] == [
        ("B", "Zed"),
        ("a", "acme/api"), ("a", "acme/b/c"), ("a", "bolt/api"),
        ("b", "Zed"), ("b", "acme"), ("b", "bolt"), ("b", "core"),
    ]  # fmt: skip


def test_ids_kinds_and_accounts_of_matches(book: Book) -> None:
    rules = [
        rule(name="a", where="tier = 2"),
        rule("count(events) = 2", name="f", subject="feature", message="{{ feature }} at {{ account.name }}"),
        rule("role = 'user'", name="p", subject="person"),
    ]
    found = [(each.kind, each.subject_id, each.account_id, each.message) for each in book.judge(rules, NOW).matches]
    assert found == [
        ("account", "acme", "acme", "Acme & Söhne: A rule"),
        ("feature", "acme/b/c", "acme", "b/c at Acme & Söhne"),
        ("person", "p2", "acme", "bo@acme.example at Acme & Söhne: A rule"),
    ]


def message(book: Book, template: str, **given: Any) -> str:
    asked = {"when": "tickets_open >= $n", "where": "tier = 1", "params": {"n": 1.0}, **given}
    (match,) = book.judge([rule(message=template, **asked)], NOW).matches
    return match.message


def test_messages_tell_attributes_signals_and_parameters(book: Book) -> None:
    assert message(book, "{{ account.name }} has {{ account.seats }} seats") == "Zed has 5 seats"
    assert message(book, "{{ tickets_open }} of {{ n }}, {{ value }} against {{ threshold }}") == "1 of 1, 1 against 1"
    assert message(book, "{{ account.renews_on }} {{ account.nothing }}") == "unknown unknown"
    assert message(book, "{{ rule.name }} on {{ as_of }}") == "A rule on 31 Mar 2026 12:00 UTC"


def test_a_person_rule_tells_of_the_person_and_of_the_account(book: Book) -> None:
    told = message(
        book, "{{ person.name }}, {{ person.role }} at {{ account.name }}, tier {{ account.tier }}",
        when="role = 'champion'", where=None, subject="person",
    )  # fmt: skip
    assert told == "Zoë, champion at Acme & Söhne, tier 2"


def test_a_message_that_names_what_its_subject_does_not_have_stops_nothing(book: Book) -> None:
    rules = [
        rule("role = 'user'", name="p", subject="person", message="{{ tickets_open }} and {{ broken }}: broken"),
        rule("count(events) = 2", name="f", subject="feature", message="tickets_open is only a word here"),
        rule("tier = 1", name="a", message="{{ broken }}"),
    ]
    judgement = book.judge(rules, NOW)
    assert judgement.unknown == {}
    assert {match.rule.id: match.message for match in judgement.matches} == {
        "a": "unknown",
        "f": "tickets_open is only a word here",
        "p": "0 and unknown: broken",
    }


def test_a_match_as_json(book: Book) -> None:
    (match,) = book.judge([rule("seats > $n", where="tier = 1", params={"n": 4.5}, severity="high")], NOW).matches
    assert match.to_json() == {
        "rule": "r",
        "category": "risk",
        "severity": "high",
        "subject": {"kind": "account", "id": "Zed"},
        "account_id": "Zed",
        "as_of": "2026-03-31T12:00:00Z",
        "message": "Zed: A rule",
        "evidence": [{"formula": "seats > 4.5", "text": "seats bought are above 4.5", "value": 5, "op": ">", "threshold": 4.5}],
    }
