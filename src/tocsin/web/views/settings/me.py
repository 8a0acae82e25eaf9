"""One's own settings: hours, quiet, channels, budget, digest; when one is away; and what one was told."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import Any

from tocsin.core.errors import UserError
from tocsin.core.moment import start_of_day
from tocsin.core.rules import SEVERITIES
from tocsin.delivery import facade as delivery
from tocsin.people import facade as people
from tocsin.web import source
from tocsin.web.shell import Seen
from tocsin.web.views.settings.frame import part

DAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")


def show(request: Seen) -> dict[str, Any]:
    """What one chose, and what can be chosen."""
    directory = people.directory()
    me = directory[request.user.email]
    return {
        "me": me,
        "chosen": me.preferences,
        "times": {
            name: clock(getattr(me.preferences, name))
            for name in ("work_from", "work_to", "quiet_from", "quiet_to", "digest_at")
        },
        "days": [(number, name, number in me.preferences.work_days) for number, name in enumerate(DAYS)],
        "channels": [
            (each.name, each.title, each.name in (me.preferences.channels or ("email",)), each.disabled_reason)
            for each in delivery.list_channels()
            if each.personal and each.name != "in-app"
        ],
        "severities": SEVERITIES,
        "leads": delivery.leads_a_team(me.email),
        "colleagues": [each for each in directory.values() if each.active and each.email != me.email],
        "workspace_zone": source.zone().key,
    }


def choose(request: Seen) -> str:
    """Keep what was chosen."""
    given, before = request.POST, people.directory()[request.user.email].preferences
    chosen = people.Preferences(
        zone=given.get("zone", "").strip(),
        work_days=tuple(sorted(int(day) for day in given.getlist("work_days") if day.isdecimal() and len(day) == 1)),
        work_from=minute(given.get("work_from", ""), "the beginning of your working hours"),
        work_to=minute(given.get("work_to", ""), "the end of your working hours"),
        quiet_from=minute(given["quiet_from"], "the beginning of your quiet hours") if given.get("quiet_from") else None,
        quiet_to=minute(given["quiet_to"], "the end of your quiet hours") if given.get("quiet_to") else None,
        country=given.get("country", "").strip().upper(),
        channels=tuple(given.getlist("channels")) or ("in-app",),  # that is the one that nobody can do without
        weekly_budget=whole(given.get("weekly_budget", ""), "the budget of a week"),
        daily_cap=whole(given.get("daily_cap", ""), "the most of a day"),
        digest=given.get("digest", ""),
        digest_at=minute(given.get("digest_at", ""), "the time of the digest"),
        least_severity=given.get("least_severity", ""),
        team_digest=given.get("team_digest", before.team_digest),
        unacknowledged_days=whole(given.get("unacknowledged_days", str(before.unacknowledged_days)), "the days of waiting"),
    )
    delivery.choose_preferences(request.user.email, chosen, by=request.user.email, moment=source.now())
    return "Your settings are kept"


def go_away(request: Seen) -> str:
    """Say that one is away."""
    begins, ends = day(request.POST.get("from", ""), "the first day"), day(request.POST.get("until", ""), "the last day")
    period = people.AwayPeriod(begins, ends + timedelta(days=1), request.POST.get("stand_in", ""))
    people.add_away(request.user.email, period, by=request.user.email, moment=source.now())
    return "It is noted; who stands in is told meanwhile"


def come_back(request: Seen) -> str:
    """Take a period back."""
    try:
        begins = datetime.fromisoformat(request.POST.get("begins", ""))
    except ValueError as error:
        raise UserError("which period is meant cannot be read") from error
    people.remove_away(request.user.email, begins, by=request.user.email, moment=source.now())
    return "The period is taken back"


def clock(minutes: int | None) -> str:
    """A minute of the day as a field of time holds it."""
    return "" if minutes is None else "23:59" if minutes == 1440 else f"{minutes // 60:02}:{minutes % 60:02}"


def minute(text: str, what: str) -> int:
    """The minute of the day of a field of time; its last minute is the end of the day."""
    hours, _, minutes = text.partition(":")
    if not (hours.isdecimal() and minutes.isdecimal() and int(hours) < 24 and int(minutes) < 60):
        raise UserError(f"{what} is a time such as 09:00")
    found = int(hours) * 60 + int(minutes)
    return 1440 if found == 1439 else found


def whole(text: str, what: str) -> int:
    """A number of a field."""
    if not (text.isdecimal() and len(text) < 6):
        raise UserError(f"{what} is a whole number")
    return int(text)


def day(text: str, what: str) -> datetime:
    """The start of the day of a field, in the workspace's zone."""
    try:
        return start_of_day(date.fromisoformat(text), source.zone())
    except (ValueError, OverflowError) as error:
        raise UserError(f"{what} is a date") from error


view = part("me", show, {"choose": choose, "away": go_away, "back": come_back})
