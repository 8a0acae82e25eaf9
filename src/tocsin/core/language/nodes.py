"""What a formula says: the syntax tree, frozen, each node with its place in the text.

Equality passes over the place, so that two formulas that say the same are the same.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Literal as OneOf
from typing import TypeAlias

Value: TypeAlias = "bool | int | float | str | date | datetime | timedelta | tuple[Value, ...] | list[Value] | None"


Comparison: TypeAlias = OneOf["=", "!=", "<", "<=", ">", ">="]


@dataclass(frozen=True, slots=True)
class Span:
    """Where a node stands: offsets from 0 into the formula, the end excluded, and how deeply nodes are nested in it."""

    start: int
    end: int
    depth: int = 1


NOWHERE = Span(0, 0)


@dataclass(frozen=True, slots=True)
class Node:
    """A part of a formula."""

    span: Span = field(compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Literal(Node):
    """A constant: null, a boolean, a number, a text, a date, or a duration (as a value: its number of days)."""

    value: Value
    percent: bool = field(default=False, compare=False)


@dataclass(frozen=True, slots=True)
class Parameter(Node):
    """`$name`: a typed literal put in after parsing."""

    name: str


@dataclass(frozen=True, slots=True)
class Path(Node):
    """`name` or `first.second`: an attribute, a column, a property, or a signal."""

    first: str
    second: str | None = None

    @property
    def text(self) -> str:
        """The path as it was written."""
        return self.first if self.second is None else f"{self.first}.{self.second}"


@dataclass(frozen=True, slots=True)
class Call(Node):
    """A function of values, such as `ago(x, 30d)`."""

    name: str
    arguments: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class InLast(Node):
    """`in last 7d`: (T - length, T]."""

    length: Node


@dataclass(frozen=True, slots=True)
class After(Node):
    """`in 7d after X`: [X, X + length), cut at T."""

    length: Node
    anchor: Node


@dataclass(frozen=True, slots=True)
class Since(Node):
    """`since X`: [X, T]."""

    anchor: Node


@dataclass(frozen=True, slots=True)
class Aggregate(Node):
    """`sum(events.minutes where ... in last 7d)`. The function's name is in lower case."""

    function: str
    path: Path
    where: Node | None
    window: Node | None


@dataclass(frozen=True, slots=True)
class Arithmetic(Node):
    """`left + right` and so on."""

    operator: OneOf["+", "-", "*", "/"]
    left: Node
    right: Node


@dataclass(frozen=True, slots=True)
class Negative(Node):
    """`-x`."""

    operand: Node


@dataclass(frozen=True, slots=True)
class Compare(Node):
    """`left <= right` and so on."""

    operator: Comparison
    left: Node
    right: Node


@dataclass(frozen=True, slots=True)
class Among(Node):
    """`x in (a, b)`, or `x not in (a, b)`."""

    operand: Node
    options: tuple[Node, ...]
    negated: bool


@dataclass(frozen=True, slots=True)
class IsNull(Node):
    """`x is null`, or `x is not null`."""

    operand: Node
    negated: bool


@dataclass(frozen=True, slots=True)
class Between(Node):
    """`x between low and high`: both ends belong to it."""

    operand: Node
    low: Node
    high: Node


@dataclass(frozen=True, slots=True)
class Contains(Node):
    """`x contains item`: an item of a list, or a part of a text."""

    operand: Node
    item: Node


@dataclass(frozen=True, slots=True)
class Not(Node):
    """`not x`."""

    operand: Node


@dataclass(frozen=True, slots=True)
class And(Node):
    """`a and b and c`."""

    operands: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class Or(Node):
    """`a or b or c`."""

    operands: tuple[Node, ...]
