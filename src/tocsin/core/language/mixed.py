"""Texts that may hold values of other types: attributes typed by their values, where these do not agree.

One account whose tier is `tech touch` makes the tier of all of them text. A formula that compares such a term with a number, a
truth, a date or a time reads each value by itself, and is null where the value is none of that type, as of a property.
"""

from __future__ import annotations

from dataclasses import replace

from tocsin.core.language import terms
from tocsin.core.language.names import ENTITY_COLLECTIONS, typed_by_values
from tocsin.core.language.terms import Operation, Term, Type

READ_AS = "read_as"  # the operation that reads a text as the operation's type
READABLE: tuple[Type, ...] = ("number", "boolean", "time", "date")
_LEAST = ("least", "greatest")
_VALUES = {"coalesce": slice(0, None), "if": slice(1, None), "steps": slice(2, None, 2)} | dict.fromkeys(_LEAST, slice(0, None))


def is_mixed(term: Term) -> bool:
    """Whether a text is of an attribute typed by its values, so that any of them may be a number, a truth, a date or a time."""
    if term.type != "text":
        return False
    match term:
        case terms.Attribute(entity=entity, name=name) | terms.Turned(entity=entity, name=name):
            return entity in ENTITY_COLLECTIONS and typed_by_values(ENTITY_COLLECTIONS[entity], name)
        case terms.Column(collection=collection, name=name) | terms.Given(collection=collection, name=name):
            return typed_by_values(collection, name)
        case terms.OfAccount(term=inner) | terms.Ago(operand=inner):
            return is_mixed(inner)
        case terms.Aggregated(column=Term() as column):
            return is_mixed(column)
        case Operation(name=name, arguments=given) if name in _VALUES:
            known = [each for each in given[_VALUES[name]] if each.type != "null"]
            return bool(known) and all(map(is_mixed, known))
    return False


def is_open(term: Term) -> bool:
    """Whether only the value of a term tells its type: of a property, and of a mixed text."""
    return term.type == "json" or is_mixed(term)


def read(term: Term, wanted: Type) -> Term:
    """A mixed text as the wanted type; the least and the greatest of several are those of the values of that type."""
    match term:
        case terms.Aggregated(function="min" | "max", column=Term() as column):
            return replace(term, type=wanted, column=read(column, wanted))
        case Operation(name=name, arguments=given) if name in _LEAST:
            return Operation(wanted, name, tuple(read(each, wanted) if is_mixed(each) else each for each in given))
    return Operation(wanted, READ_AS, (term,))
