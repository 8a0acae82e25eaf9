"""Where a formula stands, and the values of its parameters."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TypeAlias

from tocsin.core.language import nodes
from tocsin.core.language.errors import FormulaError, suggestion
from tocsin.core.language.names import Names
from tocsin.core.language.nodes import Node, Value
from tocsin.core.language.terms import Entity, Term

OWN: Mapping[str, Entity] = {
    "account": "account",
    "person": "person",
    "feature": "account",
    "csm": "csm",
    "team": "team",
    "company": "company",
}


@dataclass(frozen=True)
class Scope:
    """Where a formula stands.

    row:    the collection whose row a filter looks at; None outside a filter.
    given:  the collection of the row that set a trigger off, seen as `event.x` or `row.x`.
    within: the signals being put in, for cycles.
    """

    subject: str
    names: Names
    params: Mapping[str, Value] = field(default_factory=dict)
    row: str | None = None
    given: str | None = None
    within: tuple[str, ...] = ()


Resolve: TypeAlias = Callable[[Node, Scope], Term]


def not_in_filter(node: Node, what: str, scope: Scope) -> FormulaError:
    """What cannot stand inside a `where`; in one over accounts, how it can be said all the same."""
    named = "give it a name as a signal, which can stand there" if scope.row == "accounts" else "define it outside"
    return FormulaError.at(node, f"{what} cannot stand inside a `where` of an aggregate; {named}")


def parameter(node: nodes.Parameter, scope: Scope) -> Value:
    """The value of `$name`."""
    if node.name not in scope.params:
        hint = suggestion(node.name, scope.params) or "; define it under `with`"
        raise FormulaError.at(node, f"unknown parameter '${node.name}'{hint}")
    return scope.params[node.name]
