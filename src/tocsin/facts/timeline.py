"""What happened at one account, and who its people are, as of a moment: for reading, not for judging.

Plain parameterised SQL over the store's layout; each function is a constant number of queries. As in the as-of view, a row
is there from its start on, and how it ended is told only once it has.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any

from tocsin.core import milestones
from tocsin.core.moment import start_of_day
from tocsin.core.profiles import KEPT
from tocsin.facts.store import Store


@dataclass(frozen=True, slots=True)
class Happening:
    """One thing that happened. Empty text or None where it does not apply.

    kind: touchpoint, meeting, ticket opened, ticket resolved, invoice issued, invoice paid, survey, integration connected,
    integration removed, milestone, opportunity opened, opportunity closed, subscription, person added, person left, change.
    what: its name, subject, kind or field. detail: its remark, priority or value. who: the person.
    day: the fact names a day, not an instant.
    """

    at: datetime
    kind: str
    what: str = ""
    detail: str = ""
    who: str = ""
    amount: float | None = None
    currency: str = ""
    day: bool = False


@dataclass(frozen=True, slots=True)
class UseOfDay:
    """The events of one calendar day of the workspace's zone, rolled up. `names`: the most frequent ones with their counts."""

    day: date
    events: int
    people: int
    last: datetime
    names: tuple[tuple[str, int], ...]


@dataclass(frozen=True, slots=True)
class Story:
    """What happened before a moment, newest first, without gaps back to `until`; None where that is all there is."""

    happenings: tuple[Happening, ...]
    use: tuple[UseOfDay, ...]
    until: datetime | None


@dataclass(frozen=True, slots=True)
class Contact:
    """A person at an account. `left`: when they were removed; `last_seen`: their latest event."""

    id: str
    name: str
    email: str
    role: str
    last_seen: datetime | None
    left: datetime | None


# Each piece: start column, is it a day, kind, what, detail, whose, amount, currency.
_PIECES = (
    ("touchpoints", '"at"', False, "touchpoint", "kind", "coalesce(notes, subject)", "person_key", "sentiment", "NULL"),
    ("meetings", "booked_at", False, "meeting", "kind", "strftime(planned_at, '%Y-%m-%d')", "NULL", "NULL", "NULL"),
    ("tickets", "opened_at", False, "ticket opened", "coalesce(subject, id)", "priority", "person_key", "NULL", "NULL"),
    ("tickets", "resolved_at", False, "ticket resolved", "coalesce(subject, id)", "priority", "person_key", "NULL", "NULL"),
    ("invoices", "issued_on", True, "invoice issued", "NULL", "strftime(due_on, '%Y-%m-%d')", "NULL", "amount", "currency"),
    ("invoices", "paid_on", True, "invoice paid", "NULL", "strftime(due_on, '%Y-%m-%d')", "NULL", "amount", "currency"),
    ("surveys", '"at"', False, "survey", "kind", "comment", "person_key", "score", "NULL"),
    ("integrations", "connected_at", False, "integration connected", "name", "NULL", "NULL", "NULL", "NULL"),
    ("integrations", "disconnected_at", False, "integration removed", "name", "NULL", "NULL", "NULL", "NULL"),
    ("milestones", "reached_at", False, "milestone", "name", "NULL", "NULL", "NULL", "NULL"),
    ("opportunities", "opened_at", False, "opportunity opened", "kind", "stage", "NULL", "amount", "currency"),
    ("opportunities", "closed_at", False, "opportunity closed", "kind", "outcome", "NULL", "amount", "currency"),
    ("subscriptions", "starts_on", True, "subscription", "coalesce(plan, product)", "NULL", "NULL", "mrr", "currency"),
    ("people", "created_at", False, "person added", "coalesce(name, email, id)", "role", "NULL", "NULL", "NULL"),
    ("people", "deleted_at", False, "person left", "coalesce(name, email, id)", "role", "NULL", "NULL", "NULL"),
)


HAPPENINGS, DAYS = 60, 30  # that are told at a time
TOLD = 3  # names of what was used on a day
RECENT = timedelta(days=366)  # within which most accounts have so many days of use
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_ME = "(SELECT key FROM accounts WHERE id = $1)"
KINDS = (*dict.fromkeys(piece[3] for piece in _PIECES), "change")


