"""The tables under construction: rows of Python values go in, one Parquet file per collection comes out."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from tocsin.core.schema import COLLECTIONS
from tocsin.facts.demo.window import MICROS_PER_DAY, Window

# Attributes of ours beyond the declared columns: they become custom attributes, as those of a CRM do.
EXTRA: dict[str, dict[str, str]] = {
    "accounts": {"website": "text", "employees": "number"},
    "people": {"title": "text"},
}

_TYPES = {
    "text": pa.string(),
    "any": pa.string(),
    "json": pa.string(),
    "number": pa.float64(),
    "boolean": pa.bool_(),
    "list": pa.list_(pa.string()),
}


def column_types(collection: str) -> dict[str, str]:
    """Name -> type of the columns that the demo may write for a collection."""
    declared = {column.name: str(column.type) for column in COLLECTIONS[collection]}
    return declared | EXTRA.get(collection, {})


class Sheets:
    """Rows by collection. Times and dates are days of the window (see `window.py`); None is an empty cell."""

    def __init__(self, window: Window) -> None:
        self.window = window
        self._rows: dict[str, list[tuple[Any, ...]]] = {}
        self._columns = {name: tuple(column_types(name)) for name in COLLECTIONS}

    def add(self, collection: str, **cells: Any) -> None:
        """One more row; columns that are not named are empty. KeyError for a column that the collection lacks."""
        row = tuple([cells.pop(name, None) for name in self._columns[collection]])
        if cells:
            raise KeyError(f"{collection} has no column {', '.join(cells)}")
        self._rows.setdefault(collection, []).append(row)

    def adder(self, collection: str, *names: str) -> Callable[..., None]:
        """A quick way to add many rows with the same columns, given by position."""
        known = self._columns[collection]
        places = [known.index(name) for name in names]
        blank = [None] * len(known)
        rows = self._rows.setdefault(collection, [])

        def add(*cells: Any) -> None:
            row = blank.copy()
            for place, cell in zip(places, cells, strict=True):
                row[place] = cell
            rows.append(tuple(row))

        return add

    def table(self, collection: str) -> pa.Table:
        """The rows as an Arrow table, without the columns in which nothing stands."""
        names, types = self._columns[collection], column_types(collection)
        columns = {}
        for name, cells in zip(names, zip(*self._rows[collection], strict=True), strict=True):
            if any(cell is not None for cell in cells):
                columns[name] = self._array(list(cells), types[name])
        return pa.table(columns)

    def write(self, folder: Path) -> dict[str, int]:
        """Write a Parquet file per collection that has rows; returns how many rows each has."""
        counts = {}
        for collection in [name for name, rows in self._rows.items() if rows]:
            table = self.table(collection)
            pq.write_table(table, folder / f"{collection}.parquet", compression="lz4")
            counts[collection] = table.num_rows
        return counts

    def _array(self, cells: list[Any], kind: str) -> pa.Array:
        if kind not in {"time", "date"}:
            return pa.array(cells, type=_TYPES[kind])
        days = np.array([np.nan if cell is None else cell for cell in cells], dtype=np.float64)
        empty = np.isnan(days)
        if kind == "time":
            return pa.array(instants(days, self.window), type=pa.timestamp("us", tz="UTC"), mask=empty)
        first = np.datetime64(self.window.zero.date(), "D").astype(np.int64)
        numbers = np.floor(np.where(empty, 0, days)).astype(np.int64) + first
        return pa.array(numbers.astype(np.int32), type=pa.int32(), mask=empty).cast(pa.date32())


def instants(days: np.ndarray[Any, np.dtype[np.float64]], window: Window) -> np.ndarray[Any, np.dtype[np.int64]]:
    """Days of the window as microseconds since 1970, on whole seconds (downwards, so that nothing passes `until`)."""
    seconds = np.floor(np.where(np.isnan(days), 0, days) * 86_400 + 1e-6).astype(np.int64)
    zero = np.datetime64(window.zero.replace(tzinfo=None), "us").astype(np.int64)
    return np.asarray(seconds * (MICROS_PER_DAY // 86_400) + zero, dtype=np.int64)
