"""The tall passes against the plain reading: for any rows, formulas and moments both statements give the same."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from tests.engine.facts import NOW, Rows, ago, columns, store_of
from tocsin.engine import Book
from tocsin.engine.sql.sources import EveryMoment
from tocsin.engine.sql.statement import Question, Statement

EXAMPLES = int(os.environ.get("TOCSIN_THOROUGH", "0")) or 15
SUBJECTS = ("account", "person", "feature")
MICROSECOND = timedelta(microseconds=1)
# Moments and starts meet on the borders of these windows, and a microsecond beside them.
DAYS = [0, 1, 7, 8, 14, 21, 28, 30, 37, 60]
WINDOWS = ["", " in last 1d", " in last 7d", " in last 168h", " in last 30d", " in last 4w", " in last 0d"]
KINDS = ["login", "feature", "error", None]
FEATURES = ["reports", "api", None]
FILTERS = [
    "",
    " where kind = 'login'",
    " where kind != 'error'",
    " where kind is null",
    " where coalesce(kind, 'feature') not in ('error', 'other')",
    " where kind = 'login' or feature = 'api'",
    " where not (feature = 'api')",
    " where minutes > 1",
    " where minutes between 1 and 3 and kind in ('login', 'feature')",
    " where properties.plan = 'pro'",
    " where properties.n >= 2",
    " where name contains 'a'",
]

border = st.builds(lambda days, step: ago(days) + step * MICROSECOND, st.sampled_from(DAYS), st.sampled_from([-1, 0, 0, 0, 1]))
event = st.fixed_dictionaries(
    {
        "account_id": st.sampled_from(["a", "b"]),
        "person_id": st.sampled_from(["p1", "p2", "p3", "of nobody", None]),
        "name": st.sampled_from(["open", "save", "xyz"]),
        "at": border,
        "kind": st.sampled_from(KINDS),
        "feature": st.sampled_from(FEATURES),
        "minutes": st.sampled_from([None, 0.0, 0.5, 1.0, 2.25, 1000.0]),
        "properties": st.sampled_from([None, {"plan": "pro"}, {"plan": 3, "n": 2}, {"n": 2.5}, {"n": "2", "plan": None}]),
    }
)
metric = st.fixed_dictionaries(
    {
        "account_id": st.sampled_from(["a", "b"]),
        "name": st.sampled_from(["api", "seats"]),
        "at": border,
        "value": st.sampled_from([-1.0, 0.0, 0.25, 7.0]),
    }
)
window = st.sampled_from(WINDOWS)
where = st.sampled_from(FILTERS)
of_events = st.one_of(
    st.builds("{}(events{}{})".format, st.sampled_from(["count", "exists"]), where, window),
    st.builds("{}(events.minutes{}{})".format, st.sampled_from(["sum", "avg", "min", "max", "distinct"]), where, window),
    st.builds("distinct(events.{}{}{})".format, st.sampled_from(["person_id", "feature", "kind", "name"]), where, window),
    st.builds("{}(events.at{}{})".format, st.sampled_from(["min", "max"]), where, window),
    st.builds("days_quiet(events{})".format, where),
)
of_metrics = st.builds(
    "{}(metrics.value{}{})".format,
    st.sampled_from(["sum", "avg", "min", "max", "distinct"]),
    st.sampled_from(["", " where name = 'api'", " where value > 0"]),
    window,
)
length = st.sampled_from(["1d", "7d", "30d"])
number = st.builds("count(events{}{})".format, where, window)
turned = st.one_of(
    st.builds("ago({}, {})".format, of_events, length),
    st.builds("change({}, {})".format, number, length),
    st.builds("slope({}, 60d)".format, number),
)


@dataclass
class Case:
    """Rows, moments, and formulas by the kind of subject."""

    rows: Rows
    moments: list[datetime]
    formulas: dict[str, list[str]]


cases = st.builds(
    lambda events, metrics, moments, both, accounts: Case(
        {
            "accounts": [{"id": each, "name": each, "created_at": ago(45)} for each in ("a", "b", "quiet")],
            "people": [{"id": each, "account_id": "a", "internal": each == "p3"} for each in ("p1", "p2", "p3")],
            "events": [{"id": str(number), **row} for number, row in enumerate(events)],
            "metrics": [{"id": str(number), **row} for number, row in enumerate(metrics)],
        },
        moments,
        {"account": [*both, *accounts], "person": both, "feature": both},
    ),
    st.lists(event, max_size=25),
    st.lists(metric, max_size=8),
    st.lists(border, min_size=1, max_size=3, unique=True),
    st.lists(st.one_of(of_events, of_events, turned), min_size=1, max_size=6),
    st.lists(of_metrics, max_size=3),
)


def answered(book: Book, formulas: Sequence[str], moments: Sequence[datetime], subject: str, *, plain: bool) -> Any:
    """The rows of the answer: by the plan as it is made, or by the plain reading."""
    terms = [book.term(formula, subject) for formula in formulas]
    statement = Statement(Question(subject, moments, terms), book.surroundings, wide_only=plain)
    return book.store.query(statement.sql()).to_pylist()


def same(left: Any, right: Any) -> bool:
    """Whether two cells are the same; sums of floats may be added up in another order."""
    if isinstance(left, float) and isinstance(right, float):
        return left == pytest.approx(right, rel=1e-12, abs=1e-12)
    return bool(left == right and type(left) is type(right))


@settings(
    max_examples=EXAMPLES,
    derandomize=True,
    database=None,
    deadline=None,
    phases=[Phase.generate],  # an example takes most of a second: what fails is shown as it is
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
@given(cases)
def test_tall_and_wide_give_the_same(case: Case) -> None:
    with TemporaryDirectory() as folder:
        store = store_of(Path(folder), case.rows)
    book = Book(store, {})
    for subject in SUBJECTS:
        ask = partial(answered, book, case.formulas[subject], case.moments, subject)
        tall, wide = ask(plain=False), ask(plain=True)
        assert len(tall) == len(wide)
        for one, other in zip(tall, wide, strict=True):
            differing = {name: (one[name], other[name]) for name in one if not same(one[name], other[name])}
            assert not differing, (subject, one, case.formulas[subject])
        if subject == "account":
            terms = [book.term(formula, subject) for formula in case.formulas[subject]]
            points = book.points(terms, EveryMoment(subject, sorted(case.moments))).to_pylist()
            wide.sort(key=lambda row: (row["subject_id"], row.get("moment")))
            assert len(points) == len(wide)
            for one, other in zip(points, wide, strict=True):
                differing = {name: (one[name], other[name]) for name in other if not same(one[name], other[name])}
                assert not differing, ("as of points", one, case.formulas[subject])
    store.close()


@pytest.mark.parametrize("moments", [[NOW], [ago(1), NOW], [ago(3), ago(2), ago(1), NOW]])
def test_windows_without_length_hold_nothing_as_of_points(tmp_path: Path, moments: list[datetime]) -> None:
    events = [{"account_id": "a", "person_id": "p", "name": "x", "at": ago(each), "minutes": 1} for each in (0, 1, 2, 4)]
    book = Book(store_of(tmp_path, {"accounts": [{"id": "a", "name": "a"}], "events": events}), {})
    asked = {
        "count(events in last 0d)": 0.0,
        "ago(exists(events in last 0d), 3d)": False,
        "ago(count(events in last 7d), 900000d)": 0.0,
        "avg(events.minutes in last 0d)": None,
        "distinct(events.person_id in last 0d)": 0.0,
    }
    for formula, value in asked.items():
        points = book.points([book.term(formula)], EveryMoment("account", moments))
        assert points.column("f0").to_pylist() == [value] * len(moments), formula


def test_borders_belong_to_one_window_each(tmp_path: Path) -> None:
    starts = [NOW + MICROSECOND, NOW, ago(7) + MICROSECOND, ago(7), ago(14) + MICROSECOND, ago(14)]
    rows = [{"id": str(number), "account_id": "a", "name": "x", "at": at} for number, at in enumerate(starts)]
    book = Book(store_of(tmp_path, {"accounts": [{"id": "a", "name": "a"}], "events": rows}), {})
    formulas = ["count(events in last 7d)", "ago(count(events in last 7d), 7d)", "count(events)", "ago(count(events), 7d)"]
    assert columns(book, formulas, [NOW]) == [["a"], [2.0], [2.0], [5.0], [3.0]]
    moments = [ago(7), NOW, NOW + MICROSECOND]
    assert columns(book, formulas[:1], moments) == [["a"] * 3, [2.0, 2.0, 2.0]]


def test_a_window_of_no_length_holds_nothing(tmp_path: Path) -> None:
    rows: Rows = {"accounts": [{"id": "a", "name": "a"}], "events": [{"account_id": "a", "name": "x", "at": NOW}]}
    book = Book(store_of(tmp_path, rows), {})
    assert columns(book, ["count(events in last 0d)", "exists(events in last 0d)"], [NOW]) == [["a"], [0.0], [False]]
