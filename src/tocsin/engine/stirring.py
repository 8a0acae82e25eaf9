"""What new rows can change at all, by what they are and are called: whether they set a rule off, which values they leave."""

from __future__ import annotations

from collections.abc import Set as AbstractSet
from dataclasses import dataclass

from tocsin.core.language import nodes, parse
from tocsin.core.language.terms import Aggregated, FeatureName, Given, Market, Term, walk
from tocsin.core.rules import Rule
from tocsin.engine.cases import row_filter
from tocsin.engine.health import uses_health

# Rows of these change attributes, or what is counted as one.
OF_ATTRIBUTES = frozenset({"accounts", "account_history", "subscriptions", "people", "people_history", "rates"})

# Events are rows of these, or may make rows of these: templates of milestones look at them.
OF_EVENTS = frozenset({"events", "milestones"})


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


def reads_events(term: Term) -> bool:
    """Whether the value of a term about an account may be another one once events have come in, as of the same moment.

    Health and medians of all accounts may hang on events, whatever they are made of today.
    """
    return uses_health(term) or any(
        isinstance(each, (Market, FeatureName, Given)) or (isinstance(each, Aggregated) and each.collection in OF_EVENTS)
        for each in walk(term)
    )
