"""A sweep explains what it opens, and not what runs already."""

from __future__ import annotations

from typing import Any

import pytest

from tests.apps.world import World, at, world
from tocsin.alerts.models import AccountSnapshot
from tocsin.core import messages

__all__ = ["world"]


def test_only_new_alerts_are_explained(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    world.rule("when: seats < 10")
    world.sweep(0)
    world.seats(5, 0.5)
    said: list[str] = []
    render = messages.render

    def counted(*given: Any, **more: Any) -> str:
        said.append(render(*given, **more))
        return said[-1]

    monkeypatch.setattr(messages, "render", counted)
    assert world.sweep(1).opened == 1
    assert said == ["Acme: R"]
    assert world.sweep(2).kept == 1
    world.states(2.5)
    world.seats(6, 2.6, of="bolt")
    assert world.sweep(3).opened == 1
    assert said == ["Acme: R", "Bolt: R"]


def test_a_card_is_as_of_the_latest_sweep_and_says_what_has_changed(world: World) -> None:
    world.rule("when: seats < 10")
    world.sweep(0)
    world.seats(5, 0.5)
    world.seats(6, 0.5, of="bolt")
    world.sweep(1)
    world.come(1.5, account_history=[{"account_id": "acme", "field": "mrr", "value": 7, "at": at(1.5)}])
    world.sweep(2)
    cards = AccountSnapshot.objects.order_by("id").values_list("id", "mrr", "as_of")
    assert list(cards) == [("acme", 7.0, at(2)), ("bolt", None, at(2))]
