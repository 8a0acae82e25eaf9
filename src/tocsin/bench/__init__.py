"""The performance table: ratios of Tocsin's work to bare work of the same engine, on this machine, in one run."""

from tocsin.bench.table import run

__all__ = ["run"]
