"""Slack: a fake of its interface over HTTP; the published signature; what is pressed is done as the person who pressed."""

from __future__ import annotations

import json
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import parse_qs, urlencode

import pytest
from django.test import Client

from tests.delivery.channels.conftest import NOW, Receiver, item, notice
from tests.delivery.conftest import ANN, OLGA, START, Town
from tocsin.delivery import facade as delivery
from tocsin.delivery.channels import Channel, PermanentError, SendError, Target, transport_of
from tocsin.delivery.channels.slack.interactions import signature
from tocsin.web import source

SIGNING = "8f742231b10e8888abcd99yyyzzz85a5"
OFFICIAL = (
    b"token=xyzz0WbapA4vBCDEFasx0q6G&team_id=T1DC2JH3J&team_domain=testteamnow&channel_id=G8PSS9T3V&channel_name=foobar"
    b"&user_id=U2CERLKJA&user_name=roadrunner&command=%2Fwebhook-collect&text=&response_url=https%3A%2F%2Fhooks.slack.com"
    b"%2Fcommands%2FT1DC2JH3J%2F397700885554%2F96rGlfmibIGlgcZRskXaIFfN&trigger_id=398738663015.47445629121"
    b".803a0bc887a14d10d2c447fce8b6703c"
)


def test_the_published_example() -> None:
    expected = "v0=a2114d57b48eac39b9ad189dd8316235a7b4a8d21a10bd27519666489c69b503"
    assert signature(SIGNING, "1531420618", OFFICIAL) == expected


def slack_at(receiver: Receiver) -> Channel:
    secret = json.dumps({"token": "xoxb-1", "signing_secret": SIGNING})
    return Channel("war-room", "slack", {"channel": "C1", "api": f"{receiver.url}/api/"}, secret)


def test_a_message_with_buttons_is_changed_in_place_by_the_next(receiver: Receiver, loopback: None) -> None:
    receiver.says_json(ok=True, channel="C1", ts="17.1")
    receipt = transport_of("slack").send(slack_at(receiver), Target("d1"), notice(), NOW)
    path, headers, body = receiver.got[0]
    assert path.endswith("chat.postMessage")
    assert headers["authorization"] == "Bearer xoxb-1"
    assert {"acknowledge", "resolve"} <= set(_actions(body))
    later = Target("d2", conversation={"1": receipt.data})
    transport_of("slack").send(slack_at(receiver), later, notice(item(1, kind="closed", state="closed")), NOW)
    assert any(path.endswith("chat.update") for path, _, _ in receiver.got[1:])


@pytest.mark.parametrize(
    ("error", "permanent", "disables"),
    [("invalid_auth", True, True), ("channel_not_found", True, False), ("internal_error", False, False)],
)
def test_what_slack_refuses(receiver: Receiver, loopback: None, error: str, permanent: bool, disables: bool) -> None:
    receiver.says_json(ok=False, error=error)
    with pytest.raises(SendError) as caught:
        transport_of("slack").send(slack_at(receiver), Target("d1"), notice(), NOW)
    assert isinstance(caught.value, PermanentError) == permanent
    assert getattr(caught.value, "disable", False) == disables
    assert "xoxb" not in str(caught.value)


def test_slack_asks_for_time(receiver: Receiver, loopback: None) -> None:
    receiver.says(429, b"{}", Retry_After="30", Content_Type="application/json")
    with pytest.raises(SendError) as caught:
        transport_of("slack").send(slack_at(receiver), Target("d1"), notice(), NOW)
    assert caught.value.retry_after == timedelta(seconds=30)


@pytest.fixture
def pressing(town: Town, receiver: Receiver, loopback: None, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Press a button in Slack as somebody; gives the answer of the product."""
    config = {"token": "xoxb-1", "channel": "C1", "signing_secret": SIGNING, "api": f"{receiver.url}/api/"}
    delivery.create_channel("slack", "war-room", config, by=OLGA, moment=START)
    town.open("usage-drop", "A1")
    monkeypatch.setattr(source, "now", lambda: town.now)

    def press(act: str, email: str, *, at: datetime | None = None, secret: str = SIGNING, alert: str = "") -> Any:
        receiver.says_json(
            ok=True, user={"id": "U1", "profile": {"email": email}, "is_email_confirmed": True}, ts="1", channel="C1"
        )
        value = alert or town.alert("usage-drop").id
        action: dict[str, Any] = {"action_id": act, "value": value}
        if act == "resolve":
            action["selected_option"] = {"value": f"{value} useful"}
        payload: dict[str, Any] = {
            "type": "block_actions",
            "user": {"id": "U1"},
            "container": {"channel_id": "C1", "message_ts": "17.1"},
        }
        payload |= {"message": {"blocks": []}, "actions": [action]}
        body = urlencode({"payload": json.dumps(payload)}).encode()
        stamp = str(int((at or town.now).timestamp()))
        headers = {"X-Slack-Request-Timestamp": stamp, "X-Slack-Signature": signature(secret, stamp, body)}
        return Client().post(
            "/hooks/slack/interactions/war-room", body, content_type="application/x-www-form-urlencoded", headers=headers
        )

    return press


def test_what_is_pressed_is_done_as_that_person(town: Town, pressing: Any) -> None:
    assert pressing("acknowledge", ANN).status_code == 200
    assert (town.alert("usage-drop").state, town.alert("usage-drop").acknowledged_by) == ("acknowledged", ANN)
    assert pressing("resolve", ANN).status_code == 200
    assert (town.alert("usage-drop").state, town.alert("usage-drop").outcome) == ("closed", "useful")


def test_strangers_do_nothing(town: Town, pressing: Any) -> None:
    assert pressing("acknowledge", "eve@evil.io").status_code == 200, "Slack is answered; the person is told"
    assert town.alert("usage-drop").state == "open"


def test_forged_or_old_requests_are_refused(town: Town, pressing: Any) -> None:
    assert pressing("acknowledge", ANN, secret="another").status_code == 401
    assert pressing("acknowledge", ANN, at=town.now - timedelta(minutes=6)).status_code == 401
    assert pressing("acknowledge", ANN, at=town.now + timedelta(minutes=6)).status_code == 401
    assert Client().post("/hooks/slack/interactions/nowhere").status_code == 404
    assert town.alert("usage-drop").state == "open"


def _actions(body: bytes) -> list[str]:
    """The buttons of a message, whether it was sent as a form or as JSON."""
    blocks: Any = parse_qs(body.decode()).get("blocks", [""])[0] or json.loads(body)["blocks"]
    blocks = json.loads(blocks) if isinstance(blocks, str) else blocks
    return [each["action_id"] for block in blocks for each in block.get("elements", ()) if "action_id" in each]
