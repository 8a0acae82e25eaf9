"""Formulas about a csm, a team and the company: what their names mean, what accounts carry, what cannot be said, in English."""

from __future__ import annotations

import pytest

from tocsin.core.language import FormulaError, Names, check, english, parse
from tocsin.core.language import terms as t
from tocsin.core.rulefiles import read_rules

NAMES = Names(
    accounts={"tier": "number"},
    signals={
        "logins_7d": "count(events where kind = 'login' in last 7d)",
        "growth": "change(mrr, 30d)",
        "silent": "logins_7d = 0 and market(mrr) > 1",
        "rich": "mrr > 100",
        "load": "capacity * 2",
        "poor": "count(accounts where health_band = 'Poor')",
        "both": "count(tasks)",
        "circle": "sum(accounts.circle)",
        "square": "count(accounts where triangle > 1)",
        "triangle": "square + 1",
        "broken": "seets + 1",
    },
)

TYPES = [
    ("csm", "email", "text"),
    ("csm", "capacity + churn_tolerance", "number"),
    ("csm", "active and team = 'East' and manager = 'x' and role = 'csm' and name != id", "boolean"),
    ("team", "manager", "text"),
    ("team", "churn_tolerance", "number"),
    ("company", "churn_tolerance", "number"),
    ("company", "currency = 'EUR' and id = 'company'", "boolean"),
    ("csm", "count(accounts)", "number"),
    ("csm", "count(accounts where open and age > 30 and tier = 1 in last 30d)", "number"),
    ("csm", "sum(accounts.mrr where status = 'active')", "number"),
    ("csm", "avg(accounts.logins_7d where silent)", "number"),
    ("csm", "max(accounts.growth where growth < 0 and rich)", "number"),
    ("csm", "latest(accounts.plan)", "text"),
    ("csm", "min(accounts.renews_on)", "date"),
    ("csm", "distinct(accounts.health_band where churn_risk > 50%)", "number"),
    ("csm", "avg(accounts.age)", "number"),
    ("team", "count(accounts where days_in(lifecycle_stage) > 30 and previous(plan) = 'x')", "number"),
    ("team", "exists(tasks where overdue)", "boolean"),
    ("team", "days_quiet(tasks where not open)", "number"),
    ("company", "count(alerts where open and severity = 'high' in last 7d)", "number"),
    ("company", "change(count(accounts where open), 90d)", "number"),
    ("company", "slope(sum(accounts.mrr), 90d) > market(mrr)", "boolean"),
    ("csm", "poor > load", "boolean"),
    ("csm", "count(accounts where mrr > capacity and load > 3)", "number"),
    ("csm", "count(tasks where capacity > 3 and load > 3)", "number"),
    ("csm", "count(tasks in 7d after start_of('year'))", "number"),
]


@pytest.mark.parametrize(("subject", "text", "kind"), TYPES)
def test_types(subject: str, text: str, kind: str) -> None:
    assert check(parse(text), subject, NAMES).type == kind


def test_a_filter_on_accounts_asks_each_account() -> None:
    filtered = check(parse("sum(accounts.mrr where logins_7d = 0 and capacity > 3)"), "csm", NAMES)
    assert isinstance(filtered, t.Aggregated)
    assert filtered.column == t.OfAccount("number", t.Attribute("number", "account", "mrr"))
    of_account = t.OfAccount("number", check(parse("logins_7d"), "account", NAMES))
    zero, three = t.Const("number", 0.0), t.Const("number", 3.0)
    tests = (
        t.Operation("boolean", "=", (of_account, zero)),
        t.Operation("boolean", ">", (t.Attribute("number", "csm", "capacity"), three)),
    )
    assert filtered.where == t.Operation("boolean", "and", tests)


def test_own_terms_leave_out_those_of_accounts() -> None:
    term = check(parse("sum(accounts.mrr where capacity > 3)"), "csm", NAMES)
    names = {each.name for each in t.own(term) if isinstance(each, t.Attribute)}
    assert (names, {each.name for each in t.walk(term) if isinstance(each, t.Attribute)}) == ({"capacity"}, {"capacity", "mrr"})


@pytest.mark.parametrize(
    ("text", "attribute"),
    [
        ("count(accounts where mrr > 1)", "mrr"),  # the row's column before a csm's attribute or a signal
        ("count(accounts where name = 'x')", "name"),
        ("count(accounts where churn_risk > 1)", "churn_risk"),
    ],
)
def test_names_of_the_row_come_first(text: str, attribute: str) -> None:
    term = check(parse(text), "csm", NAMES)
    assert [each.name for each in t.walk(term) if isinstance(each, t.Attribute) and each.entity == "account"] == [attribute]


def test_a_signal_in_a_filter_on_accounts_is_that_of_the_account() -> None:
    both = check(parse("both"), "account", NAMES)
    assert t.OfAccount("number", both) in t.walk(check(parse("count(accounts where both > 1)"), "csm", NAMES))


def test_days_quiet_of_nothing_is_null_as_nobody_knows_when_a_csm_began() -> None:
    quiet = check(parse("days_quiet(tasks)"), "csm", NAMES)
    assert not any(isinstance(each, t.Attribute) for each in t.walk(quiet))


@pytest.mark.parametrize(
    ("subject", "text"),
    [("person", "account.health_score"), ("feature", "health_score"), ("person", "previous(account.health_band)")],
)
def test_what_the_engine_gives_accounts_is_asked_of_the_account_of_people_and_features(subject: str, text: str) -> None:
    term = check(parse(text), subject, NAMES)
    assert isinstance(term, t.OfAccount)
    assert not isinstance(check(parse("health_score"), "account", NAMES), t.OfAccount)


