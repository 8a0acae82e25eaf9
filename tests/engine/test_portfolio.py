"""Formulas about a csm, a team and the company, against values computed by hand: who they are, what they hold, and when."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.engine.facts import NOW, Rows, add, ago, columns, day, store_of, values
from tocsin.core.language import check, parse
from tocsin.core.language.terms import OfAccount
from tocsin.engine import Book
from tocsin.engine.sql.sources import EveryMoment

Row = dict[str, Any]
SECOND = timedelta(seconds=1)
ANN, BOB, ZOE = "ann@ours.example", "bob@ours.example", "zoe@ours.example"
SIGNALS = {
    "logins_7d": "count(events where kind = 'login' in last 7d)",
    "growth": "change(mrr, 30d)",
    "above_market": "mrr > market(mrr)",
    "per_seat": "mrr / seats",
    "watched": "count(accounts where open and logins_7d = 0)",
    "stretched": "count(accounts) > capacity",
    "many": "capacity - 1",
}
# Acme and Coil are Ann's (Coil has churned), Bolt was Ann's until 20 days ago and is Bob's since; Dune has no owner.
ROWS: dict[str, list[Row]] = {
    "accounts": [
        {"id": "acme", "name": "Acme", "owner": "Ann@Ours.example", "mrr": 100, "seats": 10, "created_at": ago(300), "tier": 1},
        {"id": "bolt", "name": "Bolt", "owner": BOB, "mrr": 50, "seats": 5, "created_at": ago(100), "tier": 2},
        {"id": "coil", "name": "Coil", "owner": ANN, "mrr": 30, "created_at": ago(90), "churned_at": ago(2), "tier": 2},
        {"id": "dune", "name": "Dune", "mrr": 7, "created_at": ago(10)},
        {"id": "test", "name": "Test", "owner": "xe@ours.example", "mrr": 999, "internal": True},
    ],
    "account_history": [
        {"account_id": "bolt", "field": "owner", "value": ANN, "at": ago(100)},
        {"account_id": "bolt", "field": "owner", "value": BOB, "at": ago(20)},
        {"account_id": "acme", "field": "mrr", "value": 80, "at": ago(300)},
        {"account_id": "acme", "field": "mrr", "value": 100, "at": ago(10)},
    ],
    "csms": [
        {"email": "ANN@ours.example", "name": "Ann Lee", "team": "East", "capacity": 3, "churn_tolerance": 0.1, "active": True},
        {"email": "eve@ours.example", "name": "Eve", "team": "West"},
    ],
    "teams": [{"name": "East", "manager": "meg@ours.example", "churn_tolerance": 0.05}, {"name": "North"}],
    "tasks": [
        {"id": "t1", "assignee": "Ann@ours.example", "title": "A", "created_at": ago(50), "due_on": day(2)},
        {"id": "t2", "assignee": ANN, "account_id": "bolt", "title": "B", "created_at": ago(40), "due_on": day(30),
         "completed_at": ago(25)},
        {"id": "t3", "assignee": ZOE, "account_id": "acme", "title": "C", "created_at": ago(5), "due_on": day(-5)},
        {"id": "t4", "assignee": "xe@ours.example", "account_id": "test", "title": "D", "created_at": ago(5)},
    ],
    "events": [
        {"account_id": account, "person_id": "p", "name": "login", "kind": "login", "feature": "api", "at": ago(days)}
        for account, days in (("acme", 1), ("acme", 2), ("acme", 20), ("bolt", 3), ("test", 1))
    ],
    "people": [{"id": "p", "account_id": "acme", "created_at": ago(300)}],
    "alerts": [
        {"id": "1", "account_id": "acme", "rule": "no-login", "severity": "high", "opened_at": ago(9), "closed_at": ago(3)},
        {"id": "2", "account_id": "bolt", "rule": "no-login", "severity": "high", "opened_at": ago(30)},
        {"id": "3", "rule": "overloaded", "subject": "Ann@ours.example", "severity": "low", "opened_at": ago(8)},
        {"id": "4", "rule": "tolerance", "subject": "East", "severity": "low", "opened_at": ago(7)},
        {"id": "5", "rule": "tolerance", "subject": "company", "severity": "low", "opened_at": ago(6)},
        {"id": "6", "account_id": "test", "rule": "no-login", "severity": "high", "opened_at": ago(5)},
        {"id": "7", "account_id": "dune", "rule": "no-login", "severity": "high", "opened_at": ago(4)},
    ],
}  # fmt: skip


def book_of(folder: Path, rows: Rows, **settings: Any) -> Book:
    return Book(store_of(folder, rows, **settings), SIGNALS)


@pytest.fixture(scope="module")
def book(tmp_path_factory: pytest.TempPathFactory) -> Book:
    return book_of(tmp_path_factory.mktemp("portfolio"), ROWS)


def of(book: Book, subject: str, formula: str, moment: datetime = NOW) -> dict[str, Any]:
    return values(book, formula, moment, subject)


# --- Who they are


def test_csms_are_those_who_own_accounts_or_tasks(book: Book) -> None:
    assert of(book, "csm", "name") == {ANN: "Ann Lee", BOB: None, ZOE: None}
    assert of(book, "csm", "id") == of(book, "csm", "coalesce(id, 'x')") == {each: each for each in (ANN, BOB, ZOE)}
    assert of(book, "csm", "email") == {ANN: "ANN@ours.example", BOB: BOB, ZOE: ZOE}


def test_a_csm_is_one_from_the_first_account_or_task_on(book: Book) -> None:
    assert list(of(book, "csm", "id", ago(20) - SECOND)) == [ANN]
    assert list(of(book, "csm", "id", ago(20))) == [ANN, BOB]
    assert list(of(book, "csm", "id", ago(5) - SECOND)) == [ANN, BOB]
    assert list(of(book, "csm", "id", ago(5))) == [ANN, BOB, ZOE]
    assert of(book, "csm", "id", ago(300) - SECOND) == {}


def test_a_csm_who_has_handed_over_everything_is_none(tmp_path: Path) -> None:
    history = [
        {"account_id": "a", "field": "owner", "value": who, "at": ago(days)}
        for who, days in ((ANN, 90), (BOB, 60), (ANN, 30), (None, 10))
    ]
    handed = book_of(tmp_path, {"accounts": [{"id": "a", "name": "A", "created_at": ago(80)}], "account_history": history})
    found = {days: list(of(handed, "csm", "id", ago(days))) for days in (80.1, 80, 60, 59, 30, 10)}
    assert found == {80.1: [], 80: [ANN], 60: [BOB], 59: [BOB], 30: [ANN], 10: []}
    # Ann was a subject before, though she was none 40 days before that: she had nothing then, and that is no missing value.
    assert of(handed, "csm", "ago(count(accounts), 40d)", ago(15)) == {ANN: 0.0}
    assert of(handed, "csm", "ago(count(accounts), 70d)", ago(15)) == {ANN: None}


def test_teams_are_those_with_a_row_and_those_that_somebody_names(book: Book) -> None:
    assert of(book, "team", "manager") == {"East": "meg@ours.example", "North": None, "West": None}
    assert of(book, "team", "churn_tolerance") == {"East": 0.05, "North": None, "West": None}
    assert of(book, "team", "name") == of(book, "team", "id", ago(9999)) == {each: each for each in ("East", "North", "West")}


def test_the_company_is_one_whatever_there_is(book: Book, tmp_path: Path) -> None:
    assert of(book, "company", "id") == {"company": "company"}
    empty = book_of(tmp_path, {"rates": [{"currency": "USD", "on": day(0), "rate": 1}]})
    asked = ["count(accounts)", "sum(accounts.mrr)", "avg(accounts.logins_7d)", "count(tasks)", "exists(alerts)"]
    assert columns(empty, asked, [NOW], "company") == [["company"], [0.0], [0.0], [None], [0.0], [False]]
    assert columns(empty, asked[:1], [NOW], "csm") == columns(empty, asked[:1], [NOW], "team") == [[], []]


def test_settings_of_the_company(tmp_path: Path) -> None:
    store = store_of(tmp_path, {"accounts": [{"id": "a", "name": "A"}]}, currency="EUR")
    set_to, unset = Book(store, {}, churn_tolerance=0.08), Book(store, {})
    assert of(set_to, "company", "churn_tolerance") == {"company": 0.08}
    assert of(set_to, "company", "currency") == {"company": "EUR"}
    assert of(unset, "company", "churn_tolerance is null") == {"company": True}


# --- What they hold


@pytest.mark.parametrize(
    ("formula", "csms", "teams", "company"),
    [
        ("count(accounts)", [2, 1, 0], [2, 0, 0], 4),
        ("count(accounts where open)", [1, 1, 0], [1, 0, 0], 3),
        ("count(accounts where status = 'churned')", [1, 0, 0], [1, 0, 0], 1),
        ("sum(accounts.mrr where status = 'active')", [100, 50, 0], [100, 0, 0], 157),
        ("avg(accounts.mrr)", [65, 50, None], [65, None, None], 46.75),
        ("max(accounts.name)", ["Coil", "Bolt", None], ["Coil", None, None], "Dune"),
        ("latest(accounts.name)", ["Coil", "Bolt", None], ["Coil", None, None], "Dune"),
        ("earliest(accounts.name)", ["Acme", "Bolt", None], ["Acme", None, None], "Acme"),
        ("distinct(accounts.tier)", [2, 1, 0], [2, 0, 0], 2),
        ("count(accounts where age >= 90)", [2, 1, 0], [2, 0, 0], 3),
        ("count(accounts where age > 90)", [1, 1, 0], [1, 0, 0], 2),
        ("count(accounts in last 90d)", [0, 0, 0], [0, 0, 0], 1),
        ("count(accounts in last 91d)", [1, 0, 0], [1, 0, 0], 2),
        ("count(accounts since start_of('year'))", [0, 0, 0], [0, 0, 0], 1),
        ("exists(accounts where tier = 2)", [True, True, False], [True, False, False], True),
        ("count(accounts where churned_at >= start_of('month'))", [1, 0, 0], [1, 0, 0], 1),
        ("days_quiet(accounts)", [90, 100, None], [90, None, None], 10),
        # Signals, aggregates and all.
        ("sum(accounts.logins_7d)", [2, 1, 0], [2, 0, 0], 3),
        ("count(accounts where logins_7d = 0 and tier = 2)", [1, 0, 0], [1, 0, 0], 1),
        ("max(accounts.growth where growth > 0)", [0.25, None, None], [0.25, None, None], 0.25),
        ("count(accounts where above_market)", [1, 0, 0], [1, 0, 0], 1),
        ("sum(accounts.per_seat)", [10, 10, 0], [10, 0, 0], 20),
        ("count(accounts where days_in(mrr) = 10 and previous(mrr) = 80)", [1, 0, 0], [1, 0, 0], 1),
        ("watched", [0, 0, 0], [0, 0, 0], 1),
        # Tasks by assignee, with and without an account.
        ("count(tasks)", [2, 0, 1], [2, 0, 0], 3),
        ("count(tasks where overdue)", [1, 0, 0], [1, 0, 0], 1),
        ("count(tasks where open and account_id is null)", [1, 0, 0], [1, 0, 0], 1),
        ("latest(tasks.title)", ["B", None, "C"], ["B", None, None], "C"),
        ("count(tasks where completed_at > due_on in last 60d)", [1, 0, 0], [1, 0, 0], 1),
        ("days_quiet(tasks where open)", [50, None, 5], [50, None, None], 5),
        # Alerts of their accounts, and those about themselves.
        ("count(alerts)", [2, 1, 0], [3, 0, 0], 6),
        ("count(alerts where open)", [1, 1, 0], [2, 0, 0], 5),
        ("count(alerts where severity = 'high' in last 10d)", [1, 0, 0], [1, 0, 0], 2),
        ("count(alerts where account_id = 'acme')", [1, 0, 0], [1, 0, 0], 1),
        # Looking back.
        ("ago(count(accounts), 30d)", [3, None, None], [3, 0, 0], 3),
        ("ago(count(accounts), 95d)", [2, None, None], [2, 0, 0], 2),
        ("ago(sum(accounts.mrr), 15d)", [110, 50, None], [110, 0, 0], 160),
        ("ago(count(alerts), 25d)", [1, None, None], [1, 0, 0], 1),
        ("change(count(accounts), 30d)", [-1 / 3, None, None], [-1 / 3, None, None], 1 / 3),
        ("market(mrr)", [50, 50, 50], [50, 50, 50], 50),
    ],
)
def test_values(book: Book, formula: str, csms: list[Any], teams: list[Any], company: Any) -> None:
    assert of(book, "csm", formula) == pytest.approx(dict(zip((ANN, BOB, ZOE), csms, strict=True)))
    assert of(book, "team", formula) == pytest.approx(dict(zip(("East", "North", "West"), teams, strict=True)))
    assert of(book, "company", formula) == pytest.approx({"company": company})


def test_a_slope_over_samples_of_the_past(book: Book) -> None:
    # Acme, Bolt and Coil at each sample more than 20 days back, Acme and Coil since.
    counts = [3.0 if 7 * week > 20 else 2.0 for week in range(5)]
    xs = [-7.0 * week for week in range(5)]
    mean = sum(xs) / 5
    fit = sum((x - mean) * y for x, y in zip(xs, counts, strict=True)) / sum((x - mean) ** 2 for x in xs)
    assert of(book, "csm", "slope(count(accounts), 35d)") == pytest.approx({ANN: fit, BOB: None, ZOE: None})


def test_a_csms_own_attributes_beside_the_rows(book: Book) -> None:
    assert of(book, "csm", "stretched") == {ANN: False, BOB: None, ZOE: None}
    assert of(book, "csm", "count(accounts where seats > capacity)") == {ANN: 1.0, BOB: 0.0, ZOE: 0.0}
    assert of(book, "csm", "count(accounts where tier = many)") == {ANN: 1.0, BOB: 0.0, ZOE: 0.0}
    assert of(book, "csm", "count(tasks where team = 'East')") == {ANN: 2.0, BOB: 0.0, ZOE: 0.0}
    assert of(book, "csm", "count(accounts where name = 'Acme') > 0 and name = 'Ann Lee'")[ANN] is True


def test_windows_from_an_anchor(book: Book) -> None:
    assert of(book, "csm", "count(tasks in 7d after min(tasks.created_at))") == {ANN: 1.0, BOB: None, ZOE: 1.0}
    assert of(book, "company", "count(accounts since min(alerts.opened_at))") == {"company": 1.0}
    assert of(book, "team", "count(alerts since date '2026-03-24')") == {"East": 1.0, "North": 0.0, "West": 0.0}


def test_several_moments_at_once(book: Book) -> None:
    moments = [NOW, ago(20), ago(20) - SECOND, ago(95)]
    asked = ["count(accounts)", "sum(accounts.logins_7d)", "ago(count(tasks), 1d)", "capacity"]
    table = book.signals(asked, moments, "csm").to_pylist()
    got = {(row["subject_id"], row["moment"]): [row[f"f{n}"] for n in range(4)] for row in table}
    singly = {
        (row["subject_id"], moment.replace(tzinfo=None)): [row[f"f{n}"] for n in range(4)]
        for moment in moments
        for row in book.signals(asked, [moment], "csm").to_pylist()
    }
    assert got == singly
    assert len(got) == 3 + 2 + 1 + 1


def test_of_whom_a_team_consists_has_no_history_and_owners_have(tmp_path: Path) -> None:
    rows = {**ROWS, "csms": [*ROWS["csms"], {"email": BOB, "team": "West"}]}
    moved = book_of(tmp_path, rows)
    assert of(moved, "team", "count(accounts)") == {"East": 2.0, "North": 0.0, "West": 1.0}
    assert of(moved, "team", "count(accounts)", ago(20) - SECOND) == {"East": 3.0, "North": 0.0, "West": 0.0}


def test_one_person_written_in_two_ways_is_one(tmp_path: Path) -> None:
    rows = {**ROWS, "csms": [*ROWS["csms"], {"email": "ann@OURS.example", "name": "Another", "team": "West"}]}
    assert of(book_of(tmp_path, rows), "csm", "count(accounts)")[ANN] == 2.0
    assert of(book_of(tmp_path, rows), "team", "count(accounts)") == {"East": 2.0, "North": 0.0, "West": 0.0}


def test_who_is_left_out_is_nowhere(book: Book) -> None:
    assert of(book, "csm", "count(accounts where id = 'test') + count(tasks where id = 't4')") == {ANN: 0.0, BOB: 0.0, ZOE: 0.0}
    assert of(
        book, "company", "count(alerts where id = '6') + count(tasks where id = 't4') + count(accounts where mrr = 999)"
    ) == {"company": 0.0}


def test_an_owner_who_is_no_address_stands_as_written(tmp_path: Path) -> None:
    owned = book_of(tmp_path, {"accounts": [{"id": "a", "name": "A", "owner": "Ann Lee"}]})
    assert of(owned, "csm", "count(accounts)") == {"Ann Lee": 1.0}


# --- Only these


def test_only_these_subjects(book: Book) -> None:
    assert book.signals(["count(accounts)"], [NOW], "csm", only=[BOB, "nobody"]).to_pylist() == [{"subject_id": BOB, "f0": 1.0}]
    assert book.signals(["id"], [NOW], "team", only=[]).num_rows == 0
    assert book.signals(["id"], [NOW], "csm", where="count(accounts) > 1").column("subject_id").to_pylist() == [ANN]


def test_nobody_belongs_to_an_account(book: Book) -> None:
    assert book.signals(["id"], [NOW], "csm", accounts=["acme"]).num_rows == 0
    assert book.signals(["id"], [NOW], "company", accounts=["acme"]).num_rows == 0


# --- Later facts change nothing

LATER: dict[str, list[Row]] = {
    "accounts": [
        {"id": "new", "name": "New", "owner": ANN, "mrr": 9, "created_at": NOW + SECOND},
        {**ROWS["accounts"][0], "churned_at": NOW + SECOND},
    ],
    "account_history": [
        {"account_id": "bolt", "field": "owner", "value": "new@ours.example", "at": NOW + SECOND},
        {"account_id": "acme", "field": "mrr", "value": 1, "at": NOW + SECOND},
    ],
    "tasks": [
        {"id": "t9", "assignee": BOB, "title": "Z", "created_at": NOW + SECOND},
        {**ROWS["tasks"][0], "completed_at": NOW + SECOND},
    ],
    "events": [{"account_id": "acme", "name": "login", "kind": "login", "at": NOW + SECOND}],
    "alerts": [
        {"id": "9", "account_id": "acme", "rule": "r", "opened_at": NOW + SECOND},
        {**ROWS["alerts"][1], "closed_at": NOW + SECOND, "outcome": "useful"},
    ],
}
ASKED = [
    "count(accounts)", "sum(accounts.mrr)", "sum(accounts.logins_7d)", "count(accounts where open)", "count(tasks)",
    "count(tasks where open)", "count(alerts)", "count(alerts where open)", "latest(alerts.outcome)",
    "ago(count(accounts), 7d)",
]  # fmt: skip


def test_facts_of_later_never_change_a_value(book: Book, tmp_path: Path) -> None:
    more = Book(add(store_of(tmp_path, ROWS), tmp_path, LATER), SIGNALS)
    for subject in ("csm", "team", "company"):
        known = columns(book, ASKED, [NOW], subject)
        assert columns(more, ASKED, [NOW], subject) == known
        assert columns(more, ASKED, [NOW + SECOND], subject) != known


@pytest.mark.parametrize("end", ["closed_at", "acknowledged_at"])
def test_what_became_of_an_alert_is_told_when_it_has(tmp_path: Path, end: str) -> None:
    row = {"id": "1", "rule": "r", "subject": "company", "opened_at": ago(9), end: ago(3), "outcome": "useful"}
    alerts = book_of(tmp_path, {"alerts": [row]})
    asked = ["count(alerts)", f"count(alerts where {end} is null)", "count(alerts where open)"]
    at = {moment: [row.get(f"f{n}") for n in range(3)] for moment in (ago(9) - SECOND, ago(9), ago(3) - SECOND, ago(3))
          for row in alerts.signals(asked, [moment], "company").to_pylist()}  # fmt: skip
    still_open = 0.0 if end == "closed_at" else 1.0
    assert list(at.values()) == [[0.0, 0.0, 0.0], [1.0, 1.0, 1.0], [1.0, 1.0, 1.0], [1.0, 0.0, still_open]]


# --- Money


def test_amounts_of_accounts_are_converted_before_they_are_added(tmp_path: Path) -> None:
    accounts: list[Row] = [
        {"id": "a", "name": "A", "owner": ANN, "mrr": 100, "seats": 10, "currency": "USD"},
        {"id": "b", "name": "B", "owner": ANN, "mrr": 10, "seats": 10, "currency": "EUR"},
        {"id": "c", "name": "C", "owner": ANN, "mrr": 5, "seats": 10, "currency": "CHF"},  # of which there is no rate
        {"id": "d", "name": "D", "owner": ANN, "mrr": 1, "seats": 10},
        {"id": "s", "name": "S", "owner": ANN, "currency": "USD"},
    ]
    subscriptions = [{"id": "u", "account_id": "s", "mrr": 1000, "currency": "USD", "starts_on": day(40)}]
    rates = [{"currency": "USD", "on": day(days), "rate": rate} for days, rate in ((50, 0.5), (10, 0.9), (-1, 7))]
    rows: Rows = {"accounts": accounts, "subscriptions": subscriptions, "rates": rates}
    money = book_of(tmp_path, rows, currency="EUR")
    whole = 10 + 5 + 1 + 500  # the subscription at the rate of the day on which it began
    assert of(money, "csm", "sum(accounts.mrr)") == {ANN: 90.0 + whole}
    assert of(money, "company", "sum(accounts.mrr)", ago(30)) == {"company": 50.0 + whole}
    assert of(money, "company", "sum(accounts.mrr)", ago(60)) == {"company": 50.0 + 16}  # before the first rate, the first
    assert of(money, "company", "ago(sum(accounts.mrr), 30d)") == {"company": 50.0 + whole}
    assert of(money, "csm", "count(accounts where mrr between 89 and 91)") == {ANN: 1.0}
    assert of(money, "csm", "sum(accounts.per_seat)") == {ANN: 9.0 + 1.6}
    assert money.revenue(NOW) == {"a": 90.0, "b": 10.0, "c": 5.0, "d": 1.0, "s": 500.0}


# --- Of a person's or feature's account


def test_what_is_asked_of_the_account_of_a_person_or_feature(book: Book) -> None:
    logins = check(parse("logins_7d + count(tasks)"), "account", book.names)
    term = OfAccount("number", logins)
    assert book.evaluate([term], [NOW], "person").to_pylist() == [{"subject_id": "p", "f0": 3.0}]
    then = check(parse("ago(1, 1d)"), "person", book.names)
    assert book.evaluate([then, term], [NOW, ago(10)], "person").column("f1").to_pylist() == [0.0, 3.0]
    features = book.evaluate([term], [NOW], "feature").to_pylist()
    assert features == [
        {"account_id": "acme", "feature": "api", "f0": 3.0}, {"account_id": "bolt", "feature": "api", "f0": 2.0},
    ]  # fmt: skip


def test_days_in_the_zone_of_the_workspace(tmp_path: Path) -> None:
    tasks = [{"id": "t", "assignee": ANN, "title": "T", "created_at": ago(9), "due_on": date(2026, 3, 30)}]
    west = book_of(tmp_path, {"tasks": tasks}, zone="America/Los_Angeles")
    midnight = datetime(2026, 3, 31, 7, tzinfo=NOW.tzinfo)
    assert of(west, "csm", "count(tasks where overdue)", midnight - SECOND) == {ANN: 0.0}
    assert of(west, "csm", "count(tasks where overdue)", midnight) == {ANN: 1.0}


def test_the_same_as_of_points(book: Book) -> None:
    moments = [ago(days) for days in (25, 20, 5, 0)]
    terms = [OfAccount("number", check(parse(formula), "account", book.names)) for formula in ("logins_7d", "ago(mrr, 10d)")]
    for subject in ("person", "feature"):
        found = book.points(terms, EveryMoment(subject, moments)).to_pylist()
        singly = [row for moment in moments for row in book.evaluate(terms, [moment], subject).to_pylist()]
        assert sorted((row["f0"], row["f1"]) for row in found) == sorted((row["f0"], row["f1"]) for row in singly)
        assert len(found) == 4
