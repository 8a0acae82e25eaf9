"""The parts of a rule's page that are made beside it, and what is done to its held alerts.

Asked for by htmx each is the part alone, which asks again until it is there; without a script it is a page of its own.
"""

from __future__ import annotations

from typing import Any

import msgspec
from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_POST

from tocsin.alerts import facade as alerts
from tocsin.core.errors import UserError
from tocsin.people import facade as people
from tocsin.web import bars, rulefacts, source, words
from tocsin.web.background import Asked
from tocsin.web.rulefacts import Replaying
from tocsin.web.shell import Seen, may_act, may_review, page, signed_in
from tocsin.web.views.alert_chart import IMAGE_POLICY, tagged
from tocsin.web.views.rules import Page, find, head, page_number

WIDTH, HEIGHT = 620, 150
LINES = 15
LONGEST_NOTE = 2000


@signed_in
def readiness(request: Seen, rule_id: str) -> HttpResponse:
    """Whether the rule can speak."""
    found = find(rule_id)
    asked = rulefacts.ask_readiness(found.given)
    ready = asked.value.get(rule_id) if asked.value else None
    return _part(request, found, "readiness", {"asked": asked, "ready": ready})


@signed_in
def matches(request: Seen, rule_id: str) -> HttpResponse:
    """Who matches now: of a rule that is on its alerts, of any other whom it would find."""
    found = _seen(request, find(rule_id))
    number = page_number(request.GET.get("page", ""))
    if found.info.state == "on":
        return _part(request, found, "matches", {"matched": rulefacts.running(rule_id, number, found.given.signals)})
    if found.defined is None or found.defined.trigger.kind not in rulefacts.STATE_TRIGGERS:
        raise Http404("a rule on what happens matches nobody at a moment")
    asked = rulefacts.ask_matching(found.defined, found.info.version, found.given)
    context: dict[str, Any] = {"asked": asked}
    if asked.value is not None:
        context["matching"] = asked.value
        context["matched"] = rulefacts.page_of(asked.value, number, _names(), found.given.signals)
    return _part(request, found, "matches", context)


@signed_in
def replay(request: Seen, rule_id: str) -> HttpResponse:
    """What the rule would have said in the last days."""
    found = _seen(request, find(rule_id))
    asked = _replayed(request, found)
    context: dict[str, Any] = {
        "asked": asked,
        "told": asked.value,
        "chart_days": rulefacts.days_of(request.GET.get("days", "")),
    }
    if asked.value is not None:
        pages = max(1, -(-len(asked.value.lines) // LINES))
        number = min(page_number(request.GET.get("page", "")), pages)
        lines = asked.value.lines[(number - 1) * LINES : number * LINES]
        accounts = source.accounts(source.now()) if any(line.account_id for line in lines) else {}
        context |= {
            "lines": [(line, accounts.get(line.account_id)) for line in lines],
            "number": number,
            "pages": pages,
            "alt": asked.value.bars.describe(),
        }
    return _part(request, found, "replay", context)


@signed_in
def image(request: Seen, rule_id: str) -> HttpResponse:
    """The chart of a replay that is there, as SVG."""
    drawn = bars.svg(_told(request, rule_id).bars, width=WIDTH, height=HEIGHT).encode()
    answer = tagged(request, drawn, "image/svg+xml")
    answer.headers["Content-Security-Policy"] = IMAGE_POLICY
    return answer


@signed_in
def spec(request: Seen, rule_id: str) -> HttpResponse:
    """The chart of a replay that is there, as a Vega-Lite spec."""
    return tagged(request, msgspec.json.encode(bars.spec(_told(request, rule_id).bars, height=HEIGHT)), "application/json")


@require_POST
@signed_in
def held(request: Seen, rule_id: str) -> HttpResponse:
    """Release or resolve held alerts of the rule: one, or all of them. What is to be done stands in `act` and `alert`."""
    found = _seen(request, find(rule_id))
    one, act = request.POST.get("alert", ""), request.POST.get("act", "")
    allowed = may_act if one and act == "release" else may_review
    if not allowed(request.user):
        raise PermissionDenied
    try:
        count = _decided(request, rule_id, act, [one] if one else None)
    except UserError as error:
        sentence = str(error)
        messages.error(request, f"{sentence[:1].upper()}{sentence[1:]}.")
    else:
        done = "Released" if act == "release" else "Resolved"
        told = f"{done}: {words.plural(count, 'held alert')} of {found.info.name}"
        messages.success(request, told if count else "Nothing was held any more")
    return redirect(reverse("web:rule", args=[rule_id]) + "#held")


def _decided(request: Seen, rule_id: str, act: str, ids: list[str] | None) -> int:
    """Release or resolve these held alerts, or all of them; how many it were. UserError where it is not said how."""
    note = request.POST.get("note", "").strip()[:LONGEST_NOTE]
    outcome = request.POST.get("outcome", "")
    by, moment = request.user.email, source.now()
    if act == "release":
        return alerts.release_many(rule_id, ids, by=by, moment=moment, note=note)
    if act != "resolve" or not outcome:
        raise UserError("say whether the alerts were useful")
    return alerts.resolve_many(rule_id, ids, by=by, moment=moment, outcome=outcome, note=note)


def _seen(request: Seen, found: Page) -> Page:
    """The page, for those who may know whom the rule is about."""
    if not head(found, request)["may_look"]:
        raise PermissionDenied
    return found


def _replayed(request: Seen, found: Page) -> Asked[Replaying]:
    if found.defined is None:
        raise Http404("this rule cannot be read")
    days = rulefacts.days_of(request.GET.get("days", ""))
    return rulefacts.ask_replay(found.defined, found.info.version, days, found.given)


def _told(request: Seen, rule_id: str) -> Replaying:
    """A replay that is there; Http404 while it is not."""
    asked = _replayed(request, _seen(request, find(rule_id)))
    if asked.value is None:
        raise Http404("the replay is not there yet")
    return asked.value


def _names() -> dict[str, str]:
    return {each.email: each.name for each in people.people(active=False)}


def _part(request: Seen, found: Page, name: str, context: dict[str, Any]) -> HttpResponse:
    """The part for htmx; else a page of its own with it."""
    context = {"now": source.now(), **head(found, request), **context}
    if request.headers.get("HX-Request") == "true":
        return render(request, f"tocsin/parts/rule_{name}.html", context | {"currency": source.currency()})
    return page(request, "tocsin/rule_part.html", "rules", context | {"part": f"tocsin/parts/rule_{name}.html"})
