"""The calls of Segment's API as they come: decoded, checked, and what is wrong with one in a sentence."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec

from tocsin.core.errors import UserError

KINDS = ("track", "identify", "group", "page", "screen", "alias")
NULL = msgspec.Raw(b"null")
LONGEST_ID = 1_000  # characters of a user's, an account's or a message's id
EARLIEST = datetime(1970, 1, 1, tzinfo=UTC)


class BadMessageError(UserError):
    """A call that cannot be taken; says why."""


class Context(msgspec.Struct, rename="camel", gc=False):
    """What of a call's context is of use."""

    group_id: str | None = None
    traits: msgspec.Raw = NULL


class Message(msgspec.Struct, rename="camel", gc=False):
    """A call whose fields have the types that they should have."""

    type: str
    message_id: str | None = None
    user_id: str | None = None
    anonymous_id: str | None = None
    event: str | None = None
    timestamp: datetime | None = None
    original_timestamp: datetime | None = None
    sent_at: datetime | None = None
    group_id: str | None = None
    previous_id: str | None = None
    name: str | None = None
    category: str | None = None
    context: Context | None = None
    properties: msgspec.Raw = NULL
    traits: msgspec.Raw = NULL


class Envelope(msgspec.Struct, rename="camel"):
    """A batch: its messages as they stand, and what is common to them."""

    batch: list[msgspec.Raw]
    write_key: str | None = None
    sent_at: msgspec.Raw = NULL
    context: msgspec.Raw = NULL


class _Typed(msgspec.Struct):
    type: Any = None


_ENVELOPE = msgspec.json.Decoder(Envelope)
_MESSAGE = msgspec.json.Decoder(Message)
_TYPE = msgspec.json.Decoder(_Typed)
_ANY = msgspec.json.Decoder()
_TEXTS = ("userId", "anonymousId", "messageId", "groupId", "previousId", "name", "category")
_TIMES = ("timestamp", "originalTimestamp", "sentAt")


@dataclass(frozen=True, slots=True)
class Call:
    """A good call. at: when it happened, UTC; id: its messageId, or one made of what it says.

    raw: as received, with what its address and its batch say of it written in, so that it can be read again alone.
    """

    kind: str
    id: str
    at: datetime
    message: Message
    raw: bytes
    received: datetime


def read_envelope(body: bytes) -> Envelope:
    """A batch. msgspec.DecodeError or RecursionError where it is no JSON, ValidationError where its fields have other types."""
    try:
        return _ENVELOPE.decode(body)
    except msgspec.ValidationError:
        raise
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        try:  # half a character is JSON to some; it spoils one message and not all
            given = json.loads(body.decode(), parse_constant=_no_number)
        except ValueError:
            raise msgspec.DecodeError(str(error)) from error
        if not isinstance(given, dict) or not isinstance(given.get("batch"), list):
            raise msgspec.ValidationError("no list of messages") from error
        key = given.get("writeKey")
        if not isinstance(key, str | None):
            raise msgspec.ValidationError("the write key is no text") from error
        batch = [_raw(each) for each in given["batch"]]
        return Envelope(batch, key, _raw(given.get("sentAt")), _raw(given.get("context")))


def _raw(value: object) -> msgspec.Raw:
    return msgspec.Raw(json.dumps(value).encode())


def _no_number(name: str) -> None:
    raise ValueError(f"{name} is no number")


def shared_context(envelope: Envelope) -> Context | None:
    """What a batch says of all its messages; None where it says nothing that can be read."""
    try:
        given = _ANY.decode(envelope.context)
        if not isinstance(given, dict):
            return None
        return Context(_text(given.get("groupId"), "context.groupId"), _object(given.get("traits"), "context.traits"))
    except (UserError, msgspec.MsgspecError, ValueError, RecursionError):
        return None


