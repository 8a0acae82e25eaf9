"""What the pages read besides the operational database: the workspace's facts, through the engine, kept for a minute.

A value is kept under the generation of the facts and the minute in which it was asked for, so that a page never shows facts
that were replaced since, and forty page views of one minute cost one evaluation.
"""

from __future__ import annotations

import logging
import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any, TypeVar, cast
from zoneinfo import ZoneInfo

from tocsin import workspace
from tocsin.alerts import facade as alerts
from tocsin.core.rules import Definitions
from tocsin.core.schema import COLLECTIONS
from tocsin.engine import Book
from tocsin.facts import timeline
from tocsin.facts.duckdb import DuckStore
from tocsin.health import facade as health

T = TypeVar("T")
log = logging.getLogger("tocsin.web")
KEPT = 256
LATE = timedelta(hours=26)  # data older than this is marked: a nightly import has failed

# Of what happens at an instant. Alerts and much of the history (overrides, edits) are of our own making and say nothing of how
# fresh the data is.
OF_OURS = ("alerts", "account_history", "people_history")
_INSTANTS = tuple(
    each.name
    for each in COLLECTIONS.values()
    if each.start is not None and each.column(each.start).type == "time" and each.name not in OF_OURS
)
ACCOUNT_FIELDS = ("name", "owner", "tier", "plan", "lifecycle_stage", "status", "mrr", "renews_on", "segment", "product")


class _Shelf:
    """The latest values, by key; each made once, also when several threads ask for it at a time."""

    def __init__(self, size: int) -> None:
        self._size = size
        self._guard = threading.Lock()
        self._values: OrderedDict[Hashable, Any] = OrderedDict()
        self._making: dict[Hashable, threading.Lock] = {}

    def get(self, key: Hashable, make: Callable[[], T]) -> T:
        """The value of the key, made where it is missing."""
        with self._guard:
            if key in self._values:
                self._values.move_to_end(key)
                return cast("T", self._values[key])
            lock = self._making.setdefault(key, threading.Lock())
        with lock:
            with self._guard:
                if key in self._values:
                    return cast("T", self._values[key])
            try:
                made = make()
            finally:
                with self._guard:
                    self._making.pop(key, None)
            with self._guard:
                self._values[key] = made
                while len(self._values) > self._size:
                    self._values.popitem(last=False)
            return made


_shelf = _Shelf(KEPT)


@dataclass(frozen=True, slots=True)
class AccountRow:
    """An account as of now, for lists and heads of pages. Empty text or None where it is not known."""

    id: str
    name: str
    owner: str
    tier: str
    plan: str
    stage: str
    status: str
    mrr: float | None
    renews_on: date | None
    segment: str
    product: str


def now() -> datetime:
    """The moment of the page. The only place of the web room that reads the clock."""
    return datetime.now(UTC)


def store() -> DuckStore:
    """The facts of the workspace that this process serves. RuntimeError outside of one."""
    return _here().store()


def book(definitions: Definitions | None = None) -> Book:
    """The evaluator over these facts, with the signals, segments and profiles in force: the same one until these change.

    definitions: those in force, where the caller has them already.
    """
    given, scoring = definitions or alerts.definitions(), health.model()

    def make() -> tuple[Definitions, Book]:
        tolerance = _here().configuration.churn_tolerance
        return given, Book(store(), given.signals, given.segments, health=scoring, churn_tolerance=tolerance)

    # The definitions are kept with it, so that the id of their signals stays theirs; a version of a profile never changes.
    return kept(("book", id(given.signals), tuple(each.mark for each in scoring.versions)), make)[1]


def stamp(definitions: Definitions | None = None) -> tuple[object, ...]:
    """What a value that takes long is made of: while it is the same, the value stands. See `web.background`."""
    return (store().generation, definitions or alerts.definitions())


def changed() -> None:
    """Facts were changed by a page, or what is said of them: rules are judged anew soon."""
    _here().changed()


def address() -> str:
    """Where the server of this workspace is reached on this machine; '' where none runs."""
    return _here().address()


def place() -> tuple[int, str]:
    """Which workspace this process serves: of whose facts a kept value is."""
    here = _here()
    return id(here), str(here.home)


def zone() -> ZoneInfo:
    """The workspace's time zone."""
    return _here().zone


def currency() -> str:
    """What money is shown in: see `timeline.currency`."""
    return kept(("currency",), lambda: timeline.currency(store()))


