"""Amounts that no exchange rate converts, though others are converted."""

from __future__ import annotations

import duckdb

from tocsin.core.schema import COLLECTIONS, Collection
from tocsin.facts.layout import literal, quote

SHOWN = 5


def converted(collection: Collection) -> bool:
    """Whether amounts of a collection are converted: those of rows with a currency, not the columns of accounts."""
    return "account_id" in collection and "currency" in collection and any(column.money for column in collection)


def without_rate(cursor: duckdb.DuckDBPyConnection, name: str, reporting: str | None) -> list[str]:
    """What to say of the amounts of a collection in currencies for which there is no rate, the most frequent first.

    Nothing where there are no rates at all: then all amounts count as they are. Currencies are compared as the evaluation
    compares them, letter by letter; only what is said leaves out the reporting currency however it is written.
    """
    amounts = " OR ".join(f"{quote(column.name)} IS NOT NULL" for column in COLLECTIONS[name] if column.money)
    ours = f"AND upper(currency) <> upper({literal(reporting)})" if reporting else ""
    rows = cursor.execute(
        f"SELECT currency, count(*) AS n FROM {quote(name)} WHERE ({amounts}) AND currency <> '' {ours} "
        "AND EXISTS (SELECT 1 FROM rates) AND currency NOT IN (SELECT currency FROM rates) "
        "GROUP BY currency ORDER BY n DESC, currency"
    ).fetchall()
    hint = "" if reporting else " (if money is reported in it, set TOCSIN_CURRENCY)"
    said = [
        f"{_counted(n, name)} in {_printable(currency)}, for which there is no rate: "
        f"{'its amount counts as it is' if n == 1 else 'their amounts count as they are'}{hint}"
        for currency, n in rows[:SHOWN]
    ]
    if len(rows) > SHOWN:
        left = sum(n for _, n in rows[SHOWN:])
        said.append(f"{_counted(left, name)} in {len(rows) - SHOWN:,} more currencies for which there is no rate")
    return said


def _counted(number: int, name: str) -> str:
    """`3 invoices are`, `1 of the invoices is`."""
    return f"1 of the {name} is" if number == 1 else f"{number:,} {name} are"


def _printable(text: str) -> str:
    """A currency as a file gave it, on one line and not over-long."""
    return "".join(letter if letter.isprintable() else "?" for letter in text)[:20]
