"""Pulses and sweeps beside each other, cut off and repeated: exactly one alert for each rule and event, whatever the order."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import pytest
from django.db import transaction

from tests.apps.world import EVENT, World
from tocsin.alerts import cards, findings, locks, pulsing, rowfindings, sweeping
from tocsin.alerts.models import Episode, Sweep
from tocsin.alerts.turning import Turning
from tocsin.engine import Book

MINUTE, SECOND = 1 / 1440, 1 / 86400
NOW = 3.0  # the moment of the sweep that others happen beside

# What a sweep asks on its way, and a pulse; each is a step before which something else can happen.
OF_A_SWEEP: list[tuple[object, str]] = [
    (sweeping, "_refuse_the_past"),
    (Book, "judge"),
    (findings, "running_alerts"),
    (rowfindings, "openings"),
    (Book, "occurrences"),
    (Book, "still"),
    (cards, "read"),
    (sweeping, "feed"),
]
OF_A_PULSE: list[tuple[object, str]] = [
    (pulsing, "on_since"),
    (Book, "occurrences"),
    (cards, "read"),
]


class Steps:
    """Lets something happen before each step of others, once each; counts the steps."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, hooks: list[tuple[object, str]]) -> None:
        self.count, self.acts, self.inside = 0, dict[int, list[Callable[[], object]]](), False
        for where, name in hooks:
            monkeypatch.setattr(where, name, self._wrapped(getattr(where, name)))

    def _wrapped(self, function: Callable[..., object]) -> Callable[..., object]:
        def wrapped(*given: object, **named: object) -> object:
            self.step()
            return function(*given, **named)

        return wrapped

    def step(self) -> None:
        """The next step is about to be taken; nothing else can happen while somebody writes."""
        if self.inside or locks._writing.locked():
            return
        self.inside = True
        try:
            for act in self.acts.pop(self.count, []):
                act()
        finally:
            self.inside = False
        self.count += 1

    def take(self, work: Callable[[], object], acts: list[tuple[int, Callable[[], object]]]) -> int:
        """Do work, with what is to happen before which of its steps; gives how many steps there were."""
        self.count, self.acts = 0, {}
        for step, act in acts:
            self.acts.setdefault(step, []).append(act)
        work()
        left, self.acts = [act for step in sorted(self.acts) for act in self.acts[step]], {}
        for act in left:
            act()
        return self.count


@pytest.fixture
def fresh(db: None, tmp_path: Path) -> Iterator[Callable[[], World]]:
    """Makes worlds, the one before being forgotten."""
    made: list[World] = []

    def make() -> World:
        Episode.objects.all().delete()
        Sweep.objects.all().delete()
        made.append(World(tmp_path))
        world = made[-1]
        world.rule("when: mrr < 0", "stock")
        world.rule(EVENT)
        world.rule(f"{EVENT}, collapse: 1d", "folded")
        world.rule("when: count(events where kind = 'click') >= 1", "condition")
        world.click("old", 2.5, of="coil")
        world.sweep(2.9)
        world.seen = 2.95
        return world

    yield make
    for each in made:
        each.store.close()


OPEN = ["acme after", "bolt before", "coil late", "coil old"]


def opened(world: World, rule: str) -> list[str]:
    return [f"{each.subject_id} {each.key}" for each in world.alerts(rule)]


def check(world: World, what: str) -> None:
    """Each alert is there once and stands, and was told once."""
    world.sweep(NOW + 5 * MINUTE)
    for rule in ("r", "folded"):
        assert sorted(opened(world, rule)) == OPEN, f"{what}: {world.lines(rule)}"
    for rule, number in (("r", 4), ("folded", 4), ("condition", 3)):
        found = world.alerts(rule)
        assert [each.state for each in found] == ["open"] * number, f"{what}: {world.lines(rule)}"
    kinds = [notice.kind for notice in world.told if not notice.quiet]
    assert kinds == ["opened"] * 11, f"{what}: {kinds}"


