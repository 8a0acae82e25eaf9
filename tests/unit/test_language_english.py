"""Formulas in plain English, what would clear them, what their values are, and their text with parameters put in."""

from __future__ import annotations

from dataclasses import fields, replace
from datetime import date, datetime, timedelta
from random import Random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.oracle.formulas import SIGNALS, Formulas
from tocsin.core.language import (
    FormulaError,
    Names,
    Value,
    bound,
    check,
    clears,
    describe,
    english,
    negation,
    parse,
    substituted,
)
from tocsin.core.language.nodes import Literal, Negative, Node
from tocsin.core.language.words import duration_words, name_words, number_words, value_words

# formula, reading, what clears it
CONDITIONS = [
    (
        "count(events where kind = 'login' in last 7d) < 3",
        "fewer than 3 events with kind 'login' in the last 7 days",
        "3 or more events with kind 'login' in the last 7 days",
    ),
    ("count(tickets where open) = 0", "no open tickets", "1 or more open tickets"),
    ("count(tickets) > 0", "1 or more tickets", "no tickets"),
    ("count(tickets where not open) >= 2", "2 or more closed tickets", "fewer than 2 closed tickets"),
    ("count(people where open) <= 1", "1 or fewer present people", "more than 1 present person"),
    ("count(tasks where overdue) = 1", "exactly 1 overdue task", "not exactly 1 overdue task"),
    ("count(events) < 1", "no events", "1 or more events"),
    ("3 > count(events)", "fewer than 3 events", "3 or more events"),
    (
        "count(tickets where open and priority = 'critical' and age > 3d) > 0",
        "1 or more open tickets (priority 'critical' and age more than 3 days)",
        "no open tickets (priority 'critical' and age more than 3 days)",
    ),
    (
        "count(touchpoints where kind = 'call' or sentiment < 0) = 0",
        "no touchpoints (kind 'call' or sentiment below 0)",
        "1 or more touchpoints (kind 'call' or sentiment below 0)",
    ),
    (
        "distinct(events.person_id in last 30d) < 5",
        "fewer than 5 people with events in the last 30 days",
        "5 or more people with events in the last 30 days",
    ),
    (
        "distinct(events.feature since stage_entered_at) = 1",
        "exactly 1 value of feature among events since stage entry",
        "not exactly 1 value of feature among events since stage entry",
    ),
    (
        "count(events in 14d after onboarding_started_at) < 3",
        "fewer than 3 events in the first 14 days after onboarding start",
        "3 or more events in the first 14 days after onboarding start",
    ),
    (
        "change(usage_30d, 30d) <= -30%",
        "usage in the last 30 days fell by 30 % or more over 30 days",
        "usage in the last 30 days did not fall by 30 % or more over 30 days",
    ),
    ("change(mrr, 2w) > 0.2", "MRR rose by more than 20 % over 14 days", "MRR did not rise by more than 20 % over 14 days"),
    ("change(mrr, 30d) < 0", "MRR fell over 30 days", "MRR did not fall over 30 days"),
    ("change(mrr, 30d) >= 5%", "MRR rose by 5 % or more over 30 days", "MRR did not rise by 5 % or more over 30 days"),
    (
        "change(mrr, 30d, 10) <= -10%",
        "MRR fell by 10 % or more over 30 days (from 10 or more)",
        "MRR did not fall by 10 % or more over 30 days (from 10 or more)",
    ),
    (
        "change(logins_7d, 7d) - market(change(logins_7d, 7d)) <= -30%",
        "logins in the last 7 days fell by 30 % or more over 7 days against the market",
        "logins in the last 7 days did not fall by 30 % or more over 7 days against the market",
    ),
    (
        "change(mrr, 30d) - coalesce(market(change(mrr, 30d)), 0) <= -30%",
        "MRR fell by 30 % or more over 30 days against the market",
        "MRR did not fall by 30 % or more over 30 days against the market",
    ),
    ("coalesce(mrr, 0) > 5", "MRR is above 5 (not set counts as 0)", "MRR is 5 or less (not set counts as 0)"),
    (
        "slope(active_users, 90d) < 0",
        "active users trended down over 90 days",
        "trend of active users per day over 90 days is 0 or more",
    ),
    ("days_until(renews_on) <= 90", "90 days or fewer until the renewal date", "more than 90 days until the renewal date"),
    ("days_until(renews_on) < 0", "the renewal date has passed", "the renewal date has not passed"),
    (
        "days_since(onboarding_started_at) >= 36h",
        "36 hours or more since onboarding start",
        "fewer than 36 hours since onboarding start",
    ),
    (
        "workdays_since(created_at) > 1",
        "more than 1 working day since the creation date",
        "1 working day or fewer since the creation date",
    ),
    (
        "days_in(lifecycle_stage) > 30",
        "more than 30 days in the present lifecycle stage",
        "30 days or fewer in the present lifecycle stage",
    ),
    (
        "days_quiet(events where kind = 'login') >= 14",
        "14 days or more without events with kind 'login'",
        "fewer than 14 days without events with kind 'login'",
    ),
    (
        "exists(invoices where days_past_due > 30)",
        "there are invoices with days past due above 30",
        "there are no invoices with days past due above 30",
    ),
    (
        "not exists(people where role = 'champion')",
        "there are no people with role 'champion'",
        "there are people with role 'champion'",
    ),
    ("renews_on is null", "renewal date is not set", "renewal date is set"),
    ("owner is not null", "owner is set", "owner is not set"),
    ("round(mrr, 2) is null", "MRR rounded to 2 places has no value", "MRR rounded to 2 places has a value"),
    ("license_utilization >= 0.9", "license utilization is 90 % or more", "license utilization is below 90 %"),
    ("mrr between 1000 and 20000", "MRR is from 1,000 to 20,000", "MRR is not from 1,000 to 20,000"),
    ("seats > 5", "seats bought are above 5", "seats bought are 5 or less"),
    ("mrr != 0.5", "MRR is not 0.5", "MRR is 0.5"),
    ("status in ('trial', 'active')", "status is one of 'trial', 'active'", "status is none of 'trial', 'active'"),
    ("status not in ('churned')", "status is not 'churned'", "status is 'churned'"),
    ("renews_on < date '2026-01-31'", "renewal date is before 31 January 2026", "renewal date is on or after 31 January 2026"),
    ("account.tier = 1", "the account's tier is 1", "the account's tier is not 1"),
    (
        "trained_on contains 'reports'",
        "features trained on contains 'reports'",
        "features trained on does not contain 'reports'",
    ),
    ("not internal", "internal is false", "internal is true"),
    ("ago(mrr, 30d) > mrr", "MRR 30 days ago is above MRR", "MRR 30 days ago is at most MRR"),
    (
        "ago(count(events in last 28d), 14d) >= mrr",
        "number of events in the last 28 days (as of 14 days ago) is at least MRR",
        "number of events in the last 28 days (as of 14 days ago) is below MRR",
    ),
    (
        "latest(surveys.score where kind = 'nps') <= 6",
        "score of the latest survey answer with kind 'nps' is 6 or less",
        "score of the latest survey answer with kind 'nps' is above 6",
    ),
    (
        "tier = 1 and (mrr >= 5000 or status = 'trial')",
        "tier is 1 and (MRR is 5,000 or more or status is 'trial')",
        "either tier is not 1 or (MRR is below 5,000 and status is not 'trial')",
    ),
    ("tier = 1 or mrr < 5", "tier is 1 or MRR is below 5", "tier is not 1 and MRR is 5 or more"),
    ("not (tier = 1 and mrr < 5)", "not (tier is 1 and MRR is below 5)", "tier is 1 and MRR is below 5"),
]  # fmt: skip