def kept(key: tuple[Hashable, ...], make: Callable[[], T], moment: datetime | None = None) -> T:
    """The value of a key for these facts (and, where a moment is given, for its minute), made where it is missing."""
    minute = None if moment is None else int(moment.timestamp() // 60)
    return _shelf.get((place(), store().generation, minute, *key), make)


def data_as_of(moment: datetime) -> datetime | None:
    """The last instant that the facts speak of, at or before a moment; None where there are none.

    Facts that only name a day (an invoice's) count only where there is nothing else: they say nothing about the hour.
    """

    def latest() -> datetime | None:
        found = [store().latest_start(name, moment) for name in _INSTANTS]
        return max((each for each in found if each is not None), default=None) or store().last_moment(moment)

    return kept(("as-of",), latest, moment)


def latest_start(collection: str, moment: datetime) -> datetime | None:
    """How fresh a collection is as of a moment."""
    return kept(("latest", collection), lambda: store().latest_start(collection, moment), moment)


def accounts(moment: datetime) -> dict[str, AccountRow]:
    """Every account as of a moment, by id: one evaluation."""
    return kept(("accounts",), lambda: _accounts(moment), moment)


def account(account_id: str, moment: datetime) -> AccountRow | None:
    """One account as of a moment."""
    return accounts(moment).get(account_id)


def values(
    formulas: Sequence[str],
    moment: datetime,
    account_id: str,
    *,
    subject: str = "account",
    subject_id: str = "",
    evaluator: Book | None = None,
) -> dict[str, Any]:
    """Formula -> value as of a moment for one account, or for one person or feature of it.

    None for a subject that did not exist then. A formula that cannot be evaluated (any more) is missing, and logged.
    evaluator: that of `book`, where the caller has it already.
    """
    if not formulas:
        return {}
    given = evaluator or book()
    key = ("values", tuple(formulas), account_id, subject, subject_id, id(given))
    return kept(key, lambda: _values(given, formulas, moment, account_id, subject, subject_id), moment)


def _values(
    evaluator: Book, formulas: Sequence[str], moment: datetime, account_id: str, subject: str, subject_id: str
) -> dict[str, Any]:
    try:
        return _row(evaluator, formulas, moment, account_id, subject, subject_id)
    except Exception as error:  # noqa: BLE001 - whatever it is, a page does not end for one formula
        # One of them is broken, or the engine cannot compute it for these facts: the others are still told.
        found: dict[str, Any] = {}
        failed = {} if len(formulas) > 1 else {formulas[0]: error}
        for formula in formulas if len(formulas) > 1 else ():
            try:
                found |= _row(evaluator, [formula], moment, account_id, subject, subject_id)
            except Exception as error:  # noqa: BLE001 - as above
                failed[formula] = error
        note_unavailable(failed, subject_id or account_id)
        return found


def note_unavailable(failed: Mapping[str, Exception], subject_id: str) -> None:
    """Log, in one line, which formulas could not be computed, and why the first could not. Nothing where none failed."""
    if failed:
        error = next(iter(failed.values()))
        why = (str(error).strip().splitlines() or [""])[0][:300]
        log.warning("not available for %s: %s: %s: %s", subject_id, ", ".join(failed), type(error).__name__, why)


def _row(
    evaluator: Book, formulas: Sequence[str], moment: datetime, account_id: str, subject: str, subject_id: str
) -> dict[str, Any]:
    table = evaluator.signals(list(formulas), [moment], subject, only=[_only(subject, account_id, subject_id)])
    for row in table.to_pylist():
        if _subject_of(row, subject) == (subject_id or account_id):
            return {formula: _plain(row[f"f{number}"]) for number, formula in enumerate(formulas)}
    return dict.fromkeys(formulas)


def series(
    formulas: Sequence[str],
    moments: Sequence[datetime],
    account_id: str,
    *,
    subject: str = "account",
    subject_id: str = "",
) -> dict[str, tuple[tuple[datetime, Any], ...]]:
    """Formula -> (moment, value) of one subject at each moment, oldest first. UserError where a formula is broken."""
    wanted = subject_id or account_id
    table = book().signals(list(formulas), list(moments), subject, only=[_only(subject, account_id, subject_id)])
    found: dict[str, dict[datetime, Any]] = {formula: {} for formula in formulas}
    for row in table.to_pylist():
        if _subject_of(row, subject) == wanted:
            at = _utc(row["moment"]) if "moment" in row else moments[0]
            for number, formula in enumerate(formulas):
                found[formula][at] = row[f"f{number}"]
    return {formula: tuple((moment, known.get(moment)) for moment in sorted(moments)) for formula, known in found.items()}


def _only(subject: str, account_id: str, subject_id: str) -> str:
    """What narrows an evaluation: of features their account, else the subject itself."""
    return account_id if subject == "feature" else subject_id or account_id


def _subject_of(row: dict[str, Any], subject: str) -> str:
    return f"{row['account_id']}/{row['feature']}" if subject == "feature" else str(row["subject_id"])


def _accounts(moment: datetime) -> dict[str, AccountRow]:
    rows = book().signals(list(ACCOUNT_FIELDS), [moment]).to_pylist()
    found = {}
    for row in rows:
        value = {name: row[f"f{number}"] for number, name in enumerate(ACCOUNT_FIELDS)}
        renews = value["renews_on"]
        tier = value["tier"]
        found[row["subject_id"]] = AccountRow(
            id=row["subject_id"],
            name=value["name"] or row["subject_id"],
            owner=value["owner"] or "",
            tier=f"{tier:g}" if isinstance(tier, float) else str(tier or ""),
            plan=value["plan"] or "",
            stage=value["lifecycle_stage"] or "",
            status=value["status"] or "",
            mrr=value["mrr"],
            renews_on=renews.date() if isinstance(renews, datetime) else renews,
            segment=value["segment"] or "",
            product=value["product"] or "",
        )
    return found


def _plain(value: Any) -> Any:
    """A value of a formula; an instant, which comes without a zone, in UTC."""
    return _utc(value) if isinstance(value, datetime) else value


def _utc(value: datetime) -> datetime:
    return value.astimezone(UTC) if value.tzinfo else value.replace(tzinfo=UTC)


def _here() -> workspace.Workspace:
    here = workspace.current()
    if here is None:
        raise RuntimeError("no workspace is open in this process")
    return here
