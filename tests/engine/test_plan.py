"""What a plan shares and what it cannot: equal leaves, tall groups, distinct passes, wide groups, slopes, levels."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

import pytest

from tests.engine.facts import NOW, ago
from tocsin.core.language import Names, Term, check, parse
from tocsin.engine.plan import Group, Plan, make_plan

NAMES = Names(
    accounts={"tier": "number"},
    signals={"usage_30d": "count(events where kind = 'feature' in last 30d)", "logins": "count(events where kind = 'login')"},
)


def term(formula: str, subject: str = "account") -> Term:
    return check(parse(formula), subject, NAMES)


def plan(*formulas: str, moments: Sequence[datetime] = (NOW,), subject: str = "account", wide_only: bool = False) -> Plan:
    items = [(term(formula, subject), moment) for moment in moments for formula in formulas]
    return make_plan(items, wide_only=wide_only)


def shape(made: Plan) -> list[tuple[str, str, int]]:
    """(kind, collection, members) of each group, in order."""
    return [(group.kind, group.collection, len(group.members)) for group in made.groups]


def the_group(made: Plan) -> Group:
    [group] = made.groups
    return group


# --- Each thing once


def test_equal_aggregates_are_computed_once() -> None:
    made = plan("count(events in last 7d) + 1", "count(events in last 7d) * 2", "2 - count(events in last 7d)")
    assert shape(made) == [("tall", "events", 1)]


def test_a_signal_and_its_formula_are_the_same() -> None:
    assert shape(plan("logins > 3", "count(events where kind = 'login')")) == [("tall", "events", 1)]


def test_aggregates_that_differ_in_anything_are_not_the_same() -> None:
    made = plan(
        "count(events in last 7d)",
        "count(events in last 14d)",
        "count(events where kind = 'login' in last 7d)",
        "sum(events.minutes in last 7d)",
        "max(events.minutes in last 7d)",
    )
    assert shape(made) == [("tall", "events", 5)]


def test_the_same_aggregate_of_two_moments_is_two() -> None:
    assert shape(plan("count(events)", moments=[NOW, ago(7)])) == [("tall", "events", 2)]


def test_equal_moments_are_one() -> None:
    made = plan("ago(count(events), 7d)", "count(events)", moments=[NOW, ago(7)])
    assert {leaf.at for leaf in the_group(made).members} == {ago(14), ago(7), NOW}
    assert len(the_group(made).members) == 3


def test_attributes_of_one_moment_share_a_view() -> None:
    made = plan("tier = 1", "mrr > 100 and tier in (1, 2)", "days_in(lifecycle_stage) > 3", "previous(lifecycle_stage) = 'x'")
    assert list(made.views) == [("account", NOW)]
    assert set(made.views["account", NOW].columns) == {
        ("tier", "value"),
        ("mrr", "value"),
        ("lifecycle_stage", "since"),
        ("lifecycle_stage", "previous"),
    }
    assert made.groups == []


def test_attributes_of_the_person_and_of_its_account_have_views_of_their_own() -> None:
    made = plan("role = 'admin' and account.tier = 1", subject="person")
    assert set(made.views) == {("person", NOW), ("account", NOW)}


# --- Tall


def test_windows_formulas_and_moments_share_one_tall_group() -> None:
    moments = [NOW - timedelta(days=each) for each in range(5)]
    made = plan(
        "change(usage_30d, 30d, 100)",
        "change(count(events in last 7d), 7d)",
        "avg(events.minutes in last 90d)",
        "exists(events where feature = 'api' in last 7d)",
        moments=moments,
    )
    [group] = made.groups
    assert (group.kind, group.collection, group.at, group.with_subject, group.level) == ("tall", "events", None, False, 0)
    # Two for each `change`, one for each of the others, as of five days; some weeks and days meet.
    windows = {(leaf.term, leaf.at) for leaf in group.members}
    assert len(group.members) == len(windows) == 5 * 6


def test_what_looks_at_all_history_does_not_make_the_others_read_it() -> None:
    made = plan("count(events in last 7d)", "count(events in last 30d)", "count(events)", "max(events.minutes)")
    windows = [{getattr(leaf.term, "window", None) is None for leaf in group.members} for group in made.groups]
    assert shape(made) == [("tall", "events", 2)] * 2
    assert windows == [{False}, {True}]
    made = plan("distinct(events.person_id in last 30d)", "distinct(events.person_id)")
    assert shape(made) == [("distinct", "events", 1)] * 2


def test_each_large_collection_has_its_tall_group() -> None:
    made = plan("count(events)", "sum(metrics.value where name = 'api' in last 30d)")
    assert sorted(shape(made)) == [("tall", "events", 1), ("tall", "metrics", 1)]


@pytest.mark.parametrize(
    "formula",
    [
        "count(events)",
        "count(events where kind not in ('error', 'other') in last 7d)",
        "count(events where not (name = 'a' or feature is null) in last 7d)",
        "count(events where properties.plan = 'pro')",
        "count(events where at > date '2026-01-01')",
        "sum(events.minutes where coalesce(kind, 'feature') = 'feature')",
        "min(metrics.value in last 7d)",
        "days_quiet(events where kind = 'login')",
    ],
)
def test_what_looks_at_the_row_alone_is_tall(formula: str) -> None:
    assert the_group(plan(formula)).kind == "tall"


# --- Wide


@pytest.mark.parametrize(
    ("formula", "with_subject"),
    [
        ("count(events in 14d after onboarding_started_at)", False),
        ("count(events since created_at)", False),
        ("latest(events.feature)", False),
        ("count(events where age < 2)", False),
        ("count(events where feature = plan)", True),
        ("count(events where at > created_at in last 7d)", True),
        ("count(events where days_since(at) < 3)", False),
        ("count(tickets where open)", False),
        ("sum(invoices.amount in last 30d)", False),
    ],
)
def test_what_looks_at_the_moment_or_the_subject_is_wide(formula: str, with_subject: bool) -> None:
    group = the_group(plan(formula))
    assert (group.kind, group.at, group.with_subject) == ("wide", NOW, with_subject)


def test_wide_groups_are_one_for_each_collection_and_moment() -> None:
    made = plan("count(tickets where open)", "max(tickets.age)", "count(invoices)", moments=[NOW, ago(7)])
    assert sorted(shape(made)) == [("wide", "invoices", 1)] * 2 + [("wide", "tickets", 2)] * 2
    assert {group.at for group in made.groups} == {NOW, ago(7)}


def test_what_looks_at_the_subject_does_not_hold_up_what_does_not() -> None:
    made = plan("count(tickets where priority = risk)", "count(tickets where open)")
    assert sorted((group.kind, group.with_subject, len(group.members)) for group in made.groups) == [
        ("wide", False, 1),
        ("wide", True, 1),
    ]


def test_the_attributes_that_filters_look_at_are_in_a_view() -> None:
    assert set(plan("count(events where feature = plan)").views["account", NOW].columns) == {("plan", "value")}


def test_the_yardstick_has_no_tall_groups() -> None:
    formulas = ["count(events in last 7d)", "distinct(events.person_id)", "sum(metrics.value)", "change(usage_30d, 30d)"]
    assert {group.kind for group in plan(*formulas, moments=[NOW, ago(3)], wide_only=True).groups} == {"wide"}
    assert {group.kind for group in plan(*formulas, moments=[NOW, ago(3)]).groups} == {"tall", "distinct"}


# --- Distinct


def test_distinct_passes_are_one_for_each_column() -> None:
    made = plan(
        "distinct(events.person_id in last 30d)",
        "distinct(events.person_id where kind = 'login' in last 7d)",
        "distinct(events.feature in last 30d)",
        "distinct(metrics.name)",
        moments=[NOW, ago(7)],
    )
    assert sorted(shape(made)) == [("distinct", "events", 2), ("distinct", "events", 4), ("distinct", "metrics", 2)]
    for group in made.groups:
        assert len({getattr(leaf.term, "column", None) for leaf in group.members}) == 1


# --- Slopes and levels


def test_slopes_share_their_samples() -> None:
    made = plan("slope(usage_30d, 90d)", "slope(usage_30d, 60d)", "usage_30d", "ago(usage_30d, 7d)")
    tall, slopes = made.groups
    assert [(tall.kind, tall.level), (slopes.kind, slopes.level)] == [("tall", 0), ("slopes", 1)]
    assert [leaf.at for leaf in tall.members] == [NOW - timedelta(weeks=week) for week in range(13)]
    assert len(slopes.members) == 2


def test_what_an_anchor_holds_comes_before_it() -> None:
    made = plan("count(events in 7d after earliest(events.at where kind = 'login'))")
    assert [(group.kind, group.level, len(group.members)) for group in made.groups] == [("wide", 0, 1), ("wide", 1, 1)]


def test_levels_go_up_however_the_formulas_are_ordered() -> None:
    deep = "count(tickets since latest(touchpoints.at where kind = 'qbr'))"
    deeper = "count(surveys since latest(tickets.opened_at since latest(touchpoints.at where kind = 'qbr')))"
    for formulas in ([deeper, deep, "count(tickets)"], ["count(tickets)", deep, deeper]):
        levels = [group.level for group in plan(*formulas).groups]
        assert levels == sorted(levels)
        assert max(levels) == 2


def test_market_terms_are_computed_apart() -> None:
    assert plan("market(usage_30d)").groups == []
