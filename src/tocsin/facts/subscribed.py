"""What subscriptions give their account: plan, seats, mrr and renews_on, also before they were changed in place.

A row says how its subscription stands now. What it was before is in `subscription_terms` (id, field, value, at): from that
instant on the term was so, null where it became empty. The earliest entry of a term holds from the beginning, and a term
without any has always been as the row says. Of entries of one instant the greater text counts.
"""

from __future__ import annotations

from collections.abc import Collection as Names
from zoneinfo import ZoneInfo

import duckdb

from tocsin.core.schema import COLLECTIONS, FROM_SUBSCRIPTIONS
from tocsin.facts.cells import FIRST_INSTANT, LAST_INSTANT, as_text, day_of, start_of_day
from tocsin.facts.layout import PHYSICAL, quote

SUBSCRIPTIONS = COLLECTIONS["subscriptions"]
# The columns of which a change is a change of the account; what they are, by their name.
TERMS = {name: SUBSCRIPTIONS.column(name).type for name in (*FROM_SUBSCRIPTIONS, "currency")}


def record(cursor: duckdb.DuckDBPyConnection, source: str, given: Names[str], at: str) -> None:
    """Enter what stored subscriptions are about to be changed to; inside a transaction.

    source: FROM clause with the new rows as `new` and the stored ones as `old`. given: the columns that are given.
    at: from when on it is so, as SQL. A column that no subscription had before is not a change but all that is known.
    """
    changed = []
    for name, kind in TERMS.items():
        if name in given:
            old, new = (as_text(f"{row}.{quote(name)}", kind) for row in ("old", "new"))
            known = f"EXISTS (SELECT 1 FROM subscriptions AS known WHERE known.{quote(name)} IS NOT NULL)"
            changed.append(
                f"SELECT old.id, '{name}' AS field, {old} AS old, {new} AS new, {at} AS \"at\" FROM {source} "
                f"WHERE old.rowid IS NOT NULL AND {old} IS DISTINCT FROM {new} AND {known}"
            )
    if not changed:
        return
    # What was told already, as by a webhook, is no change once more.
    cursor.execute(f"""
        CREATE OR REPLACE TEMP TABLE terms_changed AS
        WITH changed AS ({" UNION ALL ".join(changed)}), latest AS (
            SELECT id, field, arg_max(coalesce(value, ''), ("at", coalesce(value, ''))) AS value
            FROM subscription_terms WHERE id IN (SELECT id FROM changed) GROUP BY id, field
        )
        SELECT changed.*, latest.id IS NULL AS first FROM changed LEFT JOIN latest USING (id, field)
        WHERE latest.id IS NULL OR latest.value <> coalesce(changed.new, '')
    """)
    cursor.execute('DELETE FROM subscription_terms WHERE (id, field, "at") IN (SELECT (id, field, "at") FROM terms_changed)')
    cursor.execute(f"""
        INSERT INTO subscription_terms
        SELECT id, field, old, {FIRST_INSTANT} FROM terms_changed WHERE first
        UNION ALL SELECT id, field, new, "at" FROM terms_changed
    """)


