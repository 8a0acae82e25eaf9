"""Signed links in messages: each does one thing to one alert as one person, until it expires.

Following a link shows a page and changes nothing, as programs that scan mail follow links too; its button does it. A link is
used up when there is nothing left to do: the alert is acknowledged or closed.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from django.core import signing

from tocsin.alerts import facade as alerts
from tocsin.alerts.facade import Alert
from tocsin.core.errors import UserError
from tocsin.delivery import acting, telling
from tocsin.delivery.acting import Done
from tocsin.delivery.channels import wording
from tocsin.people import facade as people
from tocsin.people.facade import Person

LASTS = timedelta(days=14)
_SALT = "tocsin.delivery.links"
LONGEST = 1000  # characters of a token


NOT_OURS = "This link is not valid", "Tocsin did not make it, or not all of it arrived: copy it whole from the message."
EXPIRED = "This link has expired", f"Links in messages work for {LASTS.days} days, and this one is older."
GONE = "This link leads nowhere", "The alert that it was about is there no more."
NOT_YOURS = "This link no longer works for you"


class DeadLinkError(UserError):
    """The link cannot be followed. title: what is so, in a few words; the message says why."""

    def __init__(self, title: str, reason: str) -> None:
        super().__init__(reason)
        self.title = title


@dataclass(frozen=True, slots=True)
class Link:
    """What a link does. act: one of `acting.ACTS`; person: their e-mail."""

    act: str
    alert_id: str
    person: str
    expires: datetime


@dataclass(frozen=True, slots=True)
class Opened:
    """A link that was followed. over: why nothing is left to do, '' where its button may be pressed.

    lines: of the evidence, as text, value, and what it was compared with. until: of a snooze, when it would end.
    """

    link: Link
    person: Person
    alert: Alert
    over: str
    lines: tuple[tuple[str, str, str], ...] = ()
    until: datetime | None = None


def make(act: str, alert_id: str, person: str, *, moment: datetime, lasts: timedelta = LASTS) -> str:
    """The path of a link, from the root."""
    until = int((moment + lasts).timestamp())
    token = _signer().sign_object([act, alert_id, person, until])
    return f"/links/{token}/"


def read(token: str, *, moment: datetime) -> Link:
    """What a link does. DeadLinkError where it is not one of ours, or too old."""
    if len(token) > LONGEST:
        raise DeadLinkError(*NOT_OURS)
    try:
        act, alert_id, person, until = _signer().unsign_object(token)
        link = Link(str(act), str(alert_id), str(person), datetime.fromtimestamp(int(until), UTC))
    except (signing.BadSignature, ValueError, TypeError, OverflowError, OSError) as error:  # the last two: no such time
        raise DeadLinkError(*NOT_OURS) from error
    if link.expires <= moment or link.act not in acting.ACTS:
        raise DeadLinkError(*EXPIRED)
    return link


def follow(token: str, *, moment: datetime) -> Opened:
    """What the page of a link shows; changes nothing. DeadLinkError where it cannot be followed (any more)."""
    link = read(token, moment=moment)
    try:
        alert = alerts.alert(link.alert_id)
    except UserError as error:
        raise DeadLinkError(*GONE) from error
    try:
        person = acting.may(people.person(link.person), alert)
    except acting.NotAllowedError as error:
        sentence = str(error)
        raise DeadLinkError(NOT_YOURS, f"{sentence[:1].upper()}{sentence[1:]}.") from error
    lines = tuple((each.text, each.value, wording.comparison(each)) for each in telling.item_of(alert).lines)
    span = acting.SPANS.get(link.act)
    return Opened(link, person, alert, acting.standing(alert, link.act), lines, moment + span if span else None)


def act(token: str, *, moment: datetime, outcome: str = "", note: str = "") -> Done:
    """Do what a link is for, as its person. DeadLinkError: it cannot be followed; UserError: nothing is left to do."""
    opened = follow(token, moment=moment)
    link = opened.link
    return acting.perform(link.act, link.alert_id, by=opened.person.email, moment=moment, outcome=outcome, note=note)


def _signer() -> signing.Signer:
    return signing.Signer(salt=_SALT)
