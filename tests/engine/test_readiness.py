"""Whether a rule can speak: each sentence, where it is said, and where it is not."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from tests.engine.facts import NOW, Rows, ago, store_of
from tocsin.catalog import catalog
from tocsin.core.milestones import Milestone, MilestoneVersion
from tocsin.core.profiles import Indicator, Profile, ProfileVersion
from tocsin.core.rules import Rule, Trigger, Variant
from tocsin.engine import Book, HealthModel
from tocsin.engine.readiness import Readiness, readiness
from tocsin.facts.duckdb import DuckStore

READY = Readiness("ready", "it has everything that it asks for")
MENDS = "; a value map in columns.yaml mends it"
KINDS = "it has 'feature' (3) and 'page' (1)" + MENDS
URGENT = "tickets.priority has no 'critical'; it has 'P1' (1)" + MENDS
STAGES = "lifecycle_stage has no 'Onboarding'; it has '2 - Implementation' (2) and 'Live' (1)" + MENDS
SIGNALS = {
    "days_since_login": "days_quiet(events where kind = 'login')",
    "paid_late": "max(invoices.days_past_due where open)",
}
ROWS: Rows = {
    "accounts": [
        {"id": "a", "name": "A", "tier": 1, "lifecycle_stage": "2 - Implementation", "mrr": 10, "created_at": ago(300)},
        {"id": "b", "name": "B", "tier": 2, "lifecycle_stage": "2 - Implementation", "mrr": 20, "created_at": ago(300)},
        {"id": "c", "name": "C", "tier": 2, "lifecycle_stage": "Live", "owner": "z@us.example", "created_at": ago(300)},
        {"id": "ours", "name": "Test", "tier": 9, "lifecycle_stage": "Onboarding", "internal": True, "created_at": ago(300)},
    ],
    "account_history": [
        {"account_id": "c", "field": "lifecycle_stage", "value": "Kick-off", "at": ago(200)},
        {"account_id": "c", "field": "lifecycle_stage", "value": "Live", "at": ago(100)},
    ],
    "people": [{"id": "p", "account_id": "a", "role": "user", "created_at": ago(90)}],
    "events": [
        *({"id": f"f{n}", "account_id": "a", "person_id": "p", "name": "Saved", "kind": "feature", "feature": "api",
           "at": ago(n + 1)} for n in range(3)),
        {"id": "p1", "account_id": "b", "name": "Read", "kind": "page", "at": ago(2)},
        {"id": "ahead", "account_id": "b", "name": "Read", "kind": "login", "at": ago(-1)},
        {"id": "test", "account_id": "ours", "name": "Read", "kind": "error", "at": ago(2)},
    ],
    "tickets": [{"id": "t", "account_id": "a", "priority": "P1", "opened_at": ago(3)}],
    "tasks": [{"id": "k", "assignee": "z@us.example", "title": "Call", "created_at": ago(9), "account_id": "a"}],
}  # fmt: skip


@pytest.fixture(scope="module")
def book(tmp_path_factory: pytest.TempPathFactory) -> Book:
    return Book(store_of(tmp_path_factory.mktemp("ready"), ROWS), SIGNALS, {"small": "mrr < 15"})


def rule(when: str | None = None, **given: Any) -> Rule:
    return Rule("r", "A rule", "risk", when=when, **given)


def event(formula: str, **given: Any) -> Rule:
    return rule(trigger=Trigger("event", {"event": formula}), **given)


def new(collection: str, where: str | None = None) -> Rule:
    return rule(trigger=Trigger("new", {"new": collection, **({"where": where} if where else {})}))


def said(book: Book, given: Rule) -> Readiness:
    return readiness(book, [given], NOW)["r"]


@pytest.mark.parametrize(
    "given",
    [
        rule("mrr < 5"),
        rule("count(tickets) > 3"),
        rule("lifecycle_stage = 'Live'"),
        rule("lifecycle_stage in ('Onboarding', 'Live')"),
        rule("lifecycle_stage != 'Onboarding'"),
        rule("lifecycle_stage not in ('Onboarding', 'Live')"),
        rule("lifecycle_stage = 'Kick-off'"),  # nobody is there now, and somebody was
        rule("previous(lifecycle_stage) = 'Kick-off'"),
        rule("tier = 1"),
        rule("tier not in (3) or tier is null"),
        rule("status = 'churned'"),  # derived from dates: that nobody is lacks nothing
        rule("status = 'cancelling' or cancel_requested_at is not null"),
        rule("renews_on is null"),
        rule("coalesce(seats, 1) > 2"),
        rule("count(tickets) > 3 or exists(invoices)"),
        rule("mrr < 5", where="not exists(invoices where open)"),
        rule("mrr < 5", where="lifecycle_stage = 'Onboarding' or mrr > 1"),
        rule("count(tickets) > 3 and not exists(meetings where kind = 'qbr')"),  # an exception that never applies
        rule("lifecycle_stage = $stage", params={"stage": "Onboarding"}, vary=(Variant("tier = 1", {"stage": "Live"}),)),
        rule("lifecycle_stage = $stage", params={"stage": "Live"}, vary=(Variant("tier = 7", {"stage": "Gone"}),)),
        rule("$name = '' or mrr < 5", params={"name": ""}),
        rule("mrr < 5 or owner in ($names)", params={"names": []}),
        rule("count(alerts) > 3", subject="csm"),
        rule("count(accounts where tier = 2) > 1", subject="team"),
        rule("feature = 'api'", subject="feature"),
        rule("role = 'user' and account.tier = 1", subject="person"),
        event("kind = 'page'"),
        event("feature is not null", when="event.feature in ($key) or mrr > 1", params={"key": []}),
        new("tickets", "priority = 'P1'"),
        rule(trigger=Trigger("enter", {"enter": "small"})),
        rule(trigger=Trigger("change", {"change": "lifecycle_stage", "to": "Live"})),
        rule(trigger=Trigger("countdown", {"countdown": "created_at", "steps": [3]})),
        rule("mrr < 5", state="off"),
        rule("count(accounts where churned_at is not null) >= 0", subject="company"),
        rule("sum(invoices.amount) > -1"),
    ],
)
def test_a_rule_that_finds_what_it_asks_for_is_ready(book: Book, given: Rule) -> None:
    assert said(book, given) == READY


@pytest.mark.parametrize(
    ("given", "says"),
    [
        (rule("count(invoices) > 3"), "there are no invoices at all: import invoices"),
        (rule("paid_late > 3"), "there are no invoices at all: import invoices"),  # within a signal
        (rule("exists(opportunities where kind = 'new')"), "there are no opportunities at all: import opportunities"),
        # Absence: nothing at all would make it true for everybody.
        (rule("count(touchpoints in last 30d) < 1"), "there are no touchpoints at all: import touchpoints"),
        (rule("days_quiet(touchpoints) > 30"), "there are no touchpoints at all: import touchpoints"),
        (rule("not exists(touchpoints in last 30d)"), "there are no touchpoints at all: import touchpoints"),
        (
            rule("days_until(trial_ends_on) < 9 and not exists(touchpoints)"),
            "trial_ends_on has no value for any account",
        ),
        (rule("seats > 3"), "seats has no value for any account"),
        (rule("days_in(plan) > 3"), "plan has no value for any account"),
        (rule("ago(seats, 30d) > 3"), "seats has no value for any account"),
        (rule("change(seats, 30d) > 3"), "seats has no value for any account"),
        (rule("seats > 3 and plan = 'x'"), "seats has no value for any account; plan has no value for any account"),
        (
            rule("seats > 3 and plan = 'x' and region = 'y' and industry = 'z'"),
            "seats has no value for any account; plan has no value for any account; and 2 more",
        ),
        (rule("email = 'x'", subject="person"), "email has no value for any person"),
        (rule("capacity > 3", subject="csm"), "capacity has no value for any CSM"),
        (rule("count(events in 7d after onboarding_started_at) < 3"), "onboarding_started_at has no value for any account"),
        (rule("exists(tickets where sla_due_at > opened_at)"), "tickets.sla_due_at has no value in any row"),
        # What would mark the rows is missing: as of now there is one login, and it lies ahead.
        (rule("days_since_login > 30"), "events.kind has no 'login'; " + KINDS),
        (rule("count(events where kind = 'login') < 3"), "events.kind has no 'login'; " + KINDS),
        (new("invoices"), "there are no invoices at all: import invoices"),
        (
            rule(trigger=Trigger("countdown", {"countdown": "renews_on", "steps": [3]})),
            "renews_on has no value for any account",
        ),
        (
            rule(trigger=Trigger("countdown", {"countdown": "tasks.due_on", "steps": [3]})),
            "tasks.due_on has no value in any row",
        ),
        (rule(trigger=Trigger("change", {"change": "risk"})), "risk has no value for any account"),
        (rule("count(accounts where region = 'north') > 1", subject="company"), "region has no value for any account"),
        (
            rule("health_score < 40"),
            "no account has a health score: there is no profile, or what its indicators ask for is missing",
        ),
    ],
)  # fmt: skip
def test_a_rule_without_its_data_says_what_is_missing(book: Book, given: Rule, says: str) -> None:
    assert said(book, given) == Readiness("needs data", says)


@pytest.mark.parametrize(
    ("given", "says"),
    [
        (rule("lifecycle_stage = 'Onboarding'"), STAGES),
        (rule("mrr < 5", where="lifecycle_stage = 'Onboarding' and mrr > 1"), STAGES),
        (rule("ago(lifecycle_stage, 30d) = 'Onboarding'"), STAGES),
        (rule("count(accounts where lifecycle_stage = 'Onboarding') > 1", subject="company"), STAGES),
        (rule("account.lifecycle_stage = 'Onboarding'", subject="person"), STAGES),
        (rule("lifecycle_stage = $stage", params={"stage": "Onboarding"}), STAGES),
        (rule("tier in (3, 4)"), "tier has no 3 or 4; it has 2 (2) and 1 (1)" + MENDS),
        (rule("max(tickets.age where priority = 'critical') > 5"), URGENT),
        (rule("exists(tickets where priority = 'critical' and open)"), URGENT),
        (event("kind = 'error'"), "events.kind has no 'error'; " + KINDS),
        (event("name = 'Bought'"), "events.name has no 'Bought'; it has 'Saved' (3) and 'Read' (1)" + MENDS),
        (new("tickets", "priority = 'high'"), "tickets.priority has no 'high'; it has 'P1' (1)" + MENDS),
        (rule("feature = 'ui'", subject="feature"), "events.feature has no 'ui'; it has 'api' (3)" + MENDS),
        (
            rule(trigger=Trigger("change", {"change": "lifecycle_stage", "to": "Onboarding"})),
            STAGES,
        ),
        (rule("role in ('champion', 'sponsor', 'admin', 'buyer')", subject="person"),
         "role has no 'champion', 'sponsor' or 'admin'; it has 'user' (1)" + MENDS),
    ],
)  # fmt: skip
def test_a_value_that_never_occurs_is_told_beside_those_that_do(book: Book, given: Rule, says: str) -> None:
    assert said(book, given) == Readiness("matches nobody", says)


@pytest.mark.parametrize(
    ("given", "says"),
    [
        (
            rule("$chosen != '' and count(events where feature = $chosen) = 0", params={"chosen": ""}),
            "`chosen` is empty: say what under `with`",
        ),
        (rule("count(events where feature = $it) > 1", params={"it": ""}), "`it` is empty: say what under `with`"),
        (
            rule("$a != '' and $b != '' and (mrr < 5 or owner = $c)", params={"a": "", "b": "", "c": ""}),
            "`a` and `b` are empty: say what under `with`",
        ),
        (rule("owner in ($names)", params={"names": []}), "`names` is empty: say what under `with`"),
        (rule("mrr < $least", params={"least": None}), "`least` is empty: say what under `with`"),
        (event("name in ($names)", params={"names": []}), "`names` is empty: say what under `with`"),
        (rule("tier = 1 and 1 = 2"), "as it is written it can never be true"),
        (
            rule("count(accounts) > churn_tolerance", subject="company"),
            "the company's churn tolerance is not set: TOCSIN_CHURN_TOLERANCE",
        ),
    ],
)
def test_a_rule_that_waits_for_a_choice_names_it(book: Book, given: Rule, says: str) -> None:
    assert said(book, given) == Readiness("needs a choice", says)


def test_a_rule_on_a_forecast_waits_for_one(book: Book) -> None:
    given = rule("churn_risk >= 50%")
    assert said(book, given) == Readiness("waits for a forecast", "no churn_risk has been forecast yet")


@pytest.mark.parametrize("formula", ["sum(events.minutes) > 3", "sum(events.minutes in last 7d) < 3"])
def test_minutes_are_there_where_they_can_be_counted(book: Book, tmp_path: Path, formula: str) -> None:
    """By sessions, of events of somebody."""
    assert said(book, rule(formula)) == READY
    nobodys = [{**each, "person_id": None} for each in ROWS["events"]]
    found = said(Book(store_of(tmp_path, {**ROWS, "events": nobodys}), SIGNALS), rule(formula))
    assert found == Readiness("needs data", "events.minutes has no value in any row")


@pytest.mark.parametrize("formula", ["exists(milestones where open)", "count(milestones where days_since(due_on) > 0) > 0"])
def test_milestones_are_there_where_there_are_templates(book: Book, formula: str) -> None:
    assert said(book, rule(formula)) == Readiness("needs data", "there are no milestones at all: import milestones")
    step = MilestoneVersion(Milestone("use", "First use", 0, timedelta(days=9), "exists(events)"), 1, NOW)
    assert said(Book(book.store, SIGNALS, milestones=[step]), rule(formula)) == READY


def test_what_is_forecast_makes_it_ready(tmp_path: Path) -> None:
    store = store_of(tmp_path, ROWS)
    store.record("a", "churn_risk", [("0.4", ago(3))], after=ago(4))
    assert said(Book(store, {}), rule("churn_risk >= 50%")) == READY


def test_a_rule_that_cannot_be_read_says_why(book: Book) -> None:
    found = said(book, rule("tier = 'gold'"))
    assert found == Readiness("cannot be read", "column 8: a number cannot be compared with a text")


def test_what_comes_first_is_told_first(book: Book) -> None:
    given = rule("count(invoices) > 1 and lifecycle_stage = 'Onboarding' and churn_risk > 0.5 and owner = $x", params={"x": ""})
    assert said(book, given) == Readiness("needs data", "there are no invoices at all: import invoices")


def test_a_book_without_accounts_says_so() -> None:
    book = Book(DuckStore(":memory:", ZoneInfo("UTC")), {})
    assert said(book, rule("mrr < 5")) == Readiness("needs data", "there are no accounts: import accounts")


def test_health_is_ready_once_somebody_is_scored(tmp_path: Path) -> None:
    profile = Profile("all", "All", 1, (Indicator("Revenue", "proactive", 1, "scale(mrr, 0, 20)"),))
    model = HealthModel((ProfileVersion(profile, 1, NOW - timedelta(days=400)),))
    book = Book(store_of(tmp_path, ROWS), {}, health=model)
    assert said(book, rule("health_band = 'Poor'")) == READY  # nothing is kept yet: nobody knows better
    book.signals(["days_in(health_band)"], [NOW])
    assert said(book, rule("health_band = 'Poor'")) == READY
    nobody = Book(store_of(tmp_path, {"accounts": [{"id": "x", "name": "X", "created_at": ago(9)}]}), {}, health=model)
    nobody.signals(["days_in(health_band)"], [NOW])
    assert said(nobody, rule("health_band = 'Poor'")).state == "needs data"


def test_the_past_is_judged_by_what_was_known_then(book: Book) -> None:
    then = readiness(book, [rule("lifecycle_stage = 'Live'")], ago(150))["r"]
    assert then.says == "lifecycle_stage has no 'Live'; it has '2 - Implementation' (2) and 'Kick-off' (1)" + MENDS
    assert readiness(book, [event("kind = 'page'")], ago(2.5))["r"].state == "matches nobody"


def test_the_queries_are_as_many_for_all_rules_as_for_one(book: Book, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []
    real = book.store.query

    def counted(sql: str, *given: Any, **more: Any) -> Any:
        asked.append(sql)
        return real(sql, *given, **more)

    monkeypatch.setattr(book.store, "query", counted)
    shipped = catalog()
    whole = Book(book.store, shipped.signals, shipped.segments)
    found = readiness(whole, shipped.rules, NOW)
    assert len(found) == len(shipped.rules)
    assert len(asked) <= 10
    assert found["mature-without-feature"].state == "needs a choice"
    assert found["critical-ticket-old"].says.startswith("tickets.priority has no 'critical'")
    assert found["amount-due-high"] == Readiness("needs data", "there are no invoices at all: import invoices")


@pytest.mark.parametrize(
    ("when", "lacks"),
    [
        ("days_quiet(touchpoints) > 5", "touchpoints"),
        ("mrr > 1 and days_quiet(touchpoints) > 5", "touchpoints"),
        ("count(touchpoints in last 7d) < 2", "touchpoints"),
        ("not exists(meetings where open)", "meetings"),
        ("mrr > 1 or days_quiet(touchpoints) > 5", ""),
        ("days_quiet(tickets where priority = 'urgent') > 5", ""),
        ("days_quiet(tickets) > 5 and not exists(meetings where open)", ""),
        ("count(tasks) >= 0", ""),
    ],
)
def test_what_holds_only_for_want_of_rows(book: Book, when: str, lacks: str) -> None:
    found = book.groundless([rule(when), replace(event("kind = 'click'"), id="e")])
    assert found == ({"r": f"there are no {lacks} at all: import {lacks}"} if lacks else {})


def test_milestones_of_templates_are_rows(tmp_path: Path) -> None:
    asked = [rule("count(milestones where open) = 0")]
    store = store_of(tmp_path, {"accounts": ROWS["accounts"]})
    version = MilestoneVersion(Milestone("use", "First use", 0, timedelta(days=9), "exists(events)"), 1, NOW)
    assert list(Book(store, SIGNALS).groundless(asked)) == ["r"]
    assert Book(store, SIGNALS, milestones=[version]).groundless(asked) == {}


# --- Attributes of mixed values: a tier told in words


@pytest.fixture(scope="module")
def worded(tmp_path_factory: pytest.TempPathFactory) -> Book:
    tiers = ["Tier 1"] * 3 + ["Tier 2"] * 2
    rows: Rows = {
        "accounts": [
            *({"id": f"a{n}", "name": "A", "tier": tier, "mrr": 1, "created_at": ago(300)} for n, tier in enumerate(tiers)),
            {"id": "b", "name": "B", "tier": "gold", "risk": "1.0", "mrr": 1, "created_at": ago(300)},
            {"id": "c", "name": "C", "risk": "high", "mrr": 1, "created_at": ago(300)},
        ]
    }
    return Book(store_of(tmp_path_factory.mktemp("worded"), rows), {})


TIERS = "it has 'Tier 1' (3), 'Tier 2' (2) and 'gold' (1)" + MENDS
RISKS = "it has 1.0 (1) and 'high' (1)" + MENDS


@pytest.mark.parametrize(
    ("given", "says"),
    [
        (rule("tier = 1"), f"tier has no 1; {TIERS}"),
        (rule("mrr > 0", where="tier in (1, 2)"), f"tier has no 1 or 2; {TIERS}"),
        (rule("mrr > 0", where="tier > 1"), f"tier has no number; {TIERS}"),
        (rule("mrr > 0", where="tier between 1 and 2"), f"tier has no number; {TIERS}"),
        (rule("tier != 1"), f"tier has no number; {TIERS}"),
        (rule("tier = 'Tier 9'"), f"tier has no 'Tier 9'; {TIERS}"),
        (rule("risk = 2"), f"risk has no 2; {RISKS}"),
        (rule("count(accounts where tier = 1) > 1", subject="company"), f"tier has no 1; {TIERS}"),
        (rule("tier = 1 and mrr > $n", params={"n": 0}, vary=(Variant("mrr > 5", {"n": 5}),)), f"tier has no 1; {TIERS}"),
    ],
)
def test_numbers_that_never_occur_among_the_words_are_told(worded: Book, given: Rule, says: str) -> None:
    assert said(worded, given) == Readiness("matches nobody", says)


@pytest.mark.parametrize(
    "given",
    [
        rule("risk = 1"),  # told as 1.0
        rule("risk in (1, 2)"),
        rule("risk > 5"),
        rule("tier = 'gold'"),
        rule("tier = 1 or tier = 'gold'"),
        rule("tier in (1, 'gold')"),
        rule("tier not in (3) or tier is null"),
        rule("risk = 2 or mrr > 0"),
    ],
)
def test_a_rule_that_finds_its_number_among_the_words_is_ready(worded: Book, given: Rule) -> None:
    assert said(worded, given) == READY


def test_a_segment_that_looks_for_numbers_among_words_is_told_of_a_rule_that_speaks(worded: Book) -> None:
    varied = (Variant("tier = 1", {"n": 5}), Variant("tier in (2, 3)", {"n": 6}))
    found = said(worded, rule("mrr > $n", params={"n": 0}, vary=varied))
    assert found == Readiness(
        "ready", f"a segment of `vary` fits nobody; tier has no 1; {TIERS.removesuffix(MENDS)}; tier has no 2 or 3; {TIERS}"
    )
    # Where there are numbers, that one of them does not occur is nothing to mend; a word that nobody has is no number.
    for where in ("risk = 2", "tier = 'Tier 9'", "tier in (1, 'gold')"):
        assert said(worded, rule("mrr > $n", params={"n": 0}, vary=(Variant(where, {"n": 5}),))) == READY
