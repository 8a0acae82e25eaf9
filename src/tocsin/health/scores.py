"""Scores as people look at them: accounts, days, distributions, and why a score is what it is."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Sequence
from datetime import UTC, datetime, timedelta

from tocsin.core.errors import UserError
from tocsin.core.moment import day_of, floor_day, iso
from tocsin.core.profiles import BANDS
from tocsin.engine import Book, HealthModel
from tocsin.engine.health import Health, Needs
from tocsin.engine.health_history import bring_up_to_date, scored_days
from tocsin.engine.health_split import Reading, changes, readings
from tocsin.health.shapes import AccountHealth, DayScore, Distribution, Fall, Split

TREND = timedelta(days=30)


def health(book: Book, moment: datetime, accounts: Collection[str] | None = None) -> list[AccountHealth]:
    """The health of accounts (None: of all that exist) as of a moment, by id."""
    return [_shown(each) for each in readings(book, moment, accounts)]


def split(book: Book, account_id: str, moment: datetime, before: datetime | None = None) -> Split:
    """Why an account's score is what it is, and what made it change since an earlier moment (default: 30 days before).

    UserError where the account does not exist as of the moment.
    """
    found = changes(book, before or moment - TREND, moment, [account_id])
    if account_id not in found:
        raise UserError(f"there is no account {account_id!r} as of {iso(moment)}")
    past, now, change = found[account_id]
    return Split(_shown(now), _shown(past) if past else None, change)


def splits(
    book: Book, moment: datetime, before: datetime | None = None, accounts: Collection[str] | None = None
) -> dict[str, Split]:
    """As `split`, of many accounts (None: of all): account -> its split."""
    found = changes(book, before or moment - TREND, moment, accounts)
    return {name: Split(_shown(now), _shown(past) if past else None, made) for name, (past, now, made) in found.items()}


def history(book: Book, accounts: Collection[str], first: datetime, last: datetime) -> dict[str, list[DayScore]]:
    """The scores of accounts at the starts of days in [first, last]: account -> its days, oldest first."""
    found: dict[str, list[DayScore]] = {name: [] for name in accounts}
    for row in scored_days(book, first, last, sorted(accounts)).to_pylist():
        at = row["at"].replace(tzinfo=UTC)
        day = DayScore(
            day_of(at, book.store.zone),
            at,
            row["score"],
            row["band"],
            row["profile"] or "",
            overridden=bool(row["overridden"]),
            frozen=bool(row["frozen"]),
        )
        found[row["account_id"]].append(day)
    return found


def falls(book: Book, moment: datetime, days: int = 7) -> list[Fall]:
    """The accounts whose score fell in the days before a moment, those that fell most first.

    Compared is what is kept of two starts of days: that of the moment's day and that of so many days earlier. Churned accounts
    are left out, and those that another version of a profile scores now: that is no change of theirs.
    """
    today = floor_day(moment, book.store.zone)
    first = floor_day(moment - timedelta(days=days), book.store.zone)
    then, now = (
        {
            (row["account_id"], row["profile"]): row
            for row in scored_days(book, at, at, None).to_pylist()
            if row["score"] is not None and not row["frozen"]
        }
        for at in (first, today)
    )
    fallen = {
        key[0]: (float(then[key]["score"]), float(row["score"]), row["band"])
        for key, row in now.items()
        if key in then and row["score"] < then[key]["score"]
    }
    if not fallen:
        return []
    rows = book.signals(["name", "owner"], [moment], only=sorted(fallen)).to_pylist()
    found = [
        Fall(row["subject_id"], row["f0"] or row["subject_id"], (row["f1"] or "").lower(), *fallen[row["subject_id"]])
        for row in rows
    ]
    return sorted(found, key=lambda each: (-each.points, each.account_id))


def distribution(book: Book, moment: datetime, accounts: Collection[str] | None = None) -> Distribution:
    """How many accounts are in each band as of a moment, churned ones left out."""
    return _distribution(readings(book, moment, accounts))


def preview(book: Book, model: HealthModel, moment: datetime, accounts: Collection[str] | None = None) -> Distribution:
    """As `distribution`, by other profiles (drafts, say); nothing that is kept is touched by it."""
    return _distribution(readings(book, moment, accounts, health=Health(model, book.names)))


def rebuild(book: Book, moment: datetime) -> int:
    """Drop all that is kept of scores and make it anew from the facts, up to a moment; gives the number of scored days."""
    book.store.scores.forget()
    book.store.reached.forget()  # of milestones; made anew when they are asked for
    bring_up_to_date(book, Needs(moment, moment, (moment, moment)))
    return book.store.scores.count()


def _distribution(found: Sequence[Reading]) -> Distribution:
    bands: Counter[str] = Counter(dict.fromkeys((*BANDS, ""), 0))
    by_profile: dict[str, Counter[str]] = {}
    for each in found:
        if each.frozen_at is not None or each.standing.frozen:
            continue
        band, profile = each.standing.band or "", each.standing.profile
        bands[band] += 1
        name = profile.id if profile else ""
        by_profile.setdefault(name, Counter(dict.fromkeys((*BANDS, ""), 0)))[band] += 1
    return Distribution(dict(bands), {name: dict(counts) for name, counts in sorted(by_profile.items())})


def _shown(reading: Reading) -> AccountHealth:
    found = reading.standing
    profile = found.profile
    return AccountHealth(
        account_id=reading.account_id,
        score=found.score,
        band=found.band,
        profile=profile.id if profile else "",
        profile_name=profile.name if profile else "",
        version=found.version.version if found.version else 0,
        computed=found.computed,
        overridden=found.overridden,
        frozen_at=reading.frozen_at,
        indicators=found.indicators,
    )
