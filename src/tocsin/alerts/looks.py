"""When a sweep looks at rules that are set off between two looks: those on a segment's border, and on changes of health.

Facts come after they happened, often after a sweep of a later moment. Whom such facts bring into a segment was outside when
the sweep before looked, and is inside as of that moment now: between that look and this one nothing is to be seen any more.
So a sweep looks again as of earlier moments, as far back as rows may be late, and what it finds there opens an alert unless
one was opened then.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from tocsin.alerts.models import Sweep
from tocsin.core.moment import DAY, day_of, floor_day, start_of_day

if TYPE_CHECKING:
    from zoneinfo import ZoneInfo

    from tocsin.core.folding import Opening
    from tocsin.core.rules import Rule
    from tocsin.engine import Match

MOST_LOOKS = 6  # earlier sweeps that are looked at again
TICK, NOTHING = timedelta(microseconds=1), timedelta(0)


@dataclass(frozen=True)
class Looks:
    """The moments of looking of a rule, ascending, the last one now. fresh: what is seen after it may open an alert."""

    moments: tuple[datetime, ...]
    fresh: datetime

    def unheard(self, rule: Rule, found: Sequence[Match], known: Mapping[str, Sequence[Opening]]) -> list[Match]:
        """What was found, with what has opened an alert already as the row of that alert.

        known: subject -> the openings of the rule. What an earlier look saw while the rule was silent stays unsaid.
        """
        return [each for match in found if (each := self._unheard(rule, match, known.get(match.subject_id, ()))) is not None]

    def _unheard(self, rule: Rule, match: Match, openings: Sequence[Opening]) -> Match | None:
        at, before = match.as_of, self.moments[bisect_left(self.moments, match.as_of) - 1]
        for each in openings:
            if before < each.opened_at <= at:
                return replace(match, key=each.key, as_of=each.opened_at)
        if at == self.moments[-1]:
            return match
        collapse, cooldown = rule.collapse or NOTHING, rule.cooldown or NOTHING
        if any(each.closed_at is not None and before - cooldown < each.closed_at <= at for each in openings):
            return None
        counted = any(each.opened_at <= at < each.opened_at + collapse for each in openings)
        return match if counted or at > self.fresh else None


def border_looks(before: datetime, now: datetime, late: timedelta, published: datetime) -> Looks:
    """The sweeps that may have looked too early, a few of them where there are many, the sweep before, and now."""
    earliest = max(before - late, published)
    rows = Sweep.objects.filter(as_of__gte=earliest, as_of__lt=before).order_by("as_of").values_list("as_of", flat=True)
    swept = list(dict.fromkeys(rows))
    if len(swept) > MOST_LOOKS:
        swept = [swept[number * len(swept) // MOST_LOOKS] for number in range(MOST_LOOKS)]
    return Looks((*swept, before, now), earliest)


def health_looks(
    before: datetime, now: datetime, late: timedelta, published: datetime, zone: ZoneInfo, counting: Sequence[datetime]
) -> Looks:
    """The starts of days since the past may have become another, the sweep before, and now.

    counting: openings that still count their repeats, all of which are counted anew.
    """
    first = Sweep.objects.order_by("as_of").values_list("as_of", flat=True).first() or before
    fresh = max(before - late, published, first)
    earliest = min([fresh, *(floor_day(each - TICK, zone) for each in counting)])
    day, days = day_of(earliest, zone), []
    while (start := start_of_day(day, zone)) < now:
        days += [start] if start >= earliest else []
        day += DAY
    return Looks(tuple(sorted({*days, before, now})), fresh)
