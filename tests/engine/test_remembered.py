"""A statement that is kept and filled is, to the letter, the one that would have been written anew."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from tests.engine.facts import Rows, ago, store_of
from tocsin.catalog import catalog
from tocsin.core.profiles import ProfileVersion
from tocsin.engine import Book, HealthModel
from tocsin.engine import book as book_module
from tocsin.engine.occurrences import Stretch
from tocsin.engine.sql import remembered
from tocsin.engine.sql.families import points_statement, statement
from tocsin.engine.sql.marks import MARKS, Template, Values, marked_ids
from tocsin.engine.sql.points import PointsQuestion
from tocsin.engine.sql.sources import EveryMoment, OfRows
from tocsin.engine.sql.statement import Question, Surroundings

# A clock change between the second and the third, a year's end, a month's end and its first instant.
MOMENTS = [
    datetime(2026, 3, 28, 12, tzinfo=UTC),
    datetime(2026, 3, 28, 23, 59, 59, 999999, tzinfo=UTC),
    datetime(2026, 3, 29, 1, tzinfo=UTC),
    datetime(2025, 12, 31, 23, 30, tzinfo=UTC),
    datetime(2026, 1, 1, tzinfo=UTC),
    datetime(2026, 3, 31, 22, 0, 0, 5, tzinfo=UTC),
]
Counts = dict[str, int]


@pytest.fixture(autouse=True)
def nothing_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each test begins with nothing kept."""
    monkeypatch.setattr(remembered, "_kept", {})
    monkeypatch.setattr(remembered, "_once", set())


@pytest.fixture
def written(monkeypatch: pytest.MonkeyPatch) -> Counts:
    """Every statement that a book asks is compared with the one written anew; counts those asked, filled and of no use."""
    counts = {"asked": 0, "filled": 0}
    kind: Any = Template

    def filled(self: Template, values: Values, zone: ZoneInfo) -> str:
        counts["filled"] += 1
        return str(original(self, values, zone))

    original = kind.filled
    monkeypatch.setattr(Template, "filled", filled)

    def question_sql(question: Question, around: Surroundings) -> str:
        counts["asked"] += 1
        made = remembered.question_sql(question, around)
        assert made == statement(question, around).sql()
        return made

    def points_sql(question: PointsQuestion, around: Surroundings) -> str:
        counts["asked"] += 1
        made = remembered.points_sql(question, around)
        assert made == points_statement(question, around).sql()
        return made

    monkeypatch.setattr(book_module, "question_sql", question_sql)
    monkeypatch.setattr(book_module, "points_sql", points_sql)
    return counts


def book(folder: Path, zone: str = "Europe/Berlin", **more: Any) -> Book:
    rows: Rows = {
        "accounts": [
            {"id": f"a{n}", "name": f"A{n}", "created_at": ago(400), "tier": n, "seats": 9, "mrr": 100} for n in range(3)
        ],
        "people": [{"id": "p", "account_id": "a1", "name": "P", "role": "champion", "created_at": ago(300)}],
        "events": [
            {"account_id": f"a{n % 3}", "person_id": "p", "name": "x", "kind": "login", "feature": "reports", "at": ago(n)}
            for n in range(60)
        ],
        "surveys": [{"account_id": "a1", "kind": "nps", "score": 3, "at": ago(1)}],
    }
    shipped = catalog()
    profiles = tuple(ProfileVersion(each, 1, ago(900)) for each in shipped.profiles)
    return Book(store_of(folder, rows, zone=zone), shipped.signals, shipped.segments, health=HealthModel(profiles), **more)


def test_of_the_whole_catalog_at_any_moment(tmp_path: Path, written: Counts) -> None:
    """Whoever is asked about, whether or not the clock was changed: the same text. From the third time on it is filled."""
    facts = book(tmp_path, holidays=[date(2026, 1, 1), date(2026, 3, 30)], churn_tolerance=0.1)
    rules = [each for each in catalog().rules if each.trigger.kind in ("when", "countdown")]
    for moment in MOMENTS[:2]:
        facts.judge(rules, moment)
    before = dict(written)
    assert None not in remembered._kept.values()
    facts.judge(rules, MOMENTS[2])  # on the same side of the border of the rollup of old events
    assert written["filled"] - before["filled"] >= 0.8 * (written["asked"] - before["asked"]) > 0


