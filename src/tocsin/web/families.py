"""Families of accounts on pages: who belongs to whom now, and what health, money and alerts of a family come to together."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from tocsin.alerts import facade as alerts
from tocsin.alerts.facade import AlertFilter
from tocsin.core.families import heads, parents
from tocsin.core.profiles import Bands
from tocsin.facts import families
from tocsin.health import facade as profiles
from tocsin.web import healthfacts, source
from tocsin.web.healthfacts import Standing
from tocsin.web.source import AccountRow

GRAVE = tuple(alerts.SEVERITIES[alerts.SEVERITIES.index("high") :])  # with such an alert an account's money is at stake
FEW = 500


@dataclass(frozen=True, slots=True)
class Tree:
    """Who belongs to whom as of now. head: account -> head of its family, of those in a family of two or more, heads included.

    children: account -> those directly below it, by id.
    """

    head: Mapping[str, str]
    children: Mapping[str, Sequence[str]]

    def below(self, account: str, depth: int = 0) -> Iterator[tuple[str, int]]:
        """An account and all below it, each with its depth, those of one parent together; in a loop, not by recursion."""
        waiting = [(account, depth)]
        while waiting:
            here, deep = waiting.pop()
            yield here, deep
            waiting += [(each, deep + 1) for each in reversed(self.children.get(here, ()))]


@dataclass(frozen=True, slots=True)
class Member:
    """An account of a family. mrr: in the reporting currency; None where it has none, or has churned.

    open: its live alerts. at_stake: its MRR, where one of them is of severity high or above; else None.
    """

    account: AccountRow
    depth: int
    health: Standing | None
    open: int
    mrr: float | None
    at_stake: float | None

    @property
    def score(self) -> float | None:
        """Its own health score."""
        return self.health.score if self.health else None

    @property
    def band(self) -> str | None:
        """The band of its score."""
        return self.health.band if self.health else None


@dataclass(frozen=True, slots=True)
class Family:
    """A family as one: the head first among its members, sums of what has not churned.

    score: the mean of the members' scores by their MRR (by none of them, where nobody has any); None where members with less
    than half of the weight are scored. scored: the part of the weight that is (0 to 1). by_money: whether MRR is the weight.
    """

    members: tuple[Member, ...]
    mrr: float | None
    at_stake: float
    open: int
    score: float | None
    band: str | None
    scored: float
    by_money: bool

    @property
    def head(self) -> AccountRow:
        """The account at the top."""
        return self.members[0].account


def tree(moment: datetime) -> Tree:
    """Who belongs to whom as of a moment."""
    return source.kept(("families",), lambda: _tree(moment), moment, beside_events=True)


def family_of(account_id: str, moment: datetime) -> Family | None:
    """The family that an account is in; None where it is alone."""
    found = tree(moment)
    head = found.head.get(account_id)
    return None if head is None else next(iter(_families(found, [head], moment).values()), None)


def all_families(moment: datetime) -> dict[str, Family]:
    """Every family of two or more accounts, by its head."""
    found = tree(moment)
    return _families(found, sorted(set(found.head.values())), moment)


def family_score(members: Iterable[tuple[float | None, float | None]]) -> tuple[float | None, float, bool]:
    """Of (score, money) pairs: the score together, the part of the weight that is scored, and whether money is the weight.

    The weight is the money, none or less counting as 0; where nobody has any, all weigh the same. None where less than half of
    the weight is scored.
    """
    known = list(members)
    weights = [max(0.0, money or 0.0) for _, money in known]
    by_money = any(weights)
    if not by_money:
        weights = [1.0] * len(known)
    whole = sum(weights)
    there = sum(weight for (score, _), weight in zip(known, weights, strict=True) if score is not None)
    if not there or there * 2 < whole:
        return None, there / whole if whole else 0.0, by_money
    points = sum(score * weight for (score, _), weight in zip(known, weights, strict=True) if score is not None)
    return points / there, there / whole, by_money


def _tree(moment: datetime) -> Tree:
    links = families.links(source.store())
    own = heads(links, moment)
    children: dict[str, list[str]] = {}
    for child, parent in sorted(parents(links, moment).items()):
        children.setdefault(parent, []).append(child)
    together = {account: head for account, head in own.items() if head != account}
    return Tree({**together, **{head: head for head in together.values()}}, children)


def _families(found: Tree, chosen: Sequence[str], moment: datetime) -> dict[str, Family]:
    """The families of some heads; the number of queries does not grow with them."""
    rows, standings = source.accounts(moment), healthfacts.latest(moment)
    lines = {head: [(name, depth) for name, depth in found.below(head) if name in rows] for head in chosen}
    names = [name for each in lines.values() for name, _ in each]
    money = {name: rows[name].mrr if rows[name].status != "churned" else None for name in names}
    # Of a few accounts their alerts are counted, of many all: a list of ids in a statement has its limits.
    among = tuple(names) if len(names) <= FEW else ()
    counts = alerts.live_by_account(AlertFilter(accounts=among))
    grave = alerts.live_by_account(AlertFilter(accounts=among, severities=GRAVE))
    bands = {info.id: info.profile.bands for info in profiles.profiles()}
    made = {}
    for head, line in lines.items():
        members = tuple(
            Member(
                rows[name],
                depth,
                standings.get(name),
                counts.get(name, 0),
                money.get(name),
                (money.get(name) or 0.0) if grave.get(name) and rows[name].status != "churned" else None,
            )
            for name, depth in line
        )
        if members:
            made[head] = _together(members, bands)
    return made


def _together(members: tuple[Member, ...], bands: Mapping[str, Bands]) -> Family:
    alive = [each for each in members if each.account.status != "churned"]
    sums = [each.mrr for each in alive if each.mrr is not None]
    score, scored, by_money = family_score((each.score, each.mrr) for each in alive)
    own = members[0].health
    band = (bands.get(own.profile, Bands()) if own else Bands()).of(score)
    return Family(
        members,
        sum(sums) if sums else None,
        sum(each.at_stake or 0.0 for each in members),
        sum(each.open for each in members),
        score,
        band,
        scored,
        by_money,
    )


__all__ = ["Family", "Member", "Tree", "all_families", "family_of", "family_score", "tree"]
