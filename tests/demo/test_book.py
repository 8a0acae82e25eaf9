"""The book as a whole: reproducible, complete, of one piece, and nothing in it that is not known yet."""

from __future__ import annotations

from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from tests.demo.conftest import ACCOUNTS, UNTIL, Written
from tocsin.core.errors import UserError
from tocsin.core.schema import COLLECTIONS
from tocsin.facts.demo import generate, stories, write_book
from tocsin.facts.duckdb import DuckStore

# Columns that tell a plan, so that they may lie ahead.
PLANS = {"renews_on", "due_on", "planned_at", "trial_ends_on", "expected_on", "sla_due_at"}


def digests(folder: Path) -> dict[str, str]:
    return {path.name: sha256(path.read_bytes()).hexdigest() for path in folder.glob("*.parquet")}


def test_same_numbers_same_bytes(tmp_path: Path) -> None:
    made = []
    for name, seed in (("a", 7), ("b", 7), ("c", 8)):
        (tmp_path / name).mkdir()
        write_book(tmp_path / name, accounts=30, until=UNTIL, seed=seed)
        made.append(digests(tmp_path / name))
    assert made[0] == made[1]
    assert made[0]["events.parquet"] != made[2]["events.parquet"]
    assert made[0]["accounts.parquet"] != made[2]["accounts.parquet"]


def test_a_larger_book_begins_with_the_smaller(tmp_path: Path, book: Written) -> None:
    small = write_book(tmp_path, accounts=30, until=UNTIL, seed=7)
    columns = 'account_id, person_id, name, "at"'
    both = f"SELECT {columns} FROM '{tmp_path}/events.parquet' INTERSECT ALL SELECT {columns} FROM events"
    assert small.events == book.one(f"SELECT count(*) FROM ({both})")
    truth = stories(30, UNTIL, 7)
    assert truth == {key: book.truth[key] for key in truth}


def test_every_collection_but_alerts_is_filled(book: Written) -> None:
    assert set(book.summary.rows) == set(COLLECTIONS) - {"alerts"}
    for name, count in book.summary.rows.items():
        assert book.one(f"SELECT count(*) FROM {name}") == count > 0


def test_summary_counts(book: Written) -> None:
    assert sum(book.summary.by_story.values()) == sum(book.summary.by_case.values()) == ACCOUNTS
    assert book.summary.churned == book.one("SELECT count(*) FROM accounts WHERE churned_at IS NOT NULL")
    assert book.summary.churned == sum(told.churned for told in book.truth.values())


def test_no_story_is_told_in_the_facts(book: Written) -> None:
    columns = [name for (name,) in book.rows("SELECT DISTINCT column_name FROM information_schema.columns")]
    assert "churn_reason" in columns
    assert not {"story", "case", "cause"} & set(columns)


@pytest.mark.parametrize("collection", [name for name in COLLECTIONS if name != "alerts"])
def test_nothing_later_than_until_but_plans(book: Written, collection: str) -> None:
    types = dict(book.rows(f"SELECT column_name, column_type FROM (DESCRIBE {collection})"))

    def later(moment: str, column: str) -> int:
        return int(book.one(f'SELECT count(*) FROM {collection} WHERE "{column}" > {moment}'))

    for name, kind in types.items():
        if name in PLANS:
            continue
        if kind == "DATE":
            assert later(f"DATE '{UNTIL.date()}'", name) == 0, name
        elif kind.startswith("TIMESTAMP"):
            assert later(f"TIMESTAMPTZ '{UNTIL.isoformat()}'", name) == 0, name


@pytest.mark.parametrize(
    "collection", [name for name, each in COLLECTIONS.items() if "account_id" in each and name != "alerts"]
)
def test_every_account_is_known(book: Written, collection: str) -> None:
    stray = f"SELECT count(*) FROM {collection} WHERE account_id IS NOT NULL AND account_id NOT IN (SELECT id FROM accounts)"
    assert book.one(stray) == 0


@pytest.mark.parametrize(
    "collection", [name for name, each in COLLECTIONS.items() if "id" in each and name not in {"alerts", "metrics"}]
)
def test_ids_are_unique(book: Written, collection: str) -> None:
    assert book.one(f"SELECT count(*) - count(DISTINCT id) FROM {collection}") == 0


def test_ends_come_after_starts(book: Written) -> None:
    for name, collection in COLLECTIONS.items():
        if name == "alerts" or collection.start is None:
            continue
        known = {column for (column,) in book.rows(f"SELECT column_name FROM (DESCRIBE {name})")}
        for end in collection.ends:
            if end.name in known and collection.start in known and end.name != "cancel_requested_at":
                assert book.one(f"SELECT count(*) FROM {name} WHERE {end.name} < {collection.start}") == 0, (name, end.name)


def test_people_act_while_they_are_there(book: Written) -> None:
    outside = """SELECT count(*) FROM events e JOIN people p ON p.id = e.person_id
        WHERE e.moment < p.created_at OR e.moment >= p.deleted_at OR e.account_id <> p.account_id"""
    assert book.one(outside) == 0
    unknown = book.one("SELECT count(*) FROM events WHERE person_id NOT IN (SELECT id FROM people)")
    assert 0 < unknown < book.summary.events * 0.005


@pytest.mark.parametrize(
    "collection", ["events", "tickets", "surveys", "touchpoints", "invoices", "account_history", "metrics"]
)
def test_nothing_happens_before_or_after_an_account(book: Written, collection: str) -> None:
    start = COLLECTIONS[collection].start
    outside = f"""SELECT count(*) FROM {collection} c JOIN accounts a ON a.id = c.account_id
        WHERE c."{start}" < a.created_at - INTERVAL 1 SECOND OR c."{start}" > a.churned_at"""
    assert book.one(outside) == 0


def test_the_importer_takes_every_row(tmp_path: Path) -> None:
    steps = set()
    store = DuckStore(tmp_path / "facts.duckdb", ZoneInfo("UTC"), currency="USD")
    try:
        summary = generate(store, accounts=25, until=UNTIL, seed=3, progress=lambda step, _: steps.add(step))
        counts = store.query("SELECT (SELECT count(*) FROM events) AS events, (SELECT count(*) FROM accounts) AS accounts")
        left_out = store.query("SELECT count(*) AS n FROM people WHERE left_out").column("n")[0].as_py()
    finally:
        store.close()
    assert summary.rejected == 0
    assert counts.to_pylist() == [{"events": summary.events, "accounts": 25}]
    assert left_out > 0
    assert "inventing the book" in steps


def test_one_account_is_a_book(tmp_path: Path) -> None:
    summary = write_book(tmp_path, accounts=1, until=UNTIL, seed=1)
    assert summary.events > 0
    assert summary.by_story


def test_numbers_out_of_range_are_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="at least one account"):
        write_book(tmp_path, accounts=0, until=UNTIL)
    with pytest.raises(UserError, match="time zone"):
        write_book(tmp_path, accounts=1, until=datetime(2026, 3, 12))  # noqa: DTZ001 -- that is the mistake
    assert not list(tmp_path.iterdir())


def test_until_in_another_zone_is_the_same_instant(tmp_path: Path) -> None:
    for name, until in (("a", UNTIL), ("b", UNTIL.astimezone(ZoneInfo("Asia/Tokyo")))):
        (tmp_path / name).mkdir()
        write_book(tmp_path / name, accounts=5, until=until)
    assert digests(tmp_path / "a") == digests(tmp_path / "b")
    assert UNTIL.tzinfo is UTC
