"""Test files that are wrong: every problem with its line and column, and with what mends it."""

from __future__ import annotations

import pytest

from tocsin.catalog.testing import read_suite
from tocsin.core.rulefiles import read_rules
from tocsin.core.rules import Definitions

RULES = """
- {id: quiet, name: Quiet, category: risk, when: count(events in last $window) < $least, with: {least: 2, window: 7d}}
- {id: opened, name: Opened, category: risk, trigger: {event: name = 'opened'}}
"""


@pytest.fixture(scope="module")
def definitions() -> Definitions:
    """A rule as of a moment, and one for what happens."""
    return read_rules([("rules.yaml", RULES)])[0]


def problems(text: str, definitions: Definitions) -> list[str]:
    """What is wrong, each as `line:column: message`."""
    suite, found = read_suite("x", text, definitions)
    assert (suite is None) is bool(found)
    return [str(problem).removeprefix("x:") for problem in found]


def in_facts(facts: str, definitions: Definitions) -> list[str]:
    return problems(f"rule: quiet\nfacts: {{{facts}}}\ncases: [{{name: a, as_of: 2026-03-31, fires: []}}]\n", definitions)


def in_case(case: str, definitions: Definitions) -> list[str]:
    return problems(f"rule: quiet\ncases:\n- {{name: a, {case}}}\n", definitions)


def begun_like(found: list[str], told: list[str]) -> bool:
    """Whether those problems were found, and no others; long ones are given by how they begin."""
    return len(found) == len(told) and all(each.startswith(begun) for each, begun in zip(found, told, strict=True))


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", ["1:1: the file is empty; a test file has `rule`, `facts` and `cases`"]),
        ("- a\n", ["1:1: a test file must be a mapping of names to values, a list stands there"]),
        ("rule: [\n", ["2:1: this is no YAML: while parsing a flow node, expected the node content, but found '<stream end>'"]),
        (
            "rule: quiet\ncase: []\n",
            [
                "1:1: a test file needs `cases`: a list, each with a name and what is expected",
                "2:1: unknown key 'case' in a test file, did you mean 'cases'?",
            ],
        ),
        (
            "cases: [{name: a, as_of: 2026-03-31, fires: []}]\n",
            ["1:1: a test file needs `rule`: the id of the rule that it is about"],
        ),
        (
            "rule: quite\ncases: [{name: a, as_of: 2026-03-31, fires: []}]\n",
            ["1:7: unknown rule 'quite', did you mean 'quiet'?"],
        ),
        (
            "rule: nothing-like\ncases: [{name: a, as_of: 2026-03-31, fires: []}]\n",
            ["1:7: unknown rule 'nothing-like'; put its file beside this one, or publish it"],
        ),
        (
            "rule: quiet\ncases:\n- {name: a, as_of: 2026-03-31, fires: []}\n- {name: a, as_of: 2026-03-30, fires: []}\n",
            ["4:3: there is a case 'a' already; give this one another name"],
        ),
        ("rule: quiet\ncases:\n- {as_of: 2026-03-31, fires: []}\n", ["3:3: a case needs a `name` that says what it shows"]),
        ("rule: quiet\ncases: [a]\n", ["2:9: a case must be a mapping of names to values, a text stands there"]),
    ],
)
def test_a_file(text: str, told: list[str], definitions: Definitions) -> None:
    assert problems(text, definitions) == told


