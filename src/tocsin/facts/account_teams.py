"""Who works on an account beside its CSM: the account team with its roles (AE, onboarding, sponsor, support)."""

from __future__ import annotations

from collections.abc import Collection
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pyarrow as pa

if TYPE_CHECKING:
    from tocsin.facts.store import Store


def account_teams(store: Store, account_ids: Collection[str], moment: datetime) -> dict[str, dict[str, list[str]]]:
    """Account id -> role -> e-mail addresses (in lower case, in order) of those who have the role at the moment.

    Whose `from_at` is empty has had it ever since, whose `to_at` is empty still has it. Accounts without a team are left out.
    """
    if not account_ids:
        return {}
    at = moment.astimezone(UTC).replace(tzinfo=None)
    rows = store.query(
        "SELECT DISTINCT a.id, t.role, lower(trim(t.email)) AS email "
        "FROM account_team AS t JOIN accounts AS a ON a.key = t.account_key "
        "JOIN asked ON asked.id = a.id WHERE (t.from_at IS NULL OR t.from_at <= ?::TIMESTAMP) "
        "AND (t.to_at IS NULL OR t.to_at > ?::TIMESTAMP) ORDER BY ALL",
        [at, at],
        tables={"asked": pa.table({"id": pa.array(sorted(account_ids), pa.string())})},
    ).to_pylist()
    found: dict[str, dict[str, list[str]]] = {}
    for row in rows:
        found.setdefault(row["id"], {}).setdefault(row["role"], []).append(row["email"])
    return found
