"""Alerts written back by the product, beside those that an import brought."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import duckdb
import pyarrow as pa
import pytest

from tests.facts.conftest import Desk

T = datetime(2026, 3, 1, 8, tzinfo=UTC)


def alert(name: str, **given: Any) -> dict[str, Any]:
    return {"id": name, "account_id": "a1", "rule": "no-login", "opened_at": T, **given}


def stored(desk: Desk) -> list[dict[str, Any]]:
    times = ", ".join(f"strftime({each}, '%Y-%m-%d %H') AS {each}" for each in ("opened_at", "acknowledged_at", "closed_at"))
    found: list[dict[str, Any]] = desk.store.query(
        f"SELECT alerts.id, accounts.id AS account, rule, subject, severity, category, {times}, outcome "
        "FROM alerts LEFT JOIN accounts ON accounts.key = alerts.account_key ORDER BY alerts.id"
    ).to_pylist()
    return found


def test_what_is_recorded_is_a_row_of_the_collection(acme: Desk) -> None:
    later = datetime(2026, 3, 2, 9, tzinfo=timezone(timedelta(hours=2)))
    acme.store.keep_alerts([alert("1", subject="a1", severity="high", category="risk", closed_at=later, outcome="useful")])
    assert stored(acme) == [
        {
            "id": "1", "account": "a1", "rule": "no-login", "subject": "a1", "severity": "high", "category": "risk",
            "opened_at": "2026-03-01 08", "acknowledged_at": None, "closed_at": "2026-03-02 07",
            "outcome": "useful",
        }
    ]  # fmt: skip
    assert acme.store.counts()["alerts"] == 1


def test_the_same_alert_again_takes_the_place_of_itself(acme: Desk) -> None:
    acme.store.keep_alerts([alert("1"), alert("2", account_id=None, subject="ann@ours.example", outcome="")])
    acme.store.keep_alerts([alert("1", closed_at=T + timedelta(days=1))])
    acme.store.keep_alerts([])
    assert [(row["id"], row["account"], row["closed_at"], row["outcome"]) for row in stored(acme)] == [
        ("1", "a1", "2026-03-02 08", None),
        ("2", None, None, None),
    ]


def test_an_alert_of_an_unknown_account_is_not_kept(acme: Desk) -> None:
    acme.store.keep_alerts([alert("1", account_id="nowhere")])
    assert stored(acme) == []


def test_beside_alerts_that_were_imported(acme: Desk) -> None:
    acme.give("alerts.csv", "id,account_id,rule,opened_at\nx1,a1,old,2026-01-01\n")
    acme.store.keep_alerts([alert("1")])
    acme.give("alerts.csv", "id,account_id,rule,opened_at,closed_at\nx1,a1,old,2026-01-01,2026-01-05\n1,a1,mine,2026-01-01,\n")
    assert [(row["id"], row["rule"], row["closed_at"]) for row in stored(acme)] == [
        ("1", "mine", None),
        ("x1", "old", "2026-01-05 00"),
    ]


def test_alerts_do_not_say_until_when_the_facts_speak(acme: Desk) -> None:
    before = acme.store.last_moment(T + timedelta(days=400))
    acme.store.keep_alerts([alert("1", opened_at=T + timedelta(days=300))])
    assert acme.store.last_moment(T + timedelta(days=400)) == before


def test_what_the_product_did_is_no_news_of_the_customers(acme: Desk) -> None:
    before = acme.store.generation
    acme.store.keep_alerts([alert("1")])
    acme.store.scores.forget()
    assert acme.store.generation == before
    with acme.store.write():
        pass
    assert acme.store.generation == before + 1


def test_a_query_leaves_nothing_to_the_next_one(acme: Desk) -> None:
    table = pa.table({"n": [1, 2]})
    assert acme.store.query("SELECT sum(n) AS n FROM given", tables={"given": table}).to_pylist() == [{"n": 3}]
    with pytest.raises(duckdb.Error):
        acme.store.query("SELECT * FROM given")
    with pytest.raises(duckdb.Error):
        acme.store.query("SELECT 1 / 'x'")
    with ThreadPoolExecutor(8) as pool:
        found = [pool.submit(acme.store.query, "SELECT count(*) AS n FROM accounts") for _ in range(40)]
    assert {each.result().column("n")[0].as_py() for each in found} == {acme.store.counts()["accounts"]}
