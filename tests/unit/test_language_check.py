"""From the syntax tree to typed terms: types, parameters, signals, and what the parts come to."""

from __future__ import annotations

from datetime import date, datetime, timedelta

import pytest

from tocsin.core.language import FormulaError, Names, Value, check, parameter, parse
from tocsin.core.language import terms as t

NAMES = Names(
    accounts={"tier": "number", "risk": "text", "colour": "unknown"},
    people={"level": "number"},
    signals={
        "logins_7d": "count(events where kind = 'login' in last 7d)",
        "twice": "logins_7d * 2",
        "rich": "mrr > 100",
        "seats": "0",
    },
)

TYPES = [
    ("account", "mrr", "number"),
    ("account", "renews_on", "date"),
    ("account", "created_at", "time"),
    ("account", "internal", "boolean"),
    ("account", "tier", "number"),
    ("account", "risk", "text"),
    ("account", "colour", "null"),
    ("account", "colour = 'red' and colour > 5", "boolean"),
    ("account", "logins_7d", "number"),
    ("account", "36h", "number"),
    ("account", "start_of('month')", "date"),
    ("account", "start_of('month') > created_at", "boolean"),
    ("account", "previous(lifecycle_stage)", "text"),
    ("account", "previous(renews_on)", "date"),
    ("account", "days_in(lifecycle_stage)", "number"),
    ("account", "ago(lifecycle_stage, 30d)", "text"),
    ("account", "change(mrr, 30d, 10) - market(change(mrr, 30d, 10))", "number"),
    ("account", "slope(twice, 90d)", "number"),
    ("account", "latest(events.name)", "text"),
    ("account", "earliest(tickets.open)", "boolean"),
    ("account", "max(invoices.due_on)", "date"),
    ("account", "distinct(events.person_id in last 30d)", "number"),
    ("account", "exists(people where open and days_in(role) < 30 and previous(role) = 'user')", "boolean"),
    ("account", "latest(people.trained_on) contains 'x'", "boolean"),
    ("account", "count(people where level > 1)", "number"),
    ("account", "steps(mrr, 0, 'low', 100, 'high')", "text"),
    ("account", "if(rich, 'a', null)", "text"),
    ("account", "coalesce(trial_ends_on, created_at)", "time"),
    ("account", "least(renews_on, trial_ends_on)", "date"),
    ("account", "greatest(1, null)", "number"),
    ("account", "count(events where properties.plan = 'x' and properties.n > 3)", "number"),
    ("account", "count(events where properties.flag)", "number"),
    ("account", "count(events where properties.a = properties.b)", "number"),
    ("account", "count(events where properties.a in (1, 'x', true))", "number"),
    ("account", "count(events where rich)", "number"),
    ("account", "count(events in 7d after coalesce(min(tickets.opened_at), created_at))", "number"),
    ("account", "count(tasks where overdue)", "number"),
    ("account", "sum(invoices.amount_due where days_past_due > 30)", "number"),
    ("account", "null", "null"),
    ("account", "null = 1", "boolean"),
    ("person", "role", "text"),
    ("person", "account.tier = 1", "boolean"),
    ("person", "previous(account.plan)", "text"),
    ("person", "days_quiet(events)", "number"),
    ("person", "trained_on", "list"),
    ("feature", "feature", "text"),
    ("feature", "mrr / count(events where feature = 'x')", "number"),
]


@pytest.mark.parametrize(("subject", "text", "kind"), TYPES)
def test_types(subject: str, text: str, kind: str) -> None:
    assert check(parse(text), subject, NAMES).type == kind


def test_equal_formulas_are_equal_terms() -> None:
    spaced = check(parse("count( events  where kind='login' IN LAST 1w )"), "account", NAMES)
    assert spaced == check(parse("logins_7d"), "account", NAMES)
    assert hash(spaced) == hash(check(parse("logins_7d"), "account", NAMES))


def test_true_is_not_one() -> None:
    assert check(parse("true")) != check(parse("1"))


def test_attributes_come_before_signals_and_columns_before_attributes() -> None:
    assert check(parse("seats"), "account", NAMES) == t.Attribute("number", "account", "seats")
    term = check(parse("count(subscriptions where seats > mrr)"), "account", NAMES)
    columns = [part for part in t.walk(term) if isinstance(part, t.Column)]
    assert [(part.collection, part.name) for part in columns] == [("subscriptions", "seats"), ("subscriptions", "mrr")]


def test_a_filter_sees_the_subject_behind_the_row() -> None:
    term = check(parse("count(events where minutes > touch_cadence_days)"), "account", NAMES)
    assert t.Attribute("number", "account", "touch_cadence_days") in list(t.walk(term))
    of_person = check(parse("count(events where name = role)"), "person", NAMES)
    assert t.Attribute("text", "person", "role") in list(t.walk(of_person))


def test_days_until_is_days_since_negated() -> None:
    assert check(parse("days_until(renews_on)")) == check(parse("-days_since(renews_on)"))


