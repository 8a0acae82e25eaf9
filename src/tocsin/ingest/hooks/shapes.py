"""What an inbound webhook is made of: a request, the rows that its body tells, and the vendor who knows both."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from tocsin.core.errors import UserError


class Refused(UserError):  # noqa: N818  (what happens to the request, and what callers catch)
    """The request is not shown to come from the vendor, or not now. The sentence is for people and holds no secret."""


@dataclass(frozen=True, slots=True)
class Request:
    """One HTTP request as it came.

    url:      the full public address as the sender sees it, with its query; behind a proxy not the one inside.
    headers:  by lower-case names.
    body:     the bytes as sent: signatures are over them, so nobody decodes and encodes them on the way.
    received: when it arrived, UTC; the only clock there is.
    """

    method: str
    url: str
    headers: Mapping[str, str] = field(hash=False)
    body: bytes
    received: datetime


@dataclass(frozen=True, slots=True)
class Row:
    """One row of a collection, perhaps in part.

    values: column -> JSON value. Instants are ISO 8601 in UTC (`2026-01-02T03:04:05Z`, fractions of a second only where
    there are any), dates `YYYY-MM-DD`, amounts in major units, ids text. A column that is not there was not told, and what is
    stored of it stays; None clears it. `account_id` (in accounts, `id`) may be the vendor's own id of the customer, which the
    store resolves by the account's aliases. Where a row of tickets, surveys or events has no `account_id`, the account is
    that of its `person_id`. Rows of accounts and people carry `updated_at`, by which their history is dated, and custom
    attributes under names of their own. A row of accounts with an `account_id` and no `id` tells something of an account that
    has to be known; until it is, the row waits.

    at: when it was so, as the sender says (UTC), by which what is older and comes later changes nothing; None where they do
    not say, and where the values have `updated_at`.
    """

    collection: str
    values: Mapping[str, Any] = field(hash=False)
    at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Reading:
    """What a body told.

    rows:        in the order in which they are to be stored.
    delivery_id: the same for every attempt at one delivery: the vendor's id of it, else the SHA-256 of the body in hex.
    ignored:     why a body that is fine gives no rows, in one sentence; else empty.
    """

    rows: tuple[Row, ...]
    delivery_id: str
    ignored: str = ""


@dataclass(frozen=True, slots=True)
class Vendor:
    """A system that sends webhooks, as functions without state.

    name, title: as in the address (`/hooks/<name>/<source id>`), and as people call it.
    secret_hint: one sentence on where the vendor shows the signing secret.
    verify:      (request, secrets) returns where one of the secrets signed the request, within 300 seconds where the scheme
                 has a time; Refused otherwise, and always where there is no secret that is not empty.
    read:        (request, settings) gives the rows of a verified body. UserError: it cannot be read, or a setting is wrong.
    sample:      (now) is the body of a small test event, which `read` takes with the settings left empty.
    sign:        (request, secret) are the headers (lower-case names) by which `verify` takes the request, dated `received`.
    settings:    those that `read` knows -> how each is written: `text`, `words` (from texts to texts), `nested` (such
                 for each kind of object) or `json`.
    """

    name: str
    title: str
    secret_hint: str
    verify: Callable[[Request, Sequence[str]], None]
    read: Callable[[Request, Mapping[str, object]], Reading]
    sample: Callable[[datetime], bytes]
    sign: Callable[[Request, str], Mapping[str, str]]
    settings: Mapping[str, str] = field(hash=False)
