"""YAML 1.2 with places: each scalar knows where each of its characters stands in the file.

A scalar's value and its text in the file differ (quotes, escapes, folded lines), and a formula's error must point into the
file, so that an editor can jump there. `Scalar.at(offset)` maps one to the other.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from functools import lru_cache
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, YAMLError
from ruamel.yaml.events import AliasEvent
from ruamel.yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode
from ruamel.yaml.reader import ReaderError

SHORT = 16 * 1024  # characters of a text that is kept as it was read
_TAG = "tag:yaml.org,2002:"
_CONTINUED = re.compile(r"\\\r?\n[ \t]*")
_ESCAPE = re.compile(r"\\(?:x[0-9A-Fa-f]{2}|u[0-9A-Fa-f]{4}|U[0-9A-Fa-f]{8}|\r?\n[ \t]*|.)", re.DOTALL)


@dataclass(frozen=True, slots=True, order=True)
class Place:
    """A line and a column of a file, counted from 1."""

    line: int
    column: int


@dataclass(frozen=True, slots=True)
class Item:
    """A part of a YAML file. `start` and `end` are offsets into `file_text`, the end excluded."""

    place: Place
    file_text: str = field(repr=False)
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Scalar(Item):
    """A single value: text, float, int, bool or None, and its text as the file reads it (unquoted, unfolded)."""

    value: str | int | float | bool | None
    text: str
    style: str | None = None

    def at(self, offset: int) -> Place:
        """Where the character at an offset of `text` stands in the file; past the end: behind the last character."""
        raw = self.file_text[self.start : self.end]
        places = list(_alignment(raw, self.text, self.style))
        if 0 <= offset < len(places):
            return place_of(self.file_text, self.start + places[offset])
        content = [place for place, char in zip(places, self.text, strict=True) if not char.isspace()]
        return place_of(self.file_text, self.start + (content[-1] + 1 if content else 0))


@dataclass(frozen=True, slots=True)
class Items(Item):
    """A list."""

    entries: tuple[Item, ...]


@dataclass(frozen=True, slots=True)
class Fields(Item):
    """A mapping, in the order of the file; a key that is there twice is there twice."""

    entries: tuple[tuple[Scalar, Item], ...]

    def get(self, name: str) -> Item | None:
        """The value under a key; None where there is none, or where it is null."""
        found = next((value for key, value in self.entries if key.text == name), None)
        return None if isinstance(found, Scalar) and found.value is None else found

    def key(self, name: str) -> Item:
        """The key itself, to point at; the mapping where there is none."""
        return next((key for key, _ in self.entries if key.text == name), self)


class MarkedError(Exception):
    """A text that is not usable YAML: a sentence and the place."""

    def __init__(self, message: str, place: Place) -> None:
        super().__init__(message)
        self.message = message
        self.place = place


def place_of(text: str, offset: int) -> Place:
    """The line and column of an offset into a text."""
    before = text[:offset]
    return Place(before.count("\n") + 1, offset - (before.rfind("\n") + 1) + 1)


def read(text: str) -> Item | None:
    """The one document of a text; None where it is empty. MarkedError where it is no YAML, or more than rule files hold."""
    return _read_once(text) if len(text) <= SHORT else _read(text)


def _read(text: str) -> Item | None:
    text = text.removeprefix("\ufeff")
    try:
        _refuse_aliases(text)
        node = YAML(typ="safe", pure=True).compose(text)
        return None if node is None else _item(node, text)
    except MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        place = Place(mark.line + 1, mark.column + 1) if mark else Place(1, 1)
        said = ", ".join(part for part in (error.context, error.problem) if part) or "bad syntax"
        raise MarkedError(f"this is no YAML: {said}", place) from error
    except ReaderError as error:
        place = place_of(text, error.position if isinstance(error.position, int) else 0)
        raise MarkedError("this is no YAML: the character here may not stand in a text file", place) from error
    except (YAMLError, ValueError) as error:
        raise MarkedError(f"this is no YAML: {error}".splitlines()[0], Place(1, 1)) from error
    except RecursionError as error:
        raise MarkedError("the file is nested too deeply", Place(1, 1)) from error


# A rule is read when it is published, and again for what is in force; reading YAML is most of what either takes.
_read_once = lru_cache(maxsize=256)(_read)


def _refuse_aliases(text: str) -> None:
    """An alias could make a text of a few lines mean gigabytes, or hold itself."""
    if "*" not in text:
        return
    for event in YAML(typ="safe", pure=True).parse(text):
        if isinstance(event, AliasEvent):
            place = place_of(text, event.start_mark.index)
            raise MarkedError(f"the alias *{event.anchor} is not supported in rule files; write it out", place)


def plain(item: Item | None) -> Any:
    """The item as plain Python values; of a key that is there twice, the first."""
    match item:
        case Scalar(value=value):
            return value
        case Items(entries=entries):
            return [plain(each) for each in entries]
        case Fields():
            made: dict[str, Any] = {}
            for key, held in item.entries:
                made.setdefault(key.text, plain(held))
            return made
    return None


def scalars(item: Item) -> Iterator[Scalar]:
    """All scalars of an item, keys left out, in order."""
    match item:
        case Scalar():
            yield item
        case Items(entries=entries):
            for each in entries:
                yield from scalars(each)
        case Fields():
            for _, value in item.entries:
                yield from scalars(value)


def source(item: Item) -> str:
    """The text of a block as its author wrote it, without indentation, with the comments in it and right above it."""
    text = item.file_text
    start = item.start - (item.place.column - 1)
    while (above := text.rfind("\n", 0, max(0, start - 1)) + 1) < start and text[above:start].lstrip().startswith("#"):
        start = above
    end = text.find("\n", max(item.start, item.end - 1))
    lines = text[start : len(text) if end < 0 else end].splitlines()
    indent = item.place.column - 1
    first = next(number for number, line in enumerate(lines) if not line.lstrip().startswith("#"))
    lines[first] = " " * indent + lines[first][indent:]
    return "\n".join(line[min(indent, len(line) - len(line.lstrip(" "))) :].rstrip() for line in lines) + "\n"


def _item(node: Node, text: str) -> Item:
    start, end = node.start_mark.index, node.end_mark.index
    place = Place(node.start_mark.line + 1, node.start_mark.column + 1)
    if isinstance(node, ScalarNode):
        return Scalar(place, text, start, end, _value(node, place), node.value, node.style)
    entries = _settled([_item(each, text) for each in _children(node)], in_pairs=isinstance(node, MappingNode))
    if entries and text[end - 1] not in "]}":  # the mark of a block stands behind the comments that follow it
        end = max(start, *(each.end for each in entries))
    if isinstance(node, SequenceNode):
        return Items(place, text, start, end, tuple(entries))
    pairs = []
    for key, value in zip(entries[::2], entries[1::2], strict=True):
        if not isinstance(key, Scalar):
            raise MarkedError("a key must be a plain word", key.place)
        pairs.append((key, value))
    return Fields(place, text, start, end, tuple(pairs))


def _settled(entries: list[Item], *, in_pairs: bool) -> list[Item]:
    """The keys and values of a mapping, where a value that is not there stands right behind its key."""
    for number in range(1, len(entries) if in_pairs else 0, 2):
        key, value = entries[number - 1], entries[number]
        if isinstance(value, Scalar) and not value.text and value.style is None:
            entries[number] = replace(value, start=key.end, end=key.end, place=place_of(key.file_text, key.end))
    return entries


def _children(node: Node) -> list[Node]:
    if isinstance(node, MappingNode):
        return [each for pair in node.value for each in pair]
    return list(node.value)


def _value(node: ScalarNode, place: Place) -> str | int | float | bool | None:
    kind = str(node.tag).removeprefix(_TAG)
    text: str = node.value
    try:
        match kind:
            case "null":
                return None
            case "bool":
                return text.lower() == "true"
            case "int":
                return int(text.replace("_", ""), 0)
            case "float":
                return float(text.replace("_", "").replace(".inf", "inf").replace(".nan", "nan"))
    except ValueError:
        return text
    if kind in {"str", "timestamp", "merge", "value"}:
        return text
    raise MarkedError(f"the tag {node.tag} is not supported in rule files", place)


def _alignment(raw: str, value: str, style: str | None) -> Iterator[int]:
    """For each character of a scalar's value, the offset in its raw text; white space, which folds, stands where it can."""
    cursor = 0
    if style in {"|", ">"}:  # the header line, with its comment
        cursor = raw.find("\n") + 1
    elif style in {"'", '"'}:
        cursor = 1
    last = max(0, len(raw) - 1)
    for char in value:
        escape = _ESCAPE.match(raw, cursor) if style == '"' else None
        if char.isspace() and not (escape and not _CONTINUED.match(raw, cursor)):
            yield min(cursor, last)
            cursor += cursor < len(raw) and raw[cursor].isspace()
            continue
        while cursor < len(raw) and raw[cursor].isspace():
            cursor += 1
        if style == '"':
            continued = _CONTINUED.match(raw, cursor)
            cursor = continued.end() if continued else cursor
            escape = _ESCAPE.match(raw, cursor)
        yield min(cursor, last)
        cursor = escape.end() if escape else cursor + (2 if style == "'" and char == "'" else 1)