def read_call(
    raw: bytes,
    *,
    kind: str | None,
    received: datetime,
    sent_at: datetime | None,
    ahead: timedelta,
    shared: Context | None = None,
) -> Call:
    """The call in these bytes. kind: what the address says that it is; None in a batch, where it says so itself.

    sent_at, shared: what the batch says of all its messages.
    BadMessageError with one sentence where it cannot be taken.
    """
    try:
        message = _MESSAGE.decode(raw)
    except (msgspec.MsgspecError, ValueError, RecursionError):
        message = _lenient(raw, kind)
    message.user_id, message.anonymous_id = message.user_id or None, message.anonymous_id or None  # '' is nobody
    named = kind or message.type
    if named not in KINDS:
        raise BadMessageError(f"unknown type {shown(named)}; it is one of {', '.join(KINDS)}")
    timed = message.timestamp is not None
    whole = _completed(raw, kind, message, shared, None if timed else sent_at)
    at = _moment(message, received, sent_at)
    if at > received + ahead:
        raise BadMessageError(f"timestamp {at.isoformat()} is more than {_hours(ahead)} ahead of the clock")
    if at < EARLIEST:
        raise BadMessageError(f"timestamp {at.isoformat()} lies before 1970")
    _check(named, message)
    # Without a messageId a call is known by what it says, so that sending it again changes nothing.
    own = message.message_id
    if not own:
        said = whole if timed else whole + str(received).encode()
        own = f"h-{hashlib.md5(said, usedforsecurity=False).hexdigest()}"
    return Call(named, own, at, message, whole, received)


def _completed(raw: bytes, kind: str | None, message: Message, shared: Context | None, sent_at: datetime | None) -> bytes:
    """The call with its type and what the batch says of it written in, where it lacks them; `message.context` as well."""
    added: dict[str, Any] = {}
    if shared is not None:
        own = message.context or Context()
        if not own.group_id and shared.group_id:
            added["groupId"] = own.group_id = shared.group_id
        if own.traits == NULL and shared.traits != NULL:
            own.traits = shared.traits
            added["traits"] = _ANY.decode(shared.traits)
        message.context = own
    sent = sent_at is not None and message.sent_at is None and message.original_timestamp is not None
    try:
        typed = kind is None or _TYPE.decode(raw).type == kind
    except (msgspec.MsgspecError, ValueError, RecursionError):
        typed = False
    if typed and not added and not sent:
        return raw
    try:
        given = json.loads(raw)
    except (ValueError, RecursionError) as error:
        raise BadMessageError("the message nests too deep, or holds a number that is none") from error
    if not typed:
        given["type"] = kind
    if sent and sent_at is not None:
        given["sentAt"] = sent_at.isoformat()
    if added:
        given["context"] = {**(given.get("context") or {}), **added}
    try:
        return json.dumps(given, ensure_ascii=False, separators=(",", ":")).encode()
    except UnicodeEncodeError:
        return json.dumps(given, separators=(",", ":")).encode()


def _check(kind: str, message: Message) -> None:
    for name, text in (
        ("userId", message.user_id),
        ("anonymousId", message.anonymous_id),
        ("messageId", message.message_id),
        ("groupId", message.group_id),
        ("previousId", message.previous_id),
    ):
        if text is not None and (len(text) > LONGEST_ID or "\x00" in text):
            raise BadMessageError(f"{name} is longer than {LONGEST_ID:,} characters or holds a NUL")
    if kind == "track" and (not message.event or "\x00" in message.event):
        raise BadMessageError("event is missing: a track call names what happened")
    if kind == "group" and not message.group_id:
        raise BadMessageError("groupId is missing: a group call names the account")
    if kind == "alias" and not (message.previous_id and message.user_id):
        raise BadMessageError("an alias call needs previousId and userId")
    if kind == "identify" and not (message.user_id or message.anonymous_id):
        raise BadMessageError("userId is missing: an identify call names the person")
    if kind in ("track", "page", "screen"):
        group = message.context.group_id if message.context else None
        if not (message.user_id or message.anonymous_id or group):
            raise BadMessageError("userId, anonymousId and context.groupId are all missing: nobody did it")
        if group is not None and (not group or len(group) > LONGEST_ID or "\x00" in group):
            raise BadMessageError("context.groupId is empty or too long")


