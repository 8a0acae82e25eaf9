"""The review of what the circuit breaker held: alerts of one rule, let out or closed at once."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime

from django.db import transaction

from tocsin.alerts.acts import check_outcome, resolution
from tocsin.alerts.announce import OnTransition
from tocsin.alerts.models import AuditEntry, Episode
from tocsin.alerts.settling import settle
from tocsin.alerts.states import put, state_of
from tocsin.core import lifecycle
from tocsin.core.lifecycle import Outcome


def release_many(
    rule_id: str,
    alert_ids: Sequence[str] | None = None,
    *,
    by: str,
    moment: datetime,
    note: str = "",
    on_transition: OnTransition | None = None,
) -> int:
    """Let held alerts of a rule go out after review: these, or (None) all of them. Gives how many it were.

    Those of the ids that are not held (any more), or of another rule, are passed over.
    """

    def act(row: Episode) -> Outcome:
        return lifecycle.release(state_of(row), moment)

    return _act_on_held(rule_id, alert_ids, "released", act, by=by, moment=moment, reason=note, on_transition=on_transition)


def resolve_many(
    rule_id: str,
    alert_ids: Sequence[str] | None = None,
    *,
    by: str,
    moment: datetime,
    outcome: str = "",
    note: str = "",
    on_transition: OnTransition | None = None,
) -> int:
    """Close held alerts of a rule, and nobody is told: these, or (None) all of them. Gives how many it were.

    outcome, note: as of `resolve`; ids: as of `release_many`.
    """
    check_outcome(outcome)

    def act(row: Episode) -> Outcome:
        row.outcome, row.note = outcome, note
        return lifecycle.resolve(state_of(row), moment)

    reason = resolution(outcome, note)
    return _act_on_held(rule_id, alert_ids, "closed", act, by=by, moment=moment, reason=reason, on_transition=on_transition)


def _act_on_held(
    rule_id: str,
    alert_ids: Sequence[str] | None,
    kind: str,
    act: Callable[[Episode], Outcome],
    *,
    by: str,
    moment: datetime,
    reason: str,
    on_transition: OnTransition | None,
) -> int:
    """Put held alerts of a rule through an act, set-wise in one transaction: a line in each timeline, one in the audit."""
    with transaction.atomic():
        found = Episode.objects.select_for_update().filter(rule=rule_id, state="held").order_by("id")
        wanted = None if alert_ids is None else set(alert_ids)
        rows = [row for row in found if wanted is None or str(row.pk) in wanted]
        heard = set()
        for row in rows:
            outcome = act(row)
            if outcome.state is None:  # a released or resolved episode is remembered
                raise AssertionError
            put(row, outcome.state)
            if outcome.notify and not row.inhibited_by:
                heard.add(row.pk)
        if rows:
            detail = {"alerts": len(rows), "all": alert_ids is None, "reason": reason}
            AuditEntry.objects.create(at=moment, by=by, act=f"{kind} held", what=f"rule {rule_id}", detail=detail)
        settle(rows, kind, by=by, moment=moment, reason=reason, on_transition=on_transition, heard=heard)
    return len(rows)
