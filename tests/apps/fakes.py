"""A book whose judgements a test writes down itself, so that the life of alerts is tested without facts."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from typing import Any, cast

import pyarrow as pa

from tocsin.core.rules import Rule
from tocsin.engine import Book, HealthModel

T0 = datetime(2026, 3, 1, 8, tzinfo=UTC)


@dataclass(frozen=True)
class Line:
    """A line of evidence."""

    formula: str = "mrr < 10"
    text: str = "MRR is below 10"
    value: Any = 7.5
    op: str = "<"
    threshold: Any = 10.0
    clears: str = "MRR is 10 or more"


@dataclass(frozen=True)
class FakeMatch:
    """A subject that matches."""

    rule: Rule
    subject_id: str
    account_id: str
    as_of: datetime
    kind: str = "account"
    message: str = "something is wrong"
    evidence: tuple[Line, ...] = (Line(),)
    clears: str = "MRR is 10 or more"
    key: str = ""
    step: int | str | None = None
    event_id: str | None = None
    ends_at: datetime | None = None
    count: int = 1


@dataclass(frozen=True)
class FakeJudgement:
    """What the fake book says of its rules."""

    moment: datetime
    matches: tuple[FakeMatch, ...]
    clears: Mapping[str, frozenset[str]]
    scopes: Mapping[str, int]
    unknown: Mapping[str, str]


@dataclass
class FakeStore:
    """Knows how fresh collections are, the alerts that it was given (id -> row), and who works on which account."""

    latest: dict[str, datetime] = field(default_factory=dict)
    alerts: dict[str, Mapping[str, Any]] = field(default_factory=dict)
    team: list[dict[str, str]] = field(default_factory=list)

    def query(self, sql: str, parameters: Sequence[Any] = (), *, tables: Mapping[str, pa.Table] | None = None) -> pa.Table:  # noqa: ARG002
        """The account teams, whatever is asked."""
        return pa.Table.from_pylist(self.team)

    def latest_start(self, collection: str, until: datetime | None = None) -> datetime | None:  # noqa: ARG002
        """The freshness that the test set."""
        return self.latest.get(collection)

    def keep_alerts(self, rows: Sequence[Mapping[str, Any]]) -> None:
        """Keep the rows by their ids."""
        self.alerts |= {row["id"]: row for row in rows}


@dataclass
class FakeBook:
    """true: rule -> accounts for whom it holds; cleared: rule -> accounts for whom its `clear` holds.

    past: what was true as of each moment that was judged; a test changes it where facts came late.
    """

    true: dict[str, set[str]] = field(default_factory=dict)
    cleared: dict[str, set[str]] = field(default_factory=dict)
    past: dict[datetime, dict[str, set[str]]] = field(default_factory=dict)
    unknown: dict[str, str] = field(default_factory=dict)
    scope: int = 100
    gone: set[str] = field(default_factory=set)
    churned: set[str] = field(default_factory=set)
    owners: dict[str, str] = field(default_factory=dict)
    mrr: dict[str, float] = field(default_factory=dict)
    store: FakeStore = field(default_factory=FakeStore)
    health: HealthModel = field(default_factory=HealthModel)

    def judge(self, rules: Sequence[Rule], moment: datetime, *, accounts: Collection[str] | None = None) -> FakeJudgement:
        """What the test wrote down; asked about some accounts as of a moment in the past, what it had written down then."""
        if accounts is None:
            self.past[moment] = {rule_id: set(subjects) for rule_id, subjects in self.true.items()}
        true = self.past[moment]
        known = [rule for rule in rules if rule.id not in self.unknown]
        return FakeJudgement(
            moment=moment,
            matches=tuple(
                FakeMatch(rule, subject, subject, moment)
                for rule in known
                for subject in sorted(true.get(rule.id, set()))
                if accounts is None or subject in accounts
            ),
            clears={rule.id: frozenset(self.cleared.get(rule.id, set())) for rule in known if rule.clear},
            scopes={rule.id: self.scope for rule in known},
            unknown={rule.id: self.unknown[rule.id] for rule in rules if rule.id in self.unknown},
        )

    def signals(
        self,
        formulas: Sequence[str],
        moments: Sequence[datetime],  # noqa: ARG002
        subject: str = "account",  # noqa: ARG002
        *,
        only: Collection[str] | None = None,
        accounts: Collection[str] | None = None,
    ) -> pa.Table:
        """The cards of accounts, or their status."""
        asked = sorted(set(only or accounts or ()) - self.gone)
        if list(formulas) == ["status"]:
            rows = [{"subject_id": each, "f0": "churned" if each in self.churned else "active"} for each in asked]
            return pa.Table.from_pylist(rows, schema=pa.schema([("subject_id", pa.string()), ("f0", pa.string())]))
        cards: list[dict[str, Any]] = [
            {
                "subject_id": each,
                "f0": f"{each} Inc",
                "f1": self.owners.get(each, "ada@us.example"),
                "f2": 1.0,
                "f3": "pro",
                "f4": None,
                "f5": date(2026, 9, 1),
            }
            for each in asked
        ]
        return pa.Table.from_pylist(cards) if cards else pa.table({"subject_id": pa.array([], pa.string())})

    def with_revenue(self, formulas: Sequence[str], moment: datetime, only: Collection[str] | None = None) -> pa.Table:
        """The cards, with the MRR that the test set."""
        table = self.signals(formulas, [moment], only=only)
        found = [self.mrr.get(each, 100.0) for each in table.column("subject_id").to_pylist()]
        return table.append_column("revenue", pa.array(found, pa.float64()))

    def groundless(self, rules: Sequence[Rule]) -> dict[str, str]:  # noqa: ARG002
        """Data are there."""
        return {}

    @property
    def book(self) -> Book:
        """Itself, for the type checker."""
        return cast("Book", self)


def rule(rule_id: str = "low-mrr", **more: Any) -> Rule:
    given: dict[str, Any] = {"id": rule_id, "name": rule_id.title(), "category": "risk", "when": "mrr < 10"}
    return Rule(**(given | more))
