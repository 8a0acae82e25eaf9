"""How the text of a cell becomes a value: SQL expressions that give the typed value, or null where the text is none.

Every expression takes an SQL text expression and is set-based; none raises on any input.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from zoneinfo import ZoneInfo

from tocsin.core.errors import UserError
from tocsin.facts.layout import literal

DATE = r"\d{4}-\d\d-\d\d"
TIME = DATE + r"[T ]\d{1,2}:\d\d(:\d\d(\.\d+)?)? ?(Z|z|[+-](0\d|1[0-4])(:?[0-5]\d)?)?"
NUMBER = r"[-+]?(\d+(\.\d*)?|\.\d+)([eE][-+]?\d+)?"
FIRST_INSTANT = "TIMESTAMP '0001-01-01'"
LAST_INSTANT = "TIMESTAMP '9999-12-31 23:59:59.999999'"
_GROUPED = {
    ",": r"[-+]?(\d{1,3}([. '’\x{00a0}\x{202f}]\d{3})+|\d+)(,\d+)?",
    ".": r"[-+]?(\d{1,3}([, '’\x{00a0}\x{202f}]\d{3})+|\d+)(\.\d+)?([eE][-+]?\d+)?",
}
# What one writes for a date in a spreadsheet -> what strptime calls it; longer words first.
_FORMAT_WORDS = {
    "YYYY": "%Y", "YY": "%y", "MMMM": "%B", "MMM": "%b", "MM": "%m", "M": "%m", "DD": "%d", "D": "%d",
    "HH": "%H", "hh": "%I", "mm": "%M", "ss": "%S", "A": "%p",
}  # fmt: skip
_STRPTIME = frozenset("aAbBdHIjmMpSyYzfnL%-")

WANTED = {
    "number": "no finite number",
    "boolean": "neither true nor false",
    "time": "no time; write ISO 8601 such as 2026-03-31T09:30:00Z, or say how dates are written with --date-format",
    "date": "no date; write ISO 8601 such as 2026-03-31, or say how dates are written with --date-format",
    "list": "no JSON array of texts",
    "json": "no JSON object",
    "text": "longer than 1,048,576 characters or holds a NUL",
    "any": "longer than 1,048,576 characters or holds a NUL",
}


@dataclass(frozen=True, slots=True)
class Formats:
    """How a column writes its cells: a strptime format of dates, the decimal sign, and words that stand for others."""

    date_format: str | None = None
    decimal: str | None = None
    values: Mapping[str, str | None] = field(default_factory=lambda: MappingProxyType({}))


def date_format(text: str) -> str:
    """A strptime format from `%d.%m.%Y` or from words such as DD.MM.YYYY; UserError for anything else."""
    if "%" in text:
        directives = re.findall(r"%(-?.|$)", text)
        if all(each and each[-1] in _STRPTIME for each in directives):
            return text
    elif re.search(r"Y", text) and re.search(r"D", text):
        words = "|".join(_FORMAT_WORDS)
        made = re.sub(words, lambda found: _FORMAT_WORDS[found[0]], text)
        if not re.search(r"(?<!%)[A-Za-z]", made.replace("T", "")):
            return made
    raise UserError(f"{text!r} is no date format; write one such as DD.MM.YYYY or %d/%m/%Y %H:%M")


def decimal_sign(text: str) -> str:
    """A comma or a point; UserError for anything else."""
    if text not in _GROUPED:
        raise UserError(f"{text!r} is no decimal sign; write , or .")
    return text


def mapped(x: str, formats: Formats) -> str:
    """The text after the column's value map."""
    if not formats.values:
        return x
    cases = " ".join(
        f"WHEN {literal(old)} THEN {'NULL' if new is None else literal(new)}" for old, new in formats.values.items()
    )
    return f"CASE {x} {cases} ELSE {x} END"


def parsed(x: str, kind: str, zone: ZoneInfo, formats: Formats) -> str:
    """The typed value of a text expression: null where the text is null or no such value."""
    if kind in ("text", "any"):
        return x
    x = f"trim({x})"
    match kind:
        case "number":
            return _number(x, formats.decimal)
        case "boolean":
            return (
                f"CASE WHEN lower({x}) IN ('true', 't', 'yes', 'y', '1') THEN true "
                f"WHEN lower({x}) IN ('false', 'f', 'no', 'n', '0') THEN false END"
            )
        case "time":
            return _time(x, zone, formats.date_format)
        case "date":
            return _date(x, zone, formats.date_format)
        case "list":
            return f"CASE WHEN json_type(TRY_CAST({x} AS JSON)) = 'ARRAY' THEN TRY_CAST(TRY_CAST({x} AS JSON) AS VARCHAR[]) END"
        case "json":
            return f"CASE WHEN json_type(TRY_CAST({x} AS JSON)) = 'OBJECT' THEN TRY_CAST({x} AS JSON) END"
    raise ValueError(f"unknown type of a column: {kind}")