def _lenient(raw: bytes, kind: str | None) -> Message:
    """A call some of whose fields have other types than they should: numbers for ids are taken, the rest is said."""
    given = _decoded(raw)
    if not isinstance(given.get("type"), str) and kind is None:
        raise BadMessageError(f"type is missing or no text; it is one of {', '.join(KINDS)}")
    made: dict[str, Any] = {"type": kind or given["type"]}
    for name in _TEXTS:
        made[name] = _text(given.get(name), name)
    if given.get("event") is not None:
        if not isinstance(given["event"], str):
            raise BadMessageError("event is no text")
        made["event"] = given["event"]
    for name in _TIMES:
        made[name] = _time(given.get(name), name)
    made["context"] = _context(given.get("context"))
    for name in ("properties", "traits"):
        made[name] = _object(given.get(name), name)
    python = {_snake(name): value for name, value in made.items()}
    for name, value in python.items():
        if isinstance(value, str):
            try:
                value.encode()
            except UnicodeEncodeError as error:
                raise BadMessageError(f"{name} holds half a character") from error
    return Message(**python)


def _decoded(raw: bytes) -> dict[str, Any]:
    try:
        given = _ANY.decode(raw)
    except (msgspec.MsgspecError, ValueError, RecursionError):
        try:  # numbers past 64 bits and lone surrogates are JSON to some
            given = json.loads(raw.decode())
        except (ValueError, RecursionError) as error:
            raise BadMessageError("the message is no valid JSON") from error
    if not isinstance(given, dict):
        raise BadMessageError("the message is no JSON object")
    return given


def _context(given: object) -> Context | None:
    if given is None:
        return None
    if not isinstance(given, dict):
        raise BadMessageError("context is no object")
    return Context(_text(given.get("groupId"), "context.groupId"), _object(given.get("traits"), "context.traits"))


def _text(value: object, name: str) -> str | None:
    if value is None or isinstance(value, str):
        return value or None
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    raise BadMessageError(f"{name} is no text")


def _object(value: object, name: str) -> msgspec.Raw:
    if value is None:
        return NULL
    if not isinstance(value, dict):
        raise BadMessageError(f"{name} is no object")
    try:
        return msgspec.Raw(json.dumps(value, allow_nan=False).encode())
    except (ValueError, RecursionError) as error:
        raise BadMessageError(f"{name} cannot be read: too deep, or a number that is none") from error


def _time(value: object, name: str) -> datetime | None:
    if value is None or value == "":
        return None
    if isinstance(value, str) and len(value) <= 40:
        try:
            return datetime.fromisoformat(value.strip())
        except ValueError:
            raise BadMessageError(f"{name} {shown(value)} is no time; write ISO 8601 such as 2026-03-31T09:30:00Z") from None
    raise BadMessageError(f"{name} {shown(value)} is no time; write ISO 8601 such as 2026-03-31T09:30:00Z")


def read_time(raw: msgspec.Raw) -> datetime | None:
    """The `sentAt` of a batch; None where it has none that can be read."""
    try:
        return _time(_ANY.decode(raw), "sentAt")
    except (UserError, msgspec.MsgspecError, ValueError):
        return None


def _moment(message: Message, received: datetime, sent_at: datetime | None) -> datetime:
    """When it happened. What only the client's own clock tells is corrected by how far that is off as it sends."""
    sent = message.sent_at or sent_at
    if message.timestamp is not None:
        return _in_utc(message.timestamp)
    if message.original_timestamp is not None:
        original = _in_utc(message.original_timestamp)
        try:
            return original if sent is None else received - (_in_utc(sent) - original)
        except OverflowError as error:
            raise BadMessageError("originalTimestamp and sentAt lie too far apart") from error
    return received


def _in_utc(moment: datetime) -> datetime:
    if moment.tzinfo is None:
        return moment.replace(tzinfo=UTC)
    try:
        return moment.astimezone(UTC)
    except OverflowError as error:
        raise BadMessageError("timestamp is out of range") from error


def _snake(name: str) -> str:
    return "".join(f"_{letter.lower()}" if letter.isupper() else letter for letter in name)


def _hours(span: timedelta) -> str:
    return f"{span.total_seconds() / 3600:g} hours"


def shown(value: object) -> str:
    """A value as it is quoted in a reason."""
    text = repr(value)[:60]
    return "".join(letter if letter.isprintable() else "?" for letter in text)
