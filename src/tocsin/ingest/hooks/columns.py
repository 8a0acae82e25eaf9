"""Values for the columns of a collection, by the types that the collection declares."""

from __future__ import annotations

import re
from typing import Any
from zoneinfo import ZoneInfo

from tocsin.core.errors import UserError
from tocsin.core.language import suggestion
from tocsin.core.moment import iso
from tocsin.core.schema import COLLECTIONS, ColumnType
from tocsin.ingest.hooks.values import CastError, as_day, as_key, as_moment, as_number, clean, shown

UPDATED = "updated_at"
_WORDS = re.compile(r"[A-Z]+(?=[A-Z][a-z])|[A-Z]?[a-z0-9]+|[A-Z]+|[0-9]+")
_RESERVED = frozenset({"id", "account_id", "person_id", UPDATED})
_TRUE, _FALSE = frozenset({"true", "yes", "1"}), frozenset({"false", "no", "0"})


def snake(name: str) -> str:
    """A name in snake case: `annualRevenue`, `Annual Revenue` and `AnnualRevenue__c` are `annual_revenue`."""
    return "_".join(_WORDS.findall(name.removesuffix("__c"))).lower()


def attribute(name: str, vendor: str) -> str:
    """The column of a field that nobody mapped: of that name in snake case; '' where nothing is left of it.

    What would be taken for a key goes under the vendor's name (`hubspot_id`).
    """
    column = snake(name)
    return f"{vendor}_{column}" if column in _RESERVED else column


def type_of(collection: str, column: str) -> ColumnType:
    """The type of a column. UserError where the collection has none of that name and takes no custom attributes."""
    declared = COLLECTIONS[collection]
    if column in declared:
        return declared.column(column).type
    if declared.custom:
        return "time" if column == UPDATED else "any"
    hint = suggestion(column, declared.names) or f"; it has {', '.join(declared.names)}"
    raise UserError(f"{collection} has no column {column!r}{hint}")


def value_for(collection: str, column: str, value: Any, zone: ZoneInfo) -> Any:
    """A value as its column takes it: None for null and for blank text. CastError where it is not of the column's type."""
    if value is None or (isinstance(value, str) and not clean(value)):
        return None
    return _cast(type_of(collection, column), value, zone)


def _cast(kind: ColumnType, value: Any, zone: ZoneInfo) -> Any:
    if kind == "time":
        return iso(as_moment(value))
    if kind == "date":
        return as_day(value, zone)
    if kind == "number":
        return as_number(value)
    if kind == "boolean":
        return _boolean(value)
    if kind == "list":
        return _texts(value)
    if kind == "json":
        if not isinstance(value, dict):
            raise CastError(f"is {shown(value)}, no object")
        return value
    return _text(value) if kind == "text" else _scalar(value)


def _boolean(value: Any) -> bool:
    if isinstance(value, bool):
        return value
    word = str(value).strip().lower() if isinstance(value, str | int) else ""
    if word not in _TRUE | _FALSE:
        raise CastError(f"is {shown(value)}, neither true nor false")
    return word in _TRUE


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return clean(value)
    if isinstance(value, int | float):
        return as_key(value) or str(value)
    raise CastError(f"is {shown(value)}, no text")


def _scalar(value: Any) -> Any:
    if isinstance(value, dict | list):
        raise CastError(f"is {shown(value)}, no single value")
    if isinstance(value, str | bool):
        return clean(value) if isinstance(value, str) else value
    return as_number(value) if isinstance(value, float) or abs(value) >= 2**63 else value


def _texts(value: Any) -> list[str]:
    parts = value if isinstance(value, list) else [value]
    return [_text(each) for each in parts if each is not None]