def arrive(world: World) -> None:
    """Events that happened after the sweep's moment, before it (and are known since before), and long before it."""
    for name, account, moment, known in (
        ("after", "acme", NOW + MINUTE, NOW + MINUTE),
        ("before", "bolt", NOW - MINUTE, NOW - SECOND),
        ("late", "coil", 1.1, NOW + MINUTE),
    ):
        world.click(name, moment, arrived=known, of=account)


def test_a_pulse_at_each_step_of_a_sweep(fresh: Callable[[], World], monkeypatch: pytest.MonkeyPatch) -> None:
    steps = Steps(monkeypatch, OF_A_SWEEP)
    world = fresh()
    number = steps.take(lambda: world.sweep(NOW), [])
    assert number >= len(OF_A_SWEEP)
    for came, looked in [*((step, step) for step in range(number + 1)), (0, number // 2), (number // 2, number)]:
        with transaction.atomic():
            world = fresh()
            acts: list[tuple[int, Callable[[], object]]] = [
                (came, partial(arrive, world)),
                (looked, partial(world.rows, NOW + 2 * MINUTE)),
            ]
            steps.take(partial(world.sweep, NOW), acts)
            world.states(NOW + 3 * MINUTE)
            check(world, f"came before step {came}, looked at before step {looked} of {number}")
            transaction.set_rollback(True)


def test_a_sweep_at_each_step_of_a_pulse(fresh: Callable[[], World], monkeypatch: pytest.MonkeyPatch) -> None:
    steps = Steps(monkeypatch, OF_A_PULSE)
    for step in range(len(OF_A_PULSE) + 1):
        with transaction.atomic():
            world = fresh()
            arrive(world)
            steps.take(partial(world.rows, NOW + 2 * MINUTE), [(step, partial(world.sweep, NOW + 3 * MINUTE))])
            check(world, f"swept before step {step}")
            transaction.set_rollback(True)


# --- Cut off


class CutOff(Exception):  # noqa: N818 - no error: the machine that ends
    """The process ends here."""


@pytest.mark.parametrize("step", ["write", "announce", "after"])
@pytest.mark.parametrize("again", ["pulse", "sweep"])
def test_a_pulse_of_rows_that_is_cut_off_and_repeated(
    step: str, again: str, fresh: Callable[[], World], monkeypatch: pytest.MonkeyPatch
) -> None:
    world = fresh()
    arrive(world)
    cut_off(monkeypatch, step, lambda: world.rows(NOW + 2 * MINUTE, since=2.95))
    assert len(opened(world, "r")) == (4 if step == "after" else 1)
    if again == "pulse":
        world.rows(NOW + 3 * MINUTE, since=2.95)
        assert sorted(opened(world, "r")) == OPEN
    check(world, f"{step}, {again}")


@pytest.mark.parametrize("step", ["write", "announce", "after"])
@pytest.mark.parametrize("again", ["pulse", "sweep"])
def test_a_pulse_of_conditions_that_is_cut_off_and_repeated(
    step: str, again: str, fresh: Callable[[], World], monkeypatch: pytest.MonkeyPatch
) -> None:
    world = fresh()
    arrive(world)
    world.rows(NOW + 2 * MINUTE)
    cut_off(monkeypatch, step, lambda: world.states(NOW + 3 * MINUTE))
    if again == "pulse":
        world.states(NOW + 4 * MINUTE)
    check(world, f"{step}, {again}")


def cut_off(monkeypatch: pytest.MonkeyPatch, step: str, work: Callable[[], object]) -> None:
    """Do work that is cut off when it has written, when it has told the outbox, or after all is committed."""
    kept = Turning.write

    def write(self: Turning) -> object:
        kept(self)
        raise CutOff

    def announce(*_: object) -> None:
        raise CutOff  # what the outbox has written is in the same transaction

    with monkeypatch.context() as patch:
        if step == "write":
            patch.setattr(Turning, "write", write)
        elif step == "announce":
            patch.setattr("tocsin.alerts.pulsing.announce", announce)
        if step == "after":
            work()
            return
        with pytest.raises(CutOff):
            work()
