"""What surrounds every page: who looks, how fresh the data is, what is open; and who may act."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from functools import wraps
from typing import TYPE_CHECKING, Any, Concatenate, ParamSpec

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.http import urlencode

from tocsin.alerts import facade as alerts
from tocsin.alerts.facade import Alert, AlertFilter
from tocsin.delivery import facade as delivery
from tocsin.people import facade as people
from tocsin.web import source

if TYPE_CHECKING:
    from tocsin.people.models import User as User  # noqa: PLC0414 - what `request.user` is, for other files of the pages too

P = ParamSpec("P")
ACTS, LEADS, RUNS = people.ACTS, people.LEADS, people.RUNS


class Seen(HttpRequest):
    """A request of someone who is signed in."""

    user: User


View = Callable[Concatenate[Seen, P], HttpResponse]


@dataclass(frozen=True, slots=True)
class Shell:
    """The facts of the frame around a page.

    runs: runs customer success, and so its data. live: alerts that ask something. late: the data is a day old or more.
    unseen: messages that this person has not looked at.
    """

    section: str
    name: str
    email: str
    role: str
    may_act: bool
    runs: bool
    live: int
    data_as_of: datetime | None
    late: bool
    zone: str
    last_sweep: datetime | None
    unseen: int


def signed_in(view: View[P]) -> Callable[Concatenate[HttpRequest, P], HttpResponse]:
    """The view, for those who are signed in; others are sent to the sign-in page and come back afterwards."""

    @wraps(view)
    def guarded(request: HttpRequest, /, *args: P.args, **kwargs: P.kwargs) -> HttpResponse:
        if request.user.is_authenticated:
            return view(request, *args, **kwargs)  # type: ignore[arg-type]
        target = request.get_full_path() if request.method == "GET" else reverse("web:alerts")
        address = f"{reverse('web:sign-in')}?{urlencode({'next': target})}"
        if request.headers.get("HX-Request"):
            return HttpResponse(status=204, headers={"HX-Redirect": address})
        return redirect(address)

    return guarded


def may_act(user: User) -> bool:
    """Whether this person may change alerts; a viewer only looks."""
    return user.role in ACTS


def runs(user: User) -> bool:
    """Whether this person runs customer success: changes settings and puts data right."""
    return user.role in RUNS


def may_review(user: User) -> bool:
    """Whether this person may release or resolve all held alerts of a rule at once."""
    return user.role in LEADS


def sees_colleagues(user: User) -> bool:
    """Whether this person sees alerts about CSMs other than themselves."""
    return user.role in LEADS


def may_see(user: User, alert: Alert) -> bool:
    """Whether this person may see an alert: those about a CSM are for the CSM and for those who lead."""
    return alert.subject_kind != "csm" or people.sees_csm(user.role, user.email, alert.subject_id)


def actionable(user: User) -> int:
    """How many alerts that this person may see ask something of somebody."""
    return alerts.actionable(AlertFilter(seen_by=people.looking_as(user.role, user.email)))


def page(request: Seen, template: str, section: str, context: dict[str, Any], *, status: int = 200) -> HttpResponse:
    """A page within the shell."""
    moment = context.setdefault("now", source.now())
    context["currency"] = source.currency()
    context["shell"] = shell(request.user, section, moment)
    return render(request, template, context, status=status)


def shell(user: User, section: str, moment: datetime) -> Shell:
    """The frame for one person at a moment."""
    as_of = source.data_as_of(moment)
    swept = alerts.last_sweep()
    return Shell(
        section=section,
        name=user.name or user.email,
        email=user.email,
        role=user.get_role_display(),
        may_act=may_act(user),
        runs=runs(user),
        live=actionable(user),
        data_as_of=as_of,
        late=as_of is not None and moment - as_of > source.LATE,
        zone=source.zone().key,
        last_sweep=swept.as_of if swept else None,
        unseen=delivery.unseen(user.email),
    )
