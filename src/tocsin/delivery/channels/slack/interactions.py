"""What people press in Slack: checked that it comes from Slack, done as the person whose e-mail address it is."""

from __future__ import annotations

import hashlib
import hmac
import json
import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import parse_qs

from tocsin.core.errors import UserError
from tocsin.delivery import acting, channelbook
from tocsin.delivery.channels.base import Channel, PermanentError, SendError
from tocsin.delivery.channels.slack.api import Slack
from tocsin.delivery.channels.slack.blocks import OUTCOMES, settled
from tocsin.delivery.channels.slack.transport import secrets_of

WINDOW = 300  # seconds that a request may be old, or ahead
PATIENCE = 2  # seconds that asking Slack who pressed may take: an answer is due within three
log = logging.getLogger("tocsin.delivery")
Later = Callable[[], None]


class ForgedError(Exception):
    """The request does not come from Slack, or not now."""


class UnknownError(Exception):
    """There is no channel of that name that takes presses."""


@dataclass(frozen=True, slots=True)
class Press:
    """One press of a button. place: channel and time stamp of its message; blocks: of that message."""

    act: str
    alert_id: str
    outcome: str
    user: str
    place: tuple[str, str]
    blocks: list[Mapping[str, Any]]


def signature(secret: str, stamp: str, body: bytes) -> str:
    """The signature that Slack gives a request."""
    return "v0=" + hmac.new(secret.encode(), b"v0:" + stamp.encode() + b":" + body, hashlib.sha256).hexdigest()


def verify(secret: str, stamp: str, given: str, body: bytes, moment: datetime) -> None:
    """ForgedError where the signature is not Slack's, or the request is not of these five minutes."""
    if not (stamp.isascii() and stamp.isdigit() and len(stamp) < 15):
        raise ForgedError("no time stamp")
    if not hmac.compare_digest(signature(secret, stamp, body).encode(), given.encode("utf-8", "replace")):
        raise ForgedError("wrong signature")
    if abs(moment.timestamp() - int(stamp)) > WINDOW:
        raise ForgedError("too old, or ahead of its time")


def receive(name: str, stamp: str, given: str, body: bytes, moment: datetime) -> list[Later]:
    """Take a request of Slack's and do what was pressed; gives what is to be told to Slack afterwards, which may take longer.

    UnknownError: no such channel; ForgedError; UserError: it is signed, but not understood.
    """
    try:
        channel = channelbook.channel_named(name)
    except PermanentError as error:
        raise UnknownError(name) from error
    known = secrets_of(channel.secret)
    if channel.kind != "slack" or not known.get("signing_secret"):
        raise UnknownError(name)
    verify(known["signing_secret"], stamp, given, body, moment)
    slack = Slack(known.get("token", ""), str(channel.config.get("api") or ""), PATIENCE)
    return [_do(press, slack, channel, moment) for press in presses(body)]


def presses(body: bytes) -> list[Press]:
    """The presses of a request; none where it is about something else, such as a link. UserError: unreadable."""
    try:
        payload = json.loads(parse_qs(body.decode())["payload"][0])
        if payload.get("type") != "block_actions":
            return []
        place = payload.get("container") or {}
        at = (str(place.get("channel_id") or ""), str(place.get("message_ts") or ""))
        blocks = list((payload.get("message") or {}).get("blocks") or [])
        found = [_press(each, str(payload["user"]["id"]), at, blocks) for each in payload.get("actions") or []]
    except (ValueError, KeyError, IndexError, TypeError, AttributeError, RecursionError) as error:
        raise UserError("the request is none of Slack's interactions") from error
    return [each for each in found if each is not None]


def _press(action: Mapping[str, Any], user: str, place: tuple[str, str], blocks: list[Mapping[str, Any]]) -> Press | None:
    act = str(action.get("action_id") or "")
    if act not in acting.ACTS:
        return None
    chosen = (action.get("selected_option") or {}).get("value") if act == "resolve" else action.get("value")
    alert_id, _, outcome = str(chosen or "").partition(" ")
    return Press(act, alert_id, outcome if outcome in OUTCOMES else "", user, place, blocks)


def _do(press: Press, slack: Slack, channel: Channel, moment: datetime) -> Later:
    where, ts = press.place
    try:
        email = _known_as(slack, press.user)
        done = acting.perform(press.act, press.alert_id, by=email, moment=moment, outcome=press.outcome)
    except (UserError, SendError) as error:
        sentence = str(error)
        text = f"That did not work: {sentence}."
        return _told(channel, lambda: slack.whisper(where, press.user, text))
    blocks = settled(press.blocks, press.alert_id, done.state, over=press.act != "acknowledge")
    return _told(channel, lambda: slack.update(where, ts, done.state, blocks))


def _known_as(slack: Slack, user: str) -> str:
    email = slack.email_of(user)
    if not email:
        raise UserError("Slack does not say by which confirmed e-mail address you are known")
    return email


def _told(channel: Channel, call: Callable[[], None]) -> Later:
    """The call; what was pressed is done already, so its failure is logged and no more."""

    def later() -> None:
        try:
            call()
        except SendError as error:
            log.warning("channel %s: the message could not be brought up to date: %s", channel.name, error)

    return later
