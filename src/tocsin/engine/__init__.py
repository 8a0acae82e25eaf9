"""From formulas to values: plans, one SQL statement, evidence. Every read of a fact goes through the as-of view."""

from tocsin.engine.book import Book
from tocsin.engine.evidence import Evidence
from tocsin.engine.health import HealthModel
from tocsin.engine.judge import OF_CHURN, Judgement, Match, named_by

__all__ = ["OF_CHURN", "Book", "Evidence", "HealthModel", "Judgement", "Match", "named_by"]
