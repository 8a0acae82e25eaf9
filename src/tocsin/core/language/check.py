"""From the syntax tree to typed terms: names resolved, types checked, signals and parameters put in."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import date, datetime, timedelta

from tocsin.core.language import functions, nodes, terms, types
from tocsin.core.language.errors import FormulaError, each_of, suggestion
from tocsin.core.language.mixed import is_mixed
from tocsin.core.language.names import Names
from tocsin.core.language.nodes import Node, Value
from tocsin.core.language.paths import path
from tocsin.core.language.scope import OWN, Scope, not_in_filter, parameter
from tocsin.core.language.terms import Operation, Term, Type
from tocsin.core.moment import DAY
from tocsin.core.schema import COLLECTIONS, PORTFOLIO_SUBJECTS, SUBJECT_COLLECTIONS


def check(
    node: Node,
    subject: str = "account",
    names: Names | None = None,
    params: Mapping[str, Value] | None = None,
    expect: Type | None = None,
    *,
    row: str | None = None,
    given: str | None = None,
) -> Term:
    """The typed term of a formula about a subject.

    node:    as `parse` gives it.
    params:  values of `$name`s: numbers, texts, booleans, dates, durations (timedelta), lists of them.
    expect:  the type that the whole must have, `boolean` for a condition.
    row:     the formula is a filter on rows of this collection (an event trigger's).
    given:   the collection of the triggering row, seen as `event.x` or `row.x`.

    Raises FormulaError, with the place, for unknown names (with a suggestion), types that do not fit, and cycles of signals.
    """
    if subject not in SUBJECT_COLLECTIONS:
        hint = suggestion(subject, SUBJECT_COLLECTIONS) or "; there are " + ", ".join(SUBJECT_COLLECTIONS)
        raise FormulaError(f"unknown subject {subject!r}{hint}")
    scope = Scope(subject, names or Names(), params or {}, row, given)
    term = resolve(node, scope)
    return term if expect is None else types.want(term, expect, node)


def resolve(node: Node, scope: Scope) -> Term:  # noqa: C901 - one case for each kind of node
    """The typed term of a node where it stands."""
    match node:
        case nodes.Literal(value=value):
            return constant(value, node)
        case nodes.Parameter():
            return constant(parameter(node, scope), node)
        case nodes.Path():
            return path(node, scope, resolve)
        case nodes.Call():
            return functions.call(node, scope, resolve)
        case nodes.Aggregate():
            return aggregate(node, scope)
        case nodes.Arithmetic(operator=operator, left=left, right=right):
            return Operation("number", operator, each_of((left, right), wanted("number", scope)))
        case nodes.Negative(operand=operand):
            inner = types.want(resolve(operand, scope), "number", operand)
            if isinstance(inner, terms.Const) and isinstance(inner.value, float):
                return terms.Const("number", -inner.value)
            return Operation("number", "negative", (inner,))
        case nodes.Compare(operator=operator, left=left, right=right):
            first, second = each_of((left, right), lambda each: resolve(each, scope))
            return types.ordered(operator, types.comparable(first, second, left, right), node)
        case nodes.Among():
            return among(node, scope)
        case nodes.IsNull(operand=operand, negated=negated):
            test = Operation("boolean", "is_null", (resolve(operand, scope),))
            return Operation("boolean", "not", (test,)) if negated else test
        case nodes.Between(operand=operand, low=low, high=high):
            return between(operand, low, high, scope)
        case nodes.Contains(operand=operand, item=item):
            return types.containing(resolve(operand, scope), resolve(item, scope), operand, item)
        case nodes.Not(operand=operand):
            return Operation("boolean", "not", (types.want(resolve(operand, scope), "boolean", operand),))
        case nodes.And(operands=operands) | nodes.Or(operands=operands):
            name = "and" if isinstance(node, nodes.And) else "or"
            return Operation("boolean", name, each_of(operands, wanted("boolean", scope)))
    raise FormulaError.at(node, f"a {type(node).__name__} cannot stand here")


def wanted(kind: Type, scope: Scope) -> Callable[[Node], Term]:
    """Resolves a node as a term of that type."""
    return lambda node: types.want(resolve(node, scope), kind, node)


def constant(value: Value, place: Node) -> terms.Const:
    """A constant of the value's type, which stands at a place; a duration is its number of days."""
    match value:
        case None:
            return terms.Const("null", None)
        case bool():
            return terms.Const("boolean", value)
        case int() | float():
            return terms.Const("number", float(value))
        case timedelta():
            return terms.Const("number", value / DAY)
        case datetime():
            return terms.Const("time", value)
        case date():
            return terms.Const("date", value)
        case str():
            return terms.Const("text", value)
    raise FormulaError.at(place, f"a list ({value!r}) can only stand after `in`, as `in ($list)`")


def among(node: nodes.Among, scope: Scope) -> Term:
    """`x in (a, b)`: true where x equals an option, null where x is null or only a null could match."""
    operand = resolve(node.operand, scope)
    options: list[Term] = []
    for option in node.options:
        value = parameter(option, scope) if isinstance(option, nodes.Parameter) else None
        given = [constant(each, option) for each in value] if isinstance(value, (list, tuple)) else [resolve(option, scope)]
        options += (types.comparable(operand, each, node.operand, option)[1] for each in given)
    if operand.type == "json":  # each option is compared with the property read as the option's type
        pairs = (types.comparable(operand, option, node.operand, node.operand) for option in options)
        test = Operation("boolean", "or", tuple(Operation("boolean", "=", pair) for pair in pairs))
    else:
        kinds = dict.fromkeys(option.type for option in options if option.type != "null") if is_mixed(operand) else {}
        groups = [[option for option in options if option.type in (kind, "null")] for kind in kinds]
        tests = [_among(operand, group) for group in groups or [options]]
        test = tests[0] if len(tests) == 1 else Operation("boolean", "or", tuple(tests))
    return Operation("boolean", "not", (test,)) if node.negated else test


def _among(operand: Term, options: list[Term]) -> Operation:
    """The operand among options that it goes with."""
    wanted = types.unified([operand, *options])
    lifted = tuple(types.lift(each, wanted) for each in (operand, *options)) if wanted else (operand, *options)
    return Operation("boolean", "among", lifted)


def between(operand: Node, low: Node, high: Node, scope: Scope) -> Term:
    """`x between a and b` is `x >= a and x <= b`."""
    value = resolve(operand, scope)
    tests = []
    for operator, bound in ((">=", low), ("<=", high)):
        pair = types.comparable(value, resolve(bound, scope), operand, bound)
        tests.append(types.ordered(operator, pair, bound))
    return Operation("boolean", "and", tuple(tests))


# Aggregates


def aggregate(node: nodes.Aggregate, scope: Scope) -> Term:
    """An aggregate of the subject's rows."""
    if scope.row is not None:
        raise not_in_filter(node, "an aggregate", scope)
    collection = node.path.first
    possible = scope.names.collections(scope.subject)
    if collection not in possible:
        raise unknown_collection(node, scope, possible)
    inner = replace(scope, row=collection)
    where = None if node.where is None else types.want(resolve(node.where, inner), "boolean", node.where)
    summed = functions.aggregated_column(node, inner, resolve)
    window = None if node.window is None else windowed(node.window, scope)
    kind, summed = functions.aggregate_type(node, summed)
    if node.function == "days_quiet":
        start = terms.Column(scope.names.column(collection, _start(collection)) or "time", collection, _start(collection))
        last = terms.Aggregated(start.type, "max", collection, start, where, window)
        born = began(scope.subject)
        ages = tuple(Operation("number", "days_since", (each,)) for each in (last, born))
        quiet = Operation("number", "coalesce", ages)
        if window is None or window.anchor is None:
            return quiet
        unknown = Operation("boolean", "is_null", (window.anchor,))  # of a null anchor every aggregate is null
        return Operation("number", "if", (unknown, terms.Const("null", None), quiet))
    return terms.Aggregated(kind, node.function, collection, summed, where, window)


def began(subject: str) -> Term:
    """When a subject began; of a csm, a team or the company nobody knows."""
    if subject in PORTFOLIO_SUBJECTS:
        return terms.Const("null", None)
    return terms.Attribute("time", OWN[subject], "created_at")


def _start(collection: str) -> str:
    start = COLLECTIONS[collection].start
    assert start is not None
    return start


def unknown_collection(node: nodes.Aggregate, scope: Scope, possible: tuple[str, ...]) -> FormulaError:
    """What a collection that is not there may have meant."""
    name, who = node.path.first, "the company" if scope.subject == "company" else f"a {scope.subject}"
    if name in SUBJECT_COLLECTIONS["account"]:
        hint = ", and accounts carry their signals: avg(accounts.SIGNAL)" if scope.subject in PORTFOLIO_SUBJECTS else ""
        return FormulaError.at(node.path, f"{who} has no collection {name!r}; it has {', '.join(possible)}{hint}")
    if name in ("accounts", "alerts"):
        return FormulaError.at(node.path, f"only formulas about a csm, a team or the company range over {name!r}")
    return FormulaError.at(node.path, f"unknown collection {name!r}{suggestion(name, possible)}")


def windowed(node: Node, scope: Scope) -> terms.Window:
    """The window of an aggregate; its anchor is evaluated for the subject and may hold aggregates."""
    match node:
        case nodes.InLast(length=length):
            return terms.Window("last", functions.duration(length, scope))
        case nodes.After(length=length, anchor=anchor):
            return terms.Window("after", functions.duration(length, scope), instant(anchor, scope))
        case nodes.Since(anchor=anchor):
            return terms.Window("since", None, instant(anchor, scope))
    raise FormulaError.at(node, "a window was expected")


def instant(node: Node, scope: Scope) -> Term:
    """A time or date for an anchor."""
    term = resolve(node, scope)
    when = types.as_instant(term)
    if when is None:
        raise FormulaError.at(node, f"a time or date was expected, {types.said(term)} stands there")
    return when
