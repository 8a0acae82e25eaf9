"""From the ledger to what is said: the items of a message, gravest first, and its headline."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import datetime
from typing import TYPE_CHECKING, Any, cast

import msgspec

from tocsin.core.messages import percent, said
from tocsin.core.rules import SEVERITIES
from tocsin.delivery.message import Item, ItemKind, Line, Message
from tocsin.delivery.models import Notice

if TYPE_CHECKING:
    from tocsin.alerts.facade import Alert, EvidenceLine

VERBS = {
    "closed": "is over",
    "renotified": "is still open",
    "woken": "is back after its snooze",
    "escalated": "waits for somebody",
    "assigned": "was assigned to you",
    "freed": "stands on its own now",
}


def items(notices: Sequence[Notice], known: Mapping[str, Alert]) -> tuple[Item, ...]:
    """An item for each notice whose alert is there, gravest first, then the latest."""
    found = [_item(each, known[str(each.alert_id)]) for each in notices if str(each.alert_id) in known]
    return tuple(
        sorted(found, key=lambda item: (item.kind == "closed", -SEVERITIES.index(item.severity), -item.at.timestamp()))
    )


def headline(found: Sequence[Item]) -> str:
    """One line: of one alert what it says, of several how many and about whom."""
    first = found[0]
    if len(found) == 1:
        verb = VERBS.get(first.kind)
        name = first.account_name
        about = first.text if not name or name in first.text else f"{name}: {first.text}"
        return f"{first.rule_name} {verb}: {about}" if verb else about
    names = list(dict.fromkeys(each.account_name for each in found if each.account_name))
    where = f" for {names[0]}" if len(names) == 1 else f" for {len(names)} accounts" if names else ""
    return f"{len(found)} alerts{where}: {first.text}"


def to_json(message: Message) -> dict[str, Any]:
    """The message as it is stored: JSON's own types."""
    return cast("dict[str, Any]", msgspec.to_builtins(asdict(message)))


def from_json(stored: Mapping[str, Any]) -> Message:
    """The message as it was stored."""
    return msgspec.convert(stored, Message)


def _item(notice: Notice, alert: Alert) -> Item:
    kind = cast("ItemKind", notice.kind)
    return item_of(alert, notice_id=str(notice.pk), kind=kind, at=notice.at, reason=notice.detail, why=notice.why)


def item_of(
    alert: Alert,
    *,
    notice_id: str = "",
    kind: ItemKind = "opened",
    at: datetime | None = None,
    reason: str = "",
    why: str = "",
) -> Item:
    """An alert as a message tells it. at: when what is told happened; its opening, where it is not said."""
    account = alert.account
    return Item(
        notice_id=notice_id,
        alert_id=alert.id,
        kind=kind,
        at=at or alert.opened_at,
        rule=alert.rule,
        rule_name=alert.rule_name,
        category=alert.category,
        severity=alert.severity,
        state=alert.state,
        account_id=account.id if account else "",
        account_name=account.name if account else "",
        text=alert.message,
        path=f"/alerts/{alert.id}/",
        opened_at=alert.opened_at,
        lines=tuple(_line(each) for each in alert.evidence),
        clears=alert.clears,
        reason=reason,
        why=why,
        owner_name=account.owner_name if account else "",
        mrr=account.mrr if account else None,
        renews_on=account.renews_on.isoformat() if account and account.renews_on else "",
        step=alert.step,
        count=alert.count,
        event_id=alert.event_id,
        data=alert.to_json(),
    )


def _line(each: EvidenceLine) -> Line:
    """A line of evidence as people read it. What the sentence calls a share (`at least 90 %`) is one in its figures too."""
    bound = each.threshold
    share = _is_number(bound) and re.search(rf"(?<![\d.]){re.escape(f'{abs(bound) * 100:g}')} ?%", each.text) is not None
    return Line(each.text, _said(each.value, share=share), each.op, _said(bound, share=share), each.clears)


def _said(value: Any, *, share: bool) -> str:
    if value is None:
        return "none"
    return percent(float(value)) if share and _is_number(value) else said(value)


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)
