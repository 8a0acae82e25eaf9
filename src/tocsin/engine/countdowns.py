"""Countdowns of rows (`countdown: tasks.due_on`): each open row at each moment, with the days that are left."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import replace
from datetime import datetime
from typing import TYPE_CHECKING

from tocsin.core.language.terms import Given
from tocsin.core.rules import Rule
from tocsin.engine.asking import asked_together
from tocsin.engine.cases import any_of, given_collection
from tocsin.engine.explaining import Answers, Match, match_of, moments_of, subject_ids, true_places
from tocsin.engine.sql.sources import OfRows

if TYPE_CHECKING:
    from tocsin.engine.book import Book


def row_countdown(
    book: Book, rule: Rule, moments: Sequence[datetime], *, accounts: Collection[str] | None = None
) -> list[Match]:
    """The rows that have reached a step as of each moment, their id as `key`, with their `step`; by subject and moment."""
    collection = given_collection(rule)
    assert collection is not None
    places, asked = book.once([rule], asked_together)
    source = OfRows(rule.subject, collection, None, moments[-1], moments=moments, accounts=accounts)
    fires = any_of([each.case.fires for each in asked])
    terms = list(places.terms)
    table = book.points(terms, source, where=fires, given=[Given("text", collection, "id")])
    ids, seen, keys = subject_ids(table, rule.subject), moments_of(table), table.column("given.id").to_pylist()
    found = []
    for each in asked:
        indices = true_places(table, each.fires)
        answers = Answers(table, indices, each.told_places)
        for row, index in enumerate(indices):
            match = match_of(each, ids[index], answers, row, seen[index])
            found.append(replace(match, key=keys[index] or match.key))
    return sorted(found, key=lambda match: (match.subject_id, match.as_of, match.key))
