"""Every shipped rule has tests beside it, which show what they must, and pass."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

import tocsin.catalog
from tocsin.catalog import catalog
from tocsin.catalog.testing import COVERS, Suite, read_suite, run_suite
from tocsin.core.language import Node, nodes, parse
from tocsin.core.rulefiles.formulas import walk
from tocsin.core.rules import Rule

FOLDER = Path(tocsin.catalog.__file__).parent / "rules"
RULES = {rule.id: rule for rule in catalog().rules}
FILES = {path.name.removesuffix(".test.yaml"): path for path in sorted(FOLDER.rglob("*.test.yaml"))}
ALWAYS = set(COVERS) - {"never"}


def suite(rule_id: str) -> Suite:
    """The tests of a rule; a file with a problem fails."""
    path = FILES[rule_id]
    read, problems = read_suite(str(path.relative_to(FOLDER)), path.read_text("utf-8"), catalog())
    assert [str(problem) for problem in problems] == []
    assert read is not None
    return read


def test_every_rule_has_its_tests_beside_it() -> None:
    assert {rule_id: FILES.get(rule_id) for rule_id in RULES} == {
        rule.id: FOLDER / rule.category / f"{rule.id}.test.yaml" for rule in RULES.values()
    }
    assert set(FILES) == set(RULES)


@pytest.mark.parametrize("rule_id", sorted(FILES))
def test_the_tests_of_a_rule_pass(rule_id: str) -> None:
    results = run_suite(suite(rule_id), catalog())
    assert [str(result) for result in results if not result.passed] == []


@pytest.mark.parametrize("rule_id", sorted(FILES))
def test_the_tests_of_a_rule_show_both_sides_the_moment_before_and_what_is_not_known(rule_id: str) -> None:
    read = suite(rule_id)
    assert read.rule.id == rule_id
    assert {mark for case in read.cases for mark in case.covers} >= ALWAYS | ({"never"} if is_of_absence(read.rule) else set())


# --- Rules of absence: something that was not done, which somebody who never did it has not done either


def is_of_absence(rule: Rule) -> bool:
    """Whether the condition asks for too little: days without something, nothing of it, or less than so much."""
    return rule.when is not None and any(_asks_for_too_little(node) for node in walk(parse(rule.when)))


def _asks_for_too_little(node: Node) -> bool:
    match node:
        case nodes.Not(operand=nodes.Aggregate(function="exists")):
            return True
        case nodes.Compare(operator=">" | ">=", left=left):
            return any(isinstance(each, nodes.Aggregate) and each.function == "days_quiet" for each in _meant(left))
        case nodes.Compare(operator="<" | "<=", left=left):
            first = next(_meant(left))
            return isinstance(first, nodes.Aggregate) and first.function in ("count", "sum", "distinct")
    return False


def _meant(node: Node) -> Iterator[Node]:
    """A node, or what the signal means that it names; and what is below it."""
    signals = catalog().signals
    if isinstance(node, nodes.Path) and node.second is None and node.first in signals:
        yield from _meant(parse(signals[node.first]))
    else:
        yield from walk(node)


@pytest.mark.parametrize(
    ("when", "absence"),
    [
        ("days_since_login > 14", True),
        ("days_quiet(events) > 14", True),
        ("count(events in last 7d) < 5 and tier = 1", True),
        ("minutes_7d < 15", True),
        ("tier = 1 and not exists(meetings)", True),
        ("exists(meetings)", False),
        ("open_critical_tickets > 0", False),
        ("days_to_renewal <= 30", False),
    ],
)
def test_rules_of_absence_are_told_from_others(when: str, *, absence: bool) -> None:
    assert is_of_absence(Rule("x", "X", "risk", when=when)) is absence
