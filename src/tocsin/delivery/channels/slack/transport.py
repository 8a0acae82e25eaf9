"""Slack: to a channel or to a person, with buttons; a later message about an alert changes the first one in place."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, ClassVar

from tocsin.core.errors import UserError
from tocsin.delivery.channels import http, wording
from tocsin.delivery.channels.base import TIMEOUT, Channel, PermanentError, Receipt, SendError, Target, refuse_unknown
from tocsin.delivery.channels.networks import ForbiddenError, check_host
from tocsin.delivery.channels.slack.api import UNCHANGEABLE, RefusedError, Slack
from tocsin.delivery.channels.slack.blocks import blocks_of, escaped, fallback
from tocsin.delivery.message import Item, Message

SECRETS = ("token", "signing_secret", "url")


class SlackChannel:
    """A Slack app by its bot token, or an incoming webhook."""

    kind: ClassVar[str] = "slack"
    title: ClassVar[str] = "Slack"
    personal: ClassVar[bool] = True
    shows_secret: ClassVar[bool] = False

    def check(self, config: Mapping[str, Any], secret: str) -> tuple[dict[str, Any], str]:
        """The settings token (xoxb-...) and channel, signing_secret for buttons; or url of an incoming webhook; api: its root.

        What is secret is kept in the secret, as JSON.
        """
        refuse_unknown(config, (*SECRETS, "channel", "api"), self.kind)
        known = secrets_of(secret)
        secrets = {name: str(config.get(name) or known.get(name) or "").strip() for name in SECRETS}
        if config.get("url"):
            secrets["token"] = str(config.get("token") or "").strip()
        elif config.get("token"):
            secrets["url"] = ""
        if bool(secrets["token"]) == bool(secrets["url"]):
            raise UserError("Slack needs either --set token=xoxb-... (and channel=C...), or --url of an incoming webhook")
        for url in (secrets["url"], str(config.get("api") or "")):
            if url:
                place = http.place_of(url)
                try:
                    check_host(place.host, place.port)
                except ForbiddenError as error:
                    raise UserError(str(error)) from error
        kept = {name: str(config[name]).strip() for name in ("channel", "api") if config.get(name)}
        return kept, json.dumps({name: value for name, value in secrets.items() if value}, sort_keys=True)

    def send(self, channel: Channel, target: Target, message: Message, moment: datetime) -> Receipt:
        """Write the message, or change and answer the ones that told of these alerts before."""
        known = secrets_of(channel.secret)
        if known.get("url"):
            return _by_webhook(known["url"], target, message, moment)
        slack = Slack(known.get("token", ""), str(channel.config.get("api") or ""), TIMEOUT / 3)
        buttons = bool(known.get("signing_secret"))
        places, fresh = _follow_up(slack, target, message, buttons=buttons)
        if fresh or not message.items:
            place = slack.post(
                _whereto(slack, channel, target),
                fallback(message, fresh),
                blocks_of(message, fresh, buttons=buttons),
                metadata={"event_type": "tocsin_delivery", "event_payload": {"delivery_id": target.delivery_id}},
            )
            alone = len(fresh) == 1
            places |= {item.alert_id: {"channel": place[0], "ts": place[1], "alone": alone} for item in fresh}
        return Receipt({"places": places}, "written in Slack")


def secrets_of(secret: str) -> dict[str, str]:
    """token, signing_secret, url, as far as they are set."""
    try:
        found = json.loads(secret) if secret else {}
    except ValueError:
        return {}
    return {str(key): str(value) for key, value in found.items()} if isinstance(found, dict) else {}


def _follow_up(
    slack: Slack, target: Target, message: Message, *, buttons: bool
) -> tuple[dict[str, dict[str, Any]], list[Item]]:
    """Where the alerts that were told before stand, changed and answered there; and the items that are still to be written."""
    places: dict[str, dict[str, Any]] = {}
    fresh: list[Item] = []
    for item in message.items:
        place = _known(target, item)
        if place is None or message.kind != "notice":
            fresh.append(item)
            continue
        try:
            if place.get("alone"):
                slack.update(
                    place["channel"], place["ts"], fallback(message, [item]), blocks_of(message, [item], buttons=buttons)
                )
            # A changed message rings nobody's bell; an answer to it does.
            answer = f"{escaped(wording.name_of(item))}: {wording.change_of(item) or 'told again'}"
            answer += f" - {escaped(item.reason)}" if item.reason else ""
            slack.post(place["channel"], answer, [], thread_ts=place["ts"])
        except RefusedError as error:
            if error.code not in UNCHANGEABLE:
                raise
            fresh.append(item)
        else:
            places[item.alert_id] = place
    return places, fresh


def _known(target: Target, item: Item) -> dict[str, Any] | None:
    """Where an alert stands in Slack since it was told."""
    places = (target.conversation.get(item.alert_id) or {}).get("places") or {}
    place = places.get(item.alert_id)
    return dict(place) if place and place.get("channel") and place.get("ts") else None


def _whereto(slack: Slack, channel: Channel, target: Target) -> str:
    if target.email:
        return slack.user_by_email(target.email)
    name = str(channel.config.get("channel") or "")
    if not name:
        raise PermanentError(
            f"it goes to a person, or to the Slack channel that the setting `channel` of {channel.name} names; neither is given"
        )
    return name


def _by_webhook(url: str, target: Target, message: Message, moment: datetime) -> Receipt:
    if target.email:
        raise PermanentError("an incoming webhook of Slack writes to its own channel, not to people; set a token for that")
    items: Sequence[Item] = message.items
    body = json.dumps({"text": fallback(message, items), "blocks": blocks_of(message, items, buttons=False)}).encode()
    answer = http.post(url, body, {"Content-Type": "application/json", "User-Agent": "Tocsin"}, TIMEOUT / 2)
    gone = answer.status in (403, 404) and answer.text.strip() in (
        "no_service",
        "no_team",
        "invalid_token",
        "action_prohibited",
    )
    if gone:
        raise PermanentError(f"Slack has taken this webhook back ({answer.text.strip()}); make a new one", disable=True)
    error: SendError | None = http.refused(answer, moment, "Slack")
    if error is not None:
        raise error
    return Receipt(note="written in Slack")


TRANSPORT = SlackChannel()
