"""Rules asked over families (`rollup: family`): terms about an account as terms about the family whose head it is.

What counts rows ranges over the rows of all members, which the statement sees to (`engine.sql.families`). Of attributes those
that add up are summed over the members that have not churned; all others, and the health of the account, stay the head's own.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Literal

import pyarrow as pa

from tocsin.core.families import Membership
from tocsin.core.language import Term
from tocsin.core.language.terms import Aggregated, Ago, Attribute, Const, Market, OfAccount, Operation, Turned, mapped
from tocsin.core.rules import FAMILY
from tocsin.core.scoring import choose
from tocsin.engine.health import SCORED

ADDED_UP = ("mrr", "seats", "seats_used")  # attributes of accounts that are summed over a family
Lasting = Literal["settled", "changing"]  # whether anybody ever came into a family or left one

_ALIVE = Operation("boolean", "!=", (OfAccount("text", Attribute("text", "account", "status")), Const("text", "churned")))
_SCHEMA = pa.schema([
    ("member", pa.string()), ("head", pa.string()), ("since$", pa.timestamp("us")), ("until$", pa.timestamp("us")),
])  # fmt: skip


def over_family(term: Term) -> Term:
    """The term, about an account, asked over the family whose head the account is."""
    match term:
        case Attribute(entity="account", name=name) if name in ADDED_UP:
            return _added_up(term)
        case Attribute(entity="account", name=name) | Turned(entity="account", name=name) if name in SCORED:
            return OfAccount(term.type, term)
        case Operation(name="days_since", arguments=(Turned(entity="account", name=name),)) if name in SCORED:
            return OfAccount(term.type, term)
        case Market() | OfAccount():
            return term  # about accounts
        case Aggregated():  # within its filter stands what is the head's own
            return mapped(term, lambda child: over_family(child) if _is_anchor(term, child) else child)
    return mapped(term, over_family)


def _is_anchor(term: Aggregated, child: Term) -> bool:
    return term.window is not None and child is term.window.anchor


def _added_up(term: Attribute) -> Term:
    """The sum over the members that have a value; null where none has."""
    each = OfAccount(term.type, term)
    greatest = Aggregated("number", "max", "accounts", each, _ALIVE, None)
    nothing = Operation("boolean", "is_null", (greatest,))
    return choose(nothing, Const("null", None), Aggregated("number", "sum", "accounts", each, _ALIVE, None))


def of_one(term: Attribute) -> Term:
    """A figure of an account itself, asked over a family of one: amounts of a family's rows are converted."""
    return Aggregated("number", "max", "accounts", OfAccount(term.type, term), None, None)


@lru_cache(maxsize=4096)
def reach(term: Term) -> timedelta:
    """How far before the moment a term looks at families: what `ago` and its like look back to, windows left out."""
    below = max((reach(child) for child in term.children()), default=timedelta(0))
    return below + term.length if isinstance(term, Ago) else below


def table_of(found: Iterable[Membership]) -> pa.Table:
    """The table of memberships that a statement about families names: `member`, `head`, `since$`, `until$` (UTC)."""
    rows = [
        {"member": each.account, "head": each.head, "since$": _bare(each.since), "until$": _bare(each.until)} for each in found
    ]
    return pa.Table.from_pylist(rows, schema=_SCHEMA)


def lasting(found: Iterable[Membership]) -> Lasting:
    """Whether memberships hold always, so that a row belongs to one family at all moments."""
    return "changing" if any(each.since is not None or each.until is not None for each in found) else "settled"


def _bare(at: datetime | None) -> datetime | None:
    return None if at is None else at.astimezone(UTC).replace(tzinfo=None)


__all__ = ["ADDED_UP", "FAMILY", "Lasting", "lasting", "of_one", "over_family", "reach", "table_of"]
