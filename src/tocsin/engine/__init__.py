"""From formulas to values: plans, one SQL statement, evidence. Every read of a fact goes through the as-of view."""

from tocsin.engine.book import Book
from tocsin.engine.evidence import Evidence
from tocsin.engine.explaining import repeated, repeats
from tocsin.engine.health import HealthModel
from tocsin.engine.judge import OF_CHURN, Judgement, Match, named_by
from tocsin.engine.occurrences import CROSSINGS, TRIGGERED, Occurrences, Stretch, between_looks, late_of
from tocsin.engine.scoring import of_scores
from tocsin.engine.stirring import Arrived, reads_events, stirs

__all__ = [
    "CROSSINGS",
    "OF_CHURN",
    "TRIGGERED",
    "Arrived",
    "Book",
    "Evidence",
    "HealthModel",
    "Judgement",
    "Match",
    "Occurrences",
    "Stretch",
    "between_looks",
    "late_of",
    "named_by",
    "of_scores",
    "reads_events",
    "repeated",
    "repeats",
    "stirs",
]
