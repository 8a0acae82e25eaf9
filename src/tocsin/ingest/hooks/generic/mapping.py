"""The setting `mapping`: which rows a body of any shape holds, and where their columns stand in it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from tocsin.core.errors import UserError
from tocsin.core.language import suggestion
from tocsin.core.schema import COLLECTIONS
from tocsin.ingest.hooks.columns import type_of
from tocsin.ingest.hooks.values import shown

MADE_HERE = frozenset({"alerts"})
_PARTS = ("collection", "each", "columns", "when")
_ROOT = "$."
Absent = object()
"""What a path leads to where the body has nothing there; null is something."""


@dataclass(frozen=True, slots=True)
class Rule:
    """One kind of row. each: the path of the list that holds them, '' for one row. columns: column -> (path, constant)."""

    where: str
    collection: str
    each: str
    columns: Mapping[str, tuple[str | None, Any]] = field(hash=False)
    when: Mapping[str, Any] = field(hash=False)


def rules(settings: Mapping[str, object]) -> list[Rule]:
    """The rules of the setting, one or a list; none where it is not given. UserError says what is wrong with it."""
    given = settings.get("mapping")
    if given is None or given in ({}, []):
        return []
    if isinstance(given, Mapping):
        return [_rule(given, "mapping")]
    if isinstance(given, list | tuple):
        return [_rule(each, f"mapping[{number}]") for number, each in enumerate(given)]
    raise UserError(f"the setting mapping is {shown(given)}; write an object with collection and columns, or a list of them")


def collection_named(name: object, where: str) -> str:
    """A collection that takes rows from outside. UserError where there is none of that name, or the product makes its rows."""
    if not isinstance(name, str) or name not in COLLECTIONS:
        near = suggestion(name, COLLECTIONS) if isinstance(name, str) else ""
        raise UserError(f"{where} is {shown(name)}, no collection" + (near or f"; there are {', '.join(COLLECTIONS)}"))
    if name in MADE_HERE:
        raise UserError(f"{where} is {name}, whose rows Tocsin makes itself; choose another collection")
    return name


def _rule(given: object, where: str) -> Rule:
    if not isinstance(given, Mapping):
        raise UserError(f"the setting {where} is {shown(given)}; write an object with collection and columns")
    for name in given:
        if name not in _PARTS:
            raise UserError(f"the setting {where} has {shown(name)}, which means nothing; it has {', '.join(_PARTS)}")
    collection = collection_named(given.get("collection"), f"the setting {where}.collection")
    each = given.get("each") or ""
    if not isinstance(each, str):
        raise UserError(f"the setting {where}.each is {shown(each)}; give the path of a list, such as data.items")
    when = given.get("when") or {}
    if not isinstance(when, Mapping) or not all(isinstance(path, str) for path in when):
        raise UserError(f"the setting {where}.when is no object of paths and values; write such as {{'type': 'signup'}}")
    return Rule(where, collection, each, _columns(given.get("columns"), collection, f"{where}.columns"), when)


def _columns(given: object, collection: str, where: str) -> dict[str, tuple[str | None, Any]]:
    if not isinstance(given, Mapping) or not given:
        raise UserError(f"the setting {where} is {shown(given)}; write an object of columns and their paths in the body")
    found: dict[str, tuple[str | None, Any]] = {}
    for column, source in given.items():
        if not isinstance(column, str) or not column:
            raise UserError(f"the setting {where} has {shown(column)}, no name of a column")
        try:
            type_of(collection, column)
        except UserError as error:
            raise UserError(f"the setting {where}: {error}") from error
        if isinstance(source, str) and source:
            found[column] = (source, None)
        elif isinstance(source, Mapping) and source.keys() == {"value"}:
            found[column] = (None, source["value"])
        else:
            raise UserError(f"the setting {where}.{column} is {shown(source)}; give a path, or an object with a value")
    return found


def selected(rule: Rule, body: Any) -> Iterator[tuple[str, dict[str, Any]]]:
    """(place, column -> value) of each row that a rule finds in a body; what the body has not got is left out.

    Paths begin at a member of `each`, or with `$.` at the body.
    """
    for place, item in _items(rule, body):
        if all(_fits(at(path, item, body), wanted) for path, wanted in rule.when.items()):
            told = {name: const if path is None else at(path, item, body) for name, (path, const) in rule.columns.items()}
            yield place, {name: value for name, value in told.items() if value is not Absent}


def _items(rule: Rule, body: Any) -> Iterator[tuple[str, Any]]:
    if not rule.each:
        yield "the body", body
        return
    held = at(rule.each, body, body)
    if held is Absent or held is None:
        return
    if not isinstance(held, list):
        raise UserError(f"{rule.each} is {shown(held)}, no list; mend {rule.where}.each, or the sender")
    for number, item in enumerate(held):
        yield f"{rule.each}[{number}]", item


def _fits(value: Any, wanted: Any) -> bool:
    """Whether a value is the wanted one, or one of a list of them. True is not 1."""
    choices = wanted if isinstance(wanted, list | tuple) else [wanted]
    return any(type(value) is type(each) and value == each for each in choices)


def at(path: str, item: Any, body: Any) -> Any:
    """What a dotted path (`data.items.0.id`) leads to in an item, or Absent."""
    value = body if path.startswith(_ROOT) else item
    for part in path.removeprefix(_ROOT).split("."):
        if isinstance(value, dict) and part in value:
            value = value[part]
        elif isinstance(value, list) and part.isascii() and part.isdigit() and len(part) < 10 and int(part) < len(value):
            value = value[int(part)]
        else:
            return Absent
    return value