def story(told: Sequence[Happening], used: Sequence[UseOfDay]) -> Story:
    """Both together, as `happenings` and `use` give them: the latest, at most `HAPPENINGS` and `DAYS` of them."""
    # Both lists are cut where the one that goes less far back ends, so that a day is shown whole or not at all.
    ends = []
    if len(told) > HAPPENINGS:
        ends.append(told[HAPPENINGS].at)
    if len(used) > DAYS:
        ends.append(used[DAYS].last)
    until = max(ends, default=None)
    if until is None:
        return Story(tuple(told), tuple(used), None)
    return Story(tuple(each for each in told if each.at > until), tuple(each for each in used if each.last > until), until)


# What the engine keeps of health besides the band: for reckoning, not for reading.
_REACHED = f"'{milestones.KEPT}'"
_MARKS = ", ".join(f"'{field}'" for field in KEPT if field != "health_band")


def happenings(store: Store, account_id: str, before: datetime, kinds: Sequence[str] = KINDS) -> list[Happening]:
    """What happened at an account at or before a moment besides its use, of these kinds, latest first. One query.

    One more than are told, where there are more.
    """
    key = store.query("SELECT key FROM accounts WHERE id = ?", [account_id], small=True).column("key").to_pylist()
    if not kinds or not key:
        return []
    zone = _quoted(store.zone.key)
    parts = list(_parts(zone, kinds))
    if "change" in kinds:
        parts.append(
            "SELECT \"at\", FALSE, 'change', field, value, NULL, NULL, NULL "
            f'FROM account_timeline WHERE key = $1 AND "at" <= $2 '
            f"AND field NOT IN ({_MARKS}) AND NOT starts_with(field, {_REACHED})"
        )
    # Names of people are looked up for the few rows that are told.
    sql = (
        "WITH told AS (SELECT * FROM (" + " UNION ALL ".join(parts) + ') AS told("at", by_day, kind, what, detail, person_key, '
        'amount, currency) ORDER BY "at" DESC, kind, what LIMIT $3) '
        "SELECT told.*, coalesce(p.name, p.email, p.id) AS person FROM told LEFT JOIN people AS p ON p.key = told.person_key "
        'ORDER BY "at" DESC, kind, what'
    )
    rows = store.query(sql, [key[0], _plain(before), HAPPENINGS + 1], small=True).to_pylist()
    return [
        Happening(
            at=row["at"].replace(tzinfo=UTC),
            kind=row["kind"],
            what=row["what"] or "",
            detail=row["detail"] or "",
            who=row["person"] or "",
            amount=row["amount"],
            currency=row["currency"] or "",
            day=row["by_day"],
        )
        for row in rows
    ]


def _parts(zone: str, kinds: Sequence[str]) -> Iterator[str]:
    """The SELECT of each piece of these kinds. Only names of this module are put into the text."""
    for table, start, by_day, kind, what, detail, whose, amount, currency in _PIECES:
        if kind not in kinds:
            continue
        at = f"timezone('UTC', timezone({zone}, CAST({start} AS TIMESTAMP)))" if by_day else start
        shown = " AND NOT coalesce(left_out, FALSE)" if table == "people" else ""
        yield (
            f"SELECT {at}, {by_day}, '{kind}', {what}, {detail}, {whose}, CAST({amount} AS DOUBLE), {currency} "
            f"FROM {table} WHERE account_key = $1 AND {at} <= $2{shown}"
        )


