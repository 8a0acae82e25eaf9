"""The engine against the oracle: random books, random formulas, moments on and off the borders, cell by cell.

`TOCSIN_THOROUGH=200` runs so many examples of each test, with chance; otherwise they are few and the same in every run.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from random import Random

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.oracle import Oracle
from tests.oracle.against import cells, disagreements, engine_over
from tests.oracle.books import ZONES, make_book
from tests.oracle.cut import cut
from tests.oracle.formulas import SIGNALS, Formulas

THOROUGH = int(os.environ.get("TOCSIN_THOROUGH", "0"))
SUBJECTS = ("account", "person", "feature", "csm", "team", "company")
chance = st.randoms(use_true_random=False)


def bounded(examples: int) -> settings:
    """Few and reproducible examples, or the number asked for."""
    return settings(
        max_examples=THOROUGH or examples,
        derandomize=not THOROUGH,
        database=None,
        deadline=None,
        suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.large_base_example],
    )


def formulas(r: Random, subject: str, typed: Mapping[str, str]) -> list[str]:
    """Formulas about a subject that mean something where these attributes have these types."""
    made = Formulas(r, typed)
    return [made.formula(subject, r.choice([1, 2, 3])) for _ in range(6)]


@pytest.mark.parametrize("zone", sorted(ZONES))
@bounded(2)
@given(chance)
def test_the_engine_and_the_oracle_agree(zone: str, r: Random) -> None:
    book = make_book(r, zone)
    asked = {subject: formulas(r, subject, book.typed) for subject in SUBJECTS}
    oracle = Oracle(book.rows, book.zone, SIGNALS)
    with engine_over(book.rows, zone=book.zone, signals=SIGNALS) as engine:
        for subject, given_formulas in asked.items():
            assert list(disagreements(engine, oracle, given_formulas, book.moments, subject)) == []


@pytest.mark.parametrize("seed", range(THOROUGH or 4))
def test_they_agree_about_larger_books_and_deeper_formulas(seed: int) -> None:
    r = Random(seed)
    book = make_book(r)
    oracle = Oracle(book.rows, book.zone, SIGNALS)
    with engine_over(book.rows, zone=book.zone, signals=SIGNALS) as engine:
        for subject in SUBJECTS:
            made = Formulas(r, book.typed)
            asked = [made.formula(subject, 4) for _ in range(8)]
            assert list(disagreements(engine, oracle, asked, book.moments, subject)) == []


@bounded(3)
@given(chance)
def test_order_of_arrival_batches_and_duplicates_do_not_matter(r: Random) -> None:
    book = make_book(r)
    asked = {subject: formulas(r, subject, book.typed) for subject in SUBJECTS}
    parents = {name: book.rows[name] for name in ("accounts", "people")}
    first: dict[str, list[dict[str, str]]] = {name: list(rows) for name, rows in parents.items()}
    second: dict[str, list[dict[str, str]]] = {name: list(rows) for name, rows in parents.items()}
    for name in book.rows.keys() - parents.keys():
        shuffled = r.sample(book.rows[name], len(book.rows[name]))
        part = r.randrange(len(shuffled) + 1)
        first[name], second[name] = shuffled[:part], shuffled[max(0, part - 2) :]
    with (
        engine_over(book.rows, zone=book.zone, signals=SIGNALS) as whole,
        engine_over(first, second, zone=book.zone, signals=SIGNALS) as pieces,
    ):
        for subject, given_formulas in asked.items():
            assert cells(pieces, given_formulas, book.moments, subject) == cells(whole, given_formulas, book.moments, subject)


@bounded(4)
@given(chance)
def test_what_happened_after_a_moment_changes_nothing(r: Random) -> None:
    book = make_book(r)
    moment = r.choice(book.moments)
    asked = {subject: formulas(r, subject, {}) for subject in SUBJECTS}  # types hang on all values, later ones too
    known = cut(book, moment)
    with (
        engine_over(book.rows, zone=book.zone, signals=SIGNALS) as now,
        engine_over(known, zone=book.zone, signals=SIGNALS) as then,
    ):
        for subject, given_formulas in asked.items():
            assert cells(then, given_formulas, [moment], subject) == cells(now, given_formulas, [moment], subject)
