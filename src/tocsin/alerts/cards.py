"""The snapshot of accounts that have alerts: refreshed by each sweep, so that pages need no facts to list them."""

from __future__ import annotations

from collections.abc import Sequence
from collections.abc import Set as AbstractSet
from datetime import date, datetime
from typing import TYPE_CHECKING, Any

from tocsin.alerts.models import AccountSnapshot
from tocsin.alerts.running import CHUNK, parts
from tocsin.facts.account_teams import account_teams

if TYPE_CHECKING:
    from tocsin.engine import Book

FIELDS = ("name", "owner", "tier", "plan", "lifecycle_stage", "renews_on")
SHOWN = (*FIELDS, "mrr", "roles")  # of a card, besides its moment


def read(book: Book, account_ids: AbstractSet[str], moment: datetime) -> list[AccountSnapshot]:
    """The cards of these accounts as of the moment, not saved; what the facts know no more keeps its own."""
    if not account_ids:
        return []
    rows = book.with_revenue(FIELDS, moment, sorted(account_ids)).to_pylist()
    teams = account_teams(book.store, account_ids, moment)
    found = [_card(row, teams.get(row["subject_id"], {}), moment) for row in rows]
    unseen = account_ids - {card.id for card in found}
    if unseen:
        unseen -= set(AccountSnapshot.objects.values_list("id", flat=True))
    return [*found, *(AccountSnapshot(id=account, name=account, as_of=moment) for account in sorted(unseen))]


def write(cards: Sequence[AccountSnapshot]) -> None:
    """Save cards, all as of one moment; of those that say what is kept already only the moment is new."""
    changed: list[AccountSnapshot] = []
    same: list[AccountSnapshot] = []
    for part in parts(cards):
        kept = AccountSnapshot.objects.filter(id__in=[card.id for card in part]).values_list("id", *SHOWN)
        known = {name: tuple(rest) for name, *rest in kept}
        for card in part:
            (same if known.get(card.id) == tuple(getattr(card, name) for name in SHOWN) else changed).append(card)
    for part in parts(same):
        AccountSnapshot.objects.filter(id__in=[card.id for card in part]).update(as_of=part[0].as_of)
    AccountSnapshot.objects.bulk_create(
        changed, batch_size=CHUNK, update_conflicts=True, unique_fields=["id"], update_fields=[*SHOWN, "as_of"]
    )


def _card(row: dict[str, Any], roles: dict[str, list[str]], moment: datetime) -> AccountSnapshot:
    values = {name: row[f"f{n}"] for n, name in enumerate(FIELDS)}
    renews = values["renews_on"]
    return AccountSnapshot(
        id=row["subject_id"],
        name=values["name"] or row["subject_id"],
        owner=values["owner"] or "",
        tier=_text(values["tier"]),
        plan=values["plan"] or "",
        lifecycle_stage=values["lifecycle_stage"] or "",
        mrr=row["revenue"],
        renews_on=renews.date() if isinstance(renews, datetime) else renews if isinstance(renews, date) else None,
        roles=roles,
        as_of=moment,
    )


def _text(value: Any) -> str:
    """A tier as people write it: 1, not 1.0."""
    if value is None:
        return ""
    return f"{value:g}" if isinstance(value, float) else str(value)
