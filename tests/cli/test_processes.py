"""The commands as a person starts them: each loads everything itself, warns of nothing, says what it says in other tests."""

from __future__ import annotations

import fcntl
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests import forking
from tests.cli.conftest import AS_OF, Tocsin
from tocsin.cli.parser import COMMANDS

ALONE: tuple[tuple[str, ...], ...] = (
    ("import", "accounts.csv"),
    ("signals", "mrr / 3", "--as-of", AS_OF, "--format", "json"),
    ("evaluate", "--as-of", AS_OF, "--rule", "quiet"),
    ("replay", "--from", "2026-02-27", "--to", AS_OF, "--rule", "quiet"),
    ("sweep", "--as-of", AS_OF),
    ("alerts", "list"),
    ("rules", "list"),
    ("accounts", "merged"),
    ("owners", "list"),
    ("health", "--as-of", AS_OF),
    ("rebuild",),
    ("users", "list"),
    ("keys", "list"),
    ("channels", "list"),
    ("sources", "list"),
    ("doctor",),
)
# These serve until they are told to end: `serve` starts them from nothing, and so do the tests of the worker and of measuring.
SERVING = {"demo", "up", "web", "worker", "bench"}


def test_every_command_is_started_from_nothing_somewhere() -> None:
    assert {argv[0] for argv in ALONE} | SERVING == set(COMMANDS)


@pytest.mark.parametrize("argv", ALONE, ids=" ".join)
def test_what_a_process_of_its_own_says(argv: tuple[str, ...], filled: Tocsin, tmp_path: Path) -> None:
    (tmp_path / "accounts.csv").write_text("id,name\na9,More\n")
    said = []
    for way in (Tocsin.from_nothing, Tocsin.__call__):
        home = tmp_path / "home"
        shutil.copytree(filled.home, home)
        done = way(Tocsin(home, tmp_path), *argv)
        said.append((done.returncode, done.stdout, done.stderr))
        shutil.rmtree(home)
    assert said[0] == said[1]
    assert said[0][0] == 0, said[0]


def test_a_command_that_hangs_is_ended(filled: Tocsin) -> None:
    with (filled.home / "lock").open("a") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        with pytest.raises(subprocess.TimeoutExpired):
            forking.run(["users", "list"], env=filled.env, cwd=filled.cwd, timeout=3)
        fcntl.flock(held, fcntl.LOCK_UN)
    assert filled("users", "list").returncode == 0, "it holds nothing any more"


def test_a_command_that_asks_nothing_of_the_facts_loads_nothing_for_it(filled: Tocsin) -> None:
    heavy = {"duckdb", "jinja2", "lark", "numpy", "pyarrow", "sqlglot", "tocsin.engine", "tocsin.ingest.hooks"}
    script = f"import sys; from tocsin.cli import main; main(sys.argv[1:]); print(sorted({heavy} & sys.modules.keys()))"
    done = subprocess.run(
        [sys.executable, "-c", script, "keys", "list", "--format", "json"],
        env=filled.env, cwd=filled.cwd, capture_output=True, text=True, timeout=120, check=True,
    )  # fmt: skip
    assert done.stdout == "[]\n[]\n"
