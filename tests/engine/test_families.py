"""Rules asked over families: the rows of the children count as the head's, as of each moment."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.engine.facts import NOW, Rows, ago, day, store_of, values
from tocsin.core.profiles import Indicator, Profile, ProfileVersion
from tocsin.core.rules import FAMILY, Rule
from tocsin.engine import Book, HealthModel
from tocsin.engine.families import lasting
from tocsin.engine.replay import replay
from tocsin.engine.sql.sources import EveryMoment

SIGNALS = {
    "active_users": "distinct(events.person_id in last 30d)",
    "license_utilization": "coalesce(seats_used, active_users) / seats",
}
FORMULAS = (
    "count(events in last 7d)",
    "count(events)",
    "sum(events.minutes where kind = 'login' in last 30d)",
    "avg(events.minutes)",
    "distinct(events.person_id in last 30d)",
    "distinct(events.feature)",
    "latest(events.name)",
    "exists(events where feature = 'b')",
    "days_quiet(events where kind = 'login')",
    "count(events where name = 'open' in 14d after onboarding_started_at)",
    "count(tickets where open)",
    "count(tickets where open and priority = segment)",
    "sum(invoices.amount_due)",
    "count(people where open)",
    "count(people where role = 'champion' and open)",
    "max(subscriptions.seats)",
    "ago(count(events in last 7d), 14d)",
    "change(count(events in last 14d), 14d)",
    "slope(count(events in last 7d), 42d)",
    "active_users",
    "license_utilization",
    "mrr",
    "seats",
    "segment",
)
# A group with a head, two children and a grandchild; an account by itself; one that names a parent nobody knows.
PARENTS = {"kid": "top", "sis": "top", "grand": "kid", "lost": "nobody"}


def facts(parents: Mapping[str, str] = PARENTS) -> dict[str, list[dict[str, Any]]]:
    ids = ["alone", "grand", "kid", "lost", "sis", "top"]
    accounts = [
        {
            "id": name, "name": name.title(), "created_at": ago(300), "segment": "high" if name == "top" else "low",
            "onboarding_started_at": ago(60), "mrr": 100 * (place + 1), "seats": 10, "parent_id": parents.get(name),
        }
        for place, name in enumerate(ids)
    ]  # fmt: skip
    people = [
        {"id": f"{name}-{n}", "account_id": name, "role": ("champion", "user")[n], "created_at": ago(90 - n)}
        for name in ids
        for n in (0, 1)
    ]
    events = [
        {
            "id": f"e-{name}-{n}", "account_id": name, "person_id": f"{name}-{n % 2}", "name": ("open", "save")[n % 2],
            "kind": ("login", "feature")[n % 2], "feature": (None, "a", "b")[(n + place) % 3], "minutes": n % 5 + place,
            "at": ago(n * (place + 1) * 1.7 + 0.3, hours=place),
        }
        for place, name in enumerate(ids) for n in range(40)
    ]  # fmt: skip
    tickets = [
        {
            "id": f"t-{name}-{n}", "account_id": name, "kind": "support", "priority": ("high", "low")[n % 2],
            "opened_at": ago(20 * n + 1), "resolved_at": ago(20 * n - 9) if n % 2 else None,
        }
        for name in ids for n in (1, 2, 3)
    ]  # fmt: skip
    invoices = [{"id": f"i-{name}", "account_id": name, "amount": 50, "issued_on": day(40), "due_on": day(10)} for name in ids]
    return {"accounts": accounts, "people": people, "events": events, "tickets": tickets, "invoices": invoices}


def merged(rows: Rows, heads: Mapping[str, str]) -> dict[str, list[dict[str, Any]]]:
    """The same facts as if all that members have done were their head's; only heads are accounts, with what adds up added."""
    made: dict[str, list[dict[str, Any]]] = {}
    for collection, given in rows.items():
        if collection == "accounts":
            made[collection] = [
                dict(each) | {"parent_id": None} | {
                    name: sum(other[name] for other in given if heads.get(other["id"], other["id"]) == each["id"])
                    for name in ("mrr", "seats")
                }
                for each in given if heads.get(each["id"], each["id"]) == each["id"]
            ]  # fmt: skip
        else:
            made[collection] = [
                dict(each) | {"account_id": heads.get(each["account_id"], each["account_id"])} for each in given
            ]
    return made


