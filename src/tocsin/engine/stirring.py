"""Whether what has just arrived can set a row rule off at all, by what it is and is called: without asking the facts."""

from __future__ import annotations

from collections.abc import Set as AbstractSet
from dataclasses import dataclass

from tocsin.core.language import nodes, parse
from tocsin.core.rules import Rule
from tocsin.engine.cases import row_filter

# Rows of these change attributes, or what is counted as one.
OF_ATTRIBUTES = frozenset({"accounts", "account_history", "subscriptions", "people", "people_history", "rates"})


@dataclass(frozen=True, slots=True)
class Arrived:
    """What arrived: the collections that have new or changed rows, and the names of new events."""

    collections: frozenset[str]
    event_names: frozenset[str]


def stirs(rule: Rule, arrived: Arrived) -> bool:
    """Whether it may be that some of what arrived sets the rule off. No means no; yes means that the facts have to be asked."""
    match rule.trigger.kind:
        case "event":
            wanted = _names(row_filter(rule) or "")
            return bool(arrived.event_names) and (wanted is None or bool(wanted & arrived.event_names))
        case "new":
            return str(rule.trigger.spec["new"]) in arrived.collections
        case "change":
            return bool(arrived.collections & OF_ATTRIBUTES)
    return True


def _names(formula: str) -> AbstractSet[str] | None:
    """The names of events that a filter admits; None where it does not say."""
    node = parse(formula)
    parts = node.operands if isinstance(node, nodes.And) else (node,)
    for part in parts:
        match part:
            case nodes.Compare(
                operator="=", left=nodes.Path(first="name", second=None), right=nodes.Literal(value=str() as name)
            ):
                return frozenset({name})
            case nodes.Among(operand=nodes.Path(first="name", second=None), options=options, negated=False):
                if all(isinstance(each, nodes.Literal) for each in options):
                    return frozenset(str(each.value) for each in options if isinstance(each, nodes.Literal))
    return None
