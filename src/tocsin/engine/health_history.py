"""What is kept of health over time, made from the facts whenever it is asked for and not up to date.

The history of health is its value at each start of day in the workspace's zone. What is kept is a cache: making it anew gives
the same. It is made anew, for the accounts and from the day concerned, where facts arrived that change the past, where an
override was set there, and where another version of a profile decides.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from tocsin.core.language.terms import Attribute, Const, Operation, Term, Turned
from tocsin.core.moment import DAY, day_of, iso, start_of_day
from tocsin.core.scoring import CHURNED, OVERRIDE, choose
from tocsin.engine.health import REACH, Needs
from tocsin.engine.keptdays import days_between, portions
from tocsin.engine.sql.sources import EveryMoment, OwnMoments
from tocsin.facts.scores import Kept

if TYPE_CHECKING:
    from zoneinfo import ZoneInfo

    from tocsin.engine.book import Book

JUST_BEFORE = timedelta(microseconds=1)  # what comes with the churn itself (seats that end, say) is no part of the score
EVER = datetime.min.replace(tzinfo=UTC)
REVISION = 1  # raised when the same profiles come to mean another score, so that what is kept is made anew
# Notes are worked off together where they are about as old as each other: a late event of long ago is one account's affair.
AGES = (timedelta(days=2), timedelta(days=30), timedelta.max)
OVERRIDDEN = Operation("boolean", "not", (Operation("boolean", "is_null", (OVERRIDE,)),))
TRUE, FALSE = Const("boolean", value=True), Const("boolean", value=False)
FROZEN_SINCE = Operation(
    "time", "coalesce", (Attribute("time", "account", "churned_at"), Turned("time", "account", "status", "since"))
)


def bring_up_to_date(book: Book, needs: Needs) -> None:
    """Make what these needs read: what churned accounts were frozen at, and the history as far as it is asked for."""
    scores = book.store.scores
    with scores.lock:
        kept, (seen, notes) = scores.kept(), scores.notes()
        model = _model(book)
        touched = {note.account_id: note.since for note in notes if note.account_id is not None}
        everybody = [note.since for note in notes if note.account_id is None]
        if notes and book.health.looks_at_market:
            everybody, touched = [note.since for note in notes], {}
        if kept is None:
            everybody = [EVER]
        elif kept.model != model:
            everybody.append(_differs_from(kept.model, model))
        if everybody:
            _freeze(book, None)
        elif touched:
            _freeze(book, sorted(touched))
        span = _span(kept, needs, book.store.zone)
        changed = _score(book, kept, span, min(everybody, default=None), touched)
        if changed.since is not None or kept is None or kept.model != model or notes:
            first, last = span or (None, None)
            scores.settle(Kept(model, first, last), changed.accounts, changed.since, seen)


# Which days


@dataclass(frozen=True)
class _Changed:
    """Whose days were scored (accounts None: everybody's), from when on; since None: nobody's."""

    accounts: Collection[str] | None
    since: datetime | None


def _span(kept: Kept | None, needs: Needs, zone: ZoneInfo) -> tuple[datetime, datetime] | None:
    """The first and the last start of day to be kept: what is kept already, and what is asked for; None for no days."""
    known = (kept.first, kept.last) if kept is not None and kept.first and kept.last else None
    if needs.history is None:
        return known
    first = start_of_day(day_of(_back(needs.history[0], REACH), zone), zone)
    last = start_of_day(day_of(needs.history[1], zone), zone)
    return (min(first, known[0]), max(last, known[1])) if known else (first, last)


def _score(
    book: Book,
    kept: Kept | None,
    span: tuple[datetime, datetime] | None,
    redo: datetime | None,
    touched: dict[str, datetime],
) -> _Changed:
    """Score the days of a span that are not kept, and those that are not right any more: from `redo` on, or of touched ones."""
    if span is None:
        return _Changed((), None)
    zone = book.store.zone
    first, last = span
    known = (kept.first, kept.last) if kept is not None and kept.first and kept.last else None
    if known is None:
        _score_days(book, None, days_between(first, last, zone))
        return _Changed(None, first)
    begun, ended = known
    until = ended if redo is None else _before(max(redo, begun), zone)
    parts = [day for day in days_between(first, last, zone) if day < begun or day > until]
    if parts:
        _score_days(book, None, parts)
    late = {name: at for name, at in touched.items() if at <= until}
    for accounts, since in _by_age(late, until):
        _score_days(book, accounts, [day for day in days_between(begun, until, zone) if day >= since])
    earliest = min([*parts, *(max(at, begun) for at in late.values())], default=None)
    return _Changed(None if parts else set(late), earliest)


def _by_age(touched: dict[str, datetime], now: datetime) -> Iterator[tuple[list[str], datetime]]:
    """The accounts in groups, each with its earliest instant."""
    for shorter, longer in zip((timedelta.min, *AGES), AGES, strict=False):
        group = {name: at for name, at in touched.items() if shorter < now - at <= longer}
        if group:
            yield sorted(group), min(group.values())


def _before(moment: datetime, zone: ZoneInfo) -> datetime:
    """The latest start of day before an instant."""
    start = start_of_day(day_of(moment, zone), zone)
    return start if start < moment else start_of_day(day_of(moment, zone) - DAY, zone)


def _back(moment: datetime, length: timedelta) -> datetime:
    return moment - length if moment - EVER > length else EVER + DAY


# Scoring


def _score_days(book: Book, accounts: Collection[str] | None, days: Sequence[datetime]) -> None:
    """Score accounts (None: all) at starts of days, and keep what comes of it."""
    for chunk in portions(days, book.store.scores.accounts() if accounts is None else len(accounts)):
        known = book.health.terms(chunk[0], chunk[-1])
        terms: list[Term] = [
            known.score,
            known.band,
            known.mark,
            choose(CHURNED, FALSE, OVERRIDDEN),
            choose(CHURNED, TRUE, FALSE),
        ]
        if len(chunk) == 1:  # of one moment the statement that sweeps use is the quicker one
            table = book.evaluate(terms, chunk, "account", only=accounts)
            at = pa.array([chunk[0].replace(tzinfo=None)] * table.num_rows, pa.timestamp("us"))
            table = table.append_column("moment", at)
        else:
            table = book.points(terms, EveryMoment("account", chunk, only=accounts))
        rows = _named(table, ("score", "band", "mark", "overridden", "frozen"))
        book.store.scores.keep_days(rows, accounts, chunk[0], chunk[-1])


def _freeze(book: Book, accounts: Collection[str] | None) -> None:
    """Keep what accounts that have churned were frozen at, from each instant on at which that may have become another."""
    pairs = book.store.scores.turning_points(accounts)
    rows: list[dict[str, Any]] = []
    if pairs:
        found = book.points([CHURNED, FROZEN_SINCE], OwnMoments("account", pairs)).to_pylist()
        churned = [row for row in found if row["f0"] and row["f1"] is not None]
        since = {(row["subject_id"], row["moment"]): row["f1"] - JUST_BEFORE for row in churned}
        then = frozen_at(book, sorted({(name, at.replace(tzinfo=UTC)) for (name, _), at in since.items()}))
        for (name, at), moment in since.items():
            scored = then.get((name, moment.replace(tzinfo=UTC)))
            if scored is not None:
                rows.append({"subject_id": name, "at": at, **scored})
    schema = pa.schema(
        [("subject_id", pa.string()), ("at", pa.timestamp("us")), ("score", pa.float64())]
        + [(name, pa.string()) for name in ("band", "mark")]
    )
    book.store.scores.keep_frozen(pa.Table.from_pylist(rows, schema), accounts)


def frozen_at(book: Book, pairs: Sequence[tuple[str, datetime]]) -> dict[tuple[str, datetime], dict[str, Any]]:
    """(account, moment) -> `score`, `band`, `mark` as if it had not churned; of an account that did not exist then nothing."""
    if not pairs:
        return {}
    known = book.health.terms(min(at for _, at in pairs), max(at for _, at in pairs))
    table = book.points(list(known.living), OwnMoments("account", pairs))
    return {
        (row["subject_id"], row["moment"].replace(tzinfo=UTC)): {"score": row["f0"], "band": row["f1"], "mark": row["f2"]}
        for row in table.to_pylist()
    }


def _named(table: pa.Table, names: Sequence[str]) -> pa.Table:
    """`subject_id`, `at` and the values under names."""
    columns = [table.column("subject_id"), table.column("moment"), *(table.column(f"f{n}") for n in range(len(names)))]
    return pa.table(columns, names=["subject_id", "at", *names])


# By which profiles


def _model(book: Book) -> str:
    """What scores hang on besides the facts, as text: each version with what its formulas come to, holidays, milestones."""
    versions = sorted(
        [each.profile.id, each.version, iso(each.published_at), _digest([typed.where, typed.scores, each.profile])]
        for each, typed in book.health.typed.items()
    )
    other = [REVISION, book.holidays, *([book.milestones.said] if book.templates else [])]  # of which indicators may be made
    return json.dumps({"versions": versions, "other": _digest(other)})


def _digest(what: object) -> str:
    return hashlib.sha256(repr(what).encode()).hexdigest()[:16]


def _differs_from(before: str, after: str) -> datetime:
    """From when on the two say something else: from the first version that is new, where it is not its profile's first."""
    old, new = json.loads(before), json.loads(after)
    if old.get("other") != new["other"]:
        return EVER
    gone = [each for each in old["versions"] if each not in new["versions"]]
    added = [each for each in new["versions"] if each not in old["versions"]]
    known = {each[0] for each in old["versions"]}
    if gone or any(each[0] not in known for each in added):  # the first version of a profile decides for all before it too
        return EVER
    return min(datetime.fromisoformat(each[2]) for each in added)


# Reading


@dataclass(frozen=True, slots=True)
class Turn:
    """A change of health: an account's value at an instant is another than before, scored by the same version of a profile."""

    account_id: str
    at: datetime
    before: str | float | None
    after: str | float | None


def turns(book: Book, name: str, moments: Sequence[datetime], accounts: Collection[str] | None = None) -> list[Turn]:
    """The changes of `health_band` or `health_score` after the first moment, up to the last one, by account and instant.

    They are those between neighbours in the line of the moments and of the starts of days between them. A change that comes
    with another version of a profile, or another profile, is none: it is a change of the yardstick.
    """
    ordered = sorted(set(moments))
    if len(ordered) < 2:
        return []
    column = {"health_band": "band", "health_score": "score"}[name]
    days = [day for day in days_between(ordered[0], ordered[-1], book.store.zone) if ordered[0] < day <= ordered[-1]]
    others = [moment for moment in ordered if moment not in set(days)]
    parts = [_values(book, column, others, accounts)]
    if days:
        kept = scored_days(book, days[0], days[-1], accounts)
        parts.append(kept.select(["account_id", "at", column, "profile"]).rename_columns(["account_id", "at", "value", "mark"]))
    table = pa.concat_tables(parts, promote_options="permissive").sort_by([("account_id", "ascending"), ("at", "ascending")])
    return _turned(table.combine_chunks())


def scored_days(book: Book, first: datetime, last: datetime, accounts: Collection[str] | None = None) -> pa.Table:
    """The scores at the starts of days in [first, last], by account and day; see `DuckScores.days` for the columns."""
    needs = Needs(first, last, (_forward(first, REACH, last), last))
    bring_up_to_date(book, needs)
    return book.store.scores.days(accounts, first, last)


def _forward(moment: datetime, length: timedelta, at_most: datetime) -> datetime:
    """The moment whose history begins at a moment."""
    return min(moment + length, at_most)


def _values(book: Book, column: str, moments: Sequence[datetime], accounts: Collection[str] | None) -> pa.Table:
    """`account_id`, `at`, `value`, `mark` at some moments."""
    kind = {"band": ("text", "health_band"), "score": ("number", "health_score")}[column]
    asked: list[Term] = [Attribute(kind[0], "account", kind[1]), Attribute("text", "account", "health_profile")]  # type: ignore[arg-type]
    table = book.points(asked, EveryMoment("account", list(moments), only=accounts))
    return pa.table(
        [table.column("subject_id"), table.column("moment"), table.column("f0"), table.column("f1")],
        names=["account_id", "at", "value", "mark"],
    )


def _turned(table: pa.Table) -> list[Turn]:
    """The rows that differ from the one before them, of the same account and mark."""
    if table.num_rows < 2:
        return []
    earlier, later = table.slice(0, table.num_rows - 1), table.slice(1)

    def same(name: str) -> Any:
        equal = pc.equal(earlier.column(name), later.column(name))
        nulls = pc.and_(pc.is_null(earlier.column(name)), pc.is_null(later.column(name)))
        return pc.fill_null(pc.or_kleene(equal, nulls), False)

    turned = pc.and_(pc.and_(same("account_id"), same("mark")), pc.invert(same("value")))
    places = np.flatnonzero(turned.to_numpy(zero_copy_only=False))
    before, after = earlier.take(places), later.take(places)
    return [
        Turn(row["account_id"], row["at"].replace(tzinfo=UTC), past, row["value"])
        for past, row in zip(before.column("value").to_pylist(), after.to_pylist(), strict=True)
    ]
