"""Heads of families: chains, rings, changes over time."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from random import Random

import pytest

from tocsin.core.families import Link, Membership, heads, memberships, rings

T0 = datetime(2026, 1, 1, tzinfo=UTC)


def at(day: float) -> datetime:
    return T0 + timedelta(days=day)


def fixed(**parents: str | None) -> dict[str, str]:
    return {each.account: each.head for each in memberships(Link(account, parent) for account, parent in parents.items())}


def test_the_head_is_the_parent_at_the_top() -> None:
    assert fixed(kid="mid", mid="top", other="top") == {"kid": "top", "mid": "top", "other": "top"}
    assert fixed(lost=None, own="own") == {"lost": "lost", "own": "own"}


def test_a_ring_has_the_first_id_as_its_head_and_ends() -> None:
    assert fixed(b="c", c="d", d="b", below="d", further="below") == dict.fromkeys(("b", "c", "d", "below", "further"), "b")
    assert rings({"b": "c", "c": "d", "d": "b", "below": "d", "own": "own", "y": "x", "x": "y", "free": None}) == [
        ("b", "c", "d"),
        ("x", "y"),
    ]


def test_a_long_chain_is_walked_once() -> None:
    chain = {str(each): str(each + 1) for each in range(50_000)}
    assert set(fixed(**chain).values()) == {"50000"}


def test_who_is_the_head_changes_with_any_link_above() -> None:
    links = [
        Link("kid", None, None, at(1)), Link("kid", "mid", at(1)),
        Link("mid", None, None, at(3)), Link("mid", "top", at(3), at(5)), Link("mid", None, at(5)),
        Link("still", "top"),
    ]  # fmt: skip
    assert memberships(links) == [
        Membership("kid", "kid", None, at(1)),
        Membership("kid", "mid", at(1), at(3)),
        Membership("kid", "top", at(3), at(5)),
        Membership("kid", "mid", at(5), None),
        Membership("mid", "mid", None, at(3)),
        Membership("mid", "top", at(3), at(5)),
        Membership("mid", "mid", at(5), None),
        Membership("still", "top"),
    ]
    assert heads(links, at(1)) == {"kid": "mid", "mid": "mid", "still": "top"}
    assert heads(links, at(4.9)) == dict.fromkeys(("kid", "mid", "still"), "top")


@pytest.mark.parametrize("seed", range(20))
def test_at_every_moment_it_is_what_the_links_of_that_moment_say(seed: int) -> None:
    r = Random(seed)
    names = [f"n{each}" for each in range(7)]
    links = []
    for name in names:
        turns = sorted(r.sample(range(10), r.randrange(4)))
        spans = zip([None, *map(at, turns)], [*map(at, turns), None], strict=True)
        links += [Link(name, r.choice([*names, None]), since, until) for since, until in spans]
    found = memberships(links)
    for day in (-1, *range(11)):
        for moment in (at(day), at(day + 0.5)):
            here = [
                each
                for each in found
                if (each.since is None or each.since <= moment) and (each.until is None or moment < each.until)
            ]
            assert len(here) == len(names)
            assert {each.account: each.head for each in here} == heads(links, moment)
            # A head is its own head, so that no row is lost.
            own = {each.account: each.head for each in here}
            assert all(own[head] == head for head in own.values())
