"""Countdowns of rows (`countdown: tasks.due_on`): each open row at each moment, with the days that are left."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from tocsin.core.language.terms import Given
from tocsin.core.rules import Rule
from tocsin.engine.asking import Match, asked_of, match_of, rows_of, subject_ids, true_places
from tocsin.engine.cases import any_of, cases, given_collection
from tocsin.engine.evidence import Places
from tocsin.engine.sql.sources import OfRows

if TYPE_CHECKING:
    from tocsin.engine.book import Book


def row_countdown(
    book: Book, rule: Rule, moments: Sequence[datetime], *, accounts: Collection[str] | None = None
) -> list[Match]:
    """The rows that have reached a step as of each moment, their id as `key`, with their `step`; by subject and moment."""
    collection = given_collection(rule)
    assert collection is not None
    places = Places()
    asked = [asked_of(book, case, places) for case in cases(book, rule)]
    source = OfRows(rule.subject, collection, None, moments[-1], moments=moments, accounts=accounts)
    fires = any_of([each.case.fires for each in asked])
    terms = list(places.terms)
    table = book.points(terms, source, where=fires, given=[Given("text", collection, "id")])
    ids = subject_ids(table, rule.subject)
    found = []
    for each in asked:
        indices = true_places(table, each.fires)
        values = rows_of(table.take(indices), len(terms)) if indices else []
        for index, row in zip(indices, values, strict=True):
            moment = table.column("moment")[index].as_py().replace(tzinfo=UTC)
            match = match_of(each, ids[index], row, moment)
            found.append(replace(match, key=table.column("given.id")[index].as_py() or match.key))
    return sorted(found, key=lambda match: (match.subject_id, match.as_of, match.key))
