"""Calls as they come: every kind, every field that is wrong, the clock, ids; and that nothing at all breaks the reading."""

from __future__ import annotations

import json
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tocsin.core.errors import UserError
from tocsin.ingest.arriving import arrivals_of
from tocsin.ingest.limits import Limits
from tocsin.ingest.records import Record
from tocsin.ingest.segment.messages import KINDS, Call, read_call, read_envelope
from tocsin.ingest.segment.reading import Told

NOW = datetime(2026, 3, 31, 12, tzinfo=UTC)
AHEAD = timedelta(hours=24)
AT = "2026-03-01T10:00:00Z"
GOOD: dict[str, dict[str, Any]] = {
    "track": {"userId": "u1", "event": "Report Exported"},
    "identify": {"userId": "u1", "traits": {"email": "u1@acme.example"}},
    "group": {"userId": "u1", "groupId": "acme", "traits": {"name": "Acme"}},
    "page": {"userId": "u1", "name": "Pricing"},
    "screen": {"anonymousId": "a1", "name": "Home"},
    "alias": {"previousId": "a1", "userId": "u1"},
}


def message(kind: str = "track", **fields: Any) -> bytes:
    """A good call but for these fields."""
    return json.dumps({"type": kind, "messageId": "m1", "timestamp": AT, **GOOD.get(kind, {}), **fields}).encode()


def without(kind: str, *names: str) -> bytes:
    given = json.loads(message(kind))
    return json.dumps({name: value for name, value in given.items() if name not in names}).encode()


def read(raw: bytes, kind: str | None = None, *, sent_at: datetime | None = None, received: datetime = NOW) -> Call:
    call = read_call(raw, kind=kind, received=received, sent_at=sent_at, ahead=AHEAD)
    Told().add(call)
    return call


def refused(raw: bytes, kind: str | None = None) -> str:
    with pytest.raises(UserError) as caught:
        read(raw, kind)
    text = str(caught.value)
    assert text
    assert "\n" not in text
    assert text.isprintable()
    return text


@pytest.mark.parametrize("kind", KINDS)
def test_each_kind_is_read_as_itself_and_as_its_address_says(kind: str) -> None:
    call = read(message(kind))
    assert (call.kind, call.id, call.at) == (kind, "m1", datetime(2026, 3, 1, 10, tzinfo=UTC))
    assert call.raw == message(kind)
    assert read(without(kind, "type"), kind).kind == kind
    assert read(message(kind, type="nonsense"), kind).kind == kind


@pytest.mark.parametrize(("kind", "name"), [("page", "Pricing"), ("screen", "Home")])
def test_what_the_address_said_is_still_known_when_it_is_read_again_alone(kind: str, name: str) -> None:
    for raw in (without(kind, "type"), message(kind, type="track")):
        call = read(raw, kind)
        back = read(call.raw)
        assert (back.kind, back.id, back.at, back.message.name) == (kind, "m1", call.at, name)


@pytest.mark.parametrize(
    ("kind", "names", "reason"),
    [
        ("track", ["event"], "event is missing"),
        ("track", ["userId"], "nobody did it"),
        ("page", ["userId"], "nobody did it"),
        ("screen", ["anonymousId"], "nobody did it"),
        ("group", ["groupId"], "groupId is missing"),
        ("identify", ["userId"], "userId is missing"),
        ("alias", ["previousId"], "alias"),
        ("alias", ["userId"], "alias"),
        ("track", ["type"], "type is missing"),
    ],
)
def test_what_is_missing_is_said(kind: str, names: list[str], reason: str) -> None:
    assert reason in refused(without(kind, *names))
    for empty in (None, ""):
        if names != ["type"]:
            assert reason in refused(message(kind, **dict.fromkeys(names, empty)))


MISTAKES: dict[str, list[Any]] = {
    "event": [None, 5, True, [], {}, "", "E\x00"],
    "type": [None, 5, [], {}, "", "nonsense", "TRACK\n", "Track"],
    "userId": [1.5, True, [], {}, "u\x00", "u" * 1001],
    "messageId": [[], {}, 1.5, False, "m" * 1001, "\x00"],
    "context": [5, "x", [], True, {"groupId": []}, {"groupId": {}}, {"groupId": True}, {"groupId": 1.5}, {"groupId": "\x00"}],
    "properties": [5, "x", [], [[1]], True, {"a": "\x00"}, {"\x00": 1}],
    "timestamp": [
        *(
            "yesterday",
            "2024-02-30T00:00:00Z",
            "2024-13-45",
            "2024-01-01T00:00:00+99:99",
            [],
            {},
            True,
            0,
            -1,
            1714521600,
            1e300,
        ),
        *("1714521600", "2199-01-01T00:00:00Z", "9999-12-31T23:59:59Z", "9999-12-31T23:59:59-14:00"),
        *("+292278994-08-17T07:12:55Z", "0001-01-01T00:00:00Z", "0001-01-01T00:00:00+14:00"),
        *("1969-12-31T23:59:59Z", "1970-01-01T00:00:00+01:00", "x" * 5000),
    ],
    "originalTimestamp": ["soon", 5, []],
    "sentAt": ["soon", 5, {}],
}
WRONG = [(field, value) for field, values in MISTAKES.items() for value in values]


