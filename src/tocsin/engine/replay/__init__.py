"""The alerts that would have opened and closed between two moments, for every trigger, in set-based passes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from tocsin.core.errors import UserError
from tocsin.core.language import FormulaError
from tocsin.core.moment import DAY, iso
from tocsin.core.rules import Rule
from tocsin.engine.explaining import Match, repeated
from tocsin.engine.occurrences import TRIGGERED, Stretch, occurrences
from tocsin.engine.replay.counting import count_alerts, counted_alerts, one_by_one
from tocsin.engine.replay.dates import Step, date_steps
from tocsin.engine.replay.explain import Asked, explained
from tocsin.engine.replay.rows import row_alerts
from tocsin.engine.replay.states import state_runs

if TYPE_CHECKING:
    from tocsin.engine.book import Book

MOST_MOMENTS = 20_000


@dataclass(frozen=True)
class Replayed:
    """An alert, or one step of a countdown's, that would have opened.

    existing: it held already at the first moment. closed_at: None where it still runs at the last one.
    count:    how many rows it stands for.
    """

    match: Match
    key: str
    opened_at: datetime
    closed_at: datetime | None
    close_reason: str
    step: int | str | None
    existing: bool
    count: int = 1
    event_id: str | None = None

    def to_json(self) -> dict[str, Any]:
        """The alert as `tocsin replay --format json` shows it."""
        return {
            **self.match.to_json(),
            "opened_at": iso(self.opened_at),
            "closed_at": None if self.closed_at is None else iso(self.closed_at),
            "close_reason": self.close_reason or None,
            "step": self.step,
            "existing": self.existing,
            "count": self.count,
            "event_id": self.event_id,
        }


@dataclass(frozen=True)
class Replay:
    """alerts: by rule, subject and opening. unknown: rule id -> why it could not be judged."""

    alerts: tuple[Replayed, ...]
    unknown: Mapping[str, str]
    moments: tuple[datetime, ...] = ()


def replay(
    book: Book,
    rules: Sequence[Rule],
    start: datetime,
    end: datetime,
    every: timedelta = DAY,
    *,
    beside: Sequence[Rule] = (),
    own_alerts: bool = True,
) -> Replay:
    """The alerts of rules, whatever their state, had sweeps run at start, start + every, ... up to end (UTC).

    It begins with no open alert; what holds at the start is `existing`. Rows and changes in (start, end] open alerts dated
    by their own start; nothing was late, nobody acted, and neither `needs` nor `max_new` is applied.

    Rules that count alerts count those of this replay, of the rules among these and `beside` that are on; of rules in shadow
    their own alone. beside: rules whose alerts are counted and not told. own_alerts: False reads the recorded alerts instead.

    UserError where the end is before the start, or the steps are too many.
    """
    moments = _moments(start, end, every)
    unknown: dict[str, str] = {}
    counting = count_alerts(book, rules) if own_alerts else frozenset[str]()
    alerts = _replayed(book, [rule for rule in rules if rule.id not in counting], moments, end, unknown)
    if counting:
        asked = {rule.id for rule in rules}
        others = [rule for rule in beside if rule.id not in asked and rule.state == "on"]
        also = count_alerts(book, others)
        raised = [each for each in alerts if each.match.rule.state == "on"]
        raised += _replayed(book, [rule for rule in others if rule.id not in also], moments, end, {})
        walked = [*(rule for rule in rules if rule.id in counting), *(rule for rule in others if rule.id in also)]
        alerts += [each for each in _counting(book, walked, moments, raised, unknown) if each.match.rule.id in asked]
    alerts.sort(key=lambda each: (each.match.rule.id, each.match.subject_id, each.opened_at, each.key))
    told = {rule.id for rule in rules}
    return Replay(tuple(alerts), {rule: said for rule, said in unknown.items() if rule in told}, tuple(moments))


def _replayed(
    book: Book, rules: Sequence[Rule], moments: Sequence[datetime], end: datetime, unknown: dict[str, str]
) -> list[Replayed]:
    """The alerts of rules of any trigger, in set-based passes."""
    return [
        *_states(book, rules, moments, unknown),
        *_dates(book, rules, moments, unknown),
        *_rows(book, rules, moments, end, unknown),
    ]


def _counting(
    book: Book, rules: Sequence[Rule], moments: Sequence[datetime], others: Sequence[Replayed], unknown: dict[str, str]
) -> list[Replayed]:
    """The alerts of rules that count alerts, of which there are those of others besides their own."""
    walked = [rule for rule in rules if rule.trigger.kind == "when"]
    for rule in rules:
        if rule.trigger.kind != "when":
            unknown[rule.id] = "a rule that counts alerts is replayed where it has `when` alone"
    steps = (
        (each.match.rule, each.match.subject_id, each.match.account_id, each.key, each.opened_at, each.closed_at,
         each.close_reason)
        for each in others
    )  # fmt: skip
    found = []
    for each in counted_alerts(book, walked, moments, list(one_by_one(steps)), unknown):
        closed_at = None if each.closed is None else moments[each.closed]
        found.append(Replayed(each.match, "", moments[each.opened], closed_at, each.reason, None, existing=each.since == 0))
    return found


def _moments(start: datetime, end: datetime, every: timedelta) -> list[datetime]:
    if end < start:
        raise UserError(f"a replay goes forward in time: {iso(end)} is before {iso(start)}")
    if every <= timedelta(0):
        raise UserError("the step of a replay must be longer than nothing, such as 1d or 6h")
    count = (end - start) // every + 1
    if count > MOST_MOMENTS:
        raise UserError(f"a replay takes {MOST_MOMENTS:,} steps at most, and these are {count:,}; take a longer step")
    return [start + every * number for number in range(count)]


def _states(book: Book, rules: Sequence[Rule], moments: Sequence[datetime], unknown: dict[str, str]) -> list[Replayed]:
    found = []
    for lives in state_runs(book, rules, moments, unknown).values():
        asked = [Asked(each.run.rule, each.subject, moments[each.run.opened]) for each in lives]
        for each, match in zip(lives, explained(book, asked), strict=True):
            run = each.run
            closed_at = None if run.closed is None else moments[run.closed]
            existing = run.since == 0
            found.append(Replayed(match, "", moments[run.opened], closed_at, run.reason, None, existing))
    return found


def _dates(book: Book, rules: Sequence[Rule], moments: Sequence[datetime], unknown: dict[str, str]) -> list[Replayed]:
    steps: list[Step] = []
    for rule in rules:
        if rule.trigger.kind == "countdown":
            try:
                steps += date_steps(book, rule, moments)
            except FormulaError as error:
                unknown[rule.id] = str(error)
    of_attributes = [each for each in steps if each.match is None]
    matches = explained(book, [Asked(each.rule, each.subject, moments[each.opened]) for each in of_attributes])
    told = {id(each): match for each, match in zip(of_attributes, matches, strict=True)}
    found = []
    for each in steps:
        match = each.match if each.match is not None else told[id(each)]
        closed_at = None if each.closed is None else moments[each.closed]
        existing = each.opened == 0
        found.append(Replayed(match, match.key, moments[each.opened], closed_at, each.reason, each.step, existing))
    return found


def _rows(
    book: Book, rules: Sequence[Rule], moments: Sequence[datetime], end: datetime, unknown: dict[str, str]
) -> list[Replayed]:
    triggered = [rule for rule in rules if rule.trigger.kind in TRIGGERED]
    if not triggered:
        return []
    occurred = occurrences(book, triggered, Stretch(moments[0], end, moments))
    unknown |= occurred.unknown
    found = []
    for rule in triggered:
        mine = [match for match in occurred.matches if match.rule.id == rule.id]
        for alert in row_alerts(rule, mine, moments):
            match = repeated(alert.match, alert.count, alert.latest)
            found.append(
                Replayed(
                    match, match.key, match.as_of, alert.closed_at, alert.reason, None, existing=False,
                    count=alert.count, event_id=match.event_id,
                )
            )  # fmt: skip
    return found
