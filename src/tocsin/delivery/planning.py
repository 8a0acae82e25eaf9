"""A group whose time has come: what waits in it is decided, and what goes out becomes deliveries, in one transaction."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from django.db import transaction
from django.db.models import Max, Q

from tocsin.alerts import facade as alerts
from tocsin.core.moment import iso
from tocsin.core.notices import Decision, Hearing, Standing, decide
from tocsin.core.routing import Silence
from tocsin.delivery import budget, digests, silences, telling
from tocsin.delivery.directory import Directory
from tocsin.delivery.message import Message
from tocsin.delivery.models import Group, Notice
from tocsin.delivery.outgoing import put
from tocsin.delivery.routebook import plan_in_force

if TYPE_CHECKING:
    from tocsin.alerts.facade import Alert

MACHINE = Hearing(machine=True)


def flush_due(moment: datetime, address: str = "", limit: int = 50) -> int:
    """Look at the groups whose time has come, those with the gravest notices first; gives how many were looked at."""
    due = Group.objects.filter(due_at__lte=moment).annotate(top=Max("notices__rank", filter=Q(notices__state="waiting")))
    found = list(due.order_by("-top", "due_at", "pk").values_list("pk", flat=True)[:limit])
    if found:
        directory, running = Directory.at(moment), silences.running(moment)
        for pk in found:
            flush(pk, moment, directory, running, address)
    return len(found)


def flush(pk: int, moment: datetime, directory: Directory, running: Sequence[Silence], address: str = "") -> None:
    """Decide on what waits in one group. Whoever locks it first does it; for the others nothing is left."""
    with transaction.atomic():
        group = Group.objects.select_for_update().filter(pk=pk, due_at__lte=moment).first()
        if group is None:
            return
        waiting = list(group.notices.filter(state="waiting").order_by("id"))
        known = alerts.alerts_by_id(str(each.alert_id) for each in waiting)
        told = _told(group, waiting)
        going: list[Notice] = []
        until: list[datetime] = []
        for notice in waiting:
            decision = _decide(notice, known.get(str(notice.alert_id)), told, directory, running, moment)
            if decision.fate == "go":
                going.append(notice)
            else:
                _keep(notice, decision, directory, moment)
                until += [decision.until] if decision.until else []
        going = _within_budget(group, going, directory, moment)
        if going:
            _deliver(group, going, known, directory, moment, address)
            group.flushed_at = moment
            group.repeat_at = moment + timedelta(seconds=group.repeat) if group.repeat else None
        group.due_at = min(until, default=None)
        group.save(update_fields=["due_at", "flushed_at", "repeat_at"])
        Notice.objects.bulk_update(waiting, ("state", "reason", "due_at", "flush"), batch_size=300)


def repeat_due(moment: datetime, limit: int = 50) -> int:
    """Tell once more what is still open of groups whose route repeats; gives how many groups were looked at."""
    found = list(Group.objects.filter(repeat_at__lte=moment).order_by("repeat_at").values_list("pk", flat=True)[:limit])
    for pk in found:
        with transaction.atomic():
            group = Group.objects.select_for_update().filter(pk=pk, repeat_at__lte=moment).first()
            if group is not None:
                _repeat(group, moment)
    return len(found)


def _repeat(group: Group, moment: datetime) -> None:
    told: dict[int, Notice] = {}
    for notice in group.notices.filter(state="planned").exclude(kind="closed").order_by("id"):
        told[notice.alert_id] = notice
    known = alerts.alerts_by_id(str(each) for each in told)
    still = [notice for key, notice in told.items() if (alert := known.get(str(key))) is not None and alert.state == "open"]
    rows = [_again(notice, moment) for notice in still]
    Notice.objects.bulk_create(rows, ignore_conflicts=True)
    group.repeat_at = None
    if rows:
        group.due_at = moment if group.due_at is None else min(group.due_at, moment)
    group.save(update_fields=["repeat_at", "due_at"])


def _again(notice: Notice, moment: datetime) -> Notice:
    return Notice(
        alert_id=notice.alert_id,
        rule=notice.rule,
        kind="renotified",
        rank=notice.rank,
        sequence=f"repeat {iso(moment)}",
        at=moment,
        target_kind=notice.target_kind,
        target=notice.target,
        group=notice.group,
        state="waiting",
        why=notice.why,
        detail="told again by its route",
        labels=notice.labels,
        route=notice.route,
    )


def _told(group: Group, waiting: Sequence[Notice]) -> frozenset[int]:
    """Which of the alerts this target has been told of before."""
    ids = {each.alert_id for each in waiting}
    before = Notice.objects.filter(
        alert_id__in=ids, target_kind=group.target_kind, target=group.target, state="planned"
    ).exclude(kind="closed")
    return frozenset(before.values_list("alert_id", flat=True))


def _decide(
    notice: Notice,
    alert: Alert | None,
    told: frozenset[int],
    directory: Directory,
    running: Sequence[Silence],
    moment: datetime,
) -> Decision:
    if alert is None:
        return Decision("suppress", "the alert is there no more")
    standing = Standing(
        state=alert.state,
        rank=notice.rank,
        inhibited_by=alert.inhibited_by,
        acknowledged_by=alert.acknowledged_by,
        snoozed_until=alert.snoozed_until,
        close_reason=alert.close_reason,
        told=notice.alert_id in told,
    )
    matching = [each for each in running if all(one.holds(notice.labels) for one in each.matchers)]
    hearing = MACHINE
    if notice.target_kind == "person":
        route = notice.route
        hearing = directory.hearing(
            notice.target,
            plan_in_force(),
            route.get("active", ()),
            route.get("mute", ()),
            through_quiet=bool(route.get("through_quiet")),
        )
    return decide(notice.kind, standing, hearing, matching, moment)


def _keep(notice: Notice, decision: Decision, directory: Directory, moment: datetime) -> None:
    """What does not go out now keeps its reason."""
    notice.reason = decision.reason
    if decision.fate == "suppress":
        notice.state = "suppressed"
    elif decision.fate == "digest":
        digests.keep(notice, directory, moment)


def _within_budget(group: Group, going: list[Notice], directory: Directory, moment: datetime) -> list[Notice]:
    """What still goes out at once; the rest is kept for the digest, and says so."""
    if group.target_kind != "person" or not going or max(each.rank for each in going) >= budget.ALWAYS:
        return going
    reason = budget.spent(group.target, directory, moment)
    if not reason:
        return going
    for notice in going:
        notice.reason = reason
        digests.keep(notice, directory, moment)
    return []


def _deliver(
    group: Group,
    going: Sequence[Notice],
    known: dict[str, Alert],
    directory: Directory,
    moment: datetime,
    address: str,
) -> None:
    """One message for all that goes, once for each channel of the target; people are told the latest of each alert."""
    told = going if group.target_kind == "channel" else list({each.alert_id: each for each in going}.values())
    items, mark = telling.items(told, known), uuid.uuid4()
    message = Message("notice", telling.headline(items), items, address=address)
    put(mark, group.target_kind, group.target, message, directory, moment, group=group)
    for notice in going:
        notice.state, notice.flush, notice.reason = "planned", mark, ""
