"""The facts of a case as a test file writes them: rows by collection, each checked against its collection's columns."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import UTC, date, datetime, timedelta
from typing import Any

from tocsin.catalog.testing.suite import Facts, Row
from tocsin.core.language import suggestion
from tocsin.core.moment import MomentError, iso, parse_duration, parse_moment, zone_named
from tocsin.core.rulefiles.marked import Fields, Item, Scalar, plain
from tocsin.core.rulefiles.report import Report, kind_of, listed, mapping, whole
from tocsin.core.schema import COLLECTIONS, Collection

ZONE = zone_named("UTC")  # of the workspace that tests run in
EXTRAS = ("times", "every")  # what a row may say besides its columns: so many rows, each so much later
MOST_TIMES = 10_000
NOT_GIVEN = ("alerts",)  # made by the product, never imported
EMPTY = "value"  # of a history: that the attribute became null

Rows = dict[str, list[Row]]


def read_rows(report: Report, item: Item | None) -> Rows:
    """The rows of a `facts:`; told where a collection, a column or a value is not what it can be."""
    fields = mapping(report, item, "`facts`")
    rows: Rows = {}
    possible = [name for name in COLLECTIONS if name not in NOT_GIVEN]
    for key, held in fields.entries if fields else ():
        if key.text not in possible:
            hint = suggestion(key.text, possible) or f"; there are {', '.join(possible)}"
            report(key, f"unknown collection {key.text!r} in `facts`{hint}")
            continue
        collection = COLLECTIONS[key.text]
        for entry in listed(report, held, f"`{key.text}`"):
            row = mapping(report, entry, f"a row of {key.text}")
            if row is not None:
                rows.setdefault(key.text, []).extend(_repeated(report, row, collection))
    return rows


def laid_over(below: Rows, above: Rows) -> Rows:
    """The rows of a file with those of a case added; a row with the id of one below changes that one's columns."""
    merged: Rows = {name: list(rows) for name, rows in below.items()}
    for name, rows in above.items():
        held = merged.setdefault(name, [])
        places = {row.columns["id"]: number for number, row in enumerate(held) if row.columns.get("id") is not None}
        for row in rows:
            number = places.get(row.columns.get("id"))
            if number is None:
                held.append(row)
            else:
                held[number] = Row({**held[number].columns, **row.columns}, row.place)
    return merged


def settled(report: Report, rows: Rows) -> Facts:
    """The rows as they are imported: with an account where there is only one, with ids, without nulls.

    Told where a row lacks a column that its collection needs.
    """
    accounts = [row.columns.get("id") for row in rows.get("accounts", ())]
    facts: dict[str, tuple[Row, ...]] = {}
    for name, held in rows.items():
        collection = COLLECTIONS[name]
        made = []
        for number, row in enumerate(held):
            columns = dict(row.columns)
            if "account_id" in collection and len(accounts) == 1:
                columns.setdefault("account_id", accounts[0])
            if collection.keyed_by_id and collection.identity != ("id",):
                columns.setdefault("id", f"#{number:06d}")  # in the order of the file: the greatest is the latest
            columns = {column: value for column, value in columns.items() if value is not None or column == EMPTY}
            _needed(report, row, collection, columns)
            made.append(Row(columns, row.place))
        facts[name] = tuple(made)
    return facts


def _needed(report: Report, row: Row, collection: Collection, columns: Mapping[str, Any]) -> None:
    for column in (*collection.required, *(["id"] if collection.identity == ("id",) else [])):
        if column in columns:
            continue
        hint = "; only where the facts hold one account it may be left out" if column == "account_id" else ""
        report(row.place, f"a row of {collection.name} needs `{column}`{hint}")


# One row


