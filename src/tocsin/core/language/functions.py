"""The functions and aggregates of the language: what each takes, and what type it gives.

To add a function: a method here, its meaning in `engine/sql.py`, its words in `english.py`, its cases in the tests of both.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from datetime import timedelta

from tocsin.core.language import nodes, terms, types
from tocsin.core.language.errors import FormulaError, suggestion
from tocsin.core.language.mixed import is_mixed
from tocsin.core.language.nodes import Node
from tocsin.core.language.paths import account_column, turned
from tocsin.core.language.scope import Resolve, Scope, not_in_filter, parameter
from tocsin.core.language.terms import Ago, Operation, Term, Type
from tocsin.core.moment import DAY

SAMPLE_EVERY = 7 * DAY  # of slope
FEWEST_SAMPLES = 4
MOST_SAMPLES = 520  # ten years of weeks
WITHOUT_COLUMN = ("count", "exists", "days_quiet")
SUMMABLE = ("sum", "avg")


def call(node: nodes.Call, scope: Scope, resolve: Resolve) -> Term:
    """The typed term of a function call."""
    function = _FUNCTIONS.get(node.name)
    if function is None:
        hint = suggestion(node.name, [*_FUNCTIONS, *AGGREGATES])
        raise FormulaError.at(node, f"unknown function {node.name!r}{hint}")
    least, most = _ARITY[node.name]
    if not least <= len(node.arguments) <= most:
        wanted = str(least) if least == most else f"{least} or more" if most == math.inf else f"{least} to {int(most)}"
        plural = "" if wanted == "1" else "s"
        raise FormulaError.at(node, f"{node.name} takes {wanted} argument{plural}, not {len(node.arguments)}")
    return function(node, scope, resolve)


def duration(node: Node, scope: Scope) -> timedelta:
    """The length of a window, `ago`, `change` or `slope`: a duration, or a parameter that is one; positive."""
    value = parameter(node, scope) if isinstance(node, nodes.Parameter) else getattr(node, "value", None)
    if not isinstance(value, timedelta):
        raise FormulaError.at(node, "a duration such as 30d is expected here")
    return value


# Aggregates


def aggregated_column(node: nodes.Aggregate, scope: Scope, resolve: Resolve) -> Term | None:
    """The column that an aggregate sums up; None for count, exists and days_quiet, which take the collection itself."""
    collection, column = node.path.first, node.path.second
    if node.function in WITHOUT_COLUMN:
        if column is not None:
            message = f"{node.function} takes a collection: {node.function}({collection}), not {node.path.text}"
            raise FormulaError.at(node.path, message)
        return None
    if column is None:
        raise FormulaError.at(node.path, f"{node.function} takes a column: {node.function}({collection}.column)")
    names = scope.names
    if collection == "accounts":
        found = account_column(nodes.Path(node.path.span, column), scope, resolve)
        known = [*names.columns(collection), *names.signals]
    else:
        kind = names.column(collection, column)
        found = None if kind is None else terms.Column(kind, collection, column)
        known = names.columns(collection)
    if found is None:
        raise FormulaError.at(node.path, f"{collection} have no column {column!r}{suggestion(column, known)}")
    return found


def aggregate_type(node: nodes.Aggregate, column: Term | None) -> tuple[Type, Term | None]:
    """The type of an aggregate, and the column as it sums it up; FormulaError where it cannot."""
    if column is None:
        return "boolean" if node.function == "exists" else "number", None
    if node.function in SUMMABLE:
        return "number", types.want(column, "number", node.path)
    if column.type in ("json", "list") and node.function not in ("latest", "earliest"):
        raise FormulaError.at(node.path, f"{node.function} cannot sum up {types.said(column)}")
    if column.type == "json":
        raise FormulaError.at(node.path, "name a column of the rows; properties can only stand in a `where`")
    if column.type == "boolean" and node.function in ("min", "max"):
        raise FormulaError.at(node.path, f"{node.function} takes numbers, texts, times or dates, not truths")
    return "number" if node.function == "distinct" else column.type, column


# Looking back


def _operand_in_time(node: nodes.Call, scope: Scope, resolve: Resolve) -> Term:
    if scope.row is not None:
        raise not_in_filter(node, node.name, scope)
    return resolve(node.arguments[0], scope)


def _ago(node: nodes.Call, scope: Scope, resolve: Resolve) -> Term:
    operand = _operand_in_time(node, scope, resolve)
    return Ago(operand.type, operand, duration(node.arguments[1], scope))


def _change(node: nodes.Call, scope: Scope, resolve: Resolve) -> Term:
    """(x - ago) / ago; null where ago is null, 0, or less than the third argument."""
    now = types.want(_operand_in_time(node, scope, resolve), "number", node.arguments[0])
    then = Ago("number", now, duration(node.arguments[1], scope))
    floor = [types.want(resolve(each, scope), "number", each) for each in node.arguments[2:]]
    return Operation("number", "change", (now, then, *floor))


def _slope(node: nodes.Call, scope: Scope, resolve: Resolve) -> Term:
    """Least squares over x at T, T - 7d, ... later than T - length, in units a day; null with fewer than 4 samples."""
    now = types.want(_operand_in_time(node, scope, resolve), "number", node.arguments[0])
    count = math.ceil(duration(node.arguments[1], scope) / SAMPLE_EVERY)
    if count > MOST_SAMPLES:
        raise FormulaError.at(node.arguments[1], f"slope looks back {MOST_SAMPLES} weeks at most")
    return Operation("number", "slope", (now, *(Ago("number", now, each * SAMPLE_EVERY) for each in range(1, count))))


def _days_in(node: nodes.Call, scope: Scope, resolve: Resolve) -> Term:
    since = turned(node.arguments[0], scope, resolve, "since")
    if isinstance(since, terms.OfAccount):
        return terms.OfAccount("number", Operation("number", "days_since", (since.term,)))
    return Operation("number", "days_since", (since,))


def _previous(node: nodes.Call, scope: Scope, resolve: Resolve) -> Term:
    return turned(node.arguments[0], scope, resolve, "previous")


def _market(node: nodes.Call, scope: Scope, resolve: Resolve) -> Term:
    if scope.row is not None:
        raise not_in_filter(node, "market", scope)
    place = Scope("account", scope.names, scope.params, within=scope.within)
    operand = types.want(resolve(node.arguments[0], place), "number", node.arguments[0])
    if any(isinstance(each, terms.Market) for each in terms.walk(operand)):
        raise FormulaError.at(node, "market cannot stand inside market")
    return terms.Market("number", operand)


# Functions of values


def _numbers(node: nodes.Call, scope: Scope, resolve: Resolve) -> Term:
    given = tuple(types.want(resolve(each, scope), "number", each) for each in node.arguments)
    return Operation("number", node.name, given)


def _days(node: nodes.Call, scope: Scope, resolve: Resolve) -> Term:
    operand = resolve(node.arguments[0], scope)
    if types.as_instant(operand) is None:
        message = f"{node.name} takes a time or a date, {types.said(operand)} stands there"
        raise FormulaError.at(node.arguments[0], message)
    name = "days_since" if node.name == "days_until" else node.name
    # Of a date the days of the calendar are counted, of a time those that passed: a mixed text may hold either.
    read = [types.lift(operand, kind) for kind in types.INSTANTS] if is_mixed(operand) else [operand]
    each = tuple(Operation("number", name, (when,)) for when in read)
    days = each[0] if len(each) == 1 else Operation("number", "coalesce", each)
    return Operation("number", "negative", (days,)) if node.name == "days_until" else days


def _start_of(node: nodes.Call, scope: Scope, resolve: Resolve) -> Term:
    given = resolve(node.arguments[0], scope)
    for unit in terms.UNITS:
        if isinstance(given, terms.Const) and given.value == unit:
            return terms.StartOf("date", unit)
    raise FormulaError.at(node.arguments[0], "start_of takes 'month', 'quarter' or 'year'")


def _if(node: nodes.Call, scope: Scope, resolve: Resolve) -> Term:
    condition = types.want(resolve(node.arguments[0], scope), "boolean", node.arguments[0])
    kind, values = _of_one_type(node, node.arguments[1:], scope, resolve)
    return Operation(kind, "if", (condition, *values))


def _any_of_one_type(node: nodes.Call, scope: Scope, resolve: Resolve) -> Term:
    kind, values = _of_one_type(node, node.arguments, scope, resolve)
    if node.name != "coalesce" and kind == "list":
        raise FormulaError.at(node, f"{node.name} cannot compare lists")
    return Operation(kind, node.name, values)


def _of_one_type(node: nodes.Call, places: Sequence[Node], scope: Scope, resolve: Resolve) -> tuple[Type, tuple[Term, ...]]:
    return types.one_type([resolve(each, scope) for each in places], places, node.name)


def _steps(node: nodes.Call, scope: Scope, resolve: Resolve) -> Term:
    """The s of the greatest v <= x, from pairs v, s."""
    first, *pairs = node.arguments
    if len(pairs) % 2:
        raise FormulaError.at(node, "steps takes x and then pairs: steps(x, 0, 'none', 10, 'many')")
    x = types.want(resolve(first, scope), "number", first)
    bounds = [types.want(resolve(each, scope), "number", each) for each in pairs[::2]]
    kind, values = _of_one_type(node, pairs[1::2], scope, resolve)
    mixed = tuple(each for pair in zip(bounds, values, strict=True) for each in pair)
    return Operation(kind, "steps", (x, *mixed))


AGGREGATES = ("count", "distinct", "sum", "avg", "min", "max", "latest", "earliest", "exists", "days_quiet")
_FUNCTIONS: dict[str, Callable[[nodes.Call, Scope, Resolve], Term]] = {
    "ago": _ago,
    "change": _change,
    "slope": _slope,
    "days_in": _days_in,
    "previous": _previous,
    "market": _market,
    "days_since": _days,
    "days_until": _days,
    "workdays_since": _days,
    "start_of": _start_of,
    "scale": _numbers,
    "abs": _numbers,
    "round": _numbers,
    "steps": _steps,
    "if": _if,
    "coalesce": _any_of_one_type,
    "least": _any_of_one_type,
    "greatest": _any_of_one_type,
}
_ARITY: dict[str, tuple[int, float]] = {
    "ago": (2, 2),
    "change": (2, 3),
    "slope": (2, 2),
    "days_in": (1, 1),
    "previous": (1, 1),
    "market": (1, 1),
    "days_since": (1, 1),
    "days_until": (1, 1),
    "workdays_since": (1, 1),
    "start_of": (1, 1),
    "scale": (3, 3),
    "abs": (1, 1),
    "round": (1, 2),
    "steps": (3, math.inf),
    "if": (3, 3),
    "coalesce": (1, math.inf),
    "least": (1, math.inf),
    "greatest": (1, math.inf),
}
