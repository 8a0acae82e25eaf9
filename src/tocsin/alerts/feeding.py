"""What became of alerts is given back to the facts after each sweep, so that rules about our own work can count them.

Whatever has changed since the last time is found by the timelines: every change of an alert, by a sweep or by a person, has an
entry there. The mark is set after the facts were written, so that what a crash cut off is given again, with the same ids.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.db.models import Max

from tocsin.alerts.models import Episode, Mark, Transition

if TYPE_CHECKING:
    from tocsin.facts.store import Store

MARK = "alerts in facts"  # the latest entry of a timeline of which the facts know

# The columns of the collection besides the id, and where an alert has them.
NAMES = {
    "account_id": "account_id",
    "rule": "rule",
    "subject": "subject_id",
    "severity": "severity",
    "category": "category",
    "opened_at": "opened_at",
    "acknowledged_at": "acknowledged_at",
    "closed_at": "closed_at",
    "outcome": "outcome",
}


def feed(store: Store) -> None:
    """Write the alerts that have changed into the collection `alerts`; those held for review are none yet."""
    last = Transition.objects.aggregate(last=Max("pk"))["last"] or 0
    known = int(Mark.objects.filter(name=MARK).values_list("value", flat=True).first() or 0)
    if last == known:
        return
    changed = Transition.objects.filter(pk__gt=known, pk__lte=last).values("episode")
    rows = Episode.objects.filter(pk__in=changed).exclude(state="held").values_list("pk", *NAMES.values())
    store.keep_alerts([{"id": str(pk), **dict(zip(NAMES, values, strict=True))} for pk, *values in rows])
    Mark.objects.update_or_create(name=MARK, defaults={"value": str(last)})
