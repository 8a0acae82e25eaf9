"""What a formula means: the typed tree, frozen and hashable, every name resolved, signals and parameters put in.

A term is a value of a subject as of a moment T (or, inside an aggregate's filter, of a row). Two terms that are equal have
the same value, so that the engine computes it once.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, fields, replace
from datetime import timedelta
from functools import cached_property
from typing import Any, Literal, TypeAlias

from tocsin.core.language.nodes import Value

# `null` is the type of null alone, and of an attribute that has no value anywhere; it goes with every type.
# `json` is a property whose type only its value tells.
Type: TypeAlias = Literal["number", "text", "boolean", "time", "date", "list", "json", "null"]
Entity: TypeAlias = Literal["account", "person", "csm", "team", "company"]
Unit: TypeAlias = Literal["month", "quarter", "year"]
UNITS: tuple[Unit, ...] = ("month", "quarter", "year")  # of `start_of`


@dataclass(frozen=True)
class Term:
    """A typed part of a formula."""

    type: Type

    def children(self) -> Iterator[Term]:
        """The terms directly inside, also those of a filter or an anchor."""
        return iter(self._children)

    @cached_property
    def _children(self) -> tuple[Term, ...]:
        """Kept after the first call: terms are walked again and again."""
        found: list[Term] = []
        for each in fields(self):
            value = getattr(self, each.name)
            if isinstance(value, Term):
                found.append(value)
            elif isinstance(value, Window):
                if value.anchor is not None:
                    found.append(value.anchor)
            elif isinstance(value, tuple):
                found += (item for item in value if isinstance(item, Term))
        return tuple(found)

    @cached_property
    def _hash(self) -> int:
        return hash((type(self).__name__, *(getattr(self, each.name) for each in fields(self))))

    def __hash__(self) -> int:
        """Kept after the first call: equal terms are looked up many times."""
        return self._hash


@dataclass(frozen=True)
class Const(Term):
    """A constant. A duration has become its number of days."""

    value: Value
    __hash__ = Term.__hash__

    def __eq__(self, other: object) -> bool:
        """Equal in type too: True is not 1 here."""
        return isinstance(other, Const) and (self.type, self.value) == (other.type, other.value)


@dataclass(frozen=True)
class Attribute(Term):
    """An attribute of the subject (or of its account) as of T. Those of a csm, a team or the company are constant."""

    entity: Entity
    name: str
    __hash__ = Term.__hash__


@dataclass(frozen=True)
class Turned(Term):
    """Of an attribute's changes up to T: when it took its present value (`since`), or the value before (`previous`).

    of_row: the attribute belongs to the row that a filter looks at (a person), not to the subject.
    """

    entity: Entity
    name: str
    aspect: Literal["since", "previous"]
    of_row: bool = False
    __hash__ = Term.__hash__


@dataclass(frozen=True)
class FeatureName(Term):
    """The feature, of a subject of that kind."""

    __hash__ = Term.__hash__


@dataclass(frozen=True)
class Column(Term):
    """A column of the row that a filter looks at, as of T; declared, derived (`age`, `open`) or custom."""

    collection: str
    name: str
    __hash__ = Term.__hash__


@dataclass(frozen=True)
class Property(Term):
    """A property of the event that a filter looks at, read as the term's type: null where its JSON has another type."""

    name: str
    __hash__ = Term.__hash__


@dataclass(frozen=True)
class Given(Term):
    """A column of the row that set a trigger off: `event.name`, `row.priority`."""

    collection: str
    name: str
    __hash__ = Term.__hash__


@dataclass(frozen=True)
class Operation(Term):
    """An operator or a function of values, by name; see `engine.sql` for what each comes to.

    Comparisons `= != < <= > >=`, `among` (first argument in the others), `is_null`, `contains`, `and`, `or`, `not`, `+ - * /`,
    `negative`, and the functions of the language under their own names. `days_since` and `workdays_since` look at T.
    """

    name: str
    arguments: tuple[Term, ...]
    __hash__ = Term.__hash__


@dataclass(frozen=True)
class Window:
    """Which starts count: `last` (T - length, T]; `after` [anchor, anchor + length) cut at T; `since` [anchor, T]."""

    kind: Literal["last", "after", "since"]
    length: timedelta | None = None
    anchor: Term | None = None


@dataclass(frozen=True)
class Aggregated(Term):
    """An aggregate over the subject's rows that exist as of T, start in the window, and for which `where` is true."""

    function: str
    collection: str
    column: Term | None
    where: Term | None
    window: Window | None
    __hash__ = Term.__hash__


@dataclass(frozen=True)
class Ago(Term):
    """The operand as of T - length; null where the subject did not exist yet."""

    operand: Term
    length: timedelta
    __hash__ = Term.__hash__


@dataclass(frozen=True)
class OfAccount(Term):
    """The value of a term about accounts for the account at hand, as of T.

    Inside an aggregate over `accounts` that is the row's account; else the account of the subject (a person or a feature). The
    term may hold aggregates, also inside a filter: they are computed per account, before.
    """

    term: Term
    __hash__ = Term.__hash__


@dataclass(frozen=True)
class StartOf(Term):
    """The first day of T's month, quarter or year in the workspace's zone."""

    unit: Unit
    __hash__ = Term.__hash__


@dataclass(frozen=True)
class Market(Term):
    """The median of an account formula over all active accounts, as of the latest start of day at or before T."""

    operand: Term
    __hash__ = Term.__hash__


def walk(term: Term) -> Iterator[Term]:
    """The term and all terms inside it, outermost first."""
    waiting = [term]
    while waiting:
        each = waiting.pop()
        yield each
        waiting += reversed(each._children)  # noqa: SLF001 - of this module


def own(term: Term) -> Iterator[Term]:
    """As `walk`, without what stands inside an `OfAccount`: that is about another subject."""
    yield term
    if not isinstance(term, OfAccount):
        for child in term.children():
            yield from own(child)


def mapped(term: Term, change: Callable[[Term], Term]) -> Term:
    """The term with each term directly inside it changed; the very term where that changes none of them."""

    def changed(value: Any) -> Any:
        match value:
            case Term():
                return change(value)
            case Window(anchor=Term() as anchor):
                moved = change(anchor)
                return value if moved is anchor else replace(value, anchor=moved)
            case tuple():
                made = tuple(changed(each) for each in value)
                return made if any(one is not other for one, other in zip(made, value, strict=True)) else value
        return value

    if not term._children:  # noqa: SLF001 - of this module
        return term
    found = {each.name: getattr(term, each.name) for each in fields(term)}
    made = {name: changed(value) for name, value in found.items()}
    different = {name: value for name, value in made.items() if value is not found[name]}
    return replace(term, **different) if different else term
