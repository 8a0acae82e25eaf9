"""The path to value of one account: its milestones as of a moment, those that the facts give and those of templates."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING, Literal

from tocsin.core.moment import day_of
from tocsin.engine.milestone_history import bring_up_to_date

if TYPE_CHECKING:
    from zoneinfo import ZoneInfo

    from tocsin.engine.book import Book

State = Literal["reached", "overdue", "due", "open"]


@dataclass(frozen=True, slots=True)
class Passed:
    """A milestone of an account as of a moment. template: the id of the one it comes from, None: the facts give it.

    due_on: None where it has no date. reached_at: None while it is not reached; reached_on: its day in the workspace's zone.
    days:   since it was due, below 0 until it is; of a reached one, between the two; None without a date.
    """

    name: str
    started_at: datetime | None
    due_on: date | None
    reached_at: datetime | None
    reached_on: date | None
    template: str | None
    days: int | None

    @property
    def state(self) -> State:
        """Whether it is reached, past its day, still due, or open without a date."""
        if self.reached_at is not None:
            return "reached"
        return "open" if self.days is None else "overdue" if self.days > 0 else "due"


def path_of(book: Book, account_id: str, moment: datetime) -> list[Passed]:
    """The milestones of an account as of a moment (UTC), by the day on which they are due; those without one last."""
    zone = book.store.zone
    made = [*_given(book, account_id, moment), *_of_templates(book, account_id, moment)]
    found = [
        Passed(name, started, due, reached, reached and day_of(reached, zone), template, _days(due, reached or moment, zone))
        for name, started, due, reached, template in made
    ]
    return sorted(found, key=lambda each: (each.due_on or date.max, each.name))


_Row = tuple[str, datetime | None, date | None, datetime | None, str | None]


def _given(book: Book, account_id: str, moment: datetime) -> list[_Row]:
    at = moment.astimezone(UTC).replace(tzinfo=None)
    rows = book.store.query(
        "SELECT row.name, row.started_at, row.due_on, CASE WHEN row.reached_at <= ? THEN row.reached_at END AS reached_at "
        "FROM milestones AS row JOIN accounts AS account ON account.key = row.account_key "
        "WHERE account.id = ? AND (row.started_at IS NULL OR row.started_at <= ?) ORDER BY row.id",
        [at, account_id, at],
        small=True,
    ).to_pylist()
    return [(row["name"], _utc(row["started_at"]), row["due_on"], _utc(row["reached_at"]), None) for row in rows]


def _of_templates(book: Book, account_id: str, moment: datetime) -> list[_Row]:
    steps = book.milestones.steps(moment, moment)
    if not steps:
        return []
    bring_up_to_date(book, moment, moment)
    terms = [term for each in steps for term in (each.there, each.begun, each.due, each.reached)]
    found = book.without_milestones.evaluate(terms, [moment], "account", only=[account_id]).to_pylist()
    made: list[_Row] = []
    for row in found:
        for number, step in enumerate(steps):
            there, begun, due, reached = (row[f"f{4 * number + place}"] for place in range(4))
            if there:
                made.append((step.version.milestone.name, _utc(begun), due, _utc(reached), step.version.milestone.id))
    return made


def _days(due: date | None, at: datetime, zone: ZoneInfo) -> int | None:
    return None if due is None else (day_of(at, zone) - due).days


def _utc(moment: datetime | None) -> datetime | None:
    return None if moment is None else moment.replace(tzinfo=UTC)
