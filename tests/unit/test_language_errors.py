"""Every way in which a formula can be wrong: where, what is said, and what is suggested."""

from __future__ import annotations

from datetime import timedelta

import pytest

from tocsin.core.errors import UserError
from tocsin.core.language import FormulaError, Names, check, parse, suggestion
from tocsin.core.language.nodes import Value

NAMES = Names(
    accounts={"tier": "number", "risk": "text", "health": "unknown"},
    people={"level": "number"},
    signals={
        "logins_7d": "count(events where kind = 'login' in last 7d)",
        "past": "ago(mrr, 30d)",
        "circle": "square + 1",
        "square": "circle * 2",
        "mine": "mine",
        "broken": "mrr + 'x'",
        "unreadable": "mrr +",
    },
)
PARAMS: dict[str, Value] = {"n": 3.0, "window": timedelta(days=7), "words": ["a", "b"]}

SYNTAX = [
    ("", 0, "the formula is empty"),
    ("   ", 0, "the formula is empty"),
    ("1 +", 3, "ends too early: a value was expected"),
    ("count(events", 12, "ends too early: expected ')'"),
    ("a == 1", 3, "equality is a single ="),
    ("a like 'x'", 2, "use `contains`"),
    ('a = "x"', 4, "single quotes"),
    ("a = 'x", 4, "no closing quote"),
    ("a ! b", 2, "'!' means nothing"),
    ("a # b", 2, "'#' means nothing"),
    ("1 = 2 = 3", 6, "'=' stands there"),
    ("a b", 2, "'b' stands there"),
    ("a orb", 2, "'orb' stands there"),
    ("a = 1 andb = 2", 6, "'andb' stands there"),
    ("a isnull", 2, "'isnull' stands there"),
    ("a is 5", 5, "expected not or null"),
    ("a in ()", 6, "')' stands there"),
    ("a in (b)", 6, "'b' stands there"),
    ("a not in 5", 9, "expected '('"),
    (".5", 0, "'.' stands there"),
    ("1e5", 1, "'e5' stands there"),
    ("a.b.c", 3, "'.' stands there"),
    ("date '2026-02-30'", 0, "there is no date 2026-02-30"),
    ("a > date '2026-1-1'", 9, "a date is written date '2026-01-31'"),
    ("count(events in 7d)", 18, "expected after"),
    ("count(events in last mrr)", 21, "a duration such as 30d"),
    ("ago(a, 99999999999w)", 7, "the duration '99999999999w' is too long"),
    ("(a", 2, "ends too early"),
    ("a)", 1, "')' stands there"),
]
MEANING = [
    # names
    ("account", "count(event)", 6, 5, "unknown collection 'event', did you mean 'events'?"),
    ("account", "seets > 1", 0, 5, "unknown name 'seets', did you mean 'seats'?"),
    ("account", "1 < logins_7", 4, 8, "unknown name 'logins_7', did you mean 'logins_7d'?"),
    ("account", "xyzzy", 0, 5, "unknown name 'xyzzy'"),
    ("account", "events > 1", 0, 6, "'events' is a collection: write count(events)"),
    ("account", "account.tier = 1", 0, 12, "attributes of the account are written bare: tier"),
    ("person", "tier = 1", 0, 4, "did you mean 'account.tier'?"),
    ("account", "count(events where knd = 'x')", 19, 3, "unknown name 'knd', did you mean 'kind'?"),
    ("account", "sum(events.minuts)", 4, 13, "events have no column 'minuts', did you mean 'minutes'?"),
    ("account", "$m", 0, 2, "unknown parameter '$m'"),
    ("account", "$windw", 0, 6, "unknown parameter '$windw', did you mean 'window'?"),
    ("account", "absolute(mrr)", 0, 13, "unknown function 'absolute'"),
    ("account", "Round(mrr)", 0, 10, "unknown function 'Round', did you mean 'round'?"),
    ("account", "event.name = 'x'", 0, 10, "unknown name 'event.name'"),
    # subjects
    ("person", "count(invoices)", 6, 8, "a person has no collection 'invoices'"),
    ("feature", "count(tickets)", 6, 7, "a feature has no collection 'tickets'"),
    ("account", "count(accounts)", 6, 8, "only formulas about a csm, a team or the company"),
    # aggregates
    ("account", "count(events.minutes)", 6, 14, "count takes a collection: count(events)"),
    ("account", "days_quiet(events.at)", 11, 9, "days_quiet takes a collection"),
    ("account", "sum(events)", 4, 6, "sum takes a column: sum(events.column)"),
    ("account", "sum(events.name)", 4, 11, "a number was expected, a text stands there"),
    ("account", "avg(events.at)", 4, 9, "a number was expected, a time stands there"),
    ("account", "min(tickets.open)", 4, 12, "takes numbers, texts, times or dates, not truths"),
    ("account", "distinct(people.trained_on)", 9, 17, "cannot sum up a list"),
    ("account", "latest(events.properties)", 7, 17, "properties can only stand in a `where`"),
    ("account", "count(events since mrr)", 19, 3, "a time or date was expected, a number stands there"),
    ("account", "count(events in last $n)", 21, 2, "a duration such as 30d is expected here"),
    # inside a filter
    ("account", "count(events where count(tickets) > 1)", 19, 14, "an aggregate cannot stand inside a `where`"),
    ("account", "count(events where ago(mrr, 1d) > 1)", 19, 12, "ago cannot stand inside a `where`"),
    ("account", "count(events where change(mrr, 1d) > 1)", 19, 15, "change cannot stand inside a `where`"),
    ("account", "count(events where slope(mrr, 30d) > 1)", 19, 15, "slope cannot stand inside a `where`"),
    ("account", "count(events where market(mrr) > 1)", 19, 11, "market cannot stand inside a `where`"),
    ("account", "count(events where logins_7d > 1)", 19, 9, "the signal 'logins_7d' holds an aggregate or looks back"),
    ("account", "count(events where past > 1)", 19, 4, "the signal 'past' holds an aggregate or looks back"),
    ("account", "count(events where minutes)", 19, 7, "a truth (true or false) was expected, a number stands there"),
    # types
    ("account", "mrr = 'x'", 6, 3, "a number cannot be compared with a text"),
    ("account", "renews_on < 5", 12, 1, "a date cannot be compared with a number"),
    ("account", "mrr in (1, 'a')", 11, 3, "a number cannot be compared with a text"),
    ("account", "mrr between 1 and 'a'", 18, 3, "a number cannot be compared with a text"),
    ("account", "name = 1", 7, 1, "a text cannot be compared with a number"),  # declared, whatever its values are
    ("account", "plan in ('a', 1)", 14, 1, "a text cannot be compared with a number"),
    ("account", "health_band > 1", 14, 1, "a text cannot be compared with a number"),
    ("account", "risk contains 1", 14, 1, "a text was expected, a number stands there"),  # not by value: a part of a text
    ("account", "risk = trained", 7, 7, "unknown name 'trained'"),
    ("person", "trained_on = account.risk", 13, 12, "a list cannot be compared with a text"),
    ("account", "if(true, risk, 'none') = 1", 25, 1, "a text cannot be compared with a number"),
    ("person", "trained_on = 'x'", 13, 3, "a list cannot be compared with a text"),
    ("person", "trained_on = trained_on", 0, 23, "a list cannot be compared; write `x contains 'item'`"),
    ("account", "mrr contains 'x'", 0, 3, "`contains` looks into a list or a text"),
    ("account", "name contains 5", 14, 1, "a text was expected, a number stands there"),
    ("account", "mrr + name", 6, 4, "a number was expected, a text stands there"),
    ("account", "-name", 1, 4, "a number was expected, a text stands there"),
    ("account", "not mrr", 4, 3, "a truth (true or false) was expected"),
    ("account", "mrr and true", 0, 3, "a truth (true or false) was expected"),
    ("account", "mrr > $words", 6, 6, "can only stand after `in`"),
    ("account", "days_since(mrr)", 11, 3, "days_since takes a time or a date, a number stands there"),
    ("account", "change(name, 7d)", 7, 4, "a number was expected, a text stands there"),
    ("account", "ago(mrr, 7)", 9, 1, "a duration such as 30d is expected here"),
    ("account", "days_in(mrr + 1)", 8, 7, "an attribute of an account or person is expected"),
    ("account", "previous(logins_7d)", 9, 9, "an attribute of an account or person is expected"),
    ("account", "start_of('week')", 9, 6, "start_of takes 'month', 'quarter' or 'year'"),
    ("account", "if(mrr, 1, 2)", 3, 3, "a truth (true or false) was expected"),
    ("account", "if(true, 1, 'a')", 12, 3, "the values of if must be of one type: a number and a text"),
    ("account", "coalesce(mrr, name)", 14, 4, "the values of coalesce must be of one type"),
    ("account", "coalesce(risk, 1, 'a')", 18, 3, "the values of coalesce must be of one type: a number and a text"),
    ("account", "count(events where coalesce(properties.x, 1, 'a') = 1)", 45, 3, "must be of one type: a number and a text"),
    ("account", "steps(mrr, 1)", 0, 13, "steps takes 3 or more arguments, not 2"),
    ("account", "steps(mrr, 1, 2, 3)", 0, 19, "steps takes x and then pairs"),
    ("account", "abs(1, 2)", 0, 9, "abs takes 1 argument, not 2"),
    ("account", "round()", 0, 7, "round takes 1 to 2 arguments, not 0"),
    ("account", "slope(mrr, 9999w)", 11, 5, "slope looks back 520 weeks at most"),
    ("account", "market(market(mrr))", 0, 19, "market cannot stand inside market"),
    # signals
    ("account", "1 + circle", 4, 6, "'circle' is defined by itself: circle -> square -> circle"),
    ("account", "mine", 0, 4, "mine -> mine"),
    ("account", "1 + broken", 4, 6, "in the signal 'broken', column 7: a number was expected, a text stands there"),
    ("account", "unreadable", 0, 10, "in the signal 'unreadable', column 6: the formula ends too early"),
]


