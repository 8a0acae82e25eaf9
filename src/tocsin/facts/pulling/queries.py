"""The SELECTs of a mapping folder that run in another database, and where `:since` stands in them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from tocsin.core.errors import UserError
from tocsin.facts.cells import Formats
from tocsin.facts.importing.columns import Reading
from tocsin.facts.importing.mapping import read_mapping
from tocsin.facts.importing.sources import in_order, shown

SINCE = "since"
# What stands in texts, names and comments is no parameter, and neither is a cast (`::date`).
_PIECES = re.compile(
    r"'(?:[^']|'')*'|\"(?:[^\"]|\"\")*\"|--[^\n]*|/\*.*?\*/|\$(?P<tag>\w*)\$.*?\$(?P=tag)\$|::|:(?P<name>[A-Za-z_]\w*)",
    re.DOTALL,
)


@dataclass(frozen=True, slots=True)
class Query:
    """A SELECT for a collection. text: without the semicolon at its end. incremental: `:since` stands in it."""

    collection: str
    file: Path
    text: str
    reading: Reading
    incremental: bool

    def written(self, parameter: str, *, doubled: str = "") -> str:
        """The SELECT as a database is given it: `:since` as `parameter`, and each `doubled` elsewhere written twice."""
        out, last = [], 0
        for piece in _PIECES.finditer(self.text):
            if piece["name"] == SINCE:
                out += [_doubled(self.text[last : piece.start()], doubled), parameter]
                last = piece.end()
        return "".join([*out, _doubled(self.text[last:], doubled)])


def read_queries(mapping: Path) -> list[Query]:
    """The SELECTs of a mapping folder in the order in which collections are stored. UserError where it holds none."""
    held = read_mapping(mapping, Formats())
    if not held.queries:
        raise UserError(f"the mapping {shown(mapping)} holds no COLLECTION.sql; write one SELECT per collection")
    return [_query(name, held.queries[name], held.readings) for name in in_order(held.queries)]


def _query(collection: str, file: Path, readings: Mapping[str, Reading]) -> Query:
    try:
        text = file.read_text("utf-8-sig").rstrip().rstrip(";").rstrip()
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(f"{shown(file)} cannot be read: {getattr(error, 'strerror', None) or 'it is not UTF-8'}") from error
    if not text.strip():
        raise UserError(f"{shown(file)} is empty; write one SELECT")
    names = {piece["name"] for piece in _PIECES.finditer(text) if piece["name"]}
    for name in sorted(names - {SINCE}):
        raise UserError(f"{shown(file)}: there is no parameter :{name}; a SELECT may use :{SINCE}")
    return Query(collection, file, text, readings[collection], SINCE in names)


def _doubled(text: str, sign: str) -> str:
    return text.replace(sign, sign * 2) if sign else text
