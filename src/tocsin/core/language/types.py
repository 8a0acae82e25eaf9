"""Which types go together, and what is said where they do not."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from tocsin.core.language import terms
from tocsin.core.language.errors import FormulaError
from tocsin.core.language.mixed import READABLE, is_mixed, is_open, read
from tocsin.core.language.nodes import Node
from tocsin.core.language.terms import Operation, Term, Type

_ARTICLES = {
    "number": "a number",
    "text": "a text",
    "boolean": "a truth (true or false)",
    "time": "a time",
    "date": "a date",
    "list": "a list",
    "json": "a property",
    "null": "null",
}
INSTANTS: tuple[Type, ...] = ("date", "time")
_UNORDERED = ("list",)


def said(term: Term) -> str:
    """`a text`: a type in words."""
    return _ARTICLES[term.type]


def lift(term: Term, wanted: Type) -> Term:
    """The term as the wanted type, which it must go with.

    A property and a mixed text are read as it; a date becomes the start of its day.
    """
    if term.type == "json" and isinstance(term, (terms.Property, terms.Given)):
        return replace(term, type=wanted)
    if wanted in READABLE and is_mixed(term):
        return read(term, wanted)
    if term.type == "date" and wanted == "time":
        return Operation("time", "start_of_day", (term,))
    return term


def want(term: Term, wanted: Type, node: Node) -> Term:
    """The term as the wanted type; FormulaError at the node where it has another."""
    if term.type == "json":
        return lift(term, wanted)
    if term.type in (wanted, "null"):
        return term
    if wanted in READABLE and is_mixed(term):
        return lift(term, wanted)
    if wanted == "time" and term.type == "date":
        return lift(term, wanted)
    raise FormulaError.at(node, f"{_ARTICLES[wanted]} was expected, {said(term)} stands there")


def unified(given: Sequence[Term]) -> Type | None:
    """The one type that all the terms can have, None where there is none; null goes with any, a date with a time.

    A mixed text goes with what can be read in a text; beside dates both are times, as it may hold either.
    """
    mixed = any(map(is_mixed, given))
    found = {term.type for term in given if not is_mixed(term)} - {"null", "json"}
    if found == set(INSTANTS) or (mixed and found == {"date"}):
        return "time"
    if len(found) > 1 or (mixed and not found <= {"text", *READABLE}):
        return None
    return found.pop() if found else "text" if mixed else "json" if any(term.type == "json" for term in given) else "null"


def as_instant(term: Term) -> Term | None:
    """The term as a time or a date, None where it is neither; a mixed text is read as a time."""
    if is_mixed(term):
        return lift(term, "time")
    return term if term.type in (*INSTANTS, "null") else None


def as_day(term: Term) -> Term:
    """The day that a mixed text names, of a time the day in the workspace's zone; any other term as it is."""
    if not is_mixed(term):
        return term
    return Operation("date", "days_later", (lift(term, "time"), terms.Const("number", 0.0)))


def comparable(left: Term, right: Term, left_node: Node, right_node: Node) -> tuple[Term, Term]:
    """Both sides as one type; dates and times as instants. Two whose values alone tell their types stay as they are."""
    if is_open(left) and is_open(right):
        return left, right
    wanted = unified([left, right])
    if wanted is None:
        place = right_node if right_node.span.end > left_node.span.end else left_node
        raise FormulaError.at(place, f"{said(left)} cannot be compared with {said(right)}")
    return lift(left, wanted), lift(right, wanted)


def ordered(operator: str, pair: tuple[Term, Term], node: Node) -> Term:
    """A comparison of two terms of one type; of two whose values tell it, each kind of value with its like, else as texts."""
    left, right = pair
    if left.type in _UNORDERED or right.type in _UNORDERED:
        raise FormulaError.at(node, "a list cannot be compared; write `x contains 'item'`")
    if is_open(left) and is_open(right):  # values of one JSON type alone compare; of others the comparison is null
        of_json = "json" in (left.type, right.type)
        kinds: tuple[Type, ...] = ("number", "boolean", "text") if of_json else ("number", "boolean", "time", "text")
        tests = tuple(Operation("boolean", operator, (lift(left, kind), lift(right, kind))) for kind in kinds)
        return Operation("boolean", "coalesce", tests)
    return Operation("boolean", operator, pair)


def containing(left: Term, item: Term, left_node: Node, item_node: Node) -> Term:
    """`x contains item`: an item of a list, or a part of a text."""
    if left.type not in ("text", "list", "json", "null"):
        raise FormulaError.at(left_node, f"`contains` looks into a list or a text, {said(left)} stands there")
    needle = want(item, "text", item_node)
    if left.type == "json":
        looks = tuple(Operation("boolean", "contains", (lift(left, kind), needle)) for kind in ("text", "list"))
        return Operation("boolean", "coalesce", looks)
    return Operation("boolean", "contains", (left, needle))


def one_type(given: Sequence[Term], places: Sequence[Node], function: str) -> tuple[Type, tuple[Term, ...]]:
    """The arguments of `if`, `coalesce`, `least` and `greatest` as one type."""
    wanted = unified(given)
    if wanted is None:
        first = next(term for term in given if term.type != "null" and not is_open(term))
        for term, place in zip(given, places, strict=True):
            if unified([first, term]) is None:
                raise FormulaError.at(place, f"the values of {function} must be of one type: {said(first)} and {said(term)}")
    if wanted == "json":
        raise FormulaError.at(places[0], f"the type of {function} cannot be told from properties alone; compare them first")
    assert wanted is not None
    if wanted == "time" and not any(term.type == "time" for term in given):  # dates, and mixed texts that are days beside them
        return "date", tuple(map(as_day, given))
    return wanted, tuple(lift(term, wanted) for term in given)
