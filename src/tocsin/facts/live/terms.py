"""What webhooks tell of the terms of subscriptions, in whatever order it arrives: every telling is kept, by its time.

The row itself is what was told latest (`facts.live.newest`); what the account had from its subscriptions before then is read
from the tellings (`facts.subscribed`), so that nothing depends on the order of arrival.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import duckdb
import pyarrow as pa

from tocsin.facts.cells import FIRST_INSTANT, Formats, as_text, parsed, start_of_day
from tocsin.facts.layout import quote
from tocsin.facts.live.newest import said
from tocsin.facts.live.rows import cell
from tocsin.facts.live.shapes import Row
from tocsin.facts.past import EVER, Past
from tocsin.facts.subscribed import TERMS

_SCHEMA = pa.schema([("id", pa.string()), ("field", pa.string()), ("value", pa.string()), ("at", pa.timestamp("us"))])


def tell_terms(cursor: duckdb.DuckDBPyConnection, past: Past, zone: ZoneInfo, rows: Sequence[Row]) -> bool:
    """Keep what rows of subscriptions tell; whether any of it lies before what is known. Before the rows are stored.

    Inside a transaction that settles the history of `accounts` afterwards. A row without an id is taken as a file's is.
    """
    told = pa.Table.from_pylist(list(_tellings(rows)), schema=_SCHEMA)
    if not told.num_rows:
        return False
    cases = " ".join(
        f"WHEN '{name}' THEN {as_text(parsed('value', kind, zone, Formats()), kind)}" for name, kind in TERMS.items()
    )
    cursor.register("telling", told)
    try:  # what is no value of its column is refused with its row
        cursor.execute(f"""
            CREATE OR REPLACE TEMP TABLE terms_told AS
            SELECT DISTINCT id, field, term AS value, "at"
            FROM (SELECT *, CASE field {cases} END AS term FROM telling) WHERE value IS NULL OR term IS NOT NULL
        """)
    finally:
        cursor.unregister("telling")
    cursor.execute("""
        DELETE FROM terms_told AS told USING subscription_terms AS known WHERE known.id = told.id AND known.field = told.field
        AND known."at" = told."at" AND known.value IS NOT DISTINCT FROM told.value
    """)
    late = _note_late(cursor, past, zone)
    # Of a row that no webhook has told of so far, what is stored was so before.
    held = " UNION ALL ".join(
        f"SELECT id, '{name}' AS field, {as_text(quote(name), kind)} AS value FROM subscriptions "
        f"WHERE {quote(name)} IS NOT NULL AND id IN (SELECT id FROM terms_told)"
        for name, kind in TERMS.items()
    )
    cursor.execute(f"""
        INSERT INTO subscription_terms
        SELECT held.id, held.field, held.value, {FIRST_INSTANT} FROM ({held}) AS held
        WHERE (held.id, held.field) IN (SELECT (id, field) FROM terms_told)
          AND (held.id, held.field) NOT IN (SELECT (id, field) FROM subscription_terms)
        UNION ALL SELECT id, field, value, "at" FROM terms_told
    """)
    return late


def _tellings(rows: Sequence[Row]) -> Iterator[dict[str, Any]]:
    """What is told of each term. A row that has waited was taken down when it came."""
    for number, row in enumerate(rows):
        own = row.values.get("id")
        if row.collection != "subscriptions" or not row.source or own in (None, ""):
            continue
        at = said(row) or row.at + timedelta(microseconds=number)  # what is not dated and came together, in its order
        for name in TERMS:
            if name in row.values:
                yield {"id": cell(own), "field": name, "value": cell(row.values[name]) or None, "at": _plain(at)}


def _note_late(cursor: duckdb.DuckDBPyConnection, past: Past, zone: ZoneInfo) -> bool:
    """Note the accounts of which something is told that lies before what is known; whether there are any."""
    known = "FROM subscription_terms AS known WHERE known.id = told.id AND known.field = told.field"
    cursor.execute(f"""
        CREATE OR REPLACE TEMP TABLE terms_late AS
        SELECT sub.account_key AS key, min(CASE WHEN EXISTS (SELECT 1 {known} AND known."at" < told."at") THEN told."at"
                                           ELSE coalesce({start_of_day("sub.starts_on", zone)}, {EVER}) END) AS since
        FROM terms_told AS told JOIN subscriptions AS sub ON sub.id = told.id
        WHERE EXISTS (SELECT 1 {known} AND known."at" >= told."at") GROUP BY sub.account_key
    """)
    past.note("SELECT key, since FROM terms_late")
    cursor.execute("INSERT INTO touched SELECT 'accounts', key FROM terms_late")
    return cursor.execute("SELECT 1 FROM terms_late LIMIT 1").fetchone() is not None


def _plain(moment: datetime) -> datetime:
    return moment.astimezone(UTC).replace(tzinfo=None)
