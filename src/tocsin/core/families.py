"""Families of accounts: who is whose head (the parent at the top) and when, by what the accounts say of their parents.

A family holds at a moment: a link that changed has a time from which, and until which, it was so. Bad links cost nothing: an
account that names itself, or a parent that nobody knows, has none; of accounts that name each other in a ring the one whose id
comes first is the head of the ring and of all below it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class Link:
    """Whose child an account is in [since, until). since, until: None for always. parent: None where it has none."""

    account: str
    parent: str | None
    since: datetime | None = None
    until: datetime | None = None


@dataclass(frozen=True, slots=True)
class Membership:
    """An account, and the head of its family in [since, until): itself where it has no parent then. None: always."""

    account: str
    head: str
    since: datetime | None = None
    until: datetime | None = None


def memberships(links: Iterable[Link]) -> list[Membership]:
    """The heads of the accounts that have links, by account and time; of each account the links cover all time.

    An account without links is alone with those below it: its own head, always, and not listed.
    """
    of_account: dict[str, list[Link]] = {}
    for link in links:
        of_account.setdefault(link.account, []).append(link)
    if all(link.since is None and link.until is None for each in of_account.values() for link in each):
        fixed = {account: each[0].parent for account, each in of_account.items()}
        return [Membership(account, head) for account, head in sorted(_heads(fixed).items())]
    found: list[Membership] = []
    for group in _groups(of_account):
        own = sorted({link.since for account in group for link in of_account[account] if link.since is not None})
        spans = list(zip([None, *own], [*own, None], strict=True))
        heads = [_heads({account: _parent_at(of_account[account], since) for account in group}) for since, _ in spans]
        for account in group:
            found += _merged(account, [(heads[place][account], *span) for place, span in enumerate(spans)])
    return sorted(found, key=lambda each: (each.account, each.since is not None, each.since))


def named(links: Iterable[Link], moment: datetime) -> dict[str, str | None]:
    """Account -> the parent that it names as of a moment, for the accounts that have a link."""
    of_account: dict[str, list[Link]] = {}
    for link in links:
        of_account.setdefault(link.account, []).append(link)
    return {account: _parent_at(each, moment) for account, each in of_account.items()}


def heads(links: Iterable[Link], moment: datetime) -> dict[str, str]:
    """Account -> the head of its family as of a moment, for the accounts that have a link."""
    return _heads(named(links, moment))


def parents(links: Iterable[Link], moment: datetime) -> dict[str, str]:
    """Account -> the account above it as of a moment: as the links say, except that the head of a ring has none."""
    here = named(links, moment)
    tops = _heads(here)
    linked = {account: parent for account, parent in here.items() if parent is not None and parent != account}
    return {account: parent for account, parent in linked.items() if tops[account] != account}


def standing(found: Iterable[Membership], first: datetime, last: datetime) -> list[Membership] | None:
    """The memberships that hold from a moment to another, as if they always held; None where one began or ended between."""
    kept = []
    for each in found:
        if any(turn is not None and first < turn <= last for turn in (each.since, each.until)):
            return None
        if (each.since is None or each.since <= last) and (each.until is None or each.until > last):
            kept.append(Membership(each.account, each.head))
    return kept


def rings(parents: Mapping[str, str | None]) -> list[tuple[str, ...]]:
    """The rings of accounts that name each other as parents, each from the id that comes first on."""
    found: dict[str, tuple[str, ...]] = {}
    seen: set[str] = set()
    for account in sorted(parents):
        path: list[str] = []
        here: str | None = account
        while here is not None and here not in seen:
            seen.add(here)
            path.append(here)
            here = _above(parents, here)
        if here in path:
            ring = path[path.index(here) :]
            first = ring.index(min(ring))
            found[min(ring)] = (*ring[first:], *ring[:first])
    return [found[each] for each in sorted(found)]


def _heads(parents: Mapping[str, str | None]) -> dict[str, str]:
    """Each account's head; every account is walked once."""
    known: dict[str, str] = {}
    for account in parents:
        path: list[str] = []
        places: dict[str, int] = {}
        here: str | None = account
        while here is not None and here not in known and here not in places:
            places[here] = len(path)
            path.append(here)
            here = _above(parents, here)
        if here is None:
            head = path[-1]
        elif here in known:
            head = known[here]
        else:
            head = min(path[places[here] :])
        known.update(dict.fromkeys(path, head))
    return {account: known[account] for account in parents}


def _above(parents: Mapping[str, str | None], account: str) -> str | None:
    parent = parents.get(account)
    return None if parent == account else parent


def _parent_at(links: Sequence[Link], moment: datetime | None) -> str | None:
    """The parent at a moment (None: at the beginning of time)."""
    for link in links:
        begun = link.since is None or (moment is not None and link.since <= moment)
        if begun and (link.until is None or moment is None or moment < link.until):
            return link.parent
    return None


def _groups(of_account: Mapping[str, Sequence[Link]]) -> list[list[str]]:
    """The accounts that were ever in one family with each other, together."""
    leader: dict[str, str] = {}

    def find(account: str) -> str:
        while leader.setdefault(account, account) != account:
            leader[account] = leader[leader[account]]
            account = leader[account]
        return account

    for account, links in of_account.items():
        for link in links:
            if link.parent is not None:
                leader[find(link.parent)] = find(account)
    found: dict[str, list[str]] = {}
    for account in of_account:
        found.setdefault(find(account), []).append(account)
    return list(found.values())


def _merged(account: str, spans: Sequence[tuple[str, datetime | None, datetime | None]]) -> list[Membership]:
    """One membership for each head in a row."""
    made: list[Membership] = []
    for head, since, until in spans:
        if made and made[-1].head == head:
            made[-1] = Membership(account, head, made[-1].since, until)
        else:
            made.append(Membership(account, head, since, until))
    return made
