"""The runner of rule tests: what a case sees, what passes, what fails and how it is told."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import pytest

from tocsin.catalog.testing import Result, Suite, read_suite, run_suite
from tocsin.catalog.testing.reach import looks_elsewhere
from tocsin.catalog.testing.shared import groups
from tocsin.core.errors import UserError
from tocsin.core.profiles import Indicator, Profile
from tocsin.core.rulefiles import read_rules
from tocsin.core.rules import Definitions

RULES = """
signals:
  uses: count(events in last 7d)
  who: id
segments:
  big: seats > 100
rules:
  - {id: quiet, name: Quiet, category: risk, when: uses < $least, with: {least: 2}, message: "{{ account.name }} is quiet."}
  - {id: person-quiet, name: Quiet, category: risk, subject: person, when: count(events) = 0}
  - {id: feature-quiet, name: Quiet, category: risk, subject: feature, when: count(events in last 7d) = 0}
  - {id: tiered, name: T, category: risk, when: seats < $least, with: {least: 5}, vary: [{where: tier = 1, with: {least: 10}}]}
  - {id: off-market, name: Off, category: risk, when: uses < market(uses)}
  - {id: by-id, name: By id, category: risk, when: who = 'acme'}
  - {id: by-mail, name: By id, category: risk, when: mrr > 1, message: "Write to {{ account.id }}."}
  - {id: custom, name: Custom, category: risk, when: colour = 'red'}
  - id: opened
    name: Opened
    category: risk
    trigger: {event: name = 'opened'}
    when: count(events where person_id = event.person_id) = 1
  - {id: ill, name: Ill, category: risk, when: health_band = 'Poor'}
  - {id: grown, name: Grown, category: risk, trigger: {enter: big}}
"""
HEAD = "rule: quiet\nfacts: {accounts: [{id: acme, name: Acme, created_at: 2025-01-01}]}\ncases:\n"


@pytest.fixture(scope="module")
def definitions() -> Definitions:
    """A few rules of every kind."""
    read, problems = read_rules([("rules.yaml", RULES)])
    assert problems == ()
    return read


def suite(text: str, definitions: Definitions) -> Suite:
    read, problems = read_suite("quiet.test.yaml", text, definitions)
    assert [str(problem) for problem in problems] == []
    assert read is not None
    return read


def results(text: str, definitions: Definitions) -> dict[str, Result]:
    return {result.case: result for result in run_suite(suite(text, definitions), definitions)}


def passed(found: Mapping[str, Result]) -> dict[str, bool]:
    return {name: result.passed for name, result in found.items()}


# --- What passes and what fails


def test_a_case_passes_where_exactly_those_fire(definitions: Definitions) -> None:
    found = results(
        HEAD
        + """
  - {name: right, as_of: 2026-03-31, fires: [acme]}
  - {name: nobody, as_of: 2026-03-31, fires: []}
  - {name: too many, as_of: 2026-03-31, fires: [acme, birch]}
  - {name: message, as_of: 2026-03-31, fires: [acme], message: Acme is}
  - {name: other message, as_of: 2026-03-31, fires: [acme], message: Birch is}
""",
        definitions,
    )
    assert passed(found) == {"right": True, "nobody": False, "too many": False, "message": True, "other message": False}
    assert str(found["nobody"]) == "quiet.test.yaml:6: 'nobody': expected fires [], came fires [acme]"
    assert (found["too many"].expected, found["too many"].found) == ("fires [acme, birch]", "fires [acme]")
    assert (found["other message"].expected, found["other message"].found) == ("a message with 'Birch is'", "'Acme is quiet.'")
    assert found["right"].to_json() == {
        "file": "quiet.test.yaml", "line": 5, "rule": "quiet", "case": "right", "passed": True, "expected": "", "found": "",
    }  # fmt: skip


def test_a_rule_that_cannot_be_judged_fails_and_says_why(definitions: Definitions) -> None:
    head = HEAD.replace("rule: quiet", "rule: custom")
    (result,) = results(head + "  - {name: a, as_of: 2026-03-31, fires: []}\n", definitions).values()
    assert not result.passed
    assert "unknown name 'colour'" in result.found


def test_a_case_adds_facts_changes_rows_and_takes_values_away(definitions: Definitions) -> None:
    text = """
