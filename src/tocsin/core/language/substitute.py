"""Parameters put in: into the syntax tree (`bound`), and into the text of a formula (`substituted`)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import fields, replace
from datetime import date, datetime, timedelta
from decimal import Decimal
from math import isfinite
from typing import TypeVar

from tocsin.core.language import nodes
from tocsin.core.language.nodes import Node, Value
from tocsin.core.language.parse import parse
from tocsin.core.language.words import SHARES
from tocsin.core.moment import DAY, parse_duration

Some = TypeVar("Some", bound=Node)


def children(node: Node) -> Iterator[Node]:
    """The nodes directly inside a node, in the order of the text."""
    for each in fields(node):
        value = getattr(node, each.name)
        if isinstance(value, Node):
            yield value
        elif isinstance(value, tuple):
            yield from (item for item in value if isinstance(item, Node))


def share(node: Node) -> bool:
    """Whether a value is a share, so that numbers beside it read best as percents: a change, a utilization, a risk."""
    match node:
        case nodes.Call(name="change"):
            return True
        case nodes.Call(name="market" | "ago" | "abs", arguments=(inner, *_)) | nodes.Negative(operand=inner):
            return share(inner)
        case nodes.Arithmetic(operator="+" | "-", left=left, right=right):
            return share(left) or share(right)
        case nodes.Path(first=first, second=None):
            return first in SHARES
        case nodes.Aggregate(function="avg" | "min" | "max", path=nodes.Path(second=column)):
            return column in SHARES
    return False


def bound(node: Some, params: Mapping[str, Value] | None) -> Some:
    """The tree with the parameters that are known put in as literals; lists after `in` become their items."""
    if not params:
        return node
    changed: dict[str, object] = {}
    for each in fields(node):
        value = getattr(node, each.name)
        if isinstance(value, nodes.Parameter):
            changed[each.name] = _literal(value, params)
        elif isinstance(value, Node):
            changed[each.name] = bound(value, params)
        elif isinstance(value, tuple):
            changed[each.name] = tuple(item for each_item in value for item in _items(each_item, params))
    if isinstance(node, nodes.Parameter):
        return _literal(node, params)  # type: ignore[return-value] # a parameter alone is the whole formula
    return replace(node, **changed)  # type: ignore[arg-type]


def _literal(node: nodes.Parameter, params: Mapping[str, Value]) -> Node:
    return nodes.Literal(node.span, params[node.name]) if node.name in params else node


def _items(item: object, params: Mapping[str, Value]) -> list[object]:
    if isinstance(item, nodes.Parameter) and isinstance(given := params.get(item.name), (list, tuple)) and given:
        return [nodes.Literal(item.span, each) for each in given]
    return [bound(item, params) if isinstance(item, Node) else item]


def substituted(text: str, params: Mapping[str, Value]) -> str:
    """The text of a formula with the `$names` that are known written out as literals; it parses to the same meaning.

    `count(events in last $window) < $n` -> `count(events in last 14d) < 3`. A share beside a `change` is written as a percent.
    Left as `$name`: parameters that are not given, and values that the language has no literal for (an instant, an empty list).
    Raises FormulaError where the text is no formula.
    """
    pieces, end = [], len(text)
    for place, percent in sorted(_parameters(parse(text), percent=False), key=lambda each: -each[0].span.start):
        written = _written(params[place.name], percent=percent) if place.name in params else None
        if written is not None:
            pieces.append(written + text[place.span.end : end])
            end = place.span.start
    return text[:end] + "".join(reversed(pieces))


def _parameters(node: Node, *, percent: bool) -> Iterator[tuple[nodes.Parameter, bool]]:
    """Each parameter, and whether it stands beside a share."""
    if isinstance(node, nodes.Parameter):
        yield node, percent
        return
    beside = percent and isinstance(node, (nodes.Negative, nodes.Literal))
    if isinstance(node, (nodes.Compare, nodes.Between)):
        beside = any(share(each) for each in children(node))
    for each in children(node):
        yield from _parameters(each, percent=beside)


def _written(value: Value, *, percent: bool = False) -> str | None:
    """A value as a literal of the language; None where there is none for it."""
    match value:
        case None:
            return "null"
        case bool():
            return "true" if value else "false"
        case int() | float():
            return _number(float(value), percent=percent)
        case timedelta():
            return _duration(value)
        case datetime():
            return None
        case date():
            return f"date '{value.isoformat()}'"
        case str():
            return "'" + value.replace("'", "''") + "'"
    items = [_written(each) for each in value]
    return ", ".join(each for each in items if each) if items and all(items) else None


def _number(value: float, *, percent: bool) -> str | None:
    if not isfinite(value):
        return None
    if percent:
        hundredths = _plain(round(value * 100, 9))
        if float(hundredths) / 100 == value:
            return f"{hundredths}%"
    return _plain(value)


def _plain(value: float) -> str:
    """A number without exponent, and without a fraction where it has none."""
    plain = format(Decimal(repr(value)), "f")
    return plain.rstrip("0").rstrip(".") if "." in plain else plain


def _duration(length: timedelta) -> str | None:
    for unit, size in (("d", DAY), ("h", timedelta(hours=1))):
        written = f"{_plain(length / size)}{unit}"
        if length >= timedelta(0) and (length % size == timedelta(0) or unit == "h") and parse_duration(written) == length:
            return written
    return None