@pytest.mark.parametrize(
    ("facts", "told"),
    [
        ("event: []", ["2:9: unknown collection 'event' in `facts`, did you mean 'events'?"]),
        ("alerts: []", ["2:9: unknown collection 'alerts' in `facts`; there are accounts, account_aliases"]),
        ("events: {a: 1}", ["2:17: `events` must be a list, a mapping stands there"]),
        ("events: [5]", ["2:18: a row of events must be a mapping of names to values, a number stands there"]),
        (
            "tickets: [{opened: 2026-01-01}]",
            ["2:20: tickets have no column 'opened', did you mean 'opened_at'?"],
        ),
        (
            "events: [{name: x}]",
            [
                "2:18: case 'a': a row of events needs `account_id`; only where the facts hold one account it may be left out",
                "2:18: case 'a': a row of events needs `at`",
            ],
        ),
        ("accounts: [{name: Acme}]", ["2:20: case 'a': a row of accounts needs `id`"]),
        ("accounts: [{id: a, name: A, id: b}]", ["2:37: the column 'id' is there twice; keep one"]),
        (
            "accounts: [{id: a, name: A, created_at: soon}]",
            ["2:49: `created_at` must be a time such as 2026-03-31T09:30:00Z, 'soon' stands there"],
        ),
        (
            "accounts: [{id: a, name: A, renews_on: 2026-02-30}]",
            ["2:48: `renews_on` must be a date such as 2026-03-31, '2026-02-30' stands there"],
        ),
        ("accounts: [{id: a, name: A, seats: many}]", ["2:44: `seats` must be a number, 'many' stands there"]),
        ("accounts: [{id: a, name: A, seats: true}]", ["2:44: `seats` must be a number, 'true' stands there"]),
        ("accounts: [{id: a, name: A, internal: 1}]", ["2:47: `internal` must be true or false, '1' stands there"]),
        ("accounts: [{id: a, name: [A]}]", ["2:34: `name` must be a text, a list stands there"]),
        ("accounts: [{id: a, name: A, tier: [1]}]", ["2:43: `tier` must be a single value, a list stands there"]),
        ("people: [{id: a, trained_on: x}]", ["2:38: `trained_on` must be a list such as [a, b], 'x' stands there"]),
        (
            "events: [{name: x, properties: 1}]",
            ["2:40: `properties` must be a mapping such as {plan: pro}, '1' stands there"],
        ),
        ("events: [{name: x, at: 2026-01-01, times: 0}]", ["2:44: `times` is from 1 to 10,000"]),
        (
            "events: [{name: x, at: 2026-01-01, every: 1d}]",
            ["2:44: `every` goes with `times`: so many rows, each so much later"],
        ),
        ("events: [{name: x, times: 2, every: 1d}]", ["2:38: `every` needs the start of the row: give `at`"]),
        (
            "events: [{name: x, at: 2026-01-01, times: 2, every: often}]",
            ["2:61: `every`: 'often' is no duration; write a number followed by h, d or w, such as 36h, 30d or 2w"],
        ),
        (
            "events: [{name: x, at: 2026-01-01, times: 2, every: [1d]}]",
            ["2:61: `every` must be a duration such as 12h, 1d or -1d, a list stands there"],
        ),
    ],
)
def test_facts(facts: str, told: list[str], definitions: Definitions) -> None:
    assert begun_like(in_facts(facts, definitions), told)


