"""The shapes in which the alerts app tells others what it knows: frozen, without a model in sight. Times are UTC."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any, Literal, get_args

from tocsin.core import rules

State = Literal["open", "acknowledged", "snoozed", "held", "closed"]
STATES: tuple[State, ...] = get_args(State)
# What a person has before them: not closed, and not held back for review.
LIVE: tuple[State, ...] = ("open", "acknowledged", "snoozed")
SEVERITIES = rules.SEVERITIES  # from mild to grave
OUTCOMES = ("useful", "not_useful", "false_alarm")  # what resolving asks


@dataclass(frozen=True, slots=True)
class EvidenceLine:
    """One comparison behind an alert: the formula, its English, the observed value, and what it was compared with.

    Values are JSON's: number, text, boolean, null, a list of these; times and dates as ISO text. `clears` is the English of
    what would make this line untrue.
    """

    formula: str
    text: str
    value: Any
    op: str
    threshold: Any
    clears: str = ""


@dataclass(frozen=True, slots=True)
class AccountCard:
    """An account as the latest sweep that had an alert for it saw it. Empty text or None where it is not known.

    roles: of its team beside the CSM, role -> e-mail addresses in lower case.
    """

    id: str
    name: str
    owner: str = ""  # the CSM: e-mail, or what the facts give
    owner_name: str = ""
    tier: str = ""
    plan: str = ""
    lifecycle_stage: str = ""
    mrr: float | None = None
    renews_on: date | None = None
    as_of: datetime | None = None
    roles: Mapping[str, tuple[str, ...]] = field(default_factory=dict, hash=False)


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of an alert's timeline.

    kind: opened, held, released, acknowledged, snoozed, woken, refired, renotified, stepped, escalated, assigned, commented,
    closed, reopened.
    """

    at: datetime
    kind: str
    by: str
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Alert:
    """One episode. `closed_at` and what belongs to it are None or empty while it is not closed.

    baseline: it was there at the workspace's first sweep, or came of another version of a health profile: it says nothing about
              when it began, and nobody was told.
    event_id: the event behind an event rule's alert, else None.
    step: of a countdown, the step it is in (`30`, `overdue`). count: how many rows it stands for.
    inhibited_by: the running rule that keeps its notices back, else ''.
    assignee: whose it is where somebody said so, else '' (the account's CSM).
    timeline: oldest first; only where one alert was asked for.
    """

    id: str
    rule: str
    rule_name: str
    version: int
    category: str
    severity: str
    subject_kind: str
    subject_id: str
    key: str
    account: AccountCard | None
    state: State
    opened_at: datetime
    last_seen_at: datetime
    message: str
    evidence: tuple[EvidenceLine, ...]
    clears: str
    baseline: bool = False
    closed_at: datetime | None = None
    close_reason: str = ""
    acknowledged_by: str = ""
    acknowledged_at: datetime | None = None
    snoozed_until: datetime | None = None
    renotified_at: datetime | None = None
    outcome: str = ""
    note: str = ""
    event_id: str | None = None
    playbook: str = ""
    step: str = ""
    count: int = 1
    inhibited_by: str = ""
    assignee: str = ""
    timeline: tuple[Entry, ...] = ()

    @property
    def account_id(self) -> str | None:
        """The account it is about; None for a CSM, a team, the company."""
        return self.account.id if self.account else None

    def to_json(self) -> dict[str, Any]:
        """The alert as `alerts list --format json` gives it (see the documentation of interfaces)."""
        from tocsin.alerts.jsonform import alert_json

        return alert_json(self)


@dataclass(frozen=True, slots=True)
class AlertFilter:
    """Which alerts; an empty field does not narrow.

    owner: a CSM's e-mail: alerts assigned to them, unassigned ones of their accounts, those about themselves (mine).
    owners, teams: the same of several CSMs, and alerts about these teams (my team). opened_before: alerts older than that.
    text: in the account's name or the message, case ignored. seen_by: the e-mail of who looks and is not to see alerts about
    other CSMs.
    """

    states: tuple[str, ...] = ()
    rules: tuple[str, ...] = ()
    accounts: tuple[str, ...] = ()
    categories: tuple[str, ...] = ()
    severities: tuple[str, ...] = ()
    owner: str = ""
    owners: tuple[str, ...] = ()
    teams: tuple[str, ...] = ()
    text: str = ""
    opened_before: datetime | None = None
    opened_after: datetime | None = None
    seen_by: str = ""


