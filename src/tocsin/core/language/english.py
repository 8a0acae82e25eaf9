"""A formula in plain English, for those who act on it: conditions as clauses, values as noun phrases.

To add a function of the language: a line in `_FUNCTIONS`, and, where a comparison of it has a natural wording, in `_compared`.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import TypeAlias

from tocsin.core.language import nodes
from tocsin.core.language.comparing import Words, comparison, flipped, negated_operator
from tocsin.core.language.filters import among_words, rows
from tocsin.core.language.nodes import Node, Value
from tocsin.core.language.substitute import bound, share
from tocsin.core.language.words import definite, duration_words, name_words, plural_name, value_words

Params: TypeAlias = Mapping[str, Value]
_COMPOUND = frozenset({"if", "coalesce", "least", "greatest", "steps", "scale"})
_CONSTANTS = (nodes.Literal, nodes.Parameter, nodes.Negative)


def english(node: Node, params: Params | None = None) -> str:
    """A formula as an English phrase without a capital or a full stop.

    `count(events where kind = 'login' in last 7d) < 3` -> fewer than 3 events with kind 'login' in the last 7 days. Nested
    `and`s and `or`s stand in brackets, so that the reading is never ambiguous. Parameters that are not given stay `$name`.
    """
    whole = bound(node, params)
    return clause(whole) if _is_condition(whole) else value(whole)


def clears(node: Node, params: Params | None = None) -> str:
    """What would clear a condition, in English: its negation.

    `count(tickets) >= 3 and tier = 1` -> either fewer than 3 tickets or tier is not 1.
    """
    opposite = negation(bound(node, params))
    return f"either {clause(opposite)}" if isinstance(opposite, nodes.Or) else clause(opposite)


def describe(node: Node, params: Params | None = None) -> str:
    """A short noun phrase for the observed value of a line of evidence: of a condition, what it is about."""
    return value(_observed(bound(node, params)))


def _observed(node: Node) -> Node:
    """The side of a condition that was observed."""
    match node:
        case nodes.Compare(left=nodes.Literal() | nodes.Parameter(), right=right):
            return right
        case nodes.Compare(left=operand) | nodes.Not(operand=operand):
            return _observed(operand)
        case nodes.Among(operand=operand) | nodes.IsNull(operand=operand):
            return operand
        case nodes.Between(operand=operand) | nodes.Contains(operand=operand):
            return operand
    return node


def negation(node: Node) -> Node:
    """The tree of what holds where a condition is false (where it is null, neither holds)."""
    match node:
        case nodes.Not(operand=operand):
            return operand
        case nodes.And(operands=operands):
            return nodes.Or(node.span, tuple(negation(each) for each in operands))
        case nodes.Or(operands=operands):
            return nodes.And(node.span, tuple(negation(each) for each in operands))
        case nodes.Compare(operator=operator, left=left, right=right):
            return nodes.Compare(node.span, negated_operator(operator), left, right)
        case nodes.Among(operand=operand, options=options, negated=negated):
            return nodes.Among(node.span, operand, options, not negated)
        case nodes.IsNull(operand=operand, negated=negated):
            return nodes.IsNull(node.span, operand, not negated)
        case nodes.Literal(value=bool() as truth):
            return nodes.Literal(node.span, not truth)
    return nodes.Not(node.span, node)


def _is_condition(node: Node) -> bool:
    tests = (nodes.And, nodes.Or, nodes.Not, nodes.Compare, nodes.Among, nodes.IsNull, nodes.Between, nodes.Contains)
    return isinstance(node, tests) or (isinstance(node, nodes.Aggregate) and node.function == "exists")


# Conditions


def clause(node: Node, subject: Callable[[Node], str] | None = None) -> str:
    """A condition as a clause; subject: how a value begins one (`MRR is`; in the filter of an aggregate only `MRR`)."""
    is_ = subject or _is
    match node:
        case nodes.And(operands=operands):
            return " and ".join(_bracketed(each, is_) for each in operands)
        case nodes.Or(operands=operands):
            return " or ".join(_bracketed(each, is_) for each in operands)
        case nodes.Not(operand=operand):
            return _negated(operand, is_)
        case nodes.Compare(operator=operator, left=left, right=right):
            if isinstance(left, _CONSTANTS) and not isinstance(right, _CONSTANTS):
                left, operator, right = right, flipped(operator), left
            return comparison(left, operator, _folded(right), _WORDS, is_)
        case nodes.Among(operand=operand, options=options, negated=negated):
            return f"{is_(operand)} {among_words(options, _WORDS, negated=negated)}"
        case nodes.IsNull(operand=nodes.Path() as path, negated=negated):
            return f"{is_(path)} {'set' if negated else 'not set'}"
        case nodes.IsNull(operand=operand, negated=negated):
            return f"{value(operand)} has {'a' if negated else 'no'} value"
        case nodes.Between(operand=operand, low=low, high=high):
            return f"{is_(operand)} from {_side(low, operand)} to {_side(high, operand)}"
        case nodes.Contains(operand=operand, item=item):
            return f"{value(operand)} contains {value(item)}" if is_ is _is else f"{value(operand)} containing {value(item)}"
        case nodes.Aggregate(function="exists"):
            return f"there are {rows(node, _WORDS)}"
        case nodes.Literal(value=bool() as truth):
            return "always" if truth else "never"
    return f"{is_(node)} true"


def _negated(operand: Node, is_: Callable[[Node], str]) -> str:
    match operand:
        case nodes.Aggregate(function="exists"):
            return f"there are no {rows(operand, _WORDS)}"
        case nodes.Between(operand=inner, low=low, high=high):
            return f"{is_(inner)} not from {_side(low, inner)} to {_side(high, inner)}"
        case nodes.Contains(operand=inner, item=item):
            verb = "does not contain" if is_ is _is else "not containing"
            return f"{value(inner)} {verb} {value(item)}"
    return f"not ({clause(operand, is_)})" if _is_condition(operand) else f"{is_(operand)} false"


def _bracketed(node: Node, is_: Callable[[Node], str]) -> str:
    """A clause within `and` or `or`: in brackets where it holds another."""
    inner = clause(node, is_)
    return f"({inner})" if isinstance(node, (nodes.And, nodes.Or)) else inner


def _is(node: Node) -> str:
    """`renewal date is`, `seats bought are`."""
    plural = isinstance(node, nodes.Path) and node.second is None and plural_name(node.first)
    return f"{_phrase(node)} {'are' if plural else 'is'}"


def _phrase(node: Node) -> str:
    """A value at the head of a clause: in brackets where it has commas or tests of its own."""
    return f"({value(node)})" if isinstance(node, nodes.Call) and node.name in _COMPOUND else value(node)


def _side(node: Node, beside: Node) -> str:
    """A bound of a comparison: a plain number beside a share reads as a percent."""
    node = _folded(node)
    sign, inner = (-1, node.operand) if isinstance(node, nodes.Negative) else (1, node)
    if isinstance(inner, nodes.Literal) and isinstance(inner.value, (int, float)) and not isinstance(inner.value, bool):
        return value_words(sign * inner.value, percent=inner.percent or share(beside))
    return value(node)


# Values


def value(node: Node) -> str:
    """A value as a noun phrase."""
    match node:
        case nodes.Literal(value=constant, percent=percent):
            return value_words(constant, percent=percent)
        case nodes.Parameter(name=name):
            return f"${name}"
        case nodes.Path():
            return _path(node)
        case nodes.Call(name="round") if (known := _folded(node)) is not node:
            return value(known)
        case nodes.Call(name=name, arguments=arguments):
            function = _FUNCTIONS.get(name)
            return function(arguments) if function and arguments else f"{name}({_listed(arguments)})"
        case nodes.Aggregate(function="exists"):
            return f"whether there are {rows(node, _WORDS)}"
        case nodes.Aggregate():
            return rows(node, _WORDS, counted=True)
        case nodes.Negative(operand=nodes.Literal(value=int() | float() as constant, percent=percent)):
            return value_words(-constant, percent=percent)
        case nodes.Negative(operand=operand):
            return f"minus {_operand(operand)}"
        case nodes.Arithmetic() if (known := _folded(node)) is not node:
            return value(known)
        case nodes.Arithmetic(operator=sign, left=left, right=right):
            word = {"+": "plus", "-": "minus", "*": "times", "/": "divided by"}[sign]
            return f"{_operand(left)} {word} {_operand(right)}"
    return f"whether {clause(node)}"


def _folded(node: Node) -> Node:
    """Arithmetic between constants as its result, so that `$limit - 2%` reads as the number that it comes to.

    Rounding that leaves this number as it is goes without saying.
    """
    match node:
        case nodes.Call(name="round", arguments=(inner, nodes.Literal(value=int() | float() as places))):
            known = _folded(inner)
            number = _constant(known)
            return known if number is not None and round(number, int(places)) == number else node
    if not isinstance(node, nodes.Arithmetic):
        return node
    sides = [_folded(node.left), _folded(node.right)]
    numbers = [number for each in sides if (number := _constant(each)) is not None]
    if len(numbers) != 2 or (node.operator == "/" and numbers[1] == 0):
        return node
    first, second = numbers
    results = {"+": operator.add, "-": operator.sub, "*": operator.mul, "/": operator.truediv}
    percent = node.operator in "+-" and any(each.percent for each in sides if isinstance(each, nodes.Literal))
    result = round(results[node.operator](first, second), 12)
    literal = nodes.Literal(node.span, abs(result), percent=percent)
    return nodes.Negative(node.span, literal) if result < 0 else literal


def _constant(node: Node) -> float | None:
    """The number that a node is, negative ones too; None of anything else."""
    match node:
        case nodes.Literal(value=int() | float() as number) if not isinstance(number, bool):
            return number
        case nodes.Negative(operand=operand):
            inner = _constant(operand)
            return None if inner is None else -inner
    return None


def _operand(node: Node) -> str:
    """A value inside arithmetic: in brackets where it is more than a plain noun phrase."""
    compound = isinstance(node, nodes.Arithmetic) or _is_condition(node)
    compound = compound or (isinstance(node, nodes.Call) and node.name in _COMPOUND)
    return f"({value(node)})" if compound else value(node)


def _path(node: nodes.Path) -> str:
    if node.second is None:
        return name_words(node.first)
    if node.first == "properties":
        return f"property {node.second}"
    return f"the {node.first}'s {name_words(node.second)}"


def _over(length: Node) -> str:
    """`30 days`, of the length of a window."""
    match length:
        case nodes.Literal(value=timedelta() as exact):
            return duration_words(exact)
    return value(length)


def _listed(arguments: tuple[Node, ...]) -> str:
    return ", ".join(_operand(each) for each in arguments)


def _ago(given: tuple[Node, ...]) -> str:
    """`MRR 30 days ago`; of more than a name `number of logins in the last 28 days (as of 14 days ago)`."""
    form = "{} {} ago" if isinstance(given[0], nodes.Path) else "{} (as of {} ago)"
    return _with_length(form)(given)


def _change(given: tuple[Node, ...]) -> str:
    floor = f" (from {value(given[2])} or more)" if len(given) > 2 else ""
    return f"change of {_operand(given[0])} over {_over(given[1])}{floor}" if len(given) > 1 else f"change of {value(given[0])}"


def _scale(given: tuple[Node, ...]) -> str:
    x, *ends = map(_operand, given)
    return f"{x} as a score, {' to '.join(f'{end} for {score}' for end, score in zip(ends, (0, 100), strict=False))}"


def _steps(given: tuple[Node, ...]) -> str:
    x, *pairs = map(_operand, given)
    stairs = ", ".join(f"{s} from {v}" for v, s in zip(pairs[::2], pairs[1::2], strict=False))
    return f"{x} in steps: {stairs}"


def _if(given: tuple[Node, ...]) -> str:
    condition, *values = given
    said = f"({clause(condition)})" if isinstance(condition, (nodes.And, nodes.Or)) else clause(condition)
    return f"{_operand(values[0])} if {said}, else {_operand(values[-1])}" if values else f"if {said}"


def _round(given: tuple[Node, ...]) -> str:
    places = f" to {value(given[1])} places" if len(given) > 1 else ""
    return f"{_operand(given[0])} rounded{places}"


def _with_length(form: str) -> Callable[[tuple[Node, ...]], str]:
    def said(given: tuple[Node, ...]) -> str:
        return form.format(_operand(given[0]), _over(given[1]) if len(given) > 1 else "?")

    return said


def _plain(form: str) -> Callable[[tuple[Node, ...]], str]:
    return lambda given: form.format(_operand(given[0]))


_FUNCTIONS: dict[str, Callable[[tuple[Node, ...]], str]] = {
    "ago": _ago,
    "change": _change,
    "slope": _with_length("trend of {} per day over {}"),
    "days_in": _plain("days in the present {}"),
    "previous": _plain("previous {}"),
    "market": _plain("the market's median {}"),
    "days_since": lambda given: f"days since {definite(_operand(given[0]))}",
    "days_until": lambda given: f"days until {definite(_operand(given[0]))}",
    "workdays_since": lambda given: f"working days since {definite(_operand(given[0]))}",
    "start_of": lambda given: f"start of the {value(given[0]).strip(chr(39))}",
    "scale": _scale,
    "steps": _steps,
    "if": _if,
    "coalesce": lambda given: ", or else ".join(map(_operand, given)),
    "abs": _plain("size of {}"),
    "round": _round,
    "least": lambda given: f"least of {_listed(given)}",
    "greatest": lambda given: f"greatest of {_listed(given)}",
}
_WORDS = Words(value=value, test=lambda node: clause(node, value), bound=_side, length=_over)