@pytest.mark.parametrize(("field", "value"), WRONG)
def test_a_field_that_is_wrong_is_refused_with_a_reason(field: str, value: Any) -> None:
    refused(message(**{field: value}))


@pytest.mark.parametrize("value", [5, "x", [], True])
@pytest.mark.parametrize("kind", ["identify", "group"])
def test_traits_are_an_object(kind: str, value: Any) -> None:
    assert "traits" in refused(message(kind, traits=value))


@pytest.mark.parametrize(
    ("field", "value"),
    [
        *(("messageId", value) for value in (None, "", 5)),
        *(("context", value) for value in (None, {}, {"groupId": None}, {"groupId": 5}, {"active": False})),
        *(("properties", value) for value in (None, {}, {"a": [1, {"b": None}]}, {"\u2028": "\U0001f514"}, {"a": "\\u0000"})),
        ("timestamp", None),
        ("timestamp", ""),
        ("timestamp", "2026-03-01"),
        ("timestamp", "2026-03-01 10:00:00"),
        ("timestamp", "1970-01-01T00:00:00Z"),
        ("traits", {}),
        ("anonymousId", ""),
        ("integrations", {"All": True}),
    ],
)
def test_a_field_that_is_odd_but_sound_is_taken(field: str, value: Any) -> None:
    read(message(**{field: value}))


def test_numbers_are_ids_too() -> None:
    call = read(message("group", groupId=17, userId=5, messageId=9))
    assert (call.message.group_id, call.message.user_id, call.id) == ("17", "5", "9")
    call = read(message(context={"groupId": 42}, userId=2**70))
    assert call.message.context is not None
    assert (call.message.context.group_id, call.message.user_id) == ("42", str(2**70))


def test_nobody_is_called_nothing() -> None:
    call = read(message(userId="", anonymousId="a1"))
    assert (call.message.user_id, call.message.anonymous_id) == (None, "a1")


# When it happened


def at(raw: bytes, **options: Any) -> datetime:
    return read(raw, **options).at


def test_what_the_client_says_of_the_time_is_kept() -> None:
    raw = message(
        timestamp="2026-03-01T10:00:00+02:00", originalTimestamp="2020-01-01T00:00:00Z", sentAt="2020-01-01T00:00:09Z"
    )
    assert at(raw) == datetime(2026, 3, 1, 8, tzinfo=UTC)
    assert at(message(timestamp="2026-03-01T10:00:00.123456Z")) == datetime(2026, 3, 1, 10, 0, 0, 123456, tzinfo=UTC)
    assert at(message(timestamp="2026-03-01T10:00:00")) == datetime(2026, 3, 1, 10, tzinfo=UTC), "no zone means UTC"


def test_a_clock_that_is_off_is_put_right() -> None:
    raw = json.loads(without("track", "timestamp")) | {"originalTimestamp": "2020-01-01T00:00:00Z"}
    assert at(json.dumps(raw).encode()) == datetime(2020, 1, 1, tzinfo=UTC), "nothing says how far it is off"
    with_sent = json.dumps(raw | {"sentAt": "2020-01-01T00:00:09Z"}).encode()
    assert at(with_sent) == NOW - timedelta(seconds=9)
    batch = datetime(2020, 1, 1, 0, 1, tzinfo=UTC)
    assert at(json.dumps(raw).encode(), sent_at=batch) == NOW - timedelta(seconds=60)
    assert at(with_sent, sent_at=batch) == NOW - timedelta(seconds=9), "its own is nearer"


def test_the_clock_is_put_right_the_same_when_it_is_read_again_alone() -> None:
    raw = json.dumps(json.loads(without("track", "timestamp")) | {"originalTimestamp": "2020-01-01T00:00:00Z"}).encode()
    call = read(raw, sent_at=datetime(2020, 1, 1, 0, 1, tzinfo=UTC))
    back = read(call.raw, received=call.received)
    assert (back.at, back.id) == (call.at, call.id) == (NOW - timedelta(seconds=60), "m1")


