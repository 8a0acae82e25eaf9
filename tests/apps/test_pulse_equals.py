"""Pulses after each batch of facts, and a sweep now and then, tell what sweeps after each batch would: alert for alert."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable
from pathlib import Path
from random import Random
from typing import Any

import pytest
from django.db import transaction

from tests.apps.world import EVERYBODY, World, at, ticket
from tocsin.alerts.models import Episode, Sweep

THOROUGH = int(os.environ.get("TOCSIN_THOROUGH", "0"))
HOUR, MINUTE = 1 / 24, 1 / 1440
RULES = {
    "each": "trigger: {event: kind = 'click'}, expires: 30d",
    "cool": "trigger: {event: minutes > 5}, cooldown: 3d, expires: 30d",
    "folded": "trigger: {event: kind = 'click'}, collapse: 1d, expires: 30d",
    "first": "trigger: {event: feature is not null}, expires: 30d, "
    "when: count(events where feature = event.feature and at < event.at) = 0",
    "person": "subject: person, trigger: {event: kind = 'click'}, expires: 30d",
    "hasty": "trigger: {event: kind = 'click'}, late: 2h, expires: 30d",
    "ticket": "trigger: {new: tickets, where: priority = 'high'}",
    "seats": "trigger: {change: seats, direction: up}, expires: 30d",
    "busy": "when: count(events) >= 3",
    "heavy": "when: sum(events.minutes) > 20, clear: seats > 5",
    "quiet": "when: count(events) >= 4, inhibited_by: [busy]",
    "user": "subject: person, when: count(events) >= 2",
    "steps-1": "ladder: steps, stage: 1, when: count(events) >= 1",
    "steps-2": "ladder: steps, stage: 2, when: count(events) >= 3",
}


def batches(r: Random) -> list[tuple[float, dict[str, list[dict[str, Any]]]]]:
    """(day of arrival, rows) of a few days; most rows come at once, in their order, some up to three days late."""
    found, day = [], 0.2
    late = r.random() < 0.5
    for number in range(r.randint(4, 7)):
        day += r.choice((20 * MINUTE, 3 * HOUR, 0.5))
        rows: dict[str, list[dict[str, Any]]] = {"events": [], "tickets": [], "account_history": []}
        for each in range(r.randint(1, 4)):
            then = (
                max(0.1, day - r.choice((HOUR, 1.9, 2.1, 3))) if late and r.random() < 0.3 else day - r.random() * 15 * MINUTE
            )
            account = r.choice(EVERYBODY)
            rows["events"].append(
                {
                    "id": f"e{number}-{each}",
                    "account_id": account,
                    "person_id": f"{account}-{r.randint(1, 2)}",
                    "name": "x",
                    "kind": r.choice(("click", "login")),
                    "feature": r.choice((None, "Reports", "Flows")),
                    "minutes": r.randint(0, 12),
                    "at": at(then),
                }
            )
        if r.random() < 0.5:
            rows["tickets"].append(ticket(f"t{number}", day - MINUTE, account_id=r.choice(EVERYBODY)))
        if r.random() < 0.5:
            value = {"account_id": r.choice(EVERYBODY), "field": "seats", "value": r.randint(1, 9), "at": at(day - MINUTE)}
            rows["account_history"].append(value)
        found.append((day, rows))
    return found


def live(
    given: list[tuple[float, dict[str, list[dict[str, Any]]]]], look: Callable[[World, float, int], None]
) -> list[tuple[Any, ...]]:
    """The alerts after a life in which somebody looks after each batch, and a sweep ends it."""
    with tempfile.TemporaryDirectory() as folder, transaction.atomic():
        Episode.objects.all().delete()
        Sweep.objects.all().delete()
        world = World(Path(folder))
        people = [
            {"id": f"{account}-{number}", "account_id": account, "name": "P", "created_at": at(-200)}
            for account in EVERYBODY
            for number in (1, 2)
        ]
        world.come(-20, people=people)
        for name in EVERYBODY:
            world.seats(1, -100, arrived=-20, of=name)
        for name, text in RULES.items():
            world.rule(text, name)
        world.sweep(0)
        world.seen = 0
        for number, (day, rows) in enumerate(given):
            world.come(day, **rows)
            look(world, day + MINUTE, number)
        world.sweep(given[-1][0] + 2 * MINUTE)
        told = sorted((notice.alert_id, notice.kind) for notice in world.told if not notice.quiet)
        names = dict(Episode.objects.values_list("id", "rule"))
        kinds = sorted((names[int(own)], kind) for own, kind in told)
        fields = ("rule", "subject_id", "key", "opened_at", "closed_at", "close_reason", "state", "count", "inhibited_by")
        # Alerts of rows are closed by sweeps alone: when that is, hangs on when they are.
        by_row = {rule.id for rule in world.definitions.rules if rule.trigger.kind != "when"}
        rows_of = Episode.objects.values_list(*fields)
        found = sorted(((*row[:4], None, *row[5:]) if row[0] in by_row else row for row in rows_of), key=repr)
        world.store.close()
        transaction.set_rollback(True)
    return [*found, *kinds]


def sweeps(world: World, day: float, number: int) -> None:
    """Somebody who sweeps each time."""
    del number
    world.sweep(day)


def pulses(r: Random) -> Callable[[World, float, int], None]:
    """Somebody who looks at what has arrived, at the rows and then at the conditions, and sweeps now and then beside."""
    beside = {number for number in range(9) if r.random() < 0.3}

    def look(world: World, day: float, number: int) -> None:
        world.rows(day)
        world.states(day)
        if number in beside:
            world.sweep(day)

    return look


@pytest.mark.long
@pytest.mark.django_db
def test_pulses_tell_what_sweeps_would() -> None:
    rules: set[str] = set()
    first = int(os.environ.get("TOCSIN_SEED", "0"))
    for seed in range(first, first + (THOROUGH or 3)):
        r = Random(seed)
        given = batches(r)
        swept, pulsed = live(given, sweeps), live(given, pulses(r))
        assert pulsed == swept, f"seed {seed}"
        rules |= {row[0] for row in swept}
    assert rules == set(RULES)
