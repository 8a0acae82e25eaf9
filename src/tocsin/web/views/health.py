"""The health of the book: profiles, the spread over the bands, who moved, and weights that outcomes propose."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_POST

from tocsin.alerts import facade as alerts
from tocsin.core.errors import UserError
from tocsin.core.profiles import never_reached
from tocsin.health import facade
from tocsin.health.facade import ProfileInfo, Proposal
from tocsin.web import healthfacts, healthwords, source
from tocsin.web.healthfacts import Overview
from tocsin.web.shell import Seen, page, signed_in

CALIBRATES = frozenset({"admin", "operations"})


@signed_in
def health(request: Seen) -> HttpResponse:
    """The page: the book now, the profiles by precedence with their advice, and for operations the proposals."""
    asked = healthfacts.ask_overview(wait=False)
    infos = facade.profiles()
    context: dict[str, Any] = {
        **_overview(asked.value, infos),
        "asked": asked,
        "waits": True,
        "profiles": _told(asked.value, infos),
        "broken": facade.broken_profiles(),
        "drafts": facade.drafts(),
        "never": never_reached([each.profile for each in infos]),
        "may_calibrate": may_calibrate(request),
    }
    return page(request, "tocsin/health.html", "health", context)


@signed_in
def book(request: Seen) -> HttpResponse:
    """The spread of the book over the bands, and who moved."""
    asked = healthfacts.ask_overview()
    context = {**_overview(asked.value, facade.profiles()), "asked": asked}
    return _part(request, "health_book", "The book now", context)


@signed_in
def proposals(request: Seen) -> HttpResponse:
    """Weights as outcomes propose them, beside today's."""
    if not may_calibrate(request):
        raise PermissionDenied
    return _part(request, "health_proposals", "Weights from outcomes", {"asked": healthfacts.ask_proposals()})


@require_POST
@signed_in
def recalibrate(request: Seen) -> HttpResponse:
    """Publish the proposed weights of a profile as its next version."""
    if not may_calibrate(request):
        raise PermissionDenied
    try:
        proposal = _proposal(request.POST.get("profile", ""), request.POST.get("version", ""))
        weights = {each.name: each.proposed for each in proposal.indicators if each.proposed is not None}
        done = facade.apply_weights(proposal.profile, weights, by=request.user.email, moment=source.now())
    except UserError as error:
        sentence = str(error)
        messages.error(request, f"{sentence[:1].upper()}{sentence[1:]}.")
    else:
        said = "A new version is in force" if done.changed else "The weights were these already"
        messages.success(request, f"{proposal.name}: {said[:1].lower()}{said[1:]}. Past scores stay what they were.")
    return redirect(reverse("web:health") + "#profiles")


def may_calibrate(request: Seen) -> bool:
    """Whether who asks sees the proposals and may apply them."""
    return request.user.role in CALIBRATES


def _proposal(profile: str, version: str) -> Proposal:
    """The proposal that the person saw. UserError where it is not there any more, or there is none."""
    for each in healthfacts.ask_proposals().value or ():
        if each.profile == profile and str(each.version) == version:
            if each.refusal:
                raise UserError(each.refusal)
            return each
    raise UserError("the weights of this profile were changed since, or are proposed anew; look at them again")


def _told(overview: Overview | None, infos: Sequence[ProfileInfo]) -> list[healthwords.Told]:
    descriptions = alerts.definitions().descriptions
    spreads = overview.profiles if overview else {}
    return [healthwords.told(info, descriptions, spreads.get(info.id)) for info in infos]


def _overview(overview: Overview | None, infos: Sequence[ProfileInfo]) -> dict[str, Any]:
    if overview is None:
        return {"overview": None}
    return {
        "overview": overview,
        "bar": healthwords.bar(overview.whole),
        "alt": healthwords.bar_words(overview.whole),
        "spreads": _spreads(overview, infos),
    }


def _spreads(overview: Overview, infos: Sequence[ProfileInfo]) -> list[tuple[str, Any, Any, str]]:
    """Of each profile in order of precedence, and of accounts without one: name, spread, bar, the bar in words."""
    names = {info.id: info.profile.name for info in infos}
    order = [*names, *(mark for mark in overview.profiles if mark not in names)]
    found = [(names.get(mark, mark or "No profile"), overview.profiles[mark]) for mark in order if mark in overview.profiles]
    return [(name, spread, healthwords.bar(spread), healthwords.bar_words(spread)) for name, spread in found]


def _part(request: Seen, name: str, title: str, context: dict[str, Any]) -> HttpResponse:
    """The part for htmx; else a page of its own with it."""
    context = {"now": source.now(), **context}
    if request.headers.get("HX-Request") == "true":
        return render(request, f"tocsin/parts/{name}.html", context | {"currency": source.currency()})
    over = {"part": f"tocsin/parts/{name}.html", "title": title}
    return page(request, "tocsin/health_part.html", "health", context | over)
