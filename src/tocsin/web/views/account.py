"""One account: facts, signals over time, open alerts, people, and everything that happened."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from django.http import Http404, HttpResponse
from django.shortcuts import render
from django.utils import timezone

from tocsin.alerts import facade as alerts
from tocsin.alerts.facade import AlertFilter
from tocsin.engine.path import path_of
from tocsin.facts import timeline
from tocsin.people import facade as people
from tocsin.web import families, signals, source, story
from tocsin.web.charts import Line
from tocsin.web.shell import Seen, page, signed_in
from tocsin.web.source import AccountRow
from tocsin.web.views import account_health, alert_chart

WIDTH, HEIGHT = 320, 96
PEOPLE = 12
SOON = timedelta(days=30)
QUIET = timedelta(days=14)
# What the head of the page says besides the attributes of the row: each is one formula.
FACTS = {
    "seats": "seats",
    "seats_used": "coalesce(seats_used, distinct(events.person_id in last 30d))",
    "touch_at": "latest(touchpoints.at)",
    "touch_kind": "latest(touchpoints.kind)",
    "created_at": "created_at",
    "region": "region",
    "industry": "industry",
    "risk": "risk",
    "stage_since": "stage_entered_at",
    "churned_at": "churned_at",
}


@signed_in
def account(request: Seen, account_id: str) -> HttpResponse:
    """The page of one account; of its story, where htmx asks for more of it, only that."""
    moment = source.now()
    row = _account(account_id, moment)
    kind = request.GET.get("kind", "")
    kind = kind if kind in story.KINDS else ""
    context: dict[str, Any] = {
        "now": moment,
        "account": row,
        "kind": kind,
        "kinds": story.KINDS,
        "telling": _telling(account_id, request.GET.get("before", ""), moment, kind),
    }
    if request.headers.get("HX-Target") == "earlier":
        return render(request, "tocsin/parts/story.html", context)
    given = alerts.definitions()
    book = source.book(given)
    facts = source.values([*FACTS.values(), *signals.formulas(given)], moment, account_id, evaluator=book)
    # What templates ask for may hang on events; milestones that the facts give do not.
    steps = source.kept(
        ("path", account_id, id(book)), lambda: path_of(book, account_id, moment), moment, beside_events=not book.templates
    )
    contacts, total = source.kept(
        ("contacts", account_id), lambda: timeline.contacts(source.store(), account_id, moment, limit=PEOPLE), moment
    )
    names = {each.email: each.name for each in people.people(active=False)}
    filters = AlertFilter(accounts=(account_id,), states=alerts.LIVE)
    context |= {
        "facts": {name: facts.get(formula) for name, formula in FACTS.items()},
        "owner_name": names.get(row.owner.lower(), row.owner),
        "tiles": signals.tiles(facts, given),
        "weeks": signals.WEEKS,
        "alerts": sorted(
            alerts.list_alerts(filters),
            key=lambda each: (bool(each.inhibited_by), -alerts.SEVERITIES.index(each.severity), -each.opened_at.timestamp()),
        ),
        "contacts": contacts,
        "total_people": total,
        "more_people": max(0, total - len(contacts)),
        "quiet": moment - QUIET,
        "health": account_health.card(request, row, moment),
        "family": families.family_of(account_id, moment),
        "milestones": steps,
        "reached_milestones": sum(each.state == "reached" for each in steps),
        "soon": timezone.localtime(moment).date() + SOON,
    }
    return page(request, "tocsin/account.html", "accounts", context)


@signed_in
def signals_table(request: Seen, account_id: str) -> HttpResponse:
    """The signals of an account as a table: what the charts show, in figures."""
    moment = source.now()
    row = _account(account_id, moment)
    given = alerts.definitions()
    values = source.values(signals.formulas(given), moment, account_id, evaluator=source.book(given))
    tiles = signals.tiles(values, given)
    lines = [line for tile in tiles if (line := signals.line_of_account(account_id, tile.name, moment)) is not None]
    weeks = [
        (each[0][0], ["–" if value is None else line.says(value) for line, (_, value) in zip(lines, each, strict=True)])
        for each in reversed(list(zip(*(line.points for line in lines), strict=True)))
    ]
    context = {"now": moment, "account": row, "tiles": tiles, "rows": weeks}
    return page(request, "tocsin/account_signals.html", "accounts", context)


@signed_in
def image(request: Seen, account_id: str, signal: str) -> HttpResponse:
    """The chart of a signal as SVG."""
    return alert_chart.svg(request, _line(account_id, signal), width=WIDTH, height=HEIGHT)


@signed_in
def spec(request: Seen, account_id: str, signal: str) -> HttpResponse:
    """The chart of a signal as a Vega-Lite spec."""
    return alert_chart.json(request, _line(account_id, signal), height=HEIGHT)


def _account(account_id: str, moment: datetime) -> AccountRow:
    row = source.account(account_id, moment)
    if row is None:
        raise Http404(f"there is no account {account_id}")
    return row


def _line(account_id: str, signal: str) -> Line:
    moment = source.now()
    _account(account_id, moment)
    line = signals.line_of_account(account_id, signal, moment)
    if line is None or not line.known:
        raise Http404(f"there is no signal {signal}")
    return line


def _telling(account_id: str, text: str, moment: datetime, kind: str) -> story.Telling:
    """The story up to the moment of the address, or up to now."""
    try:
        given = datetime.fromisoformat(text)
        before = min(moment, given.astimezone(UTC) if given.tzinfo else given.replace(tzinfo=UTC))
    except (ValueError, OverflowError):
        before = moment
    return story.tell(account_id, before, moment, kind=kind)
