"""One account's life: who they are, and the causes that its story sets. All days are days of the window."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from functools import cached_property
from random import Random

from tocsin.facts.demo.draws import between, dice
from tocsin.facts.demo.names import account_name
from tocsin.facts.demo.window import MONTH, SPAN, Window

PLANS = ("Starter", "Team", "Enterprise")
SEAT_PRICE = {"Starter": 39.0, "Team": 69.0, "Enterprise": 119.0}
# Region: share, currency, hours by which its clocks differ from UTC.
REGIONS = (("EMEA", 0.46, None, 1), ("North America", 0.38, "USD", -6), ("APAC", 0.16, "USD", 8))

Knots = list[tuple[float, float]]


def value_at(knots: Knots, day: float) -> float:
    """The value of a line of knots on a day."""
    before, value = knots[0]
    if day <= before:
        return value
    for after, goal in knots[1:]:
        if day <= after:
            return value + (goal - value) * (day - before) / (after - before)
        before, value = after, goal
    return value


@dataclass
class Wave:
    """A burst of tickets: how many, how many of them critical, and how long they take to resolve."""

    start: float
    length: float
    tickets: int
    critical: int
    resolve_days: float


@dataclass
class Change:
    """A change of the contract: seats by a factor, plan by steps (up or down)."""

    day: float
    factor: float
    step: int = 0


@dataclass
class Deal:
    """An expansion that was talked about."""

    opened: float
    closed: float
    outcome: str


@dataclass
class Life:
    """An account and its causes. Knots are (day, value) points with straight lines between, flat outside."""

    index: int
    id: str
    name: str
    industry: str
    region: str
    currency: str
    clock: int
    seats: int
    plan: str
    discount: float
    term: int
    tier: int
    created: float
    anchor: float
    window: Window
    rng: Random
    story: str = ""
    case: str = ""
    internal: bool = False
    marks: dict[str, float] = field(default_factory=dict)
    # What drives the product's use: the level over time, its weekly noise, the depth of the summer and winter dips.
    level: float = 1.0
    curve: Knots = field(default_factory=lambda: [(0.0, 1.0)])
    volatility: float = 0.1
    season: float = 0.0
    errors: list[tuple[float, float, float]] = field(default_factory=list)
    error_rate: float = 0.006
    filled: Knots = field(default_factory=lambda: [(0.0, 0.6)])
    # People.
    champion_exit: float | None = None
    champion_role: bool = False
    successor: float | None = None
    # Support, feedback and care.
    ticket_factor: float = 1.0
    waves: list[Wave] = field(default_factory=list)
    sentiment: Knots = field(default_factory=lambda: [(0.0, 0.35)])
    nps: Knots = field(default_factory=lambda: [(0.0, 8.3)])
    care: list[tuple[float, float]] = field(default_factory=list)
    neglect: list[tuple[float, float]] = field(default_factory=list)
    risk: list[tuple[float, str | None]] = field(default_factory=list)
    # Commerce.
    pay_delay: float = -4.0
    changes: list[Change] = field(default_factory=list)
    deals: list[Deal] = field(default_factory=list)
    curious: list[tuple[float, float]] = field(default_factory=list)
    # The journey.
    onboarding_days: float = 12.0
    stuck: bool = False
    launched: float | None = None
    trial_end: float | None = None
    converted: float | None = None
    feed: bool = False  # vehicle data come in by themselves, all day
    cut: tuple[float, float | None] | None = None
    cancel: float | None = None
    churn: float | None = None
    reason: str | None = None

    @cached_property
    def end(self) -> float:
        """The last instant of which anything can be known: the churn or `until`. Asked only once the story is told."""
        return min(self.window.end, self.churn if self.churn is not None else math.inf)

    @property
    def gone(self) -> bool:
        """Whether the account has churned by `until`."""
        return self.churn is not None and self.churn <= self.window.end

    @property
    def term_days(self) -> int:
        """The length of a term in days."""
        return round(self.term * MONTH)

    def ends_at(self, day: float) -> None:
        """Let a term end on a day; the account is as many terms old as before, at least one."""
        day = float(int(day))
        terms = max(1, round((day - self.created) / self.term_days))
        self.anchor, self.created = day, day - terms * self.term_days

    def older_than(self, day: float) -> None:
        """Let the account be there before a day, by whole terms more."""
        while self.created > day:
            self.created -= self.term_days

    def starts_at(self, day: float) -> None:
        """Let the account begin on a day."""
        self.created = float(int(day))
        self.anchor = self.created + self.term_days

    def leave(self, day: float, reason: str, notice: float) -> None:
        """Churn at a day, by not renewing; told `notice` days ahead (0: without a word)."""
        if self.term >= 12:
            self.ends_at(day)
        self.churn, self.reason = float(int(day)), reason
        self.marks["churned"] = self.churn
        if notice >= 1:
            self.cancel = self.churn - notice
            self.marks["cancel_requested"] = self.cancel

    def at_least(self, seats: int) -> None:
        """Let the account have so many seats or more, with the plan and tier of its size."""
        self.seats = max(self.seats, seats)
        if self.plan == "Starter" and self.seats >= 8:
            self.plan = "Team"
        self.tier = _tier(self.seats, self.plan)

    def flag(self, day: float, value: str | None) -> None:
        """The CSM sets the risk field."""
        self.risk.append((day, value))


def draft(index: int, seed: int, window: Window) -> Life:
    """An account before its story: name, size, plan, region, term and age."""
    rng = dice(seed, index, "draft")
    name, industry = account_name(index, seed)
    seats = min(220, max(3, round(math.exp(rng.gauss(math.log(12), 0.85)))))
    plan = _plan(seats, rng)
    region, currency, clock = _region(rng)
    discount = rng.choice((0.0, 0.0, 0.0, 0.05, 0.1, 0.15, 0.2)) if plan != "Starter" else 0.0
    term = _term(plan, rng)
    life = Life(
        index=index, id=f"A{index + 1:05d}", name=name, industry=industry, region=region, currency=currency, clock=clock,
        seats=seats, plan=plan, discount=discount, term=term, tier=_tier(seats, plan),
        created=0.0, anchor=0.0, window=window, rng=rng, level=between(rng, 0.75, 1.25),
    )  # fmt: skip
    terms = 1 + min(5, int(0.55 + rng.expovariate(0.4)))
    life.anchor = float(int(between(rng, SPAN + 1, SPAN + 1 + min(life.term_days, 365))))
    life.created = life.anchor - terms * life.term_days
    if term == 1:
        life.created = float(int(between(rng, -700, SPAN - 60)))
    life.filled = [(0.0, min(0.88, max(0.3, rng.gauss(0.56, 0.11))))]
    life.nps = [(0.0, min(9.6, max(6.8, rng.gauss(8.4, 0.6))))]
    life.onboarding_days = between(rng, 8, 15) if rng.random() < 0.85 else between(rng, 15, 24)
    return life


def _tier(seats: int, plan: str) -> int:
    """1 for the largest by list price."""
    mrr = seats * SEAT_PRICE[plan]
    return 1 if mrr >= 4500 else 2 if mrr >= 1100 else 3


def _plan(seats: int, rng: Random) -> str:
    if seats < 8:
        return "Starter" if rng.random() < 0.7 else "Team"
    if seats < 35:
        return "Team" if rng.random() < 0.85 else "Enterprise"
    return "Enterprise" if rng.random() < 0.85 else "Team"


def _term(plan: str, rng: Random) -> int:
    drawn = rng.random()
    if plan == "Starter" and drawn < 0.45:
        return 1
    return 24 if plan == "Enterprise" and drawn < 0.2 else 12


def _region(rng: Random) -> tuple[str, str, int]:
    drawn = rng.random()
    for region, share, currency, clock in REGIONS:
        drawn -= share
        if drawn < 0:
            return region, currency or rng.choice(("EUR", "EUR", "EUR", "GBP")), clock
    return "EMEA", "EUR", 1