HEADS = {"kid": "top", "sis": "top", "grand": "top"}
# Somebody who came into another family at some time makes every family one that may change; it says nothing of these.
ASIDE: Rows = {
    "accounts": [{"id": "x", "name": "X", "created_at": ago(300)}, {"id": "y", "name": "Y", "created_at": ago(300)}],
    "account_history": [
        {"account_id": "x", "field": "parent_id", "value": "", "at": ago(290)},
        {"account_id": "x", "field": "parent_id", "value": "y", "at": ago(33)},
    ],
}


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory) -> Book:
    return Book(store_of(tmp_path_factory.mktemp("merged"), merged(facts(), HEADS)), SIGNALS)


@pytest.fixture(scope="module", params=["settled", "moved", "changing"])
def book(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Book]:
    rows: Rows = facts()
    if request.param != "settled":
        rows = {name: [*rows.get(name, []), *ASIDE.get(name, [])] for name in {*rows, *ASIDE}}
    made = Book(store_of(tmp_path_factory.mktemp("family"), rows), SIGNALS)
    assert lasting(made.families) == ("settled" if request.param == "settled" else "changing")
    with pytest.MonkeyPatch.context() as patched:
        if request.param == "changing":  # as if somebody came or left all the time
            patched.setattr("tocsin.engine.book.standing", lambda *_: None)
        yield made


def without_aside(found: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in found.items() if name not in ("x", "y")}


@pytest.mark.parametrize("formula", FORMULAS)
def test_a_family_has_what_one_account_would_have(book: Book, plain: Book, formula: str) -> None:
    for moment in (NOW, ago(21), ago(250)):
        expected = values(plain, formula, moment)
        found = without_aside(values(book, formula, moment, FAMILY))
        assert found == pytest.approx(expected) if _numbers(expected) else found == expected
        assert set(found) == {"alone", "lost", "top"}


def test_as_of_points_it_is_the_same(book: Book, plain: Book) -> None:
    moments = [ago(7 * each) for each in range(12, -1, -1)]
    for kind, asked in ((FAMILY, book), ("account", plain)):
        terms = [asked.term(each, kind) for each in FORMULAS]
        rows = asked.points(terms, EveryMoment(kind, moments)).to_pylist()
        found = {
            (row["subject_id"], row["moment"]): [row[f"f{place}"] for place in range(len(FORMULAS))]
            for row in rows if row["subject_id"] not in ("x", "y")
        }  # fmt: skip
        if kind == FAMILY:
            of_family = found
    assert set(of_family) == set(found)
    assert len(found) == 3 * len(moments)
    for key, expected in found.items():
        for formula, one, other in zip(FORMULAS, of_family[key], expected, strict=True):
            assert one == (pytest.approx(other) if isinstance(other, float) else other), (key, formula)


def _numbers(found: Mapping[str, Any]) -> bool:
    return all(isinstance(each, (int, float)) and not isinstance(each, bool) for each in found.values())


# Over time

MOVING: Rows = {
    "accounts": [
        {"id": name, "name": name.title(), "created_at": ago(300), "mrr": 100, "parent_id": "two" if name == "kid" else None}
        for name in ("one", "two", "kid")
    ],
    "account_history": [
        {"account_id": "kid", "field": "parent_id", "value": "", "at": ago(300)},
        {"account_id": "kid", "field": "parent_id", "value": "one", "at": ago(60)},
        {"account_id": "kid", "field": "parent_id", "value": "two", "at": ago(20)},
    ],
    "tickets": [{"account_id": "kid", "subject": "s", "opened_at": ago(90)}],
    "people": [{"id": "p", "account_id": "kid", "created_at": ago(90)}],
    "events": [{"account_id": "kid", "name": "n", "at": ago(each)} for each in (80, 50, 40, 10)],
}
MOVED = [
    (ago(70), {"one": 0, "two": 0, "kid": 1}),
    (ago(60), {"one": 1, "two": 0}),
    (ago(21), {"one": 1, "two": 0}),
    (ago(20), {"one": 0, "two": 1}),
    (NOW, {"one": 0, "two": 1}),
]


