"""What became of alerts is given back to the facts after each sweep, so that rules about our own work can count them.

Whatever has changed since the last time is found by the timelines: every change of an alert, by a sweep or by a person, has an
entry there. The mark is set after the facts were written, so that what a crash cut off is given again, with the same ids.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.db.models import Max

from tocsin.alerts.models import Episode, Mark, Transition

if TYPE_CHECKING:
    from tocsin.facts.store import Store

MARK = "alerts in facts"  # the latest entry of a timeline of which the facts know


def feed(store: Store) -> None:
    """Write the alerts that have changed into the collection `alerts`; those held for review are none yet."""
    last = Transition.objects.aggregate(last=Max("pk"))["last"] or 0
    known = int(Mark.objects.filter(name=MARK).values_list("value", flat=True).first() or 0)
    if last == known:
        return
    changed = Transition.objects.filter(pk__gt=known, pk__lte=last).values("episode")
    store.keep_alerts([_row(each) for each in Episode.objects.filter(pk__in=changed).exclude(state="held")])
    Mark.objects.update_or_create(name=MARK, defaults={"value": str(last)})


def _row(episode: Episode) -> dict[str, Any]:
    return {
        "id": str(episode.pk),
        "account_id": episode.account_id,
        "rule": episode.rule,
        "subject": episode.subject_id,
        "severity": episode.severity,
        "category": episode.category,
        "opened_at": episode.opened_at,
        "acknowledged_at": episode.acknowledged_at,
        "closed_at": episode.closed_at,
        "outcome": episode.outcome,
    }
