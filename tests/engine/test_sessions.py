"""Minutes of events where no source gives them: counted by sessions, as of each moment, and alike by every way of asking."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.engine.facts import NOW, add, ago, store_of, values
from tocsin.catalog import catalog
from tocsin.core.rules import Rule, Trigger
from tocsin.engine import Book
from tocsin.engine.occurrences import Stretch
from tocsin.engine.sql.sources import EveryMoment
from tocsin.facts.duckdb import DuckStore

Row = dict[str, Any]
SECOND = timedelta(seconds=1)
ACCOUNTS: list[Row] = [
    {"id": "a", "name": "Acme", "created_at": ago(300), "onboarding_started_at": ago(20)},
    {"id": "b", "name": "Bolt", "created_at": ago(300)},
]
START = ago(10)


def event(after: float, person: str | None = "p", account: str = "a", **more: Any) -> Row:
    """An event so many minutes after START."""
    at = START + timedelta(minutes=after)
    return {"id": f"{account}{person}{after}", "account_id": account, "person_id": person, "name": "click", "at": at, **more}


def store(folder: Path, *events: Row) -> DuckStore:
    return store_of(folder, {"accounts": ACCOUNTS, "events": events})


def book(folder: Path, *events: Row) -> Book:
    return Book(store(folder, *events), catalog().signals)


def minutes(of: Book, formula: str = "sum(events.minutes)", moment: datetime = NOW, account: str = "a") -> Any:
    return values(of, formula, moment)[account]


# --- What a session is


def test_minutes_since_the_event_before_are_summed(tmp_path: Path) -> None:
    of = book(tmp_path, event(0), event(10), event(12.5))
    assert minutes(of) == 12.5
    assert [minutes(of, f"{how}(events.minutes)") for how in ("min", "max", "latest", "earliest")] == [0, 10, 2.5, 0]


@pytest.mark.parametrize(("gap", "told"), [(29.9, 29.9), (30, 30), (30 + 1 / 60_000_000, 0), (45, 0)])
def test_a_session_ends_after_thirty_minutes_of_nothing(tmp_path: Path, gap: float, told: float) -> None:
    assert minutes(book(tmp_path, event(0), event(gap))) == pytest.approx(told, abs=1e-6)


def test_people_and_accounts_have_sessions_of_their_own(tmp_path: Path) -> None:
    of = book(tmp_path, event(0), event(5, "q"), event(10), event(20, "q"), event(3, "p", "b"), event(7, "p", "b"))
    assert minutes(of) == 10 + 15
    assert minutes(of, account="b") == 4


def test_events_of_nobody_have_no_minutes(tmp_path: Path) -> None:
    of = book(tmp_path, event(0, None), event(5, None))
    assert minutes(of) == 0
    assert minutes(of, "count(events where minutes is null)") == 2
    assert minutes(of, "avg(events.minutes)") is None


def test_all_events_of_the_person_decide_before_any_filter(tmp_path: Path) -> None:
    of = book(tmp_path, event(0), event(20, feature="api"), event(40), event(60, feature="api"))
    assert minutes(of, "sum(events.minutes where feature = 'api')") == 40


def test_a_window_cuts_events_and_not_sessions(tmp_path: Path) -> None:
    of = book(tmp_path, event(0), event(20), event(40))
    at = START + timedelta(minutes=30, days=1)
    assert minutes(of, "sum(events.minutes in last 1d)", at) == 20  # of the event at 40, of which the one before lies outside
    assert minutes(of, "sum(events.minutes in last 1d)", at - timedelta(minutes=10)) == 20  # the one at 20 lies on the border
    assert minutes(of, "sum(events.minutes in last 1d)", at - timedelta(minutes=10) - SECOND) == 40
    assert minutes(of, "sum(events.minutes in 11d after onboarding_started_at)") == 40


def test_sums_are_exact_in_any_order(tmp_path: Path) -> None:
    """A session of so many uneven gaps is as long as from its first event to its last, to the bit."""
    steps = [0, *(number / 7 for number in range(1, 210)), 30]
    assert minutes(book(tmp_path, *(event(each) for each in steps))) == 30


# --- No look-ahead


def test_what_a_source_gives_counts_from_then_on(tmp_path: Path) -> None:
    """Until the first event with minutes they are counted; from it on what has none has none, whenever it took place."""
    of = book(tmp_path, event(0), event(10), event(20, "q", minutes=7), event(25))
    given = START + timedelta(minutes=20)
    assert minutes(of, moment=given - SECOND) == 10
    assert minutes(of, moment=given) == 7
    assert minutes(of) == 7
    assert minutes(of, "count(events where minutes is null)") == 3
    # As of an hour before, it is what it was then.
    assert minutes(of, "ago(sum(events.minutes), 1h)", given + timedelta(minutes=49)) == 0
    assert minutes(of, "ago(sum(events.minutes), 1h)", given + timedelta(minutes=59)) == 10
    assert minutes(of, "ago(sum(events.minutes), 1h)", given + timedelta(minutes=60)) == 7


def test_later_events_change_nothing(tmp_path: Path) -> None:
    early = [event(0), event(10), event(40)]
    at = START + timedelta(minutes=40)
    whole = book(tmp_path, *early, event(45), event(50, minutes=3))
    assert minutes(whole, moment=at) == minutes(book(tmp_path, *early), moment=at) == 40


# --- Every way of asking

FORMULAS = [
    "sum(events.minutes)",
    "sum(events.minutes in last 7d)",
    "avg(events.minutes where kind = 'login' in last 14d)",
    "max(events.minutes where minutes > 5)",
    "count(events where minutes > 5 in last 3d)",
    "count(events where minutes is null)",
    "distinct(events.minutes in last 9d)",
    "latest(events.minutes)",
    "sum(events.minutes in 6d after onboarding_started_at)",
    "sum(events.minutes since created_at)",
    "sum(events.minutes where age <= 2)",
    "sum(events.minutes in last 2d) - ago(sum(events.minutes in last 2d), 3d)",
    "slope(sum(events.minutes in last 7d), 28d)",
    "sum(events.minutes in last 5d) - market(sum(events.minutes in last 5d))",
    "minutes_7d",
]


def many(*, given: bool) -> list[Row]:
    """Events at uneven distances, of three people; with minutes in some of the later ones."""
    found = []
    for number in range(400):
        person = ("p", "q", None)[number * number % 3 if number % 11 else 2]
        after = number * 31.7 + (number * 7919 % 25)
        minutes = number % 9 if given and number > 250 and number % 3 == 0 else None
        kind = "login" if number % 4 == 0 else "feature"
        found.append(event(after, person, "ab"[number % 7 == 0], kind=kind, feature=f"f{number % 3}", minutes=minutes))
    return found


@pytest.mark.parametrize("given", [False, True])
@pytest.mark.parametrize("subject", ["account", "person", "feature"])
def test_as_of_moments_and_as_of_points_alike(tmp_path: Path, subject: str, given: bool) -> None:
    people = [{"id": each, "account_id": "a", "created_at": ago(100)} for each in "pq"]
    of = Book(
        add(store(tmp_path, *many(given=given)), tmp_path, {"people": people}),
        catalog().signals,
    )
    asked = [
        each for each in FORMULAS if subject == "account" or not ({"market", "minutes_7d", "created_at"} & set(_words(each)))
    ]
    asked = [each for each in asked if subject != "feature" or "onboarding" not in each]
    if subject == "person":
        asked = [each for each in asked if "onboarding" not in each]
    moments = [START + timedelta(hours=17 * number, minutes=number) for number in range(14)]
    terms = [of.term(each, subject) for each in asked]
    points = of.points(terms, EveryMoment(subject, moments)).to_pylist()
    few = of.points(terms, EveryMoment(subject, moments[9:12])).to_pylist()
    keys = ("account_id", "feature") if subject == "feature" else ("subject_id",)
    by_point = {(*(row[key] for key in keys), row["moment"]): row for row in points}
    compared = 0
    for moment in moments:
        for row in of.signals(asked, [moment], subject).to_pylist():
            place = (*(row[key] for key in keys), moment.replace(tzinfo=None))
            other = by_point[place]
            for number, formula in enumerate(asked):
                assert row[f"f{number}"] == pytest.approx(other[f"f{number}"]), (formula, place)
                compared += row[f"f{number}"] is not None
    assert compared > 100
    for row in few:
        place = (*(row[key] for key in keys), row["moment"])
        assert [row[f"f{n}"] for n in range(len(asked))] == pytest.approx([by_point[place][f"f{n}"] for n in range(len(asked))])


def _words(formula: str) -> list[str]:
    return "".join(each if each.isalnum() or each == "_" else " " for each in formula).split()


def test_some_are_asked_as_all_are(tmp_path: Path) -> None:
    of = book(tmp_path, *many(given=False))
    everybody = of.signals(FORMULAS, [NOW]).to_pylist()
    some = of.signals(FORMULAS, [NOW], accounts=["a"]).to_pylist()
    assert some == [row for row in everybody if row["subject_id"] == "a"]
    assert everybody[0]["f0"] > 100


# --- What sets a rule off


def fired(of: Book, rule: Rule, until: datetime = NOW) -> list[str | None]:
    found = of.occurrences([rule], Stretch(ago(200), until))
    return [each.event_id for each in found.matches]


def test_an_event_rule_sees_the_minutes_of_its_event(tmp_path: Path) -> None:
    rule = Rule(
        id="long", name="Long", severity="low", category="account", trigger=Trigger("event", {"event": "minutes >= 10"})
    )
    rows = [event(0), event(9.9), event(19.9), event(40), event(65, minutes=12), event(75), event(80, minutes=9)]
    of = book(tmp_path, *rows)
    assert fired(of, rule) == ["ap19.9", "ap40", "ap65"]
    told = Rule(
        id="told", name="Told", severity="low", category="account", trigger=Trigger("event", {"event": "true"}),
        when="event.minutes >= 10",
    )  # fmt: skip
    assert fired(of, told) == ["ap19.9", "ap40", "ap65"]


# --- What it costs


def test_nothing_is_counted_where_minutes_are_given_or_not_asked(tmp_path: Path) -> None:
    without = book(tmp_path, event(0), event(10))
    assert "lag(" in without.explain(["sum(events.minutes in last 7d)"], [NOW]).lower()
    assert "lag(" not in without.explain(["count(events in last 7d)"], [NOW]).lower()
    given = book(tmp_path, event(0, minutes=4), event(10))
    assert "lag(" not in given.explain(["sum(events.minutes in last 7d)"], [NOW]).lower()
    assert "lag(" in given.explain(["ago(sum(events.minutes in last 7d), 30d)"], [NOW]).lower()
