"""Acting on an alert from outside of the pages, by a link in a mail or a button in Slack: always as a person, with checks."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from tocsin.alerts import facade as alerts
from tocsin.alerts.facade import Alert
from tocsin.core.errors import UserError
from tocsin.people import facade as people
from tocsin.people.facade import Person

# What can be done -> how it is said on a button.
ACTS = {
    "acknowledge": "Acknowledge",
    "snooze-day": "Snooze for a day",
    "snooze-week": "Snooze for a week",
    "resolve": "Resolve",
}
SPANS = {"snooze-day": timedelta(days=1), "snooze-week": timedelta(days=7)}
LONGEST_NOTE = 2000


@dataclass(frozen=True, slots=True)
class Done:
    """What was done. sentence: for who did it; state: as a line for all who read along, `Acknowledged by Ann`."""

    alert: Alert
    sentence: str
    state: str


class NotAllowedError(UserError):
    """The person may not do it."""


def may(person: Person | None, alert: Alert) -> Person:
    """The person, where they may change this alert. NotAllowedError says why not."""
    if person is None or not person.active:
        raise NotAllowedError("you are no active user of Tocsin; ask an administrator")
    if person.role not in people.ACTS:
        raise NotAllowedError("you may look at alerts, not change them; an administrator can change your role")
    if alert.subject_kind == "csm" and not people.sees_csm(person.role, person.email, alert.subject_id):
        raise NotAllowedError("this alert is about a CSM, and for those who lead")
    return person


def standing(alert: Alert, act: str) -> str:
    """Why nothing is left to do of an act, in a sentence; '' where it can be done."""
    if alert.state == "closed":
        return _closed(alert)
    if alert.state == "held":
        return "This alert is held for review, and nobody has been told of it."
    if alert.state == "acknowledged" and act == "acknowledge":
        return f"This alert is acknowledged already, by {_name(alert.acknowledged_by)}."
    return ""


def _closed(alert: Alert) -> str:
    """How an alert came to its end. alert: with its timeline."""
    last = next((each for each in reversed(alert.timeline) if each.kind == "closed"), None)
    if alert.close_reason == "cleared":
        return "This alert has cleared by itself."
    if alert.close_reason != "resolved" or last is None:
        return "This alert is closed already."
    return f"This alert is resolved already, by {_name(last.by)}."


def _name(email: str) -> str:
    found = people.person(email)
    return found.name if found else email


def perform(act: str, alert_id: str, *, by: str, moment: datetime, outcome: str = "", note: str = "") -> Done:
    """Do it as that person. UserError where they may not, where there is no such alert, or where it can be done no more."""
    if act not in ACTS:
        raise UserError(f"unknown act {act!r}; there are {', '.join(ACTS)}")
    alert = alerts.alert(alert_id)
    person = may(people.person(by), alert)
    over = standing(alert, act)
    if over:
        raise UserError(f"{over[:1].lower()}{over[1:].removesuffix('.')}")
    said = note.replace("\0", "").strip()[:LONGEST_NOTE]  # which not every database takes
    if act == "acknowledge":
        done = alerts.acknowledge(alert_id, by=person.email, moment=moment, note=said)
        return Done(done, "Acknowledged: nobody is reminded of it any more.", f"Acknowledged by {person.name}")
    if act == "resolve":
        done = alerts.resolve(alert_id, by=person.email, moment=moment, outcome=outcome, note=said)
        worth = f" as {outcome.replace('_', ' ')}" if outcome else ""
        return Done(done, f"Resolved{worth}.", f"Resolved{worth} by {person.name}")
    done = alerts.snooze(alert_id, until=moment + SPANS[act], by=person.email, moment=moment, note=said)
    span = "a day" if act == "snooze-day" else "a week"
    return Done(done, f"Silent for {span}; if it still stands then, it comes back.", f"Snoozed for {span} by {person.name}")
