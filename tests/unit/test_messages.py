"""The line of an alert: people's words for values, what templates may do, and what they may not."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest

from tocsin.core.language import Value
from tocsin.core.messages import MAX_MESSAGE, MessageError, check_message, duration, number, percent, render, said
from tocsin.core.rules import Rule

ACME: dict[str, Value] = {"id": "a1", "name": "Acme", "seats": 40.0, "renews_on": date(2026, 3, 31), "items": "a custom one"}


def rule(message: str | None, **params: Value) -> Rule:
    return Rule("r", "Missed login milestone", "risk", message=message, params=params, percents=frozenset({"drop"}))


def filled(message: str, **params: Value) -> str:
    return render(rule(message, **params), account=ACME, observed={"logins_7d": 2.0, "count(events)": 9.0}, value=0.754)


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (3.0, "3"), (3.14159, "3.14"), (31.4159, "31.4"), (1234567.0, "1,234,567"), (-0.001, "0"), (0.25, "0.25"), (10, "10"),
        (timedelta(days=14), "14 days"), (timedelta(days=1), "1 day"), (timedelta(hours=36), "36 hours"),
        (timedelta(hours=1), "1 hour"), (date(2026, 1, 31), "31 Jan 2026"),
        (datetime(2026, 1, 31, 9, 30, tzinfo=UTC), "31 Jan 2026 09:30 UTC"),
        (True, "yes"), (False, "no"), (None, "unknown"), (["a", 1.0], "a, 1"), ("as it is", "as it is"),
    ],
)  # fmt: skip
def test_values_in_words(value: object, words: str) -> None:
    assert said(value) == words


@pytest.mark.parametrize(
    ("made", "words"),
    [
        (percent(0.305), "30.5%"), (percent(0.9, 0), "90%"), (percent(None), "unknown"), (number(2.5, 0), "2"),
        (number("text"), "text"), (duration(15.9), "15 days"), (duration(1.0), "1 day"), (duration(None), "unknown"),
    ],
)  # fmt: skip
def test_filters(made: str, words: str) -> None:
    assert made == words


def test_the_example_of_the_language() -> None:
    message = "{{ account.name }} logged in {{ logins }} times in its first {{ window }}"
    assert filled(message, logins=3.0, window=timedelta(days=14)) == "Acme logged in 3 times in its first 14 days"


def test_parameters_written_with_percent_read_so() -> None:
    assert filled("{{ drop }} and {{ floor }}", drop=0.3, floor=0.3) == "30% and 0.3"


def test_observed_values_by_name_and_by_formula() -> None:
    assert filled("{{ logins_7d }}, {{ observed['count(events)'] }}, {{ value|percent(0) }}") == "2, 9, 75%"


def test_an_attribute_called_like_a_method_is_the_attribute() -> None:
    assert filled("{{ account.items }} {{ account.keys }}") == "a custom one unknown"


@pytest.mark.parametrize(
    ("template", "text"),
    [
        ("{{ ''.__class__ }}", "unknown"),
        ("{{ account.__class__.__mro__ }}", "unknown"),
        ("{{ account['__class__'] }}", "unknown"),
    ],
)
def test_nothing_of_python_is_reached(template: str, text: str) -> None:
    assert filled(template) == text


@pytest.mark.parametrize(
    "template",
    [
        "{% for x in account %}x{% endfor %}", "{{ range(3) }}", "{{ 2 ** 99999999 }}", "{% set x = 1 %}",
        "{% include 'secrets' %}", "{% macro a() %}{% endmacro %}", "{{ '%999999999d' % 1 }}", "{{ [1] }}", "{{ {'a': 1} }}",
        "{{ value|center(999999999) }}", "{{ account.name() }}", "{{ value is odd }}", "{{ 'a' ~ 'b' }}",
        "{{ account.name[0:1] }}",
    ],
)  # fmt: skip
def test_what_a_message_cannot_do_is_refused_and_falls_back(template: str) -> None:
    with pytest.raises(MessageError):
        check_message(template, [])
    assert filled(template) == "Acme: Missed login milestone"


def test_texts_do_not_multiply_and_a_template_that_fails_falls_back() -> None:
    assert filled("{{ 'x' * 1000000000 }}") == "Acme: Missed login milestone"
    assert filled("{{ logins / 0 }}", logins=1.0) == "Acme: Missed login milestone"
    assert filled("{{ logins * 2 }}", logins=1.5) == "3"


def test_a_message_is_one_line_of_bounded_length() -> None:
    text = render(rule("{{ account.name }}\n  twice"), account={"name": "A" * 2_000})
    assert len(text) == MAX_MESSAGE
    assert text.endswith("…")
    assert filled("one\n   two\t three") == "one two three"


def test_markup_is_text() -> None:
    assert render(rule("{{ account.name }}"), account={"name": "<b>{{ x }}</b>"}) == "<b>{{ x }}</b>"


def test_a_message_tells_of_the_csm_the_team_or_the_company_that_the_rule_is_about() -> None:
    of_a_csm = Rule("r", "Overloaded", "portfolio", subject="csm", message="{{ csm.name|default(csm.email) }} has {{ value }}")
    assert render(of_a_csm, account={}, ours={"id": "a@b.example", "name": "Ann"}, value=8.0) == "Ann has 8"
    assert render(of_a_csm, account={}, ours={"email": "a@b.example", "name": None}, value=8.0) == "a@b.example has 8"
    of_a_team = Rule("r", "Churn over tolerance", "portfolio", subject="team")
    assert render(of_a_team, account={}, ours={"id": "North"}) == "North: Churn over tolerance"


def test_the_default_message_names_the_subject() -> None:
    person: dict[str, Value] = {"id": "p1", "name": None, "email": "zoe@acme.example"}
    assert render(rule(None), account=ACME) == "Acme: Missed login milestone"
    assert render(rule(None), account=ACME, person=person) == "zoe@acme.example at Acme: Missed login milestone"
    assert render(rule(None), account=ACME, feature="exports") == "Acme, exports: Missed login milestone"
    assert render(rule("{{ account.nothing|default('') }}"), account=ACME) == "Acme: Missed login milestone"


def test_parameters_of_the_subject_win_over_the_rules_own() -> None:
    assert render(rule("{{ logins }}", logins=3.0), account=ACME, params={"logins": 5.0}) == "5"


@pytest.mark.parametrize(
    ("template", "line", "words"),
    [
        ("{{ accout.name }}", 1, "unknown name 'accout' in the message, did you mean 'account'?"),
        ("a\n{{ login }}", 2, "unknown name 'login' in the message, did you mean 'logins'?"),
        ("{{ logins|perc }}", 1, "unknown filter 'perc' in the message, did you mean 'percent'?"),
        ("a\n\n{{ logins", 3, "the message cannot be read: unexpected end of template"),
        ("{% if logins %}x", 1, "the message cannot be read: an {% if %} lacks its {% endif %}"),
        ("x" * 2_001, 1, "a message has at most 2000 characters, this one 2001"),
        ("{{ " + "(" * 5_00 + "1" + ")" * 5_00 + " }}", 1, "the message is nested too deeply"),
    ],
)
def test_problems_of_a_template_are_located(template: str, line: int, words: str) -> None:
    with pytest.raises(MessageError) as caught:
        check_message(template, ["logins"])
    assert str(caught.value).startswith(words)
    assert caught.value.line == line


def test_the_names_that_a_template_uses() -> None:
    used = check_message("{{ logins }} {% if nps > 3 %}{{ account.name }}{% endif %}", ["logins", "nps", "other"])
    assert used == {"logins", "nps", "account"}
