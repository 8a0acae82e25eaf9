"""Routes and silences: the plan as text, and what is kept quiet for a while."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

from django.core.exceptions import PermissionDenied

from tocsin.core.errors import UserError
from tocsin.core.moment import start_of_day
from tocsin.delivery import facade as delivery
from tocsin.web import source
from tocsin.web.shell import RUNS, Seen
from tocsin.web.views.settings.frame import part


def show(request: Seen) -> dict[str, Any]:
    """The plan in force with its versions, and the silences."""
    plan, moment = delivery.current_plan(), source.now()
    return {
        "plan": plan,
        "source": request.POST.get("source", plan.source),
        "versions": delivery.plan_versions(limit=20),
        "silences": delivery.list_silences(moment),
        "runs": request.user.role in RUNS,
        "tomorrow": (moment + timedelta(days=1)).date(),
    }


def publish(request: Seen) -> str:
    """Put a plan in force."""
    if request.user.role not in RUNS:
        raise PermissionDenied
    text = request.POST.get("source", "").replace("\r\n", "\n")
    made = delivery.publish_plan(text, by=request.user.email, moment=source.now(), note=request.POST.get("note", "")[:2000])
    return f"Version {made.version} is in force"


def silence(request: Seen) -> str:
    """Keep the notices of matching alerts back."""
    given = request.POST
    try:
        until = start_of_day(date.fromisoformat(given.get("until", "")), source.zone())
    except (ValueError, OverflowError) as error:
        raise UserError("say until which day") from error
    matchers = [each for each in given.get("matchers", "").replace("\r", "").split("\n") if each.strip()]
    delivery.create_silence(
        matchers, until=until, reason=given.get("reason", "")[:2000], by=request.user.email, moment=source.now()
    )
    return "The silence has begun"


def end(request: Seen) -> str:
    """End a silence now."""
    delivery.end_silence(request.POST.get("id", ""), by=request.user.email, moment=source.now())
    return "The silence is over"


view = part("routing", show, {"publish": publish, "silence": silence, "end": end})
