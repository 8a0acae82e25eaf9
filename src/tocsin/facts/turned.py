"""Rows that were turned away, by kind: counted, shown, forgotten, taken out to be tried again; and the accounts they name."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from tocsin.core.errors import UserError
from tocsin.facts.duckdb import DuckStore
from tocsin.facts.inventory import WAITS
from tocsin.facts.layout import literal
from tocsin.facts.live.shapes import WAITING

# What a reason quotes or tells of a row (times, great numbers) differs from row to row; without it, reasons of one kind are
# the same.
_QUOTED = "'.*'|\".*\""
_TOLD = r"\d{4}-\d\d-\d\d[T ][\d:.]+(Z|[+-]\d\d:?\d\d)?|\d[\d,]{3,}"
_KIND = f"regexp_replace(regexp_replace(reason, {literal(_QUOTED)}, '…', 's'), {literal(_TOLD)}, '…', 'g')"
HOOKS = "hooks"  # in place of a collection: bodies of webhooks that their source could not read
MOST_AT_ONCE = 20_000  # rows that are tried again in one go: they are held in memory
MOST_FAILING = 50  # of them that fail alone, before the others are left: then it is not the rows
_THOSE = f"source = ? AND collection = ? AND {_KIND} = ?"
_trying = threading.Lock()

Waiting = tuple[str, str, datetime]  # collection, row as received, when that was (UTC)


@dataclass(frozen=True, slots=True)
class Kind:
    """Which rows are meant: how they came (`file` or `http`), their collection, and the reason without what it quotes."""

    source: str
    collection: str
    reason: str

    @property
    def again(self) -> bool:
        """Whether rows of it can be tried again: a body of a webhook is read by its source alone, when it is sent again."""
        return self.source == "http" and self.collection != HOOKS


@dataclass(frozen=True, slots=True)
class Row:
    """One of them. file, line: where it stood, None over HTTP. at: when it was turned away (UTC). row: as received."""

    file: str | None
    line: int | None
    reason: str
    row: str
    at: datetime | None


@dataclass(frozen=True, slots=True)
class Group:
    """All rows of a kind: how many, the latest moment (UTC), and one of them."""

    kind: Kind
    count: int
    latest: datetime | None
    example: Row


@dataclass(frozen=True, slots=True)
class Tried:
    """What became of rows that were tried again.

    given: those that came in or were turned away anew, and `refused`: how many of them were. stay: those that stay in the list
    as they were, since they failed again. error: the last failure, None where none failed.
    """

    given: int
    refused: int
    stay: int = 0
    error: Exception | None = None


@dataclass(frozen=True, slots=True)
class Stranger:
    """A name of an account that no row of a kind could be matched with.

    counts: collection -> rows. live: those that came over HTTP, which are tried again by themselves once the name is known.
    known: the account that it names by now, '' where it names none. ambiguous: it is an alias of several accounts.
    """

    ref: str
    counts: dict[str, int] = field(default_factory=dict)
    live: int = 0
    known: str = ""
    ambiguous: bool = False

    @property
    def total(self) -> int:
        """Rows of all collections."""
        return sum(self.counts.values())


def count(store: DuckStore) -> int:
    """All rows that were turned away."""
    return int(store.query("SELECT count(*) AS n FROM rejected").column("n")[0].as_py())


def groups(store: DuckStore, most: int = 100) -> tuple[list[Group], int]:
    """The kinds of rows that were turned away, most rows first, and how many kinds there are: one query."""
    rows = store.query(
        f"""
        SELECT source AS via, collection, {_KIND} AS kind, count(*) AS n, max("at") AS latest,
               arg_max({{'file': file, 'line': line, 'reason': reason, 'row': left("row", 2000), 'at': "at"}},
                       coalesce("at", TIMESTAMP '1970-01-01')) AS example,
               count(*) OVER () AS kinds
        FROM rejected GROUP BY ALL ORDER BY n DESC, via, collection, kind LIMIT ?
        """,
        [most],
    ).to_pylist()
    found = [
        Group(Kind(row["via"], row["collection"], row["kind"]), row["n"], _utc(row["latest"]), _row(row["example"]))
        for row in rows
    ]
    return found, rows[0]["kinds"] if rows else 0


def rows_of(store: DuckStore, kind: Kind, *, page: int = 1, size: int = 50) -> tuple[list[Row], int]:
    """A page of the rows of a kind, newest first, then as they stood in their file; and how many there are. Counts from 1."""
    found = store.query(
        f"""
        SELECT file, line, reason, "row", "at", count(*) OVER () AS total FROM rejected WHERE {_THOSE}
        ORDER BY "at" DESC NULLS LAST, file, line, reason, "row" LIMIT ? OFFSET ?
        """,
        [*_named(kind), size, (page - 1) * size],
    ).to_pylist()
    return [_row(each) for each in found], found[0]["total"] if found else 0


def forget(store: DuckStore, kind: Kind) -> int:
    """Delete the rows of a kind for good; gives how many there were. UserError where there is none."""
    with store.write(news=False) as cursor:
        gone = cursor.execute(f"DELETE FROM rejected WHERE {_THOSE}", _named(kind)).fetchone()
        if gone is None or not gone[0]:
            raise UserError("there are no such rows any more")
    return int(gone[0])


def try_again(store: DuckStore, kind: Kind, take: Callable[[Sequence[Waiting]], int]) -> Tried:
    """Hand rows of a kind that came over HTTP to `take`, which stores each or enters it as rejected anew; oldest first.

    take: takes them off the list too, and gives how many it turned away; all or nothing. Where it fails the rows are handed
    over half by half, so that one that fails keeps no other; it stays in the list with its reason, and so do those behind when
    `MOST_FAILING` have failed.
    At most `MOST_AT_ONCE` are tried.
    UserError for rows of files, which come in by another import, for bodies of webhooks, and where there are none.
    """
    if kind.source != "http":
        raise UserError("rows of a file come in when the file, put right, is imported again")
    if not kind.again:
        raise UserError("the body of a webhook comes in when its source's settings are put right and its sender sends it again")
    with _trying:
        given = store.query(
            f'SELECT collection, "row", "at" FROM rejected WHERE {_THOSE} ORDER BY "at" LIMIT {MOST_AT_ONCE}', _named(kind)
        ).to_pylist()
        if not given:
            raise UserError("there are no such rows any more")
        tried = _Trying(take)
        tried.hand([(each["collection"], each["row"], each["at"].replace(tzinfo=UTC)) for each in given])
    return Tried(len(tried.came), tried.refused, len(given) - len(tried.came), tried.error)


class _Trying:
    """Rows that are handed over, and what became of them. came: as received, of those that were stored or turned away anew."""

    def __init__(self, take: Callable[[Sequence[Waiting]], int]) -> None:
        self._take = take
        self.came: list[str] = []
        self.refused = self.failed = 0
        self.error: Exception | None = None

    def hand(self, rows: Sequence[Waiting]) -> None:
        """Hand over rows, by halves where that fails."""
        if not rows or self.failed >= MOST_FAILING:
            return
        try:
            self.refused += self._take(rows)
        except UserError:  # no space, or the like: the rest waits
            raise
        except Exception as error:  # noqa: BLE001 - what a message that once failed does again
            self.error = error
        else:
            self.came += [row for _, row, _ in rows]
            return
        if len(rows) == 1:
            self.failed += 1
            return
        half = len(rows) // 2
        self.hand(rows[:half])
        self.hand(rows[half:])


def strangers(store: DuckStore, *, text: str = "", page: int = 1, size: int = 50) -> tuple[list[Stranger], int]:
    """Names of accounts that rows were turned away for, most rows first, and how many names there are: one query.

    text: only names that contain it, whatever their case. page counts from 1.
    """
    found = store.query(
        f"""
        WITH bad AS (
            SELECT account_ref AS ref, collection, count(*) AS n, count(*) FILTER (source <> 'file') AS live
            FROM rejected WHERE account_ref IS NOT NULL AND ({WAITS} OR contains(reason, 'alias of several')) GROUP BY ALL
        ),
        aliases AS (
            SELECT external_id AS ref, count(DISTINCT account_key) AS n, min(account_key) AS key
            FROM account_aliases WHERE external_id IN (SELECT ref FROM bad) GROUP BY external_id
        )
        SELECT bad.ref, sum(bad.n) AS total, sum(bad.live) AS live,
               list({{'collection': collection, 'n': bad.n}} ORDER BY bad.n DESC, collection) AS counts,
               max(coalesce(own.id, named.id)) AS known, bool_or(own.id IS NULL AND coalesce(aliases.n, 0) > 1) AS ambiguous,
               count(*) OVER () AS names
        FROM bad LEFT JOIN accounts AS own ON own.id = bad.ref
        LEFT JOIN aliases ON aliases.ref = bad.ref
        LEFT JOIN accounts AS named ON named.key = aliases.key
        WHERE contains(lower(bad.ref), lower(?))
        GROUP BY bad.ref ORDER BY total DESC, bad.ref LIMIT ? OFFSET ?
        """,
        [text, size, (page - 1) * size],
    ).to_pylist()
    return [_stranger(row) for row in found], found[0]["names"] if found else 0


def persons(store: DuckStore) -> int:
    """Rows that name a person and no account, and wait until that person's account is told."""
    found = store.query(f"SELECT count(*) AS n FROM rejected WHERE account_ref IS NULL AND reason = {literal(WAITING)}")
    return int(found.column("n")[0].as_py())


def stranger(store: DuckStore, ref: str) -> Stranger | None:
    """What is known of one such name; None where no row was turned away for it."""
    found, _ = strangers(store, text=ref, size=1_000)
    return next((each for each in found if each.ref == ref), None)


def _stranger(row: dict[str, Any]) -> Stranger:
    counts = {each["collection"]: each["n"] for each in row["counts"]}
    known = "" if row["ambiguous"] else row["known"] or ""
    return Stranger(row["ref"], counts, int(row["live"]), known, row["ambiguous"])


def _named(kind: Kind) -> list[str]:
    return [kind.source, kind.collection, kind.reason]


def _row(row: dict[str, Any]) -> Row:
    return Row(row["file"], row["line"], row["reason"], row["row"], _utc(row["at"]))


def _utc(moment: datetime | None) -> datetime | None:
    return None if moment is None else moment.replace(tzinfo=UTC)
