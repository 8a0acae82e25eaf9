"""One act on many alerts: all of them or none, in a constant number of statements."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from django.db import transaction

from tocsin.alerts.acts import (
    Act,
    acknowledging,
    postponement,
    reopening,
    resolution,
    resolving,
    snoozing,
)
from tocsin.alerts.announce import OnTransition
from tocsin.alerts.handing import give, somebody
from tocsin.alerts.models import Episode
from tocsin.alerts.models.episodes import RUNNING
from tocsin.alerts.settling import CHUNK, settle
from tocsin.alerts.states import put
from tocsin.core.errors import UserError
from tocsin.core.lifecycle import EpisodeState

MOST_TOLD = 3  # alerts that cannot be acted on are named up to so many


def acknowledge_together(
    alert_ids: Sequence[str], *, by: str, moment: datetime, note: str = "", on_transition: OnTransition | None = None
) -> int:
    """Say that somebody has them; gives how many it were. UserError, and nothing done, where one is closed or held."""
    act = acknowledging(by, moment)
    return _together(alert_ids, "acknowledged", act, by=by, moment=moment, reason=note, on_transition=on_transition)


def snooze_together(
    alert_ids: Sequence[str],
    *,
    until: datetime,
    by: str,
    moment: datetime,
    note: str = "",
    on_transition: OnTransition | None = None,
) -> int:
    """Silence them until a moment ahead; gives how many it were. UserError, and nothing done, where one is closed or held."""
    act, reason = snoozing(until, moment), postponement(until, note)
    return _together(alert_ids, "snoozed", act, by=by, moment=moment, reason=reason, on_transition=on_transition)


def resolve_together(
    alert_ids: Sequence[str],
    *,
    by: str,
    moment: datetime,
    outcome: str = "",
    note: str = "",
    on_transition: OnTransition | None = None,
) -> int:
    """Close them; gives how many it were. UserError, and nothing done, where one is closed already."""
    act, reason = resolving(outcome, note, moment), resolution(outcome, note)
    return _together(alert_ids, "closed", act, by=by, moment=moment, reason=reason, on_transition=on_transition)


def reopen_together(
    alert_ids: Sequence[str], *, by: str, moment: datetime, note: str = "", on_transition: OnTransition | None = None
) -> int:
    """Take acts back: they are open again; gives how many it were. UserError, and nothing done, where one cannot be."""
    with transaction.atomic():
        rows = _rows(alert_ids)
        rules, subjects = {row.rule for row in rows}, {row.subject_id for row in rows}
        beside = Episode.objects.filter(rule__in=rules, subject_id__in=subjects, state__in=RUNNING)
        running = set(beside.values_list("rule", "subject_id", "key", "pk"))

        def act(row: Episode) -> EpisodeState:
            return reopening(row, running)

        return _put_all(rows, "reopened", act, by=by, moment=moment, reason=note, on_transition=on_transition)


def assign_together(
    alert_ids: Sequence[str], to: str, *, by: str, moment: datetime, note: str = "", on_transition: OnTransition | None = None
) -> int:
    """Give them to somebody ('' gives each back to its account's CSM), who is told; gives how many changed hands.

    UserError, and nothing done, where one is closed, or where there is no such active user.
    """
    address, name = somebody(to)
    with transaction.atomic():
        rows = _rows(alert_ids)
        over = [row for row in rows if row.state not in RUNNING]
        if over:
            more = f", and {len(over) - 1} more" if len(over) > 1 else ""
            raise UserError(f"{over[0].rule_name}: the alert is {over[0].state}; only a running one can be assigned{more}")
        moving = [row for row in rows if row.assignee != address]
        give(moving, address, name, by, moment, note, on_transition)
    return len(moving)


def _together(
    alert_ids: Sequence[str],
    kind: str,
    act: Act,
    *,
    by: str,
    moment: datetime,
    reason: str,
    on_transition: OnTransition | None,
) -> int:
    with transaction.atomic():
        rows = _rows(alert_ids)
        return _put_all(rows, kind, act, by=by, moment=moment, reason=reason, on_transition=on_transition)


def _rows(alert_ids: Sequence[str]) -> list[Episode]:
    """The rows, locked. UserError where one is not there."""
    keys = sorted({int(each) for each in alert_ids if each.isascii() and each.isdigit() and len(each) < 19})
    rows: list[Episode] = []
    for first in range(0, len(keys), CHUNK):
        rows += Episode.objects.select_for_update().filter(pk__in=keys[first : first + CHUNK]).order_by("pk")
    if not rows or len(rows) < len(set(alert_ids)):
        raise UserError("some of these alerts are there no more; look at the list anew")
    return rows


def _put_all(
    rows: list[Episode], kind: str, act: Act, *, by: str, moment: datetime, reason: str, on_transition: OnTransition | None
) -> int:
    refused = [said for row in rows if (said := _put(row, act))]
    if refused:
        more = f", and {len(refused) - MOST_TOLD} more" if len(refused) > MOST_TOLD else ""
        raise UserError(f"{'; '.join(refused[:MOST_TOLD])}{more}")
    settle(rows, kind, by=by, moment=moment, reason=reason, on_transition=on_transition)
    return len(rows)


def _put(row: Episode, act: Act) -> str:
    """Put one through the act; why it cannot be, else ''."""
    try:
        put(row, act(row))
    except UserError as error:
        return f"{row.rule_name}: {error}"
    return ""
