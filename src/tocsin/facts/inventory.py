"""What the store holds: rows of each collection, how fresh they are, what came in lately, and what was turned away."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from tocsin.core.schema import COLLECTIONS, Collection
from tocsin.facts.cells import start_of_day
from tocsin.facts.duckdb import DuckStore
from tocsin.facts.layout import SEEN, literal, quote
from tocsin.facts.live.shapes import WAITING

LATELY = timedelta(hours=24)
OURS = ("alerts",)  # made by the product, so that nobody sends them
# A row that waits names an account or a person whose account is not known; it comes in once that is.
WAITS = f"(reason = {literal(WAITING)} OR starts_with(reason, 'unknown account'))"


@dataclass(frozen=True, slots=True)
class Holding:
    """One collection.

    latest: the latest start at or before the moment asked for (UTC), None where there is none or rows have no start.
    arrived: rows that became known within `LATELY` of that moment, None where rows do not note it.
    rejected: rows that were turned away and still are; waiting: those of them that only lack an account that is known.
    """

    collection: str
    rows: int
    latest: datetime | None
    arrived: int | None
    rejected: int
    waiting: int

    @property
    def given(self) -> int:
        """All rows that were sent and are not forgotten: stored or turned away."""
        return self.rows + self.rejected


@dataclass(frozen=True, slots=True)
class Turned:
    """Rows of some collections together. given: stored or turned away; rejected and waiting as in `Holding`."""

    given: int
    rejected: int
    waiting: int


SENT = tuple(name for name in COLLECTIONS if name not in OURS)


def holdings(store: DuckStore, now: datetime, names: Sequence[str] = SENT) -> list[Holding]:
    """These collections (default: every one that others send), in this order, as of a moment: one query."""
    parts = [_counted(store, COLLECTIONS[name], place, now) for place, name in enumerate(names)]
    rows = store.query(
        f"""
        WITH held AS ({" UNION ALL ".join(parts)}),
        bad AS (SELECT collection, count(*) AS rejected, count(*) FILTER ({WAITS}) AS waiting FROM rejected GROUP BY collection)
        SELECT held.*, coalesce(bad.rejected, 0) AS rejected, coalesce(bad.waiting, 0) AS waiting
        FROM held LEFT JOIN bad USING (collection) ORDER BY place
        """,
        small=True,
    ).to_pylist()
    return [
        Holding(
            row["collection"],
            row["n"],
            None if row["latest"] is None else row["latest"].replace(tzinfo=UTC),
            row["arrived"],
            row["rejected"],
            row["waiting"],
        )
        for row in rows
    ]


def turned_away(held: Iterable[Holding], collections: Iterable[str] = ("events", "tickets")) -> Turned:
    """These collections together: what was sent, and how much of it was turned away or waits."""
    wanted = set(collections)
    chosen = [each for each in held if each.collection in wanted]
    return Turned(
        sum(each.given for each in chosen), sum(each.rejected for each in chosen), sum(each.waiting for each in chosen)
    )


def owners(store: DuckStore) -> list[tuple[str, int]]:
    """The owners that accounts name, as the facts have them, with how many accounts each; most first. Left-out ones not."""
    rows = store.query(
        "SELECT owner, count(*) AS n FROM accounts WHERE coalesce(owner, '') <> '' AND NOT coalesce(left_out, false) "
        "GROUP BY owner ORDER BY n DESC, owner"
    ).to_pylist()
    return [(row["owner"], row["n"]) for row in rows]


def _counted(store: DuckStore, collection: Collection, place: int, now: datetime) -> str:
    """The SELECT that counts one collection."""
    latest = "CAST(NULL AS TIMESTAMP)"
    if collection.start is not None:
        column = collection.column(collection.start)
        start = start_of_day(quote(column.name), store.zone) if column.type == "date" else quote(column.name)
        latest = f"max({start}) FILTER ({start} <= {_instant(now)})"
    notes = collection.name in SEEN or collection.name in ("accounts", "people")
    arrived = f"count(*) FILTER (first_seen > {_instant(now - LATELY)})" if notes else "CAST(NULL AS BIGINT)"
    return (
        f"SELECT {place} AS place, {literal(collection.name)} AS collection, count(*) AS n, {latest} AS latest, "
        f"{arrived} AS arrived FROM {quote(collection.name)}"
    )


def _instant(moment: datetime) -> str:
    return f"TIMESTAMP {literal(moment.astimezone(UTC).replace(tzinfo=None).isoformat(sep=' '))}"
