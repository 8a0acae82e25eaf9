"""Who names whom as its parent account, and when: what families are made of (`core.families`)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from tocsin.core.families import Link, named, rings

if TYPE_CHECKING:
    from tocsin.facts.store import Store

# A parent is named by the id of its account, or by an alias of it. Accounts that are left out are in no family.
_NAMED = """
    WITH told AS (
        SELECT key, nullif(value, '') AS named, "at" AS since,
               lead("at") OVER (PARTITION BY key ORDER BY "at") AS until
        FROM account_timeline WHERE field = 'parent_id'
    ), named AS (
        SELECT key, named, since, until FROM told
        UNION ALL
        SELECT key, NULL, NULL, min(since) FROM told GROUP BY key
        UNION ALL
        SELECT key, parent_id, NULL, NULL FROM accounts
        WHERE parent_id IS NOT NULL AND key NOT IN (SELECT key FROM told)
    ), names AS (
        SELECT id AS name, key FROM accounts
        UNION ALL
        SELECT external_id, min(account_key) FROM account_aliases
        WHERE external_id NOT IN (SELECT id FROM accounts) AND account_key IS NOT NULL
        GROUP BY external_id HAVING count(DISTINCT account_key) = 1
    )
    SELECT child.id AS account, parent.id AS parent, named.named, named.since, named.until
    FROM named JOIN accounts AS child ON child.key = named.key AND NOT child.left_out
    LEFT JOIN names ON names.name = named.named
    LEFT JOIN accounts AS parent ON parent.key = names.key AND NOT parent.left_out
"""


def links(store: Store) -> list[Link]:
    """Every account that ever named a parent, with the parent at each time (None where it is none that is known)."""
    rows = store.query(f"{_NAMED} ORDER BY account, since NULLS FIRST").to_pylist()
    return [Link(row["account"], row["parent"], _utc(row["since"]), _utc(row["until"])) for row in rows]


def strangers(store: Store, moment: datetime) -> Sequence[tuple[str, str]]:
    """(account, the parent that it names) of those whose parent is no account that is known, as of a moment; by account."""
    at = moment.astimezone(UTC).replace(tzinfo=None)
    rows = store.query(
        f"SELECT account, named FROM ({_NAMED}) WHERE parent IS NULL AND named IS NOT NULL "
        "AND (since IS NULL OR since <= ?::TIMESTAMP) AND (until IS NULL OR until > ?::TIMESTAMP) ORDER BY account",
        [at, at],
    ).to_pylist()
    return [(row["account"], row["named"]) for row in rows]


@dataclass(frozen=True, slots=True)
class Troubles:
    """What is wrong with the parents that accounts name, as of a moment.

    strangers: (account, the parent that it names), which is no account that is known. rings: accounts that name each other.
    """

    strangers: Sequence[tuple[str, str]]
    rings: Sequence[tuple[str, ...]]

    @property
    def sentences(self) -> list[str]:
        """One sentence for each kind of trouble; none where all is well."""
        said = []
        if self.strangers:
            account, parent = self.strangers[0]
            some = f"{account} names {parent}" + (f", and {len(self.strangers) - 1:,} more" if self.strangers[1:] else "")
            said.append(f"{_accounts(len(self.strangers))} a parent that is no account here ({some}): each stands by itself")
        if self.rings:
            first = self.rings[0]
            some = " > ".join((*first[:5], *(["..."] if len(first) > 5 else []), first[0]))
            more = f", and {len(self.rings) - 1:,} more" if self.rings[1:] else ""
            said.append(f"parents go in a ring ({some}{more}): {first[0]} counts as the head of its ring")
        return said


def troubles(store: Store, moment: datetime) -> Troubles:
    """What is wrong with the parents that accounts name, as of a moment."""
    return Troubles(strangers(store, moment), rings(named(links(store), moment)))


def _accounts(count: int) -> str:
    return "1 account names" if count == 1 else f"{count:,} accounts name"


def _utc(value: datetime | None) -> datetime | None:
    return None if value is None else value.replace(tzinfo=UTC)
