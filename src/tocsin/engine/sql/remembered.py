"""Statements that are asked again and again, written once: from one time to the next they differ in instants and accounts.

A sweep asks the same every minute, a pulse ten times a second, and writing a statement takes longer than answering it does on
a book of usual size. What is asked a second time is therefore written once more with marks (`marks`) in place of what differs,
and kept. Filled with the values it must be what was written without marks, to the letter; where it is not, it is no use and
the statement is written anew each time.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Collection, Hashable, Mapping, Sequence
from dataclasses import fields, replace
from datetime import UTC, datetime
from typing import Any

from tocsin.core.language.terms import Market
from tocsin.engine.rolled import lengths
from tocsin.engine.sql.families import points_statement, statement
from tocsin.engine.sql.marks import MARKS, MarkedNumber, Template, Values, marked_ids
from tocsin.engine.sql.points import PointsQuestion
from tocsin.engine.sql.sources import OwnMoments
from tocsin.engine.sql.statement import Question, Surroundings

MOST = 500  # statements that are kept; beyond it all are written anew

_kept: dict[Hashable, Template | None] = {}  # None: not worth keeping
_once: set[Hashable] = set()
_guard = threading.Lock()


def question_sql(question: Question, around: Surroundings) -> str:
    """The SELECT of a question as of moments."""

    def plain() -> str:
        return statement(question, around).sql()

    values = _Differing()
    moments = values.moments(question.moments)
    only, accounts = values.ids(question.only), values.ids(question.accounts)
    if moments is None or values.lacking:
        return plain()
    markets, medians = _medians(question.markets, question.moments[0])
    key = (
        question.subject, tuple(question.formulas), question.where, only, accounts, question.deleted, question.picked,
        question.ordered, tuple(moments), tuple(medians), around, lengths(around.borders, question.moments[0]),
    )  # fmt: skip

    def marked() -> str:
        first = question.moments[0]  # by which old events are read from the rollup or not
        asked = replace(question, moments=moments, only=only, accounts=accounts, markets=markets, first=first)
        return statement(asked, around).sql()

    numbers = [question.markets[term, question.moments[0] - offset] for term, offset in medians]
    return _remembered(key, plain, marked, values.put_in(numbers), around)


def points_sql(question: PointsQuestion, around: Surroundings) -> str:
    """The SELECT of a question about points."""

    def plain() -> str:
        return points_statement(question, around).sql()

    if question.markets or isinstance(question.source, OwnMoments):
        return plain()
    values = _Differing()
    changed: dict[str, Any] = {}
    source: Any = question.source
    for each in fields(source):
        value = getattr(source, each.name)
        if isinstance(value, datetime):
            changed[each.name] = values.instant(value)
        elif each.name == "moments" and value:
            changed[each.name] = values.moments(value)
        elif each.name in ("only", "accounts"):
            changed[each.name] = values.ids(value)
    if values.lacking:
        return plain()
    asked = replace(source, **changed)
    of_rollup = None if question.earliest is None else lengths(around.borders, question.earliest)
    key = (asked, tuple(question.formulas), question.where, question.given, question.ordered, around, of_rollup)

    def marked() -> str:
        return points_statement(replace(question, source=asked), around).sql()

    return _remembered(key, plain, marked, values.put_in(()), around)


def _medians(
    markets: Mapping[tuple[Market, datetime], float | None], moment: datetime
) -> tuple[dict[tuple[Market, datetime], float | None], list[tuple[Market, Any]]]:
    """Marked numbers in place of medians, and for each place which it is: a term and the length before the moment."""
    places = sorted(((term, moment - at) for term, at in markets), key=lambda each: (hash(each[0]), each[1]))
    return {(term, MARKS[0] - offset): MarkedNumber(place) for place, (term, offset) in enumerate(places)}, places


class _Differing:
    """The values that differ from one time to the next, as they are found. lacking: one of them no mark can stand for."""

    def __init__(self) -> None:
        self._instants: list[datetime] = []
        self._ids: list[Sequence[str]] = []
        self.lacking = False

    def instant(self, value: datetime) -> datetime:
        """The mark of an instant."""
        if len(self._instants) == len(MARKS):
            self.lacking = True
            return value
        self._instants.append(value)
        return MARKS[len(self._instants) - 1]

    def moments(self, values: Sequence[datetime]) -> tuple[datetime, ...] | None:
        """The marks of moments, which keep their distances; None of none."""
        if not values:
            return None
        first = self.instant(values[0])
        return tuple(first + (each - values[0]) for each in values)

    def ids(self, values: Collection[str] | None) -> tuple[str, str] | None:
        """The marks of a list of ids; None of None."""
        if values is None:
            return None
        self.lacking = self.lacking or not values  # of nobody there is another statement
        self._ids.append(tuple(values))
        return marked_ids(len(self._ids) - 1)

    def put_in(self, numbers: Sequence[float | None]) -> Values:
        """All of them."""
        return Values([each.astimezone(UTC) for each in self._instants], self._ids, numbers)


def _remembered(
    key: Hashable, plain: Callable[[], str], marked: Callable[[], str], values: Values, around: Surroundings
) -> str:
    with _guard:
        template = _kept.get(key)
        known, seen = key in _kept, key in _once
        if not known and not seen:
            if len(_once) >= MOST:
                _once.clear()
            _once.add(key)
    if template is not None:
        return template.filled(values, around.zone)
    written = plain()
    if known or not seen:
        return written
    made = Template(marked())
    with _guard:
        _once.discard(key)
        if len(_kept) >= MOST:
            _kept.clear()
        _kept[key] = made if made.filled(values, around.zone) == written else None
    return written
