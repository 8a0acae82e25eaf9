"""The inbox: open alerts by account, most urgent first; list left, one alert right."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from django.http import Http404, HttpResponse
from django.shortcuts import render
from django.utils import timezone

from tocsin.alerts import facade as alerts
from tocsin.alerts.facade import AccountGroup, Alert
from tocsin.core.errors import UserError
from tocsin.people import facade as people
from tocsin.web import evidence, filters, signals, source, tones
from tocsin.web.filters import Filters
from tocsin.web.shell import Seen, may_act, page, signed_in

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
    listed = alerts.inbox(filters.for_alerts(given, request.user.email), page=given.page, size=ACCOUNTS_A_PAGE)
    sections = in_sections(listed.groups)
    shown = in_order(sections)
    opened = _opened(alert_id, shown)
    context = {
        "now": moment,
        "filters": given,
        "inbox": listed,
        "groups": sections,
        "chips": filters.chips(given, _account_name(given, listed.groups)),
        "choices": filters.choices(given, listed),
        "before": given.query(page=listed.page - 1),
        "after": given.query(page=listed.page + 1),
        "whose": [(value, text, given.query(whose=value)) for value, text in filters.WHOSE],
        "soon": timezone.localtime(moment).date() + SOON,
        "open_alert": opened,
        "chosen": alert_id is not None,
        "error": error,
        "elsewhere": _elsewhere(listed.alerts),
        **(_pane(opened, shown, moment, request) if opened else {}),
    }
    if request.headers.get("HX-Target") == "alert" and opened and not error:
        context |= {"may_act": may_act(request.user), "currency": source.currency()}
        return render(request, "tocsin/parts/alert.html", context)
    return page(request, "tocsin/inbox.html", "alerts", context, status=409 if error and not _partial(request) else 200)


def _partial(request: Seen) -> bool:
    return request.headers.get("HX-Request") == "true"


def _opened(alert_id: str | None, shown: list[Alert]) -> Alert | None:
    """The alert of the address with its timeline; else the first of the list."""
    wanted = alert_id or (shown[0].id if shown else None)
    if wanted is None:
        return None
    try:
        return alerts.alert(wanted)
    except UserError as error:
        raise Http404(str(error)) from error


def in_order(sections: list[tuple[str, list[AccountGroup]]]) -> list[Alert]:
    """The alerts as the list shows them, from the top."""
    return [each for _, groups in sections for group in groups for each in group.alerts]


def in_sections(groups: tuple[AccountGroup, ...]) -> list[tuple[str, list[AccountGroup]]]:
    """The groups that need someone, then those that hold nothing but good signals."""
    good = [group for group in groups if all(tones.favourable(each) for each in group.alerts)]
    rest = [group for group in groups if group not in good]
    return [(title, part) for title, part in (("", rest), ("Good signals", good)) if part]


def _account_name(given: Filters, groups: tuple[AccountGroup, ...]) -> str:
    if not given.account:
        return ""
    return next((group.account.name for group in groups if group.account and group.account.id == given.account), "")


def _elsewhere(listed: int) -> int:
    """How many alerts everyone has, where this list is empty: so that an empty list can say where to look."""
    return 0 if listed else alerts.open_counts().live


def _pane(opened: Alert, shown: list[Alert], moment: datetime, request: Seen) -> dict[str, Any]:
    """What the page of one alert shows besides the alert itself. A constant number of evaluations."""
    currency = source.currency()
    defined = alerts.definitions()
    names = {each.email: each.name for each in people.people(active=False)}
    told_by = signals.telling(opened)
    rows, touched = evidence.rows(opened, defined.signals, moment, currency, also=TOUCH)
    told = [row.clears for row in rows if row.clears]
    return {
        "evidence": rows,
        "any_one": len(told) > 1 and opened.clears.startswith("either "),
        # A rule with a `clear` of its own is not cleared by any of its lines.
        "clears_apart": opened.clears if not told or not all(each in opened.clears for each in told) else "",
        "touch_at": touched.get(TOUCH[0]),
        "touch_kind": touched.get(TOUCH[1]) or "",
        "subject_name": names.get(opened.subject_id, opened.subject_id),
        "chart_title": signals.title(*told_by) if told_by else "",
        "chart_alt": f"{signals.title(*told_by)} around the firing; the evidence gives the figures." if told_by else "",
        "position": _position(opened, shown),
        "entries": [
            (entry, names.get(entry.by, entry.by), tones.entry_icon(entry.kind)) for entry in reversed(opened.timeline)
        ],
        "acknowledged_by": names.get(opened.acknowledged_by, opened.acknowledged_by),
        "snoozes": _snoozes(timezone.localtime(moment).date()),
        "may_act": may_act(request.user),
        "tone": tones.mark(opened),
        "reopens": opened.state in ("acknowledged", "snoozed")
        or (opened.state == "closed" and opened.close_reason == "resolved"),
    }


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
