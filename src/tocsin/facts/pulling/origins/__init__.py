"""Databases that are pulled from: each opened for reading alone, its rows given as Arrow batches."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import AbstractContextManager
from typing import Protocol

import pyarrow as pa

from tocsin.facts.pulling.marks import Since
from tocsin.facts.pulling.places import FilePlace, Place
from tocsin.facts.pulling.queries import Query


class Origin(Protocol):
    """An opened database. Everything that is read of it is as of one moment, where the database can do so."""

    def batches(self, query: Query, since: Since | None, cursor: str | None) -> Generator[pa.RecordBatch, None, None]:
        """The rows of a SELECT in portions, at least one (an empty one tells the columns).

        since: what `:since` stands for; None for the least value that the column `cursor` can have.
        UserError where it does not run, UnreachableError where the database does not answer.
        """


def open_origin(place: Place) -> AbstractContextManager[Origin]:
    """The database at a place. UnreachableError where it cannot be opened."""
    if not isinstance(place, FilePlace):
        from tocsin.facts.pulling.origins.postgres import opened as postgres

        return postgres(place)
    if place.kind == "duckdb":
        from tocsin.facts.pulling.origins.duckdb_files import opened as duckdb

        return duckdb(place)
    from tocsin.facts.pulling.origins.sqlite_files import opened as sqlite

    return sqlite(place)
