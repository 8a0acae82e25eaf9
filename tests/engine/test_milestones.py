"""Milestones of templates: who has them, when they are due and reached, as of each moment, and alike by every way of asking."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.engine.facts import NOW, add, ago, store_of, values
from tocsin.catalog import catalog
from tocsin.core.milestones import Milestone, MilestoneVersion
from tocsin.core.moment import start_of_day
from tocsin.core.profiles import Indicator, Profile, ProfileVersion
from tocsin.engine import Book
from tocsin.engine.health import HealthModel
from tocsin.engine.replay import replay
from tocsin.engine.sql.sources import EveryMoment
from tocsin.facts.duckdb import DuckStore

Row = dict[str, Any]
DAY, SECOND = timedelta(days=1), timedelta(seconds=1)
BEGAN = ago(20)  # noon
LONG_AGO = ago(3000)
REPORT = Milestone("report", "First report", 10, 10 * DAY, "exists(events where feature = 'reports')")
QUICK = Milestone("report-quick", "First report", 5, 4 * DAY, "exists(events where feature = 'reports')", where="tier = 1")
BUSY = Milestone("busy", "Five people", 0, 15 * DAY, "distinct(events.person_id in last 2d) >= 2")


def version(milestone: Milestone, number: int = 1, at: datetime = LONG_AGO) -> MilestoneVersion:
    return MilestoneVersion(milestone, number, at)


def event(days: float, feature: str = "reports", person: str = "p", account: str = "a") -> Row:
    """An event so many days after BEGAN."""
    at = BEGAN + timedelta(days=days)
    return {"account_id": account, "person_id": person, "name": "use", "feature": feature, "at": at}


ACCOUNTS: list[Row] = [
    {"id": "a", "name": "Acme", "created_at": ago(100), "onboarding_started_at": BEGAN, "tier": 2},
    {"id": "b", "name": "Bolt", "created_at": ago(30), "tier": 1},
]


class Desk:
    """A store and books over it."""

    def __init__(self, folder: Path, rows: dict[str, list[Row]], zone: str) -> None:
        self.folder = folder
        self.store: DuckStore = store_of(folder, {"accounts": ACCOUNTS, **rows}, zone=zone)

    def book(self, *milestones: Milestone | MilestoneVersion) -> Book:
        """A book with these templates, as if they had always been in force."""
        templates = [each if isinstance(each, MilestoneVersion) else version(each) for each in milestones]
        given = catalog()
        return Book(self.store, given.signals, given.segments, milestones=templates)


def of(folder: Path, zone: str = "UTC", **rows: list[Row]) -> Desk:
    return Desk(folder, rows, zone)


def value(book: Book, formula: str, moment: datetime = NOW, account: str = "a") -> Any:
    found = values(book, formula, moment)[account]
    return found.replace(tzinfo=UTC) if isinstance(found, datetime) else found


def at(days: float) -> datetime:
    return BEGAN + timedelta(days=days)


# --- Who has it, and when it is due


def test_it_begins_at_its_anchor(tmp_path: Path) -> None:
    book = of(tmp_path).book(REPORT)
    assert [value(book, "count(milestones)", each) for each in (at(0) - SECOND, at(0))] == [0, 1]
    assert value(book, "latest(milestones.started_at)") == BEGAN
    assert value(book, "latest(milestones.started_at)", account="b") == ago(30), "without an onboarding since it was made"
    assert value(book, "max(milestones.age)") == 20


def test_it_is_due_so_many_days_after_the_day_of_its_anchor(tmp_path: Path) -> None:
    book = of(tmp_path).book(REPORT)
    assert value(book, "latest(milestones.due_on)") == BEGAN.date() + 10 * DAY
    end = start_of_day(date(2026, 3, 21), book.store.zone)  # the tenth day after that of 2026-03-11
    missed = "count(milestones where open and days_since(due_on) > 0)"
    assert [value(book, missed, each) for each in (end + DAY - SECOND, end + DAY)] == [0, 1]


def test_another_day_in_another_zone(tmp_path: Path) -> None:
    """At noon in UTC it is the next day already in Auckland."""
    book = of(tmp_path, "Pacific/Auckland").book(REPORT)
    assert value(book, "latest(milestones.due_on)") == BEGAN.date() + 11 * DAY


def test_after_four_hundred_days_it_stands_no_longer(tmp_path: Path) -> None:
    old = {"id": "o", "name": "Old", "created_at": ago(401)}
    desk = of(tmp_path, accounts=[*ACCOUNTS, old])
    book = desk.book(REPORT)
    assert [value(book, "count(milestones)", ago(each), "o") for each in (1, 1 - 1 / 86_400)] == [1, 0]


def test_the_first_template_of_a_name_by_precedence_gives_it(tmp_path: Path) -> None:
    book = of(tmp_path).book(REPORT, QUICK, BUSY)
    assert value(book, "count(milestones)") == 2
    assert value(book, "min(milestones.due_on where name = 'First report')") == date(2026, 3, 21)
    assert value(book, "min(milestones.due_on where name = 'First report')", account="b") == date(2026, 3, 5)
    assert value(book, "distinct(milestones.id)", account="b") == 2
    assert value(book, "count(milestones where id = 'report')", account="b") == 0


def test_a_milestone_that_is_given_takes_the_place_of_the_templates(tmp_path: Path) -> None:
    given = {"account_id": "a", "name": "First report", "started_at": at(3), "due_on": date(2026, 4, 30)}
    book = of(tmp_path, milestones=[given]).book(REPORT, BUSY)
    assert [value(book, "count(milestones)", each) for each in (at(3) - SECOND, at(3))] == [2, 2]
    assert value(book, "max(milestones.due_on)", at(3) - SECOND) == date(2026, 3, 26)
    assert value(book, "max(milestones.due_on)", at(3)) == date(2026, 4, 30)


def test_a_template_that_is_off_gives_nothing(tmp_path: Path) -> None:
    off = Milestone("report", "First report", 10, 10 * DAY, "true", state="off")
    book = of(tmp_path).book(version(REPORT), version(off, 2, at(5)))
    assert [value(book, "count(milestones)", each) for each in (at(5) - SECOND, at(5))] == [1, 0]


# --- When it is reached


def test_it_is_reached_as_of_now_and_from_the_next_start_of_day_on(tmp_path: Path) -> None:
    book = of(tmp_path, events=[event(6)]).book(REPORT)
    assert [value(book, "count(milestones where open)", each) for each in (at(6) - SECOND, at(6))] == [1, 0]
    assert value(book, "latest(milestones.reached_at)", at(6.25)) == at(6.25)
    assert value(book, "latest(milestones.reached_at)", at(6.5)) == at(6.5), "the start of the next day"
    assert value(book, "latest(milestones.reached_at)", at(9)) == at(6.5)
    assert value(book, "latest(milestones.reached_at)", at(6) - SECOND) is None


def test_what_was_reached_stays_so(tmp_path: Path) -> None:
    """Two people within two days, and nobody afterwards."""
    book = of(tmp_path, events=[event(4, person="p"), event(4.2, person="q")]).book(BUSY)
    assert value(book, "distinct(events.person_id in last 2d)", at(12)) == 0
    assert value(book, "count(milestones where open)", at(12)) == 0
    assert value(book, "latest(milestones.reached_at)", at(12)) == at(4.5)


def test_what_held_before_the_anchor_holds_at_it(tmp_path: Path) -> None:
    book = of(tmp_path, events=[event(-8)]).book(REPORT)
    assert value(book, "latest(milestones.reached_at)", at(0)) == at(0)
    assert value(book, "latest(milestones.reached_at)", at(3)) == at(0.5), "the first start of day of the milestone"


def test_later_facts_change_nothing(tmp_path: Path) -> None:
    desk = of(tmp_path, events=[event(6, account="b"), event(12)])
    moments = [at(each / 2) for each in range(23)]
    formulas = ["count(milestones where open)", "latest(milestones.reached_at)"]
    book = desk.book(REPORT, QUICK)
    whole = [value(book, formula, each) for formula in formulas for each in moments]
    early = of(tmp_path, events=[event(6, account="b")]).book(REPORT, QUICK)
    assert [value(early, formula, each) for formula in formulas for each in moments] == whole


def test_late_facts_count_from_when_they_happened(tmp_path: Path) -> None:
    desk = of(tmp_path, events=[event(9)])
    book = desk.book(REPORT)
    assert value(book, "latest(milestones.reached_at)") == at(9.5)
    add(desk.store, tmp_path, {"events": [event(3)]})
    assert value(book, "latest(milestones.reached_at)") == at(3.5)
    told = {"account_id": "a", "field": "onboarding_started_at", "value": at(5), "at": ago(90)}
    add(desk.store, tmp_path, {"account_history": [told]})
    assert value(book, "latest(milestones.reached_at)") == at(5.5)


def test_what_is_kept_is_what_would_be_made_anew(tmp_path: Path) -> None:
    desk = of(tmp_path, events=[event(9)])
    book = desk.book(REPORT, QUICK, BUSY)
    asked = ["count(milestones where open)", "min(milestones.reached_at)", "max(milestones.reached_at)"]

    def answers(of_book: Book) -> list[Any]:
        return [value(of_book, each, moment, account) for each in asked for moment in (at(8), NOW) for account in "ab"]

    answers(book)
    steps = ([event(3), event(3.1, person="q")], [event(-5, account="b")], [event(12, person="q", account="b")])
    for rows in steps:
        add(desk.store, tmp_path, {"events": rows})
        kept = answers(book)
        desk.store.reached.forget()
        assert answers(book) == kept
    assert kept[-1] is not None


def test_another_version_decides_from_when_it_was_published(tmp_path: Path) -> None:
    other = Milestone("report", "First report", 10, 20 * DAY, "exists(events where feature = 'boards')")
    desk = of(tmp_path, events=[event(2, "boards"), event(6)])
    book = desk.book(version(REPORT), version(other, 2, at(4)))
    open_ = "count(milestones where open)"
    assert [value(book, open_, each) for each in (at(3), at(4) - SECOND, at(4), at(12))] == [1, 1, 0, 0]
    assert value(book, "latest(milestones.reached_at)", at(12)) == at(4.5)
    assert [value(book, "max(milestones.due_on)", each) for each in (at(4) - SECOND, at(4))] == [
        date(2026, 3, 21),
        date(2026, 3, 31),
    ]


# --- Every aggregate, beside given milestones

GIVEN: list[Row] = [
    {"account_id": "a", "name": "Kick-off", "started_at": at(-3), "due_on": date(2026, 3, 12), "reached_at": at(1)},
    {"account_id": "a", "name": "Live", "started_at": at(5), "due_on": date(2026, 4, 12)},
    {"account_id": "a", "name": "Some day"},
]


@pytest.mark.parametrize(
    ("formula", "expected"),
    [
        ("count(milestones)", 5),
        ("count(milestones where open)", 3),
        ("count(milestones where not open)", 2),
        ("exists(milestones where name = 'Five people')", True),
        ("exists(milestones where name = 'Six people')", False),
        ("distinct(milestones.name where open)", 3),
        ("min(milestones.due_on)", date(2026, 3, 12)),
        ("max(milestones.due_on where not open)", date(2026, 3, 21)),
        ("sum(milestones.age)", 23 + 15 + 20 + 20),
        ("avg(milestones.age)", (23 + 15 + 20 + 20) / 4),
        ("latest(milestones.name)", "Live"),
        ("earliest(milestones.name)", "Some day"),
        ("earliest(milestones.name where due_on is not null)", "Kick-off"),
        ("latest(milestones.name where due_on <= date '2026-03-26')", "First report"),
        ("latest(milestones.name where name contains 'report')", "First report"),
        ("count(milestones in last 20d)", 1),
        ("count(milestones in last 21d)", 3),
        ("count(milestones in 6d after onboarding_started_at)", 3),
        ("count(milestones in 5d after onboarding_started_at)", 2),
        ("count(milestones since onboarding_started_at)", 3),
        ("count(milestones since churned_at)", None),
        ("exists(milestones since churned_at)", None),
        ("sum(milestones.age where tier = 2 and open)", 15 + 20),
        ("days_quiet(milestones where open)", 15),
        ("missed_milestones", 1),
        ("milestones_on_track", 4 / 5),
        ("ago(count(milestones), 18d)", 4),
        ("change(count(milestones), 18d)", 1 / 4),
    ],
)
def test_aggregates_see_given_and_templates_rows(tmp_path: Path, formula: str, expected: Any) -> None:
    book = of(tmp_path, milestones=GIVEN, events=[event(6)]).book(REPORT, BUSY)
    assert value(book, formula) == (pytest.approx(expected) if isinstance(expected, float) else expected)


def test_as_of_moments_and_as_of_points_alike(tmp_path: Path) -> None:
    book = of(tmp_path, milestones=GIVEN, events=[event(6), event(4), event(4.2, person="q"), event(9, account="b")]).book(
        REPORT, QUICK, BUSY
    )
    formulas = ["count(milestones where open)", "max(milestones.reached_at)", "sum(milestones.age)", "missed_milestones",
                "ago(count(milestones where not open), 2d)", "latest(milestones.name)"]  # fmt: skip
    moments = [at(0.25 + each * 0.8) for each in range(25)]
    points = book.points([book.term(each) for each in formulas], EveryMoment("account", moments)).to_pylist()
    by_point = {(row["subject_id"], row["moment"]): row for row in points}
    for moment in moments:
        for row in book.signals(formulas, [moment]).to_pylist():
            other = by_point[row["subject_id"], moment.replace(tzinfo=None)]
            assert {key: row[key] for key in row if key != "f2"} == {key: other[key] for key in row if key != "f2"}, moment
            assert row["f2"] == pytest.approx(other["f2"])


def test_the_portfolio_counts_accounts_by_them(tmp_path: Path) -> None:
    book = of(tmp_path, events=[event(9, account="b")]).book(REPORT, QUICK)
    found = book.signals(["count(accounts where missed_milestones > 0)"], [at(10.4), at(10.5)], "company")
    assert found.column("f0").to_pylist() == [0, 1]


def test_the_history_of_health_follows_the_templates(tmp_path: Path) -> None:
    """Kept scores are made anew where indicators are made of milestones and their templates change."""
    indicator = Indicator("In time", "proactive", 1, "scale(milestones_on_track, 0, 100%)")
    model = HealthModel((ProfileVersion(Profile("all", "All", 1, (indicator,)), 1, LONG_AGO, dict(catalog().signals)),))
    desk = of(tmp_path, events=[event(14)])

    def bands(*milestones: Milestone) -> list[Any]:
        book = Book(desk.store, catalog().signals, health=model, milestones=[version(each) for each in milestones])
        moments = [at(9), at(11), at(14), at(15.5)]
        return [(value(book, "health_band", each), value(book, "days_in(health_band)", each)) for each in moments]

    none, some = bands(), bands(REPORT)
    assert [band for band, _ in none] == [None] * 4
    assert [band for band, _ in some] == ["Good", "Poor", "Good", "Good"]
    assert [days for _, days in some] == [8.5, 0.5, 0, 1]
    assert bands() == none


# --- The rule


def sweeps(book: Book, moments: list[datetime]) -> Iterator[tuple[datetime, list[str]]]:
    rule = next(each for each in catalog().rules if each.id == "milestone-missed")
    for moment in moments:
        yield moment, [each.subject_id for each in book.judge([rule], moment).matches]


def test_the_rule_fires_the_day_after_it_was_due_and_not_where_it_was_reached(tmp_path: Path) -> None:
    end = start_of_day(date(2026, 3, 22), of(tmp_path).store.zone)
    late = of(tmp_path, events=[event(14)]).book(REPORT)
    said = dict(sweeps(late, [end - SECOND, end, at(14) - SECOND, at(14), NOW]))
    assert [("a" in found) for found in said.values()] == [False, True, True, False, False]
    in_time = of(tmp_path, events=[event(9.9)]).book(REPORT)
    assert not any("a" in found for _, found in sweeps(in_time, [end - SECOND, end, NOW]))


def test_a_replay_is_what_was_lived_through(tmp_path: Path) -> None:
    rule = replace(next(each for each in catalog().rules if each.id == "milestone-missed"), cooldown=None, state="on")
    rows = [event(14), event(4, "boards"), event(4.2, "boards", "q"), event(9, account="b")]
    moments = [at(-1 + each / 2) for each in range(42)]
    told = replay(of(tmp_path, events=rows).book(REPORT, QUICK, BUSY), [rule], moments[0], moments[-1], DAY / 2)
    lived = of(tmp_path)
    book = lived.book(REPORT, QUICK, BUSY)
    waiting = sorted(rows, key=lambda row: row["at"])
    opened: dict[str, datetime] = {}
    spans: list[tuple[str, datetime, datetime | None]] = []
    for moment in moments:
        arrived = [row for row in waiting if row["at"] <= moment]
        waiting = waiting[len(arrived) :]
        if arrived:
            add(lived.store, tmp_path, {"events": arrived})
        [(_, found)] = sweeps(book, [moment])
        spans += [(name, opened.pop(name), moment) for name in sorted(opened) if name not in found]
        opened |= {name: moment for name in found if name not in opened}
    spans += [(name, since, None) for name, since in opened.items()]
    assert {(each.match.subject_id, each.opened_at, each.closed_at) for each in told.alerts} == set(spans)
    assert len(spans) > 1