def test_of_rows_for_changing_accounts(tmp_path: Path, written: Counts) -> None:
    facts = book(tmp_path)
    rules = [each for each in catalog().rules if each.trigger.kind in ("event", "new", "change", "enter", "leave")]
    for number, moment in enumerate(MOMENTS):
        stretch = Stretch(
            moment - timedelta(hours=1 + number), moment, [moment], live={}, arrived=moment - timedelta(minutes=5)
        )
        facts.occurrences(rules, stretch, accounts=frozenset({f"a{each}" for each in range(1 + number % 3)}))
    assert written["filled"] > 0
    assert None not in remembered._kept.values()


def test_accounts_with_any_names(tmp_path: Path, written: Counts) -> None:
    facts = book(tmp_path)
    for ids in (["a1"], ["a2", "a1"], ["o'a1", "it''s", "\u2063id:0:1\u2063"], ["a0"] * 3, ["a1", "a0", "a2"]):
        found = facts.signals(["count(events in last 7d)"], [MOMENTS[0]], accounts=ids)
        assert found.column("subject_id").to_pylist() == sorted({each for each in ids if each in ("a0", "a1", "a2")})
    assert facts.signals(["count(events in last 7d)"], [MOMENTS[0]], accounts=[]).num_rows == 0


def test_a_median_may_be_known_or_not(tmp_path: Path, written: Counts) -> None:
    facts = book(tmp_path)
    for moment in (*MOMENTS, datetime(1999, 1, 1, tzinfo=UTC)):  # before there was anybody
        facts.signals(["count(events in last 7d) - market(count(events in last 7d))"], [moment])
    assert written["filled"] > 0


def test_several_moments_keep_their_distances(tmp_path: Path, written: Counts) -> None:
    facts = book(tmp_path)
    term = facts.term("count(events in last 7d)")
    for first in MOMENTS:
        days = [first + timedelta(days=each) for each in range(3)]
        facts.points([term], EveryMoment("account", days))
        facts.evaluate([term], days, "account")
        facts.evaluate([term], [days[0], days[2]], "account")  # other distances, another statement
    assert written["filled"] >= 9  # nor is it the same at other distances from the border of the rollup of old events


def test_a_constant_that_looks_like_a_mark_is_no_mark(tmp_path: Path, written: Counts) -> None:
    facts = book(tmp_path)
    text = MARKS[0].isoformat(sep=" ")
    for moment in MOMENTS[:4]:
        facts.signals([f"count(events where name = '{text}')"], [moment])


def test_what_cannot_be_filled_right_is_written_anew(tmp_path: Path, written: Counts, monkeypatch: pytest.MonkeyPatch) -> None:
    facts = book(tmp_path)
    monkeypatch.setattr(Template, "filled", lambda _self, _values, _zone: "SELECT nonsense")
    for moment in MOMENTS:
        facts.signals(["count(events in last 7d)"], [moment])
    assert set(remembered._kept.values()) == {None}


def test_no_more_than_so_many_are_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(remembered, "MOST", 5)
    facts = book(tmp_path)
    for number in range(20):
        for moment in MOMENTS[:3]:
            facts.signals([f"count(events in last {number + 1}d)"], [moment])
        assert len(remembered._kept) <= 5
        assert len(remembered._once) <= 5


def test_a_source_of_rows_without_an_end_in_the_past(tmp_path: Path, written: Counts) -> None:
    facts = book(tmp_path)
    term = facts.term("count(events in last 7d)")
    for moment in MOMENTS:
        facts.points([term], OfRows("account", "surveys", None, moment))
        facts.points([term], OfRows("account", "surveys", moment - timedelta(days=9), moment, accounts=["a1"]))
    assert written["filled"] >= 8


def test_ids_stand_in_order() -> None:
    first, second = marked_ids(0)
    template = Template(f"x IN ('{first}', '{second}')")
    assert template.filled(Values([], [["b", "a"]], ()), ZoneInfo("UTC")) == "x IN ('a', 'b')"
