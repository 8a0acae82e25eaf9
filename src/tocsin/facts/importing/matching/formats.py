"""How the cells of a column are written, told by the cells themselves: dates, decimal signs, and what type they can be."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from tocsin.core.schema import ColumnType
from tocsin.facts.cells import DATE, TIME
from tocsin.facts.importing.matching.looks import Field

# As people write them; the first that reads all cells is taken. Days before months: they are the more frequent in the world.
DATE_FORMATS = (
    "DD.MM.YYYY", "DD/MM/YYYY", "MM/DD/YYYY", "DD-MM-YYYY", "MM-DD-YYYY", "YYYY/MM/DD", "YYYY.MM.DD", "YYYYMMDD", "DD.MM.YY",
    "DD/MM/YY", "MM/DD/YY", "DD MMM YYYY", "DD-MMM-YYYY", "MMM DD YYYY", "MMM DD, YYYY", "DD MMMM YYYY", "MMMM DD, YYYY",
)  # fmt: skip
_CLOCKS = ("", " HH:mm", " HH:mm:ss", " hh:mm A", " hh:mm:ss A")
_WORDS = {
    "YYYY": "%Y", "YY": "%y", "MMMM": "%B", "MMM": "%b", "MM": "%m", "DD": "%d", "HH": "%H", "hh": "%I", "mm": "%M",
    "ss": "%S", "A": "%p",
}  # fmt: skip
_ISO = re.compile(rf"{TIME}|{DATE}")
_PLAIN = re.compile(r"[-+]?(\d+(\.\d*)?|\.\d+)([eE][-+]?\d+)?")
_COMMA = re.compile(r"[-+]?(\d{1,3}([. '’\u00a0\u202f]\d{3})+|\d+)(,\d+)?")
_POINT = re.compile(r"[-+]?(\d{1,3}([, '’\u00a0\u202f]\d{3})+|\d+)(\.\d+)?")
_BOOLEAN = frozenset({"true", "t", "yes", "y", "1", "false", "f", "no", "n", "0"})
ENOUGH = 0.8  # of the cells that a type must fit


@dataclass(frozen=True, slots=True)
class Written:
    """How a column is written for a type. fits: the share of its cells that can be read so (0 to 1).

    date_format: '' where dates are ISO 8601; decimal: '' for plain numbers. either: another date format reads them all as well.
    """

    fits: float
    date_format: str = ""
    decimal: str = ""
    either: str = ""


def written_as(field: Field, kind: ColumnType) -> Written:
    """How the cells of a column are to be read as a type. An empty column fits everything."""
    cells = [value.strip() for value, _ in field.values]
    if not cells or field.sure:
        return Written(1.0)
    if kind in ("time", "date"):
        return _dates(cells)
    if kind == "number":
        return _numbers(cells)
    if kind == "boolean":
        return Written(sum(each.lower() in _BOOLEAN for each in cells) / len(cells))
    if kind == "list":
        return Written(sum(each.startswith("[") for each in cells) / len(cells))
    if kind == "json":
        return Written(sum(each.startswith("{") for each in cells) / len(cells))
    return Written(1.0)


def _dates(cells: Sequence[str]) -> Written:
    iso = sum(_ISO.fullmatch(each) is not None for each in cells) / len(cells)
    if iso >= ENOUGH:
        return Written(iso)
    found = []
    for day in DATE_FORMATS:
        for clock in _CLOCKS:
            share = sum(_reads(each, day + clock) for each in cells) / len(cells)
            if share >= ENOUGH:
                found.append((share, day + clock))
    if not found:
        return Written(iso)
    best = max(share for share, _ in found)
    first, *others = [form for share, form in found if share == best]
    return Written(best, first, either=others[0] if others else "")


def _reads(text: str, form: str) -> bool:
    made = re.sub("YYYY|YY|MMMM|MMM|MM|DD|HH|hh|mm|ss|A", lambda word: _WORDS[word[0]], form)
    try:
        datetime.strptime(text, made)  # noqa: DTZ007 - whether it can be read, not what it means
    except ValueError:
        return False
    # `strptime` takes two digits for a year of four.
    return "YYYY" not in form or re.search(r"\d{4}", text) is not None


def _numbers(cells: Sequence[str]) -> Written:
    shares = [(sum(form.fullmatch(each) is not None for each in cells) / len(cells), sign) for form, sign in _SIGNS]
    best = max(share for share, _ in shares)
    return Written(best, decimal=next(sign for share, sign in shares if share == best))


_SIGNS = ((_PLAIN, ""), (_COMMA, ","), (_POINT, "."))
