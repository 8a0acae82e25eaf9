"""Truths of every subject at every moment, as arrays: one row a subject, one column a moment."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from tocsin.core.language import Term
from tocsin.core.rules import FAMILY
from tocsin.engine.explaining import subject_ids
from tocsin.engine.sql.sources import EveryMoment

if TYPE_CHECKING:
    from tocsin.engine.book import Book

MOST_POINTS = 3_000_000  # of one query: beyond that moments are asked for in blocks
FEW_POINTS = 100_000  # of one query: up to that its answer is small beside the SELECT
Bools = npt.NDArray[np.bool_]
MOST_PARTS = 50  # of a replay of families: beyond that parts cost more than they save
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True)
class Grid:
    """ids: of the subjects, one a row. columns: one array for each term asked for, `false` or null where nobody is there."""

    ids: tuple[str, ...]
    moments: tuple[datetime, ...]
    columns: tuple[npt.NDArray[Any], ...]
    here: Bools


def grid(
    book: Book,
    terms: Sequence[Term],
    subject: str,
    moments: Sequence[datetime],
    *,
    accounts: Collection[str] | None = None,
    deleted: bool = False,
) -> Grid:
    """The values of terms as of moments.

    Truths are booleans (null is false), numbers floats (null is NaN), dates and times microseconds since 1970 (null is -1).
    """
    subjects = _subjects(book, subject)
    tables = [
        book.points(
            terms,
            EveryMoment(subject, block, accounts=accounts, deleted=deleted),
            few=len(block) * subjects <= FEW_POINTS,
            ordered=False,
        )
        for part in (_at_turns(book, moments) if subject == FAMILY else [moments])
        for block in _blocks(part, subjects)
    ]
    return assembled(tables, subject, moments, len(terms))


def assembled(tables: Sequence[pa.Table], subject: str, moments: Sequence[datetime], width: int) -> Grid:
    """The arrays of tables with a row for each point, in any order; the subjects are ordered by id."""
    found: list[tuple[npt.NDArray[np.int64], npt.NDArray[np.int64], pa.Table]] = []
    instants = np.array([(moment - EPOCH) // timedelta(microseconds=1) for moment in moments], dtype=np.int64)
    coded = [_coded(table, subject) for table in tables]
    ids = sorted(set().union(*(each.dictionary.to_pylist() for each in coded)))
    names = {each: row for row, each in enumerate(ids)}
    for table, encoded in zip(tables, coded, strict=True):
        codes = np.array([names[each] for each in encoded.dictionary.to_pylist()], dtype=np.int64)
        rows = codes[encoded.indices.to_numpy()] if len(codes) else np.empty(0, dtype=np.int64)
        places = np.searchsorted(instants, microseconds(table.column("moment")))
        found.append((rows, places, table))
    shape = (len(names), len(instants))
    here = np.zeros(shape, dtype=np.bool_)
    columns: list[npt.NDArray[Any]] = []
    for rows, places, _ in found:
        here[rows, places] = True
    for index in range(width):
        filled: npt.NDArray[Any] | None = None
        for rows, places, table in found:
            values = plain_array(table.column(f"f{index}"))
            if filled is None:
                filled = np.full(shape, _nothing(values.dtype), dtype=values.dtype)
            filled[rows, places] = values
        columns.append(filled if filled is not None else np.zeros(shape, dtype=np.bool_))
    return Grid(tuple(ids), tuple(moments), tuple(columns), here)


def _coded(table: pa.Table, subject: str) -> pa.DictionaryArray:
    """The subject of each row as a code of its id: with a year of days each id stands there hundreds of times."""
    if subject == "feature":
        return pa.array(subject_ids(table, subject), type=pa.string()).dictionary_encode()
    return table.column("subject_id").dictionary_encode().combine_chunks()


def microseconds(column: pa.ChunkedArray) -> npt.NDArray[np.int64]:
    """Dates and times as microseconds since 1970; null is -1."""
    stamped = column.cast(pa.timestamp("us")) if pa.types.is_date(column.type) else column
    counted = pc.cast(stamped, pa.int64())
    return pc.fill_null(counted, -1).to_numpy()  # type: ignore[no-any-return]


def plain_array(column: pa.ChunkedArray) -> npt.NDArray[Any]:
    """A column without nulls; see `grid`."""
    kind = column.type
    if pa.types.is_boolean(kind):
        return pc.fill_null(column, False).to_numpy(zero_copy_only=False)  # type: ignore[no-any-return]
    if pa.types.is_date(kind) or pa.types.is_timestamp(kind):
        return microseconds(column)
    return pc.fill_null(pc.cast(column, pa.float64()), float("nan")).to_numpy()  # type: ignore[no-any-return]


def _nothing(kind: np.dtype[Any]) -> Any:
    return False if kind == np.bool_ else -1 if kind == np.int64 else np.nan


def _at_turns(book: Book, moments: Sequence[datetime]) -> list[Sequence[datetime]]:
    """The moments in parts between which somebody came into a family or left one; in one where that happened often."""
    places = sorted({bisect_left(moments, turn) for turn in book.family_turns} - {0, len(moments)})
    if len(places) > MOST_PARTS:
        return [moments]
    return [moments[first:last] for first, last in zip([0, *places], [*places, len(moments)], strict=True)]


def _subjects(book: Book, subject: str) -> int:
    """About how many subjects of a kind there are."""
    table = {"account": "accounts", "person": "people", "feature": "accounts", FAMILY: "accounts"}.get(subject)
    return 1 if table is None else book.store.counts()[table] * (12 if subject == "feature" else 1)


def _blocks(moments: Sequence[datetime], subjects: int) -> Iterator[Sequence[datetime]]:
    size = max(1, MOST_POINTS // max(1, subjects))
    for first in range(0, len(moments), size):
        yield moments[first : first + size]