def start_of_day(day: str, zone: ZoneInfo) -> str:
    """The instant at which a date begins in a zone, as TIMESTAMP in UTC; of a midnight that comes twice, the first."""
    if zone.key in ("UTC", "Etc/UTC"):
        return f"CAST({day} AS TIMESTAMP)"
    name, midnight = literal(zone.key), f"CAST({day} AS TIMESTAMP)"
    second = f"({midnight} AT TIME ZONE {name})"
    # The engine takes the second of two midnights: an hour before it the clock already showed that day.
    return (
        f"(CASE WHEN (({second} - INTERVAL 1 HOUR) AT TIME ZONE {name}) >= {midnight} "
        f"THEN {second} - INTERVAL 1 HOUR ELSE {second} END AT TIME ZONE 'UTC')"
    )


def day_of(instant: str, zone: ZoneInfo) -> str:
    """The calendar day in a zone of a TIMESTAMP in UTC."""
    return f"CAST((({instant}) AT TIME ZONE 'UTC') AT TIME ZONE {literal(zone.key)} AS DATE)"


def as_text(x: str, kind: str) -> str:
    """A typed value as the text that stands for it in the history of attributes: it casts back to the same value."""
    match kind:
        case "number":
            whole = f"{x} = trunc({x}) AND abs({x}) < 1e15"
            return f"CASE WHEN {whole} THEN CAST(CAST({x} AS BIGINT) AS VARCHAR) ELSE CAST({x} AS VARCHAR) END"
        case "boolean" | "date":
            return f"CAST({x} AS VARCHAR)"
        case "time":
            return f"strftime({x}, '%Y-%m-%dT%H:%M:%S.%fZ')"
        case "list" | "json":
            return f"CAST(to_json({x}) AS VARCHAR)"
    return x


def _number(x: str, decimal: str | None) -> str:
    if decimal is None:
        pattern, plain = NUMBER, x
    else:
        pattern = _GROUPED[decimal]
        plain = f"regexp_replace({x}, '[{'.' if decimal == ',' else ','} ''’\\x{{00a0}}\\x{{202f}}]', '', 'g')"
        plain = f"replace({plain}, ',', '.')"
    cast = f"TRY_CAST({plain} AS DOUBLE)"
    return f"CASE WHEN regexp_full_match({x}, {literal(pattern)}) AND isfinite({cast}) THEN {cast} END"


def _time(x: str, zone: ZoneInfo, local: str | None) -> str:
    iso = f"TRY_CAST({x} AS TIMESTAMPTZ) AT TIME ZONE 'UTC'"
    day = start_of_day(f"TRY_CAST({x} AS DATE)", zone)
    other = ""
    if local is not None:
        found = f"TRY_STRPTIME({x}, {literal(local)})"
        timed = bool(re.search("%-?[HIMSzf]", local))
        found = f"CAST({found} AS TIMESTAMP)" if timed else start_of_day(f"CAST({found} AS DATE)", zone)
        other = f" ELSE {found}"
    return (
        f"CASE WHEN regexp_full_match({x}, {literal(TIME)}) THEN {iso} "
        f"WHEN regexp_full_match({x}, {literal(DATE)}) THEN {day}{other} END"
    )


def _date(x: str, zone: ZoneInfo, local: str | None) -> str:
    # A spreadsheet's export of a day often carries a midnight of no zone: it means that day, wherever the workspace is.
    midnight = DATE + r"[T ]0?0:00(:00(\.0+)?)?"
    other = f" ELSE CAST(TRY_STRPTIME({x}, {literal(local)}) AS DATE)" if local is not None else ""
    day = day_of(f"TRY_CAST({x} AS TIMESTAMPTZ) AT TIME ZONE 'UTC'", zone)
    return (
        f"CASE WHEN regexp_full_match({x}, {literal(DATE)}) THEN TRY_CAST({x} AS DATE) "
        f"WHEN regexp_full_match({x}, {literal(midnight)}) THEN TRY_CAST(left({x}, 10) AS DATE) "
        f"WHEN regexp_full_match({x}, {literal(TIME)}) THEN {day}{other} END"
    )