def test_days_in_an_attribute_of_the_account_are_asked_of_the_account() -> None:
    term = check(parse("days_in(account.health_band)"), "person", NAMES)
    assert term == t.OfAccount("number", check(parse("days_in(health_band)"), "account", NAMES))
    assert term in t.walk(check(parse("count(accounts where days_in(health_band) > 30)"), "csm", NAMES))


WRONG = [
    ("csm", "logins_7d > 3", 0, "'logins_7d' is a signal of accounts: write avg(accounts.logins_7d) or count(accounts where"),
    ("csm", "mrr > 3", 0, "unknown name 'mrr'; 'mrr' is an attribute of accounts: write sum(accounts.mrr)"),
    ("csm", "plan = 'x'", 0, "'plan' is an attribute of accounts: write count(accounts where plan ...)"),
    ("csm", "account.tier = 1", 0, "'tier' is an attribute of accounts: write sum(accounts.tier)"),
    ("csm", "capacty", 0, "unknown name 'capacty', did you mean 'capacity'?"),
    ("team", "capacity", 0, "unknown name 'capacity'"),
    ("company", "churn_tolerence", 0, "did you mean 'churn_tolerance'?"),
    ("csm", "count(events)", 6, "a csm has no collection 'events'; it has accounts, tasks, alerts, and accounts carry"),
    ("company", "count(tickets)", 6, "the company has no collection 'tickets'; it has accounts, tasks, alerts"),
    ("team", "count(account)", 6, "unknown collection 'account', did you mean 'accounts'?"),
    ("csm", "sum(accounts.mrrr)", 4, "accounts have no column 'mrrr', did you mean 'mrr'?"),
    ("csm", "sum(accounts.logins_7)", 4, "accounts have no column 'logins_7', did you mean 'logins_7d'?"),
    ("csm", "sum(accounts.capacity)", 4, "accounts have no column 'capacity'"),
    ("csm", "sum(accounts.plan)", 4, "a number was expected, a text stands there"),
    ("csm", "sum(accounts.broken)", 4, "in the signal 'broken', column 1: unknown name 'seets'"),
    ("csm", "count(accounts where mrrr > 1)", 21, "unknown name 'mrrr', did you mean 'mrr'?"),
    ("csm", "count(accounts where account.tier = 1)", 21, "attributes of the account are written bare: tier"),
    ("csm", "count(accounts where broken > 1)", 21, "in the signal 'broken', column 1: unknown name 'seets'"),
    ("csm", "count(accounts where poor > 1)", 21, "the signal 'poor' holds an aggregate"),
    ("csm", "count(accounts where count(events) > 1)", 21, "an aggregate cannot stand inside a `where` of an aggregate; give"),
    ("csm", "count(accounts where ago(mrr, 1d) > 1)", 21, "give it a name as a signal, which can stand there"),
    ("csm", "count(accounts where market(mrr) > 1)", 21, "market cannot stand inside a `where`"),
    ("csm", "count(tasks where logins_7d > 1)", 18, "'logins_7d' is a signal of accounts"),
    ("csm", "days_in(team)", 8, "an attribute of an account or person is expected"),
    ("csm", "circle", 0, "'circle' is defined by itself: circle -> circle"),
    ("csm", "triangle", 0, "'triangle' is defined by itself: triangle -> square -> triangle"),
    ("account", "count(alerts)", 6, "only formulas about a csm, a team or the company range over 'alerts'"),
    ("account", "count(events where health_score > 1)", 19, "'health_score', which the engine computes, cannot stand inside"),
    ("person", "count(events where account.health_score > 1)", 19, "'account.health_score', which the engine computes, cannot"),
]  # fmt: skip


@pytest.mark.parametrize(("subject", "text", "position", "said"), WRONG)
def test_what_means_nothing(subject: str, text: str, position: int, said: str) -> None:
    with pytest.raises(FormulaError) as error:
        check(parse(text), subject, NAMES)
    assert said in error.value.message
    assert error.value.position == position


ENGLISH = {
    "count(accounts where health_band = 'Poor') > 10": "more than 10 accounts with health band 'Poor'",
    "sum(accounts.mrr where open) / count(accounts where not open)": (
        "total MRR of current accounts divided by number of churned accounts"
    ),
    "avg(accounts.license_utilization) < 0.5": "average license utilization of accounts is below 50 %",
    "count(tasks where overdue in last 30d) >= 5": "5 or more overdue tasks in the last 30 days",
    "exists(alerts where open and severity = 'critical')": "there are open alerts with severity 'critical'",
    "churn_tolerance > 0.05": "churn tolerance is above 5 %",
}


@pytest.mark.parametrize("text", ENGLISH)
def test_it_reads_as_people_speak(text: str) -> None:
    assert english(parse(text)) == ENGLISH[text]


def told(text: str) -> list[str]:
    return [each.message for each in read_rules([("signals.yaml", text)], names=NAMES)[1]]


def test_a_signal_may_mean_something_for_a_csm_alone() -> None:
    assert told("signals:\n  watched: count(accounts where health_band = 'Poor') / capacity\n") == []
    assert told("signals:\n  tolerated: churn_tolerance * 2\n") == []


def test_a_signal_that_ranges_over_accounts_is_told_of_as_a_csms() -> None:
    assert told("signals:\n  watched: count(accounts where health_bnd = 'Poor')\n") == [
        "the signal 'watched': unknown name 'health_bnd', did you mean 'health_band'?"
    ]


def test_a_cycle_through_accounts_is_found() -> None:
    assert told("signals:\n  watched: sum(accounts.watched)\n") == [
        "the signal 'watched' is defined by itself: watched -> watched; break the cycle"
    ]
