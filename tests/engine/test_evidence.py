"""Why a rule fires: each comparison that holds, what was observed, what it was compared with, and what would clear it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta

import pytest

from tests.engine.facts import NOW, Rows, ago, day, store_of
from tocsin.core.language import Value
from tocsin.core.rules import Rule, Subject
from tocsin.engine import Book, Evidence, Match

SIGNALS = {
    "open_tickets": "count(tickets where open)",
    "days_since_use": "days_quiet(events)",
    "usage_30d": "count(events in last 30d)",
}
ROWS: Rows = {
    "accounts": [
        {"id": "a", "name": "Acme", "tier": 1, "seats": 10, "seats_used": 9, "plan": "pro", "mrr": None, "internal": False,
         "created_at": ago(300), "renews_on": day(-20), "onboarding_started_at": ago(40)},
    ],
    "people": [{"id": "p", "account_id": "a", "name": "Zoë", "role": "user", "roles": ["admin", "sponsor"]}],
    "events": [{"account_id": "a", "name": "x", "at": ago(each)} for each in (20, 35, 36, 37, 38, 39)],
    "tickets": [{"account_id": "a", "priority": "high", "opened_at": ago(each)} for each in (1, 2, 3)],
}  # fmt: skip


@pytest.fixture(scope="module")
def book(tmp_path_factory: pytest.TempPathFactory) -> Book:
    return Book(store_of(tmp_path_factory.mktemp("evidence"), ROWS), SIGNALS)


def match(book: Book, when: str, subject: Subject = "account", params: Mapping[str, Value] | None = None) -> Match:
    """The one match of a rule."""
    rule = Rule("r", "A rule", "risk", subject=subject, when=when, params=params or {})
    judgement = book.judge([rule], NOW)
    assert judgement.unknown == {}
    (found,) = judgement.matches
    return found


def lines(book: Book, when: str, **params: Value) -> list[tuple[str, Value, str, Value]]:
    return [(each.formula, each.value, each.op, each.threshold) for each in match(book, when, params=params).evidence]


# --- One comparison


@pytest.mark.parametrize(
    ("when", "value", "op", "threshold"),
    [
        ("open_tickets >= 3", 3.0, ">=", 3.0),
        ("open_tickets = 3", 3.0, "=", 3.0),
        ("open_tickets != 2", 3.0, "!=", 2.0),
        ("count(tickets where open) > 2", 3.0, ">", 2.0),
        ("open_tickets < seats", 3.0, "<", 10.0),
        ("seats_used / seats <= 90%", 0.9, "<=", 0.9),
        ("change(usage_30d, 30d, 2) <= -50%", -0.8, "<=", -0.5),
        ("days_since_use > 14d", 20.0, ">", 14.0),
        ("plan = 'pro'", "pro", "=", "pro"),
        ("renews_on > date '2026-04-01'", date(2026, 4, 20), ">", date(2026, 4, 1)),
        ("open_tickets between 1 and 5", 3.0, "between", [1.0, 5.0]),
        ("open_tickets between tier and seats", 3.0, "between", [1.0, 10.0]),
        ("tier in (1, 2)", 1.0, "in", [1.0, 2.0]),
        ("tier not in (2, 3)", 1.0, "not in", [2.0, 3.0]),
        ("plan in ('pro', 'elite')", "pro", "in", ["pro", "elite"]),
        ("mrr is null", None, "is null", None),
        ("plan is not null", "pro", "is not null", None),
        ("plan contains 'r'", "pro", "contains", "r"),
        ("exists(tickets where open)", True, "=", True),
    ],
)
def test_the_sides_of_a_comparison(book: Book, when: str, value: Value, op: str, threshold: Value) -> None:
    assert lines(book, when) == [(when, pytest.approx(value) if isinstance(value, float) else value, op, threshold)]


def test_a_comparison_written_the_other_way_round_is_turned(book: Book) -> None:
    assert lines(book, "2 < open_tickets") == [("2 < open_tickets", 3.0, ">", 2.0)]
    assert lines(book, "$n = open_tickets", n=3.0) == [("3 = open_tickets", 3.0, "=", 3.0)]


# --- and, or, not


def test_each_part_of_an_and_is_a_line_in_the_order_of_the_text(book: Book) -> None:
    assert lines(book, "tier = 1 and (open_tickets > 2 and plan = 'pro')") == [
        ("tier = 1", 1.0, "=", 1.0),
        ("open_tickets > 2", 3.0, ">", 2.0),
        ("plan = 'pro'", "pro", "=", "pro"),
    ]


def test_of_an_or_the_parts_that_hold(book: Book) -> None:
    assert lines(book, "tier = 2 or open_tickets > 2 or plan = 'pro'") == [
        ("open_tickets > 2", 3.0, ">", 2.0),
        ("plan = 'pro'", "pro", "=", "pro"),
    ]
    assert lines(book, "mrr > 5 or tier = 1") == [("tier = 1", 1.0, "=", 1.0)]


def test_an_and_inside_an_or(book: Book) -> None:
    assert lines(book, "tier = 1 and (plan = 'elite' and seats = 10 or open_tickets > 2)") == [
        ("tier = 1", 1.0, "=", 1.0),
        ("seats = 10", 10.0, "=", 10.0),
        ("open_tickets > 2", 3.0, ">", 2.0),
    ]


def test_what_is_denied_is_turned_around(book: Book) -> None:
    assert lines(book, "not open_tickets > 5") == [("not (open_tickets > 5)", 3.0, "<=", 5.0)]
    assert lines(book, "not (tier = 2)") == [("not (tier = 2)", 1.0, "!=", 2.0)]
    assert lines(book, "not (tier in (2, 3))") == [("not (tier in (2, 3))", 1.0, "not in", [2.0, 3.0])]
    assert lines(book, "not (plan is null)") == [("not (plan is null)", "pro", "is not null", None)]
    assert lines(book, "not (plan contains 'x')") == [("not (plan contains 'x')", "pro", "does not contain", "x")]
    assert lines(book, "not exists(tickets where priority = 'low')") == [
        ("not (exists(tickets where priority = 'low'))", False, "=", False),
    ]


def test_a_denied_and_is_one_of_its_denied_parts(book: Book) -> None:
    assert lines(book, "not (tier = 1 and open_tickets > 5)") == [("not (open_tickets > 5)", 3.0, "<=", 5.0)]
    assert lines(book, "not (tier = 2 or open_tickets > 5)") == [
        ("not (tier = 2)", 1.0, "!=", 2.0),
        ("not (open_tickets > 5)", 3.0, "<=", 5.0),
    ]


def test_twice_denied_is_what_it_was(book: Book) -> None:
    assert lines(book, "not (not (open_tickets > 2))") == [("open_tickets > 2", 3.0, ">", 2.0)]


def test_a_list_that_contains(book: Book) -> None:
    (line,) = match(book, "roles contains 'sponsor'", "person").evidence
    assert (line.value, line.op, line.threshold) == (["admin", "sponsor"], "contains", "sponsor")


# --- Parameters


@pytest.mark.parametrize(
    ("when", "params", "written", "threshold"),
    [
        ("open_tickets >= $n", {"n": 3.0}, "open_tickets >= 3", 3.0),
        ("days_since_use > $d", {"d": timedelta(days=14)}, "days_since_use > 14d", 14.0),
        ("days_since_use > $d", {"d": timedelta(hours=36)}, "days_since_use > 36h", 1.5),
        ("change(usage_30d, $w, $f) <= -$drop", {"w": timedelta(days=30), "f": 2.0, "drop": 0.3},
         "change(usage_30d, 30d, 2) <= -30%", -0.3),
        ("plan in ($plans)", {"plans": ["pro", "it's"]}, "plan in ('pro', 'it''s')", ["pro", "it's"]),
        ("tier not in ($tiers, 7)", {"tiers": [2.0, 3.0]}, "tier not in (2, 3, 7)", [2.0, 3.0, 7.0]),
        ("plan = $plan", {"plan": "pro"}, "plan = 'pro'", "pro"),
        ("exists(tickets where open) = $yes", {"yes": True}, "exists(tickets where open) = true", True),
        ("count(events in last $w) >= 1", {"w": timedelta(weeks=3)}, "count(events in last 21d) >= 1", 1.0),
    ],
)  # fmt: skip
def test_parameters_are_put_in(book: Book, when: str, params: dict[str, Value], written: str, threshold: Value) -> None:
    (line,) = match(book, when, params=params).evidence
    assert (line.formula, line.threshold) == (written, threshold)
    assert "$" not in line.text + line.clears


# --- Words


@pytest.mark.parametrize(
    ("when", "text", "clears"),
    [
        ("open_tickets >= 3", "open tickets are 3 or more", "open tickets are below 3"),
        ("days_since_use > 14d", "days since use is above 14 days", "days since use is 14 days or less"),
        ("plan = 'pro'", "plan is 'pro'", "plan is not 'pro'"),
        ("mrr is null", "MRR is not set", "MRR is set"),
    ],
)
def test_lines_are_said_in_english_with_what_would_clear_them(book: Book, when: str, text: str, clears: str) -> None:
    found = match(book, when)
    (line,) = found.evidence
    assert (line.text, line.clears, found.clears) == (text, clears, clears)


def test_an_alert_of_several_parts_clears_with_either(book: Book) -> None:
    assert match(book, "tier = 1 and open_tickets > 2").clears == "either tier is not 1 or open tickets are 2 or less"


def test_a_clear_formula_says_what_clears(book: Book) -> None:
    rule = Rule("r", "A rule", "risk", when="open_tickets > $n", clear="open_tickets <= $n - 2", params={"n": 2.0})
    (found,) = book.judge([rule], NOW).matches
    (line,) = found.evidence
    assert (line.clears, found.clears) == ("open tickets are 2 or less", "open tickets are 0 or less")


# --- Values


def test_evidence_agrees_with_the_signals(book: Book) -> None:
    formulas = ["open_tickets", "days_since_use", "change(usage_30d, 30d)"]
    table = book.signals(formulas, [NOW])
    values = [table.column(f"f{index}")[0].as_py() for index in range(3)]
    when = "open_tickets > 0 and days_since_use > 0 and change(usage_30d, 30d) < 0"
    assert [each.value for each in match(book, when).evidence] == values


def test_instants_are_utc(book: Book) -> None:
    (line,) = match(book, "onboarding_started_at > created_at").evidence
    assert (line.value, line.threshold) == (ago(40), ago(300))
    assert isinstance(line.value, datetime)
    assert line.value.tzinfo is UTC
    assert line.to_json()["value"] == "2026-02-19T12:00:00Z"


def test_a_line_as_json() -> None:
    line = Evidence("tier in (1, 2)", "tier is 1 or 2", 1.0, "in", [1.0, 2.0], "tier is neither 1 nor 2")
    assert line.to_json() == {
        "formula": "tier in (1, 2)", "text": "tier is 1 or 2", "value": 1, "op": "in", "threshold": [1, 2],
    }  # fmt: skip
