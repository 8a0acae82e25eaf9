"""The command line itself: help, one-line errors, paths, options shared by commands."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

from tests.cli.kept import Kept
from tocsin.cli import main
from tocsin.cli.console import Console, OutputClosedError
from tocsin.cli.main import guarded
from tocsin.cli.parser import COMMANDS, HelpWanted, parse

HERE = Path("/some/where")


def help_of(*argv: str) -> str:
    with pytest.raises(HelpWanted) as wanted:
        parse(argv, HERE)
    return str(wanted.value)


def test_help_lists_every_command() -> None:
    text = help_of("--help")
    assert all(f"\n    {name} " in text for name in COMMANDS)
    assert "tocsin COMMAND --help" in text


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_has_help_and_takes_a_home(command: str) -> None:
    assert "--home DIR" in help_of(command, "--help")


@pytest.mark.parametrize(
    ("argv", "said"),
    [
        ([], "which command?"),
        (["bogus"], "invalid choice: 'bogus'"),
        (["signals"], "required: FORMULA"),
        (["signals", "mrr", "--format", "xml"], "invalid choice: 'xml'"),
        (["signals", "mrr", "--subject", "planet"], "invalid choice: 'planet'"),
        (["alerts"], "required: ACT"),
        (["alerts", "ack"], "required: ALERT"),
        (["alerts", "list", "--state", "gone"], "invalid choice: 'gone'"),
        (["up", "--port", "x"], "invalid int value: 'x'"),
        (["sweep", "--as"], "unrecognized arguments: --as"),
        (["users", "create", "--email", "a@b.co"], "--name, --role"),
        (["--bogus", "sweep"], "unrecognized arguments: --bogus"),
    ],
)
def test_wrong_usage_is_one_line(argv: list[str], said: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(argv) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith("tocsin: ")
    assert err.count("\n") == 1
    assert said in err


def test_home_before_and_after_the_command() -> None:
    for argv in (
        ["--home", "h", "sweep"],
        ["--home=h", "sweep"],
        ["sweep", "--home", "h"],
        ["alerts", "--home", "h", "list"],
        ["alerts", "list", "--home", "h"],
    ):
        assert parse(argv, HERE).home == HERE / "h"
    assert parse(["sweep"], HERE).home is None


def test_paths_are_seen_from_where_the_command_was_given() -> None:
    args = parse(["import", "x/events.csv", "/abs/accounts.csv"], HERE)
    assert args.paths == [HERE / "x/events.csv", Path("/abs/accounts.csv")]


def test_a_command_loads_no_other(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, "tocsin.cli.bench", raising=False)
    parse(["--home", "bench", "sweep"], HERE)
    assert "tocsin.cli.bench" not in sys.modules
    parse(["bench"], HERE)
    assert "tocsin.cli.bench" in sys.modules


def test_version(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--version"]) == 0
    assert capsys.readouterr().out.startswith("tocsin 0.")


def test_a_number_that_is_no_number_of_accounts(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["demo", "--accounts", "0", "--home", str(tmp_path / "h")]) == 2
    assert capsys.readouterr().err == "tocsin: --accounts: 0 is too few; give at least 1\n"


def test_the_bench_needs_no_home(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["bench", "--events", "0", "--home", str(tmp_path / "h")]) == 2
    assert capsys.readouterr().err == "tocsin: --accounts and --events: give at least 1\n"
    assert not (tmp_path / "h").exists()


def test_an_accident_is_one_line_too(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    def fail(*_: object) -> int:
        raise ZeroDivisionError("of\nall things")

    monkeypatch.setattr("tocsin.cli.sweep.run", fail)
    argv = ["sweep", "--home", str(tmp_path / "h")]
    assert main(argv) == 1
    assert capsys.readouterr().err == "tocsin: failed with ZeroDivisionError: of (TOCSIN_DEBUG=1 shows where)\n"
    monkeypatch.setenv("TOCSIN_DEBUG", "1")
    assert main(argv) == 1
    assert "Traceback (most recent call last)" in capsys.readouterr().err


def test_a_reader_that_has_enough_is_no_error() -> None:
    def closed(argv: Sequence[str], args: argparse.Namespace, console: Console) -> int:
        raise OutputClosedError

    console = Kept(cwd=HERE)
    with pytest.raises(OutputClosedError):
        guarded(["sweep"], console, closed)
    assert console.said == ""
