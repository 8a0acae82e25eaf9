"""The list of accounts, and search."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from django.http import HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.utils.http import urlencode

from tocsin.alerts import facade as alerts
from tocsin.people import facade as people
from tocsin.web import families, healthfacts, source
from tocsin.web.families import Family
from tocsin.web.healthfacts import Standing
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


# Column -> (title, does it start with the greatest).
_COLUMNS: dict[str, tuple[str, bool]] = {
    "name": ("Account", False),
    "health": ("Health", False),
    "csm": ("CSM", False),
    "stage": ("Stage", False),
    "renews": ("Renews", False),
    "mrr": ("MRR", True),
    "alerts": ("Open alerts", True),
}
_NUMERIC = frozenset({"renews", "mrr", "alerts"})


class Ranked(NamedTuple):
    """An account as the list puts it in order: by money, the greatest first, then by name. Names and owners in small letters.

    living: its MRR, 0 where it has none or has churned. row: never compared, as no two have one id.
    """

    money: float
    name: str
    id: str
    owner: str
    living: float
    row: AccountRow


@dataclass(frozen=True, slots=True)
class Beside:
    """What the list shows of accounts besides their attributes, by account; of families, under their heads, as one.

    names: e-mail -> name of everyone on our side. heads: account -> head of its family. families: those that are folded.
    """

    names: Mapping[str, str]
    counts: Mapping[str, int]
    standings: Mapping[str, Standing]
    heads: Mapping[str, str]
    families: Mapping[str, Family]

    def owner_name(self, row: AccountRow) -> str:
        """Whose the account is."""
        return self.names.get(row.owner.lower(), row.owner)

    def opened(self) -> Mapping[str, int]:
        """How many alerts are live of each that has any."""
        return (
            {**self.counts, **{head: family.open for head, family in self.families.items()}} if self.families else self.counts
        )

    def scores(self) -> Mapping[str, float | None]:
        """The health scores."""
        own = {name: each.score for name, each in self.standings.items()}
        return own | {head: each.score for head, each in self.families.items()}

    def line(self, row: AccountRow, accounts: Mapping[str, AccountRow]) -> Listed:
        """The line of an account, or of a family by its head."""
        family, head = self.families.get(row.id), self.heads.get(row.id, row.id)
        scored = family or self.standings.get(row.id)
        return Listed(
            row,
            self.owner_name(row),
            family.open if family else self.counts.get(row.id, 0),
            scored.score if scored else None,
            scored.band if scored else None,
            scored is not None,
            accounts[head].name if head != row.id and head in accounts else "",
            len(family.members) - 1 if family else 0,
        )


@signed_in
def table(request: Seen) -> HttpResponse:
    """The accounts: searched, sorted and paged here, from one evaluation. Lines are made of those that are shown."""
    moment = source.now()
    text = request.GET.get("q", "").strip()[:100]
    whose = "mine" if request.GET.get("whose") == "mine" else "all"
    column, descending = _order(request.GET.get("sort", ""))
    folded, known = request.GET.get("by") == "family", families.tree(moment)
    of = request.GET.get("family", "")[:1000]
    of = of if of in known.children and known.head.get(of) == of else ""
    beside = _beside(moment, folded=folded and not of)
    rows = _ranked(moment)
    if of:
        rows = [each for each in rows if known.head.get(each.id) == of]
    elif folded:
        rows = _folded(rows, beside)
    email = request.user.email
    mine = [each for each in rows if each.owner == email]
    chosen = mine if whose == "mine" else rows
    if text:
        chosen = [each for each in chosen if _fits(each.name, each.id, text)]
    ordered = _sorted(chosen, column, beside, descending=descending)
    accounts = source.accounts(moment)
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
        "rows": [beside.line(each.row, accounts) for each in ordered[(number - 1) * A_PAGE : number * A_PAGE]],
        "count": len(ordered),
        "all_count": len(rows),
        "mrr": sum(each.living for each in chosen),
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
    rows = [row for row in source.accounts(moment).values() if _fits(row.name.casefold(), row.id, text)] if text else []
    rows.sort(key=lambda row: (not row.name.casefold().startswith(text.casefold()), row.name.casefold()))
    context = {"now": moment, "found": rows[:FOUND], "more": max(0, len(rows) - FOUND), "text": text}
    return render(request, "tocsin/parts/found.html", context | {"currency": source.currency()})


def _ranked(moment: datetime) -> list[Ranked]:
    """All accounts by money and name. Shared: nobody is to change it."""

    def made() -> list[Ranked]:
        return sorted(map(_rank, source.accounts(moment).values()))

    return source.kept(("accounts", "ranked"), made, moment, beside_events=True)


def _rank(row: AccountRow) -> Ranked:
    living = 0 if row.status == "churned" else row.mrr or 0
    return Ranked(-(row.mrr or 0), row.name.casefold(), row.id, row.owner.lower(), living, row)


def _beside(moment: datetime, *, folded: bool) -> Beside:
    return Beside(
        {each.email: each.name for each in people.people(active=False)},
        alerts.live_by_account(),
        healthfacts.latest(moment),
        families.tree(moment).head,
        families.all_families(moment) if folded else {},
    )


def _folded(rows: list[Ranked], beside: Beside) -> list[Ranked]:
    """Families as one each, by their heads, and the accounts that are alone."""
    made = []
    for each in rows:
        family = beside.families.get(each.id)
        if family is not None:
            made.append(_rank(replace(each.row, mrr=family.mrr)))
        elif beside.heads.get(each.id, each.id) == each.id:
            made.append(each)
    return sorted(made)


def _fits(name: str, account_id: str, text: str) -> bool:
    """Whether an account fits what was typed. name: in small letters."""
    wanted = text.casefold()
    return wanted in name or wanted == account_id.casefold()


def _order(given: str) -> tuple[str, bool]:
    """The column to sort by, and whether it descends: `-mrr` is the greatest MRR first."""
    name = given.removeprefix("-")
    return (name, given.startswith("-")) if name in _COLUMNS else ("alerts", True)


def _sorted(ranked: Sequence[Ranked], column: str, beside: Beside, *, descending: bool) -> list[Ranked]:
    """The accounts by a column, those without a value last either way, ties by money and name."""
    opened, scores = beside.opened(), beside.scores() if column == "health" else {}
    by: Mapping[str, Callable[[Ranked], Any]] = {
        "name": lambda each: each.name,
        "health": lambda each: scores.get(each.id),
        "csm": lambda each: beside.owner_name(each.row).casefold(),
        "stage": lambda each: each.row.stage.casefold(),
        "renews": lambda each: each.row.renews_on,
        "mrr": lambda each: each.row.mrr,
        "alerts": lambda each: opened.get(each.id, 0),
    }
    keys = list(map(by[column], ranked))
    known = [number for number, key in enumerate(keys) if key is not None and key != ""]
    unknown = [number for number, key in enumerate(keys) if key is None or key == ""] if len(known) < len(keys) else []
    known.sort(key=keys.__getitem__, reverse=descending)
    return [ranked[number] for number in known + unknown]


def _column(name: str, current: str, descending: bool, query: Callable[..., str]) -> Column:
    title, greatest_first = _COLUMNS[name]
    turned = not descending if name == current else greatest_first
    state = ("descending" if descending else "ascending") if name == current else ""
    return Column(
        name, title, query(sort=f"{'-' if turned else ''}{name}", page=0), state, name in _NUMERIC, name in ("csm", "stage")
    )
