"""Replaying rules with a `when`: their truths over all moments, then the life of their alerts, subject by subject."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

import numpy as np

from tocsin.core.language import FormulaError
from tocsin.core.language.terms import Term
from tocsin.core.rules import Rule
from tocsin.engine.cases import TRUE, Case, any_of, cases, named_by
from tocsin.engine.evidence import Places
from tocsin.engine.replay.grid import Bools, grid
from tocsin.engine.replay.walk import Run, Truths, runs

if TYPE_CHECKING:
    from tocsin.engine.book import Book


@dataclass(frozen=True)
class Lived:
    """An alert of a subject, as places among the moments."""

    subject: str
    run: Run


def state_runs(
    book: Book, rules: Sequence[Rule], moments: Sequence[datetime], unknown: dict[str, str]
) -> dict[str, list[Lived]]:
    """Kind of subject -> the alerts of the `when` rules about it; why a rule cannot be judged goes into `unknown`."""
    found: dict[str, list[Lived]] = {}
    for (subject, deleted), batch in _batches(book, rules, unknown).items():
        places = Places()
        where = {rule.id: tuple(places.of(term) for term in _truths(made)) for rule, made in batch}
        table = grid(book, list(places.terms), subject, moments, deleted=deleted)
        columns = {rule_id: tuple(table.columns[place] for place in three) for rule_id, three in where.items()}
        for group in by_ladder([rule for rule, _ in batch]):
            found.setdefault(subject, []).extend(_lives(group, columns, table.ids, table.here, moments))
    return found


def _batches(
    book: Book, rules: Sequence[Rule], unknown: dict[str, str]
) -> dict[tuple[str, bool], list[tuple[Rule, list[Case]]]]:
    batches: dict[tuple[str, bool], list[tuple[Rule, list[Case]]]] = {}
    for rule in rules:
        if rule.trigger.kind != "when":
            continue
        deleted = rule.subject == "person" and "deleted_at" in named_by(rule)
        try:
            batches.setdefault((rule.about, deleted), []).append((rule, cases(book, rule)))
        except FormulaError as error:
            unknown[rule.id] = str(error)
    return batches


def _truths(made: Sequence[Case]) -> tuple[Term, Term, Term]:
    """Whether a rule fires, whether its `clear` holds, whether its subject has not churned: of whichever segment."""
    clears = [case.clears for case in made if case.clears is not None]
    return any_of([case.fires for case in made]), any_of(clears) if clears else TRUE, made[0].alive


def _lives(
    group: Sequence[Rule],
    columns: dict[str, tuple[Bools, ...]],
    ids: Sequence[str],
    here: Bools,
    moments: Sequence[datetime],
) -> Iterator[Lived]:
    ever = np.zeros(len(ids), dtype=np.bool_)
    for rule in group:
        ever |= columns[rule.id][0].any(axis=1)
    for row in np.flatnonzero(ever).tolist():
        truths = [
            Truths(rule, columns[rule.id][0][row], columns[rule.id][1][row], columns[rule.id][2][row] & here[row])
            for rule in group
        ]
        yield from (Lived(ids[row], run) for run in runs(truths, moments))


def by_ladder(rules: Sequence[Rule]) -> Iterator[list[Rule]]:
    """The rules, those that are stages of one ladder together."""
    ladders: dict[str, list[Rule]] = {}
    for rule in rules:
        if rule.ladder is None:
            yield [rule]
        else:
            ladders.setdefault(rule.ladder, []).append(rule)
    yield from ladders.values()
