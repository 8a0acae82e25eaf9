"""What people do to an alert. By htmx the inbox is given back as it has become; without a script the browser is sent to it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, datetime
from functools import wraps

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.views.decorators.http import require_POST

from tocsin.alerts import facade as alerts
from tocsin.alerts.facade import Alert
from tocsin.core.errors import UserError
from tocsin.core.moment import start_of_day
from tocsin.web import filters, folds, source, words
from tocsin.web.shell import Seen, may_act, may_see, signed_in
from tocsin.web.views.inbox import ACCOUNTS_A_PAGE, find, show

LONGEST_NOTE = 2000
MOST_AT_ONCE = 200  # alerts of one act on many
Act = Callable[[Seen, str, datetime], str]


def _acting(act: Act) -> Callable[..., HttpResponse]:
    """A view from an act, which gives the sentence that says what was done."""

    @require_POST
    @signed_in
    @wraps(act)
    def view(request: Seen, alert_id: int) -> HttpResponse:
        if not may_act(request.user):
            raise PermissionDenied
        name, moment = str(alert_id), source.now()
        find(request, name)
        following = _following(request, name)
        try:
            done = act(request, name, moment)
        except UserError as error:
            sentence = str(error)
            return show(request, name, error=f"{sentence[:1].upper()}{sentence[1:]}.")
        undo = name if act.__name__ in ("acknowledge", "snooze", "resolve") else ""
        messages.success(request, done, extra_tags=undo)
        target = following if act.__name__ in ("snooze", "resolve") else name
        query = filters.read(request.GET, request.user.role).here
        address = reverse("web:alert", args=[target]) + query if target else reverse("web:alerts") + query
        if request.headers.get("HX-Request") != "true":
            return redirect(address)
        answer = show(request, target or None)
        answer.headers["HX-Push-Url"] = address
        return answer

    return view


def _following(request: Seen, alert_id: str) -> str:
    """The alert after this one in the list: what to look at once this one is done; its predecessor at the end."""
    given = filters.read(request.GET, request.user.role)
    listed = alerts.inbox(filters.for_alerts(given, request.user, source.now()), page=given.page, size=ACCOUNTS_A_PAGE)
    ids = [each.id for each in folds.in_order(folds.in_sections(folds.fold(listed.groups, folded=given.folds)))]
    if alert_id not in ids:
        return alert_id
    at = ids.index(alert_id)
    others = ids[at + 1 : at + 2] or ids[max(at - 1, 0) : at]
    return others[0] if others else ""


@_acting
def acknowledge(request: Seen, alert_id: str, moment: datetime) -> str:
    """Say that one has it."""
    done = alerts.acknowledge(alert_id, by=request.user.email, moment=moment)
    return f"Acknowledged: {_name(done)}"


@_acting
def snooze(request: Seen, alert_id: str, moment: datetime) -> str:
    """Silence it until the start of a day."""
    day, until = _until(request)
    alerts.snooze(alert_id, until=until, by=request.user.email, moment=moment, note=_note(request))
    return f"Snoozed until {words.day(day)}"


@_acting
def resolve(request: Seen, alert_id: str, moment: datetime) -> str:
    """Close it, with what it was worth and what was done."""
    outcome = request.POST.get("outcome", "")
    if not outcome:
        raise UserError("say whether the alert was useful")
    done = alerts.resolve(alert_id, by=request.user.email, moment=moment, outcome=outcome, note=_note(request))
    return f"Resolved: {_name(done)}"


@_acting
def assign(request: Seen, alert_id: str, moment: datetime) -> str:
    """Give it to somebody; they are told."""
    done = alerts.assign(alert_id, request.POST.get("to", ""), by=request.user.email, moment=moment, note=_note(request))
    return f"Assigned: {_name(done)}" if done.assignee else f"Back with its CSM: {_name(done)}"


@_acting
def comment(request: Seen, alert_id: str, moment: datetime) -> str:
    """Say something about it."""
    done = alerts.comment(alert_id, request.POST.get("text", ""), by=request.user.email, moment=moment)
    return f"Noted: {_name(done)}"


@require_POST
@signed_in
def many(request: Seen) -> HttpResponse:
    """One act on all alerts that are ticked: all or nothing, and a sentence that says how many it were."""
    if not may_act(request.user):
        raise PermissionDenied
    given = [each for each in request.POST.getlist("ids") if each.isdecimal() and len(each) < 19]
    ids = list(dict.fromkeys(given))
    act, moment, by = request.POST.get("act", ""), source.now(), request.user.email
    query = filters.read(request.GET, request.user.role).here
    try:
        done = _many(act, request, ids, by, moment)
        messages.success(request, done)
    except UserError as error:
        messages.error(request, f"Nothing was done: {error}.")
    return redirect(reverse("web:alerts") + query)


def _many(act: str, request: Seen, ids: list[str], by: str, moment: datetime) -> str:
    """Do it; gives the sentence that says what was done."""
    if not ids:
        raise UserError("tick the alerts first")
    if len(ids) > MOST_AT_ONCE:
        raise UserError(f"{len(ids)} alerts are more than {MOST_AT_ONCE} at once; tick fewer")
    if not all(may_see(request.user, alert) for alert in alerts.alerts_by_id(ids).values()):
        raise UserError("some of these alerts are there no more; look at the list anew")  # as of those that there are not
    note = _note(request)
    if act == "acknowledge":
        done, verb = alerts.acknowledge_together(ids, by=by, moment=moment, note=note), "acknowledged"
    elif act == "snooze":
        day, until = _until(request)
        done, verb = (
            alerts.snooze_together(ids, until=until, by=by, moment=moment, note=note),
            f"snoozed until {words.day(day)}",
        )
    elif act == "resolve":
        outcome = request.POST.get("outcome", "")
        if not outcome:
            raise UserError("say whether they were useful")
        done, verb = alerts.resolve_together(ids, by=by, moment=moment, outcome=outcome, note=note), "resolved"
    elif act == "assign":
        to = request.POST.get("to", "")
        done = alerts.assign_together(ids, to, by=by, moment=moment, note=note)
        verb = "assigned" if to else "given back to the CSM"
    elif act == "reopen":
        done, verb = alerts.reopen_together(ids, by=by, moment=moment, note=note), "open again"
    else:
        raise UserError("choose what to do with them")
    return f"{done} alert{'' if done == 1 else 's'} {verb}"


@_acting
def release(request: Seen, alert_id: str, moment: datetime) -> str:
    """Let a held alert go out after review."""
    done = alerts.release(alert_id, by=request.user.email, moment=moment, note=_note(request))
    return f"Released: {_name(done)}"


@_acting
def reopen(request: Seen, alert_id: str, moment: datetime) -> str:
    """Undo an acknowledgement, a snooze or a resolution."""
    done = alerts.reopen(alert_id, by=request.user.email, moment=moment)
    return f"Open again: {_name(done)}"


def _until(request: Seen) -> tuple[date, datetime]:
    """The day until which to stay silent, and the moment at which it begins. UserError where none is given."""
    try:
        day = date.fromisoformat(request.POST.get("until", "") or request.POST.get("day", ""))
        return day, start_of_day(day, source.zone())
    except (ValueError, OverflowError) as error:
        raise UserError("choose the day until which to stay silent") from error


def _name(alert: Alert) -> str:
    return alert.account.name if alert.account else alert.rule_name


def _note(request: Seen) -> str:
    return request.POST.get("note", "").strip()[:LONGEST_NOTE]
