"""Operators and functions of plain values, with null as None."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from datetime import date, datetime, timedelta
from typing import Any

from tocsin.core.language import nodes
from tocsin.core.language.nodes import Node


def negated(truth: bool | None) -> bool | None:
    """NOT of three values."""
    return None if truth is None else not truth


def conjunction(truths: Sequence[bool | None]) -> bool | None:
    """AND of three values."""
    return False if False in truths else None if None in truths else True


def disjunction(truths: Sequence[bool | None]) -> bool | None:
    """OR of three values."""
    return True if True in truths else None if None in truths else False


def compared(operator: str, left: Any, right: Any) -> bool | None:
    """A comparison of two values of one type; null of others."""
    numbers = all(isinstance(each, (int, float)) and not isinstance(each, bool) for each in (left, right))
    if left is None or right is None or not (numbers or type(left) is type(right)) or isinstance(left, (list, dict)):
        return None
    tests: dict[str, Callable[[], bool]] = {
        "=": lambda: left == right,
        "!=": lambda: left != right,
        "<": lambda: left < right,
        "<=": lambda: left <= right,
        ">": lambda: left > right,
        ">=": lambda: left >= right,
    }
    return bool(tests[operator]())


def kind(value: Any) -> type:
    """The type of a value: numbers are one type, whether JSON writes a fraction or not."""
    return float if isinstance(value, int) and not isinstance(value, bool) else type(value)


def contains(whole: Any, item: Any) -> bool | None:
    """An item of a list, or a part of a text."""
    if not isinstance(item, str) or not isinstance(whole, (str, list)):
        return None
    return item in whole


def json_value(properties: dict[str, Any] | None, name: str) -> Any:
    """A property of an event; null where it is missing or its JSON is null."""
    return None if properties is None else properties.get(name)


def arithmetic(operator: str, left: Any, right: Any) -> float | None:
    """Of numbers only; division by zero is null."""
    if not all(isinstance(each, (int, float)) and not isinstance(each, bool) for each in (left, right)):
        return None
    if operator == "/":
        return None if right == 0 else left / right
    return float({"+": left + right, "-": left - right, "*": left * right}[operator])


def length(node: Node) -> timedelta:
    """The duration that a literal is."""
    assert isinstance(node, nodes.Literal)
    assert isinstance(node.value, timedelta)
    return node.value


def change(now: float | None, then: float | None, floor: float | None) -> float | None:
    """(now - then) / then; null where then is null, 0, or less than the floor."""
    if now is None or then is None or then == 0 or (floor is not None and then < floor):
        return None
    return (now - then) / then


def first_day(day: date, unit: str) -> date:
    """The first day of the month, quarter or year that a day lies in."""
    while not (day.day == 1 and (unit == "month" or day.month in ((1, 4, 7, 10) if unit == "quarter" else (1,)))):
        day -= timedelta(days=1)
    return day


def aggregated(function: str, rows: list[tuple[datetime | None, str, Any]]) -> Any:
    """An aggregate of (start, id, value) without nulls; a row without a start comes first in order."""
    values = [value for _, _, value in rows]
    if function == "distinct":
        return float(len(set(values)))
    if function == "sum":
        return float(math.fsum(values))
    if not values:
        return None
    if function == "avg":
        return math.fsum(values) / len(values)
    if function in ("min", "max"):
        return min(values) if function == "min" else max(values)
    ordered = sorted(rows, key=lambda row: (row[0] is not None, row[0] and row[0].timestamp(), row[1]))
    return ordered[-1 if function == "latest" else 0][2]


def _strict(function: Callable[..., Any]) -> Callable[[list[Any]], Any]:
    """Null of any null."""
    return lambda given: None if any(each is None for each in given) else function(*given)


def _round(x: float, places: float = 0) -> float:
    """Halves away from zero."""
    factor = 10.0 ** int(places)
    return math.copysign(math.floor(abs(x) * factor + 0.5) / factor, x)


def _scale(x: float, low: float, high: float) -> float | None:
    return None if low == high else 100 * min(max((x - low) / (high - low), 0.0), 1.0)


def _steps(given: list[Any]) -> Any:
    x, *pairs = given
    best: tuple[float, Any] | None = None
    for bound, value in zip(pairs[::2], pairs[1::2], strict=True):
        if x is not None and bound is not None and bound <= x and (best is None or bound > best[0]):
            best = (bound, value)
    return None if best is None else best[1]


def _known(given: list[Any]) -> list[Any]:
    return [each for each in given if each is not None]


CALLS: dict[str, Callable[[list[Any]], Any]] = {
    "scale": _strict(_scale),
    "steps": _steps,
    "coalesce": lambda given: next(iter(_known(given)), None),
    "abs": _strict(abs),
    "round": _strict(_round),
    "least": lambda given: min(_known(given), default=None),
    "greatest": lambda given: max(_known(given), default=None),
}
