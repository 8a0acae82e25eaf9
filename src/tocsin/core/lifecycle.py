"""The life of an alert: what a verdict, or a person, does to the episode of one (rule, subject, key). Pure.

A verdict is true, false or *unknown*; unknown (late data, a guard, an error) never opens, closes, wakes or reminds. The
caller keeps the returned state, whatever the action, and writes a notice only where `Outcome.notify` says so.

    none      nothing yet: no episode, or one that is over
    pending   true, but not yet for as long as the rule's `for`; no alert is shown
    open      announced and running                      acknowledged   somebody has it: no reminders
    snoozed   silent until a moment                      held           kept back for review; a person releases it
    closed    over; remembered for the cooldown
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Literal, get_args

from tocsin.core.errors import UserError
from tocsin.core.moment import iso

State = Literal["pending", "open", "acknowledged", "snoozed", "held", "closed"]
Action = Literal["none", "open", "keep", "renotify", "step", "close", "hold", "wake", "refire"]
CloseReason = Literal["cleared", "revised", "superseded", "expired", "resolved", "subject_gone", "switched_off"]

LIVE: frozenset[State] = frozenset({"open", "acknowledged", "snoozed", "held"})
CLOSE_REASONS: tuple[CloseReason, ...] = get_args(CloseReason)


@dataclass(frozen=True, slots=True)
class EpisodeState:
    """Where an episode stands; all times are instants in UTC.

    since:         first moment at which the condition was seen true, without a false verdict after it; null while it is not.
    opened_at:     when the episode opened, or was held. Null while pending.
    notified_at:   the latest notice: of opening, of a reminder or of waking. Null where there was none yet.
    snoozed_until: of a snoozed episode, and of one that cleared while it was snoozed: until then it comes back in silence.
    closed_at, closed_because: only of a closed one.
    rearmed:       only of a closed one: the condition has been seen false since, so that it can *become* true again.
    step:          of a countdown, the step that it is in; '' for all others.
    baseline:      it opened as part of a baseline: until some notice of it goes out, nobody is reminded of it.
    """

    state: State
    since: datetime | None = None
    opened_at: datetime | None = None
    notified_at: datetime | None = None
    snoozed_until: datetime | None = None
    closed_at: datetime | None = None
    closed_because: CloseReason | None = None
    rearmed: bool = False
    step: str = ""
    baseline: bool = False

    @property
    def live(self) -> bool:
        """Whether this is the one running episode of its rule, subject and key."""
        return self.state in LIVE


@dataclass(frozen=True, slots=True)
class Verdict:
    """What evaluation says of one rule and subject as of a moment.

    truth:   whether the condition holds; None: unknown. (A condition that is null as of the moment does not hold: False.)
    cleared: whether the rule's own `clear` formula holds; means nothing where the rule has none.
    reason:  why the truth is unknown; of a baseline, where it is not the first sweep's, why it is one.
    guard:   why a new episode is to be held for review rather than opened (the circuit breaker); None: no reason.
    ends:    closes a live episode for this reason whatever the truth, and lets none open (superseded by a higher stage of
             its ladder, the subject is gone, the facts of its opening were revised, the rule is no longer on).
    quiet:   what happens is right but no news (moving down a ladder): no notice.
    baseline: what opens was so before anybody looked, and is no news: no notice of the opening, and no reminders.
    step:    of a countdown, the step that has been reached; each is told once.
    """

    truth: bool | None
    cleared: bool = False
    reason: str = ""
    guard: str | None = None
    ends: CloseReason | None = None
    quiet: bool = False
    step: str = ""
    baseline: bool = False


@dataclass(frozen=True, slots=True)
class Policy:
    """What a rule says about the life of its alerts.

    hold:      how long the condition must have held before an alert opens (`for`); exactly so long is enough.
    cooldown:  silence after closing; at its exact end an alert may open again.
    renotify:  a reminder each time so long after the latest notice, while open; None: none.
    expires:   closes by itself so long after opening; None: never.
    has_clear: the rule has a `clear` formula, and an episode stays open until that holds.
    """

    hold: timedelta = timedelta(0)
    cooldown: timedelta = timedelta(0)
    renotify: timedelta | None = None
    expires: timedelta | None = None
    has_clear: bool = False


@dataclass(frozen=True, slots=True)
class Outcome:
    """What follows: the state to keep (None: nothing to remember), what happened, why, and whether it is news.

    suppressed: the condition holds and would have opened an alert, but something named in `reason` kept it back.
    """

    state: EpisodeState | None
    action: Action
    reason: str = ""
    notify: bool = False
    suppressed: bool = False


def transition(episode: EpisodeState | None, verdict: Verdict, moment: datetime, policy: Policy) -> Outcome:
    """The outcome of a verdict as of a moment; `moment` is never earlier than the one of the transition before."""
    if episode is not None and episode.live:
        return _while_live(episode, verdict, moment, policy)
    return _while_over(episode, verdict, moment, policy)


def _while_live(episode: EpisodeState, verdict: Verdict, moment: datetime, policy: Policy) -> Outcome:
    if verdict.ends is not None:
        return _close(episode, verdict.ends, moment, notify=_announced(episode) and not verdict.quiet)
    if verdict.truth is None:
        return Outcome(episode, "keep", verdict.reason or "the condition cannot be judged")
    if verdict.truth is False and (verdict.cleared or not policy.has_clear):
        return _close(episode, "cleared", moment, notify=_announced(episode) and not verdict.quiet)
    opened_at = episode.opened_at
    if policy.expires is not None and opened_at is not None and moment >= opened_at + policy.expires:
        return _close(episode, "expired", moment, notify=False)
    seen = _seen(episode, verdict, moment)
    if seen.state == "snoozed" and seen.snoozed_until is not None and moment >= seen.snoozed_until:
        return _wake(seen, verdict, moment)
    if verdict.truth and verdict.step != seen.step:
        return _next_step(seen, verdict, moment)
    if seen.state == "open" and not verdict.quiet and _reminder_due(seen, moment, policy):
        return Outcome(replace(seen, notified_at=moment), "renotify", "still open", notify=True)
    still = "the condition holds" if verdict.truth else "not yet cleared"
    return Outcome(seen, "keep", still)


def _wake(episode: EpisodeState, verdict: Verdict, moment: datetime) -> Outcome:
    """The snooze is over; a step that was reached meanwhile is told with it."""
    awake = replace(
        episode,
        state="open",
        step=verdict.step if verdict.truth else episode.step,
        snoozed_until=None,
        notified_at=episode.notified_at if verdict.quiet else moment,
    )
    return Outcome(awake, "wake", "the snooze is over and the alert still stands", notify=not verdict.quiet)


def _next_step(episode: EpisodeState, verdict: Verdict, moment: datetime) -> Outcome:
    """A countdown goes on: news, unless the alert is snoozed or held back."""
    told = episode.state in {"open", "acknowledged"} and not verdict.quiet
    stepped = replace(episode, step=verdict.step, notified_at=moment if told else episode.notified_at)
    return Outcome(stepped, "step", "overdue" if verdict.step == "overdue" else f"{verdict.step} days or less", notify=told)


def _while_over(episode: EpisodeState | None, verdict: Verdict, moment: datetime, policy: Policy) -> Outcome:
    if verdict.truth is None:
        return Outcome(episode, "none", verdict.reason or "the condition cannot be judged")
    if verdict.truth is False:
        return _resting(episode)
    base = episode or EpisodeState("pending")
    seen = _seen(base, verdict, moment)
    if verdict.ends is not None:
        return Outcome(seen if episode else None, "none", verdict.ends, suppressed=True)
    silence = _silence(base, moment, policy)
    if silence:
        return Outcome(seen, "none", silence, suppressed=True)
    due = (seen.since or moment) + policy.hold
    if moment < due:
        return Outcome(seen, "none", f"must hold until {iso(due)}")
    if base.state == "closed" and base.snoozed_until is not None and moment < base.snoozed_until:
        return _refire(seen, verdict)
    fresh = EpisodeState("open", since=seen.since, opened_at=moment, step=verdict.step, baseline=verdict.baseline)
    if verdict.guard is not None:
        return Outcome(replace(fresh, state="held"), "hold", verdict.guard, suppressed=True)
    told = not (verdict.quiet or verdict.baseline)
    why = (verdict.baseline and verdict.reason) or "the condition holds"
    return Outcome(replace(fresh, notified_at=moment if told else None), "open", why, notify=told)


def _refire(episode: EpisodeState, verdict: Verdict) -> Outcome:
    """What cleared while it was snoozed holds again before the snooze ends: the same episode, as silent as it was."""
    asleep = replace(episode, state="snoozed", closed_at=None, closed_because=None, rearmed=False, step=verdict.step)
    return Outcome(asleep, "refire", "the condition holds again while the alert is snoozed")


def _seen(episode: EpisodeState, verdict: Verdict, moment: datetime) -> EpisodeState:
    """The episode with `since` as this verdict leaves it."""
    if verdict.truth:
        return episode if episode.since else replace(episode, since=moment)
    return replace(episode, since=None)


def _resting(episode: EpisodeState | None) -> Outcome:
    """After a false verdict where nothing is live: a pending one is forgotten, a closed one can open anew."""
    if episode is None or episode.state == "pending":
        return Outcome(None, "none", "the condition does not hold")
    return Outcome(replace(episode, since=None, rearmed=True), "none", "the condition does not hold")


def _silence(episode: EpisodeState, moment: datetime, policy: Policy) -> str:
    """Why an episode that is over may not open again yet; '' where it may.

    A stage that was superseded has no cooldown: going down the ladder it opens again. What was resolved or expired while the
    condition still held stays closed until the condition has been false once or, where the rule has one, a cooldown passed.
    """
    if episode.state != "closed" or episode.closed_at is None or episode.closed_because == "superseded":
        return ""
    until = episode.closed_at + policy.cooldown
    if moment < until:
        return f"in cooldown until {iso(until)}"
    if episode.closed_because in {"resolved", "expired"} and not episode.rearmed and not policy.cooldown:
        return f"{episode.closed_because} while it held; opens again once the condition has been false"
    return ""


def _reminder_due(episode: EpisodeState, moment: datetime, policy: Policy) -> bool:
    """Whether it is time for a reminder; never of what nobody was told of because it is of a baseline."""
    if episode.baseline and not _announced(episode):
        return False
    last = episode.notified_at or episode.opened_at
    return policy.renotify is not None and last is not None and moment >= last + policy.renotify


def _announced(episode: EpisodeState) -> bool:
    """Whether anybody was told of the episode, so that its end is news."""
    return episode.notified_at is not None


def _close(episode: EpisodeState, because: CloseReason, moment: datetime, *, notify: bool) -> Outcome:
    closed = replace(
        episode,
        state="closed",
        since=None,
        snoozed_until=episode.snoozed_until if because == "cleared" else None,
        closed_at=moment,
        closed_because=because,
        rearmed=because == "cleared",
    )
    return Outcome(closed, "close", because, notify=notify)


# --- What people do ----------------------------------------------------------------------------------------------------


def acknowledge(episode: EpisodeState) -> EpisodeState:
    """Somebody has it: no more reminders. UserError where the alert is closed, held or not there yet."""
    if episode.state not in {"open", "acknowledged", "snoozed"}:
        raise UserError(f"the alert is {episode.state}; only an open or snoozed alert can be acknowledged")
    return replace(episode, state="acknowledged", snoozed_until=None)


def snooze(episode: EpisodeState, until: datetime, moment: datetime) -> EpisodeState:
    """Silent until a later moment. UserError where the alert is closed or held, or the moment is not ahead."""
    if episode.state not in {"open", "acknowledged", "snoozed"}:
        raise UserError(f"the alert is {episode.state}; only an open or acknowledged alert can be snoozed")
    if until <= moment:
        raise UserError(f"an alert is snoozed until a moment ahead; {iso(until)} is not after {iso(moment)}")
    return replace(episode, state="snoozed", snoozed_until=until)


def release(episode: EpisodeState, moment: datetime) -> Outcome:
    """A person lets a held alert go out: it opens, with its notice. UserError where it is not held."""
    if episode.state != "held":
        raise UserError(f"the alert is {episode.state}; only a held alert can be released")
    return Outcome(replace(episode, state="open", notified_at=moment), "open", "released after review", notify=True)


def resolve(episode: EpisodeState, moment: datetime) -> Outcome:
    """A person closes a live alert; who does so need not be told. UserError where it is not live."""
    if not episode.live:
        raise UserError(f"the alert is {episode.state}; only a running alert can be resolved")
    return _close(episode, "resolved", moment, notify=False)


def reopen(episode: EpisodeState) -> EpisodeState:
    """A person takes an act back: an acknowledged, snoozed or resolved alert is open again.

    UserError where there is nothing to take back, or where the alert was closed by what happened and not by a person.
    """
    if episode.state in {"acknowledged", "snoozed"} or (episode.state == "closed" and episode.closed_because == "resolved"):
        return replace(episode, state="open", snoozed_until=None, closed_at=None, closed_because=None, rearmed=False)
    closed = f"closed ({episode.closed_because})" if episode.state == "closed" else episode.state
    raise UserError(f"the alert is {closed}; only an acknowledged, snoozed or resolved alert can be opened again")


# --- Ladders ------------------------------------------------------------------------------------------------------------


def settle_ladder(verdicts: Mapping[int, Verdict], live: Collection[int], policies: Mapping[int, Policy]) -> dict[int, Verdict]:
    """The verdicts of a ladder's stages for one subject, made so that only the highest stage that holds is open.

    verdicts: stage number -> its own verdict; live: the stages that have a running episode; policies: of each stage.
    Stages below the top one end as superseded, quietly; a stage reached from above opens quietly. While a running stage
    cannot be judged, the stages below it cannot either.
    """
    settled: dict[int, Verdict] = {}
    above: Literal["nothing", "ended", "stands", "unknown"] = "nothing"
    for stage in sorted(verdicts, reverse=True):
        verdict = verdicts[stage]
        if above == "stands":
            settled[stage] = replace(verdict, ends="superseded", quiet=True)
            continue
        if above == "unknown":
            settled[stage] = replace(verdict, truth=None, reason="a higher stage cannot be judged")
            continue
        settled[stage] = replace(verdict, quiet=True) if above == "ended" and stage not in live else verdict
        lingers = stage in live and policies[stage].has_clear and not verdict.cleared
        if verdict.truth or (verdict.truth is False and lingers):
            above = "stands"
        elif stage in live:
            above = "unknown" if verdict.truth is None else "ended"
    return settled
