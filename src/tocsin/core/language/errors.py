"""A formula that cannot be read, and the names that it may have meant."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from difflib import get_close_matches
from typing import TypeVar

from tocsin.core.errors import UserError
from tocsin.core.language.nodes import Node, Span


class FormulaError(UserError):
    """A formula that cannot be read: bad syntax, an unknown name, or types that do not fit.

    message:  what stood there and what was expected, without the place.
    position: offset from 0 into the formula; `length` characters are at fault.
    others:   further mistakes of the same formula, found in the same reading.
    """

    def __init__(self, message: str, position: int = 0, length: int = 1) -> None:
        super().__init__(message)
        self.message = message
        self.position = position
        self.length = max(1, length)
        self.others: tuple[FormulaError, ...] = ()

    @property
    def all(self) -> tuple[FormulaError, ...]:
        """This mistake and the others, in the order of the text."""
        found = [self, *(each for other in self.others for each in other.all)]
        return tuple(sorted(found, key=lambda error: error.position))

    @classmethod
    def at(cls, place: Node | Span, message: str) -> FormulaError:
        """The error at a node or span."""
        span = place.span if isinstance(place, Node) else place
        return cls(message, span.start, span.end - span.start)

    def __str__(self) -> str:
        """Read as `column 7: unknown collection 'event', did you mean 'events'?`."""
        return f"column {self.position + 1}: {self.message}"


Made = TypeVar("Made")


def each_of(nodes: Sequence[Node], make: Callable[[Node], Made]) -> tuple[Made, ...]:
    """What is made of each node; where several fail, one error that holds all mistakes."""
    made: list[Made] = []
    errors: list[FormulaError] = []
    for node in nodes:
        try:
            made.append(make(node))
        except FormulaError as error:
            errors.append(error)
    if errors:
        first, *rest = errors
        first.others = (*first.others, *rest)
        raise first
    return tuple(made)


def suggestion(name: str, known: Iterable[str]) -> str:
    """Say `, did you mean 'events'?` for the nearest known name; nothing where none is near."""
    names = sorted(set(known))
    folded = {each.lower(): each for each in reversed(names)}
    near = get_close_matches(name.lower(), folded, n=1, cutoff=0.6)
    return f", did you mean {folded[near[0]]!r}?" if near else ""
