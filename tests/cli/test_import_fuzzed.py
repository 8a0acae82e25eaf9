"""Whatever stands in a file that is imported: it is counted row by row, or refused in one line with nothing stored."""

from __future__ import annotations

import argparse
import csv
import gzip
import io
import json
from collections.abc import Sequence
from pathlib import Path
from tempfile import mkdtemp
from typing import Any, cast
from zoneinfo import ZoneInfo

import openpyxl
import pyarrow as pa
import pyarrow.parquet as pq
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.cli.kept import Kept
from tests.ingest.hooks.helpers import HOSTILE
from tests.ingest.test_doors_fuzzed import json_values
from tocsin.cli import import_
from tocsin.cli.console import Console
from tocsin.cli.main import guarded
from tocsin.core.schema import COLLECTIONS
from tocsin.facts.duckdb import DuckStore
from tocsin.facts.rejected import list_rejected
from tocsin.workspace import Workspace

ACCOUNTS = "id,name\na1,Acme\n"
FORMATS = ("csv", "tsv", "csv.gz", "jsonl", "json", "parquet", "xlsx")
CODES = ("utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-32", "cp1252", "latin-1", "cp037", "shift_jis")
cells = st.sampled_from(
    [
        *(each if isinstance(each, str) else str(each)[:300] for each in HOSTILE),
        "a1",
        "2026-03-01",
        "5",
        "1,5",
        'a"b',
        "a\nb",
        "=1+1",
    ]
)
texts = cells | st.text(max_size=8)
names = st.sampled_from(["accounts"] * 3 + ["events", "tickets", "people", "subscriptions", "account_history", "rates", "csms"])


def columns(name: str) -> st.SearchStrategy[list[str]]:
    """Columns as files have them: all that are required, or some; doubled, empty, unknown."""
    known = COLLECTIONS[name].names
    more = st.lists(
        st.sampled_from(known) | st.sampled_from(["", " ", "Id", "extra", "extra", "updated_at", "a\0b", "x" * 300]), max_size=4
    )
    return st.tuples(st.sampled_from([COLLECTIONS[name].required] * 4 + [known, ()]), more).map(
        lambda both: [*both[0], *both[1]]
    )


@st.composite
def tables(draw: st.DrawFn, name: str) -> bytes:
    """CSV with ragged rows, odd quotes and codings, huge fields."""
    head = draw(columns(name))
    rows = draw(st.lists(st.lists(texts, min_size=max(0, len(head) - 1), max_size=len(head) + 1), max_size=6))
    rows += draw(st.sampled_from([[], [], [["a1", "x" * 200_000]], [["a1"] * 3_000]]))
    comma, end = draw(st.sampled_from([",", ",", ";", "\t", "|"])), draw(st.sampled_from(["\n", "\n", "\r\n", "\r"]))
    made = io.StringIO()
    csv.writer(made, delimiter=comma, lineterminator=end).writerows([head, *rows])
    text = made.getvalue() + draw(st.sampled_from(["", "", '"', '"open', "\0", "\n\n\n", "\x1a"]))
    return text.encode(draw(st.just("utf-8") | st.sampled_from(CODES)), "replace")


@st.composite
def lines(draw: st.DrawFn, name: str) -> bytes:
    """JSON, a line each or as one list, some of it torn."""
    values = texts | json_values | st.sampled_from(["\ud800", 10**400, [[]] * 50])
    row = st.dictionaries(st.sampled_from(COLLECTIONS[name].names) | st.text(max_size=4), values, max_size=6)
    given_rows = draw(st.lists(row | json_values, max_size=5))
    torn = ["{", "", "[" * 3_000, "NaN", '{"id":1}{"id":2}', '{"id":"a","id":"b"}']
    parts = [json.dumps(each) for each in given_rows] + draw(st.lists(st.sampled_from(torn), max_size=2))
    text = draw(st.sampled_from(["\n".join(parts), "\n".join(parts) + "\n", f"[{','.join(parts)}]", "\r\n".join(parts)]))
    return text.encode(draw(st.just("utf-8") | st.sampled_from(CODES)), "replace")


