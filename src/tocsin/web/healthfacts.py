"""What the health pages ask of the facts: kept daily scores at once, and beside the page what has to be computed.

Nothing here computes a score within a request: the scores of days are read as they are kept, and what brings them up to date,
splits a score or proposes weights is made in the background.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from tocsin.core.moment import DAY, day_of, floor_day
from tocsin.core.profiles import BANDS, Bands
from tocsin.engine import Book
from tocsin.engine.health_history import scored_days
from tocsin.health import facade as health
from tocsin.health.facade import OverrideInfo, Proposal, Split
from tocsin.web import source
from tocsin.web.background import Asked, beside

TREND, WEEK, CHARTED = timedelta(days=30), timedelta(days=7), timedelta(days=90)
SHOWN_BANDS = (*BANDS, "")
MOVED = 25  # accounts listed of those that moved up, and of those that moved down


@dataclass(frozen=True, slots=True)
class Standing:
    """A kept score of the start of a day. band, score: None: not scored. mark: which version scored, '' for none."""

    at: datetime
    score: float | None
    band: str | None
    mark: str
    overridden: bool = False
    frozen: bool = False

    @property
    def profile(self) -> str:
        """The id of the profile (of `enterprise@3` it is `enterprise`); '' for none."""
        return self.mark.rpartition("@")[0]


@dataclass(frozen=True, slots=True)
class BandCount:
    """How many accounts are in a band ('': not scored), and their MRR, now and 30 days ago (None: no day is kept of then)."""

    band: str
    accounts: int
    mrr: float
    accounts_then: int | None
    mrr_then: float | None

    @property
    def more(self) -> int | None:
        """The change of the number of accounts."""
        return None if self.accounts_then is None else self.accounts - self.accounts_then

    @property
    def more_mrr(self) -> float | None:
        """The change of the money."""
        return None if self.mrr_then is None else self.mrr - self.mrr_then


@dataclass(frozen=True, slots=True)
class Spread:
    """The bands of the accounts that a profile scores (id '': no profile; None: all accounts), from the best on."""

    profile: str | None
    bands: tuple[BandCount, ...]

    @property
    def total(self) -> int:
        """How many accounts it is."""
        return sum(each.accounts for each in self.bands)


@dataclass(frozen=True, slots=True)
class Move:
    """An account that is in another band than a week ago. rescored: by another profile, or another version of it."""

    account_id: str
    name: str
    mrr: float | None
    before: Standing
    after: Standing
    rescored: bool


@dataclass(frozen=True, slots=True)
class Overview:
    """The health of the book at the start of a day. down and up: the largest accounts first; counts are of all that moved."""

    day: date
    whole: Spread
    profiles: Mapping[str, Spread]
    down: tuple[Move, ...]
    up: tuple[Move, ...]
    count_down: int
    count_up: int


def ask_overview(*, wait: bool = True) -> Asked[Overview]:
    """The health of the book, from the kept days; days that are not kept yet are made first, beside the page."""
    book, moment, zone = source.book(), source.now(), source.zone()
    today = floor_day(moment, zone)

    def make() -> Overview:
        return overview(book, moment, today, floor_day(today - TREND, zone), floor_day(today - WEEK, zone))

    return beside.ask(("overview", source.place()), (source.stamp(), book.model, today), make, wait=wait)


def overview(book: Book, moment: datetime, today: datetime, month: datetime, week: datetime) -> Overview:
    """The health of the book at the start of today, beside that of the two earlier days. Churned accounts are left out."""
    table = scored_days(book, month, today)
    days = {at: _by_account(table, at) for at in (today, month, week)}
    known = _money(book, moment)
    now = {name: (each, known.get(name, ("", None))[1]) for name, each in days[today].items()}
    earlier = _then(book, month, days[month])
    marks = sorted({each.profile for each, _ in now.values()})
    spreads = {mark: _spread(mark, now, earlier) for mark in marks}
    moves = [
        Move(name, *known.get(name, (name, None)), days[week][name], each, days[week][name].mark != each.mark)
        for name, each in days[today].items()
        if name in days[week] and each.band and days[week][name].band and each.band != days[week][name].band
    ]
    moves.sort(key=lambda move: (-(move.mrr or 0), move.account_id))
    down = [move for move in moves if BANDS.index(move.after.band or "") > BANDS.index(move.before.band or "")]
    up = [move for move in moves if move not in down]
    day = day_of(today, book.store.zone)
    return Overview(day, _spread(None, now, earlier), spreads, tuple(down[:MOVED]), tuple(up[:MOVED]), len(down), len(up))


_Held = Mapping[str, tuple[Standing, float | None]]


def _then(book: Book, month: datetime, days: Mapping[str, Standing]) -> _Held:
    money = _money(book, month)
    return {name: (each, money.get(name, ("", None))[1]) for name, each in days.items()}


def _money(book: Book, moment: datetime) -> dict[str, tuple[str, float | None]]:
    """Account -> its name, and its MRR in the reporting currency, as of a moment."""
    table = book.with_revenue(["name"], moment)
    columns = (table.column(name).to_pylist() for name in ("subject_id", "f0", "revenue"))
    return {name: (called or name, mrr) for name, called, mrr in zip(*columns, strict=True)}


def _spread(profile: str | None, now: _Held, earlier: _Held) -> Spread:
    """The bands of a profile's accounts, or of all."""
    counts = _counted(profile, now)
    before = _counted(profile, earlier) if earlier else None
    return Spread(
        profile,
        tuple(BandCount(band, *counts[band], *(before[band] if before else (None, None))) for band in SHOWN_BANDS),
    )


