"""What the pages read besides the operational database: the workspace's facts, through the engine. See `tocsin.serving`."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from functools import partial
from typing import Any
from zoneinfo import ZoneInfo

from tocsin.core.language import FormulaError
from tocsin.core.schema import COLLECTIONS
from tocsin.engine import Book, reads_events
from tocsin.facts import timeline
from tocsin.facts.lasting import unchanged_until
from tocsin.serving import at_hand, book, here, kept, lasting, now, place, stamp, store

__all__ = [
    "LATE",
    "AccountRow",
    "account",
    "accounts",
    "book",
    "currency",
    "data_as_of",
    "kept",
    "latest_start",
    "note_unavailable",
    "now",
    "place",
    "series",
    "stamp",
    "store",
    "values",
    "zone",
]

log = logging.getLogger("tocsin.web")
LATE = timedelta(hours=26)  # data older than this is marked: a nightly import has failed

# Of what happens at an instant. Alerts and much of the history (overrides, edits) are of our own making and say nothing of how
# fresh the data is.
OF_OURS = ("alerts", "account_history", "people_history")
_INSTANTS = tuple(
    each.name
    for each in COLLECTIONS.values()
    if each.start is not None and each.column(each.start).type == "time" and each.name not in OF_OURS
)
ACCOUNT_FIELDS = ("name", "owner", "tier", "plan", "lifecycle_stage", "status", "renews_on", "segment", "product")


@dataclass(frozen=True, slots=True)
class AccountRow:
    """An account as of now, for lists and heads of pages. Empty text or None where it is not known.

    mrr: in the reporting currency.
    """

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


def changed() -> None:
    """Facts were changed by a page, or what is said of them: rules are judged anew soon."""
    here().changed()


def address() -> str:
    """Where the server of this workspace is reached on this machine; '' where none runs."""
    return here().address()


def zone() -> ZoneInfo:
    """The workspace's time zone."""
    return here().zone


def currency() -> str:
    """What money is shown in: see `timeline.currency`."""
    return kept(("currency",), lambda: timeline.currency(store()), beside_events=True)


def data_as_of(moment: datetime) -> datetime | None:
    """The last instant that the facts speak of, at or before a moment; None where there are none.

    Facts that only name a day (an invoice's) count only where there is nothing else: they say nothing about the hour.
    """

    def latest() -> datetime | None:
        found = [latest_start(name, moment) for name in _INSTANTS]
        return max((each for each in found if each is not None), default=None) or store().last_moment(moment)

    return kept(("as-of",), latest, moment)


def latest_start(collection: str, moment: datetime) -> datetime | None:
    """How fresh a collection is as of a moment. Where nothing starts later than that, time alone changes nothing of it."""
    beside = collection != "events"
    last = kept(("last", collection), lambda: store().latest_start(collection), beside_events=beside)
    if last is None or last <= moment:
        return last
    return kept(("latest", collection), lambda: store().latest_start(collection, moment), moment, beside_events=beside)


def accounts(moment: datetime) -> dict[str, AccountRow]:
    """Every account as of a moment, by id: one evaluation of attributes, which no event changes."""
    return lasting(("accounts",), lambda: (_accounts(moment), unchanged_until(store(), moment)), moment)


def account(account_id: str, moment: datetime) -> AccountRow | None:
    """One account as of a moment. Where not all of them are known already it is asked for alone."""
    known: dict[str, AccountRow] | None = at_hand(("accounts",), moment)
    if known is not None:
        return known.get(account_id)
    return kept(("account", account_id), lambda: _accounts(moment, account_id), moment, beside_events=True).get(account_id)


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
    found: dict[str, Any] = {}
    for beside, asked in _parted(given, formulas, subject).items():
        key = ("values", tuple(asked), account_id, subject, subject_id, id(given))
        made = partial(_values, given, asked, moment, account_id, subject, subject_id)
        found |= kept(key, made, moment, beside_events=beside)
    return found


def _parted(evaluator: Book, formulas: Sequence[str], subject: str) -> dict[bool, list[str]]:
    """Formulas that no event changes (True), and the others."""
    parts: dict[bool, list[str]] = {}
    for formula in formulas:
        try:
            stands = subject == "account" and not reads_events(evaluator.term(formula))
        except FormulaError:
            stands = False  # whoever asks for its value says so
        parts.setdefault(stands, []).append(formula)
    return parts


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


def _accounts(moment: datetime, only: str | None = None) -> dict[str, AccountRow]:
    found = {}
    for row in book().with_revenue(ACCOUNT_FIELDS, moment, None if only is None else [only]).to_pylist():
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
            mrr=row["revenue"],
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