def test_days_quiet_falls_back_to_the_start_of_the_subject() -> None:
    assert check(parse("days_quiet(events)")) == check(parse("coalesce(days_since(max(events.at)), days_since(created_at))"))


def test_days_quiet_is_null_where_its_window_has_no_anchor() -> None:
    written = "if(churned_at is null, null, coalesce(days_since(max(events.at since churned_at)), days_since(created_at)))"
    assert check(parse("days_quiet(events since churned_at)")) == check(parse(written))


def test_change_and_ago_share_what_they_look_at() -> None:
    change = check(parse("change(mrr, 30d)"))
    assert list(t.walk(change))[1:3] == [t.Attribute("number", "account", "mrr"), check(parse("ago(mrr, 30d)"))]


@pytest.mark.parametrize(("length", "samples"), [("28d", 4), ("29d", 5), ("7d", 1), ("90d", 13), ("1d", 1)])
def test_slope_samples_weeks_later_than_its_length(length: str, samples: int) -> None:
    slope = check(parse(f"slope(mrr, {length})"))
    assert isinstance(slope, t.Operation)
    assert len(slope.arguments) == samples


def test_market_is_about_accounts_whatever_the_subject() -> None:
    assert check(parse("market(mrr)"), "person", NAMES) == check(parse("market(mrr)"), "account", NAMES)


def test_the_triggering_row_has_columns() -> None:
    term = check(parse("count(events where feature = event.feature) = 1"), "account", NAMES, given="events")
    assert t.Given("text", "events", "feature") in list(t.walk(term))
    assert check(parse("row.priority"), "account", NAMES, given="tickets") == t.Given("text", "tickets", "priority")
    with pytest.raises(FormulaError, match="events have no column 'featur', did you mean 'feature'"):
        check(parse("event.featur"), "account", NAMES, given="events")


def test_a_filter_alone_is_about_a_row() -> None:
    assert check(parse("kind = 'login'"), "account", NAMES, row="events", expect="boolean").type == "boolean"


PARAMETERS: list[tuple[str, dict[str, Value], str]] = [
    ("mrr > $x", {"x": 5.0}, "mrr > 5"),
    ("name = $x", {"x": "it's; drop"}, "name = 'it''s; drop'"),
    ("internal = $x", {"x": True}, "internal = true"),
    ("renews_on < $x", {"x": date(2026, 1, 31)}, "renews_on < date '2026-01-31'"),
    ("days_since(created_at) > $x", {"x": timedelta(hours=36)}, "days_since(created_at) > 36h"),
    ("count(events in last $x)", {"x": timedelta(days=7)}, "count(events in last 7d)"),
    ("count(events in $x after created_at)", {"x": timedelta(days=7)}, "count(events in 7d after created_at)"),
    ("ago(mrr, $x)", {"x": timedelta(days=7)}, "ago(mrr, 7d)"),
    ("change(mrr, $x, $y)", {"x": timedelta(days=7), "y": 10.0}, "change(mrr, 7d, 10)"),
    ("slope(mrr, $x)", {"x": timedelta(days=60)}, "slope(mrr, 60d)"),
    ("mrr in ($x)", {"x": [1.0, 2.0]}, "mrr in (1, 2)"),
    ("name not in ('z', $x)", {"x": ["a", None]}, "name not in ('z', 'a', null)"),
    ("mrr = $x", {"x": None}, "mrr = null"),
]


@pytest.mark.parametrize(("text", "params", "meant"), PARAMETERS)
def test_parameters_are_typed_literals(text: str, params: dict[str, Value], meant: str) -> None:
    assert check(parse(text), "account", NAMES, params) == check(parse(meant), "account", NAMES)


def test_a_parameter_has_a_type_of_its_own() -> None:
    with pytest.raises(FormulaError, match="a number cannot be compared with a text"):
        check(parse("mrr > $x"), "account", NAMES, {"x": "5"})


def test_an_instant_may_be_a_parameter() -> None:
    term = check(parse("created_at > $x"), "account", NAMES, {"x": datetime.fromisoformat("2026-01-31T00:00:00+00:00")})
    assert term.type == "boolean"


def test_signals_see_no_parameters_of_the_formula_that_names_them() -> None:
    names = Names(signals={"s": "mrr > $x"})
    with pytest.raises(FormulaError, match=r"in the signal 's', column 7: unknown parameter '\$x'"):
        check(parse("s"), "account", names, {"x": 1.0})


@pytest.mark.parametrize(
    ("scalar", "value"),
    [
        (3, 3.0),
        (0.5, 0.5),
        (True, True),
        (None, None),
        ("14d", timedelta(days=14)),
        ("36H", timedelta(hours=36)),
        ("5%", 0.05),
        ("-30%", -0.3),
        ("date '2026-01-31'", date(2026, 1, 31)),
        ("2026-01-31", "2026-01-31"),
        ("14 days", "14 days"),
        (["a", 1, "2w"], ["a", 1.0, timedelta(weeks=2)]),
    ],
)
def test_parameters_as_rule_files_write_them(scalar: object, value: object) -> None:
    made = parameter(scalar)
    assert (made, type(made)) == (value, type(value))


