"""What data look like: CSV that reads back exactly, JSON, tables that fit."""

from __future__ import annotations

import csv
import io
import json
from datetime import UTC, date, datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from tests.cli.kept import NOW, Kept
from tocsin.cli.console import LocalConsole, OutputClosedError
from tocsin.cli.output import cell, write, write_csv


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, ""),
        (True, "true"),
        (False, "false"),
        (3.0, "3"),
        (-0.0, "0"),
        (0.1 + 0.2, "0.30000000000000004"),
        (1e22, "1e+22"),
        (float("inf"), "inf"),
        (7, "7"),
        ("a,b", "a,b"),
        (datetime(2026, 3, 1, 9, 30, tzinfo=UTC), "2026-03-01T09:30:00Z"),
        (datetime(2026, 3, 1, 9, 30, 0, 500, tzinfo=UTC).replace(tzinfo=None), "2026-03-01T09:30:00.000500Z"),
        (datetime(2026, 3, 1, 9, tzinfo=timezone(timedelta(hours=2))), "2026-03-01T07:00:00Z"),
        (date(2026, 3, 1), "2026-03-01"),
        (["api", "é"], '["api", "é"]'),
    ],
)
def test_cells(value: Any, text: str) -> None:
    assert cell(value) == text


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_numbers_read_back_exactly(value: float) -> None:
    assert float(cell(value)) == value


@given(st.lists(st.tuples(st.text(), st.none() | st.text(min_size=1)), max_size=5))
@example([("\r", None)])
def test_csv_reads_back(rows: list[tuple[str, str | None]]) -> None:
    console = Kept()
    write_csv(console, ["a", "b, c"], rows)
    read = list(csv.reader(io.StringIO(console.text, newline="")))
    assert read[0] == ["a", "b, c"]
    assert read[1:] == [[one, two or ""] for one, two in rows]


ROWS: list[dict[str, Any]] = [{"id": "x", "n": 1.5, "at": NOW}, {"id": "y", "n": None, "at": None}]


def test_json_and_lines() -> None:
    console = Kept()
    write(console, ROWS, ("id", "n", "at"), "json")
    expected = [{"id": "x", "n": 1.5, "at": "2026-03-01T00:00:00Z"}, {"id": "y", "n": None, "at": None}]
    assert json.loads(console.text) == expected
    console = Kept()
    write(console, ROWS, ("id", "n", "at"), "jsonl")
    assert [json.loads(line) for line in console.text.splitlines()] == expected
    console = Kept()
    write(console, [], ("id",), "json")
    assert json.loads(console.text) == []


def test_a_table_is_aligned_and_fits_the_terminal() -> None:
    console = Kept(tty=True, width=60)
    rows = [{"name": "x" * 200, "n": 5, "word": "日本"}, {"name": "short\nline", "n": 12345, "word": "a"}]
    write(console, rows, ("name", "n", "word"), "table")
    lines = console.text.splitlines()
    assert len(lines) == 4
    assert "…" in lines[2]
    assert all(len(line) <= 60 for line in lines)
    assert lines[2].index("    5") == lines[3].index("12345")
    wide = Kept()
    write(wide, rows, ("name", "n"), "table", shown=("n",))
    assert wide.text.splitlines()[2:] == ["    5", "12345"]
    empty = Kept()
    write(empty, [], ("name",), "table")
    assert (empty.text, empty.said) == ("", "nothing to show\n")


class Broken(io.StringIO):
    """A pipe whose reader has gone."""

    def write(self, text: str) -> int:  # noqa: ARG002
        """Fail."""
        raise BrokenPipeError


class Terminal(io.StringIO):
    """A terminal."""

    def isatty(self) -> bool:
        """Yes."""
        return True


def test_a_closed_pipe_ends_the_command() -> None:
    with pytest.raises(OutputClosedError):
        LocalConsole(Broken(), io.StringIO()).out("x")


def test_a_message_gives_no_orders_to_the_terminal() -> None:
    err = io.StringIO()
    LocalConsole(io.StringIO(), err).say("alert of \x1b]0;mine\x07Böhm\u009b2J:\nclosed")
    assert err.getvalue() == "alert of  ]0;mine Böhm 2J:\nclosed\n"


def test_progress_is_drawn_on_terminals_only(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "xterm")
    plain, terminal = io.StringIO(), Terminal()
    LocalConsole(io.StringIO(), plain).progress("reading", 0.5)
    console = LocalConsole(io.StringIO(), terminal)
    console.progress("reading", 0.5)
    assert plain.getvalue() == ""
    assert "reading" in terminal.getvalue()
    assert " 50%" in terminal.getvalue()
    console.say("a message")
    assert terminal.getvalue().endswith("\ra message\n")
