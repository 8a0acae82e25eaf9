"""Many alerts that were put through one act are written down: a constant number of statements, and each is announced."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime

from tocsin.alerts.announce import OnTransition, announce
from tocsin.alerts.models import Episode, Transition
from tocsin.alerts.shapes import TransitionNotice
from tocsin.alerts.states import STATE_FIELDS

CHUNK = 300  # rows of one statement
FIELDS = (*STATE_FIELDS, "outcome", "note", "acknowledged_by", "acknowledged_at")


def settle(
    rows: Sequence[Episode],
    kind: str,
    *,
    by: str,
    moment: datetime,
    reason: str,
    on_transition: OnTransition | None,
    heard: Collection[int] = (),
) -> None:
    """Write rows that were changed, with a line in each timeline. Inside of a transaction.

    heard: the keys of those of which somebody is to be told; of the others who acts knows.
    """
    if kind == "closed":
        _forget_older(rows)
    Episode.objects.bulk_update(rows, FIELDS, batch_size=CHUNK // 3)
    lines = [Transition(episode=row, at=moment, kind=kind, by=by, reason=reason) for row in rows]
    Transition.objects.bulk_create(lines, batch_size=CHUNK)
    told = [TransitionNotice(str(row.pk), row.rule, kind, moment, row.pk not in heard, by, reason) for row in rows]
    announce(told, on_transition)


def _forget_older(rows: Sequence[Episode]) -> None:
    """Of each identity only the episode that is closed now is the remembered one."""
    by_rule: dict[str, list[Episode]] = {}
    for row in rows:
        by_rule.setdefault(row.rule, []).append(row)
    for rule, group in by_rule.items():
        for first in range(0, len(group), CHUNK):
            part = {(row.subject_id, row.key) for row in group[first : first + CHUNK]}
            known = Episode.objects.filter(rule=rule, subject_id__in={subject for subject, _ in part}, remembered=True)
            older = [pk for pk, *identity in known.values_list("pk", "subject_id", "key") if tuple(identity) in part]
            Episode.objects.filter(pk__in=older).update(remembered=False)
