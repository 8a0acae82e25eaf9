"""The repository's own rules hold, and each of them finds what it is there to find."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tomllib
import zipfile
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

import check_repo

Rule = Callable[[Mapping[str, str]], Iterator[str]]

PLANTED: list[tuple[Rule, dict[str, str], str]] = [
    (check_repo.file_sizes, {"src/a.py": "x = 1\n" * 601}, "src/a.py:1: 601 lines"),
    (check_repo.locks, {"requirements/a.txt": "--index" + "-url https" + "://host/simple\n"}, "names a host"),
    (check_repo.locks, {"requirements/a.txt": "a @ https" + "://host/a.whl --hash=sha256:1\n"}, "names a host"),
    (check_repo.locks, {"requirements/a.txt": "a==1 \\\n    --hash=sha256:1\nb==2\nc==3\n"}, "b==2 has no hash"),
    (check_repo.machine_paths, {"docs/a.md": "see /ho" + "me/ada/tocsin\n"}, "docs/a.md:1: '/ho" + "me/ada/t'"),
    (check_repo.machine_paths, {"a.toml": "url = 'https" + "://py" + "pi.org'\n"}, "names a package index"),
    (check_repo.unfinished, {"src/a.py": "x = 1\n# TO" + "DO: more\n"}, "src/a.py:2:"),
    (check_repo.unfinished, {"tests/a.py": "@pytest.mark.sk" + "ip\n"}, "a test runs or is deleted"),
    (check_repo.links, {"docs/a.md": "[there](b.md)\n"}, "docs/a.md:1: b.md leads nowhere"),
    (check_repo.links, {"docs/a.md": "[x](b.md#two)\n", "docs/b.md": "# One\n"}, "docs/b.md has no heading #two"),
    (check_repo.make_targets, {"README.md": "`make nothing`\n", "Makefile": "test:\n"}, "`make nothing` is not in"),
    (check_repo.clocks, {"src/tocsin/core/a.py": "t = datetime.now(UTC)\n"}, "reads a clock"),
    (check_repo.settings, {"src/a.py": "get('TOCSIN_ODD_ONE')\n"}, "src/a.py:1: TOCSIN_ODD_ONE is not in"),
    (check_repo.settings, {"docs/operations.md": "`TOCSIN_GONE`\n"}, "TOCSIN_GONE is no setting"),
    (check_repo.changelog, {"CHANGELOG.md": "# Changelog\n\n## [1.0.0]\n"}, "the first section is not"),
]

SOUND = {
    "src/a.py": "x = 1\n" * 600,
    "requirements/a.txt": "a==1 ; python_version < '3.12' \\\n    --hash=sha256:1 \\\n    --hash=sha256:2\n",
    "docs/a.md": "See [b](../b.md#two-words) and `make test`; `make up your mind` is not in a fence.\n",
    "b.md": "# One\n\n## Two words\n\n[home](https://example.com)\n\n```text\n[no](link.md)\n```\n",
    "Makefile": "test: setup\nup:\n",
    "CHANGELOG.md": "# Changelog\n\n## [Unreleased]\n\n## [0.1.0]\n",
}


def test_the_repository_keeps_its_own_rules(root: Path) -> None:
    assert check_repo.breaches(root) == []


@pytest.mark.parametrize(("rule", "files", "sentence"), PLANTED, ids=[f"{r.__name__}-{s}" for r, _, s in PLANTED])
def test_each_rule_finds_what_is_planted(rule: Rule, files: dict[str, str], sentence: str) -> None:
    assert [breach for breach in rule(files) if sentence in breach] != []


@pytest.mark.parametrize("rule", [*check_repo.RULES, check_repo.links])
def test_each_rule_passes_sound_files(rule: Rule) -> None:
    assert list(rule(SOUND)) == []


def locked(root: Path, name: str) -> dict[str, Version]:
    """Package -> version of a lock; the first where a marker chooses between several."""
    text = (root / "requirements" / name).read_text("utf-8")
    found = re.findall(r"^([A-Za-z0-9][\w.-]*)==([^\s;\\]+)", text, re.MULTILINE)
    return {canonicalize_name(package): Version(version) for package, version in reversed(found)}


@pytest.mark.parametrize(("lock", "extra"), [("runtime.txt", None), ("dev.txt", "dev")])
def test_the_locks_hold_what_the_project_asks_for(root: Path, lock: str, extra: str | None) -> None:
    project = tomllib.loads((root / "pyproject.toml").read_text("utf-8"))["project"]
    asked = [Requirement(line) for line in project["dependencies"]]
    asked += [Requirement(line) for line in project["optional-dependencies"].get(extra, [])]
    pinned = locked(root, lock)
    assert [str(r) for r in asked if canonicalize_name(r.name) not in pinned] == []
    assert [str(r) for r in asked if not r.specifier.contains(pinned[canonicalize_name(r.name)], prereleases=True)] == []


def test_both_locks_agree(root: Path) -> None:
    runtime, dev = locked(root, "runtime.txt"), locked(root, "dev.txt")
    assert runtime == {package: dev.get(package) for package in runtime}


def test_the_wheel_holds_every_file_of_the_package(root: Path, tmp_path: Path) -> None:
    command = [sys.executable, "-m", "hatchling", "build", "--target", "wheel", "--directory", str(tmp_path)]
    done = subprocess.run(command, cwd=root, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    (wheel,) = tmp_path.glob("*.whl")
    tracked = subprocess.run(["git", "ls-files", "src/tocsin"], cwd=root, capture_output=True, text=True, check=True)
    wanted = {line.removeprefix("src/") for line in tracked.stdout.splitlines() if (root / line).is_file()}
    assert wanted - set(zipfile.ZipFile(wheel).namelist()) == set()


def run_suite(root: Path, folder: Path, body: str, **environ: str) -> subprocess.CompletedProcess[str]:
    """The outcome of a suite of one file under the repository's conftest."""
    shutil.copy(root / "tests" / "conftest.py", folder / "conftest.py")
    (folder / "pytest.ini").write_text("[pytest]\n", "utf-8")
    (folder / "test_one.py").write_text(f"import pytest\n\n{body}\n", "utf-8")
    clean = {name: value for name, value in os.environ.items() if name != "CI" and not name.startswith("PYTEST")}
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:django", "-p", "no:cacheprovider", str(folder)]
    return subprocess.run(command, cwd=folder, env=clean | environ, capture_output=True, text=True, check=False)


LEAVES_OUT = f"def test_a():\n    pass\n\n@pytest.mark.sk{'ip'}\ndef test_b():\n    pass"
MAY_FAIL = f"def test_a():\n    pass\n\n@pytest.mark.xf{'ail'}\ndef test_b():\n    assert False"


@pytest.mark.parametrize("body", [LEAVES_OUT, MAY_FAIL])
def test_under_ci_a_suite_that_leaves_tests_out_fails(root: Path, tmp_path: Path, body: str) -> None:
    assert run_suite(root, tmp_path, body).returncode == 0
    under_ci = run_suite(root, tmp_path, body, CI="true")
    assert under_ci.returncode == 1
    assert "under CI every test runs" in under_ci.stdout


def test_under_ci_a_suite_that_runs_whole_passes(root: Path, tmp_path: Path) -> None:
    assert run_suite(root, tmp_path, "def test_a():\n    pass", CI="true").returncode == 0
