"""A world whose facts come in bit by bit, and the sweeps and pulses that look at them."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from tests.apps.fakes import T0
from tests.engine.facts import add
from tocsin.alerts import facade
from tocsin.alerts.facade import Alert, AlertFilter, PulseReport, SweepReport, TransitionNotice
from tocsin.core.moment import DAY
from tocsin.core.rulefiles import read_rules
from tocsin.core.rules import Definitions
from tocsin.engine import Arrived, Book, HealthModel
from tocsin.facts.duckdb import DuckStore

EVERYBODY = ("acme", "bolt", "coil")

HEAD = """
signals: {unwell: health_band = 'Poor'}
segments:
  busy: count(events in last 7d) >= 2
  failing: unwell
  well: health_score >= 40
rules:
"""
EVENT = "trigger: {event: kind = 'click'}"
TICKET = "trigger: {new: tickets}"


def at(day: float) -> datetime:
    return T0 + day * DAY


def ticket(name: str, day: float, **more: Any) -> dict[str, Any]:
    """A row of tickets."""
    return {"id": name, "account_id": "acme", "priority": "high", "opened_at": at(day), **more}


class World:
    """Facts that come in, and the sweeps that look at them; days count from T0, on which the baseline was taken."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.store = folder, DuckStore(":memory:", ZoneInfo("UTC"))
        self.rules: dict[str, str] = {}
        self.published: dict[str, datetime] = {}
        self.told: list[TransitionNotice] = []
        self.health = HealthModel()
        self.seen = -1.0
        self.come(-30, accounts=[{"id": name, "name": name.title(), "created_at": at(-300)} for name in EVERYBODY])

    def rule(self, text: str, name: str = "r", *, published: float = -10) -> None:
        """Have this rule from now on, of the fields after its id, name and category."""
        self.rules[name], self.published[name] = text, at(published)

    def come(self, day: float, **rows: list[dict[str, Any]]) -> None:
        """Rows arrive on a day."""
        add(self.store, self.folder, rows, now=at(day))

    def click(self, name: str, day: float, *, arrived: float | None = None, of: str = "acme", **more: Any) -> None:
        """A click happens, and arrives at once or later."""
        row = {"id": name, "account_id": of, "name": "x", "kind": "click", "at": at(day), **more}
        self.come(day if arrived is None else arrived, events=[row])

    def seats(self, number: int, day: float, *, arrived: float | None = None, of: str = "acme") -> None:
        """An account has so many seats from a day on."""
        row = {"account_id": of, "field": "seats", "value": number, "at": at(day)}
        self.come(day if arrived is None else arrived, account_history=[row])

    def sweep(self, day: float) -> SweepReport:
        """A sweep as of a day; the first one takes the baseline on day 0 before it."""
        if facade.last_sweep() is None and day > 0:
            self.sweep(0)
        return facade.sweep(
            self.book,
            at(day),
            definitions=self.definitions,
            published=self.published,
            on_transition=self.told.extend,
        )

    def rows(
        self, day: float, *accounts: str, since: float | None = None, what: Arrived | None = None, **more: Any
    ) -> PulseReport:
        """A pulse as of a day, for the rows of these accounts (or all) that arrived after another (or the pulse before)."""
        arrived, self.seen = at(self.seen if since is None else since), day
        return facade.pulse_rows(
            self.book,
            lambda: at(day),
            accounts=frozenset(accounts or EVERYBODY),
            arrived=arrived,
            what=what,
            definitions=self.definitions,
            published=self.published,
            on_transition=self.told.extend,
            **more,
        )

    def states(self, day: float, *accounts: str) -> PulseReport:
        """A pulse as of a day, of the conditions of these accounts (or all)."""
        return facade.pulse_states(
            self.book,
            lambda: at(day),
            accounts=frozenset(accounts or EVERYBODY),
            definitions=self.definitions,
            on_transition=self.told.extend,
        )

    @property
    def book(self) -> Book:
        """The facts as they stand."""
        return Book(self.store, self.definitions.signals, self.definitions.segments, health=self.health)

    @property
    def definitions(self) -> Definitions:
        """The rules as files would define them."""
        lines = [f"  - {{id: {name}, name: R, category: risk, {text}}}\n" for name, text in self.rules.items()]
        definitions, problems = read_rules([("r.yaml", HEAD + "".join(lines))])
        assert problems == ()
        return definitions

    def alerts(self, rule: str = "r") -> list[Alert]:
        """The alerts of a rule, oldest first."""
        return sorted(
            facade.list_alerts(AlertFilter(rules=(rule,))), key=lambda each: (each.opened_at, each.subject_id, each.key)
        )

    def lines(self, rule: str = "r") -> list[str]:
        """`who key 1-3 reason`, with `x3` and `step 14` where they are so: days of opening and closing."""
        return [line_of(each) for each in self.alerts(rule)]

    def notices(self, *, quiet: bool = False) -> list[str]:
        """What people were told so far, and forget it."""
        found = [notice.kind for notice in self.told if notice.quiet is quiet]
        self.told = []
        return found


def line_of(alert: Alert) -> str:
    """An alert in a line; see `World.lines`."""
    days = ["" if moment is None else f"{(moment - T0) / DAY:g}" for moment in (alert.opened_at, alert.closed_at)]
    parts = [alert.subject_id, alert.key, "-".join(days), alert.close_reason or alert.state]
    parts += [f"x{alert.count}" if alert.count > 1 else "", f"step {alert.step}" if alert.step else ""]
    return " ".join(part for part in parts if part)


@pytest.fixture
def world(db: None, tmp_path: Path) -> Iterator[World]:
    made = World(tmp_path)
    yield made
    made.store.close()