VALUES = [
    ("mrr", "MRR"),
    ("count(events)", "number of events"),
    ("sum(invoices.amount_due)", "total amount due of invoices"),
    ("days_quiet(events)", "days without events"),
    ("coalesce(seats_used, active_users) / seats", "(seats used, or else active users) divided by seats bought"),
    ("mrr + 3 * (2 - seats)", "MRR plus (3 times (2 minus seats bought))"),
    ("-mrr", "minus MRR"),
    ("100% - 2%", "98 %"),
    ("round(70% - 5%, 4)", "65 %"),
    ("round(2.26 - 1, 1)", "(1.26) rounded to 1 places"),
    ("7 / 2", "3.5"),
    ("1 / 0", "1 divided by 0"),
    ("-30%", "-30 %"),
    ("previous(plan)", "previous plan"),
    ("start_of('month')", "start of the month"),
    ("steps(mrr, 0, 'low', 100, 'high')", "MRR in steps: 'low' from 0, 'high' from 100"),
    ("scale(logins_7d, 0, 10)", "logins in the last 7 days as a score, 0 for 0 to 10 for 100"),
    ("if(tier = 1 or mrr > 5, 'a', 'b')", "'a' if (tier is 1 or MRR is above 5), else 'b'"),
    ("abs(mrr)", "size of MRR"),
    ("least(mrr, seats)", "least of MRR, seats bought"),
    ("market(mrr)", "the market's median MRR"),
    ("null", "nothing"),
    ("36h", "36 hours"),
    ("$days", "$days"),
    ("event.name", "the event's name"),
]


