"""The envelope that every event of Stripe's has, and what its readers give back."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from tocsin.core.moment import iso
from tocsin.ingest.hooks.fields import Fields
from tocsin.ingest.hooks.shapes import Row
from tocsin.ingest.hooks.values import day


@dataclass(frozen=True, slots=True)
class Event:
    """An event. thing: the object that it is about (`data.object`); previous: its fields before an update.

    names: what ids of prices and products are called. zone: in which instants become days.
    """

    id: str
    type: str
    created: datetime
    thing: Fields
    previous: Mapping[str, Any] = field(hash=False)
    names: Mapping[str, str] = field(hash=False)
    zone: ZoneInfo

    @property
    def at(self) -> datetime:
        """When it happened. Stripe says so in whole seconds: within one, what was made comes before what changed and ended."""
        act = self.type.rpartition(".")[2]
        return self.created + timedelta(microseconds={"created": 0, "deleted": 2}.get(act, 1))

    def customer(self) -> str:
        """The id of the customer, who may stand there whole."""
        return reference(self.thing, "customer") or self.thing.key("customer_account")

    def day(self, fields: Fields, name: str) -> str | None:
        """The day of an instant; None where there is none."""
        moment = fields.maybe_time(name)
        return None if moment is None else day(moment, self.zone)

    def today(self) -> str:
        """The day of the event."""
        return day(self.created, self.zone)

    def row(self, name: str) -> Row:
        """The event as a row of `events`."""
        told = {"id": self.id, "account_id": self.customer(), "name": name, "at": iso(self.created), "kind": "other"}
        return Row("events", told)


def reference(fields: Fields, name: str) -> str | None:
    """The id of another object, given as an id or as the whole object; None where there is none."""
    if isinstance(fields.raw(name), dict):
        return fields.object(name).key("id")
    return fields.maybe_key(name)