def test_clocks_that_lie_ages_apart_are_no_accident() -> None:
    raw = json.loads(without("track", "timestamp"))
    for original, sent in (("0001-01-01T00:00:00Z", "9999-12-31T00:00:00Z"), ("9999-12-31T00:00:00Z", "0001-01-01T00:00:00Z")):
        refused(json.dumps(raw | {"originalTimestamp": original, "sentAt": sent}).encode())


def test_without_any_time_it_happened_when_it_came() -> None:
    assert at(without("track", "timestamp")) == NOW


def test_what_lies_ahead_of_the_clock_is_refused() -> None:
    assert at(message(timestamp=(NOW + AHEAD).isoformat())) == NOW + AHEAD
    text = refused(message(timestamp=(NOW + AHEAD + timedelta(seconds=1)).isoformat()))
    assert "24 hours ahead" in text
    with pytest.raises(UserError, match=r"1\.5 hours"):
        read_call(message(timestamp="2026-03-31T14:00:00Z"), kind=None, received=NOW, sent_at=None, ahead=timedelta(minutes=90))


# Ids


def test_without_a_message_id_what_it_says_is_its_id() -> None:
    raw = without("track", "messageId")
    first = read(raw).id
    assert first
    assert read(raw, received=NOW + timedelta(hours=1)).id == first, "sent again it is the same"
    assert read(raw.replace(b"Exported", b"Printed")).id != first
    assert read(message(messageId="")).id == read(message(messageId="")).id != ""
    timeless = without("track", "messageId", "timestamp")
    assert read(timeless).id != read(timeless, received=NOW + timedelta(seconds=1)).id, "two of them happened at two moments"


def test_a_derived_id_outlives_a_second_reading() -> None:
    for names in (["messageId", "type"], ["messageId", "type", "timestamp"]):
        call = read(without("page", *names), "page")
        assert read(call.raw, received=call.received).id == call.id


# What a batch says of all its messages


def told(body: dict[str, Any] | bytes) -> Told:
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    found = arrivals_of([Record("batch", NOW, "key", raw)], Limits())
    assert isinstance(found, Told)
    return found


def test_the_context_of_a_batch_is_that_of_its_messages() -> None:
    bare = json.loads(message())
    own = bare | {"context": {"groupId": "own"}, "messageId": "m2"}
    found = told(
        {"context": {"groupId": "acme"}, "batch": [bare, own, bare | {"context": {"ip": "1.2.3.4"}, "messageId": "m3"}]}
    )
    assert [each.account for each in found.events] == ["acme", "own", "acme"]
    for each in found.events:
        back = read(each.raw)
        assert back.message.context is not None
        assert back.message.context.group_id == each.account, "what waits is read again alone"
    assert found.events[1].raw == json.dumps(own).encode(), "where nothing is added it stays as received"


@pytest.mark.parametrize("context", [None, 5, "x", [], {"groupId": []}, {"traits": 5}, {}])
def test_a_context_of_a_batch_that_is_none_harms_nobody(context: Any) -> None:
    assert [each.account for each in told({"context": context, "batch": [json.loads(message())]}).events] == [None]


def test_a_person_in_the_context_of_a_batch() -> None:
    found = told({"context": {"traits": {"email": "x@y.example"}}, "batch": [{"type": "identify", "userId": "u"}]})
    assert [each.values for each in found.traits] == [{"email": "x@y.example"}]


@pytest.mark.parametrize("sent_at", ["soon", 5, [], None, "", "9999-12-31T00:00:00Z"])
def test_a_batch_sent_at_no_time_is_taken_all_the_same(sent_at: Any) -> None:
    assert len(told({"sentAt": sent_at, "batch": [json.loads(message())]}).events) == 1


def test_bad_messages_among_good_ones() -> None:
    bad: list[Any] = [1, None, "x", True, [], {}, [[{}]], {"type": "track"}, json.loads(message(event=5))]
    found = told({"batch": [json.loads(message(messageId="a")), *bad, json.loads(message(messageId="b"))]})
    assert [each.id for each in found.events] == ["a", "b"]
    assert [json.loads(each.row) for each in found.refused] == bad
    assert all(each.reason for each in found.refused)
    assert {each.received for each in found.refused} == {NOW}


def test_an_over_long_message_is_refused_alone() -> None:
    long = json.loads(message(properties={"x": "y" * 40_000}))
    found = told({"batch": [json.loads(message(messageId="a")), long]})
    assert [each.id for each in found.events] == ["a"]
    assert "more than 32,768" in found.refused[0].reason
    assert json.loads(found.refused[0].row) == long


