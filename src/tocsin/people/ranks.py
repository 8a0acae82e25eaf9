"""What people are: their role, their team, whether they are active, who manages a team. The last administrator stays."""

from __future__ import annotations

from datetime import datetime

from django.db import transaction

from tocsin.core.errors import UserError
from tocsin.people import audit
from tocsin.people.contacts import user_of
from tocsin.people.models import Role, Team, User, normal_email


def set_role(email: str, role: str, *, by: str, moment: datetime) -> None:
    """Give somebody a role. UserError where there is none of that name, or where nobody would administrate any more."""
    if role not in Role.values:
        raise UserError(f"unknown role {role!r}; give one of {', '.join(Role.values)}")
    with transaction.atomic():
        user = user_of(email)
        if user.role == role:
            return
        _keep_an_administrator(user)
        before, user.role = user.role, role
        user.save(update_fields=["role"])
        audit.note("role", user.email, f"from {before} to {role}", by=by, moment=moment)


def set_active(email: str, active: bool, *, by: str, moment: datetime) -> None:
    """Let somebody in, or shut them out at once: their sessions end with it. Their alerts go to who stands in."""
    with transaction.atomic():
        user = user_of(email)
        if user.is_active == active:
            return
        if not active:
            _keep_an_administrator(user)
        user.is_active = active
        user.save(update_fields=["is_active"])
        audit.note("active" if active else "inactive", user.email, by=by, moment=moment)


def set_team(email: str, team: str, *, by: str, moment: datetime) -> None:
    """Put somebody into a team, which is made where it is missing; '' takes them out of theirs."""
    name = team.strip()
    if len(name) > 200:
        raise UserError("a team's name has 200 characters at most")
    with transaction.atomic():
        user = user_of(email)
        user.team = Team.objects.get_or_create(name=name)[0] if name else None
        user.save(update_fields=["team"])
        audit.note("team", user.email, name or "none", by=by, moment=moment)


def set_manager(team: str, email: str, *, by: str, moment: datetime) -> None:
    """Say who manages a team; '' for nobody. UserError where there is no such team or active user."""
    with transaction.atomic():
        row = Team.objects.filter(name=team.strip()).first()
        if row is None:
            raise UserError(f"there is no team {team.strip()!r}")
        address = normal_email(email)
        if address and not User.objects.filter(email=address, is_active=True).exists():
            raise UserError(f"there is no active user {email.strip()!r}")
        row.manager = address
        row.save(update_fields=["manager"])
        audit.note("manager", f"team {row.name}", address or "nobody", by=by, moment=moment)


def teams() -> list[tuple[str, str, int]]:
    """Name, manager's address, and number of active members of each team, by name."""
    rows = Team.objects.prefetch_related("users").order_by("name")
    return [(row.name, row.manager, sum(user.is_active for user in row.users.all())) for row in rows]


def _keep_an_administrator(user: User) -> None:
    # Locked in one order, so that of two who step down at once the second sees that the first has.
    admins = list(User.objects.select_for_update().filter(role=Role.ADMIN, is_active=True).order_by("pk"))
    if user in admins and len(admins) == 1:
        raise UserError(f"{user.email} is the last administrator; make somebody else one first")
