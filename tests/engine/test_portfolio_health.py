"""Health of accounts as CSMs, teams, the company, people and features see it: the account's own, at every moment."""

from __future__ import annotations

from collections import defaultdict
from datetime import datetime, timedelta
from typing import Any

import pytest

from tests.engine.facts import NOW, Rows, ago, columns, store_of, values
from tocsin.core.profiles import Indicator, Profile, ProfileVersion
from tocsin.core.rules import Rule
from tocsin.engine import Book, HealthModel, health, health_history
from tocsin.engine.replay import replay
from tocsin.engine.sql.sources import EveryMoment

DAY = timedelta(days=1)
ANN, BOB = "ann@ours.example", "bob@ours.example"
USE = Indicator("Use", "proactive", 1, "scale(count(events in last 10d), 0, 10)")
PROFILE = ProfileVersion(Profile("all", "Everybody", 1, (USE,)), 1, ago(900))


def uses(account: str, first: int, last: int) -> list[dict[str, Any]]:
    """An event a day by two features, from so many days before now to so many."""
    return [
        {"account_id": account, "person_id": f"p {account}", "name": "use", "feature": "ab"[days % 2], "at": ago(days, hours=1)}
        for days in range(last, first)
    ]


ROWS: Rows = {
    "accounts": [
        {"id": name, "name": name, "owner": owner, "created_at": ago(60)}
        for name, owner in (("acme", ANN), ("birch", ANN), ("cobalt", BOB), ("delta", BOB), ("elm", None))
    ],
    # Acme is well, Birch falls silent 15 days ago, Cobalt 30 days ago, Delta wakes up 5 days ago, Elm never does.
    "events": [*uses("acme", 40, 0), *uses("birch", 40, 15), *uses("cobalt", 50, 30), *uses("delta", 5, 0)],
    "people": [{"id": f"p {name}", "account_id": name, "created_at": ago(60)} for name in ("acme", "birch", "cobalt", "delta")],
    "csms": [{"email": ANN, "team": "East"}, {"email": BOB, "team": "East"}],
}  # fmt: skip


@pytest.fixture(scope="module")
def book(tmp_path_factory: pytest.TempPathFactory) -> Book:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(health, "REACH", 62 * DAY)
        patch.setattr(health_history, "REACH", 62 * DAY)
        made = Book(store_of(tmp_path_factory.mktemp("health"), ROWS), {}, health=HealthModel((PROFILE,)))
        values(made, "days_in(health_band)")  # the history is made while it is short
    return made


@pytest.fixture(autouse=True)
def short_history(monkeypatch: pytest.MonkeyPatch) -> None:
    for module in (health, health_history):
        monkeypatch.setattr(module, "REACH", 62 * DAY)


def test_bands_are_counted_by_owner(book: Book) -> None:
    assert values(book, "health_band") == {
        "acme": "Good", "birch": "Poor", "cobalt": "Poor", "delta": "Average", "elm": "Poor",
    }  # fmt: skip
    poor = "count(accounts where health_band = 'Poor')"
    assert values(book, poor, NOW, "csm") == {ANN: 1.0, BOB: 1.0}
    assert values(book, poor, NOW, "team") == {"East": 2.0}
    assert values(book, poor, NOW, "company") == {"company": 3.0}
    assert values(book, "avg(accounts.health_score)", NOW, "csm") == {ANN: 50.0, BOB: 25.0}
    assert values(book, f"ago({poor}, 20d)", NOW, "csm") == {ANN: 0.0, BOB: 2.0}


@pytest.mark.parametrize("formula", ["health_score", "days_in(health_band)"])
@pytest.mark.parametrize("moment", [NOW, ago(8), ago(31.5)])
def test_sums_are_those_of_the_accounts(book: Book, formula: str, moment: datetime) -> None:
    ids, score, owner = columns(book, [formula, "owner"], [moment])
    sums: dict[str, float] = defaultdict(float)
    for value, who in zip(score, owner, strict=True):
        sums[who or ""] += value or 0.0
    named = Book(book.store, {"asked": formula}, health=book.model)
    found = values(named, "sum(accounts.asked)", moment, "csm")
    assert found == pytest.approx({who: total for who, total in sums.items() if who})
    whole = values(named, "sum(accounts.asked)", moment, "company")
    assert whole == pytest.approx({"company": sum(sums.values())})
    assert len(ids) == 5


def test_the_history_of_bands_is_the_accounts(book: Book) -> None:
    days = dict(zip(*columns(book, ["days_in(health_band)"], [NOW]), strict=True))
    long = "count(accounts where health_band = 'Poor' and days_in(health_band) > 10)"
    assert values(book, long, NOW, "csm") == {
        ANN: float(days["birch"] > 10), BOB: float(days["cobalt"] > 10),
    }  # fmt: skip
    # Acme rose through Average, Birch and Cobalt fell through it, Delta came up to it.
    assert values(book, "count(accounts where previous(health_band) = 'Average')", NOW, "csm") == {ANN: 2.0, BOB: 1.0}


def test_people_and_features_have_the_health_of_their_account(book: Book) -> None:
    assert values(book, "account.health_band", NOW, "person") == {
        "p acme": "Good", "p birch": "Poor", "p cobalt": "Poor", "p delta": "Average",
    }  # fmt: skip
    scores = values(book, "health_score", NOW, "feature")
    assert scores == {f"{name}/{part}": score for name, score in (("acme", 100), ("birch", 0), ("cobalt", 0), ("delta", 50))
                      for part in "ab"}  # fmt: skip
    assert values(book, "count(events in last 10d) + health_score", NOW, "feature")["acme/a"] == 105.0
    assert (
        values(book, "days_in(account.health_band)", NOW, "person")["p birch"] == values(book, "days_in(health_band)")["birch"]
    )


@pytest.mark.parametrize(
    ("subject", "formula"),
    [
        ("csm", "count(accounts where health_band = 'Poor')"),
        ("team", "avg(accounts.health_score)"),
        ("company", "count(accounts where health_band = 'Poor' and days_in(health_band) > 5)"),
        ("person", "account.health_score"),
        ("feature", "health_score"),
    ],
)
def test_the_same_as_of_points(book: Book, subject: str, formula: str) -> None:
    moments = [ago(days) for days in (24, 16, 8, 0)]
    found = book.points([book.term(formula, subject)], EveryMoment(subject, moments)).column("f0").to_pylist()
    singly = [value for moment in moments for value in columns(book, [formula], [moment], subject)[1]]
    assert sorted(found) == pytest.approx(sorted(singly))


def test_a_rule_about_overload_lives_by_it(book: Book) -> None:
    rule = Rule("load", "Load", "portfolio", subject="csm", when="count(accounts where health_band = 'Poor') >= 2")
    (alert,) = replay(book, [rule], ago(26), NOW).alerts
    assert (alert.match.subject_id, alert.existing) == (BOB, False)
    ids, poor = columns(book, ["count(accounts where health_band = 'Poor')"], [alert.opened_at], "csm")
    assert dict(zip(ids, poor, strict=True))[BOB] == 2.0
    assert values(book, "count(accounts where health_band = 'Poor')", alert.opened_at - DAY, "csm")[BOB] == 1.0
    assert alert.closed_at is not None
    assert values(book, "count(accounts where health_band = 'Poor')", alert.closed_at, "csm")[BOB] == 1.0