@pytest.mark.parametrize("scalar", [{"a": 1}, object(), "date '2026-02-30'"])
def test_what_is_no_parameter(scalar: object) -> None:
    with pytest.raises(ValueError, match=r"a parameter is|day"):
        parameter(scalar)


# --- Texts whose values may be of other types: tier, risk and custom attributes of mixed values

RISK = t.Attribute("text", "account", "risk")


def read(kind: t.Type, term: t.Term = RISK) -> t.Term:
    return t.Operation(kind, "read_as", (term,))


@pytest.mark.parametrize(
    ("text", "term"),
    [
        ("risk = 1", t.Operation("boolean", "=", (read("number"), t.Const("number", 1.0)))),
        ("1 < risk", t.Operation("boolean", "<", (t.Const("number", 1.0), read("number")))),
        ("risk = tier", t.Operation("boolean", "=", (read("number"), t.Attribute("number", "account", "tier")))),
        ("risk = true", t.Operation("boolean", "=", (read("boolean"), t.Const("boolean", value=True)))),
        ("risk < created_at", t.Operation("boolean", "<", (read("time"), t.Attribute("time", "account", "created_at")))),
        ("risk = 'high'", t.Operation("boolean", "=", (RISK, t.Const("text", "high")))),
        ("risk = name", t.Operation("boolean", "=", (RISK, t.Attribute("text", "account", "name")))),
        ("risk in ('low', 'high')", t.Operation("boolean", "among", (RISK, t.Const("text", "low"), t.Const("text", "high")))),
        ("risk in (1, null)", t.Operation("boolean", "among", (read("number"), t.Const("number", 1.0), t.Const("null", None)))),
        ("risk is null", t.Operation("boolean", "is_null", (RISK,))),
        ("risk + 1", t.Operation("number", "+", (read("number"), t.Const("number", 1.0)))),
        ("coalesce(risk, 3)", t.Operation("number", "coalesce", (read("number"), t.Const("number", 3.0)))),
        ("coalesce(risk, 'none')", t.Operation("text", "coalesce", (RISK, t.Const("text", "none")))),
    ],
)
def test_a_mixed_text_is_read_as_what_it_is_compared_with(text: str, term: t.Term) -> None:
    assert check(parse(text), "account", NAMES) == term


def test_dates_and_times_may_stand_among_the_values() -> None:
    [left, right] = check(parse("risk = date '2026-03-01'"), "account", NAMES).children()
    assert (left, right.type) == (read("time"), "time")
    whole, exact = (t.Operation("number", "days_since", (read(kind),)) for kind in ("date", "time"))
    assert check(parse("days_since(risk)"), "account", NAMES) == t.Operation("number", "coalesce", (whole, exact))
    window = next(each for each in t.walk(check(parse("count(events since risk)"), "account", NAMES)) if each.type == "time")
    assert window == read("time")


def test_days_beside_dates_stay_days() -> None:
    term = check(parse("least(risk, renews_on)"), "account", NAMES)
    day = t.Operation("date", "days_later", (read("time"), t.Const("number", 0.0)))
    assert term == t.Operation("date", "least", (day, t.Attribute("date", "account", "renews_on")))
    assert check(parse("least(risk, created_at)"), "account", NAMES).type == "time"


def test_what_is_listed_is_met_by_its_kind() -> None:
    term = check(parse("risk in (1, 'high', 2)"), "account", NAMES)
    assert term == check(parse("risk in (1, 2) or risk in ('high')"), "account", NAMES)


def test_two_mixed_texts_are_compared_kind_by_kind_and_last_as_texts() -> None:
    names = Names(accounts={"tier": "text", "risk": "text"})
    term = check(parse("tier > risk"), "account", names)
    assert [each.type for test in term.children() for each in test.children()][::2] == ["number", "boolean", "time", "text"]


def test_it_is_read_wherever_it_is_looked_at_from() -> None:
    names = Names(accounts={"risk": "text"}, people={"level": "text"})
    asked = t.OfAccount("text", RISK)
    [where] = check(parse("count(accounts where risk = 1)"), "company", names).children()
    assert where == t.Operation("boolean", "=", (read("number", asked), t.Const("number", 1.0)))
    for formula, column in (
        ("max(accounts.risk) > 1", read("number", asked)),
        ("sum(accounts.risk) > 1", read("number", asked)),
        ("latest(accounts.risk) > 1", asked),
    ):
        whole = check(parse(formula), "company", names)
        assert [each.column for each in t.walk(whole) if isinstance(each, t.Aggregated)] == [column], formula
    for formula in ("ago(risk, 7d) > 1", "previous(risk) > 1", "if(mrr > 1, risk, null) > 1"):
        assert any(
            isinstance(each, t.Operation) and each.name == "read_as" for each in t.walk(check(parse(formula), names=names))
        )
    level = check(parse("count(people where level > 1)"), "account", names)
    assert read("number", t.Column("text", "people", "level")) in list(t.walk(level))