def test_bad_messages_are_kept_under_what_they_were_meant_for() -> None:
    found = told({"batch": [{"type": "identify"}, {"type": "group"}, {"type": "track"}, {"type": "alias"}]})
    assert [each.collection for each in found.refused] == ["people", "accounts", "events", "people"]


# Whatever comes

HALF = b'"\\ud800"'


@pytest.mark.parametrize("where", [b'"Report Exported"', b'"u1"', b'"m1"', b'"track"', b'"2026-03-01T10:00:00Z"'])
def test_half_a_character_spoils_one_message_and_not_the_batch(where: bytes) -> None:
    body = b'{"batch": [' + message(messageId="a") + b"," + message().replace(where, HALF) + b"]}"
    found = told(body)
    assert [each.id for each in found.events] == ["a"]
    assert len(found.refused) == 1


@pytest.mark.parametrize("place", ["properties", "traits"])
def test_half_a_character_within(place: str) -> None:
    raw = message("track" if place == "properties" else "identify", **{place: {"a": "?"}}).replace(b'"?"', HALF)
    refused(raw)


@pytest.mark.parametrize("body", [b"", b"{", b"null", b"[]", b"5", b'{"batch": 5}', b'{"batch": null}', b'{"batch": [NaN]}'])
def test_what_is_no_batch(body: bytes) -> None:
    with pytest.raises(msgspec.DecodeError):
        read_envelope(body)
    with pytest.raises(msgspec.DecodeError):
        read_envelope(b'{"batch": 5, "x": "\\ud800"}')


@pytest.mark.parametrize("depth", [10, 200, 900, 5_000, 100_000])
@pytest.mark.parametrize("kind", KINDS)
def test_nesting_breaks_nothing(depth: int, kind: str) -> None:
    deep = b'{"a":[' * depth + b"1" + b"]}" * depth
    for name in (b"properties", b"traits", b"context", b"userId", b"timestamp", b"other"):
        raw = message(kind)[:-1] + b', "' + name + b'": ' + deep + b"}"
        for named in (None, kind):
            with suppress(UserError):
                read(raw, named)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8) | st.sampled_from([AT, "track", "9" * 30]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)
FIELDS = st.sampled_from([
    "type", "messageId", "userId", "anonymousId", "event", "timestamp", "originalTimestamp", "sentAt", "groupId",
    "previousId", "name", "category", "context", "properties", "traits",
])  # fmt: skip
INNER = st.dictionaries(
    st.sampled_from(["groupId", "traits", "feature", "minutes", "name", "createdAt", "seats", "roles"]), JSON
)


@settings(max_examples=400, deadline=None)
@given(
    kind=st.sampled_from(KINDS),
    changed=st.dictionaries(FIELDS, JSON | INNER | st.datetimes().map(datetime.isoformat), max_size=5),
    by_address=st.booleans(),
    sent_at=st.none() | st.datetimes(),
    shared=JSON | INNER,
)
def test_a_call_of_anything_is_read_or_refused(
    kind: str, changed: dict[str, Any], by_address: bool, sent_at: datetime | None, shared: Any
) -> None:
    raw = json.dumps({"type": kind, "timestamp": AT, **GOOD[kind], **changed}).encode()
    with suppress(UserError):
        call = read(raw, kind if by_address else None, sent_at=sent_at)
        assert call.id
        assert call.at.tzinfo is UTC
        back = read(call.raw, received=call.received)
        assert (back.kind, back.id, back.at) == (call.kind, call.id, call.at)
    body = json.dumps({"batch": [json.loads(raw)], "context": shared, "sentAt": sent_at and sent_at.isoformat()})
    try:
        read_envelope(body.encode())
    except msgspec.DecodeError:
        return
    found = told(body.encode())
    assert len(found.refused) <= 1


@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=60) | JSON.map(lambda value: json.dumps(value).encode()), st.sampled_from([None, *KINDS]))
def test_any_bytes_are_read_or_refused(raw: bytes, kind: str | None) -> None:
    with suppress(UserError):
        read(raw, kind)


@settings(max_examples=200, deadline=None)
@given(st.data())
def test_a_message_cut_and_bitten_is_read_or_refused(data: st.DataObject) -> None:
    raw = bytearray(message(data.draw(st.sampled_from(KINDS)), properties={"feature": "f", "minutes": 2}, name="ü"))
    for _ in range(data.draw(st.integers(1, 4))):
        raw[data.draw(st.integers(0, len(raw) - 1))] = data.draw(st.integers(0, 255))
    with suppress(UserError):
        read(bytes(raw[: data.draw(st.integers(0, len(raw)))]))
