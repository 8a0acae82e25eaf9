"""The week of a team, for each who leads it: on Mondays at the hour of their digest, in their own zone.

It is made by the process that has the facts, as it tells whose health fell; by which ways it goes out is the deliver loop's.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING

from django.db import transaction
from django.db.models import Count

from tocsin.alerts import facade as alerts
from tocsin.alerts.facade import AGES, CLEARED, GONE, SEVERITIES, AlertFilter, OwnerFigures, TeamFigures
from tocsin.core.moment import DAY, day_of
from tocsin.core.schedule import at_minute
from tocsin.delivery import telling, waking
from tocsin.delivery.digests import SPENT, spoken
from tocsin.delivery.directory import Directory
from tocsin.delivery.message import Item, Message, Table
from tocsin.delivery.models import Notice, TeamWeek
from tocsin.delivery.outgoing import put
from tocsin.people import facade as people

if TYPE_CHECKING:
    from tocsin.alerts.facade import Alert
    from tocsin.health.facade import Fall
    from tocsin.people.facade import Contact

WEEK = timedelta(days=7)
LONGEST, DEEPEST = 10, 8  # alerts that nobody has taken, and falls of health, that one message tells
OUTCOMES = {"useful": "Useful", "not_useful": "Not useful", "false_alarm": "False alarm", "": "No outcome said"}
Falls = Callable[[datetime], Sequence["Fall"]]


@dataclass(frozen=True, slots=True)
class Team:
    """Whom somebody leads. names: of teams, () for everybody; members: their e-mails, active, without the leader's own."""

    names: tuple[str, ...]
    members: tuple[str, ...]


def tell_teams(moment: datetime, falls: Falls, address: str = "") -> int:
    """Tell each who leads a team how its week was, where the hour has come; gives how many were told.

    falls: gives the accounts whose health fell in the week before a moment, those that fell most first; asked at most once.
    Who leads for the first time is told from the next Monday on. A week is told once, and the latest one only.
    """
    directory = Directory.at(moment)
    known = dict(TeamWeek.objects.values_list("email", "monday"))
    fallen: Sequence[Fall] | None = None
    told = 0
    for leader, team in _teams(directory.contacts).items():
        monday = _monday(leader, directory, moment)
        if known.get(leader) is None:
            TeamWeek.objects.get_or_create(email=leader, defaults={"monday": monday})
        elif known[leader] < monday:
            if directory.preferences(leader).team_digest == "off":
                TeamWeek.objects.filter(email=leader, monday__lt=monday).update(monday=monday)
                continue
            fallen = falls(moment) if fallen is None else fallen
            told += _tell(leader, team, monday, fallen, directory, moment, address)
    if told:
        waking.after_commit()
    return told


def leads_a_team(email: str) -> bool:
    """Whether somebody is told of a team's week, as they lead one."""
    return email in _teams(people.directory())


def _tell(
    leader: str, team: Team, monday: date, fallen: Iterable[Fall], directory: Directory, moment: datetime, address: str
) -> bool:
    """Tell one of them, unless somebody else just did; False where nothing happened of which to tell."""
    with transaction.atomic():
        if not TeamWeek.objects.filter(email=leader, monday__lt=monday).update(monday=monday):
            return False
        message = message_of(leader, team, monday, fallen, directory, moment, address)
        if message is not None:
            put(uuid.uuid4(), "person", leader, message, directory, moment, immediate=False)
    return message is not None


def message_of(
    leader: str, team: Team, monday: date, fallen: Iterable[Fall], directory: Directory, moment: datetime, address: str
) -> Message | None:
    """How the team's week was; None where nothing is open and nothing happened. monday: of the week that begins."""
    days = directory.preferences(leader).unacknowledged_days
    since = at_minute(monday - WEEK, directory.preferences(leader).digest_at, directory.zone(leader))
    members = frozenset(team.members)
    given = AlertFilter(
        owners=team.members, teams=team.names, seen_by=people.looking_as(directory.contacts[leader].role, leader)
    )
    before = moment - days * DAY
    figures = alerts.team_figures(given, moment, since=since, waiting_before=before, longest=LONGEST)
    over, theirs = _over_budget(team.members, since, moment), [each for each in fallen if each.owner in members]
    if not (figures.open or figures.ended or over or theirs):
        return None
    names = {email: directory.contacts[email].name for email in team.members}
    tables = (
        _standing(figures),
        _by_csm(figures.by_owner, over, names, days),
        _ended(figures.ended),
        _fallen(theirs),
    )
    more = figures.waiting - len(figures.longest)
    return Message(
        kind="team",
        headline=_headline(figures, days),
        items=tuple(_item(each, names) for each in figures.longest),
        held=(f"and {more} more that nobody has acknowledged for {_plural(days, 'day')}",) if more > 0 else (),
        period=f"week from {spoken(monday - WEEK)} to {spoken(monday - DAY)}",
        address=address,
        tables=tuple(each for each in tables if each.rows),
    )


