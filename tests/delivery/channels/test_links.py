"""Signed links: following one asks, its button acts as its person, and forged, old, used or foreign ones say why not."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

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
    for used in (Client().get(path), Client().post(path)):
        assert b"Nothing left to do" in used.content
        assert b"This alert is acknowledged already, by Ann." in used.content, "it is used up"


def test_resolving_asks_what_it_was_worth(town_now: Town) -> None:
    path = link(town_now, "resolve")
    assert b"False alarm" in Client().get(path).content
    Client().post(path, {"outcome": "false_alarm", "note": "a test account"})
    alert = town_now.alert("usage-drop")
    assert (alert.state, alert.outcome, alert.note) == ("closed", "false_alarm", "a test account")
    assert b"This alert is resolved already, by Ann." in Client().post(path, {"outcome": "useful"}).content
    assert town_now.alert("usage-drop").outcome == "false_alarm"


def test_what_cleared_by_itself_says_so(town_now: Town) -> None:
    path = link(town_now, "acknowledge")
    town_now.close("usage-drop", "A1")
    assert b"This alert has cleared by itself." in Client().get(path).content


@pytest.mark.parametrize("act", ["acknowledge", "snooze-day", "snooze-week", "resolve"])
def test_programs_that_follow_it_change_nothing(town_now: Town, act: str) -> None:
    path, scanner = link(town_now, act), Client()
    with CaptureQueriesContext(connection) as asked:
        for _ in range(3):
            for answer in (scanner.get(path), scanner.head(path), scanner.options(path)):
                assert answer.status_code in (200, 405)
                assert not answer.cookies, "nor is anything kept in whoever follows it"
    assert {each["sql"].split()[0] for each in asked} == {"SELECT"}
    assert town_now.alert("usage-drop").state == "open"


def test_it_needs_neither_a_session_nor_cookies(town_now: Town) -> None:
    path = link(town_now, "acknowledge")
    assert Client(enforce_csrf_checks=True).post(path).status_code == 200
    assert town_now.alert("usage-drop").acknowledged_by == ANN
    again = Client(enforce_csrf_checks=True)
    assert again.get("/alerts/").status_code == 302, "it signs nobody in"


def test_it_shows_what_there_is_to_decide_on(town_now: Town) -> None:
    shown = Client().get(link(town_now, "snooze-day")).content.decode()
    assert "MRR is below 10" in shown
    assert "7.5" in shown
    assert "You act as Ann." in shown
    assert "Silent until" in shown


@pytest.mark.parametrize(("act", "days"), [("snooze-day", 1), ("snooze-week", 7)])
def test_snoozing(town_now: Town, act: str, days: int) -> None:
    Client().post(link(town_now, act))
    assert town_now.alert("usage-drop").snoozed_until == town_now.now + timedelta(days=days)


def _forged(path: str) -> str:
    return path[:-3] + ("A" if path[-3] != "A" else "B") + path[-2:]


@pytest.mark.parametrize(
    ("how", "said"),
    [
        ("forged", b"This link is not valid"),
        ("old", b"This link has expired"),
        ("nonsense", b"This link is not valid"),
        ("gone", b"This link no longer works for you"),
        ("viewer", b"This link no longer works for you"),
    ],
)
def test_links_that_do_nothing(town_now: Town, how: str, said: bytes) -> None:
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
        assert said in answer.content
        assert b"Nothing was changed." in answer.content
    assert town_now.alert("usage-drop").state == "open"


def test_a_key_of_another_workspace_signs_nothing(town_now: Town, settings: Any) -> None:
    path = link(town_now, "acknowledge")
    settings.SECRET_KEY = "another"
    assert Client().get(path).status_code == 410
