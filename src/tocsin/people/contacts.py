"""How people are reached: their working hours, preferences, and when they are away."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import asdict, fields, replace
from datetime import datetime
from typing import Any

from django.db import transaction

from tocsin.core.errors import UserError
from tocsin.core.moment import MomentError, iso, zone_named
from tocsin.core.rules import SEVERITIES
from tocsin.people import audit
from tocsin.people.models import Away, User, normal_email
from tocsin.people.shapes import DIGESTS, TEAM_DIGESTS, AwayPeriod, Contact, Preferences

DAY = 24 * 60
MOST_A_WEEK = 1000
LONGEST_WAIT = 90  # days
LISTS = ("work_days", "channels")
CLOCKS = ("work_from", "work_to", "quiet_from", "quiet_to", "digest_at")
DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")


def directory() -> dict[str, Contact]:
    """Everybody on our side by e-mail in lower case, active or not. Two queries."""
    away: dict[int, list[AwayPeriod]] = {}
    for row in Away.objects.order_by("begins_at"):
        away.setdefault(row.user_id, []).append(AwayPeriod(row.begins_at, row.ends_at, row.stand_in))
    return {
        user.email: Contact(
            email=user.email,
            name=user.name,
            role=user.role,
            team=user.team.name if user.team else "",
            manager=user.team.manager if user.team else "",
            active=user.is_active,
            can_sign_in=user.has_usable_password() or user.last_login is not None,
            preferences=preferences_of(user),
            away=tuple(away.get(user.pk, ())),
        )
        for user in User.objects.select_related("team")
    }


def preferences_of(user: User) -> Preferences:
    """What a user chose, with the defaults of what they did not; a setting that there is no more is passed over."""
    known = {field.name for field in fields(Preferences)}
    given: dict[str, Any] = {name: value for name, value in user.preferences.items() if name in known}
    given |= {name: tuple(given[name]) for name in LISTS if name in given}
    return replace(Preferences(), **given)


def set_preferences(email: str, chosen: Preferences, *, channels: Collection[str], by: str, moment: datetime) -> Preferences:
    """Choose for a person. channels: the names of those that reach people; delivery knows them.

    UserError says which setting is wrong and how it is written.
    """
    check_preferences(chosen, channels)
    with transaction.atomic():
        user = user_of(email)
        plain: dict[str, Any] = {
            name: list(value) if name in LISTS else value for name, value in asdict(chosen).items() if value != _default(name)
        }
        if plain != user.preferences:
            user.preferences = plain
            user.save(update_fields=["preferences"])
            said = ", ".join(f"{name} {_said(name, value)}" for name, value in plain.items()) or "the defaults"
            audit.note("preferences", user.email, said, by=by, moment=moment)
    return chosen


def check_preferences(chosen: Preferences, channels: Collection[str]) -> None:
    """UserError where a setting is wrong. channels: as in `set_preferences`."""
    _check_hours(chosen)
    _check_telling(chosen, channels)


def _check_hours(chosen: Preferences) -> None:
    """When somebody works, and when they are not to be disturbed."""
    if chosen.zone:
        try:
            zone_named(chosen.zone)
        except MomentError as error:
            raise UserError(f"time zone: {error}") from error
    if any(day not in range(7) for day in chosen.work_days):
        raise UserError("working days are numbers from 0 (Monday) to 6 (Sunday)")
    for name, minute in (("work_from", chosen.work_from), ("work_to", chosen.work_to), ("digest_at", chosen.digest_at)):
        if not 0 <= minute <= DAY:
            raise UserError(f"{name} is a time of day, in minutes after midnight from 0 to {DAY}; it is {minute}")
    if chosen.work_from >= chosen.work_to:
        raise UserError("working hours begin before they end")
    if (chosen.quiet_from is None) != (chosen.quiet_to is None):
        raise UserError("quiet hours need both a beginning and an end")
    if chosen.quiet_from is not None and not (0 <= chosen.quiet_from < DAY and 0 <= (chosen.quiet_to or 0) <= DAY):
        raise UserError(f"quiet hours are times of day, in minutes after midnight from 0 to {DAY}")
    if chosen.country and not _known_country(chosen.country):
        raise UserError(f"no public holidays are known for {chosen.country!r}; write a code such as DE, DE-BY, US or US-CA")


def _check_telling(chosen: Preferences, channels: Collection[str]) -> None:
    """By which ways somebody is told, how often, and of what."""
    for name in chosen.channels:
        if name not in channels:
            raise UserError(f"there is no channel {name!r} that reaches people; there are {', '.join(sorted(channels))}")
    if chosen.digest not in DIGESTS:
        raise UserError(f"unknown digest {chosen.digest!r}; it is one of {', '.join(DIGESTS)}")
    if chosen.team_digest not in TEAM_DIGESTS:
        raise UserError(f"unknown digest of a team {chosen.team_digest!r}; it is one of {', '.join(TEAM_DIGESTS)}")
    if not 1 <= chosen.unacknowledged_days <= LONGEST_WAIT:
        raise UserError(f"unacknowledged_days is a number of days from 1 to {LONGEST_WAIT}")
    if not (0 <= chosen.daily_cap <= MOST_A_WEEK and 0 <= chosen.weekly_budget <= MOST_A_WEEK):
        raise UserError(f"a budget is a number of immediate notices from 0 to {MOST_A_WEEK}")
    if chosen.least_severity not in SEVERITIES:
        raise UserError(f"unknown severity {chosen.least_severity!r}; it is one of {', '.join(SEVERITIES)}")


def add_away(email: str, period: AwayPeriod, *, by: str, moment: datetime) -> None:
    """Say that somebody is away. UserError for a period that is over, reversed or overlaps another, or a wrong stand-in."""
    if period.ends_at <= period.begins_at:
        raise UserError("an away period ends after it begins")
    if period.ends_at <= moment:
        raise UserError(f"the away period ended at {iso(period.ends_at)}; give one that is not over")
    with transaction.atomic():
        user = user_of(email)
        stand_in = normal_email(period.stand_in)
        if stand_in == user.email:
            raise UserError("nobody stands in for themselves; name a colleague, or nobody")
        if stand_in and not User.objects.filter(email=stand_in, is_active=True).exists():
            raise UserError(f"there is no active user {period.stand_in!r} to stand in")
        if Away.objects.filter(user=user, begins_at__lt=period.ends_at, ends_at__gt=period.begins_at).exists():
            raise UserError("there is an away period in that time already; remove it first")
        Away.objects.create(user=user, begins_at=period.begins_at, ends_at=period.ends_at, stand_in=stand_in)
        said = f"from {iso(period.begins_at)} until {iso(period.ends_at)}, {stand_in or 'nobody'} stands in"
        audit.note("away", user.email, said, by=by, moment=moment)


def remove_away(email: str, begins_at: datetime, *, by: str, moment: datetime) -> None:
    """Take an away period back. UserError where there is none that begins then."""
    with transaction.atomic():
        user = user_of(email)
        if not Away.objects.filter(user=user, begins_at=begins_at).delete()[0]:
            raise UserError(f"{user.email} has no away period that begins at {iso(begins_at)}")
        audit.note("back", user.email, f"the period from {iso(begins_at)} is taken back", by=by, moment=moment)


def user_of(email: str) -> User:
    """The row of a user. UserError where there is none."""
    user = User.objects.select_related("team").filter(email=normal_email(email)).first()
    if user is None:
        raise UserError(f"there is no user {email.strip()!r}; `tocsin users list` shows who there is")
    return user


def _said(name: str, value: Any) -> str:
    """A setting as the audit tells it: times of day by the clock, days by name."""
    if name in CLOCKS:
        return f"{value // 60:02}:{value % 60:02}"
    if name == "work_days":
        return " ".join(DAYS[day] for day in value) or "none"
    return " ".join(value) if isinstance(value, list) else str(value)


def _default(name: str) -> Any:
    return getattr(Preferences(), name)


def _known_country(code: str) -> bool:
    import holidays  # it loads a module for each country

    name, _, part = code.partition("-")
    known = holidays.list_supported_countries()
    return name in known and (not part or part in known[name])