def _teams(contacts: Mapping[str, Contact]) -> dict[str, Team]:
    """E-mail of each who leads -> whom: the teams that they manage, a leader's own, or of a leader without any all people."""
    found: dict[str, Team] = {}
    active = [each for each in contacts.values() if each.active]
    of_team: dict[str, list[Contact]] = {}
    for each in active:
        of_team.setdefault(each.team, []).append(each)
    managed: dict[str, set[str]] = {}
    for name, _, _ in people.teams():
        for each in of_team.get(name, ()):
            managed.setdefault(each.manager, set()).add(name)
    for each in active:
        names = managed.get(each.email, set()) | ({each.team} if each.role == "leader" and each.team else set())
        if not names and each.role != "leader":
            continue
        there = [one for name in names for one in of_team[name]] if names else active
        members = tuple(sorted(one.email for one in there if one.email != each.email))
        if members:
            found[each.email] = Team(tuple(sorted(names)), members)
    return found


def _monday(leader: str, directory: Directory, moment: datetime) -> date:
    """The latest Monday on which their hour has come."""
    zone = directory.zone(leader)
    day = day_of(moment, zone)
    monday = day - day.weekday() * DAY
    return monday if at_minute(monday, directory.preferences(leader).digest_at, zone) <= moment else monday - WEEK


def _over_budget(members: Sequence[str], since: datetime, moment: datetime) -> dict[str, int]:
    """E-mail -> how many notices of the week came with the digest, or not at all, because the budget was spent."""
    rows = Notice.objects.filter(target_kind="person", target__in=members, at__gte=since, at__lt=moment, reason__contains=SPENT)
    return dict(rows.order_by().values_list("target").annotate(n=Count("pk")))


def _headline(figures: TeamFigures, days: int) -> str:
    count = sum(figures.open.values())
    parts = [f"{_plural(count, 'alert')} open" if count else "nothing open"]
    if figures.waiting:
        parts.append(f"{figures.waiting} not acknowledged for {_plural(days, 'day')}")
    resolved = sum(n for outcome, n in figures.ended.items() if outcome not in (CLEARED, GONE))
    if resolved:
        parts.append(f"{resolved} resolved")
    return f"Your team's week: {', '.join(parts)}"


def _standing(figures: TeamFigures) -> Table:
    ages = [name for name, _ in AGES]
    rows = []
    for severity in reversed(SEVERITIES):
        counts = [figures.open.get((severity, age), 0) for age in ages]
        if any(counts):
            rows.append((severity.capitalize(), *(str(count or "") for count in counts), str(sum(counts))))
    return Table("Open alerts, by how long", ("Severity", *ages, "all"), tuple(rows))


def _by_csm(figures: Mapping[str, OwnerFigures], over: Mapping[str, int], names: Mapping[str, str], days: int) -> Table:
    there = {email: figures.get(email, OwnerFigures()) for email in names if email in figures or email in over}
    order = sorted(there, key=lambda email: (-there[email].waiting, -there[email].open, names[email]))
    rows = tuple(
        (
            names[email],
            *(str(n or "") for n in (there[email].open, there[email].waiting, there[email].resolved, over.get(email, 0))),
        )
        for email in order
    )
    note = f"Waiting: not acknowledged for {_plural(days, 'day')}."
    if over:
        note += " Over budget: notices that came with the digest, as the messages at once of the day or week were spent."
    return Table("By CSM", ("CSM", "open", "waiting", "resolved", "over budget"), rows, note=note)


def _ended(ended: Mapping[str, int]) -> Table:
    rows = [(label, str(ended[outcome])) for outcome, label in OUTCOMES.items() if ended.get(outcome)]
    others = ((CLEARED, "Cleared by itself"), (GONE, "The customer or person is gone"))
    rows += [(label, str(ended[because])) for because, label in others if ended.get(because)]
    return Table("What became of alerts", ("Outcome", "alerts"), tuple(rows))


def _fallen(falls: Sequence[Fall]) -> Table:
    shown = falls[:DEEPEST]
    rows = tuple((each.name, f"{each.before:.0f}", f"{each.now:.0f}", f"-{each.points:.0f}") for each in shown)
    paths = tuple(f"/accounts/{each.account_id}/health/" for each in shown)
    more = len(falls) - len(shown)
    note = f"and {_plural(more, 'more account')} whose health fell" if more > 0 else ""
    return Table("Health that fell most", ("Account", "a week ago", "now", "points"), rows, paths, note)


def _item(alert: Alert, names: Mapping[str, str]) -> Item:
    owner = alert.assignee or (alert.account.owner.lower() if alert.account else "")
    return telling.item_of(alert, why=f"nobody has acknowledged it; it is {names[owner]}'s" if owner in names else "")


def _plural(count: int, word: str) -> str:
    return f"{count} {word}{'' if count == 1 else 's'}"
