"""The set-up of channels: what is kept and how, who changed it, and trying one."""

from __future__ import annotations

from typing import Any

import pytest

from tests.delivery.channels.conftest import NOW, Receiver, loopback, receiver
from tocsin.alerts import facade as alerts
from tocsin.core.errors import UserError
from tocsin.core.made import Made
from tocsin.core.rulefiles import read_rules
from tocsin.delivery import channelbook
from tocsin.delivery import facade as delivery
from tocsin.delivery.channels import PermanentError
from tocsin.delivery.models import Channel as Row
from tocsin.people import facade as people

Hook = Made[delivery.ChannelInfo]

__all__ = ["loopback", "receiver"]
WHO: dict[str, Any] = {"by": "olga@x.io", "moment": NOW}


@pytest.fixture
def hook(db: None, receiver: Receiver, loopback: None) -> Hook:
    """A webhook to the receiver."""
    return delivery.create_channel("webhook", "ops", {"url": f"{receiver.url}/in"}, **WHO)


def test_a_secret_is_shown_once_and_kept_sealed(hook: Hook, settings: Any) -> None:
    row = Row.objects.get(name="ops")
    assert hook.secret.startswith("whsec_")
    assert hook.secret not in row.secret
    assert channelbook.channel_named("ops").secret == hook.secret
    assert hook.secret not in f"{hook}{delivery.list_channels()}{channelbook.channel_named('ops')}{delivery.changes()}"
    settings.SECRET_KEY = "another key of the workspace"
    with pytest.raises(PermanentError, match="key has changed"):
        channelbook.channel_named("ops")


def test_changing_settings_keeps_the_secret_unless_a_new_one_is_asked_for(hook: Hook, receiver: Receiver) -> None:
    changed = delivery.update_channel("ops", {"url": f"{receiver.url}/other"}, **WHO)
    assert (changed.secret, channelbook.channel_named("ops").secret) == ("", hook.secret)
    assert channelbook.channel_named("ops").config["url"].endswith("/other")
    fresh = delivery.update_channel("ops", {}, secret="", **WHO)
    assert fresh.secret.startswith("whsec_")
    assert fresh.secret != hook.secret
    assert channelbook.channel_named("ops").secret == fresh.secret


def test_tokens_of_slack_are_no_settings(db: None) -> None:
    given = {"token": "xoxb-hush", "signing_secret": "hush", "channel": "C1"}
    made = delivery.create_channel("slack", "cs", given, **WHO)
    assert (dict(made.what.config), made.secret) == ({"channel": "C1"}, "")
    assert "hush" not in f"{delivery.changes()}{Row.objects.get(name='cs').secret}"
    delivery.update_channel("cs", {"channel": "C2"}, **WHO)
    assert "xoxb-hush" in channelbook.channel_named("cs").secret


def test_every_change_is_written_down(hook: Hook, receiver: Receiver) -> None:
    delivery.disable_channel("ops", reason="too loud", **WHO)
    with pytest.raises(PermanentError, match="is off: too loud"):
        channelbook.channel_named("ops")
    delivery.enable_channel("ops", **WHO)
    delivery.test_channel("ops", to="", **WHO)
    delivery.remove_channel("ops", **WHO)
    found = [(each.act, each.what, each.by) for each in reversed(delivery.changes())]
    acts = ("created", "disabled", "enabled", "tested", "removed")
    assert found == [(act, "channel ops", "olga@x.io") for act in acts]


def test_what_is_named_by_a_rule_stays(hook: Hook) -> None:
    text = "rules:\n  - {id: loud, name: Loud, category: risk, when: mrr < 10, notify: ['channel:ops']}\n"
    definitions, problems = read_rules([("rules.yaml", text)])
    assert not problems
    alerts.publish_rules(definitions, by="test", moment=NOW)
    with pytest.raises(UserError, match="named by the rule loud"):
        delivery.remove_channel("ops", **WHO)


def test_what_is_always_there(db: None, settings: Any) -> None:
    settings.TOCSIN_SMTP_URL = ""
    delivery.ensure_channels(NOW)
    assert {each.name: bool(each.disabled_reason) for each in delivery.list_channels()} == {"email": True, "in-app": False}
    with pytest.raises(UserError, match="TOCSIN_SMTP_URL"):
        delivery.enable_channel("email", **WHO)
    settings.TOCSIN_SMTP_URL = "smtp://mail.example"
    delivery.ensure_channels(NOW)
    assert not delivery.channel_info("email").disabled_reason
    delivery.disable_channel("email", **WHO)  # what a person switched off stays off
    delivery.ensure_channels(NOW)
    assert delivery.channel_info("email").disabled_reason
    for name in ("email", "in-app"):
        with pytest.raises(UserError, match="always there"):
            delivery.remove_channel(name, **WHO)


@pytest.mark.parametrize(
    ("kind", "name", "config", "why"),
    [
        ("webhok", "x", {}, "did you mean 'webhook'"),
        ("webhook", "Not a name", {"url": "https://x.example"}, "no name of a channel"),
        ("webhook", "x", {}, "--url"),
        ("webhook", "x", {"url": "https://x.example", "colour": "red"}, "no setting 'colour'"),
        ("webhook", "ops", {"url": "https://x.example"}, "already"),
        ("slack", "x", {"channel": "C1"}, "token"),
        ("in-app", "x", {}, "one only"),
    ],
)
def test_what_cannot_be_set_up(hook: Hook, kind: str, name: str, config: dict[str, str], why: str) -> None:
    with pytest.raises(UserError, match=why):
        delivery.create_channel(kind, name, config, **WHO)


def test_trying_tells_what_became_of_it(hook: Hook, receiver: Receiver) -> None:
    assert delivery.test_channel("ops", to="", **WHO).ok
    receiver.says(500)
    tried = delivery.test_channel("ops", to="", **WHO)
    assert (tried.ok, tried.words) == (False, "the receiver answered 500")
    assert len(receiver.got) == 2  # it is not tried again


def test_trying_in_the_product_is_shown_there(db: None) -> None:
    people.create_user("ann@x.io", "Ann", "csm", moment=NOW)
    delivery.ensure_channels(NOW)
    assert delivery.test_channel("in-app", to="Ann@x.io", **WHO).ok
    assert delivery.unseen("ann@x.io") == 1
    with pytest.raises(UserError, match="--to"):
        delivery.test_channel("in-app", to="", **WHO)
