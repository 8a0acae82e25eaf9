"""What a name or a dotted name means: a column of the row, an attribute, or a signal."""

from __future__ import annotations

from tocsin.core.language import nodes, terms
from tocsin.core.language.errors import FormulaError, suggestion
from tocsin.core.language.names import ENTITY_COLLECTIONS
from tocsin.core.language.nodes import Node
from tocsin.core.language.parse import parse
from tocsin.core.language.scope import OWN, Resolve, Scope
from tocsin.core.language.terms import Entity, Term, Type
from tocsin.core.schema import COLLECTIONS


def path(node: nodes.Path, scope: Scope, resolve: Resolve) -> Term:
    """The row's columns first, then the subject's attributes, then signals."""
    found = (
        (row_column(node, scope) if scope.row else None)
        or (given_column(node, scope) if scope.given else None)
        or subject_attribute(node, scope)
        or signal(node, scope, resolve)
    )
    if found is None:
        raise unknown(node, scope)
    return found


def row_column(node: nodes.Path, scope: Scope) -> Term | None:
    """A column of the row that a filter looks at, or a property of the event."""
    assert scope.row is not None
    if node.second is not None:
        is_property = scope.row == "events" and node.first == "properties"
        return terms.Property("json", node.second) if is_property else None
    kind = scope.names.column(scope.row, node.first)
    return None if kind is None else terms.Column(kind, scope.row, node.first)


def given_column(node: nodes.Path, scope: Scope) -> Term | None:
    """`event.x` or `row.x`: a column of the row that set the trigger off."""
    assert scope.given is not None
    word = "event" if scope.given == "events" else "row"
    if node.first != word or node.second is None:
        return None
    kind = scope.names.column(scope.given, node.second)
    if kind is None:
        hint = suggestion(node.second, scope.names.columns(scope.given))
        raise FormulaError.at(node, f"{scope.given} have no column {node.second!r}{hint}")
    return terms.Given(kind, scope.given, node.second)


def subject_attribute(node: nodes.Path, scope: Scope) -> Term | None:
    """An attribute of the subject, or of a person's account."""
    entity, name = OWN[scope.subject], node.first
    if node.second is not None:
        if scope.subject != "person" or node.first != "account":
            return None
        entity, name = "account", node.second
    if scope.subject == "feature" and node.text == "feature":
        return terms.FeatureName("text")
    kind = scope.names.attribute(entity, name)
    return None if kind is None else terms.Attribute(kind, entity, name)


def signal(node: nodes.Path, scope: Scope, resolve: Resolve) -> Term | None:
    """A named formula, put in where its name stands."""
    name = node.first
    if node.second is not None or name not in scope.names.signals:
        return None
    if name in scope.within:
        cycle = " -> ".join([*scope.within[scope.within.index(name) :], name])
        raise FormulaError.at(node, f"the signal {name!r} is defined by itself: {cycle}; break the cycle")
    inner = Scope(scope.subject, scope.names, {}, within=(*scope.within, name))
    try:
        term = resolve(parse(scope.names.signals[name]), inner)
    except FormulaError as error:
        if "is defined by itself" in error.message:
            raise FormulaError.at(node, error.message) from error
        raise FormulaError.at(node, f"in the signal {name!r}, {error}") from error
    if scope.row is not None:
        forbid_in_filter(term, node, f"the signal {name!r}")
    return term


def forbid_in_filter(term: Term, node: Node, what: str) -> None:
    """A filter looks at one row as of T: it holds no aggregates and no looking back."""
    for each in terms.walk(term):
        if isinstance(each, (terms.Aggregated, terms.Ago, terms.Market)):
            raise FormulaError.at(
                node,
                f"{what} holds an aggregate or looks back in time, and cannot stand inside a `where` of an aggregate",
            )


def unknown(node: nodes.Path, scope: Scope) -> FormulaError:
    """What a name that means nothing may have meant."""
    own = OWN[scope.subject]
    known = [*scope.names.attributes(own), *scope.names.signals]
    known += scope.names.columns(scope.row) if scope.row else []
    known += [f"account.{each}" for each in scope.names.attributes("account")] if scope.subject == "person" else []
    known += ["feature"] if scope.subject == "feature" else []
    hint = suggestion(node.text, known)
    if node.text in COLLECTIONS:
        hint = f"; {node.text!r} is a collection: write count({node.text}) or another aggregate of it"
    elif scope.subject == "person" and scope.names.attribute("account", node.text) is not None:
        hint = f", did you mean 'account.{node.text}'?"
    elif node.first == "account" and scope.subject != "person" and node.second is not None:
        hint = f"; attributes of the account are written bare: {node.second}"
    return FormulaError.at(node, f"unknown name {node.text!r}{hint}")


def attribute_of(node: Node, scope: Scope, resolve: Resolve) -> tuple[Entity, str, Type, bool]:
    """(entity, name, type, of the row) of an attribute with a history: the argument of `days_in` and `previous`."""
    if isinstance(node, nodes.Path):
        term = path(node, scope, resolve)
        if isinstance(term, terms.Attribute):
            return term.entity, term.name, term.type, False
        if isinstance(term, terms.Column) and term.collection == ENTITY_COLLECTIONS["person"]:
            return "person", term.name, term.type, True
    raise FormulaError.at(node, "an attribute of an account or person is expected, such as lifecycle_stage")
