"""A large book of plain events for measuring, made inside the store: nobody's customers, uniform on purpose."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from tocsin.core.moment import DAY
from tocsin.facts import rollup
from tocsin.facts.duckdb import DuckStore

PEOPLE_PER_ACCOUNT = 20
NAMES = ("login", "view_report", "export", "edit_board", "invite", "comment", "api_call", "search")
FEATURES = ("reports", "exports", "boards", "sharing", "api")
HISTORY = 540 * DAY


def fill(store: DuckStore, *, accounts: int, events: int, until: datetime) -> None:
    """Fill an empty store with accounts, 20 people each, tickets, invoices, touchpoints, and events over 18 months.

    The rows go straight into the tables of the layout: what is measured with them is evaluation, not import.
    """
    last = until.astimezone(UTC).replace(tzinfo=None)
    span = HISTORY // timedelta(seconds=1)
    people = accounts * PEOPLE_PER_ACCOUNT
    with store.write() as cursor:
        cursor.execute(
            """INSERT INTO accounts BY NAME SELECT (i + 1)::INTEGER AS key, 'acc-' || i AS id, 'Account ' || i AS name,
            'csm' || (i % 50) || '@example.com' AS owner, (1 + i % 3)::VARCHAR AS tier,
            ['free', 'team', 'pro'][1 + i % 3] AS plan,
            (25 + i % 200)::DOUBLE AS seats, (100 + i % 900)::DOUBLE AS mrr,
            CASE WHEN i % 700 < 40 THEN 'Onboarding' ELSE 'Adoption' END AS lifecycle_stage,
            $last::TIMESTAMP - to_days((30 + i % 700)::INTEGER) AS created_at,
            $last::TIMESTAMP - to_days((30 + i % 700)::INTEGER) AS onboarding_started_at,
            ($last::TIMESTAMP + to_days((i % 365)::INTEGER))::DATE AS renews_on,
            '{}'::JSON AS custom, false AS left_out
            FROM range($accounts) AS counted(i)""",
            {"last": last, "accounts": accounts},
        )
        cursor.execute("INSERT INTO attribute_types VALUES ('accounts', 'tier', 'number')")
        cursor.execute(
            """INSERT INTO people BY NAME SELECT (i + 1)::INTEGER AS key, 'per-' || i AS id,
            (i // $each + 1)::INTEGER AS account_key, 'Person ' || i AS name,
            ['user', 'user', 'power_user', 'champion', 'point_of_contact'][1 + i % 5] AS role,
            $last::TIMESTAMP - to_days((i % 500)::INTEGER) AS created_at, '{}'::JSON AS custom, false AS left_out
            FROM range($people) AS counted(i)""",
            {"last": last, "people": people, "each": PEOPLE_PER_ACCOUNT},
        )
        cursor.execute("INSERT INTO person_keys SELECT key, id FROM people")
        cursor.execute(
            """INSERT INTO events BY NAME SELECT 'evt-' || i AS id, (person // $each + 1)::INTEGER AS account_key,
            (person + 1)::INTEGER AS person_key, $names[1 + (h % 8)::INTEGER] AS name,
            CASE WHEN h % 8 = 0 THEN 'login' ELSE 'feature' END AS kind,
            CASE WHEN h % 8 > 0 THEN $features[1 + (h % 5)::INTEGER] END AS feature,
            $last::TIMESTAMP - to_seconds((hash(i + 3) % $span)::BIGINT) AS "at", (h % 360)::DOUBLE / 4 AS "minutes"
            FROM (SELECT i, hash(i) AS h, hash(i + 1) % $people AS person FROM range($events) AS counted(i))
            ORDER BY "at" """,
            {
                "last": last, "events": events, "people": people, "each": PEOPLE_PER_ACCOUNT, "span": span,
                "names": list(NAMES), "features": list(FEATURES),
            },
        )  # fmt: skip
        for statement in _SMALL:
            cursor.execute(statement, {"last": last, "accounts": accounts})
        rollup.advance(cursor, until)


def age(store: DuckStore, times: int) -> int:
    """Put so many times the history of a filled store before it, of the same accounts and people; gives the events added.

    Accounts and people stay as old as they are: what is measured is what old events cost.
    """
    added = 0
    with store.write() as cursor:
        cursor.execute("CREATE TEMP TABLE young AS SELECT * FROM events")
        for number in range(1, times + 1):
            back = number * (HISTORY // timedelta(seconds=1))
            older = f'SELECT * REPLACE (id || \'-{number}\' AS id, "at" - to_seconds({back}) AS "at") FROM young ORDER BY "at"'
            found = cursor.execute(f"INSERT INTO events BY NAME {older}").fetchone()
            added += int(found[0]) if found else 0
            rollup.added(cursor, older)
        cursor.execute("DROP TABLE young")
    return added


# Per account about five tickets, twelve invoices, sixty touchpoints: collections that stay small beside events.
_SMALL = (
    """INSERT INTO tickets BY NAME SELECT 'tic-' || i AS id, (i % $accounts + 1)::INTEGER AS account_key,
    ['low', 'normal', 'high', 'critical'][1 + (hash(i) % 4)::INTEGER] AS priority, opened AS opened_at,
    CASE WHEN hash(i) % 200 > 0 THEN opened + to_hours((hash(i) % 200)::INTEGER) END AS resolved_at
    FROM (SELECT i, $last::TIMESTAMP - to_hours((hash(i + 7) % 12960)::INTEGER) AS opened
          FROM range($accounts * 5) AS counted(i))""",
    """INSERT INTO invoices BY NAME SELECT 'inv-' || i AS id, (i % $accounts + 1)::INTEGER AS account_key, 100.0 AS amount,
    issued AS issued_on, issued + 14 AS due_on, CASE WHEN hash(i) % 500 > 0 THEN issued + (hash(i) % 20)::INTEGER END AS paid_on
    FROM (SELECT i, ($last::TIMESTAMP - to_days(((i // $accounts) * 30 + 1)::INTEGER))::DATE AS issued
          FROM range($accounts * 12) AS counted(i))""",
    """INSERT INTO touchpoints BY NAME SELECT 'tou-' || i AS id, (i % $accounts + 1)::INTEGER AS account_key,
    ['call', 'email', 'meeting', 'qbr'][1 + (hash(i) % 4)::INTEGER] AS kind,
    $last::TIMESTAMP - to_hours((hash(i + 9) % 12960)::INTEGER) AS "at"
    FROM range($accounts * 60) AS counted(i)""",
)