def test_who_is_in_a_family_is_as_of_the_moment(tmp_path: Path) -> None:
    book = Book(store_of(tmp_path, MOVING), {})
    for moment, expected in MOVED:
        for formula in ("count(tickets where open)", "count(people where open)"):
            assert values(book, formula, moment, FAMILY) == expected, (formula, moment)
    table = book.points([book.term("count(tickets where open)")], EveryMoment(FAMILY, [moment for moment, _ in MOVED]))
    found: dict[Any, dict[str, float]] = {}
    for row in table.to_pylist():
        found.setdefault(row["moment"], {})[row["subject_id"]] = row["f0"]
    assert [found[moment.replace(tzinfo=None)] for moment, _ in MOVED] == [expected for _, expected in MOVED]
    # What is looked back to is looked at with the family of then.
    assert values(book, "ago(count(tickets where open), 30d)", NOW, FAMILY) == {"one": 1, "two": 0}
    assert values(book, "sum(events.minutes) is null or count(events) > 0", NOW, FAMILY)["two"]
    assert values(book, "mrr", ago(30), FAMILY) == {"one": 200, "two": 100}


def test_bad_links_cost_nothing(tmp_path: Path) -> None:
    parents = {"a": "b", "b": "c", "c": "a", "below": "c", "self": "self", "lost": "nobody"}
    rows: Rows = {
        "accounts": [
            {"id": each, "name": each, "created_at": ago(99), "parent_id": parents.get(each)} for each in (*parents, "free")
        ],
        "tickets": [{"account_id": each, "subject": each, "opened_at": ago(9)} for each in (*parents, "free")],
    }
    book = Book(store_of(tmp_path, rows), {})
    assert values(book, "count(tickets)", NOW, FAMILY) == {"a": 4, "self": 1, "lost": 1, "free": 1}


def test_a_parent_is_known_by_its_aliases_and_the_left_out_are_in_no_family(tmp_path: Path) -> None:
    rows: Rows = {
        "accounts": [
            {"id": "top", "name": "Top"}, {"id": "kid", "name": "Kid", "parent_id": "CRM-1"},
            {"id": "demo", "name": "Demo", "parent_id": "top", "internal": True},
            {"id": "of-demo", "name": "D", "parent_id": "demo"},
        ],
        "account_aliases": [{"account_id": "top", "source": "crm", "external_id": "CRM-1"}],
        "tickets": [{"account_id": each, "subject": "s", "opened_at": ago(9)} for each in ("top", "kid", "demo", "of-demo")],
    }  # fmt: skip
    book = Book(store_of(tmp_path, rows), {})
    assert values(book, "count(tickets)", NOW, FAMILY) == {"top": 2, "of-demo": 1}


