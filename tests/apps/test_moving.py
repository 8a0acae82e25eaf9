"""Alerts on rows whose person turns out to have been in another account: revised here, opened there."""

from __future__ import annotations

import pytest

from tests.apps.world import EVENT, TICKET, World, at, world
from tocsin.engine import Arrived
from tocsin.facts.live.shapes import Arrivals, Event, Membership, Row
from tocsin.facts.live.taking import Taker

__all__ = ["world"]


class Door:
    """What comes in over HTTP."""

    def __init__(self, world: World) -> None:
        self.world, self.taker = world, Taker(world.store, lambda _: Arrivals())

    def joins(self, account: str, day: float, seen: float, who: str = "ann") -> Arrived:
        """A person's `group`, and when it comes in."""
        words = Arrivals(memberships=[Membership(who, account, at(day))], groups={account: None})
        return self._take(words, seen)

    def clicks(self, own: str, day: float, who: str = "ann") -> Arrived:
        event = Event(own, None, who, None, "x", at(day), "click", None, None, None, b"{}", received=at(day))
        return self._take(Arrivals(events=[event]), day)

    def ticket(self, own: str, day: float, who: str = "ann") -> Arrived:
        values = {"id": own, "person_id": who, "opened_at": at(day).isoformat()}
        return self._take(Arrivals(rows=[Row("tickets", values, "src_1", at(day))]), day)

    def _take(self, arrivals: Arrivals, day: float) -> Arrived:
        taken = self.taker.take(arrivals, None, at(day))
        return Arrived(taken.collections, taken.event_names)


@pytest.fixture
def door(world: World) -> Door:
    made = Door(world)
    made.joins("acme", -5, -5)
    made.joins("bolt", -5, -5, "bob")
    return made


@pytest.mark.parametrize("rule", [EVENT, TICKET])
def test_an_alert_goes_with_the_row_to_the_other_account(world: World, door: Door, rule: str) -> None:
    world.rule(rule)
    world.sweep(0)
    door.clicks("r1", 0.5) if rule == EVENT else door.ticket("r1", 0.5)
    world.sweep(1)
    assert world.lines() == ["acme r1 0.5- open"]
    door.joins("bolt", 0.2, 1.1)
    world.sweep(2)
    assert world.lines() == ["acme r1 0.5-2 revised", "bolt r1 0.5- open"]
    world.sweep(3)
    assert world.lines() == ["acme r1 0.5-2 revised", "bolt r1 0.5- open"]


@pytest.mark.parametrize("rule", [EVENT, TICKET])
def test_a_pulse_opens_it_there_at_once(world: World, door: Door, rule: str) -> None:
    world.rule(rule)
    world.sweep(0)
    door.clicks("r1", 0.5) if rule == EVENT else door.ticket("r1", 0.5)
    world.sweep(1)
    world.seen = 1.05
    what = door.joins("bolt", 0.2, 1.1)
    world.rows(1.2, "acme", "bolt", what=what)
    assert "bolt r1 0.5- open" in world.lines()
    world.sweep(2)
    assert world.lines() == ["acme r1 0.5-2 revised", "bolt r1 0.5- open"]


def test_what_moves_long_after_opens_nothing(world: World, door: Door) -> None:
    world.rule(EVENT)
    world.sweep(0)
    door.clicks("r1", 0.5)
    world.sweep(1)
    door.joins("bolt", 0.2, 5)
    world.sweep(6)
    assert world.lines() == ["acme r1 0.5-6 revised"]


def test_the_same_lived_in_order_opens_where_the_person_was(world: World, door: Door) -> None:
    world.rule(EVENT)
    world.sweep(0)
    door.joins("bolt", 0.2, 0.3)
    door.clicks("r1", 0.5)
    world.sweep(1)
    world.sweep(2)
    assert world.lines() == ["bolt r1 0.5- open"]
