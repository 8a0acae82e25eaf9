"""What the people of the demo do with their alerts between two sweeps: some are taken up, some resolved, some put off."""

from __future__ import annotations

import random
from datetime import datetime, timedelta

from tocsin.alerts import facade
from tocsin.people import facade as people
from tocsin.people.facade import Person

ACTS_A_WEEK = 150  # of a large book: the demo is to be ready soon
NOTES = (
    ("useful", "Called the champion; a training is booked."),
    ("useful", "Agreed on a get-well plan with the sponsor."),
    ("useful", "Escalated to support, and told the customer."),
    ("not_useful", "Known, and planned for."),
    ("false_alarm", "They were on their company holiday."),
)


def live_a_week(moment: datetime, seed: int) -> None:
    """Acts of the days after a sweep, the same for the same seed and alerts."""
    draw = random.Random(f"{seed} {moment.date()}")  # noqa: S311 - a demo, and reproducible
    fresh = [alert for alert in facade.list_alerts(facade.AlertFilter(states=("open",))) if alert.account]
    for alert in sorted(fresh, key=lambda each: int(each.id))[:ACTS_A_WEEK]:
        owner = (alert.account.owner if alert.account else "") or "csm"
        at = moment + timedelta(hours=draw.uniform(2, 120))
        chance = draw.random()
        if chance < 0.18:
            facade.acknowledge(alert.id, by=owner, moment=at)
        elif chance < 0.28:
            outcome, note = draw.choice(NOTES)
            facade.resolve(alert.id, by=owner, moment=at, outcome=outcome, note=note)
        elif chance < 0.32:
            facade.snooze(alert.id, until=at + timedelta(days=draw.choice((3, 7, 14))), by=owner, moment=at)


def busiest_csm() -> Person | None:
    """The CSM with the most live alerts."""
    counts: dict[str, int] = {}
    for alert in facade.list_alerts(facade.AlertFilter(states=("open", "acknowledged"))):
        if alert.account:
            counts[alert.account.owner.lower()] = counts.get(alert.account.owner.lower(), 0) + 1
    known = {each.email: each for each in people.people() if each.role == "csm"}
    owners = sorted((owner for owner in counts if owner in known), key=lambda owner: (-counts[owner], owner))
    return known[owners[0]] if owners else None
