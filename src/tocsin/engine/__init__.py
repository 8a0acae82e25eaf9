"""From formulas to values: plans, one SQL statement, evidence. Every read of a fact goes through the as-of view."""

from tocsin.engine.book import Book

__all__ = ["Book"]
