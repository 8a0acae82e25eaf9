"""Rows of another database into files of our own, a portion at a time: they are all here before any of them is stored."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from tocsin.core.errors import UserError
from tocsin.core.schema import COLLECTIONS
from tocsin.facts.breathing import breathe
from tocsin.facts.importing.sources import shown
from tocsin.facts.importing.stage import UPDATED
from tocsin.facts.pulling.marks import greatest
from tocsin.facts.pulling.queries import Query
from tocsin.facts.pulling.shapes import PART, Mark


@dataclass(frozen=True, slots=True)
class Spooled:
    """The rows of a SELECT: its query, Parquet files of at most PART rows (one at least), their number, the greatest mark."""

    query: Query
    parts: tuple[Path, ...]
    rows: int
    mark: Mark | None


def spool(
    batches: Iterable[pa.RecordBatch],
    query: Query,
    folder: Path,
    *,
    cursor: str | None,
    mark: Mark | None = None,
    go_on: Callable[[], None],
    most: int = PART,
) -> Spooled:
    """Write what comes.

    cursor: the column whose greatest value is kept, and which is left out where the contract has none.
    mark: that of the run before, below which this one does not fall.
    go_on: called after each portion.

    UserError where a column stands there twice, the cursor is missing, or the disk is full.
    """
    parts: list[Path] = []
    rows = held = 0
    writer: pq.ParquetWriter | None = None
    try:
        for batch in batches:
            _check(batch.schema, query, cursor)
            if cursor is not None:
                mark = greatest(batch.column(cursor), mark, cursor)
            kept = _kept(batch, query, cursor)
            for piece in _pieces(kept, most, held):
                if writer is None:
                    parts.append(folder / f"{query.collection}-{len(parts)}.parquet")
                    writer = pq.ParquetWriter(parts[-1], kept.schema)
                    held = 0
                writer.write_batch(piece)
                held += piece.num_rows
                if held >= most:
                    writer.close()
                    writer, held = None, 0
            rows += batch.num_rows
            go_on()
            breathe()
    except OSError as error:
        raise UserError(
            f"what was read of {query.collection} could not be kept in {folder.parent}: {error.strerror}"
        ) from error
    finally:
        if writer is not None:
            writer.close()
    return Spooled(query, tuple(parts), rows, mark)


def _pieces(batch: pa.RecordBatch, most: int, held: int) -> Iterator[pa.RecordBatch]:
    """A batch cut where a part is full; the empty one as it is, for the columns that it tells."""
    first = 0
    while first < batch.num_rows or (first == 0 and not batch.num_rows):
        piece = batch.slice(first, most - held)
        yield piece
        if not batch.num_rows:
            return
        first += piece.num_rows
        held = (held + piece.num_rows) % most


def _check(schema: pa.Schema, query: Query, cursor: str | None) -> None:
    names = schema.names
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice is not None:
        raise UserError(f"{shown(query.file)}: the column {twice} stands there twice; rename or remove one")
    if cursor is not None and cursor not in names:
        raise UserError(
            f"{shown(query.file)} gives no column {cursor}, by which :since goes; add it to the SELECT, or name another cursor"
        )


def _kept(batch: pa.RecordBatch, query: Query, cursor: str | None) -> pa.RecordBatch:
    """Without the cursor where it is no column of the collection: it would become a custom attribute."""
    collection = COLLECTIONS[query.collection]
    renamed = query.reading.rename.get(cursor or "", cursor)
    if cursor is None or renamed in collection or (renamed or "").lower() in (UPDATED, *collection.names):
        return batch
    return batch.drop_columns([cursor])
