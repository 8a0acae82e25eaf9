"""Rows that were turned away as nobody knew their account, once more: where they come from is not asked for them again."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from tocsin.facts.duckdb import DuckStore
from tocsin.facts.importing import Table
from tocsin.facts.importing.columns import Reading
from tocsin.facts.layout import literal
from tocsin.facts.pulling.shapes import PART


def known_by_now(
    store: DuckStore, readings: Mapping[str, Reading], folder: Path, *, labels: Mapping[str, str] | None = None, below: str = ""
) -> list[Table]:
    """Tables of rejected rows whose account is known by now; at most PART rows.

    readings: how the cells of each collection are read. folder: where the tables are put.
    labels: label -> collection of the rows that are meant; where None, those of files whose label begins with `below`.
    """
    if labels is not None:
        listed = ", ".join(f"({literal(label)}, {literal(name)})" for label, name in labels.items())
        ours = f"(file, collection) IN ({listed})" if listed else "false"
    else:
        ours = f"starts_with(file, {literal(below)})"
    found = store.query(
        f"""
        SELECT file, collection, "row" FROM rejected
        WHERE source = 'file' AND {ours} AND starts_with(reason, 'unknown account')
          AND account_ref IN (SELECT id FROM accounts UNION ALL SELECT external_id FROM account_aliases)
        ORDER BY "at", file, line LIMIT {PART}
        """
    )
    rows: dict[tuple[str, str], list[str]] = {}
    for row in found.to_pylist():
        rows.setdefault((row["file"], row["collection"]), []).append(row["row"])
    tables = []
    for at, ((label, collection), lines) in enumerate(rows.items()):
        path = folder / f"again-{at}.jsonl"
        path.write_text("\n".join(lines) + "\n", "utf-8")
        tables.append(Table(collection, path, label, readings[collection]))
    return tables
