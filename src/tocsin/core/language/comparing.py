"""Comparisons in plain English: counts, changes, days, moments, and plain values."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from tocsin.core.language import nodes
from tocsin.core.language.filters import rows
from tocsin.core.language.nodes import Comparison, Node
from tocsin.core.language.words import counted, definite, duration_words, number_words, percent_words

_FLIPPED: dict[Comparison, Comparison] = {"<": ">", "<=": ">=", ">": "<", ">=": "<="}
_NEGATED: dict[Comparison, Comparison] = {"=": "!=", "!=": "=", "<": ">=", ">=": "<", ">": "<=", "<=": ">"}
_DAYS = {"days_since": "since", "days_until": "until", "workdays_since": "since", "days_in": "in the present"}


@dataclass(frozen=True)
class Words:
    """How `english` says the parts of a comparison, handed in so that neither file needs the other.

    value:   a noun phrase.
    test:    a condition on a row, without verbs: `kind 'login'`.
    bound:   what a value is compared with; the value is the second argument.
    length:  that of a window.
    """

    value: Callable[[Node], str]
    test: Callable[[Node], str]
    bound: Callable[[Node, Node], str]
    length: Callable[[Node], str]


def flipped(operator: Comparison) -> Comparison:
    """The operator with its sides exchanged."""
    return _FLIPPED.get(operator, operator)


def negated_operator(operator: Comparison) -> Comparison:
    """The operator that holds where this one does not."""
    return _NEGATED[operator]


def comparison(left: Node, operator: str, right: Node, words: Words, subject: Callable[[Node], str]) -> str:
    """`left operator right` as a clause; subject: how a value begins a plain one (`MRR is`, or `MRR`)."""
    amount = _number(right)
    match left:
        case nodes.Aggregate(function="count") if amount is not None:
            return amounts(operator, amount, lambda one: rows(left, words, one=one))
        case nodes.Aggregate(function="distinct") if amount is not None:
            return amounts(operator, amount, lambda one: rows(left, words, different=True, one=one))
        case nodes.Aggregate(function="days_quiet") if (days := _days(right)) is not None:
            return f"{_stretch(operator, *days)} without {rows(left, words, bare=True)}"
        case nodes.Call(name="change", arguments=(_, _, *_)) if amount is not None:
            return _changed(left, operator, amount, "", words)
        case nodes.Arithmetic(
            operator="-", left=nodes.Call(name="change") as own, right=nodes.Call(name="market") as market
        ) if amount is not None and market.arguments == (own,) and len(own.arguments) > 1:
            return _changed(own, operator, amount, " against the market", words)
        case nodes.Arithmetic(
            operator="-", left=own, right=nodes.Call(name="coalesce", arguments=(nodes.Call(name="market") as market, _))
        ):
            return comparison(nodes.Arithmetic(left.span, "-", own, market), operator, right, words, subject)
        case nodes.Call(name="coalesce", arguments=(inner, nodes.Literal() as instead)):
            return f"{comparison(inner, operator, right, words, subject)} (not set counts as {words.value(instead)})"
        case nodes.Call(name="slope", arguments=(x, length)) if amount == 0 and operator in ("<", ">"):
            return f"{words.value(x)} trended {'down' if operator == '<' else 'up'} over {words.length(length)}"
        case nodes.Call(name="days_since" | "days_until" | "workdays_since" | "days_in" as name, arguments=(moment,)) if (
            days := _days(right)
        ) is not None:
            return _passed(name, operator, moment, days, words)
        case nodes.Path(first="age", second=None) if (days := _days(right)) is not None:
            return f"age {_stretch(operator, *days)}"
    return f"{subject(left)} {_beside(left, operator, right, words)}"


def _beside(left: Node, operator: str, right: Node, words: Words) -> str:
    """The rest of a sentence `x is ...`."""
    side = words.bound(right, left)
    if _in_time(left) or _in_time(right):
        moments = {"<": "before", "<=": "on or before", ">": "after", ">=": "on or after", "=": "", "!=": "not"}
        return f"{moments[operator]} {side}".strip()
    plain = {"<": "below {}", "<=": "{} or less", ">": "above {}", ">=": "{} or more", "=": "{}", "!=": "not {}"}
    if not isinstance(right, (nodes.Literal, nodes.Negative, nodes.Parameter)):
        plain |= {"<=": "at most {}", ">=": "at least {}"}
    return plain[operator].format(side)


def _in_time(node: Node) -> bool:
    """Whether a value is, by its looks, a moment or a day."""
    match node:
        case nodes.Literal(value=date() | datetime()):
            return True
        case nodes.Path():
            last = node.second or node.first
            return last == "at" or last.endswith(("_at", "_on"))
        case nodes.Call(name="start_of"):
            return True
        case nodes.Aggregate(function="min" | "max" | "latest" | "earliest", path=nodes.Path(second=str() as column)):
            return column.endswith(("_at", "_on")) or column == "at"
    return False


def amounts(operator: str, amount: float, noun: Callable[[bool], str]) -> str:
    """`fewer than 3 events`, `no events`, `1 or more tickets`; noun: the rows, of one (True) or of many."""
    said, things = number_words(amount), noun(amount == 1)
    if amount == 0 or (operator, amount) == ("<", 1):
        nothing = {"=": "no {}", "<=": "no {}", "<": "fewer than 0 {}", ">": "1 or more {}", "!=": "1 or more {}"}
        form = "no {}" if amount else nothing.get(operator, "0 or more {}")
        return form.format(noun(False))
    if operator in (">=", "<="):
        return f"{said} or {'more' if operator == '>=' else 'fewer'} {noun(False)}"
    form = {"<": "fewer than {} {}", ">": "more than {} {}", "=": "exactly {} {}", "!=": "not exactly {} {}"}[operator]
    return form.format(said, things)


def _stretch(operator: str, said: str, unit: str) -> str:
    """`14 days or more`, `fewer than 36 hours`."""
    forms = {
        "<": "fewer than {} {}", "<=": "{} {} or fewer", ">": "more than {} {}", ">=": "{} {} or more",
        "=": "exactly {} {}", "!=": "not exactly {} {}",
    }  # fmt: skip
    return forms[operator].format(said, unit)


def _passed(name: str, operator: str, moment: Node, days: tuple[str, str], words: Words) -> str:
    """`90 days or fewer until renewal date`."""
    said, unit = days
    if said == "0" and name == "days_until" and operator in ("<", ">="):
        return f"{definite(words.value(moment))} has {'passed' if operator == '<' else 'not passed'}"
    working = "working " if name == "workdays_since" else ""
    return f"{_stretch(operator, said, working + unit)} {_DAYS[name]} {_moment(name, moment, words)}"


def _moment(name: str, moment: Node, words: Words) -> str:
    return words.value(moment) if name == "days_in" else definite(words.value(moment))


def _changed(own: nodes.Call, operator: str, amount: float, against: str, words: Words) -> str:
    """`usage fell by 30 % or more over 30 days`."""
    x, length, *floor = own.arguments
    source = f" (from {words.value(floor[0])} or more)" if floor else ""
    tail = f" over {words.length(length)}{against}{source}"
    return f"{words.value(x)} {_movement(operator, amount)}{tail}"


def _movement(operator: str, amount: float) -> str:
    if amount == 0:
        return {"<": "fell", "<=": "did not rise", ">": "rose", ">=": "did not fall", "=": "did not change", "!=": "changed"}[
            operator
        ]
    size, down = percent_words(abs(amount)), amount < 0
    verb, base = ("fell", "fall") if down else ("rose", "rise")
    match operator, down:
        case ("<=", True) | (">=", False):
            return f"{verb} by {size} or more"
        case ("<", True) | (">", False):
            return f"{verb} by more than {size}"
        case (">", True) | ("<", False):
            return f"did not {base} by {size} or more"
        case (">=", True) | ("<=", False):
            return f"did not {base} by more than {size}"
    return f"{verb} by exactly {size}" if operator == "=" else f"did not {base} by exactly {size}"


def _number(node: Node) -> float | None:
    """The number that a literal is, negative ones too."""
    match node:
        case nodes.Literal(value=bool()):
            return None
        case nodes.Literal(value=int() | float() as number):
            return number
        case nodes.Negative(operand=operand):
            inner = _number(operand)
            return None if inner is None else -inner
    return None


def _days(node: Node) -> tuple[str, str] | None:
    """A number of days, or a duration, as (amount, unit): (`14`, `days`)."""
    match node:
        case nodes.Literal(value=timedelta() as length):
            said, unit = duration_words(length).rsplit(" ", 1)
            return said, unit
    number = _number(node)
    if number is None:
        return None
    said, unit = counted(number, "day").rsplit(" ", 1)
    return said, unit
