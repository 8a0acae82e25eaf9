"""Everything that happened at an account, in words and by day: facts, use rolled up by day, and the life of its alerts."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from tocsin.alerts import facade as alerts
from tocsin.alerts.facade import Alert
from tocsin.core.moment import start_of_day
from tocsin.facts import timeline
from tocsin.facts.timeline import Happening, UseOfDay
from tocsin.web import source, tones, words

KINDS = {
    "use": "Use",
    "talk": "Touchpoints",
    "ticket": "Tickets",
    "money": "Money",
    "people": "People",
    "change": "Changes",
    "alert": "Alerts",
}
# Kind of happening -> (family, icon).
_FAMILY = {
    "touchpoint": ("talk", "phone"),
    "meeting": ("talk", "cal"),
    "survey": ("talk", "star"),
    "ticket opened": ("ticket", "ticket"),
    "ticket resolved": ("ticket", "check"),
    "invoice issued": ("money", "invoice"),
    "invoice paid": ("money", "invoice"),
    "opportunity opened": ("money", "trend"),
    "opportunity closed": ("money", "trend"),
    "subscription": ("money", "doc"),
    "integration connected": ("change", "plug"),
    "integration removed": ("change", "plug"),
    "milestone": ("change", "flag"),
    "person added": ("people", "user"),
    "person left": ("people", "user"),
    "change": ("change", "edit"),
}
_TOLD = frozenset({"opened", "acknowledged", "snoozed", "closed", "reopened"})


@dataclass(frozen=True, slots=True)
class Told:
    """One line of the story. `mark`: the severity to show instead of the icon; `alert_id`: what it links to."""

    at: datetime
    family: str
    icon: str
    text: str
    more: str = ""
    time: str = ""
    mark: str = ""
    alert_id: str = ""


@dataclass(frozen=True, slots=True)
class Day:
    """The lines of a day, newest first."""

    title: str
    lines: tuple[Told, ...]


@dataclass(frozen=True, slots=True)
class Telling:
    """A stretch of the story, and the moment before which it goes on; None at its beginning."""

    days: tuple[Day, ...]
    before: datetime | None


def tell(account_id: str, before: datetime, now: datetime, *, kind: str = "") -> Telling:
    """What happened at or before a moment; of one kind only, where one is given."""
    kinds = [name for name, (family, _) in _FAMILY.items() if not kind or family == kind]
    store, until = source.store(), before if before < now else None
    told = source.kept(
        ("happenings", account_id, kind, until),
        lambda: timeline.happenings(store, account_id, before, kinds),
        now,
        beside_events=True,
    )
    used: list[UseOfDay] = []
    if kind in ("", "use"):
        used = source.kept(("use", account_id, until), lambda: timeline.use(store, account_id, before), now)
    facts = timeline.story(told, used)
    zone, currency = source.zone(), source.currency()
    lines = [_happening(each, zone, currency) for each in facts.happenings]
    lines += [_use(each, zone, now) for each in facts.use]
    for alert, entry in alerts.timeline_of_account(account_id) if kind in ("", "alert") else ():
        if entry.kind in _TOLD and entry.at <= before and (facts.until is None or entry.at > facts.until):
            lines.append(_alert(alert, entry.kind, entry.at, entry.by, entry.reason, zone))
    lines.sort(key=lambda line: line.at, reverse=True)
    today = now.astimezone(zone).date()
    by_day: dict[date, list[Told]] = {}
    for line in lines:
        by_day.setdefault(line.at.astimezone(zone).date(), []).append(line)
    return Telling(tuple(Day(words.heading(day, today), tuple(told)) for day, told in by_day.items()), facts.until)


def _happening(each: Happening, zone: ZoneInfo, currency: str) -> Told:
    family, icon = _FAMILY.get(each.kind, ("change", "dots"))
    text, more = _words(each, each.currency.upper() or currency)
    return Told(each.at, family, icon, text, more, "" if each.day else f"{each.at.astimezone(zone):%H:%M}")


def _words(each: Happening, currency: str) -> tuple[str, str]:
    """What a happening says, and what stands below it."""
    amount = words.money(each.amount, currency) if each.amount is not None else ""
    with_whom = f" with {each.who}" if each.who else ""
    by_whom = f", by {each.who}" if each.who else ""
    match each.kind:
        case "touchpoint":
            return words.spoken(each.what) + with_whom, _quote(each.detail)
        case "meeting":
            return f"{words.spoken(each.what)} booked", f"for {each.detail}" if each.detail else ""
        case "ticket opened":
            return f"Ticket opened: {each.what}", f"{each.detail or 'no priority'}{by_whom}"
        case "ticket resolved":
            return f"Ticket resolved: {each.what}", each.detail
        case "invoice issued" | "invoice paid":
            due = "was due" if each.kind == "invoice paid" else "due"
            return f"Invoice of {amount} {each.kind.removeprefix('invoice ')}", f"{due} {each.detail}"
        case "survey":
            whose = f" from {each.who}" if each.who else ""
            return f"{each.what.upper()} {words.figure(each.amount)}{whose}", _quote(each.detail)
        case "integration connected" | "integration removed":
            return f"{words.spoken(each.kind)}: {each.what}", ""
        case "milestone":
            return f"Milestone reached: {each.what}", ""
        case "opportunity opened":
            return f"{words.spoken(each.what)} opportunity opened{f', {amount}' if amount else ''}", each.detail
        case "opportunity closed":
            ended = each.detail or "closed"
            return f"{words.spoken(each.what)} opportunity {ended}{f', {amount}' if amount else ''}", ""
        case "subscription":
            return f"Subscription starts: {each.what or 'a plan'}", f"{amount} a month" if amount else ""
        case "person added" | "person left":
            return f"{each.what} was {'added' if each.kind == 'person added' else 'removed'}", words.spoken(each.detail)
        case "change":
            return f"{words.spoken(each.what)}: {each.detail or 'emptied'}", ""
    return words.spoken(each.kind), each.what


def _use(each: UseOfDay, zone: ZoneInfo, now: datetime) -> Told:
    """A day of use: at its end, so that it stands above what happened within it; today's at its latest event."""
    today = now.astimezone(zone).date()
    people = f"{words.plural(each.people, 'person,people')}, " if each.people else ""
    so_far = " so far" if each.day == today else ""
    at = each.last if each.day == today else start_of_day(each.day + timedelta(days=1), zone) - timedelta(seconds=1)
    often = ", ".join(f"{name} {count:,}" for name, count in each.names)
    time = f"{each.last.astimezone(zone):%H:%M}" if each.day == today else "day"
    return Told(at, "use", "pulse", f"{people}{words.plural(each.events, 'event')}{so_far}", often, time)


def _alert(alert: Alert, kind: str, at: datetime, by: str, reason: str, zone: ZoneInfo) -> Told:
    name = alert.account.name if alert.account else ""
    text = words.headline(alert.message, name)
    done = "alert opened" if kind == "opened" else f"{words.spoken(kind).lower()} by {by}"
    more = f"{done}: {reason}" if reason and kind != "opened" else done
    mark = tones.mark(alert) if kind == "opened" else ""
    return Told(at, "alert", tones.entry_icon(kind), text, more, f"{at.astimezone(zone):%H:%M}", mark, alert.id)


def _quote(text: str) -> str:
    return f"“{text}”" if text else ""
