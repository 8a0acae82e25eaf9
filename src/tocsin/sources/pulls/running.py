"""One run of a pull, from its claim to what is recorded of it."""

from __future__ import annotations

import logging
import os
import secrets
import socket
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from django.db import DatabaseError, connections

from tocsin.core.errors import UserError
from tocsin.facts import breathing
from tocsin.facts.importing import ShrunkError
from tocsin.facts.pulling.folders import pull_folder
from tocsin.facts.pulling.listing import Found
from tocsin.facts.pulling.shapes import Course, StoppedError, UnreachableError
from tocsin.facts.pulling.tables import pull_tables
from tocsin.people import sealing
from tocsin.people.following import follow, named_in
from tocsin.sources.models import PullRun
from tocsin.sources.pulls import claiming
from tocsin.sources.pulls.book import row_of, run_info
from tocsin.sources.pulls.checking import folder_plan, place_of, table_plan
from tocsin.sources.pulls.claiming import Claimed
from tocsin.sources.pulls.shapes import RunInfo

if TYPE_CHECKING:
    from tocsin.facts.duckdb import DuckStore

BEATS = 3  # times that a lease is renewed in its length
PEOPLE = frozenset({"csms", "teams"})
Clock = Callable[[], datetime]
Watch = Callable[[str], None]

log = logging.getLogger("tocsin.pulls")


def holder_name() -> str:
    """What tells this run from all others."""
    return f"{socket.gethostname()[:30]}:{os.getpid()}:{secrets.token_hex(4)}"


@dataclass(frozen=True, slots=True)
class Ended:
    """How a run went. failures: runs that failed in a row, this one included. passing: what is wrong may mend itself.

    warnings: of a run that was done, what somebody should know all the same. changed: whether facts were stored.
    """

    run: RunInfo
    failures: int = 0
    passing: bool = False
    warnings: tuple[str, ...] = ()
    changed: bool = False


def run_now(
    reference: str,
    store: DuckStore,
    *,
    clock: Clock,
    zone: ZoneInfo,
    by: str,
    watch: Watch = lambda _stage: None,
    allow_shrink: bool = False,
) -> Ended:
    """Run a pull here and now; gives how it went. UserError where there is none, or another runs it."""
    row = row_of(reference)
    claimed = claiming.claim(row.public_id, holder_name(), clock(), cause="hand", by=by)
    if claimed is None:
        raise UserError(f"{row.name} is being pulled already; `tocsin sources runs` shows how far it is")
    return run_claimed(claimed, store, clock=clock, zone=zone, watch=watch, allow_shrink=allow_shrink)


def run_claimed(
    claimed: Claimed,
    store: DuckStore,
    *,
    clock: Clock,
    zone: ZoneInfo,
    watch: Watch = lambda _stage: None,
    allow_shrink: bool = False,
) -> Ended:
    """Run what was claimed, and record how it went; gives that. Raises nothing that a run can meet.

    watch: called between portions with what the run does; raises StoppedError to end it. allow_shrink: collections that are
    pulled as a whole may lose however many rows.
    """
    lost = threading.Event()
    told = ""

    def go_on(stage: str) -> None:
        nonlocal told
        if stage != told:
            told = stage
            if not claiming.at_stage(claimed, stage):
                lost.set()
        if lost.is_set():
            raise StoppedError("it is another's by now, or was changed or removed meanwhile")
        watch(stage)

    course = Course(go_on)
    error, stopped, passing = "", False, False
    try:
        with _beating(claimed, clock, lost), breathing.working(breathing.SWEEPING):
            _pull(claimed, store, course, clock, allow_shrink=allow_shrink)
    except StoppedError as stop:
        error, stopped = f"stopped while {course.stage}: {stop}", True
    except UnreachableError as away:
        error, passing = str(away), True
    except ShrunkError as shrunk:
        error = f"{shrunk}; if that is right, run it once with --allow-shrink, or raise most_closed"
    except UserError as wrong:
        error = str(wrong)
    except DatabaseError as wrong:
        error, passing = f"{course.stage}: the operational data could not be used ({wrong})", True
        log.exception("a pull of %s failed", claimed.name)
    except KeyboardInterrupt:
        _record(claimed, course, f"stopped while {course.stage}: it was interrupted", clock, zone, stopped=True)
        raise
    except Exception as wrong:  # whatever a run meets is its result; the loop must outlive it
        error = f"{course.stage}: it failed unexpectedly ({type(wrong).__name__}); the server's log shows where"
        log.exception("a pull of %s failed", claimed.name)
    return _record(claimed, course, " ".join(error.split()), clock, zone, stopped=stopped, passing=passing)


