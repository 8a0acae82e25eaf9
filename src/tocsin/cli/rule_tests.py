"""`tocsin rules test`: the tests of rules, each case on facts of its own. Touches no data of the workspace."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tocsin.cli.console import Console
from tocsin.cli.output import write
from tocsin.cli.parser import add_format
from tocsin.core.errors import Problem

if TYPE_CHECKING:
    from tocsin.catalog.testing import Result, Suite
    from tocsin.workspace import Workspace

FINE, FAILED, WRONG = 0, 1, 2
COLUMNS = ("file", "line", "rule", "case", "passed", "expected", "found")


def add(acts: argparse._SubParsersAction[Any]) -> None:
    """Add the act to `tocsin rules`."""
    parser = acts.add_parser("test", help="run the tests of rules (*.test.yaml) at a path; tells each case that fails")
    parser.add_argument("path", type=Path, metavar="PATH", help="a test file, or a folder of them; rules beside them go first")
    add_format(parser)


def run(args: argparse.Namespace, console: Console, workspace: Workspace) -> int:
    """Run every case; 1 where one fails, 2 where files have problems (then nothing is run)."""
    from tocsin.catalog.testing import gather, read_suite, run_suite

    bench = gather(args.path, workspace.definitions(), console.cwd)
    read = [read_suite(file, text, bench.definitions) for file, text in bench.tests]
    problems = (*bench.problems, *(problem for _, found in read for problem in found))
    if problems:
        return _wrong(console, problems)
    suites = [suite for suite, _ in read if suite is not None]
    results: list[Result] = []
    for number, suite in enumerate(suites):
        console.progress(suite.rule.id, number / len(suites))
        results += run_suite(suite, bench.definitions)
    console.progress("rules", 1)
    _tell(args.format, console, results)
    console.say(_summary(suites, results))
    return FINE if all(result.passed for result in results) else FAILED


def _wrong(console: Console, problems: Sequence[Problem]) -> int:
    for problem in problems:
        console.say(str(problem))
    files = len({problem.file for problem in problems})
    console.say(f"tocsin: {_counted(len(problems), 'problem')} in {_counted(files, 'file')}; nothing was run")
    return WRONG


def _tell(form: str, console: Console, results: Sequence[Result]) -> None:
    if form != "table":
        write(console, [result.to_json() for result in results], COLUMNS, form)
        return
    for result in results:
        if not result.passed:
            console.out(f"{result}\n")


def _summary(suites: Sequence[Suite], results: Sequence[Result]) -> str:
    """`41 cases of 7 rules: all passed`."""
    failed = sum(not result.passed for result in results)
    rules = len({suite.rule.id for suite in suites})
    came = f"{failed} failed" if failed else "all passed"
    return f"{_counted(len(results), 'case')} of {_counted(rules, 'rule')}: {came}"


def _counted(count: int, what: str) -> str:
    return f"{count} {what}{'' if count == 1 else 's'}"
