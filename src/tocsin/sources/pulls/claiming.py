"""Who may run a pull, and what follows from how it went. One run of a pull at a time, in whatever processes.

A pull is claimed by a conditional update with a lease, which its runner renews; whoever finds a lease run out writes the run
before down as stopped and begins anew, from the marks of the last run that was done.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from django.db import transaction
from django.db.models import F, Q, QuerySet

from tocsin.core.recurring import read_recurring
from tocsin.facts.pulling.listing import Found, State
from tocsin.facts.pulling.shapes import Mark
from tocsin.sources.models import Pull, PullFile, PullRun

LEASE = timedelta(seconds=60)
# After the n-th failure in a row the next run follows so much later, unless the schedule has one sooner; after the last: then.
BACKOFF = tuple(timedelta(minutes=each) for each in (1, 5, 15, 60, 240))
KEPT = timedelta(days=90)  # so long runs are listed, and the last KEPT_RUNS of each pull for ever
KEPT_RUNS = 50
_LONGEST = 2000  # characters of an error or a note


@dataclass(frozen=True, slots=True)
class Claimed:
    """A pull that this runner may run now."""

    pull_id: int
    run_id: int
    holder: str
    kind: str
    name: str
    place: str
    settings: Mapping[str, Any]
    sealed: str
    marks: Mapping[str, Mark]
    columns: Mapping[str, Sequence[str]]
    started_at: datetime
    failures: int


def due(moment: datetime) -> list[str]:
    """The ids of pulls whose time has come, or that somebody wants run, and that nobody runs; the longest due first."""
    ready = Q(paused=False, next_at__lte=moment) | Q(asked_at__isnull=False)
    found = Pull.objects.filter(ready).filter(_free(moment)).order_by(F("next_at").asc(nulls_first=True), "pk")
    return list(found.values_list("public_id", flat=True))


def claim(public_id: str, holder: str, moment: datetime, *, cause: str = "", by: str = "") -> Claimed | None:
    """Claim a pull for a run; None where another runs it, or it is gone. cause: `hand`; else what made it due says."""
    with transaction.atomic():
        mine = Pull.objects.filter(_free(moment), public_id=public_id).update(holder=holder, lease_until=moment + LEASE)
        if mine != 1:
            return None
        row = Pull.objects.get(public_id=public_id)
        for lost in PullRun.objects.filter(pull=row, state="running"):
            lost.state, lost.ended_at = "stopped", moment
            lost.error = (
                f"it ended in the middle ({lost.stage}), as its process was stopped; this run goes on from the same marks"
            )
            lost.save(update_fields=["state", "ended_at", "error"])
        if not cause:
            cause = "hand" if row.asked_at is not None else "retry" if row.failures else "schedule"
        Pull.objects.filter(pk=row.pk).update(last_run_at=moment)
        run = PullRun.objects.create(
            pull=row, holder=holder, cause=cause, by=by, stage="beginning", started_at=moment, marks=row.marks
        )
    marks = {name: Mark(*mark) for name, mark in row.marks.items()}
    return Claimed(
        row.pk,
        run.pk,
        holder,
        row.kind,
        row.name,
        row.place,
        row.settings,
        row.sealed,
        marks,
        row.columns,
        moment,
        row.failures,
    )


def renew(claimed: Claimed, moment: datetime) -> bool:
    """Keep what is under way; False where it is another's by now, or the pull was removed."""
    return _mine(claimed).update(lease_until=moment + LEASE) == 1


def at_stage(claimed: Claimed, stage: str) -> bool:
    """Write down what the run does; False where it is another's by now, or nobody's, as the pull is another one."""
    PullRun.objects.filter(pk=claimed.run_id, holder=claimed.holder, state="running").update(stage=stage[:_LONGEST])
    return _mine(claimed).exists()


def files_taken(claimed: Claimed) -> dict[str, State]:
    """The files that earlier runs have taken, as they were then."""
    rows = PullFile.objects.filter(pull_id=claimed.pull_id).values_list("path", "size", "changed_ns")
    return {path: (size, changed) for path, size, changed in rows}


