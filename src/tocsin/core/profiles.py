"""What a health profile is: whom it scores, by which indicators, and where its bands lie. Frozen, without any evaluation."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal, get_args

Band = Literal["Good", "Average", "Poor"]
Kind = Literal["proactive", "reactive"]
ProfileState = Literal["on", "off"]

BANDS: tuple[str, ...] = get_args(Band)  # from the best on
KINDS: tuple[str, ...] = get_args(Kind)
PROFILE_STATES: tuple[str, ...] = get_args(ProfileState)
# Under these names the history of accounts keeps what the engine has scored: the band and which version scored it as they
# changed from day to day, and what a churned account was frozen at.
KEPT = ("health_band", "health_profile", "health_frozen_score", "health_frozen_band", "health_frozen_profile")
PRECISION = 9  # decimals of a score: what is beyond them is the noise of floating point


@dataclass(frozen=True, slots=True)
class Bands:
    """Where the bands begin: a score from `good` up is Good, from `average` up Average, below it Poor."""

    good: float = 70
    average: float = 40

    def of(self, score: float | None) -> Band | None:
        """The band of a score; None of none."""
        if score is None:
            return None
        return "Good" if score >= self.good else "Average" if score >= self.average else "Poor"


@dataclass(frozen=True, slots=True)
class Indicator:
    """One figure of a score. score: a formula of accounts that gives 0 to 100 (what lies outside is cut); null: missing.

    kind:   proactive where it tells of trouble before the customer does (use, outcomes, utilization), reactive where it tells
            what the customer said or suffered (feedback, support and operations).
    weight: its part of the score against those of the others; above 0.
    """

    name: str
    kind: Kind
    weight: float
    score: str


@dataclass(frozen=True, slots=True)
class Profile:
    """How a kind of accounts is scored.

    where:      the accounts it is for, None: everybody that no other profile is for.
    precedence: of the profiles whose `where` is true the one with the smallest number scores the account.
    source:     the YAML text of the profile with its comments, without indentation; '' for one not read from a file.
    """

    id: str
    name: str
    precedence: int
    indicators: tuple[Indicator, ...]
    where: str | None = None
    bands: Bands = Bands()
    state: ProfileState = "on"
    source: str = field(default="", compare=False, repr=False)

    @property
    def formulas(self) -> tuple[str, ...]:
        """All formulas of the profile."""
        return (*([] if self.where is None else [self.where]), *(each.score for each in self.indicators))


@dataclass(frozen=True, slots=True)
class ProfileVersion:
    """A profile as it was published: in force from `published_at` until the next version of the same id.

    signals: name -> formula of every signal that its formulas use, as they were then: a signal that is edited later does not
             change what the version says of the past.
    """

    profile: Profile
    version: int
    published_at: datetime
    signals: Mapping[str, str] = field(default_factory=dict, hash=False)

    @property
    def of(self) -> Profile:
        """The profile as it was."""
        return self.profile

    @property
    def mark(self) -> str:
        """What names the version in the history of scores, such as `enterprise@3`."""
        return f"{self.profile.id}@{self.version}"


def advice(profile: Profile) -> tuple[str, ...]:
    """Where a profile departs from what has proved itself, one sentence each: no error, the profile works all the same."""
    counts = {kind: sum(each.kind == kind for each in profile.indicators) for kind in KINDS}
    why = {
        "proactive": "2 or 3 of them (use, outcomes, utilization) tell of trouble early, and each still moves the score",
        "reactive": "with more than 2 the score follows what customers say rather than what they do",
    }
    low, high = {"proactive": 2, "reactive": 0}, {"proactive": 3, "reactive": 2}
    found = [f"{_counted(counts[kind], kind)}; {why[kind]}" for kind in KINDS if not low[kind] <= counts[kind] <= high[kind]]
    return tuple(f"profile {profile.id!r} has {each}" for each in found)


def never_reached(profiles: Sequence[Profile]) -> tuple[str, ...]:
    """One sentence for each profile that scores nobody, because one for everybody comes before it."""
    on = sorted((each for each in profiles if each.state == "on"), key=lambda each: each.precedence)
    everybody = next((place for place, each in enumerate(on) if each.where is None), len(on))
    return tuple(
        f"profile {each.id!r} scores nobody: {on[everybody].id!r} comes before it and is for everybody"
        for each in on[everybody + 1 :]
    )


def _counted(count: int, kind: str) -> str:
    return f"{count or 'no'} {kind} indicator{'' if count == 1 else 's'}"
