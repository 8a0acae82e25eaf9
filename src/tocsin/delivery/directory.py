"""People and their calendars as routing sees them, read once for a batch of notices."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from functools import cached_property, lru_cache
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from django.conf import settings

from tocsin.core.moment import MomentError, day_of, zone_named
from tocsin.core.notices import Hearing
from tocsin.core.routing import Person, Plan
from tocsin.core.routing.plan import WORKING_HOURS
from tocsin.core.rules import SEVERITIES
from tocsin.core.schedule import Hours, Quiet
from tocsin.people import facade as people

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tocsin.people.facade import Contact, Preferences

NO_COUNTRY = frozenset[date]()


@dataclass(frozen=True)
class Directory:
    """Everybody on our side, by e-mail in lower case, as of a moment."""

    moment: datetime
    contacts: Mapping[str, Contact]

    @classmethod
    def at(cls, moment: datetime) -> Directory:
        """As people are set up now."""
        return cls(moment, people.directory())

    @cached_property
    def people(self) -> Mapping[str, Person]:
        """For `core.routing.recipients`."""
        return {email: _person(contact, self.moment) for email, contact in self.contacts.items()}

    def zone(self, email: str) -> ZoneInfo:
        """The zone that a person lives in; the workspace's where they say none, or one that is known no more."""
        contact = self.contacts.get(email)
        try:
            return zone_named(contact.preferences.zone or settings.TIME_ZONE) if contact else zone_named(settings.TIME_ZONE)
        except MomentError:
            return zone_named(settings.TIME_ZONE)

    def preferences(self, email: str) -> Preferences:
        """What a person chose; the defaults of somebody unknown."""
        contact = self.contacts.get(email)
        return contact.preferences if contact else people.Preferences()

    def hours(self, email: str) -> Hours:
        """When a person works, public holidays of their country left out."""
        chosen, zone = self.preferences(email), self.zone(email)
        free = holidays_of(chosen.country, day_of(self.moment, zone).year)
        return Hours(zone, frozenset(chosen.work_days), chosen.work_from, chosen.work_to, free)

    def hearing(self, email: str, plan: Plan, active: Sequence[str], mute: Sequence[str], *, through_quiet: bool) -> Hearing:
        """When a person hears by a route with these calendars."""
        chosen, zone = self.preferences(email), self.zone(email)
        quiet = None
        if chosen.quiet_from is not None and chosen.quiet_to is not None:
            quiet = Quiet(zone, chosen.quiet_from, chosen.quiet_to)
        return Hearing(
            least_rank=SEVERITIES.index(chosen.least_severity) if chosen.least_severity in SEVERITIES else 0,
            quiet=quiet,
            active=tuple(self._calendar(name, email, plan) for name in active),
            mute=tuple(self._calendar(name, email, plan) for name in mute),
            through_quiet=through_quiet,
        )

    def _calendar(self, name: str, email: str, plan: Plan) -> Hours:
        given = plan.calendars.get(name)
        if name == WORKING_HOURS or given is None:  # one that a later plan dropped falls back to the person's own
            return self.hours(email)
        zone = self.zone(email)
        free = given.holidays | holidays_of(given.country, day_of(self.moment, zone).year)
        return Hours(zone, given.days, given.start, given.end, free)


@lru_cache(maxsize=64)
def holidays_of(country: str, year: int) -> frozenset[date]:
    """The public holidays of a country in a year and the next; none where the country is not known."""
    if not country:
        return NO_COUNTRY
    import holidays  # it loads a module for each country

    name, _, part = country.partition("-")
    known = holidays.list_supported_countries()
    if name not in known or (part and part not in known[name]):
        return NO_COUNTRY  # one that an older version knew
    return frozenset(holidays.country_holidays(name, subdiv=part or None, years=(year, year + 1)))


def _person(contact: Contact, moment: datetime) -> Person:
    away = next((each for each in contact.away if each.begins_at <= moment < each.ends_at), None)
    return Person(
        email=contact.email,
        name=contact.name,
        role=contact.role,
        team=contact.team,
        manager=contact.manager,
        active=contact.active,
        away_until=away.ends_at if away else None,
        stand_in=away.stand_in if away else "",
    )
