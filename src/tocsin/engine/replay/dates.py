"""Replaying countdowns: the steps that each date reaches over all moments, and the alerts that they open and close."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby
from typing import TYPE_CHECKING

import numpy as np

from tocsin.core.lifecycle import EpisodeState, Verdict, transition
from tocsin.core.rules import Rule
from tocsin.engine.cases import cases, given_collection, named_by
from tocsin.engine.countdowns import row_countdown
from tocsin.engine.evidence import Places
from tocsin.engine.explaining import Match
from tocsin.engine.replay.grid import grid

if TYPE_CHECKING:
    from tocsin.engine.book import Book

OVERDUE = -1  # the code of that step, and of no step at all:
NONE = -2


@dataclass(frozen=True)
class Step:
    """A step of a date: from which moment to which (places among the moments; None: it still stands).

    match: of a row's countdown the match of the moment of its opening; of an attribute's it is asked for later.
    """

    rule: Rule
    subject: str
    key: str
    step: int | str
    opened: int
    closed: int | None
    reason: str
    match: Match | None = None


def date_steps(book: Book, rule: Rule, moments: Sequence[datetime]) -> list[Step]:
    """The steps that a countdown rule reaches, each as a row of the replay."""
    return list(_of_rows(book, rule, moments) if given_collection(rule) else _of_attribute(book, rule, moments))


def _of_attribute(book: Book, rule: Rule, moments: Sequence[datetime]) -> Iterator[Step]:
    made = cases(book, rule)
    places = Places()
    where = []
    for case in made:
        assert case.left is not None
        assert case.date is not None
        where.append((places.of(case.fires), places.of(case.left), places.of(case.date)))
    deleted = rule.subject == "person" and "deleted_at" in named_by(rule)
    table = grid(book, list(places.terms), rule.subject, moments, deleted=deleted)
    reached = np.full(table.here.shape, NONE, dtype=np.int64)
    dates = np.full(table.here.shape, -1, dtype=np.int64)
    for case, (fires, left, date) in zip(made, where, strict=True):
        truth, days = table.columns[fires], table.columns[left]
        steps = np.array(sorted(case.steps), dtype=np.int64)
        place = np.searchsorted(steps, np.where(truth, days, 0), side="left")
        step = np.where(days < 0, OVERDUE, steps[np.minimum(place, len(steps) - 1)])
        reached = np.where(truth, step, reached)
        dates = np.where(truth, table.columns[date], dates)
    for row in np.flatnonzero((reached != NONE).any(axis=1)).tolist():
        yield from _walked(rule, table.ids[row], dates[row].tolist(), reached[row].tolist(), moments)


def _walked(
    rule: Rule, subject: str, dates: Sequence[int], steps: Sequence[int], moments: Sequence[datetime]
) -> Iterator[Step]:
    """The steps of one subject: an episode for each value of the date, in it a row for each step."""
    state: EpisodeState | None = None
    start, date, step = 0, -1, NONE
    for place, (new_date, new_step) in enumerate(zip(dates, steps, strict=True)):
        if (new_date, new_step) == (date, step):
            continue
        moment = moments[place]
        if state is not None:
            goes_on = new_step != NONE and new_date == date
            verdict = Verdict(truth=goes_on, step=_name(new_step) if goes_on else "")
            outcome = transition(state, verdict, moment, rule.policy)
            yield _row(rule, subject, date, step, start, place, "next_step" if outcome.action == "step" else outcome.reason)
            state = outcome.state if outcome.action == "step" else None
        if new_step != NONE and state is None:
            state = transition(None, Verdict(truth=True, step=_name(new_step)), moment, rule.policy).state
        start, date, step = place, new_date, new_step
    if state is not None:
        yield _row(rule, subject, date, step, start, None, "")


def _name(step: int) -> str:
    return "overdue" if step == OVERDUE else str(step)


def _row(rule: Rule, subject: str, date: int, step: int, start: int, end: int | None, reason: str) -> Step:
    return Step(rule, subject, str(date), "overdue" if step == OVERDUE else step, start, end, reason)


def _of_rows(book: Book, rule: Rule, moments: Sequence[datetime]) -> Iterator[Step]:
    """The steps of each row: it stands as long as the row is open and in scope."""
    place_of = {moment: place for place, moment in enumerate(moments)}
    due = sorted(row_countdown(book, rule, moments), key=lambda match: (match.subject_id, match.key, match.as_of))
    for (subject, key), found in groupby(due, key=lambda match: (match.subject_id, match.key)):
        matches = {place_of[match.as_of]: match for match in found}
        places = sorted(matches)
        start = places[0]
        for place, following in zip(places, [*places[1:], None], strict=True):
            match = matches[place]
            assert match.step is not None
            gone = following is None or following != place + 1
            if not gone and following is not None and matches[following].step == match.step:
                continue
            end = place + 1 if gone else following
            last = end is not None and end >= len(moments)
            reason = "" if last else "cleared" if gone else "next_step"
            yield Step(rule, subject, key, match.step, start, None if last else end, reason, matches[start])
            start = following if following is not None else place
