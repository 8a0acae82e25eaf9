"""What a turn of the wheel leaves to be written, and the writing of it: set-wise, whatever the number of alerts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from itertools import groupby
from typing import TYPE_CHECKING

from tocsin.alerts.models import Episode, Pending, Transition
from tocsin.alerts.rowfindings import Identity
from tocsin.alerts.rulebook import versions_in_force
from tocsin.alerts.running import CHUNK, parts
from tocsin.alerts.shapes import TransitionNotice
from tocsin.alerts.states import STATE_FIELDS
from tocsin.core.lifecycle import Outcome
from tocsin.core.plain import plain

if TYPE_CHECKING:
    from tocsin.engine import Evidence, Match

KINDS = {
    "open": "opened",
    "hold": "held",
    "close": "closed",
    "renotify": "renotified",
    "step": "stepped",
    "wake": "woken",
    "refire": "refired",
}


@dataclass
class Changes:
    """Rows as they are to be, by what is to become of them.

    made: new alerts; over_at_once: those of them whose row has ended. changed: alerts with a line in their timeline; touched:
    without one. seen: keys of those that still match. told: with another message, evidence or count; counted: row alerts ->
    how many rows they stand for, and the latest. moved, moved_waiting: gone to another account. requieted: inhibited by
    another rule or none; freed: of these, those that speak again. pend, forget: pending matches to keep, keys of those not to.
    """

    changed: list[tuple[Episode, Outcome]] = field(default_factory=list)
    touched: list[Episode] = field(default_factory=list)
    seen: list[int] = field(default_factory=list)
    made: list[tuple[Episode, Outcome]] = field(default_factory=list)
    pend: list[Pending] = field(default_factory=list)
    forget: list[int] = field(default_factory=list)
    counted: dict[Identity, tuple[int, Match]] = field(default_factory=dict)
    told: list[Episode] = field(default_factory=list)
    moved: list[Episode] = field(default_factory=list)
    moved_waiting: list[Pending] = field(default_factory=list)
    over_at_once: list[tuple[Episode, Outcome]] = field(default_factory=list)
    requieted: list[Episode] = field(default_factory=list)
    freed: list[Episode] = field(default_factory=list)

    @property
    def happened(self) -> Sequence[tuple[Episode, Outcome]]:
        """What each timeline gets a line for, in order."""
        return [*self.changed, *self.made, *self.over_at_once]

    def _recount(self) -> None:
        """The alerts that stand for more rows than before, with the line of evidence that counts them."""
        from tocsin.engine import repeats

        for rule, found in groupby(sorted(self.counted), key=lambda identity: identity[0]):
            keys = [key for _, _, key in found]
            for part in parts(keys):
                for row in Episode.objects.filter(rule=rule, key__in=part):
                    count, latest = self.counted.get((rule, row.subject_id, row.key), (row.count, None))
                    if latest is None or count <= row.count:
                        continue
                    line = repeats(count, latest.as_of)
                    others = [each for each in row.evidence if each["formula"] != line.formula]
                    row.count, row.evidence = count, [*others, evidence_json(line)]
                    self.told.append(row)

    def _supersede_memories(self) -> None:
        """Where an episode opens anew, the closed one of the same identity is no longer the latest."""
        opening: dict[str, list[str]] = {}
        for episode, _ in self.made:
            opening.setdefault(episode.rule, []).append(episode.subject_id)
        for rule, subjects in opening.items():
            for part in parts(subjects):
                Episode.objects.filter(remembered=True, rule=rule, subject_id__in=part).update(remembered=False)

    def write(self, moment: datetime, by: str) -> list[TransitionNotice]:
        """Write all of it as of a moment, and who is said to have done it; gives what changed, in order. In a transaction."""
        versions, happened = versions_in_force(), self.happened
        for episode, _ in self.made:
            episode.version = versions.get(episode.rule, 1)
        rows = [episode for episode, _ in self.changed] + self.touched
        Episode.objects.bulk_update(rows, STATE_FIELDS, batch_size=CHUNK // 5)
        self._recount()
        Episode.objects.bulk_update(self.told, ("message", "evidence", "count"), batch_size=CHUNK // 5)
        Episode.objects.bulk_update(self.moved, ("account_id",), batch_size=CHUNK)
        Pending.objects.bulk_update(self.moved_waiting, ("account_id",), batch_size=CHUNK)
        Episode.objects.bulk_update(self.requieted, ("inhibited_by",), batch_size=CHUNK)
        self._supersede_memories()
        Episode.objects.bulk_create([episode for episode, _ in self.made], batch_size=CHUNK)
        for part in parts(self.seen):
            Episode.objects.filter(pk__in=part).update(last_seen_at=moment)
        for part in parts(self.forget):
            Pending.objects.filter(pk__in=part).delete()
        Pending.objects.bulk_create(self.pend, batch_size=CHUNK)
        Transition.objects.bulk_create(
            [
                Transition(episode=episode, at=moment, kind=KINDS[outcome.action], by=by, reason=outcome.reason)
                for episode, outcome in happened
            ],
            batch_size=CHUNK,
        )
        told = [
            TransitionNotice(
                str(episode.pk),
                episode.rule,
                KINDS[outcome.action],
                moment,
                quiet=not outcome.notify or bool(episode.inhibited_by),
                reason=outcome.reason,
            )
            for episode, outcome in happened
        ]
        # Its own change of this very sweep (a step, a reminder) says enough.
        spoken = {notice.alert_id for notice in told if not notice.quiet}
        freed = [str(row.pk) for row in self.freed if str(row.pk) not in spoken]
        rules = {str(row.pk): row.rule for row in self.freed}
        return told + [TransitionNotice(pk, rules[pk], "freed", moment, quiet=False) for pk in freed]


def evidence_json(line: Evidence) -> dict[str, object]:
    """A line of evidence as it is stored: JSON's own types."""
    return {
        "formula": line.formula,
        "text": line.text,
        "value": plain(line.value),
        "op": line.op,
        "threshold": plain(line.threshold),
        "clears": line.clears,
    }
