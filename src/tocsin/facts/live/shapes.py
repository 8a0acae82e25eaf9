"""What arrives, as plain rows: events, traits, who belongs where, rows of collections, and what could not be taken."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, NamedTuple

import msgspec

WAITING = "no account yet"  # the reason of what will be placed when its account is known


class Event(msgspec.Struct, gc=False):
    """An event, its account named or still to be found by the person. properties: JSON text of an object, or None.

    A Struct, as there are a hundred thousand a second of them.

    at: UTC. kind: None where the sender does not say. guess: what its name says of it.
    raw: the message as received; received: when it was.
    by_person: the account is that of the person; visitor: the anonymous visitor who did it, whoever that is.
    """

    id: str
    account: str | None
    person: str | None
    anonymous: str | None
    name: str
    at: datetime
    kind: str | None
    feature: str | None
    minutes: float | None
    properties: str | None
    raw: bytes
    received: datetime | None = None
    by_person: bool = False
    visitor: str | None = None
    guess: str | None = None


@dataclass(slots=True)
class Traits:
    """What was told of an account or a person as of a moment (UTC). values: column -> JSON value; None clears.

    account: of a person, the account that the message itself names; of an account, that it has to be known already.
    """

    collection: str
    id: str
    values: dict[str, Any]
    at: datetime
    account: str | None = None
    raw: bytes = b""
    received: datetime | None = None


@dataclass(slots=True)
class Membership:
    """A person belongs to an account from a moment on; `left`: no longer. weak: said in passing, by no `group`."""

    person: str
    account: str
    at: datetime
    left: bool = False
    weak: bool = False


class Link(NamedTuple):
    """An anonymous visitor is that person, as was told at a moment (UTC)."""

    anonymous: str
    person: str
    at: datetime


class Row(NamedTuple):
    """A row of a collection as an inbound webhook gives it: column -> JSON value, which source sent it, when it came (UTC).

    source: empty where it has waited and is read again.

    `updated_at` among the values is when the sender says that it was so.
    """

    collection: str
    values: dict[str, Any]
    source: str
    at: datetime


@dataclass(slots=True)
class Refusal:
    """What was not stored: as received, with the reason. account, person: by whom it can be placed later."""

    collection: str
    reason: str
    row: str
    id: str | None = None
    account: str | None = None
    person: str | None = None
    received: datetime | None = None


@dataclass(slots=True)
class Arrivals:
    """What came, in its order. groups: accounts that are there from now on.

    rows: as inbound webhooks give them.
    """

    events: list[Event] = field(default_factory=list)
    traits: list[Traits] = field(default_factory=list)
    memberships: list[Membership] = field(default_factory=list)
    links: list[Link] = field(default_factory=list)
    groups: dict[str, None] = field(default_factory=dict)
    rows: list[Row] = field(default_factory=list)
    refused: list[Refusal] = field(default_factory=list)

    @property
    def empty(self) -> bool:
        """Whether there is nothing at all."""
        return self.only_events and not self.events

    @property
    def only_events(self) -> bool:
        """Whether there is nothing beside events."""
        return not (self.traits or self.memberships or self.links or self.groups or self.rows or self.refused)


@dataclass(frozen=True, slots=True)
class Taken:
    """What became of arrivals. accounts: ids of those that anything was stored for; events: how many were new.

    collections: those that have new or changed rows; event_names: what the events are called; earliest: no new event starts
    before it (UTC).
    """

    accounts: frozenset[str] = frozenset()
    events: int = 0
    repeated: int = 0
    refused: int = 0
    collections: frozenset[str] = frozenset()
    event_names: frozenset[str] = frozenset()
    earliest: datetime | None = None

    def plus(self, others: Iterable[Taken]) -> Taken:
        """Both together."""
        every = (self, *others)
        return Taken(
            frozenset[str]().union(*(each.accounts for each in every)),
            sum(each.events for each in every),
            sum(each.repeated for each in every),
            sum(each.refused for each in every),
            frozenset[str]().union(*(each.collections for each in every)),
            frozenset[str]().union(*(each.event_names for each in every)),
            min((each.earliest for each in every if each.earliest is not None), default=None),
        )
