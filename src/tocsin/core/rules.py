"""What a rule is: frozen, without any reading of files (see `core.rulefiles`) and without any evaluation."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Literal, get_args

from tocsin.core.lifecycle import Policy
from tocsin.core.milestones import Milestone
from tocsin.core.profiles import Profile

if TYPE_CHECKING:
    from tocsin.core.language import Value

Category = Literal["onboarding", "renewal", "upsell", "risk", "account", "safety", "portfolio", "work"]
Severity = Literal["info", "low", "medium", "high", "critical"]
Subject = Literal["account", "person", "feature", "csm", "team", "company"]
Rollup = Literal["family"]
RuleState = Literal["on", "shadow", "off", "draft"]
TriggerKind = Literal["when", "event", "change", "new", "enter", "leave", "countdown"]

CATEGORIES: tuple[str, ...] = get_args(Category)
SEVERITIES: tuple[str, ...] = get_args(Severity)  # from the mildest on
SUBJECTS: tuple[str, ...] = get_args(Subject)
ROLLUPS: tuple[str, ...] = get_args(Rollup)
STATES: tuple[str, ...] = get_args(RuleState)
TRIGGERS: tuple[str, ...] = get_args(TriggerKind)
FAMILY: Rollup = "family"  # what a rule that is rolled up over families asks about; no word of the language
WHEN_BESIDE = ("event", "change", "new", "enter")  # the triggers that take a `when` too

DEFAULT_EXPIRES = timedelta(days=14)  # of the alerts of event and change rules, which no condition closes
EXPIRING = ("event", "change", "enter", "leave")
LEAST_NEW = 20  # below so many new alerts in a sweep the circuit breaker never trips


@dataclass(frozen=True, slots=True)
class Variant:
    """An entry of `vary`: the parameters of the subjects for whom `where` holds (None: for all), over the rule's own."""

    where: str | None
    params: Mapping[str, Value] = field(default_factory=dict, hash=False)


@dataclass(frozen=True, slots=True)
class Trigger:
    """What sets a rule off. spec: the fields of `trigger:` as plain values, such as {"event": F}; empty for `when`."""

    kind: TriggerKind = "when"
    spec: Mapping[str, Any] = field(default_factory=dict, hash=False)


@dataclass(frozen=True, slots=True)
class Escalation:
    """A step of `escalate`: whom to tell where nobody has acknowledged so long after the opening."""

    after: timedelta
    notify: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class MaxNew:
    """The circuit breaker: a number of new alerts in one sweep, or a share (0 to 1) of the subjects in scope."""

    count: int | None = None
    share: float = 0.05

    def limit(self, scope: int) -> int:
        """How many alerts may open in one sweep over so many subjects; those above it are held for review."""
        return self.count if self.count is not None else max(LEAST_NEW, int(self.share * scope))


@dataclass(frozen=True, slots=True)
class Rule:
    """A rule as published. Durations are exact; formulas are kept as their author wrote them.

    rollup:   `family`: it is about families of accounts, by their heads; None: about each subject by itself.
    late:     rows that arrive so long after they started set nothing off; None: the default of 48 hours.
    hold:     `for`: how long the condition must have held before an alert opens.
    percents: the parameters that are written with %, so that people are shown 30 % and not 0.3.
    source:   the YAML text of the rule with its comments, without indentation; '' for rules not read from a file.
    """

    id: str
    name: str
    category: Category
    subject: Subject = "account"
    where: str | None = None
    when: str | None = None
    trigger: Trigger = field(default_factory=Trigger)
    params: Mapping[str, Value] = field(default_factory=dict, hash=False)
    vary: tuple[Variant, ...] = ()
    severity: Severity = "medium"
    message: str | None = None
    hold: timedelta | None = None
    clear: str | None = None
    cooldown: timedelta | None = None
    renotify: timedelta | None = None
    collapse: timedelta | None = None
    expires: timedelta | None = None
    late: timedelta | None = None
    inhibited_by: tuple[str, ...] = ()
    notify: tuple[str, ...] = ("owner",)
    escalate: tuple[Escalation, ...] = ()
    playbook: str | None = None
    needs: Mapping[str, timedelta] = field(default_factory=dict, hash=False)
    max_new: MaxNew = MaxNew()
    ladder: str | None = None
    stage: int | None = None
    rollup: Rollup | None = None
    state: RuleState = "on"
    percents: frozenset[str] = frozenset()
    source: str = field(default="", compare=False, repr=False)

    @property
    def about(self) -> str:
        """The kind of subject that the engine is asked about: `family` where accounts are rolled up, else the rule's."""
        return self.rollup or self.subject

    @property
    def policy(self) -> Policy:
        """What this rule says about the life of its alerts."""
        return Policy(
            hold=self.hold or timedelta(0),
            cooldown=self.cooldown or timedelta(0),
            renotify=self.renotify,
            expires=self.expires,
            has_clear=self.clear is not None,
        )

    def params_of(self, variant: int | None) -> dict[str, Value]:
        """The parameters that hold for subjects of that entry of `vary` (None: of no entry)."""
        return {**self.params, **({} if variant is None else self.vary[variant].params)}


@dataclass(frozen=True, slots=True)
class Description:
    """What a signal means, in one line, and the unit of its values (`days`, `%`, ...; '' for none)."""

    text: str = ""
    unit: str = ""


@dataclass(frozen=True)
class Definitions:
    """What rule files define.

    signals, segments: name -> formula. descriptions: of the signals that have one.
    playbooks: as the files have them, plain values; other rooms read them.
    """

    signals: Mapping[str, str] = field(default_factory=dict)
    segments: Mapping[str, str] = field(default_factory=dict)
    rules: tuple[Rule, ...] = ()
    descriptions: Mapping[str, Description] = field(default_factory=dict)
    profiles: tuple[Profile, ...] = ()
    milestones: tuple[Milestone, ...] = ()
    playbooks: tuple[Any, ...] = ()

    def rule(self, rule_id: str) -> Rule:
        """The rule of that id; KeyError where there is none."""
        for rule in self.rules:
            if rule.id == rule_id:
                return rule
        raise KeyError(rule_id)
