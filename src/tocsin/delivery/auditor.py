"""Notices when nothing moves: looks for what should have gone out and has not, mends what it can, and tells operations."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import Q

from tocsin.alerts import facade as alerts
from tocsin.core.messages import duration
from tocsin.delivery.directory import Directory
from tocsin.delivery.message import Message
from tocsin.delivery.models import Delivery, Group, Heartbeat, Notice
from tocsin.delivery.outbox import Claimed
from tocsin.delivery.outgoing import IN_APP, put

EVERY = timedelta(minutes=1)
SILENT = timedelta(minutes=10)  # since a deliver loop has looked, while something waits
STUCK = timedelta(minutes=5)  # that something due may lie before it is a finding
FAR_BACK = timedelta(days=2)  # alerts that opened since then are looked after
GRACE = timedelta(minutes=1)  # for a transition that is being written
LOOP, AUDITOR, TROUBLE = "deliver loop", "auditor", "trouble told"
SILENCE = timedelta(hours=6)  # between two messages to operations about the same finding


@dataclass(frozen=True, slots=True)
class Audit:
    """What the auditor found. stuck: deliveries that are due and not sent. lost: groups or alerts that it has put right.

    waiting: deliveries that are due or under way. dead: those that were given up. loop_at: when a deliver loop last looked,
    None where none ever did.
    """

    stuck: int
    mended: int
    dead: int
    loop_at: datetime | None
    waiting: int = 0


def look(moment: datetime, worker: str) -> int:
    """Beat, and once a minute audit; whichever worker comes first does it. Gives how much was put right."""
    Heartbeat.objects.update_or_create(name=LOOP, defaults={"at": moment, "detail": worker})
    with transaction.atomic():
        mine = Heartbeat.objects.filter(name=AUDITOR, at__lte=moment - EVERY).update(at=moment, detail=worker)
        if not mine:
            Heartbeat.objects.get_or_create(name=AUDITOR, defaults={"at": moment, "detail": worker})
            return 0
    found = audit(moment)
    if found.stuck:
        told = f"{found.stuck} message{'s' if found.stuck > 1 else ''} could not be handed over for {duration(STUCK)}"
        tell_operations(f"Delivery is stuck: {told}", "stuck", moment)
    return found.mended


def seen_by_auditor(moment: datetime) -> Audit:
    """What there is to see, for pages and `doctor`; puts nothing right."""
    return _seen(moment, 0)


def audit(moment: datetime) -> Audit:
    """Look, and put right what can be: groups that wait without a time, alerts that opened and left no notice."""
    idle = Group.objects.filter(due_at=None, notices__state="waiting").distinct().values_list("pk", flat=True)
    mended = Group.objects.filter(pk__in=list(idle), due_at=None).update(due_at=moment)
    return _seen(moment, mended + _untold(moment))


def _seen(moment: datetime, mended: int) -> Audit:
    beat = Heartbeat.objects.filter(name=LOOP).first()
    late = Q(state="due", next_at__lt=moment - STUCK) | Q(state="claimed", lease_until__lt=moment - STUCK)
    return Audit(
        stuck=Delivery.objects.filter(late).count(),
        mended=mended,
        dead=Delivery.objects.filter(state="dead").count(),
        loop_at=beat.at if beat else None,
        waiting=Delivery.objects.filter(state__in=("due", "claimed")).count(),
    )


def _untold(moment: datetime) -> int:
    """Alerts of which somebody was to be told and nobody was noted: noted now."""
    from tocsin.delivery.enqueue import tell_now

    ids = alerts.untold_candidates(since=moment - FAR_BACK, until=moment - GRACE)
    noted: set[int] = set()
    for first in range(0, len(ids), 500):
        part = [int(each) for each in ids[first : first + 500]]
        noted |= set(Notice.objects.filter(alert_id__in=part).values_list("alert_id", flat=True))
    missing = alerts.alerts_by_id(each for each in ids if int(each) not in noted)
    rules = {rule.id: rule for rule in alerts.definitions().rules}
    for alert in missing.values():
        targets = rules[alert.rule].notify if alert.rule in rules else ("owner",)
        tell_now(alert, "opened", targets, moment=moment, detail="noted late, by the auditor", routed=True)
    return len(missing)


def report_dead(claimed: Claimed, error: str, moment: datetime, address: str) -> None:
    """Tell operations that a message was given up, unless it was theirs about the same."""
    who = claimed.target.email or claimed.channel.name
    if claimed.message.kind != "trouble":
        tell_operations(
            f"Not delivered by {claimed.channel.name} to {who}: {error}", f"dead {claimed.channel.name}", moment, address
        )


def tell_operations(headline: str, about: str, moment: datetime, address: str = "") -> None:
    """Put a message before operations (else administrators), in-app; once in SILENCE for the same matter."""
    name = f"{TROUBLE}: {about}"[:60]
    with transaction.atomic():
        fresh = Heartbeat.objects.filter(name=name, at__lte=moment - SILENCE).update(at=moment, detail=headline)
        if not fresh and not Heartbeat.objects.get_or_create(name=name, defaults={"at": moment, "detail": headline})[1]:
            return
        directory = Directory.at(moment)
        there = [each for each in directory.people.values() if each.active and each.role in ("operations", "admin")]
        wanted = [each for each in there if each.role == "operations"] or there
        mark, message = uuid.uuid4(), Message("trouble", headline, address=address)
        for each in wanted:
            put(mark, "person", each.email, message, directory, moment, immediate=False, by=(IN_APP,))