def _counted(profile: str | None, held: _Held) -> dict[str, tuple[int, float]]:
    counts: dict[str, tuple[int, float]] = dict.fromkeys(SHOWN_BANDS, (0, 0.0))
    for each, mrr in held.values():
        if profile is None or each.profile == profile:
            number, money = counts[each.band or ""]
            counts[each.band or ""] = (number + 1, money + (mrr or 0.0))
    return counts


def _by_account(table: pa.Table, at: datetime) -> dict[str, Standing]:
    """Account -> its standing on a day; churned ones are left out."""
    plain = at.astimezone(UTC).replace(tzinfo=None)
    day = table.filter(pc.and_(pc.equal(table.column("at"), pa.scalar(plain, table.column("at").type)), _living(table)))
    return dict(_standings(day))


def _living(table: pa.Table) -> Any:
    return pc.invert(pc.fill_null(table.column("frozen"), False))


def _standings(table: pa.Table) -> list[tuple[str, Standing]]:
    """The rows of `DuckScores.days`."""
    names = ("account_id", "at", "score", "band", "profile", "overridden", "frozen")
    columns = (table.column(name).to_pylist() for name in names)
    return [
        (name, Standing(at.replace(tzinfo=UTC), score, band, mark or "", overridden=bool(over), frozen=bool(gone)))
        for name, at, score, band, mark, over, gone in zip(*columns, strict=True)
    ]


# Lists and single accounts, from what is kept


def latest(moment: datetime) -> Mapping[str, Standing]:
    """Account -> its score on the latest kept day, or the one that a person has set since; nothing while no day is kept."""
    scores = source.store().scores
    state = scores.kept()
    if state is None or state.last is None:
        return {}
    last = state.last
    key = ("health-latest", last, state.model, scores.revision)
    known = source.kept(key, lambda: dict(_standings(scores.days(None, last, last))), beside_events=True)
    bands = {info.id: info.profile.bands for info in health.profiles()}
    by_hand = {}
    for each in health.overrides(moment):
        kept = known.get(each.account_id)
        if kept is not None and not kept.frozen:
            band = bands.get(kept.profile, Bands()).of(each.score)
            by_hand[each.account_id] = replace(kept, score=each.score, band=band, overridden=True)
    return {**known, **by_hand} if by_hand else known


def days(account_id: str, moment: datetime) -> list[Standing]:
    """The kept scores of an account in the last 90 days, oldest first."""
    scores = source.store().scores

    def made() -> list[Standing]:
        found = scores.days([account_id], floor_day(moment - CHARTED, source.zone()), moment)
        return [each for _, each in _standings(found)]

    return source.kept(("health-days", account_id, scores.revision), made, moment, beside_events=True)


def change_of(standings: Sequence[Standing]) -> float | None:
    """The change of the score between the latest day and 30 days before it; None where one of them is not known."""
    if not standings or standings[-1].score is None:
        return None
    then = [each for each in standings if each.at <= standings[-1].at - TREND + DAY / 12]
    return None if not then or then[-1].score is None else standings[-1].score - then[-1].score


def ask_split(account_id: str, override: OverrideInfo | None) -> Asked[Split]:
    """Why an account's score is what it is, and what changed it in 30 days."""
    book, moment = source.book(), source.now()
    key = ("split", source.place(), account_id, override.set_at if override else None)
    stamp = (source.stamp(), book.model, floor_day(moment, source.zone()))
    return beside.ask(key, stamp, lambda: health.split(book, account_id, moment))


def ask_proposals() -> Asked[Sequence[Proposal]]:
    """The weights that outcomes propose for each profile that is on."""
    book, moment, among = source.book(), source.now(), health.profiles()
    key = ("proposals", source.place(), tuple((each.id, each.version) for each in among))
    stamp = (source.stamp(), floor_day(moment, source.zone()))
    return beside.ask(key, stamp, lambda: health.propose(book, moment, among=among))