rule: tiered
facts: {accounts: [{id: acme, name: Acme, created_at: 2025-01-01, seats: 7, tier: 2}]}
cases:
  - {name: as it is, as_of: 2026-03-31, fires: []}
  - {name: fewer, as_of: 2026-03-31, fires: [acme], facts: {accounts: [{id: acme, seats: 4}]}}
  - {name: tier 1, as_of: 2026-03-31, fires: [acme], facts: {accounts: [{id: acme, tier: 1}]}}
  - {name: none, as_of: 2026-03-31, fires: [], facts: {accounts: [{id: acme, seats: null}]}}
  - {name: another, as_of: 2026-03-31, fires: [birch], facts: {accounts: [{id: birch, name: Birch, seats: 1}]}}
  - {name: other number, with: {least: 8}, as_of: 2026-03-31, fires: [acme]}
  - {name: not of the segment, with: {least: 1}, as_of: 2026-03-31, fires: [acme], facts: {accounts: [{id: acme, tier: 1}]}}
"""
    assert all(passed(results(text, definitions)).values())


def test_rows_are_repeated_and_belong_to_the_one_account(definitions: Definitions) -> None:
    text = (
        HEAD
        + """
  - {name: at once, as_of: 2026-03-31, fires: [], facts: {events: [{name: x, at: 2026-03-30, times: 2}]}}
  - {name: daily, as_of: 2026-03-31, fires: [], facts: {events: [{name: x, at: 2026-03-23, times: 9, every: 1d}]}}
  - {name: weekly, as_of: 2026-03-31, fires: [acme], facts: {events: [{name: x, at: 2026-03-31, times: 9, every: -7d}]}}
  - {name: said twice, as_of: 2026-03-31, fires: [], facts: {events: [{name: x, at: 2026-03-30}, {name: x, at: 2026-03-30}]}}
"""
    )
    assert all(passed(results(text, definitions)).values())


def test_nothing_later_than_the_moment_is_seen(definitions: Definitions) -> None:
    facts = "facts: {events: [{name: opened, at: 2026-03-30, times: 2}]}"
    text = f"""{HEAD}
  - {{name: before, as_of: 2026-03-29T23:59:59Z, fires: [acme], {facts}}}
  - {{name: then, as_of: 2026-03-30, fires: [], {facts}}}
"""
    assert all(passed(results(text, definitions)).values())


def test_people_and_features_are_subjects(definitions: Definitions) -> None:
    people = """
rule: person-quiet
facts:
  accounts: [{id: acme, name: Acme}]
  people: [{id: zoe, name: Zoë}, {id: max, name: Max}]
cases:
  - {name: one of two, as_of: 2026-03-31, fires: [max], facts: {events: [{person_id: zoe, name: opened, at: 2026-03-01}]}}
  - {name: both, as_of: 2026-03-31, fires: [max, zoe]}
"""
    features = """
rule: feature-quiet
facts: {accounts: [{id: acme, name: Acme}]}
cases:
  - {name: long ago, as_of: 2026-03-31, fires: [acme/x], facts: {events: [{name: opened, feature: x, at: 2026-03-01}]}}
  - {name: now, as_of: 2026-03-31, fires: [], facts: {events: [{name: opened, feature: x, at: 2026-03-30}]}}
