"""People: who there is, their roles and teams, who manages, who is away; handing alerts over."""

from __future__ import annotations

from typing import Any

from django.contrib import messages

from tocsin.alerts import facade as alerts
from tocsin.people import facade as people
from tocsin.web import source
from tocsin.web.shell import RUNS, Seen
from tocsin.web.views.settings.frame import part

ROLES = {
    "admin": "Administrator",
    "operations": "CS operations",
    "leader": "CS leader",
    "csm": "CSM",
    "viewer": "Viewer",
}


def show(request: Seen) -> dict[str, Any]:
    """Everybody, and the teams."""
    moment = source.now()
    everybody = sorted(people.directory().values(), key=lambda each: (not each.active, each.name.lower()))
    away = {
        each.email: next((period for period in each.away if period.begins_at <= moment < period.ends_at), None)
        for each in everybody
    }
    return {
        "everybody": [(each, ROLES.get(each.role, each.role), away[each.email]) for each in everybody],
        "roles": ROLES,
        "teams": people.teams(),
        "active": [each for each in everybody if each.active],
        "admin": request.user.role == "admin",
    }


def create(request: Seen) -> str:
    """A new user, with a link that sets the password."""
    given, moment = request.POST, source.now()
    role = given.get("role", "")
    _only_admins_make_admins(request, role)
    who: dict[str, Any] = {"by": request.user.email, "moment": moment}
    made = people.create_user(given.get("email", ""), given.get("name", ""), role, team=given.get("team", ""), **who)
    link = request.build_absolute_uri(people.make_link(made.email, moment=moment, purpose="set-password"))
    messages.info(request, f"A link for {made.name} to set a password, once, within 3 days: {link}")
    return f"{made.name} is there"


def change(request: Seen) -> str:
    """Role, team, whether they may come in."""
    given = request.POST
    who: dict[str, Any] = {"by": request.user.email, "moment": source.now()}
    email, role = given.get("email", ""), given.get("role", "")
    before = people.person(email)
    if before is not None:
        _only_admins_make_admins(request, role, before.role)  # nor shut them out, whatever else the form changes
    if before is not None and role != before.role:
        people.set_role(email, role, **who)
    if before is not None and given.get("team", "").strip() != before.team:
        people.set_team(email, given.get("team", ""), **who)
    people.set_active(email, given.get("active") == "yes", **who)
    return "It is kept"


def manager(request: Seen) -> str:
    """Who manages a team."""
    people.set_manager(request.POST.get("team", ""), request.POST.get("email", ""), by=request.user.email, moment=source.now())
    return "It is kept"


def hand_over(request: Seen) -> str:
    """Give all running alerts of one person to another."""
    given = request.POST
    count = alerts.reassign(
        given.get("from", ""),
        given.get("to", ""),
        by=request.user.email,
        moment=source.now(),
        note=given.get("note", "")[:2000],
    )
    return f"{count} alert{'' if count == 1 else 's'} handed over"


def _only_admins_make_admins(request: Seen, *roles: str) -> None:
    from tocsin.core.errors import UserError

    if "admin" in roles and request.user.role != "admin":
        raise UserError("only an administrator makes or changes administrators")


view = part("people", show, {"create": create, "change": change, "manager": manager, "hand-over": hand_over}, acting=RUNS)
