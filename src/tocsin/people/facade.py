"""What the people app shows to others: plain functions that take and give frozen dataclasses. Times are aware, UTC."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.contrib import auth
from django.contrib.auth.hashers import is_password_usable
from django.contrib.auth.password_validation import validate_password
from django.contrib.sessions.models import Session
from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.db import transaction
from django.http import HttpRequest, HttpResponse

from tocsin.core.errors import UserError
from tocsin.core.once import once
from tocsin.people.audit import changes, note
from tocsin.people.contacts import add_away, check_preferences, directory, remove_away, set_preferences
from tocsin.people.keys import SCOPES, create_key, key_for, list_keys, revoke_key
from tocsin.people.models import EVERYONE, FailedSignIn, Role, SignInLink, Team, User, normal_email
from tocsin.people.ranks import set_active, set_manager, set_role, set_team, teams
from tocsin.people.shapes import AwayPeriod, Change, Contact, KeyInfo, Preferences
from tocsin.people.sight import ACTS, LEADS, NOBODY, RUNS, looking_as, only_leaders, sees_csm

__all__ = [
    "ACTS",
    "LEADS",
    "NOBODY",
    "ROLES",
    "RUNS",
    "SCOPES",
    "AwayPeriod",
    "Change",
    "Contact",
    "KeyInfo",
    "Person",
    "Preferences",
    "SyncReport",
    "TooManyAttemptsError",
    "add_away",
    "changes",
    "check_preferences",
    "clear_expired",
    "create_key",
    "create_user",
    "directory",
    "key_for",
    "link_holder",
    "list_keys",
    "looking_as",
    "make_link",
    "note",
    "only_leaders",
    "people",
    "person",
    "remove_away",
    "revoke_key",
    "sees_csm",
    "set_active",
    "set_manager",
    "set_password_with_link",
    "set_preferences",
    "set_role",
    "set_team",
    "sign_in",
    "sign_in_with_link",
    "sign_out",
    "sync_people",
    "teammates",
    "teams",
    "teams_of",
]

ROLES = tuple(str(role) for role in Role.values)
TITLES_OF_LEADERS = ("manager", "team lead", "director")  # as files say `leader`
ROLES_OF_FILES = (Role.LEADER, Role.CSM, Role.VIEWER)  # what a row of `csms` may make of somebody
WINDOW = timedelta(minutes=15)  # of failed attempts that count
MOST_BY_WHO, MOST_BY_ADDRESS = 8, 40
SIGN_IN_LINK, PASSWORD_LINK = timedelta(hours=12), timedelta(days=3)


@dataclass(frozen=True, slots=True)
class Person:
    """A user. `can_sign_in`: has a password or followed a link once; others are known from the facts only."""

    email: str
    name: str
    role: str
    team: str = ""
    active: bool = True
    can_sign_in: bool = False


@dataclass(frozen=True, slots=True)
class SyncReport:
    """What `sync_people` did. kept_active: those whom the files call inactive, and whose role no file takes away."""

    users_added: int
    users_updated: int
    teams_added: int
    teams_updated: int
    kept_active: tuple[str, ...] = ()


class TooManyAttemptsError(UserError):
    """Signing in failed so often that it is refused for a while."""


def create_user(
    email: str, name: str, role: str, *, moment: datetime, team: str = "", password: str = "", by: str = "tocsin"
) -> Person:
    """A new user; one known from the facts only takes on the name, role and team. by: for the audit.

    UserError where something is wrong, or where that user can sign in already, however they do, or was given a role that no
    file gives: making somebody anew is no way to change what they are, nor to a link in their name.
    """
    address = normal_email(email)
    try:
        validate_email(address)
    except ValidationError as error:
        raise UserError(f"{email!r} is no e-mail address") from error
    if role not in ROLES:
        raise UserError(f"unknown role {role!r}; give one of {', '.join(ROLES)}")
    if not name.strip():
        raise UserError("the name is empty; say who it is")
    with transaction.atomic():
        user = User.objects.filter(email=address).first()
        if user is not None and (_can_sign_in(user) or user.role not in ROLES_OF_FILES):
            raise UserError(f"there is a user {address} already")
        user = user or User(email=address, created_at=moment)
        user.name, user.role, user.is_active = name.strip(), role, True
        if team:
            user.team = Team.objects.get_or_create(name=team.strip())[0]
        if password:
            _set_password(user, password)
        else:
            user.set_unusable_password()
        user.save()
        note("user made", address, str(role), by=by, moment=moment)
    return _person(user)


def person(email: str) -> Person | None:
    """The user of that address; None where it is nobody's, or no address at all."""
    if "\0" in email:  # not every database can look for it
        return None
    user = User.objects.select_related("team").filter(email=normal_email(email)).first()
    return _person(user) if user else None


def people(*, active: bool = True) -> list[Person]:
    """All users, by name; only the active ones unless told otherwise. One query, and one of a whole request."""
    return [each for each in once(EVERYONE, _everyone) if each.active or not active]


