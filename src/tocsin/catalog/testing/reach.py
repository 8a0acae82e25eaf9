"""What a rule's verdict depends on: its own formulas and those of every signal and segment that they name."""

from __future__ import annotations

import re
from collections.abc import Iterator

from tocsin.core.language import FormulaError, Node, nodes, parse
from tocsin.core.rulefiles.formulas import walk
from tocsin.core.rules import SUBJECTS, Definitions, Rule

_OVER_ALL = SUBJECTS[3:]  # csm, team, company: they look at accounts of others
_HEALTH = ("health_score", "health_band")
_IDS = ("id", "account_id", "person_id", "parent_id", "also_accounts", "external_id")
_IDS_IN_TEXT = re.compile(rf"\b(account|person|event|row)\.({'|'.join(_IDS)})\b")


def reached(rule: Rule, definitions: Definitions) -> Iterator[Node]:
    """The syntax trees of the rule's formulas, and of the signals and segments that they lead to; unreadable ones left out.

    Health leads to the formulas of all profiles.
    """
    named = {name: (formula,) for name, formula in {**definitions.segments, **definitions.signals}.items()}
    health = tuple(formula for profile in definitions.profiles for formula in profile.formulas)
    waiting = list(_own(rule, definitions))
    seen: set[str] = set()
    while waiting:
        try:
            tree = parse(waiting.pop())
        except FormulaError:
            continue  # said where the rule is judged
        yield tree
        for each in walk(tree):
            if isinstance(each, nodes.Path) and each.first not in seen:
                seen.add(each.first)
                waiting += health if each.first in _HEALTH else named.get(each.first, ())


def _own(rule: Rule, definitions: Definitions) -> Iterator[str]:
    """The texts of a rule's own formulas, those of its trigger with them."""
    yield from (text for text in (rule.where, rule.when, rule.clear) if text)
    yield from (variant.where for variant in rule.vary if variant.where)
    for key, value in rule.trigger.spec.items():
        if key in ("enter", "leave"):
            yield definitions.segments.get(value, "")
        elif isinstance(value, str):
            yield value


def looks_elsewhere(rule: Rule, definitions: Definitions) -> bool:
    """Whether accounts of other cases, or their very ids, could change what the rule says of an account."""
    if rule.subject in _OVER_ALL or _IDS_IN_TEXT.search(rule.message or ""):
        return True
    for tree in reached(rule, definitions):
        harmless = set(_harmless(tree))
        for each in walk(tree):
            if isinstance(each, nodes.Call) and each.name == "market":
                return True
            if _is_id(each) and id(each) not in harmless:
                return True
    return False


def _harmless(tree: Node) -> Iterator[int]:
    """The paths whose ids are counted, compared with other ids or asked for only, as Python knows them."""
    for each in walk(tree):
        match each:
            case nodes.Aggregate(path=path):
                yield id(path)
            case nodes.Compare(operator="=" | "!=", left=left, right=right) if _is_id(left) and _is_id(right):
                yield from (id(left), id(right))
            case nodes.IsNull(operand=operand):
                yield id(operand)


def _is_id(node: Node) -> bool:
    return isinstance(node, nodes.Path) and (node.second or node.first) in _IDS