def enter(cursor: duckdb.DuckDBPyConnection, touched: str, zone: ZoneInfo) -> None:
    """Put what subscriptions give into the timeline of accounts (a SELECT of keys), which holds nothing of it.

    Each of them at each day on which one starts or ends, of those in force then; and at each change in place what is another.
    """
    _make_versions(cursor, touched, zone)
    rate = (
        'coalesce((SELECT arg_max(rate, rates."on") FROM rates '
        'WHERE rates.currency = sub.currency AND rates."on" <= point.day), '
        '(SELECT arg_min(rate, rates."on") FROM rates WHERE rates.currency = sub.currency), 1)'
    )
    cursor.execute(f"""
        CREATE OR REPLACE TEMP TABLE in_force AS
        WITH point AS (
            SELECT account_key, "at", max(day) AS day, bool_or(edge) AS edge FROM (
                SELECT account_key, begun AS "at", starts_on AS day, true AS edge FROM versions
                UNION ALL SELECT account_key, over, ended_on, true FROM versions WHERE ended_on IS NOT NULL
                UNION ALL SELECT account_key, since, {day_of("since", zone)}, false FROM versions
                WHERE since > begun AND since < over
            ) GROUP BY account_key, "at"
        )
        SELECT point.account_key AS key, point."at", point.edge, sub.id, sub.plan, sub.seats,
               sub.starts_on, sub.renews_on, sub.mrr * {rate} AS mrr
        FROM point LEFT JOIN versions AS sub ON sub.account_key = point.account_key AND sub.begun <= point."at"
             AND sub.over > point."at" AND sub.since <= point."at" AND sub.until > point."at"
    """)
    cursor.execute(f"""
        INSERT INTO account_timeline
        WITH sums AS (
            SELECT key, "at", bool_or(edge) AS edge, sum(seats) AS seats, sum(mrr) AS mrr, min(renews_on) AS renews_on,
                   arg_max(coalesce(plan, ''), (coalesce(mrr, -1e308), starts_on, id)) FILTER (id IS NOT NULL) AS plan
            FROM in_force GROUP BY key, "at"
        ), entries AS (
            SELECT key, 'plan' AS field, coalesce(plan, '') AS value, "at", edge FROM sums
            UNION ALL SELECT key, 'seats', coalesce({as_text("seats", "number")}, ''), "at", edge FROM sums
            UNION ALL SELECT key, 'mrr', coalesce({as_text("mrr", "number")}, ''), "at", edge FROM sums
            UNION ALL SELECT key, 'renews_on', coalesce(CAST(renews_on AS VARCHAR), ''), "at", edge FROM sums
        ), turns AS (
            SELECT *, edge OR value IS DISTINCT FROM lag(value) OVER (PARTITION BY key, field ORDER BY "at") AS told
            FROM entries
        )
        SELECT key, field, value, "at" FROM turns WHERE told
    """)


def _make_versions(cursor: duckdb.DuckDBPyConnection, touched: str, zone: ZoneInfo) -> None:
    """The temporary table `versions`: how each subscription of these accounts stood from when (`since`) until when.

    `begun` and `over` are the instants between which it is in force.
    """
    terms = ", ".join(
        f"CASE WHEN bool_or(said.field = '{name}') "
        f"THEN CAST(nullif(arg_max(said.value, said.since) FILTER (said.field = '{name}'), '') AS {PHYSICAL[kind]}) "
        f"ELSE any_value(sub.{quote(name)}) END AS {quote(name)}"
        for name, kind in TERMS.items()
    )
    cursor.execute(f"""
        CREATE OR REPLACE TEMP TABLE versions AS
        WITH mine AS (SELECT * FROM subscriptions WHERE account_key IN ({touched})),
        line AS (
            SELECT id, field, "at", max(coalesce(value, '')) AS value FROM subscription_terms
            WHERE id IN (SELECT id FROM mine) GROUP BY id, field, "at"
        ), said AS (
            SELECT id, field, value, CASE WHEN lag("at") OVER entries IS NULL THEN {FIRST_INSTANT} ELSE "at" END AS since
            FROM line WINDOW entries AS (PARTITION BY id, field ORDER BY "at")
            QUALIFY lag(value) OVER entries IS DISTINCT FROM value
        ), turns AS (SELECT id, since FROM said UNION SELECT id, {FIRST_INSTANT} FROM mine)
        SELECT *, coalesce(lead(since) OVER (PARTITION BY id ORDER BY since), {LAST_INSTANT}) AS until FROM (
            SELECT sub.id, sub.account_key, sub.starts_on, sub.ended_on, {start_of_day("sub.starts_on", zone)} AS begun,
                   coalesce({start_of_day("sub.ended_on", zone)}, {LAST_INSTANT}) AS over, turns.since, {terms}
            FROM mine AS sub JOIN turns ON turns.id = sub.id
            LEFT JOIN said ON said.id = sub.id AND said.since <= turns.since
            GROUP BY sub.id, sub.account_key, sub.starts_on, sub.ended_on, turns.since
        )
    """)