@st.composite
def parquets(draw: st.DrawFn, name: str) -> bytes:
    """Parquet with columns of many types."""
    kinds: list[list[Any]] = [
        ["a1", None, "\0"],
        [1, None, -(2**62)],
        [1.5, float("nan"), float("inf")],
        [True, None, False],
        [b"\xff", b"", None],
        [[1], [], None],
        [{"a": 1}, None, {"a": 2}],
        [None, None, None],
    ]
    head = dict.fromkeys(draw(columns(name)))
    made = {column: pa.array(draw(st.sampled_from(kinds))) for column in head}
    out = io.BytesIO()
    pq.write_table(pa.table(made), out)
    return out.getvalue()


@st.composite
def books(draw: st.DrawFn, name: str) -> bytes:
    """A workbook with a sheet or two."""
    book = openpyxl.Workbook()
    sheet = cast("Any", book.active)
    others: st.SearchStrategy[Any] = st.sampled_from([1, 1.5, True, None, 1e300])
    tidy = texts.map(lambda text: "".join(each for each in text if each.isprintable())[:32_000]) | others
    given_rows: list[list[Any]] = draw(st.lists(st.lists(tidy, max_size=5), max_size=4))
    for row in [draw(columns(name)), *given_rows]:
        sheet.append([each.replace("\0", "") if isinstance(each, str) else each for each in row])
    if draw(st.booleans()):
        book.create_sheet("events").append(["id", "name"])
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()


@st.composite
def files(draw: st.DrawFn) -> tuple[str, bytes]:
    """A file by its name, and what is in it: mostly what its name says."""
    name, ending = draw(names), draw(st.sampled_from(FORMATS))
    makers = {"csv": tables, "tsv": tables, "csv.gz": tables, "jsonl": lines, "json": lines, "parquet": parquets, "xlsx": books}
    body = draw(makers[draw(st.sampled_from([ending] * 6 + list(FORMATS)))](name))
    if ending == "csv.gz" and draw(st.booleans()):
        body = gzip.compress(body)
    return f"{name}.{ending}", draw(
        st.sampled_from(
            [*[body] * 9, body[: len(body) // 2], b"\0\xff" * 40 + body, b"", b"\x89PNG\r\n", b"PK\3\4", b"PAR1" * 4]
        )
    )


options: st.SearchStrategy[tuple[str, ...]] = st.sampled_from(
    [(), (), (), ("--full",), ("--decimal", ","), ("--date-format", "DD.MM.YYYY"), ("--dry-run",)]
)


class _Here:
    """As much of a workspace as an import asks for."""

    def __init__(self, home: Path) -> None:
        self.home, self._store = home, DuckStore(":memory:", ZoneInfo("Europe/Berlin"))

    def store(self) -> DuckStore:
        """The facts."""
        return self._store


def imported(here: _Here, console: Kept, *argv: str) -> int:
    """Run the command as the command line does; gives its exit status."""

    def run(argv: Sequence[str], args: argparse.Namespace, console: Console) -> int:
        return import_.run(args, console, cast("Workspace", here))

    return guarded(["import", *argv], console, run)


def everything(store: DuckStore) -> dict[str, Any]:
    """How many rows there are of anything."""
    return {**store.counts(), "rejected": len(list_rejected(store))}


@settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.data())
def test_whatever_is_imported(data: st.DataObject) -> None:
    file, more = data.draw(files()), data.draw(options)
    folder = Path(mkdtemp())
    here = _Here(folder / "home")
    (folder / "accounts.csv").write_text(ACCOUNTS)
    assert imported(here, Kept(cwd=folder), "accounts.csv") == 0
    before = everything(here.store())
    path = folder / "in" / file[0]
    path.parent.mkdir()
    path.write_bytes(file[1])
    console = Kept(cwd=folder)
    status = imported(here, console, str(path), "--format", "json", *more)
    after = everything(here.store())
    if status != 0:
        assert (status, console.text) == (2, ""), console.said
        [line] = console.said.splitlines()
        assert line.startswith("tocsin: ")
        assert after == before
        return
    reports = json.loads(console.text)
    for each in reports:
        assert each["read"] == each["added"] + each["updated"] + each["unchanged"] + each["rejected"], each
    kept = list_rejected(here.store())
    if "--dry-run" in more:
        assert after == before
        return
    assert len(kept) == sum(each["rejected"] for each in reports)
    assert all(each.reason.strip() and each.file for each in kept)
    if "--full" not in more:
        assert after[reports[0]["collection"]] - before[reports[0]["collection"]] == reports[0]["added"]
