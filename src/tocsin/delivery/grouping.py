"""Notices into their groups, set-wise. A group that waits already keeps its time; one at rest gets a time by its route."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from tocsin.core.moment import iso
from tocsin.core.routing import Recipient, Resolved
from tocsin.core.rules import SEVERITIES
from tocsin.delivery.labels import group_key
from tocsin.delivery.models import Group, Notice

if TYPE_CHECKING:
    from tocsin.alerts.facade import Alert

CHUNK = 300
Identity = tuple[str, str, str]


@dataclass(frozen=True, slots=True)
class Addressed:
    """A change of an alert for one target, with the route by which it goes there."""

    alert: Alert
    kind: str
    at: datetime
    sequence: str
    recipient: Recipient
    route: Resolved
    labels: dict[str, str]
    detail: str = ""

    @classmethod
    def again(cls, known: Notice, alert: Alert, kind: str, at: datetime, labels: dict[str, str], detail: str) -> Addressed:
        """A further change for a target that was told before, by the route of then."""
        then = known.route
        route = Resolved(
            path=tuple(then.get("path", ())),
            group_by=tuple(then.get("group_by", ("account",))),
            active_times=tuple(then.get("active", ())),
            mute_times=tuple(then.get("mute", ())),
            through_quiet=bool(then.get("through_quiet")),
        )
        return cls(alert, kind, at, iso(at), Recipient(known.target_kind, known.target, known.why), route, labels, detail)

    @property
    def identity(self) -> Identity:
        """Of its group."""
        return self.recipient.kind, self.recipient.id, group_key(self.alert, self.labels, self.route.group_by)


def file(addressed: Sequence[Addressed], moment: datetime) -> None:
    """Write the notices, each in its group. Inside of a transaction; the groups are locked, so that none is missed by a flush.

    Where nobody at all is there to be told, the notice is kept as suppressed and says so. One that is there already is left.
    """
    reachable = [each for each in addressed if each.recipient.kind != "nobody"]
    groups = _groups({each.identity: each for each in reachable})
    rows = [_notice(each, groups.get(each.identity)) for each in addressed]
    Notice.objects.bulk_create(rows, batch_size=CHUNK, ignore_conflicts=True)
    for each in reachable:
        _schedule(groups[each.identity], each.route, moment)
    Group.objects.bulk_update(groups.values(), ("due_at", "interval", "repeat"), batch_size=CHUNK)


def _groups(wanted: dict[Identity, Addressed]) -> dict[Identity, Group]:
    """The groups of these identities, locked; made where they are missing."""
    if not wanted:
        return {}
    found = {(row.target_kind, row.target, row.key): row for row in _locked(wanted)}
    missing = [identity for identity in wanted if identity not in found]
    if missing:
        Group.objects.bulk_create(
            [Group(target_kind=kind, target=target, key=key) for kind, target, key in missing],
            batch_size=CHUNK,
            ignore_conflicts=True,
        )
        found = {(row.target_kind, row.target, row.key): row for row in _locked(wanted)}
    return {identity: found[identity] for identity in wanted}


def _locked(wanted: Iterable[Identity]) -> list[Group]:
    keys = sorted({key for _, _, key in wanted})
    found: list[Group] = []
    for first in range(0, len(keys), CHUNK):
        found += Group.objects.select_for_update().filter(key__in=keys[first : first + CHUNK]).order_by("pk")
    return found


def _notice(each: Addressed, group: Group | None) -> Notice:
    nobody = each.recipient.kind == "nobody"
    return Notice(
        alert_id=int(each.alert.id),
        rule=each.alert.rule,
        kind=each.kind,
        rank=SEVERITIES.index(each.alert.severity),
        sequence=each.sequence,
        at=each.at,
        target_kind=each.recipient.kind,
        target=each.recipient.id,
        group=group,
        state="suppressed" if nobody else "waiting",
        reason=f"nobody could be told: {each.recipient.why}" if nobody else "",
        why=each.recipient.why,
        detail=each.detail,
        labels=each.labels,
        route={
            "path": list(each.route.path),
            "group_by": list(each.route.group_by),
            "active": list(each.route.active_times),
            "mute": list(each.route.mute_times),
            "through_quiet": each.route.through_quiet,
        },
    )


def _schedule(group: Group, route: Resolved, moment: datetime) -> None:
    """When the group is looked at next: after its route's wait, or its interval where it went out a short while ago."""
    due = moment + route.group_wait
    if group.flushed_at is not None:
        due = max(due, group.flushed_at + route.group_interval)
    group.due_at = due if group.due_at is None else min(group.due_at, due)
    group.interval, group.repeat = _seconds(route.group_interval), _seconds(route.repeat_interval)


def _seconds(span: timedelta) -> int:
    return int(span.total_seconds())