def test_money_is_converted_before_it_is_added_and_the_churned_add_nothing(tmp_path: Path) -> None:
    rows: Rows = {
        "accounts": [
            {"id": "top", "name": "Top", "mrr": 100, "currency": "EUR"},
            {"id": "kid", "name": "Kid", "mrr": 100, "currency": "USD", "parent_id": "top"},
            {"id": "gone", "name": "Gone", "mrr": 100, "currency": "EUR", "parent_id": "top", "churned_at": ago(9)},
            {"id": "none", "name": "None"},
        ],
        "rates": [{"currency": "USD", "on": day(99), "rate": 0.5}],
    }
    book = Book(store_of(tmp_path, rows, currency="EUR"), {})
    assert values(book, "mrr", NOW, FAMILY) == {"top": 150, "none": None}
    assert values(book, "mrr", ago(10), FAMILY) == {"top": 250, "none": None}
    each = {"top": 100, "kid": 50, "gone": 100, "none": None}
    assert book.revenue(NOW) == each, "each for itself, also who has left"
    assert book.revenue(NOW, ["kid", "none"]) == {"kid": 50, "none": None}
    plain = Book(store_of(tmp_path, {**rows, "rates": []}), {})
    assert plain.revenue(NOW) == each | {"kid": 100}, "without rates as it stands"
    for one in (book, plain):
        table = one.with_revenue(["name"], NOW, ["kid", "none", "top"])
        assert table.column("f0").to_pylist() == ["Kid", "None", "Top"]
        assert table.column("revenue").to_pylist() == [one.revenue(NOW)[each] for each in ("kid", "none", "top")]


# Rules


def rule(when: str, **given: Any) -> Rule:
    return Rule("r", "R", "risk", when=when, rollup=FAMILY, **given)


def test_a_rule_is_about_the_head(tmp_path: Path) -> None:
    book = Book(store_of(tmp_path, MOVING), {})
    asked = rule("count(tickets where open) > 0", message="{{ account.name }} has {{ value }}")
    apart = Rule("each", "Each", "risk", when="count(tickets where open) > 0")
    found = book.judge([asked, apart], NOW)
    assert [(match.rule.id, match.subject_id, match.account_id, match.message) for match in found.matches] == [
        ("each", "kid", "kid", found.matches[0].message),
        ("r", "two", "two", "Two has 1"),
    ]
    assert found.scopes == {"r": 2, "each": 3}
    assert [match.subject_id for match in book.judge([asked], NOW, accounts=["two"]).matches] == ["two"]
    assert book.heads(["kid"]) == {"kid", "one", "two"}


@pytest.mark.parametrize("every", [timedelta(days=1), timedelta(days=7)])
def test_its_replay_is_what_a_sweep_at_each_step_would_have_said(tmp_path: Path, every: timedelta) -> None:
    book = Book(store_of(tmp_path, MOVING), {})
    asked = rule("count(tickets where open) > 0 and count(events in last 30d) >= 1")
    start = ago(91)
    steps = [start + each * every for each in range((NOW - start) // every + 1)]
    firing = {at: {match.subject_id for match in book.judge([asked], at).matches} for at in steps}
    found = replay(book, [asked], start, NOW, every)
    assert not found.unknown
    open_at = {
        at: {
            each.match.subject_id
            for each in found.alerts
            if each.opened_at <= at and (each.closed_at is None or at < each.closed_at)
        }
        for at in steps
    }
    assert open_at == firing
    assert {each.match.subject_id for each in found.alerts} == {"kid", "one", "two"}


def test_health_stays_the_heads_own(tmp_path: Path) -> None:
    indicator = Indicator("tickets", "reactive", 1.0, "scale(count(tickets where open), 2, 0)")
    profile = Profile("p", "P", 1, (indicator,))
    model = HealthModel((ProfileVersion(profile, 1, ago(300)),))
    rows = {**MOVING, "tickets": [*MOVING["tickets"], {"account_id": "two", "subject": "u", "opened_at": ago(50)}]}
    book = Book(store_of(tmp_path, rows), {}, health=model)
    assert values(book, "health_score", NOW) == {"kid": 50, "one": 100, "two": 50}
    assert values(book, "health_score", NOW, FAMILY) == {"one": 100, "two": 50}
    found = book.judge([rule("health_score <= 50 and count(tickets where open) = 2")], NOW)
    assert [match.subject_id for match in found.matches] == ["two"]
    asked = rule("ago(health_score, 60d) = 100 and health_score <= 50")
    assert [each.match.subject_id for each in replay(book, [asked], ago(5), NOW).alerts] == ["two"]
