"""What only PostgreSQL has: connections that are cut, types of its own, one moment for all SELECTs. Runs beside a server."""

from __future__ import annotations

import json

import pytest

from tests.apps.pulls.conftest import ACCOUNTS, EVENTS, KINDS, Desk, Warehouse

if "postgres" in KINDS:
    POSTGRES = pytest.mark.parametrize("warehouse", ["postgres"], indirect=True)

    @POSTGRES
    def test_a_connection_that_is_cut_leaves_nothing_half(desk: Desk, warehouse: Warehouse) -> None:
        desk.map(accounts=ACCOUNTS, events=EVENTS)
        warehouse.do(
            "INSERT INTO logs SELECT n, 'a1', 'Signed in', now(), '2026-03-01'::timestamptz + n * interval '1 ms' "
            "FROM generate_series(1, 30000) AS n"
        )
        desk.create("sql", url=warehouse.url, cursor="events=loaded_at")
        seen = 0

        def cut(stage: str) -> None:
            nonlocal seen
            seen += stage == "reading events"
            if seen == 2:
                warehouse.do(
                    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
                    "WHERE application_name = 'tocsin' AND datname = current_database()"
                )

        ended = desk.pull(watch=cut)
        assert (ended.run.state, ended.passing) == ("failed", True)
        assert "does not answer any more" in ended.run.error
        assert ended.run.stage == "reading events"
        assert (desk.count("accounts"), desk.count("events"), desk.info().marks) == (0, 0, {})
        ended = desk.pull()
        assert desk.figures(ended)["events"] == (30000, 30000, 0, 0, 0)

    @POSTGRES
    def test_all_selects_see_one_moment(desk: Desk, warehouse: Warehouse) -> None:
        desk.map(accounts=ACCOUNTS, events=EVENTS)
        warehouse.log(1, "2026-03-01 01:00:00")
        desk.create("sql", url=warehouse.url, cursor="events=loaded_at")

        written: list[str] = []

        def meanwhile(stage: str) -> None:
            if stage == "reading events" and not written:
                written.append(stage)
                warehouse.do("INSERT INTO customers VALUES ('a3', 'Cove', '2024-01-01')")
                warehouse.log(2, "2026-03-01 02:00:00", customer="a3")

        # What was written meanwhile is not seen by half, an event without its account.
        assert desk.figures(desk.pull(watch=meanwhile))["events"][0] == 1
        assert desk.figures(desk.pull())["events"] == (2, 1, 0, 1, 0)

    @POSTGRES
    def test_types_of_its_own(desk: Desk, warehouse: Warehouse) -> None:
        warehouse.do("""
            CREATE TABLE things (no uuid, title text, money numeric(12, 2), big bigint, day date, until timestamptz,
                                 tags text[], extra jsonb, fine boolean, raw bytea, pause interval, at timestamp)
        """)
        warehouse.do("""
            INSERT INTO things VALUES ('00000000-0000-0000-0000-00000000000a', 'Ünï % ''code''', 1234.50, 9007199254740993,
                '2026-02-03', 'infinity', '{a,"b c"}', '{"x": [1, null]}', true, '\\xbeef', '1 day 2 hours',
                '2026-02-03 04:05:06.789'),
                ('00000000-0000-0000-0000-00000000000b', 'Bare', NULL, NULL, '-infinity', NULL, NULL, NULL, NULL, NULL, NULL,
                 'infinity')
        """)
        desk.map(
            accounts="SELECT no AS id, title AS name, money AS mrr, day AS renews_on, until AS churned_at, big, tags, extra, "
            "fine, raw, pause, at AS last_at FROM things WHERE title NOT LIKE '%:since%' -- 100 %"
        )
        desk.create("sql", url=warehouse.url)
        ended = desk.pull()
        assert (ended.run.state, desk.figures(ended)["accounts"][0]) == ("done", 2)
        [(name, mrr, renews, custom)] = desk.rows(
            "SELECT name, mrr, renews_on::VARCHAR, custom::VARCHAR FROM accounts WHERE id LIKE '%a'"
        )
        assert (name, mrr, renews) == ("Ünï % 'code'", 1234.5, "2026-02-03")
        given = json.loads(custom)
        assert (given["big"], given["raw"], given["fine"]) == ("9007199254740993", "beef", "true")
        assert (json.loads(given["tags"]), json.loads(given["extra"])) == (["a", "b c"], {"x": [1, None]})
        assert given["last_at"].startswith("2026-02-03T04:05:06.789")

    @POSTGRES
    def test_the_line_of_a_fault_is_named(desk: Desk, warehouse: Warehouse) -> None:
        desk.map(accounts="-- a comment\nSELECT no AS id,\n  titel AS name\nFROM customers")
        desk.create("sql", url=warehouse.url)
        ended = desk.pull()
        assert "accounts.sql, line 3, does not run on" in ended.run.error
        assert 'column "titel" does not exist' in ended.run.error
        assert not ended.passing

    @POSTGRES
    def test_nothing_is_written_where_it_is_read(desk: Desk, warehouse: Warehouse) -> None:
        warehouse.do(
            "CREATE FUNCTION drop_all() RETURNS text LANGUAGE plpgsql AS $$ BEGIN DELETE FROM customers; RETURN 'x'; END $$"
        )
        desk.map(accounts="SELECT drop_all() AS id, 'x' AS name")
        desk.create("sql", url=warehouse.url)
        assert "read-only transaction" in desk.pull().run.error
