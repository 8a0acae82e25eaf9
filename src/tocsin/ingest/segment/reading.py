"""From calls to what they tell: events, traits of accounts and people, who belongs to which account, who is who."""

from __future__ import annotations

import math
import re
from datetime import date
from typing import Any

import msgspec

from tocsin.core.schema import COLLECTIONS, Column
from tocsin.facts.live.shapes import Arrivals, Event, Link, Membership, Traits
from tocsin.ingest.segment import b2b
from tocsin.ingest.segment.messages import BadMessageError, Call, shown

_ANY = msgspec.json.Decoder()
_NEVER = frozenset({"id", "account_id", "key", "updated_at", "custom", "custom_given", "left_out", "first_seen"})
LONGEST_NAME, MOST_TRAITS = 100, 200
_TRUTH = frozenset({"true", "t", "yes", "y", "1", "false", "f", "no", "n", "0", ""})
_NUL = re.compile(r"(?<!\\)(?:\\\\)*\\u0000")


class _Known(msgspec.Struct):
    """The properties of an event that are columns."""

    feature: Any = None
    minutes: Any = None


_PROPERTIES = msgspec.json.Decoder(_Known)


class Told(Arrivals):
    """What a number of calls tell."""

    __slots__ = ()

    def add(self, call: Call) -> None:
        """Take in what a call tells. BadMessageError where its properties or traits are none."""
        message = call.message
        if message.user_id and message.anonymous_id:
            self.links.append(Link(message.anonymous_id, message.user_id, call.at))
        if call.kind in ("track", "page", "screen"):
            self._event(call)
        elif call.kind == "identify":
            if message.user_id:
                group = message.context.group_id if message.context else None
                values = _columns(
                    _object(message.traits) or _object(message.context.traits if message.context else None), "people"
                )
                self.traits.append(Traits("people", message.user_id, values, call.at, group, call.raw, call.received))
        elif call.kind == "group":
            assert message.group_id is not None  # checked when it was read
            self.groups[message.group_id] = None
            # Of a group call, `context.traits` are the person's.
            values = _columns(_object(message.traits), "accounts")
            if "name" in values and values["name"] in (None, ""):
                values["name"] = message.group_id
            self.traits.append(Traits("accounts", message.group_id, values, call.at))
            if message.user_id:
                self.memberships.append(Membership(message.user_id, message.group_id, call.at))
        elif message.previous_id and message.user_id:
            self.links.append(Link(message.previous_id, message.user_id, call.at))

    def _event(self, call: Call) -> None:
        message, name, kind = call.message, call.message.event or "", None
        if call.kind in ("page", "screen"):
            title = "Page" if call.kind == "page" else "Screen"
            name, kind = f"Viewed {message.name} {title}" if message.name else f"Viewed {title}", "page"
        feature, minutes, text = of_properties(bytes(message.properties))
        event = Event(
            call.id,
            message.context.group_id if message.context else None,
            message.user_id,
            message.anonymous_id,
            name,
            call.at,
            kind,
            feature,
            minutes,
            text,
            call.raw,
            call.received,
            guess=None if kind else kind_of(name, feature),
        )
        self.events.append(event)
        if name in b2b.EVENTS:
            b2b.add(self, event, _object(message.properties))


def of_properties(properties: bytes) -> tuple[str | None, float | None, str | None]:
    """Feature, minutes and the whole, as text, of an event's properties. BadMessageError where they are none."""
    if properties in (b"null", b"{}"):
        return None, None, None
    if not properties.lstrip().startswith(b"{"):
        raise BadMessageError("properties is no object")
    try:
        known = _PROPERTIES.decode(properties)
        text = properties.decode()
    except (msgspec.MsgspecError, ValueError, RecursionError) as error:
        raise BadMessageError("properties cannot be read") from error
    if "\\u0000" in text and _NUL.search(text):  # hardly any text holds one, and to look for it thoroughly takes long
        raise BadMessageError("properties hold a NUL")
    feature = known.feature if isinstance(known.feature, str) and known.feature else None
    return feature, None if known.minutes is None else _minutes(known.minutes), text


def kind_of(name: str, feature: str | None) -> str | None:
    """The kind of a tracked event, as far as it can be told without the catalog of events."""
    return b2b.KINDS.get(name) or ("feature" if feature else None)


def _minutes(value: object) -> float | None:
    if isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value <= 1e9:
        return float(value)
    return None


def _object(raw: msgspec.Raw | None) -> dict[str, Any]:
    if raw is None or bytes(raw) == b"null":
        return {}
    try:
        found = _ANY.decode(raw)
    except (msgspec.MsgspecError, ValueError, RecursionError) as error:
        raise BadMessageError("traits cannot be read") from error
    if not isinstance(found, dict):
        raise BadMessageError("traits is no object")
    return found


def _columns(traits: dict[str, Any], collection: str) -> dict[str, Any]:
    """Traits under the names of columns: camelCase as snake_case; what no column has becomes a custom attribute."""
    made: dict[str, Any] = {}
    for name, value in traits.items():
        column = snake(name)
        if column in _NEVER or not column or len(column) > LONGEST_NAME:
            continue
        if isinstance(value, dict):  # an address and its like: its parts under names of their own
            for part, inner in value.items():
                below = f"{column}_{snake(part)}"
                if below not in _NEVER and not isinstance(inner, dict | list) and len(below) <= LONGEST_NAME:
                    made[below] = inner
            continue
        made[column] = value
    if collection == "people" and "name" not in made:
        parts = [made.get("first_name"), made.get("last_name")]
        whole = " ".join(str(each) for each in parts if each)
        if whole:
            made["name"] = whole
    if len(made) > MOST_TRAITS:
        raise BadMessageError(f"{len(made):,} traits are more than {MOST_TRAITS}")
    declared = COLLECTIONS[collection]
    for name in declared.names:
        if name in made:
            made[name] = _typed(declared.column(name), made[name])
    return {name: value for name, value in made.items() if name in declared or not isinstance(value, list) or value}


def _typed(column: Column, value: Any) -> Any:
    """A trait as its column takes it. BadMessageError where it is nothing of the kind."""
    if value is None:
        return None
    text = value.strip() if isinstance(value, str) else None
    wrong = ""
    if column.type == "number":
        wrong = "" if text == "" or _number(value) else "no finite number"
    elif column.type == "boolean":
        sound = value.lower() in _TRUTH if text is not None else isinstance(value, bool) or value in (0, 1)
        wrong = "" if sound else "neither true nor false"
    elif column.type in ("time", "date"):
        wrong = "" if text == "" or (text is not None and _day(text)) else f"no {column.type}; write ISO 8601"
    elif column.type == "list":
        if text:
            return value if text.startswith("[") else [value]
        wrong = "" if text == "" or isinstance(value, list) else "no list"
    elif isinstance(value, list):
        wrong = "no single value"
    elif text is not None and "\x00" in text:
        wrong = "a text with a NUL"
    if wrong:
        raise BadMessageError(f"the trait {column.name} {shown(value)} is {wrong}")
    return value


def _number(value: object) -> bool:
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return False
    try:
        return math.isfinite(float(value)) and "_" not in str(value)
    except (ValueError, OverflowError):
        return False


def _day(text: str) -> bool:
    try:
        return bool(date.fromisoformat(text[:10]))
    except ValueError:
        return False


def snake(name: str) -> str:
    """`createdAt` and `Created At` as `created_at`."""
    spaced = re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", "_", name.strip())
    return re.sub(r"[^0-9A-Za-z_]+", "_", spaced).strip("_").lower() if spaced.isascii() else spaced.strip().lower()
