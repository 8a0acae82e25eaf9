"""Signed links: following one asks, its button acts as its person, and forged, old, used or foreign ones say why not."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.test import Client

from tests.delivery.conftest import ANN, OLGA, START, Town
from tocsin.alerts import facade as alerts
from tocsin.delivery import links
from tocsin.people import facade as people
from tocsin.web import source


@pytest.fixture
def town_now(town: Town, monkeypatch: pytest.MonkeyPatch) -> Town:
    """The pages live in the town's time; an alert is open."""
    monkeypatch.setattr(source, "now", lambda: town.now)
    town.open("usage-drop", "A1")
    return town


def link(town: Town, act: str, email: str = ANN) -> str:
    return links.make(act, town.alert("usage-drop").id, email, moment=town.now)


def test_following_it_asks_and_the_button_acts(town_now: Town) -> None:
    path = link(town_now, "acknowledge")
    asked = Client().get(path)
    assert (asked.status_code, b"Acknowledge?" in asked.content) == (200, True)
    assert town_now.alert("usage-drop").state == "open"
    done = Client().post(path, {"note": "calling them"})
    assert done.status_code == 200
    alert = alerts.alert(town_now.alert("usage-drop").id)
    assert (alert.state, alert.acknowledged_by) == ("acknowledged", ANN)
    assert alert.timeline[-1].reason == "calling them"
    assert b"acknowledged already" in Client().get(path).content, "it is used up"


def test_resolving_asks_what_it_was_worth(town_now: Town) -> None:
    path = link(town_now, "resolve")
    assert b"False alarm" in Client().get(path).content
    Client().post(path, {"outcome": "false_alarm", "note": "a test account"})
    alert = town_now.alert("usage-drop")
    assert (alert.state, alert.outcome, alert.note) == ("closed", "false_alarm", "a test account")


@pytest.mark.parametrize(("act", "days"), [("snooze-day", 1), ("snooze-week", 7)])
def test_snoozing(town_now: Town, act: str, days: int) -> None:
    Client().post(link(town_now, act))
    assert town_now.alert("usage-drop").snoozed_until == town_now.now + timedelta(days=days)


def _forged(path: str) -> str:
    return path[:-3] + ("A" if path[-3] != "A" else "B") + path[-2:]


@pytest.mark.parametrize("how", ["forged", "old", "nonsense", "gone", "viewer"])
def test_links_that_do_nothing(town_now: Town, how: str) -> None:
    path = link(town_now, "acknowledge")
    if how == "forged":
        path = _forged(path)
    elif how == "old":
        town_now.now = START + timedelta(days=15)
    elif how == "nonsense":
        path = "/links/abc/"
    elif how == "gone":
        people.set_active(ANN, False, by=OLGA, moment=town_now.now)
    else:
        people.set_role(ANN, "viewer", by=OLGA, moment=town_now.now)
    for answer in (Client().get(path), Client().post(path)):
        assert answer.status_code == 410
        assert b"no longer works" in answer.content
    assert town_now.alert("usage-drop").state == "open"


def test_a_key_of_another_workspace_signs_nothing(town_now: Town, settings: Any) -> None:
    path = link(town_now, "acknowledge")
    settings.SECRET_KEY = "another"
    assert Client().get(path).status_code == 410
