"""The list of accounts, and search."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from django.http import HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.utils.http import urlencode

from tocsin.alerts import facade as alerts
from tocsin.people import facade as people
from tocsin.web import families, healthfacts, source
from tocsin.web.families import Family
from tocsin.web.shell import Seen, page, signed_in
from tocsin.web.source import AccountRow

A_PAGE = 50
FOUND = 8
SOON = timedelta(days=30)


@dataclass(frozen=True, slots=True)
class Column:
    """A column of the table.

    query: sorts by it, or the other way round. sorted: ascending, descending or empty. secondary: not on a phone.
    """

    name: str
    title: str
    query: str
    sorted: str
    numeric: bool
    secondary: bool


@dataclass(frozen=True, slots=True)
class Listed:
    """One line of the table: an account, or a family as one, by its head.

    head: of an account in a family the name of its head, where that is another. members: of a family how many others it has.
    """

    account: AccountRow
    owner_name: str
    open: int
    score: float | None
    band: str | None
    scored: bool
    head: str = ""
    members: int = 0


# Column -> (title, how it sorts, does it start with the greatest).
_COLUMNS: dict[str, tuple[str, Callable[[Listed], Any], bool]] = {
    "name": ("Account", lambda row: row.account.name.casefold(), False),
    "health": ("Health", lambda row: row.score, False),
    "csm": ("CSM", lambda row: row.owner_name.casefold(), False),
    "stage": ("Stage", lambda row: row.account.stage.casefold(), False),
    "renews": ("Renews", lambda row: row.account.renews_on, False),
    "mrr": ("MRR", lambda row: row.account.mrr, True),
    "alerts": ("Open alerts", lambda row: row.open, True),
}
_NUMERIC = frozenset({"renews", "mrr", "alerts"})


@signed_in
def table(request: Seen) -> HttpResponse:
    """The accounts: searched, sorted and paged here, from one evaluation."""
    moment = source.now()
    text = request.GET.get("q", "").strip()[:100]
    whose = "mine" if request.GET.get("whose") == "mine" else "all"
    column, descending = _order(request.GET.get("sort", ""))
    rows, folded = _rows(moment), request.GET.get("by") == "family"
    known = families.tree(moment)
    of = request.GET.get("family", "")[:1000]
    of = of if of in known.children and known.head.get(of) == of else ""
    if of:
        rows = [row for row in rows if known.head.get(row.account.id) == of]
    elif folded:
        rows = _folded(rows, families.all_families(moment), known.head)
    mine = [row for row in rows if row.account.owner.lower() == request.user.email]
    chosen = [row for row in (mine if whose == "mine" else rows) if _fits(row.account, text)]
    ordered = _sorted(chosen, column, descending=descending)
    pages = max(1, -(-len(ordered) // A_PAGE))
    given = request.GET.get("page", "")
    number = min(pages, max(1, int(given) if given.isascii() and given.isdigit() and len(given) < 7 else 1))
    kept = {"q": text, "whose": "mine" if whose == "mine" else "", "sort": request.GET.get("sort", "")}
    kept |= {"family": of, "by": "family" if folded and not of else ""}

    def query(**changes: str | int) -> str:
        pairs = {name: value for name, value in {**kept, **changes}.items() if value}
        return f"?{urlencode(pairs)}" if pairs else "?"

    context = {
        "now": moment,
        "text": text,
        "whose": whose,
        "mine": len(mine),
        "rows": ordered[(number - 1) * A_PAGE : number * A_PAGE],
        "count": len(ordered),
        "all_count": len(rows),
        "mrr": sum(row.account.mrr or 0 for row in ordered if row.account.status != "churned"),
        "number": number,
        "pages": pages,
        "previous": query(page=number - 1),
        "following": query(page=number + 1),
        "columns": [_column(name, column, descending, query) for name in _COLUMNS],
        "cleared": query(q=""),
        "all_query": query(whose=""),
        "mine_query": query(whose="mine"),
        "families": len(set(known.head.values())),
        "folded": folded and not of,
        "family": source.account(of, moment) if of else None,
        "fold_query": query(by="family", family="", page=0),
        "unfold_query": query(by="", family="", page=0),
        "soon": timezone.localtime(moment).date() + SOON,
    }
    return page(request, "tocsin/accounts.html", "accounts", context)


@signed_in
def search(request: Seen) -> HttpResponse:
    """The accounts that fit what was typed so far, as the search field shows them; nothing for nothing."""
    moment = source.now()
    text = request.GET.get("q", "").strip()[:100]
    rows = [row for row in source.accounts(moment).values() if _fits(row, text)] if text else []
    rows.sort(key=lambda row: (not row.name.casefold().startswith(text.casefold()), row.name.casefold()))
    context = {"now": moment, "found": rows[:FOUND], "more": max(0, len(rows) - FOUND), "text": text}
    return render(request, "tocsin/parts/found.html", context | {"currency": source.currency()})


def _rows(moment: datetime) -> list[Listed]:
    names = {each.email: each.name for each in people.people(active=False)}
    counts = alerts.live_by_account()
    kept, heads = healthfacts.latest(moment), families.tree(moment).head
    accounts = source.accounts(moment)
    return [
        Listed(
            row,
            names.get(row.owner.lower(), row.owner),
            counts.get(row.id, 0),
            standing.score if standing else None,
            standing.band if standing else None,
            standing is not None,
            accounts[head].name if (head := heads.get(row.id, row.id)) != row.id and head in accounts else "",
        )
        for row in accounts.values()
        for standing in (kept.get(row.id),)
    ]


def _folded(rows: list[Listed], found: Mapping[str, Family], heads: Mapping[str, str]) -> list[Listed]:
    """Families as one line each, by their heads, and the accounts that are alone."""
    made = []
    for row in rows:
        family = found.get(row.account.id)
        if family is not None:
            account = replace(row.account, mrr=family.mrr)
            others = len(family.members) - 1
            made.append(
                replace(
                    row, account=account, open=family.open, score=family.score, band=family.band, scored=True, members=others
                )
            )
        elif heads.get(row.account.id, row.account.id) == row.account.id:
            made.append(row)
    return made


def _fits(row: AccountRow, text: str) -> bool:
    wanted = text.casefold()
    return wanted in row.name.casefold() or wanted == row.id.casefold()


def _order(given: str) -> tuple[str, bool]:
    """The column to sort by, and whether it descends: `-mrr` is the greatest MRR first."""
    name = given.removeprefix("-")
    return (name, given.startswith("-")) if name in _COLUMNS else ("alerts", True)


def _sorted(rows: list[Listed], column: str, *, descending: bool) -> list[Listed]:
    """The rows by a column, those without a value last either way, ties by money and name."""
    key = _COLUMNS[column][1]
    rows = sorted(rows, key=lambda row: (-(row.account.mrr or 0), row.account.name.casefold(), row.account.id))
    known = [row for row in rows if key(row) is not None and key(row) != ""]
    unknown = [row for row in rows if key(row) is None or key(row) == ""]
    return sorted(known, key=key, reverse=descending) + unknown


def _column(name: str, current: str, descending: bool, query: Callable[..., str]) -> Column:
    title, _, greatest_first = _COLUMNS[name]
    turned = not descending if name == current else greatest_first
    state = ("descending" if descending else "ascending") if name == current else ""
    return Column(
        name, title, query(sort=f"{'-' if turned else ''}{name}", page=0), state, name in _NUMERIC, name in ("csm", "stage")
    )
