"""Alerts of rules that are asked over families: sweeps and pulses judge the head by what its members do."""

from __future__ import annotations

from tests.apps.world import World, at, world
from tocsin.engine.replay import replay

__all__ = ["world"]

BUSY = "rollup: family, when: count(events where kind = 'click' in last 7d) >= 2"


def family(world: World) -> World:
    """Acme and bolt are of one family, whose head is coil."""
    rows = [{"id": name, "name": name.title(), "created_at": at(-300), "parent_id": "coil"} for name in ("acme", "bolt")]
    world.come(-20, accounts=rows)
    return world


def test_a_sweep_opens_one_alert_of_the_head(world: World) -> None:
    family(world).rule(BUSY)
    world.click("1", 0.5, of="acme")
    world.click("2", 0.6, of="bolt")
    world.sweep(1)
    assert world.lines() == ["coil 1- open"]
    world.sweep(8)
    assert world.lines() == ["coil 1-8 cleared"]
    (told,) = replay(world.book, world.definitions.rules, at(0), at(8)).alerts
    assert (told.match.subject_id, told.opened_at, told.closed_at) == ("coil", at(1), at(8))


def test_a_pulse_of_a_member_judges_the_head_and_not_the_member(world: World) -> None:
    family(world).rule(BUSY)
    world.sweep(0)
    world.click("1", 0.5, of="acme")
    world.click("2", 0.6, of="bolt")
    assert world.states(0.7, "bolt").opened == 1
    assert world.lines() == ["coil 0.7- open"]
    world.sweep(0.8)
    assert world.lines() == ["coil 0.7- open"]
    assert world.states(7.6, "acme").closed == 1


def test_a_head_that_gets_a_parent_hands_its_alert_over(world: World) -> None:
    family(world).rule(f"{BUSY}, clear: count(events in last 30d) < 1")
    world.come(-20, accounts=[{"id": "dome", "name": "Dome", "created_at": at(-300)}])
    world.click("1", 0.5, of="acme")
    world.click("2", 0.6, of="bolt")
    world.sweep(1)
    world.come(
        1.5, accounts=[{"id": "coil", "name": "Coil", "created_at": at(-300), "parent_id": "dome", "updated_at": at(1.4)}]
    )
    assert world.states(1.6, "coil").closed == 1
    assert world.lines() == ["coil 1-1.6 subject_gone", "dome 1.6- open"]
