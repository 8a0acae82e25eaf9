"""As of points the engine says the same as as of fixed moments: on a grid of days, and at moments of each subject's own."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any

import pytest
from hypothesis import given

from tests.oracle.against import engine_over
from tests.oracle.books import ZONES, make_book
from tests.oracle.formulas import OURS, SIGNALS
from tests.property.test_engine_oracle import SUBJECTS, THOROUGH, bounded, chance, formulas
from tocsin.engine import Book
from tocsin.engine.sql.sources import EveryMoment, OwnMoments

Cells = dict[datetime, dict[str, list[Any]]]


def plain(rows: Sequence[dict[str, Any]], count: int, subject: str, moment: datetime | None = None) -> Cells:
    """Moment -> subject id -> values, floats as precise as any order of adding keeps them."""
    found: Cells = {}
    for row in rows:
        name = f"{row['account_id']}/{row['feature']}" if subject == "feature" else row["subject_id"]
        values = [row[f"f{index}"] for index in range(count)]
        at = moment or row["moment"].replace(tzinfo=UTC)
        found.setdefault(at, {})[name] = [rounded(value) for value in values]
    return found


def rounded(value: Any) -> Any:
    if not isinstance(value, float):
        return value
    return 0.0 if abs(value) < 1e-9 else float(f"{value:.9g}")


def fixed(engine: Book, asked: Sequence[str], moments: Sequence[datetime], subject: str) -> Cells:
    found: Cells = {}
    for moment in moments:
        found |= plain(engine.signals(asked, [moment], subject).to_pylist(), len(asked), subject, moment)
    return found


@pytest.mark.parametrize("zone", sorted(ZONES))
@bounded(1)
@given(chance)
def test_any_moments(zone: str, r: Random) -> None:
    book = make_book(r, zone)
    moments = sorted(set(book.moments))
    with engine_over(book.rows, zone=book.zone, signals=SIGNALS) as engine:
        for subject in SUBJECTS:
            asked = formulas(r, subject, book.typed)
            terms = [engine.term(formula, subject) for formula in asked]
            table = engine.points(terms, EveryMoment(subject, moments))
            assert plain(table.to_pylist(), len(asked), subject) == fixed(engine, asked, moments, subject), asked


STREAMS = {
    "account": [
        "count(events in last 7d)",
        "count(events where kind = 'login' in last 36h)",
        "count(events)",
        "sum(events.minutes in last 30d)",
        "avg(events.minutes where kind = 'feature' in last 14d)",
        "max(events.minutes in last 14d)",
        "min(events.at)",
        "exists(events where feature = 'api' in last 3d)",
        "distinct(events.person_id in last 7d)",
        "distinct(events.person_id where kind = 'login')",
        "distinct(events.feature where minutes > 3 in last 14d)",
        "change(count(events in last 7d), 7d)",
        "ago(distinct(events.person_id in last 7d), 14d)",
        "slope(count(events in last 7d), 60d)",
        "market(count(events in last 7d))",
        "ago(market(count(events in last 7d)), 7d)",
        "start_of('month')",
        "days_in(lifecycle_stage)",
        "previous(plan)",
        "count(events in 7d after onboarding_started_at)",
        "sum(events.minutes where kind = 'feature' in 3d after created_at)",
        "distinct(events.person_id in 14d after renews_on)",
        "count(people where open)",
    ],
    "person": [
        "count(events in last 7d)",
        "distinct(events.feature in last 30d)",
        "days_in(role)",
        "latest(events.kind in 7d after created_at)",
    ],
    "feature": [
        "count(events in last 7d)",
        "distinct(events.person_id)",
        "max(events.at)",
        "count(events in 9d after created_at)",
    ],
    "csm": ["sum(accounts.logins_7d)", "count(accounts where utilization > 1)", "capacity", "count(tasks where overdue)"],
    "team": ["change(sum(accounts.mrr), 7d)", "count(alerts where open)", "count(accounts where days_in(plan) < 9)"],
    "company": ["slope(count(accounts where valued), 60d)", "avg(accounts.age)", "ago(count(tasks in last 7d), 14d)"],
}


@pytest.mark.parametrize("every", [timedelta(days=1), timedelta(hours=7)])
@pytest.mark.parametrize("seed", range(THOROUGH or 3))
def test_a_regular_grid(seed: int, every: timedelta) -> None:
    r = Random(seed)
    book = make_book(r)
    first = min(book.moments)
    moments = [first + every * each for each in range(20)]
    with engine_over(book.rows, zone=book.zone, signals=SIGNALS) as engine:
        for subject in SUBJECTS:
            asked = [*STREAMS[subject], *formulas(r, subject, book.typed)]
            terms = [engine.term(formula, subject) for formula in asked]
            table = engine.points(terms, EveryMoment(subject, moments))
            compared = moments[:: 6 if subject in OURS else 1]  # theirs are many accounts at each moment
            found = plain(table.to_pylist(), len(asked), subject)
            assert {at: each for at, each in found.items() if at in compared} == fixed(engine, asked, compared, subject), asked


# Passes of anchored windows alone, closed and open at their ends, cut rows down to what the windows reach.
ANCHORED = {
    "account": [
        ["count(events in 7d after onboarding_started_at)", "count(events in 40d after created_at)"],
        ["count(events since onboarding_started_at)", "sum(events.minutes in 3d after created_at)"],
        ["max(metrics.value in 9d after renews_on)", "ago(count(metrics in 21d after onboarding_started_at), 5d)"],
        ["count(events in 5d after earliest(events.at where kind = 'login' in last 20d))"],
    ],
    "person": [["count(events in 7d after created_at)", "latest(events.kind since created_at)"]],
}


@pytest.mark.parametrize("seed", range(THOROUGH or 8))
def test_windows_after_anchors(seed: int) -> None:
    r = Random(seed)
    book = make_book(r)
    moments = [min(book.moments) + timedelta(days=each) for each in range(15)]
    with engine_over(book.rows, zone=book.zone, signals=SIGNALS) as engine:
        for subject, batches in ANCHORED.items():
            for asked in batches:
                table = engine.points([engine.term(each, subject) for each in asked], EveryMoment(subject, moments))
                assert plain(table.to_pylist(), len(asked), subject) == fixed(engine, asked, moments, subject), asked


@pytest.mark.parametrize("seed", range(THOROUGH or 3))
def test_moments_of_ones_own(seed: int) -> None:
    r = Random(seed)
    book = make_book(r)
    with engine_over(book.rows, zone=book.zone, signals=SIGNALS) as engine:
        for subject in ("account", "person"):
            asked = [*STREAMS[subject], *formulas(r, subject, book.typed)]
            terms = [engine.term(formula, subject) for formula in asked]
            whole = fixed(engine, asked, book.moments, subject)
            pairs = [(name, moment) for moment, each in whole.items() for name in each if r.random() < 0.6]
            table = engine.points(terms, OwnMoments(subject, pairs, deleted=False))
            wanted: Cells = {}
            for name, moment in pairs:
                wanted.setdefault(moment, {})[name] = whole[moment][name]
            assert plain(table.to_pylist(), len(asked), subject) == wanted, asked
