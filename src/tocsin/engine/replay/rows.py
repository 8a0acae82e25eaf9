"""Replaying row triggers: which rows open an alert, and when it closes."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import groupby

from tocsin.core.folding import fold
from tocsin.core.lifecycle import Verdict, transition
from tocsin.core.rules import Rule
from tocsin.engine.explaining import Match


@dataclass(frozen=True)
class Alert:
    """An alert that a row opened, when it closed and why, how many rows it stands for, and when the latest started."""

    match: Match
    closed_at: datetime | None
    reason: str
    count: int
    latest: datetime


def row_alerts(rule: Rule, matches: Sequence[Match], moments: Sequence[datetime]) -> Iterator[Alert]:
    """The alerts of one rule; matches by subject."""
    for _, found in groupby(matches, key=lambda match: match.subject_id):
        rows = list(found)
        folded = fold(rows, (), rule.collapse, rule.cooldown or timedelta(0), lambda match: closing(rule, match, moments)[0])
        for match in folded.fresh:
            closed_at, reason = closing(rule, match, moments)
            yield Alert(match, closed_at, reason, folded.counts[match.key], folded.latest[match.key].as_of)


def closing(rule: Rule, match: Match, moments: Sequence[datetime]) -> tuple[datetime | None, str]:
    """The first moment of looking at which the alert of a row closes, and why; (None, '') where it runs on."""
    state = transition(None, Verdict(truth=True), match.as_of, rule.policy).state
    dues = [match.ends_at] if match.ends_at is not None else []
    if rule.expires is not None:
        dues.append(match.as_of + rule.expires)
    for due in sorted(dues):
        place = bisect_left(moments, max(due, match.as_of))
        if place == len(moments):
            return None, ""
        moment = moments[place]
        ended = match.ends_at is not None and match.ends_at <= moment
        outcome = transition(state, Verdict(truth=not ended), moment, rule.policy)
        if outcome.action == "close":
            return moment, outcome.reason
    return None, ""
