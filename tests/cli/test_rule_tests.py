"""`tocsin rules test`: exit statuses, what is told, and which rules and tests a path brings along."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import cast

import pytest

from tests.cli.test_rules import Paper
from tocsin.catalog import catalog
from tocsin.cli import rules
from tocsin.cli.parser import parse
from tocsin.core.errors import UserError
from tocsin.workspace import Workspace

FACTS = "facts: {accounts: [{id: acme, name: Acme, created_at: 2025-01-01, seats: 3}]}\n"
RIGHT = f"rule: few\n{FACTS}cases: [{{name: right, as_of: 2026-03-31, fires: [acme]}}]\n"
WRONG = f"rule: few\n{FACTS}cases:\n- {{name: right, as_of: 2026-03-31, fires: [acme]}}\n"
WRONG += "- {name: no, as_of: 2026-03-31, fires: []}\n"
FEW = "- {id: few, name: Few, category: risk, when: seats < 5}\n"
NO_LOGIN = f"rule: no-login\n{FACTS}cases: [{{name: never, as_of: 2026-03-31, fires: [acme]}}]\n"

Running = Callable[[str], tuple[int, Paper]]


@pytest.fixture
def run(tmp_path: Path) -> Running:
    """Run `tocsin rules test ...` in a folder, where the catalog is in force."""

    def running(line: str) -> tuple[int, Paper]:
        paper = Paper(tmp_path)
        workspace = SimpleNamespace(definitions=catalog)
        return rules.run(parse(["rules", "test", *line.split()], tmp_path), paper, cast("Workspace", workspace)), paper

    return running


def write(folder: Path, **files: str) -> None:
    folder.mkdir(exist_ok=True)
    for name, text in files.items():
        (folder / f"{name.replace('_test', '.test').replace('_', '-')}.yaml").write_text(text, "utf-8")


def test_all_passed(run: Running, tmp_path: Path) -> None:
    write(tmp_path / "mine", few=FEW, few_test=RIGHT)
    status, paper = run("mine")
    assert (status, paper.data, paper.said) == (0, "", ["1 case of 1 rule: all passed"])


def test_a_case_fails(run: Running, tmp_path: Path) -> None:
    write(tmp_path / "mine", few=FEW, few_test=WRONG)
    status, paper = run("mine")
    assert status == 1
    assert paper.data == "mine/few.test.yaml:5: 'no': expected fires [], came fires [acme]\n"
    assert paper.said == ["2 cases of 1 rule: 1 failed"]


def test_every_case_as_data(run: Running, tmp_path: Path) -> None:
    write(tmp_path / "mine", few=FEW, few_test=WRONG)
    status, paper = run("mine --format json")
    assert status == 1
    assert json.loads(paper.data) == [
        {"file": "mine/few.test.yaml", "line": 4, "rule": "few", "case": "right", "passed": True, "expected": "", "found": ""},
        {
            "file": "mine/few.test.yaml", "line": 5, "rule": "few", "case": "no", "passed": False, "expected": "fires []",
            "found": "fires [acme]",
        },
    ]  # fmt: skip
    assert run("mine --format csv")[1].data.splitlines() == [
        "file,line,rule,case,passed,expected,found",
        "mine/few.test.yaml,4,few,right,true,,",
        "mine/few.test.yaml,5,few,no,false,fires [],fires [acme]",
    ]


def test_one_file_brings_the_rules_beside_it(run: Running, tmp_path: Path) -> None:
    write(tmp_path / "mine", few=FEW, few_test=RIGHT, other_test=WRONG)
    status, paper = run("mine/few.test.yaml")
    assert (status, paper.said) == (0, ["1 case of 1 rule: all passed"])


def test_a_rule_that_is_not_beside_is_the_one_in_force(run: Running, tmp_path: Path) -> None:
    write(tmp_path / "mine", few=FEW, few_test=RIGHT, no_login_test=NO_LOGIN)
    assert run("mine")[1].said == ["2 cases of 2 rules: all passed"]


def test_a_rule_beside_stands_for_the_one_in_force(run: Running, tmp_path: Path) -> None:
    write(tmp_path / "mine", mine="- {id: no-login, name: Mine, category: risk, when: seats > 5}\n", no_login_test=NO_LOGIN)
    assert run("mine")[0] == 1


def test_signals_of_the_path_are_known(run: Running, tmp_path: Path) -> None:
    write(tmp_path / "mine", signals="signals: {places: seats + 1}\n", few=FEW.replace("seats", "places"), few_test=RIGHT)
    assert run("mine")[0] == 0


def test_problems_of_all_files_are_told_and_nothing_is_run(run: Running, tmp_path: Path) -> None:
    write(tmp_path / "mine", few=FEW.replace("risk", "riks"), few_test=RIGHT.replace("fires", "fire"))
    status, paper = run("mine")
    assert status == 2
    assert paper.data == ""
    assert paper.said[0] == "mine/few.yaml:1:34: rule 'few': unknown category 'riks', did you mean 'risk'?"
    assert paper.said[1].startswith("mine/few.test.yaml:1:7: unknown rule 'few'")
    assert paper.said[-1] == "tocsin: 4 problems in 2 files; nothing was run"


@pytest.mark.parametrize(
    ("line", "sentence"),
    [("nowhere", "there is no such file or folder"), ("empty", r"holds no tests of rules; they end in \.test\.yaml")],
)
def test_a_path_without_tests(run: Running, tmp_path: Path, line: str, sentence: str) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(UserError, match=sentence):
        run(line)
