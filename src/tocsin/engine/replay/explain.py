"""The message and the evidence of alerts at their opening: one query for each kind of subject, of their own moments alone."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from tocsin.core.language import Value
from tocsin.core.rules import Rule
from tocsin.engine.asking import Asked as AskedOf
from tocsin.engine.asking import Match, asked_of, match_of, rows_of, subject_ids
from tocsin.engine.cases import cases
from tocsin.engine.evidence import Places
from tocsin.engine.sql.sources import OwnMoments

if TYPE_CHECKING:
    from tocsin.engine.book import Book

Pair = tuple[str, datetime]


@dataclass(frozen=True)
class Asked:
    """An alert to be explained: rule, subject id, moment of opening (UTC)."""

    rule: Rule
    subject: str
    moment: datetime


def explained(book: Book, asked: Sequence[Asked]) -> list[Match]:
    """The matches of alerts, in the order asked for."""
    found: dict[tuple[str, str, datetime], Match] = {}
    kinds = dict.fromkeys(each.rule.about for each in asked)
    for kind in kinds:
        mine = [each for each in asked if each.rule.about == kind]
        places = Places()
        rules = {each.rule.id: each.rule for each in mine}
        made = {rule_id: [asked_of(book, case, places) for case in cases(book, rule)] for rule_id, rule in rules.items()}
        pairs = sorted({(each.subject, each.moment) for each in mine})
        values = _values(book, places, kind, pairs)
        for each in mine:
            row = values[each.subject, each.moment]
            found[each.rule.id, each.subject, each.moment] = match_of(
                _case(made[each.rule.id], row), each.subject, row, each.moment
            )
    return [found[each.rule.id, each.subject, each.moment] for each in asked]


def _values(book: Book, places: Places, kind: str, pairs: Sequence[Pair]) -> dict[Pair, list[Value]]:
    terms = list(places.terms)
    table = book.points(terms, OwnMoments(kind, pairs))
    ids = subject_ids(table, kind)
    moments = [each.replace(tzinfo=UTC) for each in table.column("moment").to_pylist()]
    return dict(zip(zip(ids, moments, strict=True), rows_of(table, len(terms)), strict=True))


def _case(made: Sequence[AskedOf], row: Sequence[Value]) -> AskedOf:
    """The case of the segment that fired."""
    return next((each for each in made if row[each.fires] is True), made[0])
