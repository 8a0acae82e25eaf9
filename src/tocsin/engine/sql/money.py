"""Amounts in the reporting currency."""

from __future__ import annotations

from sqlglot import exp

from tocsin.engine.sql import build as b
from tocsin.engine.sql.rows import ROW


def with_rates(rows: exp.Expr, day: exp.Expr, reporting: str | None) -> exp.Expr:
    """Rows (alias `r`, with a column `currency`) with the rate of a day as `rate$`, under the same alias.

    The latest rate at or before that day counts; before the first, the first; of a currency without any rate, and where none
    is said, 1.
    """
    own = [b.is_null(b.column(ROW, "currency"))]
    if reporting:
        own.append(exp.EQ(this=b.column(ROW, "currency"), expression=b.text(reporting)))
    known = b.coalesce(b.column("fx", "rate"), b.column("first", "rate"), b.number(1))
    everything = exp.Column(this=exp.Star(), table=b.name(ROW))
    factor = b.case((b.either(*own), b.number(1)), otherwise=known)
    query = exp.select(everything, b.as_(factor, "rate$")).from_(rows)
    rate = exp.Join(this=b.table("rates", "fx"), method="ASOF", side="LEFT")
    reached = exp.GTE(this=day, expression=b.column("fx", "on"))
    rate.set("on", b.both(b.equal_keys(ROW, "fx", ["currency"]), reached))
    query.set("joins", [rate])
    earliest = exp.ArgMin(this=b.column("f", "rate"), expression=b.column("f", "on"))
    first = exp.select(b.column("f", "currency"), b.as_(earliest, "rate")).from_(b.table("rates", "f"))
    first = first.group_by(b.column("f", "currency"))
    query = query.join(first.subquery("first"), on=b.equal_keys("first", ROW, ["currency"]), join_type="left", copy=False)
    return query.subquery(ROW)
