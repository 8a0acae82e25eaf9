"""Requests that were refused: gathered by the door, kept in a list of bounded length, those of one kind as one line.

Anybody can have requests refused, thousands a second, so nothing here grows with how many there are: what is gathered is
bounded by kinds, what is stored by lines.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta

from django.db import transaction
from django.db.models import F

from tocsin.sources.models import HookRefusal
from tocsin.sources.models import Source as Row
from tocsin.sources.shapes import RefusalInfo

KEPT = 50  # lines of a source
ONE_LINE = timedelta(minutes=1)  # what is refused again within it, for the same reason, is told in the same line
KINDS = 20  # that are gathered at once; of others only how many there were
_LONGEST_REASON, _LONGEST_ORIGIN = 500, 64
_FIELDS = ("first_at", "last_at", "status", "code", "reason", "origin", "elsewhere", "times")


@dataclass(slots=True)
class Gathered:
    """Refused requests of a source that are not written down yet, by kind. beyond: those of more kinds than are gathered."""

    kinds: dict[tuple[int, str, str], RefusalInfo] = field(default_factory=dict)
    beyond: int = 0

    def add(self, found: RefusalInfo) -> None:
        """One more."""
        found = _cut(found)
        kind = (found.status, found.code, found.reason)
        if kind in self.kinds:
            self.kinds[kind] = joined(self.kinds[kind], found)
        elif len(self.kinds) < KINDS:
            self.kinds[kind] = found
        else:
            self.beyond += found.times


def joined(before: RefusalInfo, after: RefusalInfo) -> RefusalInfo:
    """Two lines of one kind as one: from the latest place, and `elsewhere` where there was another."""
    moved = bool(before.origin and after.origin and before.origin != after.origin)
    return replace(
        after,
        first_at=min(before.first_at, after.first_at),
        last_at=max(before.last_at, after.last_at),
        elsewhere=before.elsewhere or after.elsewhere or moved,
        times=before.times + after.times,
    )


def note_refused(source_id: str, told: Sequence[RefusalInfo], beyond: int = 0) -> None:
    """Write down what was refused; nothing where the source has been removed. beyond: more, of which nothing is told."""
    with transaction.atomic():
        source = Row.objects.select_for_update().filter(public_id=source_id).first()
        if source is None or not told:
            return
        told = sorted(map(_cut, told), key=lambda each: each.last_at)
        for each in told:
            _write(source, each)
        kept = HookRefusal.objects.filter(source=source).values_list("pk", flat=True)[:KEPT]
        HookRefusal.objects.filter(source=source).exclude(pk__in=list(kept)).delete()
        Row.objects.filter(pk=source.pk).update(
            refused=F("refused") + beyond + sum(each.times for each in told),
            last_error=told[-1].reason,
            last_error_at=told[-1].last_at,
        )


def _write(source: Row, told: RefusalInfo) -> None:
    """A line more, or one that went on."""
    alike = HookRefusal.objects.filter(source=source, status=told.status, code=told.code, reason=told.reason)
    row = alike.filter(last_at__gte=told.first_at - ONE_LINE).first()
    line = told if row is None else joined(_info(row), told)
    row = row or HookRefusal(source=source)
    for name in _FIELDS:
        setattr(row, name, getattr(line, name))
    row.save()


def _info(row: HookRefusal) -> RefusalInfo:
    return RefusalInfo(**{name: getattr(row, name) for name in _FIELDS})


def refusals_of(source: Row) -> list[RefusalInfo]:
    """What was refused of a source lately, the latest first."""
    return [_info(row) for row in HookRefusal.objects.filter(source=source)]


def _cut(told: RefusalInfo) -> RefusalInfo:
    """As much of a reason and of a place as is kept: both may hold what a sender wrote, who may write anything."""
    return replace(told, reason=_kept(told.reason, _LONGEST_REASON), origin=_kept(told.origin, _LONGEST_ORIGIN))


def _kept(text: str, most: int) -> str:
    """A text as it is kept and shown: no database takes NUL or halves of characters."""
    return "".join(each if each.isprintable() else "\N{REPLACEMENT CHARACTER}" for each in text[:most])
