"""The workspace that this process serves, for the pages and the interface: its moment, its facts, its evaluator.

A value is kept under the generation of the facts and the minute in which it was asked for, so that no answer shows facts that
were replaced since, and forty page views of one minute cost one evaluation.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable
from datetime import UTC, datetime
from typing import Any, TypeVar, cast

from tocsin import workspace
from tocsin.alerts import facade as alerts
from tocsin.core.rules import Definitions
from tocsin.engine import Book
from tocsin.facts.duckdb import DuckStore
from tocsin.health import facade as health

T = TypeVar("T")
KEPT = 256


class _Shelf:
    """The latest values, by key; each made once, also when several threads ask for it at a time."""

    def __init__(self, size: int) -> None:
        self._size = size
        self._guard = threading.Lock()
        self._values: OrderedDict[Hashable, Any] = OrderedDict()
        self._making: dict[Hashable, threading.Lock] = {}

    def get(self, key: Hashable, make: Callable[[], T]) -> T:
        """The value of the key, made where it is missing."""
        with self._guard:
            if key in self._values:
                self._values.move_to_end(key)
                return cast("T", self._values[key])
            lock = self._making.setdefault(key, threading.Lock())
        with lock:
            with self._guard:
                if key in self._values:
                    return cast("T", self._values[key])
            try:
                made = make()
            finally:
                with self._guard:
                    self._making.pop(key, None)
            with self._guard:
                self._values[key] = made
                while len(self._values) > self._size:
                    self._values.popitem(last=False)
            return made


_shelf = _Shelf(KEPT)


def now() -> datetime:
    """The moment of a page or an answer. The only place of these rooms that reads the clock."""
    return datetime.now(UTC)


def store() -> DuckStore:
    """The facts of the workspace that this process serves. RuntimeError outside of one."""
    return here().store()


def book(definitions: Definitions | None = None) -> Book:
    """The evaluator over these facts, with the signals, segments and profiles in force: the same one until these change.

    definitions: those in force, where the caller has them already.
    """
    given, scoring = definitions or alerts.definitions(), health.model()
    steps = health.milestone_versions() if given.milestones else ()

    def make() -> tuple[Definitions, Book]:
        tolerance = here().configuration.churn_tolerance
        made = Book(store(), given.signals, given.segments, health=scoring, milestones=steps, churn_tolerance=tolerance)
        return given, made

    # The definitions are kept with it, so that the id of their signals stays theirs; a version of a profile never changes.
    marks = (*(each.mark for each in scoring.versions), *(each.mark for each in steps))
    return kept(("book", id(given.signals), marks), make)[1]


def stamp(definitions: Definitions | None = None) -> tuple[object, ...]:
    """What a value that takes long is made of: while it is the same, the value stands. See `web.background`."""
    return (store().generation, definitions or alerts.definitions())


def place() -> tuple[int, str]:
    """Which workspace this process serves: of whose facts a kept value is."""
    found = here()
    return id(found), str(found.home)


def kept(key: tuple[Hashable, ...], make: Callable[[], T], moment: datetime | None = None) -> T:
    """The value of a key for these facts (and, where a moment is given, for its minute), made where it is missing."""
    minute = None if moment is None else int(moment.timestamp() // 60)
    return _shelf.get((place(), store().generation, minute, *key), make)


def here() -> workspace.Workspace:
    """The workspace. RuntimeError outside of one."""
    found = workspace.current()
    if found is None:
        raise RuntimeError("no workspace is open in this process")
    return found
