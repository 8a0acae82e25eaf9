"""What becomes of a notice that is about to go out: it goes, waits, is kept for the digest, or is suppressed. Pure.

In Alertmanager's order: inhibition, calendars (quiet hours, active and mute times), silences, then what was told already.
Every outcome has its reason in words, for the ledger; nothing is dropped without one.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

from tocsin.core.moment import iso
from tocsin.core.routing.matching import Silence
from tocsin.core.schedule import Hours, Quiet

Fate = Literal["go", "wait", "digest", "suppress"]
AROUND = 16  # calendars are asked in turn until all agree; so many rounds at most
# Kinds that say that an alert asks something; those after an acknowledgement ask nothing any more.
ASKING = frozenset({"opened", "released", "renotified", "woken", "freed", "reopened"})
WAIT_AT_LEAST = timedelta(seconds=1)


@dataclass(frozen=True, slots=True)
class Standing:
    """How the alert of a notice stands now. state: as alerts have it. told: this target was told of it before."""

    state: str
    rank: int
    inhibited_by: str = ""
    acknowledged_by: str = ""
    snoozed_until: datetime | None = None
    close_reason: str = ""
    told: bool = False


@dataclass(frozen=True, slots=True)
class Hearing:
    """When the target hears. machine: a channel that no single person reads: told of everything, at any time.

    least_rank: what is milder waits for the digest. active: within all of these; mute: outside of all of these.
    through_quiet: quiet hours and calendars do not matter.
    """

    machine: bool = False
    least_rank: int = 0
    quiet: Quiet | None = None
    active: tuple[Hours, ...] = ()
    mute: tuple[Hours, ...] = ()
    through_quiet: bool = False

    def next(self, moment: datetime) -> datetime | None:
        """The moment itself where the target hears then, else when it does next; None where the calendars never agree."""
        at = moment
        for _ in range(AROUND):
            before = at
            if self.quiet is not None:
                at = self.quiet.ends(at)
            for each in self.active:
                opens = each.next_open(at)
                if opens is None:
                    return None
                at = opens
            for each in self.mute:
                closes = each.next_closed(at)
                if closes is None:
                    return None
                at = closes
            if at == before:
                return at
        return None


@dataclass(frozen=True, slots=True)
class Decision:
    """The fate of a notice. until: of one that waits. reason: in words; '' where it goes."""

    fate: Fate
    reason: str = ""
    until: datetime | None = None


def decide(kind: str, standing: Standing, hearing: Hearing, silences: Sequence[Silence], moment: datetime) -> Decision:
    """What becomes of one notice at a moment. silences: those that match its alert."""
    over = _over(kind, standing, hearing)
    if over:
        return Decision("suppress", over)
    if standing.inhibited_by and kind not in ("closed", "assigned"):
        return Decision("suppress", f"kept quiet by {standing.inhibited_by}")
    waiting = _calendar(hearing, moment) or _silence(silences, moment)
    if waiting is not None:
        return waiting
    if kind == "freed" and standing.told:
        return Decision("suppress", "this target was told of it before it was kept quiet")
    if not hearing.machine and standing.rank < hearing.least_rank and kind not in ("assigned", "escalated"):
        return Decision("digest", "milder than what is told at once")
    if not hearing.machine and kind == "closed":
        return Decision("digest", "that an alert is over comes with the digest")
    return Decision("go")


def _over(kind: str, standing: Standing, hearing: Hearing) -> str:
    """Why the notice has nothing to say any more; '' where it has."""
    if kind == "closed":
        return "" if standing.told or hearing.machine else "over before it was told"
    if hearing.machine:
        return ""
    if standing.state == "closed":
        return f"over before it was told ({standing.close_reason or 'closed'})"
    if standing.state == "acknowledged" and kind in ASKING:
        return f"{standing.acknowledged_by or 'somebody'} has it"
    if standing.state == "snoozed" and kind != "assigned":
        until = f" until {iso(standing.snoozed_until)}" if standing.snoozed_until else ""
        return f"snoozed{until}"
    return ""


def _calendar(hearing: Hearing, moment: datetime) -> Decision | None:
    if hearing.machine or hearing.through_quiet:
        return None
    opens = hearing.next(moment)
    if opens is None:
        return Decision("digest", "the calendars of its route never let it out at once")
    return None if opens <= moment else Decision("wait", f"quiet until {iso(opens)}", max(opens, moment + WAIT_AT_LEAST))


def _silence(silences: Sequence[Silence], moment: datetime) -> Decision | None:
    running = [each for each in silences if each.starts_at <= moment < each.ends_at]
    if not running:
        return None
    last = max(running, key=lambda each: each.ends_at)
    reason = f"silenced until {iso(last.ends_at)} by {last.by}" + (f": {last.reason}" if last.reason else "")
    return Decision("wait", reason, last.ends_at)
