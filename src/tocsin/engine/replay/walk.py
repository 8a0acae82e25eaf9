"""The life of alerts walked over the moments at which something changes, by the very code that runs live."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

import numpy as np

from tocsin.core.lifecycle import CloseReason, EpisodeState, Policy, Verdict, settle_ladder, transition
from tocsin.core.rules import Rule
from tocsin.engine.replay.grid import Bools


@dataclass(frozen=True)
class Run:
    """One alert of a rule: from which moment to which (places among the moments; None: it still runs), and why it closed.

    since: the place from which on the condition was seen true.
    """

    rule: Rule
    opened: int
    closed: int | None
    reason: str
    since: int


@dataclass(frozen=True)
class Truths:
    """What one rule says of one subject at each moment; `alive`: the subject is there, and has not churned."""

    rule: Rule
    fires: Bools
    clears: Bools
    alive: Bools

    def verdict(self, place: int) -> Verdict:
        """The verdict at a moment, as a sweep would have it."""
        fires, gone = bool(self.fires[place]), not self.alive[place]
        ends: CloseReason | None = "subject_gone" if gone and not fires else None
        return Verdict(truth=fires, cleared=bool(self.clears[place]), ends=ends)


def runs(group: Sequence[Truths], moments: Sequence[datetime]) -> list[Run]:
    """The alerts of a rule, or of the rules that are stages of one ladder, for one subject."""
    changes = _changes(group)
    walkers = {each.rule.id: Walker(each.rule) for each in group}
    place: int | None = 0
    while place is not None:
        verdicts = {each.rule.id: each.verdict(place) for each in group}
        if len(group) > 1:
            verdicts = settled([each.rule for each in group], walkers, verdicts)
        for each in group:
            walkers[each.rule.id].step(verdicts[each.rule.id], place, moments)
        place = _following(place, changes, walkers, moments)
    return [run for walker in walkers.values() for run in walker.finished()]


def _changes(group: Sequence[Truths]) -> list[int]:
    """The places at which any truth differs from the one before, ascending."""
    size = len(group[0].fires)
    moved = np.zeros(size, dtype=np.bool_)
    for each in group:
        for column in (each.fires, each.clears, each.alive):
            moved[1:] |= column[1:] != column[:-1]
    return np.flatnonzero(moved).tolist()


def _following(place: int, changes: Sequence[int], walkers: Mapping[str, Walker], moments: Sequence[datetime]) -> int | None:
    """The next place at which a truth changes or a time of some policy is over."""
    index = bisect_left(changes, place + 1)
    candidates = [changes[index]] if index < len(changes) else []
    for walker in walkers.values():
        due = walker.due()
        if due is not None and due > moments[place]:
            later = bisect_left(moments, due)
            if later < len(moments):
                candidates.append(later)
    return min(candidates, default=None)


def settled(group: Sequence[Rule], walkers: Mapping[str, Walker], verdicts: Mapping[str, Verdict]) -> dict[str, Verdict]:
    """The verdicts of rules that are stages of one ladder: only the highest stage that holds is open."""
    stages = {rule.stage or 0: rule for rule in group}
    live = [stage for stage, rule in stages.items() if walkers[rule.id].live]
    found = settle_ladder(
        {stage: verdicts[rule.id] for stage, rule in stages.items()},
        live,
        {stage: rule.policy for stage, rule in stages.items()},
    )
    return {stages[stage].id: verdict for stage, verdict in found.items()}


class Walker:
    """The state of one rule's episode as it is walked through time."""

    def __init__(self, rule: Rule) -> None:
        self.rule = rule
        # A reminder is no change of an alert: without it nothing has to be looked at between changes.
        self.policy: Policy = replace(rule.policy, renotify=None)
        self.state: EpisodeState | None = None
        self.opened: int | None = None
        self.since = 0
        self.found: list[Run] = []

    @property
    def live(self) -> bool:
        """Whether an alert runs."""
        return self.state is not None and self.state.live

    def step(self, verdict: Verdict, place: int, moments: Sequence[datetime]) -> None:
        """Go on to a moment, by its place, with what is so then."""
        before = self.state
        outcome = transition(before, verdict, moments[place], self.policy)
        self.state = outcome.state
        if (self.state is not None and self.state.since) and (before is None or before.since is None):
            self.since = place
        if outcome.action == "open":
            self.opened = place
        elif outcome.action == "close" and self.opened is not None:
            self.found.append(Run(self.rule, self.opened, place, outcome.reason, self.since))
            self.opened = None

    def due(self) -> datetime | None:
        """The next moment at which time alone changes something."""
        state, policy = self.state, self.policy
        if state is None:
            return None
        if state.live:
            return state.opened_at + policy.expires if policy.expires and state.opened_at else None
        times = []
        if state.since is not None:
            times.append(state.since + policy.hold)
            if state.closed_at is not None:
                times.append(state.closed_at + policy.cooldown)
        return max(times, default=None)

    def finished(self) -> Iterator[Run]:
        """The alerts so far, the one that still runs last."""
        yield from self.found
        if self.opened is not None:
            yield Run(self.rule, self.opened, None, "", self.since)