@pytest.mark.parametrize(("text", "position", "said"), SYNTAX)
def test_what_cannot_be_parsed(text: str, position: int, said: str) -> None:
    with pytest.raises(FormulaError) as error:
        parse(text)
    assert said in error.value.message
    assert error.value.position == position
    assert str(error.value) == f"column {position + 1}: {error.value.message}"


@pytest.mark.parametrize(("subject", "text", "position", "length", "said"), MEANING)
def test_what_means_nothing(subject: str, text: str, position: int, length: int, said: str) -> None:
    with pytest.raises(FormulaError) as error:
        check(parse(text), subject, NAMES, PARAMS)
    assert said in error.value.message
    assert (error.value.position, error.value.length) == (position, length)


def test_an_unknown_subject_has_a_suggestion() -> None:
    with pytest.raises(FormulaError, match="unknown subject 'acount', did you mean 'account'"):
        check(parse("1"), "acount")


def test_the_whole_may_have_to_be_a_truth() -> None:
    with pytest.raises(FormulaError, match=r"a truth \(true or false\) was expected, a number stands there"):
        check(parse("mrr + 1"), "account", NAMES, expect="boolean")


def test_errors_are_for_people() -> None:
    assert issubclass(FormulaError, UserError)


@pytest.mark.parametrize(
    ("name", "known", "said"),
    [
        ("event", ["events", "metrics"], ", did you mean 'events'?"),
        ("EVENTS", ["events"], ", did you mean 'events'?"),
        ("qqq", ["events"], ""),
        ("x", [], ""),
    ],
)
def test_suggestions(name: str, known: list[str], said: str) -> None:
    assert suggestion(name, known) == said


def test_all_mistakes_of_a_formula_are_told_in_one_reading() -> None:
    with pytest.raises(FormulaError) as caught:
        check(parse("plan > 5 and count(event) < 3 and (mrr = 'x' or sedts > 1)"), "account", Names())
    assert [each.position for each in caught.value.all] == [7, 19, 41, 48]