def take_files(claimed: Claimed, files: Sequence[Found], moment: datetime) -> None:
    """Note files as taken: what they hold is stored. Nothing where the run is another's by now."""
    if not _mine(claimed).exists():
        return
    rows = [
        PullFile(pull_id=claimed.pull_id, path=each.name, size=each.state[0], changed_ns=each.state[1], taken_at=moment)
        for each in files
    ]
    PullFile.objects.bulk_create(
        rows, update_conflicts=True, unique_fields=["pull", "path"], update_fields=["size", "changed_ns", "taken_at"]
    )


def done(
    claimed: Claimed,
    report: Sequence[Mapping[str, Any]],
    notes: Sequence[str],
    marks: Mapping[str, Mark],
    columns: Mapping[str, Sequence[str]],
    *,
    moment: datetime,
    zone: ZoneInfo,
) -> bool:
    """Record that all was stored: only now do the marks move. False where the run is another's by now."""
    with transaction.atomic():
        row = _mine(claimed).select_for_update().first()
        if row is None:
            return False
        row.marks = {**row.marks, **{name: [mark.kind, mark.value] for name, mark in marks.items()}}
        row.columns = {**row.columns, **{name: list(given) or row.columns.get(name, []) for name, given in columns.items()}}
        row.last_good_at, row.last_error, row.failures = claimed.started_at, "", 0
        row.next_at = None if row.paused else _scheduled(row, claimed.started_at, moment, zone)
        _release(row, claimed, asked=False)
        _end(claimed, "done", "", report, notes, moment)
    return True


def failed(
    claimed: Claimed,
    error: str,
    report: Sequence[Mapping[str, Any]],
    notes: Sequence[str],
    *,
    moment: datetime,
    zone: ZoneInfo,
    stopped: bool = False,
) -> int:
    """Record that it failed, or was stopped by whoever ran it (then it goes on soon); gives the failures in a row.

    What was stored stays, and the marks as well: the next run reads it once more, which changes nothing. 0 where the run is
    another's by now.
    """
    with transaction.atomic():
        row = _mine(claimed).select_for_update().first()
        if row is None:
            return 0
        if not stopped:
            row.failures += 1
            row.last_error = error[:_LONGEST]
        wait = timedelta(0) if stopped else BACKOFF[min(row.failures, len(BACKOFF)) - 1]
        planned = _scheduled(row, claimed.started_at, moment, zone)
        row.next_at = None if row.paused or planned is None else min(planned, moment + wait)
        _release(row, claimed, asked=stopped)
        _end(claimed, "stopped" if stopped else "failed", error, report, notes, moment)
        return int(row.failures)


def clear_expired(moment: datetime) -> int:
    """Forget runs that are older than what is kept; gives how many."""
    gone = 0
    for pull_id in Pull.objects.values_list("pk", flat=True):
        kept = PullRun.objects.filter(pull_id=pull_id).values_list("pk", flat=True)[:KEPT_RUNS]
        old = PullRun.objects.filter(pull_id=pull_id, started_at__lt=moment - KEPT).exclude(pk__in=list(kept))
        gone += old.delete()[0]
    return gone


def _scheduled(row: Pull, began: datetime, moment: datetime, zone: ZoneInfo) -> datetime | None:
    """The next time of the schedule after the run's beginning; what was missed meanwhile is made up for by one run."""
    schedule = read_recurring(row.settings["schedule"])
    following = schedule.next(began, zone)
    return None if following is None else max(following, moment)


def _end(
    claimed: Claimed,
    state: str,
    error: str,
    report: Sequence[Mapping[str, Any]],
    notes: Sequence[str],
    moment: datetime,
) -> None:
    PullRun.objects.filter(pk=claimed.run_id).update(
        state=state,
        error=error[:_LONGEST],
        report=list(report),
        notes=[each[:_LONGEST] for each in notes],
        ended_at=moment,
    )


def _release(row: Pull, claimed: Claimed, *, asked: bool) -> None:
    """Keep the row, for anybody to claim. asked: whether somebody who wanted this run wants one still."""
    if not asked and row.asked_at is not None and row.asked_at <= claimed.started_at:
        row.asked_at = None
    row.holder, row.lease_until = "", None
    row.save()


def _free(moment: datetime) -> Q:
    return Q(lease_until__isnull=True) | Q(lease_until__lte=moment)


def _mine(claimed: Claimed) -> QuerySet[Pull]:
    return Pull.objects.filter(pk=claimed.pull_id, holder=claimed.holder)
