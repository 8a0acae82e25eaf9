"""Weights of a profile proposed from outcomes: how well each indicator told, in the past, who would leave from who would stay.

For the beginnings of past months, the indicators of the accounts that were active then, by today's profiles, are held against
who had churned 90 days later. What is proposed is applied by a person, as a new version; past scores stay what they were.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import numpy as np
import pyarrow as pa

from tocsin.core.errors import UserError
from tocsin.core.language.terms import Const, Term
from tocsin.core.moment import day_of, start_of_day
from tocsin.core.profiles import Profile, ProfileVersion
from tocsin.core.scoring import CHURNED, choose
from tocsin.engine import Book, HealthModel
from tocsin.engine.health import Health
from tocsin.engine.markets import ACTIVE
from tocsin.engine.sql.sources import EveryMoment
from tocsin.health import profilebook
from tocsin.health.shapes import IndicatorFinding, ProfileInfo, ProfilesReport, Proposal

HORIZON = timedelta(days=90)
MONTHS = 24
FEWEST_CHURNS = 20
FLOOR = 5  # of 100: an indicator that told nothing so far keeps a voice
WHOLE = 100


def propose(
    book: Book, moment: datetime, profile_id: str | None = None, *, among: Sequence[ProfileInfo] | None = None
) -> list[Proposal]:
    """What outcomes propose for each profile that is on (or for one), by precedence. UserError: there is no such profile.

    among: the profiles in force, where they are read already: then the database is not asked.
    """
    known = profilebook.profiles() if among is None else among
    wanted = [profilebook.profile(profile_id)] if profile_id else known
    infos = [info for info in known if info.profile.state == "on"]
    today = tuple(ProfileVersion(info.profile, info.version, datetime.min.replace(tzinfo=UTC), info.signals) for info in infos)
    moments = _months(moment, book.store.zone)
    found = _cases(book, HealthModel(today), moments) if moments else {}
    asked = {info.id for info in wanted}
    return [_proposal(each, found.get(each.mark), moments) for each in today if each.profile.id in asked]


def apply_weights(profile_id: str, weights: Mapping[str, float], *, by: str, moment: datetime) -> ProfilesReport:
    """Publish a version of a profile with other weights; those that are not named stay. UserError for an unknown indicator."""
    info = profilebook.profile(profile_id)
    profile = info.profile
    unknown = sorted(weights.keys() - {each.name for each in profile.indicators})
    if unknown:
        raise UserError(f"profile {profile_id!r} has no indicator {unknown[0]!r}")
    if any(not weight > 0 for weight in weights.values()):
        raise UserError("a weight is above 0; leave an indicator out of the profile where it should not count")
    changed = tuple(replace(each, weight=float(weights.get(each.name, each.weight))) for each in profile.indicators)
    return profilebook.publish_profiles([replace(profile, indicators=changed)], info.signals, by=by, moment=moment)


# Cases


@dataclass(frozen=True)
class _Cases:
    """Of the accounts that one profile scored: scores (cases x indicators, NaN: missing), who was leaving, and whose cases."""

    scores: np.ndarray
    leaving: np.ndarray
    accounts: list[str]


def _months(moment: datetime, zone: ZoneInfo) -> list[datetime]:
    """The beginnings of months, at least the horizon before a moment, oldest first."""
    day: date = day_of(moment - HORIZON, zone).replace(day=1)
    found = []
    for _ in range(MONTHS):
        found.append(start_of_day(day, zone))
        day = (day - timedelta(days=1)).replace(day=1)
    return [each for each in reversed(found) if each + HORIZON <= moment]


def _cases(book: Book, model: HealthModel, moments: Sequence[datetime]) -> dict[str, _Cases]:
    """Mark of a version -> the cases that it scored."""
    health = Health(model, book.names)
    known = health.terms(moments[0], moments[-1])
    terms: list[Term] = [known.pick, *(score for each in known.everyone for score in each.scores)]
    table = book.points(terms, EveryMoment("account", moments), where=ACTIVE)
    gone = _gone(book, [each + HORIZON for each in moments])
    names = table.column("subject_id").to_pylist()
    leaving = np.array(
        [(name, at + HORIZON) in gone for name, at in zip(names, table.column("moment").to_pylist(), strict=True)], dtype=bool
    )
    picked = _numbers(table, "f0")
    found, place = {}, 1
    for number, each in enumerate(known.everyone):
        mine = picked == number
        columns = [_numbers(table, f"f{place + index}")[mine] for index in range(len(each.scores))]
        place += len(each.scores)
        scores = np.column_stack(columns)
        whose = [name for name, taken in zip(names, mine, strict=True) if taken]
        found[each.version.mark] = _Cases(scores, leaving[mine], whose)
    return found


def _gone(book: Book, moments: Sequence[datetime]) -> set[tuple[str, datetime]]:
    """(account, moment without a zone) of the accounts that had churned by each moment."""
    false = Const("boolean", value=False)
    table = book.points([], EveryMoment("account", moments), where=choose(CHURNED, Const("boolean", value=True), false))
    return set(zip(table.column("subject_id").to_pylist(), table.column("moment").to_pylist(), strict=True))


def _numbers(table: pa.Table, name: str) -> np.ndarray:
    """A column of numbers; NaN where null."""
    return np.asarray(table.column(name).cast(pa.float64()).to_numpy(), dtype=float)


# Proposals


def _proposal(version: ProfileVersion, cases: _Cases | None, moments: Sequence[datetime]) -> Proposal:
    profile = version.profile
    leaving = cases.leaving if cases is not None else np.zeros(0, dtype=bool)
    scores = cases.scores if cases is not None else np.zeros((0, len(profile.indicators)))
    churns = len({name for name, left in zip(cases.accounts, leaving, strict=True) if left}) if cases is not None else 0
    aucs = [auc(scores[:, place], leaving) for place in range(len(profile.indicators))]
    today = [each.weight / sum(other.weight for other in profile.indicators) * WHOLE for each in profile.indicators]
    refusal = _refusal(profile, churns, aucs)
    proposed = None if refusal else weights([each or 0.5 for each in aucs])
    findings = tuple(
        IndicatorFinding(
            each.name,
            each.kind,
            today[place],
            None if proposed is None else float(proposed[place]),
            aucs[place],
            float(np.mean(~np.isnan(scores[:, place]))) if len(scores) else 0.0,
        )
        for place, each in enumerate(profile.indicators)
    )
    return Proposal(
        profile=profile.id,
        name=profile.name,
        version=version.version,
        moments=tuple(moments),
        horizon_days=HORIZON.days,
        churns=churns,
        cases=len(leaving),
        leaving=int(leaving.sum()),
        indicators=findings,
        auc_now=auc(weighted(scores, today), leaving),
        auc_proposed=None if proposed is None else auc(weighted(scores, proposed), leaving),
        refusal=refusal,
    )


def _refusal(profile: Profile, churns: int, aucs: Sequence[float | None]) -> str:
    if churns < FEWEST_CHURNS:
        return (
            f"too little to learn from: {churns} account{'' if churns == 1 else 's'} that {profile.name} scored left within "
            f"{HORIZON.days} days, and it takes {FEWEST_CHURNS}"
        )
    if not any(each is not None and each > 0.5 for each in aucs):
        return "no indicator told who would leave; look for others before weighing these anew"
    return ""


def auc(scores: np.ndarray, leaving: np.ndarray) -> float | None:
    """The chance that one who leaves has a lower score than one who stays, ties half; None without any of either.

    scores: NaN where missing; such cases are left out.
    """
    known = ~np.isnan(scores)
    values, left = scores[known], leaving[known]
    leavers, stayers = int(left.sum()), int((~left).sum())
    if not leavers or not stayers:
        return None
    _, places, counts = np.unique(values, return_inverse=True, return_counts=True)
    ranks = (np.cumsum(counts) - (counts - 1) / 2)[places]  # of ties the middle
    above = ranks[~left].sum() - stayers * (stayers + 1) / 2
    return float(above / (leavers * stayers))


def weights(aucs: Sequence[float]) -> list[int]:
    """Whole weights that add up to 100: in proportion to how far each is above chance, none under the floor."""
    gains = [max(each - 0.5, 0.0) for each in aucs]
    spare = WHOLE - FLOOR * len(gains)
    exact = [FLOOR + spare * gain / sum(gains) for gain in gains]
    made = [int(each) for each in exact]
    by_rest = sorted(range(len(exact)), key=lambda place: exact[place] - made[place], reverse=True)
    for place in by_rest[: WHOLE - sum(made)]:
        made[place] += 1
    return made


def weighted(scores: np.ndarray, given: Sequence[float]) -> np.ndarray:
    """The weighted mean of each case, missing ones left out; NaN where less than half of the weight is there."""
    by = np.asarray(given, dtype=float)
    known = ~np.isnan(scores)
    there = (known * by).sum(axis=1)
    total = (np.where(known, scores, 0.0) * by).sum(axis=1)
    return np.where(there * 2 >= by.sum() - 1e-9, total / np.where(there > 0, there, 1.0), np.nan)
