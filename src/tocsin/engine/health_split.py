"""Why an account's score is what it is, and why it changed: each indicator with its weight and its points."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from tocsin.core.language.terms import Term
from tocsin.core.profiles import ProfileVersion
from tocsin.core.scoring import CHURNED, OVERRIDE, Change, Standing, TypedVersion, change, standing
from tocsin.engine.health_history import FROZEN_SINCE, JUST_BEFORE
from tocsin.engine.sql.sources import OwnMoments

if TYPE_CHECKING:
    from tocsin.engine.book import Book
    from tocsin.engine.health import Health


@dataclass(frozen=True)
class Reading:
    """The health of an account as of a moment. frozen_at: when it churned; its standing is that of then.

    by_mark: the mark of each version asked about -> the scores of its indicators for this account.
    """

    account_id: str
    standing: Standing
    frozen_at: datetime | None = None
    by_mark: Mapping[str, Sequence[float | None]] = field(default_factory=dict)


def readings(
    book: Book,
    moment: datetime,
    accounts: Collection[str] | None = None,
    also: Iterable[ProfileVersion] = (),
    *,
    health: Health | None = None,
) -> list[Reading]:
    """The health of accounts (None: of all that exist) as of a moment, by id.

    also:   versions whose indicators are read too, though another one scores the account.
    health: by other profiles than the book's.
    """
    by = health or book.health
    asked = _Asked(by, moment, moment, also)
    table = book.evaluate([*asked.terms, CHURNED, FROZEN_SINCE], [moment], "account", only=accounts)
    rows = table.to_pylist()
    churned, since = f"f{len(asked.terms)}", f"f{len(asked.terms) + 1}"
    found = {row["subject_id"]: asked.reading(row["subject_id"], row) for row in rows if not row[churned]}
    gone = [row for row in rows if row[churned] and row[since] is not None]
    pairs = [(row["subject_id"], row[since].replace(tzinfo=UTC) - JUST_BEFORE) for row in gone]
    found |= _frozen(book, by, pairs, also)
    nothing = Standing(None, None, None, frozen=True)
    return [found.get(row["subject_id"]) or Reading(row["subject_id"], nothing) for row in rows]


def _frozen(
    book: Book, health: Health, pairs: Sequence[tuple[str, datetime]], also: Iterable[ProfileVersion]
) -> dict[str, Reading]:
    """The readings of churned accounts, each as of the instant before it churned."""
    if not pairs:
        return {}
    asked = _Asked(health, min(at for _, at in pairs), max(at for _, at in pairs), also)
    rows = book.points(asked.terms, OwnMoments("account", pairs)).to_pylist()
    return {
        row["subject_id"]: asked.reading(row["subject_id"], row, row["moment"].replace(tzinfo=UTC) + JUST_BEFORE)
        for row in rows
    }


class _Asked:
    """The terms of the versions that may decide from one instant to another: which does, the override, all indicators."""

    def __init__(self, health: Health, first: datetime, last: datetime, also: Iterable[ProfileVersion]) -> None:
        known = health.terms(first, last)
        self.chosen = known.everyone
        more = (health.typed[each] for each in also if each in health.typed)
        self.versions: list[TypedVersion] = list(dict.fromkeys((*known.everyone, *more)))
        self.terms: list[Term] = [known.pick, OVERRIDE, *(score for each in self.versions for score in each.scores)]

    def reading(self, account_id: str, row: Mapping[str, Any], frozen_at: datetime | None = None) -> Reading:
        """What a row of answers says."""
        place = 2
        by_mark: dict[str, list[float | None]] = {}
        for each in self.versions:
            by_mark[each.version.mark] = [row[f"f{place + number}"] for number in range(len(each.scores))]
            place += len(each.scores)
        version = None if row["f0"] is None else self.chosen[int(row["f0"])].version
        scores = by_mark[version.mark] if version else ()
        made = standing(version, scores, override=row["f1"], frozen=frozen_at is not None)
        return Reading(account_id, made, frozen_at, by_mark)


def changes(
    book: Book, before: datetime, after: datetime, accounts: Collection[str] | None = None
) -> dict[str, tuple[Reading | None, Reading, Change]]:
    """Account -> its health at two moments and what made the change; None before where it did not exist then."""
    then_in_force = [each.version for each in book.health.group(before)]
    now = readings(book, after, accounts, then_in_force)
    scoring = {each.standing.version for each in now if each.standing.version}
    earlier = {each.account_id: each for each in readings(book, before, accounts, scoring)}
    found: dict[str, tuple[Reading | None, Reading, Change]] = {}
    for each in now:
        past = earlier.get(each.account_id)
        found[each.account_id] = (past, each, _change(past, each))
    return found


def _change(past: Reading | None, now: Reading) -> Change:
    if past is None:
        return Change(None, now.standing.score, (), "the account did not exist then")
    version = now.standing.version
    again = None
    if version is not None and version.mark in past.by_mark:
        again = standing(version, past.by_mark[version.mark])
    return change(past.standing, now.standing, again)
