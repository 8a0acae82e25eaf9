"""Which rules hang on how profiles score accounts, so that a new version of one can turn them without anything happening."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from tocsin.core.language import FormulaError
from tocsin.core.rules import Rule
from tocsin.engine.cases import cases
from tocsin.engine.health import uses_health
from tocsin.engine.occurrences import CROSSINGS

if TYPE_CHECKING:
    from tocsin.engine.book import Book

# Rules on rows and on changes are not among them: of these something happens whenever they fire.
TURNED = ("when", "countdown", *CROSSINGS)


def of_scores(book: Book, rules: Sequence[Rule]) -> frozenset[str]:
    """The ids of the rules whose formulas name health, or use signals and segments that do."""
    return frozenset(rule.id for rule in rules if rule.trigger.kind in TURNED and _of_scores(book, rule))


def _of_scores(book: Book, rule: Rule) -> bool:
    try:
        made = [case.fires for case in cases(book, rule)]
        if rule.trigger.kind in CROSSINGS:
            made.append(book.term(str(rule.trigger.spec[rule.trigger.kind]), rule.subject))
    except FormulaError:
        return False  # told where it is judged
    return any(map(uses_health, made))
