"""A pull of tables: every SELECT is read first, as of one moment; then the rows are stored, accounts first."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from contextlib import closing
from datetime import datetime
from pathlib import Path

from tocsin.core.errors import UserError
from tocsin.core.schema import COLLECTIONS
from tocsin.facts.duckdb import DuckStore
from tocsin.facts.importing import Table, import_tables
from tocsin.facts.importing.sources import shown
from tocsin.facts.pulling.again import known_by_now
from tocsin.facts.pulling.marks import capped, since, start_of
from tocsin.facts.pulling.origins import open_origin
from tocsin.facts.pulling.places import Place
from tocsin.facts.pulling.queries import Query, read_queries
from tocsin.facts.pulling.shapes import FIRST, Course, TablePlan
from tocsin.facts.pulling.spool import Spooled, spool


def check_tables(plan: TablePlan) -> list[Query]:
    """The SELECTs of a plan. UserError where they and the plan do not fit each other."""
    if plan.mapping is None:
        raise UserError("a database is pulled from by a mapping; give a folder of COLLECTION.sql files")
    queries = read_queries(plan.mapping)
    given = {query.collection: query for query in queries}
    for name in (*plan.full, *plan.cursors):
        if name not in given:
            raise UserError(f"the mapping {shown(plan.mapping)} holds no {name}.sql; it holds {', '.join(given)}")
    for name in sorted(plan.full):
        if given[name].incremental:
            raise UserError(f"{name} is pulled as a whole, and {shown(given[name].file)} uses :since; take one of the two away")
        if COLLECTIONS[name].closing is None:
            raise UserError(f"{name} have no end column, so nothing of them can be closed; do not pull them as a whole")
    for query in queries:
        if query.incremental and query.collection not in plan.cursors:
            raise UserError(
                f"{shown(query.file)} uses :since; say by which of its columns, with cursor {query.collection}=COLUMN"
            )
        if not query.incremental and query.collection in plan.cursors:
            raise UserError(
                f"{query.collection} has a cursor, and {shown(query.file)} does not use :since; use it, or take it away"
            )
    return queries


def pull_tables(store: DuckStore, place: Place, plan: TablePlan, course: Course, *, now: datetime) -> None:
    """Pull. course: gets what was stored, and the marks of the whole; they hold only where this returns.

    now: the moment of the run. UserError where something cannot be read or stored; what `course` reports is stored then, and
    storing it once more changes nothing.
    """
    queries = check_tables(plan)
    with tempfile.TemporaryDirectory(prefix="tocsin-pull-") as folder:
        spooled = _read(place, queries, plan, course, Path(folder))
        accounts = [each for each in spooled if each.query.collection in FIRST]
        for each in accounts:
            _store(store, each, plan, course, now)
        labels = {_label(plan, query): query.collection for query in queries}
        readings = {query.collection: query.reading for query in queries}
        for table in known_by_now(store, readings, Path(folder), labels=labels):
            course.enter(f"storing {table.collection} whose account was not known before")
            course.stored(import_tables(store, [table], now=now, check=course.go_on, by=plan.source))
        for each in spooled:
            if each not in accounts:
                _store(store, each, plan, course, now)
    for each in spooled:
        if each.mark is not None:
            course.marks[each.query.collection] = capped(each.mark, now)


def _read(place: Place, queries: Sequence[Query], plan: TablePlan, course: Course, folder: Path) -> list[Spooled]:
    course.enter(f"connecting to {place.shown}")
    with open_origin(place) as origin:
        found = []
        for query in queries:
            course.enter(f"reading {query.collection}")
            cursor = plan.cursors.get(query.collection)
            mark, start = plan.marks.get(query.collection), plan.starts.get(query.collection)
            begin = since(mark, plan.overlap) if mark is not None else None if start is None else start_of(start)
            # Closed before the connection is: rows that are left half read would complain of it.
            with closing(origin.batches(query, begin, cursor)) as batches:
                found.append(spool(batches, query, folder, cursor=cursor, mark=mark, go_on=course.go_on))
        return found


def _store(store: DuckStore, spooled: Spooled, plan: TablePlan, course: Course, now: datetime) -> None:
    """Store what was read of a collection: in parts, or, where it is the whole truth, at once."""
    query = spooled.query
    tables = [Table(query.collection, part, _label(plan, query), query.reading) for part in spooled.parts]
    together = [tables] if query.collection in plan.full else [[table] for table in tables]
    stored = 0
    for part in together:
        course.enter(f"storing {query.collection}, after {stored:,} of {spooled.rows:,} rows")
        report = import_tables(
            store, part, now=now, full=plan.full, most_closed=plan.most_closed, check=course.go_on, by=plan.source
        )
        course.stored(report)
        stored += sum(each.read for each in report.collections)


def _label(plan: TablePlan, query: Query) -> str:
    """Where rows come from, as the list of rejected rows names it."""
    return f"{plan.name}/{query.file.name}"
