"""What a name or a dotted name means: a column of the row, an attribute, or a signal."""

from __future__ import annotations

from dataclasses import replace
from typing import Literal

from tocsin.core.language import nodes, terms
from tocsin.core.language.errors import FormulaError, suggestion
from tocsin.core.language.names import ENGINE_SIGNALS, ENTITY_COLLECTIONS
from tocsin.core.language.nodes import Node
from tocsin.core.language.parse import parse
from tocsin.core.language.scope import OWN, Resolve, Scope, not_in_filter
from tocsin.core.language.terms import Operation, Term
from tocsin.core.schema import COLLECTIONS, PORTFOLIO_SUBJECTS


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
    if scope.row == "accounts":
        return account_attribute(node.first, scope)
    kind = scope.names.column(scope.row, node.first)
    return None if kind is None else terms.Column(kind, scope.row, node.first)


def account_attribute(name: str, scope: Scope) -> Term | None:
    """What the row of an account is asked for by a name that is no signal: an attribute as of T, `age` or `open`."""
    if name == "age":
        return terms.Column("number", "accounts", name)
    if name == "open":
        closing = COLLECTIONS["accounts"].closing
        assert closing is not None
        end = terms.Attribute("time", "account", closing)
        return terms.OfAccount("boolean", Operation("boolean", "is_null", (end,)))
    kind = scope.names.attribute("account", name)
    return None if kind is None else terms.OfAccount(kind, terms.Attribute(kind, "account", name))


def account_column(node: nodes.Path, scope: Scope, resolve: Resolve) -> Term | None:
    """What an aggregate over accounts sums up: an attribute or a signal of the accounts; None where there is none such."""
    found = account_attribute(node.first, scope)
    if found is not None or node.first not in scope.names.signals:
        return found
    return of_account(meaning(node, replace(scope, subject="account", row=None), resolve))


def of_account(term: Term) -> Term:
    """The term for the account at hand; a constant is the same for every account."""
    return term if isinstance(term, terms.Const) else terms.OfAccount(term.type, term)


def given_column(node: nodes.Path, scope: Scope) -> Term | None:
    """`event.x` or `row.x`: a column of the row that set the trigger off."""
    assert scope.given is not None
    word = "event" if scope.given == "events" else "row"
    if node.first != word or node.second is None:
        return None
    if scope.given == "events" and node.second.startswith("properties."):
        return terms.Given("json", scope.given, node.second)
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
    if kind is None:
        return None
    found = terms.Attribute(kind, entity, name)
    if entity != "account" or name not in ENGINE_SIGNALS:
        return found
    if scope.row is not None:
        raise not_in_filter(node, f"{node.text!r}, which the engine computes,", scope)
    # It takes all rows of the account, not only those of the person or feature.
    return found if scope.subject == "account" else terms.OfAccount(kind, found)


def signal(node: nodes.Path, scope: Scope, resolve: Resolve) -> Term | None:
    """A named formula, put in where its name stands; in a filter on accounts, as it is for the row's account."""
    name = node.first
    if node.second is not None or name not in scope.names.signals:
        return None
    if scope.row == "accounts":
        return signal_of_row(node, scope, resolve)
    try:
        term = meaning(node, scope, resolve)
    except FormulaError as error:
        if scope.subject in PORTFOLIO_SUBJECTS and CYCLE not in error.message and means_of_account(node, scope, resolve):
            said = f"{name!r} is a signal of accounts: write avg(accounts.{name}) or count(accounts where {name} ...)"
            raise FormulaError.at(node, said) from error
        raise
    if scope.row is not None:
        forbid_in_filter(term, node, f"the signal {name!r}")
    return term


CYCLE = "is defined by itself"


def meaning(node: nodes.Path, scope: Scope, resolve: Resolve) -> Term:
    """What a signal means for the subject of a scope."""
    name = node.first
    if name in scope.within:
        cycle = " -> ".join([*scope.within[scope.within.index(name) :], name])
        raise FormulaError.at(node, f"the signal {name!r} {CYCLE}: {cycle}; break the cycle")
    inner = Scope(scope.subject, scope.names, {}, within=(*scope.within, name))
    try:
        return resolve(parse(scope.names.signals[name]), inner)
    except FormulaError as error:
        if CYCLE in error.message:
            raise FormulaError.at(node, error.message) from error
        raise FormulaError.at(node, f"in the signal {name!r}, {error}") from error


def signal_of_row(node: nodes.Path, scope: Scope, resolve: Resolve) -> Term:
    """A signal in a filter on accounts: of the account, aggregates and all; one that means nothing there, of the subject."""
    try:
        return of_account(meaning(node, replace(scope, subject="account"), resolve))
    except FormulaError as error:
        try:
            term = meaning(node, scope, resolve)
        except FormulaError:
            raise error from None
    forbid_in_filter(term, node, f"the signal {node.first!r}")
    return term


def means_of_account(node: nodes.Path, scope: Scope, resolve: Resolve) -> bool:
    """Whether a signal means something for accounts."""
    try:
        meaning(node, replace(scope, subject="account"), resolve)
    except FormulaError:
        return False
    return True


def forbid_in_filter(term: Term, node: Node, what: str) -> None:
    """A filter looks at one row as of T: it holds no aggregates and no looking back."""
    for each in terms.own(term):
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
    elif scope.subject in PORTFOLIO_SUBJECTS and scope.row is None and node.first in ("account", node.text):
        hint = portfolio_hint(node.second or node.first, scope) or hint
    elif node.first == "account" and scope.subject != "person" and node.second is not None:
        hint = f"; attributes of the account are written bare: {node.second}"
    return FormulaError.at(node, f"unknown name {node.text!r}{hint}")


def portfolio_hint(name: str, scope: Scope) -> str:
    """How formulas about a csm, a team or the company ask for what accounts have."""
    kind = scope.names.attribute("account", name)
    if kind is None:
        return ""
    asked = f"sum(accounts.{name})" if kind == "number" else f"count(accounts where {name} ...)"
    return f"; {name!r} is an attribute of accounts: write {asked}"


def turned(node: Node, scope: Scope, resolve: Resolve, aspect: Literal["since", "previous"]) -> Term:
    """Of an attribute with a history (what `days_in` and `previous` take): since when it has its value, or the one before."""

    def of(term: Term, *, of_row: bool) -> Term:
        assert isinstance(term, (terms.Attribute, terms.Column))
        entity = "person" if isinstance(term, terms.Column) else term.entity
        return terms.Turned("time" if aspect == "since" else term.type, entity, term.name, aspect, of_row)

    term = path(node, scope, resolve) if isinstance(node, nodes.Path) else None
    match term:
        case terms.Attribute(entity="account" | "person"):
            return of(term, of_row=False)
        case terms.OfAccount(term=terms.Attribute() as inner):
            return of_account(of(inner, of_row=False))
        case terms.Column(collection=collection) if collection == ENTITY_COLLECTIONS["person"]:
            return of(term, of_row=True)
    raise FormulaError.at(node, "an attribute of an account or person is expected, such as lifecycle_stage")
