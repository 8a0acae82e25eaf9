"""One's own settings: hours, quiet, channels, budget, digest; when one is away; and what one was told."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from datetime import date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from tocsin.core.errors import UserError
from tocsin.core.moment import MomentError, day_of, start_of_day, zone_named
from tocsin.core.rules import SEVERITIES
from tocsin.delivery import facade as delivery
from tocsin.people import facade as people
from tocsin.web import source
from tocsin.web.shell import Seen
from tocsin.web.views.settings.frame import part

CLOCKS = ("work_from", "work_to", "quiet_from", "quiet_to", "digest_at")
DAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")


def show(request: Seen) -> dict[str, Any]:
    """What one chose, and what can be chosen."""
    directory = people.directory()
    me = directory[request.user.email]
    chosen: dict[str, Any] = asdict(me.preferences)
    times = {name: clock(chosen[name]) for name in CLOCKS}
    if request.POST.get("act") == "choose":  # it could not be kept: what was typed stays, to be mended
        typed = {name: request.POST[name] for name in (*chosen, *CLOCKS) if name in request.POST}
        times |= {name: typed[name] for name in CLOCKS if name in typed}
        days = [int(day) for day in request.POST.getlist("work_days") if day.isdecimal()]
        chosen |= {**typed, "work_days": days, "channels": request.POST.getlist("channels")}
    ticked = chosen["channels"] or ("email",)
    return {
        "me": me,
        "chosen": chosen,
        "times": times,
        "days": [(number, name, number in chosen["work_days"]) for number, name in enumerate(DAYS)],
        "channels": [
            (each.name, each.title, each.name in ticked, each.disabled_reason)
            for each in delivery.list_channels()
            if each.personal and each.name != "in-app"
        ],
        "away": [_period(each, _zone_of(me), directory) for each in me.away],
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
    zone, given = _zone_of(people.directory()[request.user.email]), request.POST
    first, last = day(given.get("from", ""), "the first day"), day(given.get("until", ""), "the last day")
    begins, ends = start_of_day(first, zone), start_of_day(last + timedelta(days=1), zone)
    period = people.AwayPeriod(begins, ends, given.get("stand_in", ""))
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


def _period(each: people.AwayPeriod, zone: ZoneInfo, directory: Mapping[str, people.Contact]) -> dict[str, Any]:
    """A time of absence by its first and last day, in the zone of who is away."""
    stand_in = directory.get(each.stand_in)
    return {
        "begins": each.begins_at.isoformat(),
        "first": day_of(each.begins_at, zone),
        "last": day_of(each.ends_at - timedelta(microseconds=1), zone),
        "stand_in": stand_in.name if stand_in else each.stand_in,
    }


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


def day(text: str, what: str) -> date:
    """The day of a field."""
    try:
        found = date.fromisoformat(text)
        start_of_day(found + timedelta(days=1), source.zone())  # one at the end of time has no next
    except (ValueError, OverflowError) as error:
        raise UserError(f"{what} is a date") from error
    return found


def _zone_of(me: people.Contact) -> ZoneInfo:
    """Where somebody lives; the workspace's zone, where they say nothing, or a zone that is known no more."""
    try:
        return zone_named(me.preferences.zone) if me.preferences.zone else source.zone()
    except MomentError:
        return source.zone()


view = part("me", show, {"choose": choose, "away": go_away, "back": come_back})
