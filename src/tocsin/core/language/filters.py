"""The rows of an aggregate in plain English: `open tickets with priority 'critical' in the last 7 days`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from tocsin.core.language import nodes
from tocsin.core.language.nodes import Node
from tocsin.core.language.words import collection_words, definite, name_words

if TYPE_CHECKING:
    from tocsin.core.language.comparing import Words

# Truths of a row that read best before its noun: (what is true, what is false).
_ADJECTIVES = {"open": ("open", "closed"), "overdue": ("overdue", "not overdue")}
_OF_COLLECTION = {"people": {"open": ("present", "deleted")}, "accounts": {"open": ("current", "churned")}}
_FORMS = {
    "distinct": "number of different values of {column} among {rows}",
    "sum": "total {column} of {rows}",
    "avg": "average {column} of {rows}",
    "min": "least {column} of {rows}",
    "max": "greatest {column} of {rows}",
    "latest": "{column} of the latest {rows}",
    "earliest": "{column} of the earliest {rows}",
}


def rows(
    node: nodes.Aggregate,
    words: Words,
    *,
    counted: bool = False,
    different: bool = False,
    bare: bool = False,
    one: bool = False,
) -> str:
    """What an aggregate looks at: its rows, with filter and window.

    counted:    as a value, `number of events ...`.
    different:  the distinct values, as things to be counted: `people with events ...`.
    bare:       the rows only, whatever the function.
    one:        in the singular.
    """
    single = (one and not different) or (counted and node.function in ("latest", "earliest"))
    noun, tests = _filtered(node, words, one=single)
    said = f"{noun}{tests}{_window(node.window, words)}"
    column = node.path.second
    if bare or column is None:
        if not counted or node.function == "exists":
            return said
        return f"days without {said}" if node.function == "days_quiet" else f"number of {said}"
    if node.function == "distinct" and column == "person_id":
        people = "person" if one and different else "people"
        return f"{'' if different else 'number of '}{people} with {said}"
    if different:
        return f"{'value' if one else 'different values'} of {name_words(column)} among {said}"
    return _FORMS.get(node.function, "{column} of {rows}").format(column=name_words(column), rows=said)


def _filtered(node: nodes.Aggregate, words: Words, *, one: bool) -> tuple[str, str]:
    """The noun with its adjectives, and the rest of the filter; more than one test stands in brackets."""
    where, collection = node.where, node.path.first
    tests: Sequence[Node] = () if where is None else where.operands if isinstance(where, nodes.And) else (where,)
    adjectives = [_adjective(each, collection) for each in tests]
    rest = [each for each, adjective in zip(tests, adjectives, strict=True) if adjective is None]
    noun = " ".join([*filter(None, adjectives), collection_words(collection, one=one)])
    if not rest:
        return noun, ""
    if len(rest) == 1 and not isinstance(rest[0], nodes.Or):
        return noun, f" with {words.test(rest[0])}"
    return noun, f" ({words.test(rest[0] if len(rest) == 1 else nodes.And(node.span, tuple(rest)))})"


def _adjective(node: Node, collection: str) -> str | None:
    path = node.operand if isinstance(node, nodes.Not) else node
    if not isinstance(path, nodes.Path):
        return None
    known = _ADJECTIVES | _OF_COLLECTION.get(collection, {})
    pair = known.get(path.text)
    return pair and pair[isinstance(node, nodes.Not)]


def among_words(options: Sequence[Node], words: Words, *, negated: bool) -> str:
    """`'a'`, `one of 'a', 'b'`, `none of 'a', 'b'`; of an empty list `one of none`, `anything`."""
    said = [word for each in options if (word := words.value(each))]  # a parameter that is an empty list has none
    if not said:
        return "anything" if negated else "one of none"
    if len(said) == 1:
        return f"not {said[0]}" if negated else said[0]
    return f"{'none' if negated else 'one'} of {', '.join(said)}"


def _window(window: Node | None, words: Words) -> str:
    match window:
        case nodes.InLast(length=length):
            return f" in the last {words.length(length)}"
        case nodes.After(length=length, anchor=anchor):
            return f" in the first {words.length(length)} after {definite(words.value(anchor))}"
        case nodes.Since(anchor=anchor):
            return f" since {definite(words.value(anchor))}"
    return ""