@pytest.mark.parametrize(("text", "reading", "clearing"), CONDITIONS)
def test_conditions_read_well_and_say_what_clears_them(text: str, reading: str, clearing: str) -> None:
    assert english(parse(text)) == reading
    assert clears(parse(text)) == clearing


@pytest.mark.parametrize(("text", "reading"), VALUES)
def test_values_are_noun_phrases(text: str, reading: str) -> None:
    assert english(parse(text)) == reading
    assert describe(parse(text)) == reading


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("count(events) < 3", "number of events"),
        ("3 > count(events)", "number of events"),
        ("not (mrr between 1 and 2)", "MRR"),
        ("status in ('a')", "status"),
        ("renews_on is null", "renewal date"),
        ("exists(tickets where open)", "whether there are open tickets"),
        ("change(mrr, 30d) <= -30%", "change of MRR over 30 days"),
    ],
)
def test_evidence_is_described_by_what_was_observed(text: str, what: str) -> None:
    assert describe(parse(text)) == what


def test_parameters_are_read_with_their_values() -> None:
    text = "count(events in last $window) < $n and change(mrr, $window) <= -$drop and status in ($list)"
    params: dict[str, Value] = {"window": timedelta(days=14), "n": 3.0, "drop": 0.3, "list": ["a", "b"]}
    assert english(parse(text), params) == (
        "fewer than 3 events in the last 14 days and MRR fell by 30 % or more over 14 days and status is one of 'a', 'b'"
    )
    assert english(parse("days_since(created_at) >= $n"), {}) == "days since the creation date is $n or more"


def test_what_constants_come_to_is_said() -> None:
    assert english(parse("change(mrr, 30d) > -$drop / 2"), {"drop": 0.3}) == "MRR did not fall by 15 % or more over 30 days"
    assert english(parse("seats < $few * 2 - 3"), {"few": 5.0}) == "seats bought are below 7"
    assert english(parse("mrr - ago(mrr, 30d) > 2 - 5")) == "MRR minus MRR 30 days ago is above -3"


def test_an_empty_list_names_nothing() -> None:
    assert english(parse("plan in ($list)"), {"list": []}) == "plan is one of none"
    assert english(parse("exists(goals where name not in ($list))"), {"list": []}) == "there are goals with name anything"


@pytest.mark.parametrize("text", [row[0] for row in CONDITIONS if not row[0].startswith("not (")])
def test_the_negation_of_a_negation_is_the_formula(text: str) -> None:
    twice = negation(negation(parse(text)))
    assert english(twice) == english(parse(text))
    assert negation(parse(text)) != parse(text)


SUBSTITUTED = [
    ("count(events in last $w) < $n", {"w": timedelta(days=14), "n": 3.0}, "count(events in last 14d) < 3"),
    ("count(events in $w after x)", {"w": timedelta(hours=36)}, "count(events in 36h after x)"),
    ("change(mrr, $w) <= -$p", {"w": timedelta(weeks=2), "p": 0.3}, "change(mrr, 14d) <= -30%"),
    ("mrr > $p", {"p": 0.3}, "mrr > 0.3"),
    ("mrr > $p", {"p": 1e-7}, "mrr > 0.0000001"),
    ("mrr > $p", {"p": -5.0}, "mrr > -5"),
    ("2 - $p", {"p": -5.0}, "2 - -5"),
    ("name = $t", {"t": "it's"}, "name = 'it''s'"),
    ("name = '$t' or name = $t", {"t": "a"}, "name = '$t' or name = 'a'"),
    ("x in ($l, 5)", {"l": [1.0, 2.5, None]}, "x in (1, 2.5, null, 5)"),
    ("x in ($l)", {"l": []}, "x in ($l)"),
    ("x = $b and y < $d", {"b": True, "d": date(2026, 1, 31)}, "x = true and y < date '2026-01-31'"),
    ("x < $t", {"t": datetime.fromisoformat("2026-01-31T00:00:00+00:00")}, "x < $t"),
    ("$a + $ab", {"a": 1.0}, "1 + $ab"),
    ("a > 1", {}, "a > 1"),
]  # fmt: skip


