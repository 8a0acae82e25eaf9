"""What a delivery says, free of any channel: frozen, and JSON's own types once stored, so that a retry says the same."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

# notice: of alerts. digest: what did not go out at once. team: how a team's week was, for who leads it. test: from the button
# that tries a channel. trouble: for operations.
MessageKind = Literal["notice", "digest", "team", "test", "trouble"]
# What a notice says of its alert.
ItemKind = Literal[
    "opened", "renotified", "stepped", "woken", "freed", "escalated", "assigned", "reopened", "released", "closed"
]


@dataclass(frozen=True, slots=True)
class Line:
    """A line of evidence: what, observed, compared how and with what, what would clear it (all as people read them)."""

    text: str
    value: str
    op: str
    threshold: str
    clears: str = ""


@dataclass(frozen=True, slots=True)
class Item:
    """One alert of a message, as it stood when the message was made. at: when what is told happened (UTC).

    notice_id: of the ledger; sequence: which telling of this alert to this target it is, from 1. why: why this person is told.
    event_id, data: for machines: the event behind it, and the alert as `alerts list --format json` gives it.
    """

    notice_id: str
    alert_id: str
    kind: ItemKind
    at: datetime
    rule: str
    rule_name: str
    category: str
    severity: str
    state: str
    account_id: str
    account_name: str
    text: str
    path: str  # of the alert's page, from the root
    opened_at: datetime
    lines: tuple[Line, ...] = ()
    clears: str = ""
    reason: str = ""  # of the change: why it closed, who assigned it
    why: str = ""
    owner_name: str = ""
    mrr: float | None = None
    renews_on: str = ""
    step: str = ""
    count: int = 1
    event_id: str | None = None
    data: dict[str, object] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Table:
    """Figures of a message, as people read them. The first column names; the others are numbers. paths: of pages, one a row.

    note: what is to be known beside it, one sentence.
    """

    title: str
    head: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    paths: tuple[str, ...] = ()
    note: str = ""

    @property
    def lines(self) -> list[tuple[tuple[str, ...], str]]:
        """Each row with the path of its page, '' where it has none."""
        return list(zip(self.rows, self.paths or ("",) * len(self.rows), strict=True))


@dataclass(frozen=True, slots=True)
class Message:
    """What one delivery says to one target.

    headline: one line. items: gravest first. held: what else is open or was kept for the digest, in words, one line each.
    over_budget: how many notices went into the digest because the budget of immediate ones was spent.
    tables: of a team's week. period: of a digest, in words (`Tuesday, 3 March`). address: the root of the product's pages,
    without a slash at the end.
    """

    kind: MessageKind
    headline: str
    items: tuple[Item, ...] = ()
    held: tuple[str, ...] = ()
    over_budget: int = 0
    period: str = ""
    address: str = ""
    tables: tuple[Table, ...] = ()