@dataclass(frozen=True, slots=True)
class AlertPage:
    """One page of a list of alerts; `total`: how many there are on all pages."""

    alerts: tuple[Alert, ...]
    page: int
    pages: int
    total: int


@dataclass(frozen=True, slots=True)
class AccountGroup:
    """The alerts of one account in the inbox, gravest first. `account` is None for those about no account.

    at_stake: the MRR, where an alert of severity high or above is among them; else None.
    """

    account: AccountCard | None
    alerts: tuple[Alert, ...]
    severity: str
    at_stake: float | None


@dataclass(frozen=True, slots=True)
class Inbox:
    """One page of the inbox, accounts most urgent first: severity, money at stake, nearness of the renewal.

    accounts, alerts: how many there are in all, on every page. quiet: how many of the alerts another one keeps quiet, so that
    they ask nothing of anybody. at_stake: the MRR of all accounts with an alert of severity high
    or above. by_severity, by_category, by_rule: how many alerts of each, in all, for the filter's counts.
    """

    groups: tuple[AccountGroup, ...]
    page: int
    pages: int
    accounts: int
    alerts: int
    at_stake: float
    quiet: int = 0
    by_severity: Mapping[str, int] = field(default_factory=dict)
    by_category: Mapping[str, int] = field(default_factory=dict)
    by_rule: Mapping[str, int] = field(default_factory=dict)

    @property
    def actionable(self) -> int:
        """How many of the alerts ask something of somebody."""
        return self.alerts - self.quiet


@dataclass(frozen=True, slots=True)
class RuleInfo:
    """A rule in force, with what its life so far shows.

    trigger: when, event, change, new, enter, leave or countdown. origin: catalog or user. source: the rule as YAML.
    unknown: why the last sweep could not judge it, else empty. matching: subjects that matched at the last sweep (the count of
    a shadow rule). fired_30d: alerts opened in the 30 days up to `moment` of the question. rollup: `family`, or empty.
    """

    id: str
    name: str
    category: str
    subject: str
    severity: str
    trigger: str
    state: str
    version: int
    origin: str
    source: str
    published_at: datetime
    by: str
    open: int = 0
    held: int = 0
    fired_30d: int = 0
    matching: int | None = None
    scope: int | None = None
    unknown: str = ""
    last_evaluated: datetime | None = None
    rollup: str = ""

    def to_json(self) -> dict[str, Any]:
        """The rule as `rules list --format json` gives it."""
        from tocsin.alerts.jsonform import rule_json

        return rule_json(self)


@dataclass(frozen=True, slots=True)
class PublishReport:
    """What publishing did: ids of rules, and names of signals and segments (as `signal x`, `segment x`)."""

    added: tuple[str, ...]
    changed: tuple[str, ...]
    unchanged: tuple[str, ...]
    draft: bool


@dataclass(frozen=True, slots=True)
class TransitionNotice:
    """What a change of state tells the callable that runs inside its transaction (the outbox).

    kind: opened, closed, renotified, stepped, held, released, woken, freed (no other alert keeps it quiet any more), reopened,
    acknowledged, snoozed, assigned, commented.
    quiet: no one is to be told (baseline, a step of a ladder, an alert that another keeps quiet, what who acts knows).
    by: who acts, '' of what a sweep does. reason: in words, for those who are told.
    """

    alert_id: str
    rule: str
    kind: str
    at: datetime
    quiet: bool
    by: str = ""
    reason: str = ""


@dataclass(frozen=True, slots=True)
class SweepReport:
    """What a sweep did.

    judged: rules judged; matches: subjects that matched, by rule; shadow: the same of rules in shadow, which raise nothing;
    scopes: the subjects that each rule is about.
    unknown: rule -> why it could not be judged; such a rule opened and closed nothing. baseline: the workspace's first sweep.
    """

    as_of: datetime
    judged: int
    opened: int
    closed: int
    kept: int
    held: int
    renotified: int
    pending: int
    matches: Mapping[str, int]
    shadow: Mapping[str, int]
    scopes: Mapping[str, int]
    unknown: Mapping[str, str]
    baseline: bool
    seconds: float = 0.0
