"""Files as systems write them: separators, encodings, formats, broken places."""

from __future__ import annotations

import codecs
import gzip
import io
import json
from pathlib import Path

import duckdb
import openpyxl
import pytest

from tests.facts.conftest import LATER, NOW, Desk
from tocsin.core.errors import UserError
from tocsin.facts.importing import import_paths
from tocsin.facts.rejected import list_rejected

EVENTS = "id,account_id,name,at,feature\n1,a1,x,2026-01-01,Müller\n2,a1,y,2026-01-02,\n"


def features(desk: Desk) -> list[tuple[str, str | None]]:
    return [(ident, feature) for ident, feature in desk.rows("SELECT id, feature FROM events ORDER BY id")]


@pytest.mark.parametrize("separator", [",", ";", "\t", "|"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "cp1252"])
def test_separators_and_encodings(acme: Desk, separator: str, encoding: str) -> None:
    report = acme.give("events.csv", EVENTS.replace(",", separator).encode(encoding))
    assert acme.figures(report, "events") == (2, 2, 0, 0, 0)
    assert features(acme) == [("1", "Müller"), ("2", None)]


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_line_ends(acme: Desk, end: str) -> None:
    report = acme.give("events.csv", EVENTS.replace("\n", end))
    assert acme.figures(report, "events") == (2, 2, 0, 0, 0)


def test_quotes_commas_and_line_ends_in_cells(acme: Desk) -> None:
    text = 'id,account_id,name,at,feature\n1,a1,x,2026-01-01,"a\nb ""c"", d"\n2,a1,x,never,\n'
    acme.give("events.csv", text)
    assert features(acme) == [("1", 'a\nb "c", d')]
    assert [entry.line for entry in list_rejected(acme.store)] == [4], "the physical line, two of which are one row"


def test_broken_rows_are_rejected_and_their_neighbours_stored(acme: Desk) -> None:
    lines = [
        b"id,account_id,name,at,feature",
        b"1,a1,x,2026-01-01,good",
        b"2,a1,x",
        b"3,a1,x,2026-01-01,more,and,more",
        b"4,a1,x,2026-01-01,N\x00L",
        b"5,a1,x,2026-01-01,M\xc3\xbcller \xff",
        b"6,a1,x,2026-01-01," + b"x" * 1_100_000,
        b"7,a1,x,2026-01-01," + b"x" * 3_000_000,
        b"",
        b"   ",
        b"8,a1,x,2026-01-01,,",
        b'9,a1,x,2026-01-01,"open',
        b"10,a1,x,2026-01-01,good",
    ]
    report = acme.give("events.csv", b"\n".join(lines) + b"\n")
    assert acme.figures(report, "events") == (10, 3, 0, 0, 7)
    assert features(acme) == [("1", "good"), ("10", "good"), ("8", None)]
    found = [(entry.line, entry.reason.split(";")[0]) for entry in list_rejected(acme.store)]
    assert found == [
        (3, "the row has 3 cells where the header has 5"),
        (4, "the row has 7 cells where the header has 5"),
        (5, "feature is longer than 1,048,576 characters or holds a NUL"),
        (6, "the row is not UTF-8"),
        (7, "feature is longer than 1,048,576 characters or holds a NUL"),
        (8, "the line is longer than 2,000,000 characters"),
        (12, "a quote is opened and never closed"),
    ]
    assert list_rejected(acme.store)[0].row == {"id": "2", "account_id": "a1", "name": "x"}


def test_packed_files(acme: Desk) -> None:
    assert acme.figures(acme.give("events.csv.gz", gzip.compress(EVENTS.encode())), "events") == (2, 2, 0, 0, 0)
    with pytest.raises(UserError, match="no gzip file"):
        acme.give("events.csv.gz", EVENTS)
    with pytest.raises(UserError, match="unpacks to more than"):
        acme.give("events.csv.gz", gzip.compress(b"id\n" + b"\n" * (70 << 20)))


def test_json_lines(acme: Desk) -> None:
    good = {"id": 1, "account_id": "a1", "name": "x", "at": "2026-01-01", "minutes": 2.5, "properties": {"a": [1]}}
    lines = [json.dumps(good), "", '{"id": "2", oops', "[1]", "5", json.dumps(good | {"id": 3, "at": []})]
    lines += [
        '{"id": "4", "account_id": "a1", "name": "\\ud800", "at": "2026-01-01"}',
        json.dumps(good | {"id": "5", "feature": ""}),
    ]
    report = acme.give("events.jsonl", "\n".join(lines) + "\n")
    assert acme.figures(report, "events") == (7, 2, 0, 0, 5)
    assert acme.rows('SELECT id, "minutes", CAST(properties AS VARCHAR), feature FROM events ORDER BY id') == [
        ("1", 2.5, '{"a":[1]}', None), ("5", 2.5, '{"a":[1]}', None),
    ]  # fmt: skip
    found = [(entry.line, entry.row) for entry in list_rejected(acme.store)]
    assert found[:3] == [(3, '{"id": "2", oops'), (4, [1]), (5, 5)]
    assert found[3] == (6, good | {"id": 3, "at": []})
    again = acme.give("events.ndjson", "\n".join(lines) + "\n")
    assert acme.figures(again, "events") == (7, 0, 0, 2, 5)


