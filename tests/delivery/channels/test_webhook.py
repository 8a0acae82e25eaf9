"""Webhooks: what is sent verifies by the reference library; every way of failing means what it should."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import pytest
from standardwebhooks.webhooks import Webhook as Reference

from tests.delivery.channels.conftest import NOW, Receiver, item, notice
from tocsin.core.errors import UserError
from tocsin.delivery.channels import Channel, PermanentError, SendError, Target, transport_of
from tocsin.delivery.channels.webhook import transport as webhook
from tocsin.delivery.channels.webhook.transport import make_secret, signed

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
TARGET = Target("3f2c")


@pytest.fixture(autouse=True)
def nothing_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    """No test knows what another one has sent."""
    monkeypatch.setattr(webhook, "_taken", webhook._Taken())


def channel(receiver: Receiver, secret: str = SECRET) -> Channel:
    return Channel("hook", "webhook", {"url": f"{receiver.url}/in"}, secret)


def send(receiver: Receiver, **more: Any) -> None:
    transport_of("webhook").send(channel(receiver), TARGET, notice(**more), NOW)


def test_the_published_answer() -> None:
    at = NOW.fromtimestamp(1614265330, NOW.tzinfo)
    headers = signed(SECRET, "msg_p5jXN8AQM9LWM0D4loKWxJek", b'{"test": 2432232314}', at)
    assert headers["webhook-signature"] == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


def test_what_is_sent_verifies_by_the_reference(receiver: Receiver, loopback: None, monkeypatch: pytest.MonkeyPatch) -> None:
    secret = make_secret()
    transport_of("webhook").send(channel(receiver, secret), TARGET, notice(item(1), item(2, kind="closed")), NOW)
    monkeypatch.setattr("standardwebhooks.webhooks.Webhook._Webhook__verify_timestamp", lambda _self, _stamp: NOW)
    bodies = [Reference(secret).verify(body, headers) for _, headers, body in receiver.got]
    assert [each["type"] for each in bodies] == ["alert.opened", "alert.closed"]
    data = bodies[0]["data"]
    assert (data["rule"], data["account_id"], data["event_id"]) == ("usage-drop", "A1", "evt-1")
    assert data["url"] == "https://tocsin.example/alerts/1/"
    assert data["evidence"][0]["value"] == "-42%"


def test_the_id_is_the_same_on_every_attempt_and_another_for_every_alert(receiver: Receiver, loopback: None) -> None:
    for _ in range(2):
        send(receiver)
    transport_of("webhook").send(channel(receiver), TARGET, notice(item(2)), NOW)
    first, again, other = (headers["webhook-id"] for _, headers, _ in receiver.got)
    assert first == again != other


def test_what_was_taken_of_several_is_not_sent_again(receiver: Receiver, loopback: None) -> None:
    message = notice(item(11, notice_id="x11"), item(12, notice_id="x12"))

    def second_fails(handler: Any, body: bytes) -> None:
        status = 500 if json.loads(body)["data"]["id"] == "12" and len(receiver.got) < 3 else 204
        handler.send_response(status)
        handler.end_headers()

    receiver.answer = second_fails
    with pytest.raises(SendError):
        transport_of("webhook").send(channel(receiver), Target("partly"), message, NOW)
    transport_of("webhook").send(channel(receiver), Target("partly"), message, NOW)
    assert [json.loads(body)["data"]["id"] for _, _, body in receiver.got] == ["11", "12", "12"]


@pytest.mark.parametrize(
    ("status", "headers", "permanent", "disables", "waits"),
    [
        (500, {}, False, False, None),
        (503, {"Retry-After": "120"}, False, False, timedelta(minutes=2)),
        (429, {"Retry-After": "Thu, 12 Mar 2026 10:12:00 GMT"}, False, False, timedelta(hours=1)),
        (429, {}, False, False, None),
        (408, {}, False, False, None),
        (400, {}, True, False, None),
        (404, {}, True, False, None),
        (410, {}, True, True, None),
        (302, {"Location": "http://169.254.169.254/"}, True, False, None),
    ],
)
def test_what_an_answer_means(
    receiver: Receiver, loopback: None, status: int, headers: dict[str, str], permanent: bool, disables: bool, waits: Any
) -> None:
    receiver.says(status, b"no", **{name.replace("-", "_"): value for name, value in headers.items()})
    with pytest.raises(SendError) as caught:
        send(receiver)
    error = caught.value
    assert isinstance(error, PermanentError) == permanent
    assert getattr(error, "disable", False) == disables
    assert error.retry_after == waits
    assert str(status) in str(error)
    assert len(receiver.got) == 1, "no redirect is followed"


@pytest.mark.parametrize("how", ["hangs", "resets", "babbles", "floods"])
def test_receivers_that_break(receiver: Receiver, loopback: None, how: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(webhook, "LONGEST_ANSWER", 1.0)
    getattr(receiver, how)()
    if how == "floods":
        send(receiver)  # it said 200; the rest is not read
        return
    with pytest.raises(SendError) as caught:
        send(receiver)
    assert not isinstance(caught.value, PermanentError)
    assert SECRET not in str(caught.value)


@pytest.mark.parametrize(
    "url",
    [
        "http://127.0.0.1/x", "http://localhost/x", "http://[::1]/x", "http://10.0.0.8/x", "http://169.254.169.254/latest",
        "http://192.168.1.1/x", "http://0.0.0.0/x", "http://[::ffff:127.0.0.1]/x", "http://2130706433/x", "http://0x7f.1/x",
    ],
)  # fmt: skip
def test_private_addresses_are_refused(url: str) -> None:
    with pytest.raises(UserError, match=r"private address|no address|cannot be found|not"):
        transport_of("webhook").check({"url": url}, "")
    with pytest.raises(PermanentError):
        transport_of("webhook").send(Channel("hook", "webhook", {"url": url}, SECRET), TARGET, notice(), NOW)


@pytest.mark.parametrize("url", ["", "ftp://x.io/", "file:///etc/passwd", "http://", "http://user:pw@x.io\r\nX: y/"])
def test_addresses_that_are_none(url: str) -> None:
    with pytest.raises(UserError):
        transport_of("webhook").check({"url": url}, "")


def test_nobody_listening_is_a_failure_for_now(loopback: None) -> None:
    with pytest.raises(SendError) as caught:
        transport_of("webhook").send(Channel("hook", "webhook", {"url": "http://127.0.0.1:9/"}, SECRET), TARGET, notice(), NOW)
    assert not isinstance(caught.value, PermanentError)
