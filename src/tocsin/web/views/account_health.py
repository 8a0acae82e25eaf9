"""The health of one account: its kept days, its split by indicator, and a person's score in the place of the computed one."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import Any

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_POST

from tocsin.core.errors import UserError
from tocsin.core.moment import day_of, start_of_day
from tocsin.core.profiles import Bands
from tocsin.health import facade
from tocsin.health.facade import ProfileInfo
from tocsin.people import facade as people
from tocsin.web import healthfacts, healthwords, source, words
from tocsin.web.healthwords import ScoreLine
from tocsin.web.shell import LEADS, Seen, page, signed_in
from tocsin.web.source import AccountRow
from tocsin.web.views import alert_chart

WIDTH, HEIGHT = 620, 150
LONGEST_REASON = 2000
USUAL = timedelta(days=30)


@signed_in
def split(request: Seen, account_id: str) -> HttpResponse:
    """Why the score is what it is. Asked for by htmx, only the table, until it is there."""
    moment = source.now()
    row = _account(account_id, moment)
    shown = card(request, row, moment)
    asked = healthfacts.ask_split(account_id, shown["override"])
    context: dict[str, Any] = {"now": moment, "account": row, "health": shown, "asked": asked, "split": asked.value}
    if asked.value is not None:
        now = asked.value.now
        context |= {
            "rows": healthwords.rows(now.indicators, asked.value.change),
            "others": healthwords.others(asked.value.change),
            "moved": _moved(asked.value.change.before, asked.value.change.after),
            "lost": None if now.computed is None else 100 - now.computed,
            "there": sum(each.weight for each in now.indicators if each.score is not None),
            "whole": sum(each.weight for each in now.indicators),
        }
    if request.headers.get("HX-Target") == "split":
        return render(request, "tocsin/parts/health_split.html", context | {"currency": source.currency()})
    context["usual"] = timezone.localtime(moment).date() + USUAL
    context["earliest"] = timezone.localtime(moment).date() + timedelta(days=1)
    return page(request, "tocsin/account_health.html", "accounts", context)


@require_POST
@signed_in
def override(request: Seen, account_id: str) -> HttpResponse:
    """Put a score in the place of the computed one, or lift it; which of them stands in `act`."""
    moment = source.now()
    row = _account(account_id, moment)
    if not may_override(request, row):
        raise PermissionDenied
    try:
        done = _overridden(request, row, moment)
    except UserError as error:
        sentence = str(error)
        messages.error(request, f"{sentence[:1].upper()}{sentence[1:]}.")
    else:
        messages.success(request, done)
    return redirect("web:account-health", account_id)


@signed_in
def image(request: Seen, account_id: str) -> HttpResponse:
    """The chart of the kept scores as SVG."""
    return alert_chart.svg(request, _line(account_id), width=WIDTH, height=HEIGHT)


@signed_in
def spec(request: Seen, account_id: str) -> HttpResponse:
    """The chart of the kept scores as a Vega-Lite spec."""
    return alert_chart.json(request, _line(account_id), height=HEIGHT)


def card(request: Seen, row: AccountRow, moment: datetime) -> dict[str, Any]:
    """What an account's page says of its health: the latest kept day, or the score that a person has set since."""
    days = healthfacts.days(row.id, moment)
    latest = days[-1] if days else None
    running = facade.overrides(moment, [row.id])
    held = running[0] if running and row.status != "churned" else None
    infos = {info.id: info for info in facade.profiles()}
    info = infos.get(latest.profile) if latest else None
    score = held.score if held else latest.score if latest else None
    band = _bands(info).of(held.score) if held else latest.band if latest else None
    names = {each.email: each.name for each in people.people(active=False)} if held else {}
    return {
        "kept": latest is not None,
        "score": score,
        "band": band,
        "profile": info.profile.name if info else "",
        "frozen": latest.frozen if latest else False,
        "override": held,
        "until": day_of(held.until, source.zone()) if held else None,
        "by": names.get(held.by, held.by) if held else "",
        "change": None if held else healthfacts.change_of(days),
        "charted": sum(each.score is not None for each in days) > 1,
        "alt": healthwords.line(days, None).describe(source.zone()) if days else "",
        "may_override": may_override(request, row) and row.status != "churned",
    }


def may_override(request: Seen, row: AccountRow) -> bool:
    """Whether who asks may set the score of this account: its CSM, and those who lead."""
    user = request.user
    return user.role in LEADS or (user.role == "csm" and row.owner.lower() == user.email)


def _overridden(request: Seen, row: AccountRow, moment: datetime) -> str:
    book, by = source.book(), request.user.email
    if request.POST.get("act") == "lift":
        facade.lift_override(book, row.id, by=by, moment=moment)
        return "Lifted: the computed score counts again"
    try:
        score = float(request.POST.get("score", "").replace(",", "."))
    except ValueError as error:
        raise UserError("give a score from 0 to 100") from error
    try:
        day = date.fromisoformat(request.POST.get("until", ""))
        until = start_of_day(day, source.zone())
    except (ValueError, OverflowError) as error:
        raise UserError("choose the day until which the score holds") from error
    reason = request.POST.get("reason", "").strip()[:LONGEST_REASON]
    facade.set_override(book, row.id, score=score, reason=reason, until=until, by=by, moment=moment)
    return f"The health of {row.name} is {words.number(score)} until {words.day(day)}"


def _moved(before: float | None, after: float | None) -> float | None:
    return None if before is None or after is None else after - before


def _bands(info: ProfileInfo | None) -> Bands:
    return info.profile.bands if info else Bands()


def _line(account_id: str) -> ScoreLine:
    moment = source.now()
    _account(account_id, moment)
    days = healthfacts.days(account_id, moment)
    if not any(each.score is not None for each in days):
        raise Http404("no score of this account is kept")
    infos = {info.id: info for info in facade.profiles()}
    return healthwords.line(days, _bands(infos.get(days[-1].profile)).average)


def _account(account_id: str, moment: datetime) -> AccountRow:
    row = source.account(account_id, moment)
    if row is None:
        raise Http404(f"there is no account {account_id}")
    return row
