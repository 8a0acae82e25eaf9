"""Alerts as facts: what the product did becomes rows of the collection `alerts`, so that formulas can range over them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from tocsin.core.schema import COLLECTIONS
from tocsin.facts.layout import names, physical_name

if TYPE_CHECKING:
    from tocsin.facts.duckdb import DuckStore

ALERTS = COLLECTIONS["alerts"]
SCHEMA = pa.schema(
    [(column.name, pa.timestamp("us") if column.type == "time" else pa.string()) for column in ALERTS]
)  # times in UTC, as the store holds them


def record(store: DuckStore, rows: Sequence[Mapping[str, Any]]) -> None:
    """Write rows of `alerts` (its columns by name, times aware) over those of the same id; one transaction.

    A row that names an account of which the facts know nothing is not kept.
    """
    if not rows:
        return
    given = pa.Table.from_pylist([{name: _plain(row.get(name)) for name in ALERTS.names} for row in rows], schema=SCHEMA)
    held = [physical_name(name) for name in ALERTS.names]
    cells = ", ".join("account.key" if name == "account_id" else f"incoming.{name}" for name in ALERTS.names)
    with store.write(news=False) as cursor:
        cursor.register("incoming", given)
        try:
            cursor.execute("DELETE FROM alerts WHERE id IN (SELECT id FROM incoming)")
            cursor.execute(
                f"INSERT INTO alerts ({names(held)}) SELECT {cells} FROM incoming "
                "LEFT JOIN accounts AS account ON account.id = incoming.account_id "
                "WHERE incoming.account_id IS NULL OR account.key IS NOT NULL"
            )
        finally:
            cursor.unregister("incoming")


def _plain(value: object) -> object:
    """An instant as the store's TIMESTAMP, in UTC; an empty text is null."""
    if isinstance(value, datetime):
        return value.astimezone(UTC).replace(tzinfo=None)
    return value or None