def teammates(email: str) -> tuple[str, ...]:
    """The addresses of the active users of that user's team, theirs included; the members too where they manage teams."""
    address = normal_email(email)
    teams = set(Team.objects.filter(manager__iexact=address).values_list("pk", flat=True))
    own = User.objects.filter(email=address).values_list("team_id", flat=True).first()
    found = set(
        User.objects.filter(team_id__in=teams | ({own} if own else set()), is_active=True).values_list("email", flat=True)
    )
    return tuple(sorted(found | {address}))


def teams_of(email: str) -> tuple[str, ...]:
    """The names of that user's team, and of the teams that they manage."""
    address = normal_email(email)
    found = set(Team.objects.filter(manager__iexact=address).values_list("name", flat=True))
    own = User.objects.filter(email=address, team__isnull=False).values_list("team__name", flat=True)
    return tuple(sorted(found.union(own)))


def make_link(email: str, *, moment: datetime, purpose: str = "sign-in") -> str:
    """The path of a new one-time link (`/sign-in/link/<token>/` or `/set-password/<token>/`). UserError: no such user."""
    user = User.objects.filter(email=normal_email(email), is_active=True).first()
    if user is None:
        raise UserError(f"there is no active user {email}")
    token = secrets.token_urlsafe(32)
    lasts = SIGN_IN_LINK if purpose == SignInLink.Purpose.SIGN_IN else PASSWORD_LINK
    SignInLink.objects.filter(expires_at__lt=moment).delete()
    SignInLink.objects.create(user=user, hash=_hash(token), purpose=purpose, expires_at=moment + lasts)
    return f"/sign-in/link/{token}/" if purpose == SignInLink.Purpose.SIGN_IN else f"/set-password/{token}/"


def link_holder(token: str, *, moment: datetime, purpose: str) -> Person | None:
    """Whose link it is, while it is valid; does not use it up."""
    link = _valid(token, moment, purpose).select_related("user", "user__team").first()
    return _person(link.user) if link else None


def sign_in_with_link(request: HttpRequest, token: str, *, moment: datetime, target: str = "/") -> HttpResponse:
    """Use a sign-in link up and start the session, after a second factor where there is one. UserError: used, old, unknown."""
    return _begin(request, _use(token, moment, SignInLink.Purpose.SIGN_IN), target)


def set_password_with_link(
    request: HttpRequest, token: str, password: str, *, moment: datetime, target: str = "/"
) -> HttpResponse:
    """Set the password, use the link up and start the session. UserError where the link or the password is not good enough."""
    holder = _valid(token, moment, SignInLink.Purpose.SET_PASSWORD).select_related("user").first()
    if holder is None:
        raise UserError("this link was used already or has expired; ask an administrator for a new one")
    _set_password(holder.user, password)
    with transaction.atomic():
        _use(token, moment, SignInLink.Purpose.SET_PASSWORD)
        # Whoever holds an earlier link could otherwise set the password once more.
        SignInLink.objects.filter(user=holder.user, purpose=SignInLink.Purpose.SET_PASSWORD, used_at=None).update(
            used_at=moment
        )
        holder.user.save(update_fields=["password"])
    return _begin(request, holder.user, target)


def sign_in(request: HttpRequest, email: str, password: str, *, moment: datetime, target: str = "/") -> HttpResponse | None:
    """Start the session of the user whose password it is, after their second factor; None where it is not.

    TooManyAttemptsError after too many failures, whatever the password.
    """
    who, address = _hash(normal_email(email)), str(request.META.get("REMOTE_ADDR", ""))[:64]
    recent = FailedSignIn.objects.filter(at__gt=moment - WINDOW)
    if recent.filter(who=who).count() >= MOST_BY_WHO or recent.filter(address=address).count() >= MOST_BY_ADDRESS:
        raise TooManyAttemptsError("too many failed attempts; wait a quarter of an hour, or ask an administrator for a link")
    user = auth.authenticate(request, email=email, password=password)
    if not isinstance(user, User):
        FailedSignIn.objects.filter(at__lt=moment - 4 * WINDOW).delete()
        FailedSignIn.objects.create(who=who, address=address, at=moment)
        return None
    FailedSignIn.objects.filter(who=who).delete()
    return _begin(request, user, target)


def _begin(request: HttpRequest, user: User, target: str) -> HttpResponse:
    from tocsin.people.signing import begin  # a command that signs nobody in loads no allauth

    return begin(request, user, target)


def sign_out(request: HttpRequest) -> None:
    """End the session."""
    auth.logout(request)


def clear_expired(moment: datetime) -> int:
    """Remove the sessions and one-time links that have expired; gives how many sessions there were."""
    SignInLink.objects.filter(expires_at__lt=moment).delete()
    return Session.objects.filter(expire_date__lt=moment).delete()[0]


