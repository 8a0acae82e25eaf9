"""The inbox: open alerts by account, most urgent first; list left, one alert right."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from django.http import Http404, HttpResponse
from django.shortcuts import render
from django.utils import timezone

from tocsin.alerts import facade as alerts
from tocsin.alerts.facade import AccountGroup, Alert, AlertFilter
from tocsin.core.errors import UserError
from tocsin.core.rules import Definitions
from tocsin.delivery import facade as delivery
from tocsin.people import facade as people
from tocsin.web import evidence, filters, folds, signals, source, tones
from tocsin.web.filters import Filters
from tocsin.web.shell import Seen, actionable, may_act, may_see, page, signed_in

ACCOUNTS_A_PAGE = 60
SOON = timedelta(days=30)
TOUCH = ("latest(touchpoints.at)", "latest(touchpoints.kind)")


@dataclass(frozen=True, slots=True)
class Position:
    """Where an alert stands in the list of the page: its number, of how many, and its neighbours."""

    number: int
    total: int
    previous: str
    following: str


@signed_in
def inbox(request: Seen) -> HttpResponse:
    """The inbox; on a wide screen the most urgent alert stands beside it."""
    return show(request, None)


@signed_in
def alert(request: Seen, alert_id: int) -> HttpResponse:
    """One alert beside the inbox; of a phone's whole width. Asked for by htmx, only the alert."""
    return show(request, str(alert_id))


def show(request: Seen, alert_id: str | None, *, error: str = "") -> HttpResponse:
    """The inbox with one alert open, or none. `error`: why what was asked for could not be done."""
    moment = source.now()
    given = filters.read(request.GET, request.user.role)
    listed = alerts.inbox(filters.for_alerts(given, request.user, moment), page=given.page, size=ACCOUNTS_A_PAGE)
    sections = folds.in_sections(folds.fold(listed.groups, folded=given.folds))
    shown = folds.in_order(sections)
    opened = _opened(request, alert_id, shown)
    in_force = alerts.definitions()
    context = {
        "now": moment,
        "filters": given,
        "inbox": listed,
        "groups": sections,
        "may_act": may_act(request.user),
        "colleagues": _colleagues(),
        "tomorrow": timezone.localtime(moment).date() + timedelta(days=1),
        "next_week": timezone.localtime(moment).date() + timedelta(days=7),
        "chips": filters.chips(given, _account_name(given, listed.groups)),
        "choices": filters.choices(given, listed),
        "before": given.query(page=listed.page - 1),
        "after": given.query(page=listed.page + 1),
        "whose": [(value, text, given.query(whose=value)) for value, text in filters.WHOSE],
        "soon": timezone.localtime(moment).date() + SOON,
        "open_alert": opened,
        "chosen": alert_id is not None,
        "error": error,
        "elsewhere": 0 if listed.alerts else actionable(request.user),
        "rule_names": {rule.id: rule.name for rule in in_force.rules},
        **(_pane(opened, shown, moment, request, in_force) if opened else {}),
    }
    if request.headers.get("HX-Target") == "alert" and opened and not error:
        context |= {"may_act": may_act(request.user), "currency": source.currency()}
        return render(request, "tocsin/parts/alert.html", context)
    return page(request, "tocsin/inbox.html", "alerts", context, status=409 if error and not _partial(request) else 200)


def _colleagues() -> list[people.Person]:
    return sorted(people.people(), key=lambda each: each.name.lower())


def _partial(request: Seen) -> bool:
    return request.headers.get("HX-Request") == "true"


def _opened(request: Seen, alert_id: str | None, shown: list[Alert]) -> Alert | None:
    """The alert of the address with its timeline; else the first of the list."""
    listed = next((each for each in shown if each.id == alert_id), None) if alert_id else next(iter(shown), None)
    if listed is not None and may_see(request.user, listed):
        return alerts.with_timeline(listed)
    return find(request, alert_id) if alert_id else None


def find(request: Seen, alert_id: str) -> Alert:
    """The alert of that id. Http404 where there is none, or none that this person may see."""
    try:
        found = alerts.alert(alert_id)
    except UserError as error:
        raise Http404(str(error)) from error
    if not may_see(request.user, found):
        raise Http404(f"there is no alert {alert_id} for {request.user.email}")
    return found


def _account_name(given: Filters, groups: tuple[AccountGroup, ...]) -> str:
    if not given.account:
        return ""
    return next((group.account.name for group in groups if group.account and group.account.id == given.account), "")


def _pane(opened: Alert, shown: list[Alert], moment: datetime, request: Seen, in_force: Definitions) -> dict[str, Any]:
    """What the page of one alert shows besides the alert itself. A constant number of evaluations."""
    currency, evaluator = source.currency(), source.book(in_force)
    names = {each.email: each.name for each in people.people(active=False)}
    told_by = signals.telling(opened, in_force, evaluator)
    rows, touched = evidence.rows(opened, evaluator, in_force, moment, currency, also=TOUCH)
    chart = signals.title(*told_by, in_force.signals) if told_by else ""
    told = [row.clears for row in rows if row.clears]
    return {
        "evidence": rows,
        "any_one": len(told) > 1 and opened.clears.startswith("either "),
        # A rule with a `clear` of its own is not cleared by any of its lines.
        "clears_apart": opened.clears if not told or not all(each in opened.clears for each in told) else "",
        "touch_at": touched.get(TOUCH[0]),
        "touch_kind": touched.get(TOUCH[1]) or "",
        "silenced": _silenced(opened),
        "subject_name": names.get(opened.subject_id, opened.subject_id),
        "chart_title": chart,
        "chart_alt": f"{chart} around the firing; the evidence gives the figures." if chart else "",
        "position": _position(opened, shown),
        "entries": [
            (entry, names.get(entry.by, entry.by), tones.entry_icon(entry.kind)) for entry in reversed(opened.timeline)
        ],
        "told": delivery.notices_of_alert(opened.id),
        "assignee": names.get(opened.assignee, opened.assignee),
        "acknowledged_by": names.get(opened.acknowledged_by, opened.acknowledged_by),
        "snoozes": _snoozes(timezone.localtime(moment).date()),
        "may_act": may_act(request.user),
        "tone": tones.mark(opened),
        "reopens": opened.state in ("acknowledged", "snoozed")
        or (opened.state == "closed" and opened.close_reason == "resolved"),
    }


def _silenced(opened: Alert) -> list[Alert]:
    """The alerts of the account that this one keeps quiet while it runs."""
    if opened.account is None or opened.state not in alerts.LIVE:
        return []
    beside = alerts.list_alerts(AlertFilter(accounts=(opened.account.id,), states=alerts.LIVE))
    return [each for each in beside if each.inhibited_by == opened.rule]


def _position(opened: Alert, shown: list[Alert]) -> Position | None:
    ids = [each.id for each in shown]
    if opened.id not in ids:
        return None
    at = ids.index(opened.id)
    return Position(at + 1, len(ids), ids[at - 1] if at else "", ids[at + 1] if at + 1 < len(ids) else "")


def _snoozes(today: date) -> list[tuple[date, str]]:
    """The days offered for snoozing, each the start of that day."""
    monday = today + timedelta(days=7 - today.weekday())
    offered = [(today + timedelta(days=1), "Tomorrow"), (today + timedelta(days=3), "In 3 days"), (monday, "Next Monday")]
    offered += [(today + timedelta(days=14), "In 2 weeks"), (today + timedelta(days=30), "In 30 days")]
    return sorted(dict(reversed(offered)).items())
