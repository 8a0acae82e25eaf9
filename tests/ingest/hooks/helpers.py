"""What tests of all vendors share: requests, signed or not, and bodies that were tampered with."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from hypothesis import strategies as st

from tocsin.core.errors import UserError
from tocsin.core.schema import COLLECTIONS
from tocsin.ingest.hooks import VENDORS, Reading, Request, Row

NOW = datetime(2026, 3, 10, 9, 30, tzinfo=UTC)
SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
HOSTILE: tuple[Any, ...] = (
    None, True, False, 0, -1, 10**30, 10**400, 1e300, -1e18, 0.5, "", " ", "\0", "x" * 5000, "1e999", "NaN", "-0",
    "2026-13-45", "9999-12-31T23:59:59-14:00", "0001-01-01T00:00:00+14:00", "99999999999999999", [], {}, [[]], [None], [{}],
    {"": None}, {"id": []}, "🔔", "ünï", "2026-03-10",
)  # fmt: skip


def request(
    vendor: str, body: bytes, headers: Mapping[str, str] | None = None, *, received: datetime = NOW, query: str = ""
) -> Request:
    return Request("POST", f"https://cs.example.com/hooks/{vendor}/src_1{query}", headers or {}, body, received)


def signed(vendor: str, body: bytes, secret: str = SECRET, *, received: datetime = NOW) -> Request:
    bare = request(vendor, body, received=received)
    return request(vendor, body, VENDORS[vendor].sign(bare, secret), received=received)


def read(vendor: str, body: Any, settings: Mapping[str, object] | None = None, **headers: str) -> Reading:
    """The reading of a body that is given as what its JSON stands for."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return VENDORS[vendor].read(request(vendor, json.dumps(body).encode(), named), settings or {})


def rows(vendor: str, body: Any, settings: Mapping[str, object] | None = None) -> list[tuple[str, dict[str, Any]]]:
    """(collection, values) of every row; what is read has no reason to be ignored, and stores know its columns."""
    reading = read(vendor, body, settings)
    assert bool(reading.ignored) != bool(reading.rows)
    for row in reading.rows:
        check(row)
    return [(row.collection, dict(row.values)) for row in reading.rows]


def ignored(vendor: str, body: Any, settings: Mapping[str, object] | None = None) -> str:
    """Why a body gives no rows: a sentence."""
    reading = read(vendor, body, settings)
    assert not reading.rows
    assert reading.ignored.endswith(".")
    return reading.ignored


def check(row: Row) -> None:
    """A row has columns of its collection, values of JSON, and no empty key."""
    collection = COLLECTIONS[row.collection]
    assert row.collection != "alerts"
    json.dumps(row.values, allow_nan=False)
    for name, value in row.values.items():
        assert name in collection or collection.custom, f"{row.collection} has no column {name}"
        assert name
        if name in ("id", "account_id", "external_id", *collection.required):
            assert value not in (None, ""), f"{row.collection}.{name} is {value!r}"


def places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """The paths to all values in a value, itself first."""
    found = [path]
    if isinstance(value, dict):
        found += [each for name, held in value.items() for each in places(held, (*path, name))]
    elif isinstance(value, list):
        found += [each for number, held in enumerate(value) for each in places(held, (*path, number))]
    return found


def changed(value: Any, path: Sequence[Any], change: Callable[[Any, Any], None]) -> Any:
    """A copy in which `change(holder, key)` was done to the holder of a path."""
    whole = {"": copy.deepcopy(value)}
    holder: Any = whole
    keys = ["", *path]
    for key in keys[:-1]:
        holder = holder[key]
    change(holder, keys[-1])
    return whole.get("")


@st.composite
def tampered(draw: st.DrawFn, bodies: Sequence[Any]) -> bytes:
    """A good body in which up to three values were replaced or taken out, or whose bytes were cut."""
    value = draw(st.sampled_from(list(bodies)))
    for _ in range(draw(st.integers(1, 3))):
        path = draw(st.sampled_from(places(value)))
        if path and draw(st.booleans()) and draw(st.booleans()):
            value = changed(value, path, lambda holder, key: holder.pop(key))
            continue
        other = draw(st.sampled_from(HOSTILE) | st.integers() | st.text(max_size=8))
        value = changed(value, path, lambda holder, key, other=other: holder.__setitem__(key, other))  # type: ignore[misc]
    body = json.dumps(value, ensure_ascii=draw(st.booleans())).encode("utf-8", "surrogatepass")
    return body[: draw(st.integers(0, len(body)))] if draw(st.integers(0, 9)) == 0 else body


def survives(vendor: str, body: bytes, settings: Mapping[str, object] | None = None) -> None:
    """Whatever the body is, it is read, or one sentence says what is wrong with it."""
    try:
        reading = VENDORS[vendor].read(request(vendor, body), settings or {})
    except UserError as error:
        sentence = str(error)
    else:
        sentence = ""
    if sentence:
        assert "\n" not in sentence
        return
    assert reading.delivery_id
    assert bool(reading.ignored) != bool(reading.rows)
    for row in reading.rows:
        check(row)