def _repeated(report: Report, row: Fields, collection: Collection) -> Iterator[Row]:
    """The row, or as many as its `times` says, `every` so long after the one before."""
    columns = _columns(report, row, collection)
    times = whole(report, row.get("times"), "`times`")
    step = _step(report, row.get("every"))
    if row.get("times") is None:
        if row.get("every") is not None:
            report(row.key("every"), "`every` goes with `times`: so many rows, each so much later")
        yield Row(columns, row.place)
        return
    if times is None or not 0 < times <= MOST_TIMES:
        report(row.key("times"), f"`times` is from 1 to {MOST_TIMES:,}")
        return
    if step is not None and (collection.start is None or columns.get(collection.start) is None):
        report(row.key("every"), f"`every` needs the start of the row: give `{collection.start or 'at'}`")
        return
    for number in range(times):
        changed: dict[str, Any] = {}
        if columns.get("id") is not None:
            changed["id"] = f"{columns['id']}-{number + 1}"
        if step is not None and collection.start is not None:
            changed[collection.start] = _later(columns[collection.start], number * step)
        yield Row({**columns, **changed}, row.place)


def _later(start: str, length: timedelta) -> str:
    """A date or time so much later; a date stays one where whole days are added."""
    if len(start) == len("2026-01-31") and length % timedelta(days=1) == timedelta(0):
        return (date.fromisoformat(start) + length).isoformat()
    return iso(parse_moment(start, ZONE) + length)


def _step(report: Report, item: Item | None) -> timedelta | None:
    if item is None:
        return None
    if not isinstance(item, Scalar):
        report(item, f"`every` must be a duration such as 12h, 1d or -1d, {kind_of(item)} stands there")
        return None
    try:
        length = parse_duration(item.text.removeprefix("-"))
    except MomentError as error:
        report(item, f"`every`: {error}")
        return None
    return -length if item.text.startswith("-") else length


def _columns(report: Report, row: Fields, collection: Collection) -> dict[str, Any]:
    """Column -> plain value; null where the file says null, so that a case can take a value away."""
    columns: dict[str, Any] = {}
    for key, item in row.entries:
        name = key.text
        if name in EXTRAS and name not in collection:
            continue
        if name in columns:
            report(key, f"the column {name!r} is there twice; keep one")
        elif name in collection:
            columns[name] = _value(report, item, name, collection.column(name).type)
        elif collection.custom:
            columns[name] = _value(report, item, name, "any")
        else:
            hint = suggestion(name, collection.names) or f"; they have {', '.join(collection.names)}"
            report(key, f"{collection.name} have no column {name!r}{hint}")
            columns[name] = None
    return columns


_SAID = {
    "number": "a number",
    "boolean": "true or false",
    "list": "a list such as [a, b]",
    "json": "a mapping such as {plan: pro}",
    "text": "a text",
    "any": "a single value",
    "time": "a time such as 2026-03-31T09:30:00Z",
    "date": "a date such as 2026-03-31",
}


def _value(report: Report, item: Item, name: str, kind: str) -> Any:
    """The plain value of a column of that type; told where it is no such value."""
    value = plain(item)
    if value is None:
        return None
    if kind in ("text", "time", "date"):
        value = item.text if isinstance(item, Scalar) else None
    elif not _fits(value, kind):
        value = None
    if value is None:
        stands = repr(item.text) if isinstance(item, Scalar) else kind_of(item)
        report(item, f"`{name}` must be {_SAID[kind]}, {stands} stands there")
        return None
    if kind in ("time", "date"):
        return _instant(report, item, name, kind, str(value))
    return value


def _fits(value: Any, kind: str) -> bool:
    match kind:
        case "any":
            return not isinstance(value, (list, dict))
        case "number":
            return isinstance(value, (int, float)) and not isinstance(value, bool)
    return isinstance(value, {"boolean": bool, "list": list, "json": dict}[kind])


def _instant(report: Report, item: Item, name: str, kind: str, text: str) -> str | None:
    try:
        if kind == "date":
            return date.fromisoformat(text).isoformat()
        parse_moment(text, ZONE)
    except (MomentError, ValueError):
        report(item, f"`{name}` must be {_SAID[kind]}, {text!r} stands there")
        return None
    return text


def moment(report: Report, item: Item | None, what: str) -> datetime | None:
    """The instant that stands there; told where it is none."""
    if item is None:
        return None
    if not isinstance(item, Scalar):
        report(item, f"{what} must be a date or a time, {kind_of(item)} stands there")
        return None
    try:
        return parse_moment(item.text, ZONE).astimezone(UTC)
    except MomentError as error:
        report(item, f"{what}: {error}")
        return None
