"""Whatever comes to the door of Slack's presses is answered, and nonsense changes nothing, signed or not."""

from __future__ import annotations

import json
import threading
from typing import Any
from urllib.parse import quote, urlencode

import pytest
from django.test import Client
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.delivery.channels.conftest import Receiver
from tests.delivery.channels.test_slack import SIGNING
from tests.delivery.conftest import ANN, OLGA, START, Town
from tests.ingest.hooks.helpers import HOSTILE, changed, places
from tests.ingest.test_doors_fuzzed import json_values
from tocsin.alerts import facade as alerts
from tocsin.delivery import facade as delivery
from tocsin.delivery.acting import ACTS
from tocsin.delivery.channels.slack.interactions import signature
from tocsin.web import source
from tocsin.web.views.links import LONGEST_BODY

PATH = "/hooks/slack/interactions/war-room"
FEW = settings(max_examples=30, deadline=None, suppress_health_check=list(HealthCheck))
cells = st.sampled_from([*HOSTILE, "\ud800"]) | json_values
blocks = st.lists(
    st.fixed_dictionaries({"type": cells}, optional={"block_id": cells, "elements": cells, "text": cells}) | cells, max_size=3
)


@pytest.fixture
def door(town: Town, receiver: Receiver, loopback: None, monkeypatch: pytest.MonkeyPatch) -> Town:
    """The door of a channel, and an alert that stands open."""
    config = {"token": "xoxb-1", "channel": "C1", "signing_secret": SIGNING, "api": f"{receiver.url}/api/"}
    delivery.create_channel("slack", "war-room", config, by=OLGA, moment=START)
    town.open("usage-drop", "A1")
    monkeypatch.setattr(source, "now", lambda: town.now)
    return town


def known_as(receiver: Receiver, email: Any) -> None:
    """Slack says so of whoever pressed, and takes every other call."""
    receiver.says_json(
        ok=True, user={"id": "U1", "profile": {"email": email}, "is_email_confirmed": True}, ts="1", channel="C1"
    )


def payload(act: Any, value: Any, **more: Any) -> dict[str, Any]:
    """A press as Slack tells it."""
    action = {"action_id": act, "value": value, "selected_option": {"value": f"{value} useful"}}
    held = {"type": "block_actions", "user": {"id": "U1"}, "container": {"channel_id": "C1", "message_ts": "17.1"}}
    return {**held, "message": {"blocks": [{"type": "section", "block_id": f"alert {value}"}]}, "actions": [action], **more}


def press(town: Town, body: bytes, path: str = PATH, **headers: str) -> Any:
    """Post a body, signed unless the headers say otherwise; gives the answer once all that follows it has ended."""
    stamp = str(int(town.now.timestamp()))
    signed = {"X-Slack-Request-Timestamp": stamp, "X-Slack-Signature": signature(SIGNING, stamp, body)}
    answer = Client().post(path, body, content_type="application/x-www-form-urlencoded", headers=signed | headers)
    for each in threading.enumerate():
        if each.name == "slack":
            each.join(10)
    return answer


def form(value: Any) -> bytes:
    """A payload as it is sent."""
    return urlencode({"payload": json.dumps(value)}).encode()


def stands(town: Town) -> Any:
    """All that is known of the alert."""
    return alerts.alert(town.alert("usage-drop").id)


def spoilt(value: Any) -> st.SearchStrategy[Any]:
    """A payload in which one or two values are something else."""
    one = st.tuples(st.sampled_from(places(value)), cells)

    def put(held: Any, at: tuple[Any, Any]) -> Any:
        path, other = at
        try:
            return changed(held, path, lambda holder, key: holder.__setitem__(key, other))
        except (KeyError, IndexError, TypeError, AttributeError):  # what it would go into is gone
            return held

    return st.lists(one, min_size=1, max_size=2).map(lambda given: put(put(value, given[0]), given[-1]))


@FEW
@given(data=st.data())
def test_signed_bodies_of_strangers_change_nothing(door: Town, receiver: Receiver, data: st.DataObject) -> None:
    before = stands(door)
    known_as(receiver, data.draw(st.sampled_from(["eve@evil.io", "", None, 5, ["x"], {}, "\0", "x" * 5_000])))
    wanted = payload(data.draw(st.sampled_from(list(ACTS))), before.id)
    told = data.draw(
        spoilt(wanted) | cells | st.builds(payload, cells, cells, message=st.fixed_dictionaries({"blocks": blocks | cells}))
    )
    body = data.draw(
        st.sampled_from(
            [
                form(told),
                form(told)[:-7],
                json.dumps(told).encode(),
                b"payload=" + b"[" * 100_000,
                b"payload=%FF%00",
                b"\xff\xfe",
                b"",
                b"&" * 5_000,
                b"payload=" + b"9" * 5_000,
                b"x" * (LONGEST_BODY + 1),
            ]
        )
        | st.binary(max_size=60)
    )
    answer = press(door, body)
    assert answer.status_code in (200, 400, 413)
    _one_sentence(answer)
    assert stands(door) == before


@FEW
@given(data=st.data())
def test_presses_that_name_no_alert_or_act_change_nothing(door: Town, receiver: Receiver, data: st.DataObject) -> None:
    before = stands(door)
    known_as(receiver, ANN)
    other = data.draw(cells.filter(lambda value: str(value or "").split(" ")[0] != before.id))
    act = data.draw(st.sampled_from(list(ACTS)))
    wrong = data.draw(cells.filter(lambda value: str(value or "") not in ACTS))
    for told in (payload(act, other), payload(wrong, before.id), payload(wrong, other)):
        assert press(door, form({**told, "message": {"blocks": data.draw(blocks)}})).status_code in (200, 400)
    assert stands(door) == before


@FEW
@given(data=st.data())
def test_unsigned_presses_are_refused(door: Town, receiver: Receiver, data: st.DataObject) -> None:
    before = stands(door)
    known_as(receiver, ANN)
    body = form(payload("acknowledge", before.id))
    odd = st.sampled_from(["", "v0=", "v0=é", "\x00", "x" * 70_000, "²", "-1", "9" * 14, "9" * 400, "1e9", "nan"]) | st.text(
        st.characters(max_codepoint=255), max_size=20
    )
    stamp, sign = data.draw(odd), data.draw(odd)
    now = str(int(door.now.timestamp()))
    for headers in (
        {"X-Slack-Signature": sign},
        {"X-Slack-Request-Timestamp": stamp},
        {"X-Slack-Request-Timestamp": stamp, "X-Slack-Signature": sign},
        {"X-Slack-Request-Timestamp": stamp, "X-Slack-Signature": signature(SIGNING, stamp, body)},
    ):
        if headers.get("X-Slack-Request-Timestamp", now) == now and "X-Slack-Signature" not in headers:
            continue
        answer = press(door, body, **headers)
        assert answer.status_code == 401
        _one_sentence(answer)
    name = data.draw(st.text(max_size=8))
    answer = press(door, body, path=f"/hooks/slack/interactions/{quote(name, safe='')}")
    assert answer.status_code == (400 if "\0" in name else 404) or name == "war-room"
    assert stands(door) == before


def _one_sentence(answer: Any) -> None:
    """What is refused says why, on a line of plain text."""
    if answer.status_code == 200:
        return
    assert answer["Content-Type"].startswith("text/plain")
    assert len(answer.content.decode().splitlines()) == 1