"""
    assert all(passed(results(people, definitions) | results(features, definitions)).values())


def test_a_row_that_the_importer_does_not_take_is_told_with_its_place(definitions: Definitions) -> None:
    text = (
        HEAD
        + "  - {name: a, as_of: 2026-03-31, fires: [],\n     facts: {events: [{account_id: acne, name: x, at: 2026-03-01}]}}\n"
    )
    with pytest.raises(UserError, match=r"quiet\.test\.yaml:5:23: unknown account 'acne'"):
        run_suite(suite(text, definitions), definitions)


# --- Cases share a store only where that is exact


def test_what_looks_at_other_accounts_or_at_ids_is_told(definitions: Definitions) -> None:
    elsewhere = {rule.id: looks_elsewhere(rule, definitions) for rule in definitions.rules}
    assert elsewhere == {
        "quiet": False, "person-quiet": False, "feature-quiet": False, "tiered": False, "off-market": True, "by-id": True,
        "by-mail": True, "custom": False, "opened": False, "ill": False, "grown": False,
    }  # fmt: skip
    portfolio = replace(definitions.rule("quiet"), subject="company")
    assert looks_elsewhere(portfolio, definitions)


def test_health_leads_to_what_the_profiles_look_at(definitions: Definitions) -> None:
    beside = replace(definitions, signals={**definitions.signals, "compared": "uses - market(uses)"})
    for score, elsewhere in (("uses", False), ("compared", True)):
        profile = Profile("all", "All", 1, (Indicator("Use", "proactive", 1, score),))
        known = replace(beside, profiles=(profile,))
        assert looks_elsewhere(known.rule("ill"), known) is elsewhere
        assert not looks_elsewhere(known.rule("quiet"), known)


def test_cases_share_a_store_but_for_what_is_of_no_account(definitions: Definitions) -> None:
    text = (
        HEAD
        + """
  - {name: plain, as_of: 2026-03-31, fires: [acme]}
  - {name: tier as number, as_of: 2026-03-31, fires: [acme], facts: {accounts: [{id: acme, tier: 1}]}}
  - {name: tier as text, as_of: 2026-03-31, fires: [acme], facts: {accounts: [{id: acme, tier: A}]}}
  - {name: custom, as_of: 2026-03-31, fires: [acme], facts: {account_history: [{field: colour, value: red, at: 2026-01-01}]}}
  - {name: rates, as_of: 2026-03-31, fires: [acme], facts: {rates: [{currency: EUR, on: 2026-01-01, rate: 1.1}]}}
  - {name: plain too, as_of: 2026-03-31, fires: [acme]}
"""
    )
    read = suite(text, definitions)
    shared = [[held.case.name for held in group] for group in groups(read, apart=False)]
    assert shared == [["plain", "tier as number", "plain too"], ["tier as text"], ["custom"], ["rates"]]
    assert len({held.prefix for group in groups(read, apart=False) for held in group}) == 6
    apart = [[held.case.name for held in group] for group in groups(read, apart=True)]
    assert apart[0] == ["plain", "plain too"]
    assert len(apart) == 5
    assert all(passed(results(text, definitions)).values())


def test_a_market_is_that_of_the_case_alone(definitions: Definitions) -> None:
    text = """
rule: off-market
facts: {accounts: [{id: acme, name: Acme}]}
cases:
  - {name: alone, as_of: 2026-03-31, fires: [], facts: {events: [{name: x, at: 2026-03-30}]}}
  - name: beside busy ones
    as_of: 2026-03-31
    fires: [acme]
    facts:
      accounts: [{id: birch, name: Birch}, {id: cobalt, name: Cobalt}]
      events: [{account_id: birch, name: x, at: 2026-03-30, times: 3}, {account_id: cobalt, name: x, at: 2026-03-30, times: 3}]
"""
    assert all(passed(results(text, definitions)).values())


def test_ids_are_those_of_the_file_where_a_rule_asks_for_them(definitions: Definitions) -> None:
    head = HEAD.replace("rule: quiet", "rule: by-id")
    text = head + "  - {name: a, as_of: 2026-03-31, fires: [acme]}\n"
    assert all(passed(results(text, definitions)).values())


# --- Replays


TRIGGERED = """
rule: opened
facts: {accounts: [{id: acme, name: Acme}, {id: birch, name: Birch}]}
cases:
"""
ONE = "facts: {events: [{account_id: acme, id: e1, person_id: zoe, name: opened, at: 2026-03-10T09:00:00Z}]}"
SPAN = "from: 2026-03-01, to: 2026-03-15"


def test_alerts_of_a_replay_are_compared_by_the_fields_that_are_given(definitions: Definitions) -> None:
    text = f"""{TRIGGERED}
  - {{name: subject, {SPAN}, {ONE}, alerts: [{{subject: acme}}]}}
  - {{name: all, {SPAN}, {ONE}, alerts: [
      {{subject: acme, opened_at: 2026-03-10T09:00:00Z, closed_at: null, step: null, existing: false, count: 1, event_id: e1,
        key: e1, message: Acme}}]}}
  - {{name: other moment, {SPAN}, {ONE}, alerts: [{{subject: acme, opened_at: 2026-03-11}}]}}
  - {{name: other end, {SPAN}, {ONE}, alerts: [{{subject: acme, closed_at: 2026-03-11}}]}}
  - {{name: other message, {SPAN}, {ONE}, alerts: [{{subject: acme, message: Birch}}]}}
  - {{name: none, {SPAN}, {ONE}, alerts: []}}
  - {{name: one too many, {SPAN}, {ONE}, alerts: [{{subject: acme}}, {{subject: birch}}]}}
  - {{name: other span, from: 2026-03-11, to: 2026-03-15, {ONE}, alerts: []}}
