"""Medians over the active accounts, as of starts of days: what `market(x)` looks at."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

from tocsin.core.language import Term
from tocsin.core.language.terms import Ago, Attribute, Const, Market, Operation
from tocsin.core.moment import DAY, day_of, start_of_day
from tocsin.engine.sql.points import PointsQuestion, PointsStatement, Source
from tocsin.engine.sql.sources import EveryMoment
from tocsin.engine.sql.statement import Surroundings
from tocsin.facts.store import Store

MOST_KEPT = 500  # medians
ACTIVE = Operation("boolean", "=", (Attribute("text", "account", "status"), Const("text", "active")))


def point_markets(
    store: Store, around: Surroundings, terms: Sequence[Term], source: Source
) -> dict[Market, dict[date, float | None]]:
    """The medians that terms look at as of points: term -> day in the workspace's zone -> median (null of none)."""
    offsets: dict[Market, set[timedelta]] = {}
    seen: set[tuple[int, timedelta]] = set()
    for term in terms:
        for market, offset in _markets(term, timedelta(0), seen):
            offsets.setdefault(market, set()).add(offset)
    if not offsets:
        return {}
    moments = source.span(store)
    days = sorted({day for spans in offsets.values() for offset in spans for day in _days(moments, offset, store.zone)})
    distinct = list(offsets)
    starts = {start_of_day(day, store.zone): day for day in days}
    of_all = [each.operand for each in distinct]
    question = PointsQuestion(EveryMoment("account", sorted(starts)), of_all, ACTIVE, earliest=min(starts, default=None))
    found: dict[Market, dict[date, float | None]] = {each: dict.fromkeys(days) for each in distinct}
    for row in store.query(PointsStatement(question, around).medians()).to_pylist():
        day = starts[row["moment"].replace(tzinfo=UTC)]
        for index, each in enumerate(distinct):
            found[each][day] = row[f"f{index}"]
    return found


def _markets(term: Term, offset: timedelta, seen: set[tuple[int, timedelta]]) -> Iterator[tuple[Market, timedelta]]:
    """The market terms inside a term, and how far back each looks. Terms share parts: each is looked at once."""
    if (id(term), offset) in seen:
        return
    seen.add((id(term), offset))
    if isinstance(term, Market):
        yield term, offset
        return
    then = offset + term.length if isinstance(term, Ago) else offset
    for child in term.children():
        yield from _markets(child, then, seen)


def _days(span: Sequence[datetime], offset: timedelta, zone: ZoneInfo) -> Iterator[date]:
    """The days in which the moments, less an offset, lie; of two moments only, all days between them."""
    days = [day_of(moment - offset, zone) for moment in span]
    if len(days) == 2:
        yield from (days[0] + DAY * each for each in range((days[1] - days[0]).days + 1))
    else:
        yield from days


@dataclass(frozen=True)
class _Kept:
    """A median, and of which facts it was made."""

    value: float | None
    generation: int
    beside_events: int


class KeptMedians:
    """The medians of starts of days, which are the same the whole day.

    They are kept while nothing but events comes in, none of which started at or before the start of that day.
    """

    def __init__(self, store: Store) -> None:
        self._store = store
        self._kept: dict[tuple[Market, datetime], _Kept] = {}

    def of(
        self,
        markets: Sequence[Market],
        day: datetime,
        made: Callable[[Sequence[Market], datetime], Sequence[float | None]],
    ) -> list[float | None]:
        """The median of each term as of the start of a day; those that are not kept are made together."""
        store = self._store
        generation, beside_events = store.generation, store.generation_beside_events
        standing = {each: known for each in markets if (known := self._standing(each, day)) is not None}
        values = {each: known.value for each, known in standing.items()}
        if lacking := [each for each in markets if each not in standing]:
            fresh = dict(zip(lacking, made(lacking, day), strict=True))
            if len(self._kept) + len(fresh) > MOST_KEPT:
                self._kept.clear()
            self._kept |= {(each, day): _Kept(value, generation, beside_events) for each, value in fresh.items()}
            values |= fresh
        return [values[each] for each in markets]

    def _standing(self, market: Market, day: datetime) -> _Kept | None:
        known = self._kept.get((market, day))
        if known is None or known.beside_events != self._store.generation_beside_events:
            return None
        earliest = self._store.events_since(known.generation)
        return known if earliest is None or earliest >= day else None


__all__ = ["ACTIVE", "KeptMedians", "point_markets"]
