"""The shapes in which the people app tells others what it knows: frozen, without a model in sight. Times are UTC."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime

DIGESTS = ("daily", "weekly", "off")
TEAM_DIGESTS = ("weekly", "off")
WORKDAYS = (0, 1, 2, 3, 4)


@dataclass(frozen=True, slots=True)
class AwayPeriod:
    """From `begins_at` until `ends_at` (not in it) somebody is away. stand_in: who is told meanwhile, '' for nobody."""

    begins_at: datetime
    ends_at: datetime
    stand_in: str = ""


@dataclass(frozen=True, slots=True)
class Preferences:
    """How a person works and wants to be told. Minutes are after local midnight, on the wall's clock.

    zone: IANA name, '' for the workspace's. work_days: Monday is 0. quiet_from, quiet_to: nothing goes out in these hours,
    which may run over midnight; None for none. country: code whose public holidays are free (`DE`, `DE-BY`), '' for none.
    channels: names, beside in-app, of immediate notices; () for e-mail. weekly_budget, daily_cap: immediate notices.
    digest: daily, weekly (on Monday) or off, at digest_at. least_severity: what is milder only comes with the digest.
    team_digest: of who leads a team, weekly (on Monday, at digest_at) or off; it names what nobody has acknowledged for
    unacknowledged_days.
    """

    zone: str = ""
    work_days: tuple[int, ...] = WORKDAYS
    work_from: int = 9 * 60
    work_to: int = 18 * 60
    quiet_from: int | None = None
    quiet_to: int | None = None
    country: str = ""
    channels: tuple[str, ...] = ()
    weekly_budget: int = 10
    daily_cap: int = 5
    digest: str = "daily"
    digest_at: int = 8 * 60
    least_severity: str = "info"
    team_digest: str = "weekly"
    unacknowledged_days: int = 3


@dataclass(frozen=True, slots=True)
class Contact:
    """Somebody on our side with all that routing needs. manager: of their team, an e-mail address or ''."""

    email: str
    name: str
    role: str
    team: str = ""
    manager: str = ""
    active: bool = True
    can_sign_in: bool = False
    preferences: Preferences = field(default_factory=Preferences)
    away: tuple[AwayPeriod, ...] = ()


@dataclass(frozen=True, slots=True)
class KeyInfo:
    """An API key, without the key itself. kind: write (ingestion) or api. scopes: what it may do; only of kind api."""

    id: str
    name: str
    kind: str
    scopes: tuple[str, ...]
    created_at: datetime
    created_by: str
    last_used_at: datetime | None = None
    revoked_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Change:
    """A line of the audit of people: who did what to whom, when."""

    at: datetime
    by: str
    act: str
    what: str
    detail: str = ""