"""
    found = results(text, definitions)
    assert passed(found) == {
        "subject": True, "all": True, "other moment": False, "other end": False, "other message": False, "none": False,
        "one too many": False, "other span": True,
    }  # fmt: skip
    assert (found["other moment"].expected, found["other moment"].found) == (
        "alerts [{subject: acme, opened_at: 2026-03-11T00:00:00Z}]",
        "alerts [{subject: acme, opened_at: 2026-03-10T09:00:00Z, count: 1}]",
    )
    assert found["none"].expected == "alerts []"


def test_alerts_are_matched_whatever_their_order_and_however_little_is_said_of_one(definitions: Definitions) -> None:
    events = """facts: {events: [
      {account_id: acme, person_id: zoe, name: opened, at: 2026-03-10},
      {account_id: acme, person_id: max, name: opened, at: 2026-03-12}]}"""
    text = f"""{TRIGGERED}
  - {{name: loose first, {SPAN}, {events}, alerts: [{{subject: acme}}, {{subject: acme, opened_at: 2026-03-10}}]}}
  - {{name: the other way, {SPAN}, {events}, alerts: [{{subject: acme, opened_at: 2026-03-12}}, {{subject: acme}}]}}
  - {{name: one twice, {SPAN}, {events}, alerts: [
      {{subject: acme, opened_at: 2026-03-12}}, {{subject: acme, opened_at: 2026-03-12}}]}}
"""
    assert passed(results(text, definitions)) == {"loose first": True, "the other way": True, "one twice": False}


def test_conditions_open_and_close_in_a_replay(definitions: Definitions) -> None:
    facts = "facts: {events: [{name: x, at: 2026-03-09T12:00:00Z, times: 2}]}"
    text = f"""{HEAD}
  - {{name: daily, from: 2026-03-01, to: 2026-03-31, {facts}, alerts: [
      {{subject: acme, opened_at: 2026-03-01, closed_at: 2026-03-10, existing: true}},
      {{subject: acme, opened_at: 2026-03-17, closed_at: null}}]}}
  - {{name: by the hour, from: 2026-03-01, to: 2026-03-31, every: 1h, {facts}, alerts: [
      {{subject: acme, closed_at: 2026-03-09T12:00:00Z, close_reason: cleared}},
      {{subject: acme, opened_at: 2026-03-16T12:00:00Z}}]}}
"""
    assert passed(results(text, definitions)) == {"daily": True, "by the hour": True}


def test_a_stage_of_a_ladder_lives_among_the_others() -> None:
    ladder = """
- {id: half, name: Half, category: upsell, when: seats_used >= 5, ladder: seats, stage: 50}
- {id: full, name: Full, category: upsell, when: seats_used >= 10, ladder: seats, stage: 100}
"""
    known = read_rules([("rules.yaml", ladder)])[0]
    text = """
rule: half
facts:
  accounts: [{id: acme, name: Acme}]
  account_history: [{field: seats_used, value: 5, at: 2026-03-05}, {field: seats_used, value: 10, at: 2026-03-10}]
cases:
  - name: gives way
    from: 2026-03-01
    to: 2026-03-15
    alerts: [{subject: acme, opened_at: 2026-03-05, closed_at: 2026-03-10, close_reason: superseded}]
"""
    assert passed(results(text, known)) == {"gives way": True}
