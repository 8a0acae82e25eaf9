"""Why a condition holds: its comparisons, each with what was observed and what it was compared with."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any, Protocol

from tocsin.core.language import Node, Value, clears, english, negation, nodes, substituted
from tocsin.core.language.terms import Term
from tocsin.core.plain import plain
from tocsin.core.valued import as_compared


class Values(Protocol):
    """The values of terms, by their places."""

    def __getitem__(self, place: int, /) -> Value:
        """The value of a place."""


FLIPPED = {"=": "=", "!=": "!=", "<": ">", "<=": ">=", ">": "<", ">=": "<="}


@dataclass(frozen=True)
class Evidence:
    """One comparison that holds: `value op threshold`.

    formula:   as it was written, parameters put in.      text:   in English.
    value:     what was observed, as of the moment.       clears: in English, what would make the line untrue.
    threshold: what it was compared with; a list for `in` and `between`; null for `is null`.
    """

    formula: str
    text: str
    value: Value
    op: str
    threshold: Value
    clears: str = ""

    def to_json(self) -> dict[str, Any]:
        """The line as `tocsin evaluate --format json` shows it."""
        return {
            "formula": self.formula,
            "text": self.text,
            "value": plain(self.value),
            "op": self.op,
            "threshold": plain(self.threshold),
        }


@dataclass(frozen=True)
class Line:
    """A comparison of a condition before it is evaluated: where each part stands in the list of terms asked for.

    truth: place of the comparison itself, where it may not hold although the condition does (inside `or`); else None.
    """

    formula: str
    text: str
    clears: str
    op: str
    value: int
    threshold: tuple[int, ...]
    is_list: bool
    truth: int | None

    @property
    def places(self) -> tuple[int, ...]:
        """The places that it looks at."""
        return (self.value, *self.threshold, *(() if self.truth is None else (self.truth,)))

    def observed(self, values: Values) -> Evidence | None:
        """The evidence for one subject, given the values of all terms; None where this comparison does not hold."""
        if self.truth is not None and values[self.truth] is not True:
            return None
        given = [values[place] for place in self.threshold]
        threshold: Value = given if self.is_list else given[0] if given else None
        value = as_compared(values[self.value], given[0] if given else None)
        return Evidence(self.formula, self.text, value, self.op, threshold, self.clears)


def lines(
    formula: str, node: Node, params: Mapping[str, Value], place: Callable[[Node], int], *, certain: bool = True
) -> list[Line]:
    """The comparisons of a condition, in the order of the text.

    place:   gives a part's place in the list of terms to ask for, adding it where it is new.
    certain: the condition is known to hold, so that what stands alone or under `and` needs no asking.
    """
    return [_line(formula, part, params, place) for part in _parts(node, alternative=not certain, negated=False)]


@dataclass(frozen=True)
class _Part:
    node: Node
    source: Node  # as it was written, which `negated` says to be denied
    alternative: bool
    negated: bool


def _parts(node: Node, *, alternative: bool, negated: bool) -> Iterator[_Part]:
    """The comparisons under `and`, `or` and `not`."""
    match node:
        case nodes.Not(operand=operand):
            yield from _parts(operand, alternative=alternative, negated=not negated)
        case nodes.And(operands=operands) | nodes.Or(operands=operands):
            # What is denied turns around: not (a and b) is one of (not a, not b).
            either = isinstance(node, nodes.Or) is not negated
            for each in operands:
                yield from _parts(each, alternative=alternative or either, negated=negated)
        case _:
            yield _Part(negation(node) if negated else node, node, alternative, negated)


def _line(formula: str, part: _Part, params: Mapping[str, Value], place: Callable[[Node], int]) -> Line:
    node, span = _listed(part.node, params), part.source.span
    written = substituted(formula[span.start : span.end], params)
    value, op, thresholds, is_list = _sides(node)
    return Line(
        f"not ({written})" if part.negated else written,
        english(node, params),
        clears(node, params),
        op,
        place(value),
        tuple(place(each) for each in thresholds),
        is_list,
        place(node) if part.alternative else None,
    )


def _listed(node: Node, params: Mapping[str, Value]) -> Node:
    """`x in ($list)` with the items of the list, each of which can be asked for; a list is no value of its own."""
    if not isinstance(node, nodes.Among):
        return node
    options: list[Node] = []
    for option in node.options:
        given = params.get(option.name) if isinstance(option, nodes.Parameter) else None
        options += [nodes.Literal(option.span, each) for each in given] if isinstance(given, (list, tuple)) else [option]
    return replace(node, options=tuple(options))


def _sides(node: Node) -> tuple[Node, str, tuple[Node, ...], bool]:
    """(what is observed, operator, what it is compared with, whether that is a list)."""
    true = nodes.Literal(nodes.NOWHERE, value=True)
    false = nodes.Literal(nodes.NOWHERE, value=False)
    match node:
        case nodes.Compare(operator=operator, left=left, right=right):
            if isinstance(left, (nodes.Literal, nodes.Parameter)):
                return right, FLIPPED[operator], (left,), False
            return left, operator, (right,), False
        case nodes.Between(operand=operand, low=low, high=high):
            return operand, "between", (low, high), True
        case nodes.Among(operand=operand, options=options, negated=negated):
            return operand, "not in" if negated else "in", options, True
        case nodes.IsNull(operand=operand, negated=negated):
            return operand, "is not null" if negated else "is null", (), False
        case nodes.Contains(operand=operand, item=item):
            return operand, "contains", (item,), False
        case nodes.Not(operand=nodes.Contains(operand=operand, item=item)):
            return operand, "does not contain", (item,), False
        case nodes.Not(operand=operand):
            return operand, "=", (false,), False
    return node, "=", (true,), False


class Places:
    """A list of terms to ask for, each once."""

    def __init__(self) -> None:
        self.terms: dict[Term, int] = {}

    def of(self, term: Term) -> int:
        """The place of a term."""
        return self.terms.setdefault(term, len(self.terms))
