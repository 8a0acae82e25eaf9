"""The message and the evidence of alerts at their opening: one query for each kind of subject, of their own moments alone."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from tocsin.core.rules import Rule
from tocsin.engine.asking import Asked as AskedOf
from tocsin.engine.asking import asked_of
from tocsin.engine.cases import cases
from tocsin.engine.evidence import Places
from tocsin.engine.explaining import Answers, Match, match_of, moments_of, subject_ids, true_places
from tocsin.engine.sql.sources import OwnMoments

if TYPE_CHECKING:
    import pyarrow as pa

    from tocsin.engine.book import Book


@dataclass(frozen=True)
class Asked:
    """An alert to be explained: rule, subject id, moment of opening (UTC)."""

    rule: Rule
    subject: str
    moment: datetime


def explained(book: Book, asked: Sequence[Asked]) -> list[Match]:
    """The matches of alerts, in the order asked for."""
    found: dict[int, Match] = {}
    for kind in dict.fromkeys(each.rule.about for each in asked):
        mine = {place: each for place, each in enumerate(asked) if each.rule.about == kind}
        rules = {each.rule.id: each.rule for each in mine.values()}
        places = Places()
        made = {rule_id: [asked_of(book, case, places) for case in cases(book, rule)] for rule_id, rule in rules.items()}
        pairs = sorted({(each.subject, each.moment) for each in mine.values()})
        table = book.points(list(places.terms), OwnMoments(kind, pairs), ordered=False)
        rows = {pair: row for row, pair in enumerate(zip(subject_ids(table, kind), moments_of(table), strict=True))}
        for rule_id, variants in made.items():
            theirs = {place: rows[each.subject, each.moment] for place, each in mine.items() if each.rule.id == rule_id}
            wanted = frozenset[int]().union(*(each.told_places for each in variants))
            answers, of_row = Answers(table, list(theirs.values()), wanted), _cases(table, variants)
            for number, (place, row) in enumerate(theirs.items()):
                one = asked[place]
                found[place] = match_of(of_row.get(row, variants[0]), one.subject, answers, number, one.moment)
    return [found[place] for place in range(len(asked))]


def _cases(table: pa.Table, made: Sequence[AskedOf]) -> dict[int, AskedOf]:
    """Row -> the case of the segment that fired."""
    found: dict[int, AskedOf] = {}
    for each in reversed(made):
        found |= dict.fromkeys(true_places(table, each.fires), each)
    return found