def test_a_key_without_a_name_is_nothing(acme: Desk) -> None:
    report = acme.give("accounts.jsonl", '{"id": "b1", "name": "Bolt", "": "x", "  ": "y", "colour": "red"}\n')
    assert acme.figures(report, "accounts") == (1, 1, 0, 0, 0)
    assert acme.rows("SELECT json_keys(custom) FROM accounts WHERE id = 'b1'") == [(["colour"],)]


def test_json_lines_that_only_the_patient_reader_takes(acme: Desk) -> None:
    line = '{"id": "%s", "account_id": "a1", "name": "x", "at": "2026-01-01", "feature": "%s"}\n'
    text = b"\xef\xbb\xbf" + (line % ("1", "ü")).encode() + (line % ("2", "x" * 2_100_000)).encode() + b"\xff\xfe\n"
    report = acme.give("events.jsonl", text + (line % ("3", "")).encode())
    assert acme.figures(report, "events") == (4, 2, 0, 0, 2)
    assert [entry.line for entry in list_rejected(acme.store)] == [2, 3]


def parquet(path: Path, select: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    with duckdb.connect() as connection:
        connection.execute(f"COPY ({select}) TO '{path}' (FORMAT parquet)")
    return path


def test_parquet_keeps_its_types(berlin: Desk) -> None:
    berlin.give("accounts.csv", "id,name\n7,Acme\n")
    path = parquet(
        berlin.folder / "events.parquet",
        "SELECT 1 AS id, 7 AS account_id, 'x' AS name, TIMESTAMPTZ '2026-01-01 10:00:00+02' AS \"at\", "
        "CAST(2.5 AS DECIMAL(9, 2)) AS \"minutes\", {'a': 1} AS properties "
        "UNION ALL SELECT 2, 7, 'y', TIMESTAMPTZ '2026-07-01 00:00:00+00', NULL, NULL "
        "UNION ALL SELECT 3, 8, 'y', TIMESTAMPTZ '2026-07-01 00:00:00+00', NULL, NULL",
    )
    report = import_paths(berlin.store, [path], now=NOW)
    assert berlin.figures(report, "events") == (3, 2, 0, 0, 1)
    select = 'SELECT id, strftime("at", \'%d %H:%M\'), "minutes", CAST(properties AS VARCHAR) FROM events ORDER BY id'
    assert berlin.rows(select) == [
        ("1", "01 08:00", 2.5, '{"a":1}'), ("2", "01 00:00", None, None),
    ]  # fmt: skip
    entry = list_rejected(berlin.store)[0]
    assert (entry.line, entry.row["account_id"]) == (3, "8")


def test_parquet_of_dates_lists_and_wrong_numbers(acme: Desk) -> None:
    people = parquet(
        acme.folder / "people.parquet",
        "SELECT 'p1' AS id, 'a1' AS account_id, ['x', 'y'] AS trained_on, DATE '2026-01-01' AS created_at, "
        "5.0::DOUBLE AS score",
    )
    invoices = parquet(
        acme.folder / "invoices.parquet",
        "SELECT 'i1' AS id, 'a1' AS account_id, 'nan'::DOUBLE AS amount, TIMESTAMP '2026-01-01' AS issued_on, "
        "DATE '2026-02-01' AS due_on "
        "UNION ALL SELECT 'i2', 'a1', 5, TIMESTAMP '2026-01-01', DATE '2026-02-01'",
    )
    report = import_paths(acme.store, [people, invoices], now=NOW)
    assert acme.figures(report, "invoices") == (2, 1, 0, 0, 1)
    assert acme.rows("SELECT trained_on, custom ->> 'score' FROM people") == [(["x", "y"], "5")]
    assert acme.rows("SELECT CAST(issued_on AS VARCHAR) FROM invoices") == [("2026-01-01",)]


@pytest.mark.parametrize("content", [b"", b"PAR1" + b"\xff" * 5000 + b"PAR1", b"hello, this is text"])
def test_parquet_that_is_none(acme: Desk, content: bytes) -> None:
    with pytest.raises(UserError, match="no Parquet file") as caught:
        acme.give("events.parquet", content)
    assert "\n" not in str(caught.value)


def workbook(sheets: dict[str, list[list[object]]]) -> bytes:
    book = openpyxl.Workbook()
    del book["Sheet"]
    for name, rows in sheets.items():
        page = book.create_sheet(name)
        for row in rows:
            page.append(row)
    buffer = io.BytesIO()
    book.save(buffer)
    return buffer.getvalue()


# Cells of a sheet know no zone, and neither do their times here.
# ruff: noqa: DTZ001
def test_workbooks(desk: Desk) -> None:
    from datetime import date, datetime

    accounts: list[list[object]] = [
        ["id", "name", "seats", "created_at", "renews_on", "vip"],
        [7, "Acme", 5, date(2026, 1, 1), datetime(2026, 6, 1), True],
        [],
    ]
    events: list[list[object]] = [
        ["account_id", "name", "at"],
        [7, "x", datetime(2026, 1, 1, 10, 30)],
        ["zz", "x", datetime(2026, 1, 1)],
    ]
    report = desk.give("export.xlsx", workbook({"Accounts": accounts, "events": events, "Notes": [["hello"]]}))
    assert desk.figures(report, "accounts") == (1, 1, 0, 0, 0)
    assert desk.figures(report, "events") == (2, 1, 0, 0, 1)
    found = desk.rows("SELECT id, seats, CAST(renews_on AS VARCHAR), custom ->> 'vip' FROM accounts")
    assert found == [("7", 5.0, "2026-06-01", "true")]
    entry = list_rejected(desk.store)[0]
    assert (entry.line, entry.file) == (3, f"{desk.folder / 'export.xlsx'}#events")
    beside = desk.give("accounts.xlsx", workbook({"Read me": [["hello"]], "Accounts": accounts, "events": events}))
    assert [(each.name, each.read, each.unchanged) for each in beside.collections] == [("accounts", 1, 1), ("events", 2, 1)]
    again = desk.give("accounts.xlsx", workbook({"Whatever": accounts}))
    assert desk.figures(again, "accounts") == (1, 0, 0, 1, 0)
    with pytest.raises(UserError, match=r"is no \.xlsx workbook"):
        desk.give("accounts.xlsx", "id,name\n")


def test_local_dates_and_numbers(desk: Desk) -> None:
    head = "id;name;mrr;renews_on;created_at;score\n"
    report = desk.give(
        "accounts.csv",
        head
        + "a1;Acme;1.234,50;31.12.2026;01.02.2026;1\na2;Bolt;1234,5;2026-12-31;2026-02-01;\na3;Coil;1,234.5;12/31/2026;;\n",
        date_format="DD.MM.YYYY",
        decimal=",",
    )
    assert desk.figures(report, "accounts") == (3, 2, 0, 0, 1)
    assert (
        desk.rows("SELECT mrr, CAST(renews_on AS VARCHAR), CAST(created_at AS VARCHAR) FROM accounts")
        == [(1234.5, "2026-12-31", "2026-02-01 00:00:00")] * 2
    )
    for wrong in ({"date_format": "soon"}, {"date_format": "%Q"}, {"decimal": "x"}):
        with pytest.raises(UserError):
            desk.give("accounts.csv", head, **wrong)


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        ("stuff.csv", "a,b\n1,2\n", "unknown collection 'stuff'"),
        ("event.csv", "a,b\n1,2\n", "did you mean events"),
        ("events.csv", "id,account_id,name\n1,a1,x\n", "required column at of events is missing"),
        ("events.csv", "", "is empty"),
        ("events.csv", "account_id,name,at,name\n", "stands there twice"),
        ("events.pdf", "x", "no format that can be read"),
    ],
)
def test_files_that_cannot_be_read(acme: Desk, name: str, text: str, said: str) -> None:
    good = acme.write("good/metrics.csv", "account_id,name,at,value\na1,x,2026-01-01,1\n")
    bad = acme.write(name, text)
    with pytest.raises(UserError, match=said) as caught:
        import_paths(acme.store, [good, bad], now=NOW)
    assert "\n" not in str(caught.value)
    assert acme.store.counts()["metrics"] == 0, "nothing of the whole import is stored"


