"""Fixtures of the apps' tests: a book to write judgements into, and a sweep of it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta

import pytest

from tests.apps.fakes import T0, FakeBook
from tocsin.alerts import facade
from tocsin.alerts.facade import SweepReport
from tocsin.core.rules import Definitions, Rule

Sweeping = Callable[..., SweepReport]


@pytest.fixture
def book() -> FakeBook:
    return FakeBook()


@pytest.fixture
def swept(db: None, book: FakeBook) -> Sweeping:
    """Sweep the book with these rules so many days after T0; the baseline was taken the day before, of an empty judgement."""
    begun = False

    def sweep(*rules: Rule, day: float = 0, **more: object) -> SweepReport:
        nonlocal begun
        definitions = Definitions(rules=rules)
        if not begun:
            facade.sweep(FakeBook(scope=book.scope).book, T0 - timedelta(days=1), definitions=definitions)
            begun = True
        moment: datetime = T0 + timedelta(days=day)
        return facade.sweep(book.book, moment, definitions=definitions, **more)  # type: ignore[arg-type]

    return sweep
