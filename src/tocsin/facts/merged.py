"""Accounts that were only a name and are one with another now: which they are, and what splitting one takes back."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from tocsin.core.errors import UserError
from tocsin.facts.duckdb import DuckStore
from tocsin.facts.layout import OWNED, literal, quote

PAGE = 50


@dataclass(frozen=True, slots=True)
class Merged:
    """An account that went into another one.

    rows: collection -> how many rows go back when it is split. people: how many were told to be of it, who return as well.
    blocked: the account that has to be split first, because the one that it went into was merged as well; '' for none.
    """

    id: str
    into: str
    into_name: str
    rows: Mapping[str, int] = field(default_factory=dict)
    people: int = 0
    blocked: str = ""

    @property
    def total(self) -> int:
        """Rows of all collections that go back."""
        return sum(self.rows.values())


def merged(store: DuckStore, *, after: str = "", size: int = PAGE, only: str = "") -> list[Merged]:
    """Merged accounts by id, those behind `after`, at most so many; or only one of them. Two queries however many there are."""
    which = f"id = {literal(only)}" if only else f"id > {literal(after)}"
    found = store.query(
        f"""
        WITH RECURSIVE shown AS (SELECT id, key, into_key FROM merged_accounts WHERE {which} ORDER BY id LIMIT {int(size)}),
        under AS (
            SELECT id, key FROM shown
            UNION SELECT under.id, merged.key FROM merged_accounts AS merged JOIN under ON merged.into_key = under.key
        ),
        counted AS (
            SELECT under.id, owned.name, sum(owned.n) AS n FROM under
            JOIN ({" UNION ALL ".join(_owned(name) for name in OWNED)}) AS owned ON owned.key = under.key GROUP BY ALL
        ),
        rows AS (SELECT id, list({{'name': name, 'n': n}} ORDER BY n DESC, name) AS counts FROM counted GROUP BY id)
        SELECT shown.id, coalesce(target.id, further.id) AS target, coalesce(target.name, further.id) AS named,
               coalesce(rows.counts, []) AS counts, CASE WHEN target.id IS NULL THEN further.id ELSE '' END AS blocked,
               (SELECT count(DISTINCT person) FROM memberships WHERE account = shown.id AND joined) AS people
        FROM shown LEFT JOIN accounts AS target ON target.key = shown.into_key
        LEFT JOIN merged_accounts AS further ON further.key = shown.into_key LEFT JOIN rows ON rows.id = shown.id
        ORDER BY shown.id
        """
    ).to_pylist()
    return [
        Merged(
            row["id"],
            row["target"],
            row["named"],
            {each["name"]: int(each["n"]) for each in row["counts"]},
            int(row["people"]),
            row["blocked"],
        )
        for row in found
    ]


def merged_account(store: DuckStore, own: str) -> Merged:
    """One of them. UserError where no account of that id was merged."""
    found = merged(store, only=own, size=1) if own else []
    if not found:
        raise UserError(f"there is no merged account {own!r}")
    return found[0]


def told(each: Merged) -> str:
    """What splitting one does, in a sentence."""
    back = [f"{count:,} of {name.replace('_', ' ')}" for name, count in each.rows.items()]
    rows = f"{each.total:,} row{'' if each.total == 1 else 's'} ({', '.join(back)})" if back else "no rows"
    people = f" and whoever was told to be of it ({each.people:,})" if each.people else ""
    go = "goes" if each.total == 1 and not each.people else "go"
    return (
        f"{each.id} is an account of its own again: {rows}{people} {go} back to it from {each.into}. "
        f"Rows that came since and the attributes told since stay with {each.into}, except for events that named {each.id}. "
        "The alias is taken away; telling it again does not make them one."
    )


def _owned(name: str) -> str:
    return (
        f"SELECT account_was AS key, {literal(name)} AS name, count(*) AS n FROM {quote(name)} "
        "WHERE account_was IS NOT NULL GROUP BY account_was"
    )
