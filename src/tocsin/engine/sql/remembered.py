"""Statements about rows, written once: what is asked again and again differs only in its instants and accounts.

A pulse asks for the rows of the last moments, ten times a second, and writing a statement takes longer than answering it. So it
is written with marks in place of the instants and the accounts, and kept; the real ones are put in as text.
"""

from __future__ import annotations

import threading
from dataclasses import replace
from datetime import UTC, datetime

from tocsin.engine.sql.points import PointsQuestion
from tocsin.engine.sql.portfolio_points import points_statement
from tocsin.engine.sql.sources import OfRows
from tocsin.engine.sql.statement import Surroundings

MOST = 500  # statements that are kept; beyond it all are written anew
# No fact is of that year, so that the marks stand in a statement for nothing else.
_YEAR = "1234-05-06"
_AFTER, _UNTIL, _ARRIVED = (datetime(1234, 5, 6, 7, 8, 9, each, UTC) for each in (1, 2, 3))
_ACCOUNTS = ("\u2063mark of accounts 1", "\u2063mark of accounts 2")

_kept: dict[object, str] = {}
_guard = threading.Lock()


def points_sql(question: PointsQuestion, around: Surroundings) -> str:
    """The SELECT of a question about points."""
    source = question.source
    if not isinstance(source, OfRows) or source.moments or question.markets:
        return points_statement(question, around).sql()
    marked = replace(
        source,
        after=source.after and _AFTER,
        until=_UNTIL,
        arrived=source.arrived and _ARRIVED,
        accounts=None if source.accounts is None else _ACCOUNTS,
    )
    # The statement hangs on the points' time only by which border of the rollup lies before all of them.
    border = max((each for each in around.borders if question.earliest is not None and each < question.earliest), default=None)
    key = (marked, tuple(question.formulas), question.where, question.given, around, border)
    with _guard:
        written = _kept.get(key)
    if written is None:
        written = points_statement(replace(question, source=marked), around).sql()
        with _guard:
            if len(_kept) >= MOST:
                _kept.clear()
            _kept[key] = written
    made = _put_in(written, source)
    return points_statement(question, around).sql() if _YEAR in made or _ACCOUNTS[0] in made else made


def _put_in(written: str, source: OfRows) -> str:
    made = written
    for mark, instant in ((_AFTER, source.after), (_UNTIL, source.until), (_ARRIVED, source.arrived)):
        if instant is not None:
            made = made.replace(_text(mark), _text(instant))
    if source.accounts is not None:
        ids = ", ".join("'" + each.replace("'", "''") + "'" for each in sorted(source.accounts)) or "NULL"
        made = made.replace(", ".join(f"'{each}'" for each in _ACCOUNTS), ids)
    return made


def _text(instant: datetime) -> str:
    return instant.astimezone(UTC).replace(tzinfo=None).isoformat(sep=" ")
