"""Published versions of what people write (profiles, milestone templates): which of them decide at a moment."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Protocol, TypeVar


class Written(Protocol):
    """What a version is one of. state: `on` where it counts; precedence: the least comes first."""

    @property
    def id(self) -> str:
        """Its id."""

    @property
    def state(self) -> str:
        """Its state."""

    @property
    def precedence(self) -> int:
        """Its place."""


class Version(Protocol):
    """One published version."""

    @property
    def of(self) -> Written:
        """What it says."""

    @property
    def version(self) -> int:
        """Its number."""

    @property
    def published_at(self) -> datetime:
        """Since when it counts."""


V = TypeVar("V", bound=Version)


def in_force(versions: Sequence[V], at: datetime) -> tuple[V, ...]:
    """The version of each id that decides at a moment, by precedence: the latest published, before the first the first.

    One whose version in force is off is not among them.
    """
    by_id: dict[str, V] = {}
    for each in sorted(versions, key=lambda version: (version.published_at, version.version)):
        if each.of.id not in by_id or each.published_at <= at:
            by_id[each.of.id] = each
    on = (each for each in by_id.values() if each.of.state == "on")
    return tuple(sorted(on, key=lambda version: (version.of.precedence, version.of.id)))


def boundaries(versions: Sequence[Version]) -> tuple[datetime, ...]:
    """The instants from which on other versions decide than before: those of every version but the first of its id."""
    first: dict[str, tuple[datetime, int]] = {}
    for each in versions:
        place = (each.published_at, each.version)
        first[each.of.id] = min(first.get(each.of.id, place), place)
    later = {each.published_at for each in versions if (each.published_at, each.version) != first[each.of.id]}
    return tuple(sorted(later))
