"""Old events as the rollup has them, and later ones as they are, under one name and with the same columns."""

from __future__ import annotations

from sqlglot import exp

from tocsin.core.rules import FAMILY
from tocsin.engine.rolled import COLUMNS, EVENTS, Rolled
from tocsin.engine.sql import build as b

TABLES = {"account": "events_rollup", FAMILY: "events_rollup", "feature": "events_rollup", "person": "events_rollup_people"}
MANY = "n$"  # how many events a row stands for


def rolled_events(rolled: Rolled, subject: str, *, left_out: bool) -> exp.Query:
    """The rows: the subject's key, what filters may look at, `at` (of many events their first or last), and `n$`.

    left_out: some people are left out, and their events with them.
    """
    key = "person_key" if subject == "person" else "account_key"
    columns = (key, *COLUMNS[subject])
    later = exp.select(*(b.column("e", each) for each in columns), b.column("e", "at"), b.as_(b.whole(1), MANY))
    later = later.from_(b.table(EVENTS, "e")).where(exp.GT(this=b.column("e", "at"), expression=b.instant(rolled.border)))
    old = exp.select(*(b.column("o", each) for each in columns), b.as_(b.column("o", f"{rolled.by}_at"), "at"))
    old = old.select(b.as_(b.column("o", "n"), MANY)).from_(b.table(TABLES[subject], "o"))
    old = old.where(exp.LTE(this=b.column("o", "upto"), expression=b.instant(rolled.border)))
    if left_out and subject == "person":
        later, old = (each.where(_counts(alias)) for each, alias in ((later, "e"), (old, "o")))
    elif left_out:
        later, old = later.where(_counts("e")), old.where(b.negated(b.column("o", "ours")))
    return exp.union(old, later, distinct=False, copy=False)


def _counts(alias: str) -> exp.Expr:
    """Whether a row is of nobody who is left out."""
    from tocsin.engine.sql.universe import not_by_left_out

    return not_by_left_out(alias)
