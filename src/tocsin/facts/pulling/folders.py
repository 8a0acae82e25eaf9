"""A pull of a folder: files that are new or have changed are imported one by one, accounts first."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from pathlib import Path

from tocsin.core.errors import UserError
from tocsin.core.schema import COLLECTIONS
from tocsin.facts.cells import Formats
from tocsin.facts.duckdb import DuckStore
from tocsin.facts.importing import ImportReport, ShrunkError, import_sources, import_tables
from tocsin.facts.importing.mapping import Mappings, read_mapping
from tocsin.facts.pulling.again import known_by_now
from tocsin.facts.pulling.listing import ChangedError, Found, Listing, State, Unit, list_folder, unchanged, units
from tocsin.facts.pulling.shapes import FIRST, Course, FolderPlan

Taken = Callable[[Sequence[Found]], None]


def check_folder(plan: FolderPlan) -> Mappings:
    """The mapping of a plan. UserError where it cannot be read, or collections cannot be pulled as a whole."""
    for name in sorted(plan.full):
        if name not in COLLECTIONS:
            raise UserError(f"unknown collection {name!r}; there are {', '.join(COLLECTIONS)}")
        if COLLECTIONS[name].closing is None:
            raise UserError(f"{name} have no end column, so nothing of them can be closed; do not pull them as a whole")
    return read_mapping(plan.mapping, Formats())


def pull_folder(
    store: DuckStore, plan: FolderPlan, known: Mapping[str, State], course: Course, taken: Taken, *, now: datetime
) -> Listing:
    """Take what is new. known: the files that earlier runs have taken, as they were then. taken: called with files once stored.

    A file that cannot be taken is noted in `course.failures`; then no later file of its collection is taken, nor, where it is
    one of accounts, any other. What is still being written, or changes meanwhile, waits. Gives what lies there.
    """
    course.enter(f"listing {plan.folder}")
    mappings = check_folder(plan)
    mapped = bool(mappings.queries)
    listing = list_folder(plan, now, mapped=mapped)
    _note(listing, known, course)
    failed: set[str | None] = set()
    found = units(listing, known, plan, mapped=mapped)
    accounts = [unit for unit in found if unit.collection in FIRST or unit.collection is None]
    _take_all(store, accounts, plan, mappings, course, taken, failed, now)
    _again(store, plan, mappings, known, course, now)
    _take_all(store, [unit for unit in found if unit not in accounts], plan, mappings, course, taken, failed, now)
    return listing


def _take_all(
    store: DuckStore,
    wanted: Sequence[Unit],
    plan: FolderPlan,
    mappings: Mappings,
    course: Course,
    taken: Taken,
    failed: set[str | None],
    now: datetime,
) -> None:
    """Take them in their order. failed: collections of which a file could not be taken."""
    for unit in wanted:
        if unit.collection in failed or failed & FIRST:
            continue
        course.enter(f"taking {unit.words}")
        try:
            course.stored(_take(store, unit, plan, mappings, course, now))
        except ChangedError as changed:
            course.notes.append(f"{changed} was changed or went away while it was read; it waits for the next run")
            failed.add(unit.collection)
        except ShrunkError:
            raise
        except UserError as error:
            course.failures.append(str(error))
            failed.add(unit.collection)
        else:
            taken(unit.files)


def _take(store: DuckStore, unit: Unit, plan: FolderPlan, mappings: Mappings, course: Course, now: datetime) -> ImportReport:
    whole = unchanged(unit.files)

    def check() -> None:
        course.go_on()
        whole()

    try:
        return import_sources(
            store,
            [each.source for each in unit.files],
            mappings,
            now=now,
            full=plan.full,
            most_closed=plan.most_closed,
            check=check,
            by=plan.source,
        )
    except UserError:
        whole()  # what was cut short under our hands is no fault of the file
        raise


def _note(listing: Listing, known: Mapping[str, State], course: Course) -> None:
    if listing.waiting:
        course.notes.append(f"still being written, and left to the next run: {_listed(listing.waiting)}")
    if listing.others:
        course.notes.append(
            f"passed over, named after no collection or in no format that can be read: {_listed(listing.others)}"
        )
    if known and not listing.files and not listing.waiting:
        course.notes.append("the folder holds no file any more; where it is mounted, check that it is")


def _listed(names: Sequence[str]) -> str:
    shown = ", ".join(name if name.isprintable() else repr(name) for name in names[:8])
    return shown if len(names) <= 8 else f"{shown} and {len(names) - 8} more"


def _again(
    store: DuckStore, plan: FolderPlan, mappings: Mappings, known: Mapping[str, State], course: Course, now: datetime
) -> None:
    """Rows of files that were taken before, whose account is known by now."""
    if not known:
        return
    labels = {str(file): name for name, file in mappings.queries.items()} or None
    with tempfile.TemporaryDirectory(prefix="tocsin-pull-") as folder:
        for table in known_by_now(store, mappings.readings, Path(folder), labels=labels, below=f"{plan.folder}/"):
            course.enter(f"storing {table.collection} whose account was not known before")
            course.stored(import_tables(store, [table], now=now, check=course.go_on, by=plan.source))
