"""Which rules are stirred by what arrives: no means that it can set nothing off."""

from __future__ import annotations

from typing import Any

import pytest

from tocsin.core.language import Names, check, parse
from tocsin.core.rulefiles import read_rules
from tocsin.core.rules import Rule
from tocsin.engine import Arrived, reads_events, stirs


def rule(trigger: str, **more: Any) -> Rule:
    lines = "".join(f"  {name}: {value}\n" for name, value in more.items())
    text = f"- id: r\n  name: R\n  category: risk\n  trigger: {{{trigger}}}\n{lines}"
    definitions, problems = read_rules([("r.yaml", text)])
    assert problems == ()
    return definitions.rules[0]


def arrived(*collections: str, names: tuple[str, ...] = ()) -> Arrived:
    return Arrived(frozenset(collections), frozenset(names))


CLICK = arrived("events", names=("click",))


@pytest.mark.parametrize(
    ("filter_", "stirred"),
    [
        ("name = 'click'", True),
        ("name = 'login'", False),
        ("name = 'Click'", False),
        ("name in ('login', 'click')", True),
        ("name in ('login', 'view')", False),
        ("name = 'login' and minutes > 3", False),
        ("minutes > 3 and name = 'click'", True),
        ("minutes > 3 and (kind = 'x' and name = 'login')", True),  # asked rather than not
        ("name = 'login' or kind = 'feature'", True),
        ("not (name = 'login')", True),
        ("not name in ('login', 'view')", True),
        ("name != 'login'", True),
        ("kind = 'login'", True),
        ("properties.name = 'login'", True),
        ("name is not null", True),
    ],
)
def test_a_rule_on_events_by_the_names_that_its_filter_admits(filter_: str, stirred: bool) -> None:
    assert stirs(rule(f'event: "{filter_}"'), CLICK) is stirred


def test_a_parameter_may_be_any_name() -> None:
    assert stirs(rule('event: "name = $wanted"', **{"with": "{wanted: login}"}), CLICK)
    assert stirs(rule('event: "name in ($wanted)"', **{"with": "{wanted: [login]}"}), CLICK)


def test_without_an_event_no_rule_on_events_is_stirred() -> None:
    assert not stirs(rule("event: \"kind = 'login'\""), arrived("tickets", "accounts"))


def test_a_rule_on_new_rows_by_their_collection() -> None:
    new = rule("new: tickets, where: \"priority = 'high'\"")
    assert stirs(new, arrived("tickets"))
    assert not stirs(new, arrived("invoices", "accounts", names=("click",)))


@pytest.mark.parametrize("attribute", ["plan", "mrr", "status", "seats", "owner"])
def test_a_rule_on_changes_by_what_bears_attributes(attribute: str) -> None:
    change = rule(f"change: {attribute}")
    for collection in ("accounts", "account_history", "subscriptions", "people", "people_history", "rates"):
        assert stirs(change, arrived(collection)), collection
    assert not stirs(change, arrived("events", "tickets", names=("click",)))


def test_nothing_stirs_nothing() -> None:
    for trigger in ("event: \"name = 'click'\"", "new: tickets", "change: plan"):
        assert not stirs(rule(trigger), arrived())


@pytest.mark.parametrize(
    ("formula", "reads"),
    [
        ("mrr > 5 and tier is not null", False),
        ("count(tickets where open)", False),
        ("latest(touchpoints.at)", False),
        ("days_in(lifecycle_stage)", False),
        ("ago(count(surveys in last 30d), 7d)", False),
        ("count(events)", True),
        ("coalesce(seats, distinct(events.person_id in last 30d))", True),
        ("ago(exists(events in last 30d), 7d)", True),
        ("count(tickets since (latest(events.at)))", True),
        ("count(milestones)", True),
        ("market(count(tickets))", True),
        ("health_score", True),
        ("days_in(health_band)", True),
        ("logins", True),
        ("calls", False),
    ],
)
def test_which_values_events_may_change(formula: str, reads: bool) -> None:
    names = Names({}, {}, {"logins": "count(events where name = 'login')", "calls": "count(touchpoints where kind = 'call')"})
    assert reads_events(check(parse(formula), "account", names)) is reads
