"""What the sources app shows to others. Times are aware, UTC."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

# What became of a delivery: its rows were taken in, it was of a kind that is passed over, its body could not be read.
BECAME = ("taken", "ignored", "unreadable")


@dataclass(frozen=True, slots=True)
class SecretInfo:
    """A secret by which a source may sign: what tells it from others, which says nothing of it, and since when it is known."""

    id: str
    added_at: datetime


@dataclass(frozen=True, slots=True)
class SourceInfo:
    """A source as it is set up, without its secrets.

    id, path: as in its address. hint: where the vendor shows the secret. last_error: of the latest request that was refused.
    received, refused: how many requests were.
    """

    id: str
    vendor: str
    title: str
    name: str
    path: str
    hint: str
    secrets: tuple[SecretInfo, ...]
    settings: Mapping[str, Any] = field(hash=False)
    created_at: datetime
    created_by: str
    paused: bool
    last_received_at: datetime | None
    last_error: str
    last_error_at: datetime | None
    received: int
    refused: int


@dataclass(frozen=True, slots=True)
class DoorSource:
    """What the door needs to know of a source. unreadable: its secrets were sealed with another key of the workspace."""

    id: str
    vendor: str
    name: str
    paused: bool
    settings: Mapping[str, Any] = field(hash=False)
    secrets: tuple[str, ...] = field(repr=False)
    unreadable: bool = False


@dataclass(frozen=True, slots=True)
class RefusalInfo:
    """Requests that were refused for one reason within a minute of each other.

    status, code: as they were answered. origin: the address of the last sender, '' where it is unknown; elsewhere: whether
    there were others.
    """

    first_at: datetime
    last_at: datetime
    status: int
    code: str
    reason: str
    origin: str = ""
    elsewhere: bool = False
    times: int = 1


@dataclass(frozen=True, slots=True)
class DeliveryInfo:
    """A delivery that was signed, and what became of it (one of `BECAME`)."""

    delivery_id: str
    received_at: datetime
    became: str
    detail: str
