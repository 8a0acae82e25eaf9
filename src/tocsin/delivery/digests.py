"""The digest: what did not go out at once, for each person at their hour, the most important first."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from datetime import date, datetime
from typing import TYPE_CHECKING

from django.db import transaction

from tocsin.alerts import facade as alerts
from tocsin.core.moment import day_of
from tocsin.core.schedule import next_at
from tocsin.delivery import telling
from tocsin.delivery.directory import Directory
from tocsin.delivery.message import Item, Message
from tocsin.delivery.models import Notice
from tocsin.delivery.outgoing import put

if TYPE_CHECKING:
    from tocsin.alerts.facade import Alert

MONDAY = 0
MOST = 200  # alerts of one digest; the rest is counted, and stands in the list of alerts
SPENT = "immediate notices are spent"
DAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
MONTHS = (
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
)


def keep(notice: Notice, directory: Directory, moment: datetime) -> None:
    """Keep a notice for its person's next digest; suppressed, with its reason, of who wants none. Not saved here."""
    chosen = directory.preferences(notice.target)
    if chosen.digest == "off":
        notice.state, notice.reason = "suppressed", f"{notice.reason}, and this person wants no digest"
        return
    weekday = MONDAY if chosen.digest == "weekly" else None
    notice.state = "digest"
    notice.due_at = next_at(moment, chosen.digest_at, directory.zone(notice.target), weekday=weekday)


def send_due(moment: datetime, address: str = "", limit: int = 50) -> int:
    """Make the digests whose hour has come; gives how many people were looked at."""
    due = Notice.objects.filter(state="digest", due_at__lte=moment).order_by("target").values_list("target", flat=True)
    found = list(due.distinct()[:limit])
    if found:
        directory = Directory.at(moment)
        for email in found:
            _send(email, moment, directory, address)
    return len(found)


def _send(email: str, moment: datetime, directory: Directory, address: str) -> None:
    with transaction.atomic():
        rows = Notice.objects.select_for_update().filter(target=email, target_kind="person", state="digest", due_at__lte=moment)
        notices = list(rows.order_by("id"))
        if not notices:
            return
        known = alerts.alerts_by_id(str(each.alert_id) for each in notices)
        latest = {each.alert_id: each for each in notices}
        found = telling.items([each for each in latest.values() if _still(each, known)], known)
        mark = uuid.uuid4()
        if found:
            over = sum(SPENT in each.reason for each in notices)
            day = day_of(moment, directory.zone(email))
            period = spoken(day)
            more = (f"and {len(found) - MOST} more, in the list of alerts",) if len(found) > MOST else ()
            message = Message("digest", _headline(found), found[:MOST], more, over, period, address)
            put(mark, "person", email, message, directory, moment, immediate=False)
        for notice in notices:
            notice.state, notice.flush = ("planned", mark) if found else ("suppressed", None)
            notice.reason = notice.reason if found else "over before the digest"
        Notice.objects.bulk_update(notices, ("state", "flush", "reason"), batch_size=300)


def spoken(day: date) -> str:
    """A day in words: `Tuesday, 3 March`."""
    return f"{DAYS[day.weekday()]}, {day.day} {MONTHS[day.month - 1]}"


def _still(notice: Notice, known: dict[str, Alert]) -> bool:
    """Whether a notice has something to say in the digest: what it asks for still stands, or it tells of an end."""
    alert = known.get(str(notice.alert_id))
    if alert is None:
        return False
    return alert.state == "closed" if notice.kind == "closed" else alert.state == "open"


def _headline(found: Sequence[Item]) -> str:
    asking = [each for each in found if each.kind != "closed"]
    ended = len(found) - len(asking)
    parts = [f"{len(asking)} alert{'' if len(asking) == 1 else 's'} to look at"] if asking else []
    parts += [f"{ended} over"] if ended else []
    return f"Your digest: {', '.join(parts)}"
