"""What the engine may ask of a store of facts, whichever database holds them.

The layout that every store offers (the tables behind the as-of view; nobody but `engine.sql` and the store reads them):

- one table per collection of `core.schema`, under its name, with the declared columns, except that `account_id` and
  `person_id` are held as the integers `account_key` and `person_key` (null where the cell was empty);
- physical types: text VARCHAR, number DOUBLE, boolean BOOLEAN, time TIMESTAMP (UTC, no zone), date DATE, list VARCHAR[],
  json JSON, any VARCHAR. An empty cell is null;
- `accounts` has `key` INTEGER besides `id`, `custom` JSON (name -> text) and `left_out` BOOLEAN (ours, a test or a demo);
- `people` has `key` INTEGER besides `id`, `account_key`, `custom` JSON and `left_out` BOOLEAN (own staff, service users);
- every collection whose rows have a start has `first_seen` TIMESTAMP: the time of the import that brought the row first;
- `person_keys(key, id)` names every person that any row mentions, also those of which nothing else is known;
- `account_timeline(key, field, value, at)` and `person_timeline(key, field, value, at)` are the *effective* history of
  attributes: one row per key, field and instant (of several, the greater text), `value` '' where the attribute became
  null, and, for accounts that have subscriptions, plan, seats, mrr and renews_on as the subscriptions give them
  (`facts.subscribed`, which keeps in `subscription_terms` what those were before they were changed in place);
- in `account_timeline` also what the engine keeps of health (`core.profiles.KEPT`), and `health_days`, see `facts.scores`;
- `events_rollup` and `events_rollup_people`: first, last and how many of old events, see `facts.rollup`;
- the raw `account_history` and `people_history` hold what was recorded, as it was recorded.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from contextlib import AbstractContextManager
from datetime import datetime
from typing import Any, Protocol
from zoneinfo import ZoneInfo

import pyarrow as pa

from tocsin.facts import reached
from tocsin.facts.scores import Kept, Note


class Scores(Protocol):
    """What is kept of health scores; see `facts.scores` for what each gives and takes."""

    @property
    def lock(self) -> AbstractContextManager[Any]:
        """Held while scores are made anew: one at a time."""

    def kept(self) -> Kept | None:
        """What is kept; None where nothing is."""

    def notes(self) -> tuple[int, list[Note]]:
        """What has changed since scores were last made: a number to give to `settle`, and the notes."""

    def turning_points(self, accounts: Collection[str] | None) -> list[tuple[str, datetime]]:
        """(account, instant) at which an account that has ever churned may have begun or ceased to be churned."""

    def keep_frozen(self, rows: pa.Table, accounts: Collection[str] | None) -> None:
        """Keep what these accounts (None: all) were frozen at, in place of what was kept of them."""

    def keep_days(self, rows: pa.Table, accounts: Collection[str] | None, first: datetime, last: datetime) -> None:
        """Keep the scores of the days that start in [first, last], in place of those kept for these accounts."""

    def settle(self, kept: Kept, accounts: Collection[str] | None, since: datetime | None, seen: int) -> None:
        """Say how far scores are kept, make these accounts' changes of band, and drop the notes that were seen."""

    def days(self, accounts: Collection[str] | None, first: datetime, last: datetime) -> pa.Table:
        """The kept scores of days that start in [first, last], by account and day."""

    def accounts(self) -> int:
        """How many accounts there are."""

    def count(self) -> int:
        """How many days of accounts are kept."""

    def forget(self) -> None:
        """Drop everything that is kept."""


class Reached(Protocol):
    """When milestones of templates were reached; see `facts.reached` for what each gives and takes."""

    @property
    def lock(self) -> AbstractContextManager[Any]:
        """Held while it is made anew: one at a time."""

    def kept(self) -> reached.Kept | None:
        """How far it is kept; None where nothing is."""

    def notes(self) -> tuple[int, list[Note]]:
        """What has changed since: a number to give to `settle`, and the notes."""

    def drop(self, accounts: Collection[str] | None, since: datetime | None) -> None:
        """Forget what these accounts (None: all) have reached from an instant on (None: ever)."""

    def keep(self, field: str, rows: pa.Table) -> None:
        """Note when accounts reached a milestone, of those that had not before."""

    def settle(self, kept: reached.Kept, seen: int) -> None:
        """Say how far it is kept; the notes up to that number are dropped."""

    def forget(self) -> None:
        """Drop everything that is kept."""


class Store(Protocol):
    """Customer facts behind one query interface. Safe to use from several threads."""

    @property
    def dialect(self) -> str:
        """The name of the store's SQL dialect, as SQLGlot knows it (`duckdb`)."""

    @property
    def zone(self) -> ZoneInfo:
        """The workspace's time zone."""

    @property
    def scores(self) -> Scores:
        """What is kept of health scores."""

    @property
    def reached(self) -> Reached:
        """What is kept of milestones that were reached."""

    def query(
        self,
        sql: str,
        parameters: Sequence[Any] = (),
        *,
        tables: Mapping[str, pa.Table] | None = None,
        small: bool = False,
    ) -> pa.Table:
        """The rows of a SELECT as an Arrow table; sees everything that was acknowledged before the call.

        tables: more tables that the SELECT can name, for this call alone. small: the answer is small beside the SELECT.
        """

    def record(self, account_id: str, field: str, entries: Sequence[tuple[str | None, datetime]], *, after: datetime) -> None:
        """Put entries (value, from when on) into the history of an account's attribute, in place of those from a moment on."""

    def attributes(self, collection: str) -> dict[str, str]:
        """Name -> type of the attributes that are typed by their values.

        Of `accounts` and `people`: tier, risk and all custom attributes. Types: boolean, number, date, time, text, or
        unknown for an attribute that has no value yet.
        """

    def converts_money(self) -> bool:
        """Whether there are exchange rates, so that amounts are converted before they are added."""

    @property
    def currency(self) -> str | None:
        """The reporting currency, or None where all amounts are in one."""

    def latest_start(self, collection: str, until: datetime | None = None) -> datetime | None:
        """The latest start of a row of a collection (at or before a moment, where one is given); None where there is none."""

    def earliest_start(self, collection: str) -> datetime | None:
        """The earliest start of a row of a collection; None where there is none."""

    @property
    def generation(self) -> int:
        """How often the facts have changed."""

    @property
    def generation_beside_events(self) -> int:
        """How often anything but the events has changed."""

    def events_since(self, generation: int) -> datetime | None:
        """Events that came in after a generation all start later than this (UTC), as long as `generation_beside_events` stands.

        None where none came in.
        """

    def rollup_borders(self) -> tuple[datetime, ...]:
        """Up to when old events can be read from the rollup (`facts.rollup`), ascending (UTC); none where there is none."""

    def minutes_since(self, enough: datetime) -> datetime | None:
        """From when on events give minutes, None where none does; where one does by `enough`, the start of any such one."""

    def counts(self) -> dict[str, int]:
        """Rows in each collection."""

    def keep_alerts(self, rows: Sequence[Mapping[str, Any]]) -> None:
        """Write rows of the collection `alerts` over those of the same id; see `facts.alerts_in`."""
