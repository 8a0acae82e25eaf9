"""Services by Apprise, against a receiver on loopback: what is sent, what an answer means, and what is never reached."""

from __future__ import annotations

import logging
import socket
import subprocess
from typing import Any

import pytest

from tests.delivery.channels.conftest import NOW, Receiver, item, notice
from tocsin.core.errors import UserError
from tocsin.delivery.channels import Channel, PermanentError, Receipt, SendError, Target, transport_of
from tocsin.delivery.channels.networks import ForbiddenError, guarded

TARGET = Target("0b9b7e62-0000-4000-8000-000000000001")


def channel(url: str) -> Channel:
    """Set up with that address."""
    config, secret = transport_of("apprise").check({"url": url}, "")
    return Channel("team", "apprise", config, secret)


def send(url: str) -> Receipt:
    """Tell it of one alert."""
    return transport_of("apprise").send(channel(url), TARGET, notice(item()), NOW)


def json_of(receiver: Receiver) -> str:
    """The receiver's address as Apprise names it."""
    return receiver.url.replace("http://", "json://")


def test_a_notice_arrives_whole(receiver: Receiver, loopback: None) -> None:
    assert send(json_of(receiver)).note == "taken by JSON"
    (_, _, body), *more = receiver.got
    assert not more
    for words in (b"Halden Freight", b"at most -30%", b"It clears when", b"https://tocsin.example/alerts/1/", b"Ref. 0b9b7e62"):
        assert words in body


@pytest.mark.parametrize(
    ("status", "kind"),
    [(302, PermanentError), (403, PermanentError), (404, PermanentError), (408, SendError), (429, SendError), (500, SendError)],
)
def test_what_an_answer_means(receiver: Receiver, loopback: None, status: int, kind: type[SendError]) -> None:
    receiver.says(status, Location=f"{receiver.url}/elsewhere")
    with pytest.raises(SendError, match=str(status)) as caught:
        send(json_of(receiver))
    assert type(caught.value) is kind
    assert len(receiver.got) == 1  # a redirect is not followed


def test_a_name_that_leads_to_this_machine_reaches_nothing(
    receiver: Receiver, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.TOCSIN_OUTBOUND_ALLOW = ""
    real, port = socket.getaddrinfo, receiver.url.rpartition(":")[2]

    def rebound(host: str, *args: Any, **more: Any) -> Any:
        return real("127.0.0.1" if host == "public.example" else host, *args, **more)

    monkeypatch.setattr(socket, "getaddrinfo", rebound)
    with pytest.raises(ForbiddenError, match=r"127\.0\.0\.1"):
        send(f"json://public.example:{port}/")
    assert receiver.got == []


@pytest.mark.parametrize(
    ("url", "why"),
    [
        ("dbus://", "this machine itself"),
        ("syslog://", "this machine itself"),
        ("mqtt://host.example/topic", "cannot be kept"),
        ("tgram://123456789:abcdefg_hijklmnop/1?template=/etc/passwd", "names a file"),
        ("json://127.0.0.1/", "private"),
        ("json://localhost:8000/", "private"),
        ("json://[::1]/", "private"),
        ("json://[::ffff:10.0.0.1]/", "private"),
        ("json://169.254.169.254/", "private"),
        ("json://one.example json://two.example", "not one address"),
        ("nonsense", "does not understand"),
        ("file:///etc/passwd", "does not understand"),
        ("", "give the Apprise address"),
    ],
)
def test_what_is_refused_when_it_is_set_up(settings: Any, url: str, why: str) -> None:
    settings.TOCSIN_OUTBOUND_ALLOW = ""
    with pytest.raises(UserError, match=why):
        channel(url)


@pytest.mark.parametrize(
    "url",
    [
        "workflows://host.example:443/workflow1a/signature/",
        "discord://4174216298/JHMHI8qBe7bk2ZwO5U711o3dV_js",
        "tgram://123456789:abcdefg_hijklmnop/12315544/",
        "pagerduty://ikey@akey",
    ],
)
def test_tokens_in_the_place_of_a_host(url: str) -> None:
    made = channel(url)
    assert made.secret == url
    assert url not in str(made.config)


def test_nothing_secret_is_logged(receiver: Receiver, loopback: None, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    receiver.says(500)
    with pytest.raises(SendError) as caught:
        send(json_of(receiver) + "/hush-hush-token")
    assert receiver.got[0][0] == "/hush-hush-token"
    shown = [each for each in caplog.records if each.name.startswith("apprise") and each.levelno >= logging.INFO]
    assert "hush" not in str(caught.value)
    assert "hush" not in " ".join(each.getMessage() for each in shown)


def test_no_program_and_no_local_socket_within_the_guard() -> None:
    with guarded() as refused, pytest.raises(PermissionError):
        subprocess.run(["true"], check=True)
    assert refused == ["a program of this machine"]
    subprocess.run(["true"], check=True)  # outside of it all is as ever
    with socket.socket(socket.AF_UNIX) as line, guarded() as refused, pytest.raises(PermissionError):
        line.connect("nowhere")
    assert refused == ["a socket of this machine"]
