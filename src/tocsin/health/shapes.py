"""What the health app hands out: frozen dataclasses. Times are aware and in UTC; scores are 0 to 100, null where not scored."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from tocsin.core.milestones import Milestone
from tocsin.core.plain import plain
from tocsin.core.profiles import Profile
from tocsin.core.scoring import Change, IndicatorScore


@dataclass(frozen=True, slots=True)
class ProfileInfo:
    """A profile in force (also one that is off), or a draft. advice: where it departs from what has proved itself."""

    profile: Profile
    version: int
    origin: str
    draft: bool
    published_at: datetime
    by: str
    source: str
    signals: Mapping[str, str]
    advice: tuple[str, ...] = ()

    @property
    def id(self) -> str:
        """The id of the profile."""
        return self.profile.id


@dataclass(frozen=True, slots=True)
class MilestoneInfo:
    """A milestone template in force, also one that is off."""

    milestone: Milestone
    version: int
    published_at: datetime
    by: str
    source: str

    @property
    def id(self) -> str:
        """The id of the template."""
        return self.milestone.id


@dataclass(frozen=True, slots=True)
class ProfileVersionInfo:
    """One version of a profile: its YAML, and whether it is a draft or the one in force."""

    version: int
    source: str
    current: bool
    draft: bool
    published_at: datetime
    by: str


@dataclass(frozen=True, slots=True)
class ProfilesReport:
    """What publishing did: ids of profiles."""

    added: tuple[str, ...] = ()
    changed: tuple[str, ...] = ()
    unchanged: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class OverrideInfo:
    """A score that a person set. active: whether it holds as of the moment that was asked about."""

    account_id: str
    score: float
    reason: str
    set_at: datetime
    until: datetime
    by: str
    lifted_at: datetime | None
    lifted_by: str
    active: bool


@dataclass(frozen=True, slots=True)
class AccountHealth:
    """The health of an account as of a moment.

    score, band: None: not scored. profile, profile_name, version: what scored it; '' and 0 where no profile is for it.
    computed:    the score without the override. overridden: a person's score stands in its place.
    frozen_at:   when the account churned: everything is as it was just before; None for others.
    """

    account_id: str
    score: float | None
    band: str | None
    profile: str
    profile_name: str
    version: int
    computed: float | None
    overridden: bool
    frozen_at: datetime | None
    indicators: tuple[IndicatorScore, ...]

    def to_json(self) -> dict[str, Any]:
        """The account as `tocsin health --format json` shows it."""
        fields = ("name", "kind", "score", "weight", "effective_weight", "points")
        return {
            "account_id": self.account_id,
            "score": plain(self.score),
            "band": self.band,
            "profile": self.profile or None,
            "frozen": self.frozen_at is not None,
            "overridden": self.overridden,
            "indicators": [{name: plain(getattr(each, name)) for name in fields} for each in self.indicators],
        }


@dataclass(frozen=True, slots=True)
class Split:
    """Why an account's score is what it is, and how it came from what it was: `change.parts` add up to the change."""

    now: AccountHealth
    before: AccountHealth | None
    change: Change


@dataclass(frozen=True, slots=True)
class DayScore:
    """The score at the start of a day of the workspace's zone. mark: which version scored, such as `enterprise@3`; '': none."""

    day: date
    at: datetime
    score: float | None
    band: str | None
    mark: str
    overridden: bool
    frozen: bool


@dataclass(frozen=True, slots=True)
class AuditLine:
    """Who changed what of profiles and overrides, and when."""

    at: datetime
    by: str
    act: str
    what: str
    detail: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Fall:
    """A score that fell between two days. owner: of the account, in small letters, '' for nobody."""

    account_id: str
    name: str
    owner: str
    before: float
    now: float
    band: str | None

    @property
    def points(self) -> float:
        """By how many points; above 0."""
        return self.before - self.now


@dataclass(frozen=True, slots=True)
class Distribution:
    """How many accounts are in each band; churned ones are not counted. bands: `Good`, `Average`, `Poor`, '' (not scored).

    by_profile: id of the profile ('' for none) -> the same.
    """

    bands: Mapping[str, int]
    by_profile: Mapping[str, Mapping[str, int]]


@dataclass(frozen=True, slots=True)
class IndicatorFinding:
    """What the past says of an indicator. auc: how well it tells who left from who stayed, 0.5 being chance; None: not known.

    weight, proposed: today's and the proposed weight, both of 100. known: the share of the cases in which it was there.
    """

    name: str
    kind: str
    weight: float
    proposed: float | None
    auc: float | None
    known: float


@dataclass(frozen=True, slots=True)
class Proposal:
    """Weights of a profile as outcomes propose them, beside today's.

    churns:  accounts that left within the horizon after a moment looked at. cases: (account, moment) pairs, of which `leaving`.
    auc_now, auc_proposed: of the whole score. refusal: why nothing is proposed, one sentence; '' where something is.
    """

    profile: str
    name: str
    version: int
    moments: tuple[datetime, ...]
    horizon_days: int
    churns: int
    cases: int
    leaving: int
    indicators: tuple[IndicatorFinding, ...]
    auc_now: float | None
    auc_proposed: float | None
    refusal: str = ""
