"""The channels of a workspace: set up, changed, switched on and off, tried. Every change is written down with who made it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from django.conf import settings
from django.db import IntegrityError, transaction

from tocsin.alerts import facade as alerts
from tocsin.core.errors import UserError
from tocsin.core.language import suggestion
from tocsin.core.made import Made
from tocsin.delivery import changelog
from tocsin.delivery.builtin import BUILT_IN, NO_SERVER
from tocsin.delivery.channels import Channel, PermanentError, transport_of
from tocsin.delivery.models import Channel as Row
from tocsin.delivery.routebook import current_plan
from tocsin.people import facade as people
from tocsin.people import sealing
from tocsin.people.facade import Preferences

_NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,62}")


@dataclass(frozen=True, slots=True)
class ChannelInfo:
    """A channel as it is set up. config: its settings, without secrets. personal: reaches people by their address.

    disabled_reason: why it is off, '' while it is on. last_error: of the latest attempt that failed.
    """

    id: str
    name: str
    kind: str
    title: str
    config: Mapping[str, Any] = field(hash=False)
    personal: bool
    built_in: bool
    disabled_reason: str
    created_at: datetime
    created_by: str
    last_sent_at: datetime | None
    last_error: str
    last_error_at: datetime | None


def list_channels() -> list[ChannelInfo]:
    """All channels, by name."""
    return [_info(row) for row in Row.objects.all()]


def reaching_people() -> list[str]:
    """The names of the channels that reach one person by their address, whether they are on or off."""
    return sorted({*BUILT_IN, *(row.name for row in Row.objects.all() if transport_of(row.kind).personal)})


def choose_preferences(email: str, chosen: Preferences, *, by: str, moment: datetime) -> Preferences:
    """Choose how a person is told. UserError says which setting is wrong, such as a channel that reaches nobody."""
    return people.set_preferences(email, chosen, channels=reaching_people(), by=by, moment=moment)


def channel_info(name: str) -> ChannelInfo:
    """One channel. UserError where there is none of that name."""
    return _info(_row(name))


def channel_named(name: str) -> Channel:
    """A channel, ready to send by. PermanentError where there is none, where it is off, or where its secret cannot be read."""
    row = None if "\0" in name else Row.objects.filter(name=name).first()
    if row is None and name in BUILT_IN:
        return Channel(name, BUILT_IN[name])
    if row is None:
        raise PermanentError(f"there is no channel {name!r}")
    if row.disabled_reason:
        raise PermanentError(f"the channel {name} is off: {row.disabled_reason}")
    try:
        return _opened(row)
    except sealing.UnreadableError as error:
        raise PermanentError(
            f"the secret of the channel {name} cannot be read, as the workspace's key has changed; set it anew"
        ) from error


def create_channel(
    kind: str, name: str, config: Mapping[str, Any], *, by: str, moment: datetime, secret: str = ""
) -> Made[ChannelInfo]:
    """Set a channel up. UserError says what is wrong with its name or settings."""
    transport = transport_of(kind)
    if kind == "in-app":
        raise UserError("the channel in-app is there already, and there is one only")
    if not _NAME.fullmatch(name):
        raise UserError(f"{name!r} is no name of a channel; use up to 63 small letters, digits, dots, dashes, and underscores")
    kept, key = transport.check(config, secret.strip())
    try:
        with transaction.atomic():
            row = Row.objects.create(
                name=name, kind=kind, config=kept, secret=sealing.seal(key), created_at=moment, created_by=by
            )
            _note(row, "created", by, moment, {"kind": kind, **kept})
    except IntegrityError as error:
        raise UserError(f"there is a channel {name!r} already; give another name, or change that one") from error
    return Made(_info(row), key if transport.shows_secret else "")


def update_channel(
    name: str, config: Mapping[str, Any], *, by: str, moment: datetime, secret: str | None = None
) -> Made[ChannelInfo]:
    """Change settings of a channel: those not named stay, '' takes one away.

    secret: a new one; '' makes one, for a kind that makes them.
    """
    transport_of_row = _row(name)
    transport = transport_of(transport_of_row.kind)
    with transaction.atomic():
        row = Row.objects.select_for_update().get(pk=transport_of_row.pk)
        merged = {key: value for key, value in {**row.config, **config}.items() if value != ""}
        kept, key = transport.check(merged, _secret_of(row) if secret is None else secret.strip())
        changed = sorted(each for each in {*row.config, *kept} if row.config.get(each) != kept.get(each))
        fresh = key if secret is not None and transport.shows_secret else ""
        row.config, row.secret = kept, sealing.seal(key)
        row.save(update_fields=["config", "secret"])
        _note(row, "changed", by, moment, {"settings": changed or sorted(config), "secret": secret is not None})
    return Made(_info(row), fresh)


def remove_channel(name: str, *, by: str, moment: datetime) -> None:
    """Remove a channel. UserError where it is one that is always there, or where rules or routes still name it."""
    row = _row(name)
    if name in BUILT_IN:
        raise UserError(f"the channel {name} is always there; switch it off instead")
    users = _users_of(name)
    if users:
        raise UserError(f"the channel {name} is named by {', '.join(users[:5])}; take it out there first, or switch it off")
    with transaction.atomic():
        _note(row, "removed", by, moment, {"kind": row.kind})
        row.delete()


def enable_channel(name: str, *, by: str, moment: datetime) -> ChannelInfo:
    """Switch a channel on (again)."""
    row = _row(name)
    if name == "email" and not row.secret and not settings.TOCSIN_SMTP_URL:
        raise UserError(f"the channel email stays off: {NO_SERVER}")
    return _switch(row, "", "enabled", by, moment)


def disable_channel(name: str, *, by: str, moment: datetime, reason: str = "") -> ChannelInfo:
    """Switch a channel off: nothing is sent by it until it is on again."""
    row = _row(name)
    if name == "in-app":
        raise UserError("the channel in-app cannot be switched off")
    return _switch(row, reason.strip()[:500] or f"switched off by {by}", "disabled", by, moment)


def opened(name: str) -> Channel:
    """A channel whether it is on or off, for trying it. UserError where there is none, or its secret cannot be read."""
    row = _row(name)
    try:
        return _opened(row)
    except sealing.UnreadableError as error:
        raise UserError(
            f"the secret of the channel {name} cannot be read, as the workspace's key has changed; set it anew"
        ) from error


def note(name: str, act: str, *, by: str, moment: datetime, detail: Mapping[str, Any]) -> None:
    """Write down what somebody did with a channel."""
    changelog.note(act, f"channel {name}", by=by, moment=moment, detail=detail)


def _switch(row: Row, reason: str, act: str, by: str, moment: datetime) -> ChannelInfo:
    with transaction.atomic():
        row.disabled_reason = reason
        row.save(update_fields=["disabled_reason"])
        _note(row, act, by, moment, {"reason": reason} if reason else {})
    return _info(row)


def _users_of(name: str) -> list[str]:
    """What names a channel: rules, and the routing plan."""
    target = f"channel:{name}"
    found = [
        f"the rule {rule.id}"
        for rule in alerts.definitions().rules
        if target in rule.notify or any(target in step.notify for step in rule.escalate)
    ]
    plan = current_plan()
    if re.search(rf"channel:\s*{re.escape(name)}(?![\w.-])", plan.source):
        found.append("the routing plan")
    return found


def _row(name: str) -> Row:
    row = Row.objects.filter(name=name).first()
    if row is None:
        known = list(Row.objects.values_list("name", flat=True))
        hint = suggestion(name, known) or (f"; there are {', '.join(known)}" if known else "")
        raise UserError(f"there is no channel {name!r}{hint}")
    return row


def _opened(row: Row) -> Channel:
    return Channel(row.name, row.kind, row.config, sealing.unseal(row.secret))


def _secret_of(row: Row) -> str:
    try:
        return sealing.unseal(row.secret)
    except sealing.UnreadableError:
        return ""  # it is lost with the key; who changes the channel gives it anew, or one is made


def _note(row: Row, act: str, by: str, moment: datetime, detail: Mapping[str, Any]) -> None:
    note(row.name, act, by=by, moment=moment, detail=detail)


def _info(row: Row) -> ChannelInfo:
    transport = transport_of(row.kind)
    return ChannelInfo(
        id=str(row.pk),
        name=row.name,
        kind=row.kind,
        title=transport.title,
        config=dict(row.config),
        personal=transport.personal,
        built_in=row.name in BUILT_IN,
        disabled_reason=row.disabled_reason,
        created_at=row.created_at,
        created_by=row.created_by,
        last_sent_at=row.last_sent_at,
        last_error=row.last_error,
        last_error_at=row.last_error_at,
    )