def sync_people(csms: Iterable[Mapping[str, Any]], teams: Iterable[Mapping[str, Any]], *, moment: datetime) -> SyncReport:
    """Make or update users and teams from rows of the facts (columns of `csms` and `teams`); such users cannot sign in by it.

    A user who can sign in, or was given a role that no file gives, keeps their role: rights are given in the product, never
    by a file. Nor does a file deactivate somebody of such a role: the last administrator would be shut out by a slip in it.
    """
    with transaction.atomic():
        by_name = {team.name: team for team in Team.objects.all()}
        counts = {"users_added": 0, "users_updated": 0, "teams_added": 0, "teams_updated": 0}
        given = {str(row["name"]): row for row in teams if row.get("name")}
        rows = [row for row in csms if row.get("email")]
        for name in [*given, *(str(row["team"]) for row in rows if row.get("team"))]:
            _sync_team(name, given.get(name, {}), by_name, counts)
        by_email = {user.email: user for user in User.objects.all()}
        kept = [str(row["email"]) for row in rows if not _sync_user(row, by_email, by_name, moment, counts)]
    return SyncReport(**counts, kept_active=tuple(normal_email(email) for email in kept))


def _sync_team(name: str, row: Mapping[str, Any], known: dict[str, Team], counts: dict[str, int]) -> None:
    team = known.get(name)
    manager, tolerance = normal_email(str(row.get("manager") or "")), row.get("churn_tolerance")
    if team is None:
        known[name] = Team.objects.create(name=name, manager=manager, churn_tolerance=tolerance)
        counts["teams_added"] += 1
    elif row and (team.manager, team.churn_tolerance) != (manager, tolerance):
        team.manager, team.churn_tolerance = manager, tolerance
        team.save(update_fields=["manager", "churn_tolerance"])
        counts["teams_updated"] += 1


def _sync_user(
    row: Mapping[str, Any], known: dict[str, User], teams: Mapping[str, Team], moment: datetime, counts: dict[str, int]
) -> bool:
    """Make or update one user; False where the row would deactivate somebody whom no file deactivates."""
    email = normal_email(str(row["email"]))
    user = known.get(email)
    team = teams.get(str(row.get("team") or ""))
    wanted = {
        "name": str(row.get("name") or email),
        "team_id": team.pk if team else None,
        "capacity": row.get("capacity"),
        "churn_tolerance": row.get("churn_tolerance"),
        "is_active": row.get("active") is not False,
    }
    kept_active = user is not None and user.is_active and user.role not in ROLES_OF_FILES and not wanted["is_active"]
    if kept_active:
        wanted["is_active"] = True
    if user is None or not (_can_sign_in(user) or user.role not in ROLES_OF_FILES):
        wanted["role"] = _role(row.get("role"))
    if user is None:
        made = User(email=email, created_at=moment, **wanted)
        made.set_unusable_password()
        made.save()
        known[email] = made
        counts["users_added"] += 1
    elif any(getattr(user, field) != value for field, value in wanted.items()):
        for field, value in wanted.items():
            setattr(user, field, value)
        user.save(update_fields=list(wanted))
        counts["users_updated"] += 1
    return not kept_active


def _role(given: Any) -> str:
    """A role from the facts: ours where it is one that gives no rights beyond the product's daily use, else csm."""
    word = str(given or "").strip().lower()
    if word in TITLES_OF_LEADERS:
        return str(Role.LEADER)
    return word if word in ROLES_OF_FILES else str(Role.CSM)


def _everyone() -> list[Person]:
    """All users, by name: pages ask for no more of them than this."""
    rows = User.objects.values_list("email", "name", "role", "team__name", "is_active", "password", "last_login")
    return [
        Person(email, name, role, team or "", active, is_password_usable(password) or last_login is not None)
        for email, name, role, team, active, password, last_login in rows
    ]


def _can_sign_in(user: User) -> bool:
    return user.has_usable_password() or user.last_login is not None


def _person(user: User) -> Person:
    return Person(
        email=user.email,
        name=user.name,
        role=user.role,
        team=user.team.name if user.team else "",
        active=user.is_active,
        can_sign_in=_can_sign_in(user),
    )


def _set_password(user: User, password: str) -> None:
    try:
        validate_password(password, user)
    except ValidationError as error:
        raise UserError(" ".join(error.messages)) from error
    user.set_password(password)


def _hash(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()


def _valid(token: str, moment: datetime, purpose: str) -> Any:
    return SignInLink.objects.filter(
        hash=_hash(token), purpose=purpose, used_at=None, expires_at__gt=moment, user__is_active=True
    )


def _use(token: str, moment: datetime, purpose: str) -> User:
    """Use the link up: of several who try at once, one wins."""
    if not _valid(token, moment, purpose).update(used_at=moment):
        raise UserError("this link was used already or has expired; ask for a new one")
    return SignInLink.objects.select_related("user", "user__team").get(hash=_hash(token)).user