def test_paths_are_literal(acme: Desk) -> None:
    acme.write("*/events.csv", "account_id,name,at\na1,star,2026-01-01\n")
    acme.write("other/events.csv", "account_id,name,at\na1,leak,2026-01-01\n")
    import_paths(acme.store, [acme.folder / "*" / "events.csv"], now=NOW)
    assert acme.rows("SELECT name FROM events") == [("star",)]
    for missing in ("no-such.csv", "even*.csv"):
        with pytest.raises(UserError, match="cannot be read"):
            import_paths(acme.store, [acme.folder / missing], now=NOW)
    loop = acme.folder / "loop.csv"
    loop.symlink_to(loop)
    with pytest.raises(UserError, match="cannot be read"):
        import_paths(acme.store, [loop], now=NOW)
    (acme.folder / "events.csv").mkdir()
    with pytest.raises(UserError, match="nothing to import"):
        import_paths(acme.store, [acme.folder / "events.csv"], now=NOW)


def test_progress_grows_to_one(acme: Desk) -> None:
    told: list[tuple[str, float]] = []
    acme.give("events.csv", EVENTS, progress=lambda name, share: told.append((name, share)), now=LATER)
    shares = [share for _, share in told]
    assert shares == sorted(shares)
    assert shares[-1] == 1.0
    assert {name for name, _ in told} == {"events", "history"}


def test_the_mark_of_utf_8_is_no_letter(acme: Desk) -> None:
    acme.give("events.csv", codecs.BOM_UTF8 + b"account_id,name,at\r\na1,x,2026-01-01\r\n")
    assert acme.store.counts()["events"] == 1
