"""`columns.yaml` of a mapping: names, local dates and numbers, types of custom attributes, and words that stand for others."""

from __future__ import annotations

from collections.abc import Mapping
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, YAMLError

from tocsin.core.errors import UserError
from tocsin.core.schema import COLLECTIONS
from tocsin.facts.cells import Formats, date_format, decimal_sign
from tocsin.facts.importing.columns import Reading
from tocsin.facts.importing.encodings import encoding_named
from tocsin.facts.importing.sources import shown

TYPES = ("text", "number", "boolean", "date", "time")
_TOP = ("date_format", "decimal")
_OF_COLLECTION = ("date_format", "decimal", "encoding", "files", "leave_out", "columns")
_OF_COLUMN = ("from", "type", "date_format", "decimal", "values")


def read_columns_yaml(path: Path, formats: Formats) -> dict[str, Reading]:
    """Collection -> how its cells are read; the command line's formats hold where the file says nothing.

    UserError, naming file and place, for anything that is not understood.
    """
    place = shown(path)
    try:
        text = path.read_text("utf-8")
    except (OSError, ValueError) as error:
        raise UserError(f"{place} cannot be read: {str(error).splitlines()[0]}") from error
    return columns_said(text, place, formats)


def columns_said(text: str, place: str, formats: Formats) -> dict[str, Reading]:
    """What the text of a `columns.yaml` says, see `read_columns_yaml`. place: what errors call it."""
    try:
        document = YAML(typ="safe", pure=True).load(text)
    except MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark is not None else 0
        raise UserError(f"{place}:{line}: {error.problem or 'this is no YAML'}") from error
    except (YAMLError, ValueError, RecursionError) as error:
        raise UserError(f"{place} cannot be read: {str(error).splitlines()[0]}") from error
    top = _mapping(document or {}, place)
    formats = _formats(top, formats, place)
    readings = {}
    for name, given in top.items():
        if name in _TOP:
            continue
        if name not in COLLECTIONS:
            raise _unknown(f"{place}: unknown collection", name, [*COLLECTIONS, *_TOP])
        readings[name] = _reading(name, _mapping(given or {}, f"{place}: {name}"), formats, f"{place}: {name}")
    return {name: readings.get(name, Reading(formats)) for name in COLLECTIONS}


def _reading(collection: str, given: Mapping[str, Any], formats: Formats, place: str) -> Reading:
    _known(given, _OF_COLLECTION, place)
    formats = _formats(given, formats, place)
    columns: dict[str, Formats] = {}
    rename: dict[str, str] = {}
    types: dict[str, str] = {}
    for column, spec in _mapping(given.get("columns") or {}, f"{place}: columns").items():
        where = f"{place}.{column}"
        spec = {"from": spec} if isinstance(spec, str | list) else _mapping(spec or {}, where)  # noqa: PLW2901
        _known(spec, _OF_COLUMN, where)
        for source in _texts(spec.get("from"), f"{where}: from"):
            rename[source] = column
        if "type" in spec:
            types[column] = _type(collection, column, spec["type"], where)
        values = _mapping(spec.get("values") or {}, f"{where}: values")
        own = _formats(spec, formats, where)
        columns[column] = Formats(own.date_format, own.decimal, {key: _word(new) for key, new in values.items()})
    left_out = frozenset(_texts(given.get("leave_out"), f"{place}: leave_out"))
    return Reading(
        formats, columns, rename, types, left_out, _texts(given.get("files"), f"{place}: files"), _encoding(given, place)
    )


def _type(collection: str, column: str, kind: object, where: str) -> str:
    if kind not in TYPES:
        raise UserError(f"{where}: unknown column type {str(kind)!r}; write one of {', '.join(TYPES)}")
    declared = COLLECTIONS[collection]
    if column in declared and declared.column(column).type not in (kind, "any"):
        raise UserError(f"{where}: {column} is {declared.column(column).type}, not {kind}; leave the type out")
    return str(kind)


def _formats(given: Mapping[str, Any], formats: Formats, place: str) -> Formats:
    try:
        return Formats(
            date_format(str(given["date_format"])) if given.get("date_format") is not None else formats.date_format,
            decimal_sign(str(given["decimal"])) if given.get("decimal") is not None else formats.decimal,
        )
    except UserError as error:
        raise UserError(f"{place}: {error}") from error


def _texts(value: object, place: str) -> tuple[str, ...]:
    """One text or a list of them; nothing where it is not given."""
    listed = value if isinstance(value, list) else [] if value is None else [value]
    found = tuple(_word(each) for each in listed)
    if any(isinstance(each, dict | list) for each in listed) or not all(found):
        raise UserError(f"{place}: a name or a list of names is expected")
    return tuple(each for each in found if each)


def _encoding(given: Mapping[str, Any], place: str) -> str | None:
    name = given.get("encoding")
    if name is None:
        return None
    try:
        return encoding_named(str(name))
    except UserError as error:
        raise UserError(f"{place}: {error}") from error


def _mapping(value: object, place: str) -> Mapping[str, Any]:
    """A YAML mapping with its keys as the texts that a file would hold."""
    if not isinstance(value, Mapping):
        raise UserError(f"{place}: a mapping is expected (`name: value` lines), not {type(value).__name__}")
    return {_word(key) or "": each for key, each in value.items()}


def _word(value: object) -> str | None:
    """A YAML scalar as text."""
    if value is None:
        return None
    return str(value).lower() if isinstance(value, bool) else str(value)


def _known(given: Mapping[str, Any], names: tuple[str, ...], place: str) -> None:
    for name in given:
        if name not in names:
            raise _unknown(f"{place}: unknown setting", name, list(names))


def _unknown(what: str, name: str, names: list[str]) -> UserError:
    near = get_close_matches(name, names, 1)
    hint = f"did you mean {near[0]}?" if near else f"write one of {', '.join(names)}"
    return UserError(f"{what} {name!r}; {hint}")