def _pull(claimed: Claimed, store: DuckStore, course: Course, clock: Clock, *, allow_shrink: bool) -> None:
    settings: Mapping[str, Any] = {**claimed.settings, **({"most_closed": None} if allow_shrink else {})}
    now = claimed.started_at
    if claimed.kind == "sql":
        try:
            url = sealing.unseal(claimed.sealed)
        except sealing.UnreadableError as error:
            raise UserError(
                f"the address of {claimed.name} cannot be read, as the workspace's key has changed; give it anew"
            ) from error
        pull_tables(store, place_of(url), table_plan(claimed.name, settings, claimed.marks), course, now=now)
    else:
        known = claiming.files_taken(claimed)

        def taken(files: Sequence[Found]) -> None:
            claiming.take_files(claimed, files, clock())

        pull_folder(store, folder_plan(claimed.name, settings), known, course, taken, now=now)
    if PEOPLE & course.reports.keys():
        course.enter("users and teams")
        course.notes += follow(*named_in(store), now)


def _record(
    claimed: Claimed,
    course: Course,
    error: str,
    clock: Clock,
    zone: ZoneInfo,
    *,
    stopped: bool = False,
    passing: bool = False,
) -> Ended:
    report = [each.to_json() for each in course.reports.values()]
    # Where no table was given and only rows were stored that had waited for their account, the columns are those of before.
    columns = {name: sorted(each.columns) or [*claimed.columns.get(name, ())] for name, each in course.reports.items()}
    gone = tuple(_gone(claimed, columns))
    notes = [*gone, *course.notes]
    if not error and course.failures:
        first, more = course.failures[0], course.failures[1:]
        error = first + (f" (and {len(more)} more, see the notes)" if more else "")
        notes = [*more, *notes]
    failures = 0
    if error:
        failures = claiming.failed(claimed, error, report, notes, moment=clock(), zone=zone, stopped=stopped)
    else:
        claiming.done(claimed, report, notes, course.marks, columns, moment=clock(), zone=zone)
    row = PullRun.objects.filter(pk=claimed.run_id).first()
    if row is None:
        run = RunInfo(claimed.run_id, "stopped", "", "", course.stage, claimed.started_at, clock(), "it was removed", (), ())
    else:
        run = run_info(row)
    changed = any(each.added or each.updated for each in course.reports.values())
    return Ended(run, failures, passing, () if error else gone, changed)


def _gone(claimed: Claimed, columns: Mapping[str, Sequence[str]]) -> Iterator[str]:
    """Columns that the run before gave and this one does not: rows keep what is stored of them, so nobody would notice."""
    for name, given in columns.items():
        gone = sorted(set(claimed.columns.get(name, ())) - set(given))
        if gone:
            words = f"the column {gone[0]} is" if len(gone) == 1 else f"the columns {', '.join(gone)} are"
            yield f"{name}: {words} not given any more; what is stored of {'it' if len(gone) == 1 else 'them'} stays as it was"


@contextmanager
def _beating(claimed: Claimed, clock: Clock, lost: threading.Event) -> Iterator[None]:
    """Renew the lease in a thread of its own, as one statement may take longer than it; `lost` is set where it is another's."""
    ended = threading.Event()

    def beat() -> None:
        try:
            while not ended.wait(claiming.LEASE.total_seconds() / BEATS):
                try:
                    if not claiming.renew(claimed, clock()):
                        lost.set()
                        return
                except DatabaseError as error:
                    log.warning("the lease of the pull %s could not be renewed: %s", claimed.name, error)
        finally:
            connections.close_all()

    thread = threading.Thread(target=beat, name="pull lease", daemon=True)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()
