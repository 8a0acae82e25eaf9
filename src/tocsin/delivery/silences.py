"""Silences: with an author, a reason and an end. They keep notices back and never touch alerts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import F

from tocsin.core import routing
from tocsin.core.errors import UserError
from tocsin.core.moment import iso
from tocsin.core.routing import parse_matcher
from tocsin.delivery import changelog
from tocsin.delivery.models import Group, Silence

LONGEST = timedelta(days=366)


@dataclass(frozen=True, slots=True)
class SilenceInfo:
    """A silence. matchers: as they are written. ended_by: who ended it before its time, else ''."""

    id: str
    matchers: tuple[str, ...]
    starts_at: datetime
    ends_at: datetime
    by: str
    reason: str
    created_at: datetime
    ended_by: str = ""


def create_silence(
    matchers: Sequence[str], *, until: datetime, reason: str, by: str, moment: datetime, starts_at: datetime | None = None
) -> SilenceInfo:
    """Keep the notices of matching alerts back until a moment. UserError without a matcher, a reason or an end ahead."""
    read = [str(parse_matcher(each)) for each in matchers if each.strip()]
    begins = starts_at or moment
    if not read:
        raise UserError("a silence needs a matcher, such as account = A17; one without would silence everything")
    if not reason.strip():
        raise UserError("say why, so that others know when they meet the silence")
    if until <= max(begins, moment):
        raise UserError(f"a silence ends ahead; {iso(until)} is not after {iso(max(begins, moment))}")
    if until - begins > LONGEST:
        raise UserError("a silence lasts a year at most; switch a rule off where its alerts are never wanted")
    with transaction.atomic():
        row = Silence.objects.create(
            matchers=read, starts_at=begins, ends_at=until, by=by, reason=reason.strip(), created_at=moment
        )
        detail = {"until": iso(until), "reason": reason.strip()}
        changelog.note("begun", f"silence {', '.join(read)}", by=by, moment=moment, detail=detail)
    return _info(row)


def end_silence(silence_id: str, *, by: str, moment: datetime) -> SilenceInfo:
    """End it now; what waited for its end is looked at anew at once. UserError where there is none, or it is over."""
    row = Silence.objects.filter(pk=int(silence_id) if silence_id.isdecimal() else -1).first()
    if row is None:
        raise UserError(f"there is no silence {silence_id!r}")
    if row.ends_at <= moment:
        raise UserError(f"the silence ended at {iso(row.ends_at)} already")
    row.ends_at, row.ended_by = moment, by
    with transaction.atomic():
        row.save(update_fields=["ends_at", "ended_by"])
        Group.objects.filter(notices__state="waiting", due_at__gt=moment).update(due_at=moment)
        changelog.note("ended", f"silence {', '.join(row.matchers)}", by=by, moment=moment)
    return _info(row)


def list_silences(moment: datetime, *, over: bool = False) -> list[SilenceInfo]:
    """Those that run or are to come, latest end first; all of them where `over`."""
    found = Silence.objects.order_by(F("ends_at").desc())
    return [_info(row) for row in (found if over else found.filter(ends_at__gt=moment))]


def running(moment: datetime) -> list[routing.Silence]:
    """The silences that run at a moment, ready to be matched."""
    rows = Silence.objects.filter(starts_at__lte=moment, ends_at__gt=moment)
    return [
        routing.Silence(
            str(row.pk), tuple(parse_matcher(each) for each in row.matchers), row.starts_at, row.ends_at, row.by, row.reason
        )
        for row in rows
    ]


def _info(row: Silence) -> SilenceInfo:
    return SilenceInfo(
        id=str(row.pk),
        matchers=tuple(row.matchers),
        starts_at=row.starts_at,
        ends_at=row.ends_at,
        by=row.by,
        reason=row.reason,
        created_at=row.created_at,
        ended_by=row.ended_by,
    )