def use(store: Store, account_id: str, before: datetime) -> list[UseOfDay]:
    """The use of an account by days, at or before a moment, latest first; one more than are told, where there are more.

    Recent events are looked at first, and all of them only where these do not give days enough. Three queries at most.
    """
    zone = _quoted(store.zone.key)
    day = f"CAST(timezone({zone}, timezone('UTC', \"at\")) AS DATE)"
    theirs = f'FROM events WHERE account_key = {_ME} AND "at" <= $2 AND "at" > CAST($3 AS TIMESTAMP)'

    def asked(what: str, after: datetime | str) -> list[dict[str, Any]]:
        given = [account_id, _plain(before), after if isinstance(after, str) else _plain(after)]
        rows: list[dict[str, Any]] = store.query(f"SELECT {day} AS day, {what}", given, small=True).to_pylist()
        return rows

    days = f'count(*) AS events, count(DISTINCT person_key) AS people, max("at") AS last {theirs} GROUP BY 1 ORDER BY 1 DESC'
    # Of the day that begins before the recent ones not all is counted: it is the one more, of which nothing is told.
    since = before - RECENT if before > EPOCH else "-infinity"
    found = asked(f"{days} LIMIT {DAYS + 1}", since)
    if len(found) <= DAYS and since != "-infinity":
        found = asked(f"{days} LIMIT {DAYS + 1}", "-infinity")
    names: dict[date, list[tuple[str, int]]] = {each["day"]: [] for each in found}
    if found:
        first = start_of_day(found[-1]["day"], store.zone)
        often = f"coalesce(feature, name) AS name, count(*) AS n {theirs} GROUP BY 1, 2 ORDER BY n DESC, 2"
        for row in asked(often, first - timedelta(microseconds=1)):
            names[row["day"]].append((row["name"], row["n"]))
    return [
        UseOfDay(
            each["day"], each["events"], each["people"], each["last"].replace(tzinfo=UTC), tuple(names[each["day"]][:TOLD])
        )
        for each in found
    ]


def contacts(store: Store, account_id: str, moment: datetime, *, limit: int = 200) -> tuple[tuple[Contact, ...], int]:
    """The people of an account as of a moment, those with a role and the lately seen first, and how many there are in all.

    Our own staff and service users are left out. Roles are as of the moment where their history is known.
    """
    # Grouped by the account as well, which is one: of a key alone the engine clears a place for each person of the book.
    sql = f"""
        WITH seen AS (
            SELECT person_key, max("at") AS last FROM events
            WHERE account_key = {_ME} AND "at" <= $2 AND person_key IS NOT NULL GROUP BY account_key, person_key
        ),
        told AS (
            SELECT key, arg_max(value, "at") AS role FROM person_timeline
            WHERE field = 'role' AND "at" <= $2 AND key IN (SELECT key FROM people WHERE account_key = {_ME}) GROUP BY key
        )
        SELECT p.id, p.name, p.email, coalesce(t.role, p.role) AS role, s.last,
            CASE WHEN p.deleted_at <= $2 THEN p.deleted_at END AS left_at, count(*) OVER () AS total
        FROM people p LEFT JOIN seen s ON s.person_key = p.key LEFT JOIN told t ON t.key = p.key
        WHERE p.account_key = {_ME} AND NOT coalesce(p.left_out, FALSE) AND (p.created_at IS NULL OR p.created_at <= $2)
        ORDER BY left_at IS NOT NULL, coalesce(t.role, p.role, 'user') = 'user', s.last DESC NULLS LAST, p.name, p.id
        LIMIT $3
    """
    rows = store.query(sql, [account_id, _plain(moment), limit], small=True).to_pylist()
    people = tuple(
        Contact(
            id=row["id"],
            name=row["name"] or "",
            email=row["email"] or "",
            role=row["role"] or "",
            last_seen=_aware(row["last"]),
            left=_aware(row["left_at"]),
        )
        for row in rows
    )
    return people, rows[0]["total"] if rows else 0


def currency(store: Store) -> str:
    """What amounts are in: the reporting currency, else what the rates lead to, else the one that all accounts share.

    Empty where there is none, or where there are several.
    """
    if store.currency:
        return store.currency
    sql = """
        WITH base AS (SELECT upper(currency) AS currency FROM rates GROUP BY 1 HAVING min(rate) = 1 AND max(rate) = 1),
        used AS (
            SELECT DISTINCT upper(currency) AS currency
            FROM (SELECT currency FROM accounts UNION ALL SELECT currency FROM subscriptions) WHERE currency <> ''
        )
        SELECT currency FROM base UNION ALL SELECT currency FROM used WHERE NOT EXISTS (SELECT 1 FROM rates) LIMIT 2
    """
    found = [row["currency"] for row in store.query(sql).to_pylist()]
    return str(found[0]) if len(found) == 1 else ""


def _aware(value: Any) -> datetime | None:
    return None if value is None else value.replace(tzinfo=UTC)


def _plain(moment: datetime) -> datetime:
    return moment.astimezone(UTC).replace(tzinfo=None)


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"
