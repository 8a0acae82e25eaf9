"""The parts of pulls that need no database: where `:since` stands, how marks grow, what names of files say, spools."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tocsin.core.errors import UserError
from tocsin.facts.importing.columns import Reading
from tocsin.facts.pulling.listing import list_folder
from tocsin.facts.pulling.marks import capped, greatest, since, start_of
from tocsin.facts.pulling.places import PostgresPlace, read_place
from tocsin.facts.pulling.queries import Query, read_queries
from tocsin.facts.pulling.shapes import FolderPlan, Mark
from tocsin.facts.pulling.spool import spool

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "written"),
    [
        ("SELECT 1 WHERE a > :since", "SELECT 1 WHERE a > $1"),
        ("SELECT ':since', \":since\" -- :since\n/* :since */ , a::since, $$:since$$", None),
        ("SELECT 'it''s 5 %' WHERE a > :since AND b LIKE '%x'", "SELECT 'it''s 5 %%' WHERE a > $1 AND b LIKE '%%x'"),
        ("SELECT x::date FROM t WHERE x::date>:since::date", "SELECT x::date FROM t WHERE x::date>$1::date"),
    ],
)
def test_where_since_stands(tmp_path: Path, text: str, written: str | None) -> None:
    (tmp_path / "events.sql").write_text(text + " ;\n")
    [query] = read_queries(tmp_path)
    assert query.incremental == (written is not None)
    assert query.written("$1", doubled="%") == (written or text)


def query(collection: str = "events") -> Query:
    return Query(collection, Path(f"/m/{collection}.sql"), "SELECT 1", Reading(), incremental=True)


@pytest.mark.parametrize(
    ("values", "mark", "following"),
    [
        (
            [datetime(2026, 1, 2, 3, tzinfo=UTC), None, datetime(2026, 1, 1, tzinfo=UTC)],
            Mark("time", "2026-01-02T03:00:00Z"),
            None,
        ),
        ([datetime(2026, 1, 2, 3)], Mark("time", "2026-01-02T03:00:00Z"), datetime(2026, 1, 2, 2, tzinfo=UTC)),  # noqa: DTZ001
        ([9, 10, None], Mark("number", "10"), 10),
        ([1.5, 0.25], Mark("number", "1.5"), 1.5),
        (["2026-01-02 03:00:00"], Mark("text", "2026-01-02 03:00:00"), "2026-01-02 02:00:00"),
        (["2026-01-02T03:00:00.250Z"], Mark("text", "2026-01-02T03:00:00.250Z"), "2026-01-02T02:00:00.250Z"),
        (["2026-01-02T03:00:00+02:00"], Mark("text", "2026-01-02T03:00:00+02:00"), "2026-01-02T02:00:00+02:00"),
        (["2026-01-02"], Mark("text", "2026-01-02"), "2026-01-01"),
        (["b", "a"], Mark("text", "b"), "b"),
        ([None], None, None),
    ],
)
def test_marks(values: list[object], mark: Mark | None, following: object) -> None:
    column = pa.array(values, pa.string() if values == [None] else None)
    found = greatest(column, None, "c")
    assert found == mark
    if found is not None and following is not None:
        assert since(found, timedelta(hours=1)) == following


def test_marks_do_not_fall_and_keep_their_kind() -> None:
    assert greatest(pa.array([3]), Mark("number", "10"), "c") == Mark("number", "10")
    assert greatest(pa.array([None], pa.int64()), Mark("number", "10"), "c") == Mark("number", "10")
    with pytest.raises(UserError, match="the cursor column c was number and is text now"):
        greatest(pa.array(["x"]), Mark("number", "10"), "c")
    with pytest.raises(UserError, match="holds times, numbers or texts"):
        greatest(pa.array([True]), None, "c")


@pytest.mark.parametrize(
    ("mark", "wanted"),
    [
        (Mark("time", "2999-01-01T00:00:00Z"), Mark("time", "2026-03-01T12:00:00Z")),
        (Mark("time", "2026-03-01T11:59:00Z"), Mark("time", "2026-03-01T11:59:00Z")),
        (Mark("text", "2999-01-01 00:00"), Mark("text", "2026-03-01 12:00:00")),
        (Mark("text", "2999-01-01T00:00:00Z"), Mark("text", "2026-03-01T12:00:00Z")),
        (Mark("text", "zzz"), Mark("text", "zzz")),
        (Mark("number", "99999999999"), Mark("number", "99999999999")),
    ],
)
def test_no_mark_lies_ahead_of_the_clock(mark: Mark, wanted: Mark) -> None:
    assert capped(mark, NOW) == wanted


def test_starts() -> None:
    assert start_of("2026-01-02") == datetime(2026, 1, 2, tzinfo=UTC)
    assert (start_of("17"), start_of("-3"), start_of("abc")) == (17, -3, "abc")


@pytest.mark.parametrize(
    ("name", "collection"),
    [
        ("accounts.csv", "accounts"),
        ("ACCOUNTS.CSV", "accounts"),
        ("account_history_2026.csv", "account_history"),
        ("people_history-1.csv.gz", "people_history"),
        ("people-2.jsonl", "people"),
        ("events.2026w09.parquet", "events"),
        ("events/part-00000-abc.snappy.parquet", "events"),
        ("events2.csv", None),
        ("events-final.csv", None),
        ("events_archive_2.csv", None),
        ("sub/accounts.csv", None),
        (".accounts.csv", None),
        ("accounts.bak", None),
    ],
)
def test_what_a_name_says(tmp_path: Path, name: str, collection: str | None) -> None:
    path = tmp_path / name
    path.parent.mkdir(exist_ok=True)
    path.write_text("x")
    found = list_folder(
        FolderPlan("x", None, folder=tmp_path, settle=timedelta(0)), datetime.now(UTC) + timedelta(1), mapped=False
    )
    assert [each.collection for each in found.files] == ([collection] if collection else [])


def test_parts_of_a_spool(tmp_path: Path) -> None:
    def batches() -> Iterator[pa.RecordBatch]:
        for first in range(0, 25, 5):
            numbers = list(range(first, first + 5))
            yield pa.RecordBatch.from_pydict({"id": numbers, "n": numbers, "at": numbers})

    seen = 0

    def go_on() -> None:
        nonlocal seen
        seen += 1

    found = spool(batches(), query(), tmp_path, cursor="n", go_on=go_on, most=7)
    assert [pq.read_metadata(part).num_rows for part in found.parts] == [7, 7, 7, 4]
    assert (found.rows, found.mark, seen) == (25, Mark("number", "24"), 5)
    # The cursor is no column of events; where it is one it stays.
    assert pq.read_schema(found.parts[0]).names == ["id", "at"]
    kept = spool(batches(), query(), tmp_path, cursor="at", go_on=go_on)
    assert pq.read_schema(kept.parts[0]).names == ["id", "n", "at"]
    with pytest.raises(UserError, match="gives no column m, by which :since goes"):
        spool(batches(), query(), tmp_path, cursor="m", go_on=go_on)
    twice = pa.RecordBatch.from_arrays([pa.array([1]), pa.array([2])], names=["id", "id"])
    with pytest.raises(UserError, match="the column id stands there twice"):
        spool(iter([twice]), query(), tmp_path, cursor=None, go_on=go_on)


def test_an_empty_answer_tells_its_columns(tmp_path: Path) -> None:
    empty = pa.RecordBatch.from_pylist([], schema=pa.schema([("id", pa.string())]))
    found = spool(iter([empty]), query(), tmp_path, cursor=None, go_on=lambda: None)
    assert (found.rows, [pq.read_schema(part).names for part in found.parts]) == (0, [["id"]])


def test_addresses() -> None:
    place = read_place("postgres://u%40x:p%2Fw@[::1]:6000/books?sslmode=require&connect_timeout=3")
    assert isinstance(place, PostgresPlace)
    assert place.shown == "postgresql://u@x@::1:6000/books"
    assert place.given == {
        "host": "::1", "port": "6000", "dbname": "books", "user": "u@x", "password": "p/w", "sslmode": "require",
        "connect_timeout": "3",
    }  # fmt: skip
    assert "p/w" not in repr(place)
    assert read_place("duckdb:///a/b%20c.duckdb").shown == "duckdb:///a/b c.duckdb"
    assert read_place("sqlite:////a/b.db").shown == "sqlite:///a/b.db", "four slashes before a whole path are common too"
