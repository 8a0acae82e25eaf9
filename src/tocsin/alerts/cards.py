"""The snapshot of accounts that have alerts: refreshed by each sweep, so that pages need no facts to list them."""

from __future__ import annotations

from collections.abc import Set as AbstractSet
from datetime import date, datetime
from typing import TYPE_CHECKING, Any

from tocsin.alerts.models import AccountSnapshot

if TYPE_CHECKING:
    from tocsin.engine import Book

FIELDS = ("name", "owner", "tier", "plan", "lifecycle_stage", "mrr", "renews_on")
CHUNK = 500


def refresh(book: Book, account_ids: AbstractSet[str], moment: datetime) -> None:
    """Write the cards of these accounts as of the moment; one that the facts do not know (any more) keeps its card."""
    if not account_ids:
        return
    rows = book.signals(list(FIELDS), [moment], only=sorted(account_ids)).to_pylist()
    made = [_card(row, moment) for row in rows]
    AccountSnapshot.objects.bulk_create(
        made, batch_size=CHUNK, update_conflicts=True, unique_fields=["id"], update_fields=[*FIELDS, "as_of"]
    )
    unseen = sorted(account_ids - {card.id for card in made})
    AccountSnapshot.objects.bulk_create(
        [AccountSnapshot(id=account, name=account, as_of=moment) for account in unseen], batch_size=CHUNK, ignore_conflicts=True
    )


def _card(row: dict[str, Any], moment: datetime) -> AccountSnapshot:
    values = {name: row[f"f{n}"] for n, name in enumerate(FIELDS)}
    renews = values["renews_on"]
    return AccountSnapshot(
        id=row["subject_id"],
        name=values["name"] or row["subject_id"],
        owner=values["owner"] or "",
        tier=_text(values["tier"]),
        plan=values["plan"] or "",
        lifecycle_stage=values["lifecycle_stage"] or "",
        mrr=values["mrr"],
        renews_on=renews.date() if isinstance(renews, datetime) else renews if isinstance(renews, date) else None,
        as_of=moment,
    )


def _text(value: Any) -> str:
    """A tier as people write it: 1, not 1.0."""
    if value is None:
        return ""
    return f"{value:g}" if isinstance(value, float) else str(value)
