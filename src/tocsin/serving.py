"""The workspace that this process serves, for the pages and the interface: its moment, its facts, its evaluator.

A value is kept under the generation of the facts and the minute in which it was asked for, so that no answer shows facts that
were replaced since, and forty page views of one minute cost one evaluation.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable
from datetime import UTC, datetime
from typing import Any, Generic, TypeVar, cast

from tocsin import workspace
from tocsin.alerts import facade as alerts
from tocsin.core.rules import Definitions
from tocsin.engine import Book
from tocsin.facts.duckdb import DuckStore

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

    def at_hand(self, key: Hashable) -> Any:
        """The value of the key; None where it was not made yet."""
        with self._guard:
            if key in self._values:
                self._values.move_to_end(key)
            return self._values.get(key)


class _Lasting(Generic[T]):
    """A value that stands from the moment it was made for until another one."""

    def __init__(self) -> None:
        self._making = threading.Lock()
        self._held: tuple[T, datetime, datetime] | None = None

    def at_hand(self, moment: datetime) -> T | None:
        """The value, where it stands at a moment."""
        held = self._held
        return held[0] if held is not None and held[1] <= moment < held[2] else None

    def get(self, moment: datetime, make: Callable[[], tuple[T, datetime]]) -> T:
        """The value, made anew where it does not stand."""
        found = self.at_hand(moment)
        if found is not None:
            return found
        with self._making:
            found = self.at_hand(moment)
            if found is None:
                found, until = make()
                self._held = (found, moment, until)
        return found


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
    return here().book(definitions)


def stamp(definitions: Definitions | None = None) -> tuple[object, ...]:
    """What a value that takes long is made of: while it is the same, the value stands. See `web.background`."""
    return (store().generation, definitions or alerts.definitions())


def place() -> tuple[int, str]:
    """Which workspace this process serves: of whose facts a kept value is."""
    found = here()
    return id(found), str(found.home)


def kept(key: tuple[Hashable, ...], make: Callable[[], T], moment: datetime | None = None, *, beside_events: bool = False) -> T:
    """The value of a key for these facts (and, where a moment is given, for its minute), made where it is missing.

    beside_events: no event is read for it, so that it stands while only events come in.
    """
    minute = None if moment is None else int(moment.timestamp() // 60)
    generation = store().generation_beside_events if beside_events else store().generation
    return _shelf.get((place(), beside_events, generation, minute, *key), make)


def lasting(key: tuple[Hashable, ...], make: Callable[[], tuple[T, datetime]], moment: datetime) -> T:
    """A value for which no event is read and which stands for longer than a minute.

    make: gives it, and until when it stands while the facts are the same.
    """
    cell: _Lasting[T] = _shelf.get(_lasting_key(key), _Lasting)
    return cell.get(moment, make)


def at_hand(key: tuple[Hashable, ...], moment: datetime) -> Any:
    """The value that `lasting` would give of a key at a moment, where it is made already; else None."""
    cell = _shelf.at_hand(_lasting_key(key))
    return None if cell is None else cell.at_hand(moment)


def _lasting_key(key: tuple[Hashable, ...]) -> Hashable:
    return ("lasting", place(), store().generation_beside_events, *key)


def here() -> workspace.Workspace:
    """The workspace. RuntimeError outside of one."""
    found = workspace.current()
    if found is None:
        raise RuntimeError("no workspace is open in this process")
    return found