@pytest.mark.parametrize(("text", "params", "written"), SUBSTITUTED)
def test_parameters_are_put_into_the_text(text: str, params: dict[str, Value], written: str) -> None:
    assert substituted(text, params) == written
    parse(written)


def test_a_text_that_is_no_formula_is_refused() -> None:
    with pytest.raises(FormulaError):
        substituted("1 +", {})


numbers = st.floats(-1e12, 1e12, allow_nan=False)
durations = st.integers(0, 10_000).map(lambda hours: timedelta(hours=hours)) | st.integers(0, 400).map(
    lambda d: timedelta(days=d)
)
constants = numbers | st.text(max_size=8) | st.booleans() | st.dates() | st.none() | durations


@given(constants, st.lists(constants, min_size=1, max_size=4), durations, st.floats(-5, 5, allow_nan=False))
def test_the_text_with_parameters_put_in_means_the_same(one: Value, many: list[Value], length: timedelta, share: float) -> None:
    text = "f($one, 'x $one') - 1 = $one and y in ($many) and count(events in last $length) > 0 and change(x, 7d) < $share"
    params: dict[str, Value] = {"one": one, "many": many, "length": length, "share": share}
    assert _signed(parse(substituted(text, params))) == bound(parse(text), params)


def _signed(node: Node) -> Node:
    """The tree with the sign of a negative number inside the literal, as a parameter has it."""
    if isinstance(node, Negative) and isinstance(node.operand, Literal) and isinstance(node.operand.value, float):
        return Literal(node.span, -node.operand.value)
    changed: dict[str, Any] = {}
    for each in fields(node):
        value = getattr(node, each.name)
        if isinstance(value, Node):
            changed[each.name] = _signed(value)
        elif isinstance(value, tuple):
            changed[each.name] = tuple(map(_signed, value))
    return replace(node, **changed)


@settings(deadline=None)
@given(st.randoms(use_true_random=False), st.sampled_from(["account", "person", "feature"]))
def test_every_formula_has_words(r: Random, subject: str) -> None:
    text = Formulas(r, {}).formula(subject, 3)
    node = parse(text)
    check_names = Names(people={"level": "number"}, signals=SIGNALS)
    check(node, subject, check_names)
    for said in (english(node), clears(node), describe(node)):
        assert said == said.strip() != ""
        assert "  " not in said
        assert said.count("(") == said.count(")")
        assert not any(word in said for word in ("None", "Literal", "Path(", "timedelta", ".0 "))


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("renews_on", "renewal date"),
        ("mrr", "MRR"),
        ("usage_30d", "usage in the last 30 days"),
        ("logins_36h", "logins in the last 36 hours"),
        ("nps_score", "NPS score"),
        ("favourite_colour", "favourite colour"),
        ("_", "_"),
    ],
)
def test_names_in_the_words_of_the_field(name: str, words: str) -> None:
    assert name_words(name) == words


@pytest.mark.parametrize(
    ("number", "words"),
    [
        (3.0, "3"),
        (12000, "12,000"),
        (0.25, "0.25"),
        (-1.5, "-1.5"),
        (1e-7, "0.0000001"),
        (1e21, "1,000,000,000,000,000,000,000"),
        (100.0, "100"),
    ],
)
def test_numbers_as_people_write_them(number: float, words: str) -> None:
    assert number_words(number) == words


@pytest.mark.parametrize(
    ("length", "words"),
    [
        (timedelta(days=14), "14 days"),
        (timedelta(days=1), "1 day"),
        (timedelta(hours=36), "36 hours"),
        (timedelta(hours=1), "1 hour"),
        (timedelta(minutes=90), "1.5 hours"),
    ],
)
def test_durations_in_words(length: timedelta, words: str) -> None:
    assert duration_words(length) == words


def test_constants_in_words() -> None:
    instant = datetime.fromisoformat("2026-01-31T09:30:00+00:00")
    given_values: list[Value] = [None, True, 0.5, "x", date(2026, 1, 31), instant, timedelta(days=2)]
    assert value_words(given_values) == "nothing, true, 0.5, 'x', 31 January 2026, 2026-01-31T09:30:00Z, 2 days"
