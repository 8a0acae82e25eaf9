"""What stands in the inbox: a body as it was received, with when and by which key; and rows that a webhook gave."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Literal

from tocsin.ingest.segment.messages import KINDS

Kind = Literal["batch", "rows", "track", "identify", "group", "page", "screen", "alias"]
ALL: tuple[Kind, ...] = ("batch", "rows", *KINDS)  # type: ignore[assignment]
_HEAD = struct.Struct(">BqH")  # kind, microseconds since 1970, length of the source's name
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Record:
    """One request. received: UTC, to the microsecond. source: the name of the key or the id of the hook that sent it."""

    kind: Kind
    received: datetime
    source: str
    body: bytes

    def packed(self) -> bytes:
        """As it stands in the inbox."""
        name = self.source.encode()[:1000].decode(errors="ignore").encode()  # no half of a character
        since = (self.received - _EPOCH) // timedelta(microseconds=1)
        return _HEAD.pack(ALL.index(self.kind), since, len(name)) + name + self.body


def unpacked(payload: bytes) -> Record:
    """The record of these bytes. ValueError where they are none."""
    if len(payload) < _HEAD.size:
        raise ValueError("a record of the inbox is too short")
    kind, since, length = _HEAD.unpack_from(payload)
    name = payload[_HEAD.size : _HEAD.size + length].decode()
    if kind >= len(ALL):
        raise ValueError(f"unknown kind {kind} of a record of the inbox")
    return Record(ALL[kind], _EPOCH + timedelta(microseconds=since), name, payload[_HEAD.size + length :])