@pytest.mark.parametrize(
    ("case", "told"),
    [
        ("fires: []", ["3:3: case 'a': a case needs a moment: `as_of` with `fires`, or `from` and `to` with `alerts`"]),
        (
            "as_of: noon, fires: []",
            ["3:20: case 'a': `as_of`: 'noon' is no date or time; write ISO 8601, such as 2026-03-31 or 2026-03-31T09:30:00Z"],
        ),
        ("as_of: [1], fires: []", ["3:20: case 'a': `as_of` must be a date or a time, a list stands there"]),
        (
            "as_of: 2026-03-31",
            ["3:3: case 'a': `as_of` goes with `fires`: the ids of exactly those who match, [] for nobody"],
        ),
        ("as_of: 2026-03-31, fires: acme", ["3:39: case 'a': `fires` must be a list, a text stands there"]),
        (
            "as_of: 2026-03-31, fires: [[a]]",
            ["3:40: case 'a': an entry of `fires` must be the id of a subject, a list stands there"],
        ),
        (
            "as_of: 2026-03-31, fires: [], message: x",
            ["3:43: case 'a': `message` is a part of what the first match says; here nobody is to match"],
        ),
        (
            "as_of: 2026-03-31, fires: [], to: 2026-04-01",
            ["3:43: case 'a': `to` goes with `from` and `to`, not with `as_of`; make another case of it"],
        ),
        ("from: 2026-03-31, alerts: []", ["3:3: case 'a': a case with `from` needs `to`, too"]),
        ("to: 2026-03-31, alerts: []", ["3:3: case 'a': a case with `to` needs `from`, too"]),
        (
            "from: 2026-03-31, to: 2026-04-01",
            ["3:3: case 'a': `from` and `to` go with `alerts`: exactly those that open, [] for none"],
        ),
        ("from: 2026-03-31, to: 2026-03-01, alerts: []", ["3:31: case 'a': `to` is earlier than `from`"]),
        (
            "from: 2026-03-31, to: 2026-04-01, alerts: [], fires: []",
            ["3:59: case 'a': `fires` goes with `as_of`, not with `from` and `to`"],
        ),
        (
            "from: 2026-03-31, to: 2026-04-01, every: daily, alerts: []",
            ["3:54: case 'a': `every`: 'daily' is no duration; write a number followed by h, d or w, such as 36h, 30d or 2w"],
        ),
        ("from: 2026-03-31, to: 2026-04-01, every: 0d, alerts: []", ["3:47: case 'a': `every` must be longer than nothing"]),
        (
            "from: 2026-03-31, to: 2026-04-01, alerts: [{opened: 2026-04-01}]",
            [
                "3:56: case 'a': an alert needs its `subject`: the id of whom it is about",
                "3:57: case 'a': unknown key 'opened' in an alert, did you mean 'opened_at'?",
            ],
        ),
        (
            "from: 2026-03-31, to: 2026-04-01, alerts: [{subject: acme, opened_at: now}]",
            [
                "3:83: case 'a': `opened_at`: 'now' is no date or time; write ISO 8601, such as 2026-03-31",
            ],
        ),
        (
            "from: 2026-03-31, to: 2026-04-01, alerts: [{subject: acme, count: some}]",
            ["3:79: case 'a': `count` must be a whole number from 0 up, 'some' stands there"],
        ),
        (
            "from: 2026-03-31, to: 2026-04-01, alerts: [{subject: [acme]}]",
            ["3:66: case 'a': `subject` of an alert must be a single value, a list stands there"],
        ),
        (
            "as_of: 2026-03-31, fires: [], with: {leest: 2}",
            ["3:50: case 'a': unknown parameter 'leest' in `with`, did you mean 'least'?"],
        ),
        (
            "as_of: 2026-03-31, fires: [], with: {x: 2}",
            ["3:50: case 'a': unknown parameter 'x' in `with`; the rule has least, window"],
        ),
        (
            "as_of: 2026-03-31, fires: [], with: {window: 7}",
            ["3:58: case 'a': the parameter 'window' is a number here and a duration in the rule's `with`"],
        ),
        ("as_of: 2026-03-31, fires: [], with: {least: {a: 1}}", ["3:57: case 'a': the parameter 'least': a parameter is"]),
        (
            "as_of: 2026-03-31, fires: [], covers: [abov]",
            ["3:52: case 'a': unknown mark 'abov' in `covers`, did you mean 'above'?"],
        ),
        ("as_of: 2026-03-31, fires: [], cover: []", ["3:43: unknown key 'cover' in a case, did you mean 'covers'?"]),
    ],
)
def test_cases(case: str, told: list[str], definitions: Definitions) -> None:
    assert begun_like(in_case(case, definitions), told)


def test_an_event_rule_has_no_verdict_as_of_a_moment(definitions: Definitions) -> None:
    text = "rule: opened\ncases:\n- {name: a, as_of: 2026-03-31, fires: []}\n"
    assert problems(text, definitions) == [
        "3:13: case 'a': a rule of kind event fires for what happens, not as of a moment; give `from`, `to` and `alerts`"
    ]


def test_marks_of_a_case(definitions: Definitions) -> None:
    text = "rule: quiet\ncases:\n- {name: a, as_of: 2026-03-31, fires: [], covers: [above, null, 'never']}\n"
    suite, _ = read_suite("x", text, definitions)
    assert suite is not None
    assert suite.cases[0].covers == ("above", "null", "never")
