"""How many immediate notices a person gets: so many a week and a day, in their own zone; the rest comes with the digest.

What is critical goes out all the same. A message counts once, by however many channels it goes.
"""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from django.db.models import Count, Q

from tocsin.core.moment import floor_day
from tocsin.core.rules import SEVERITIES
from tocsin.core.schedule import start_of_week
from tocsin.delivery.models import Delivery

if TYPE_CHECKING:
    from tocsin.delivery.directory import Directory

ALWAYS = SEVERITIES.index("critical")


def spent(email: str, directory: Directory, moment: datetime) -> str:
    """Why a person gets no immediate notice any more, in words; '' while there is room."""
    chosen, zone = directory.preferences(email), directory.zone(email)
    week, day = start_of_week(moment, zone), floor_day(moment, zone)
    sent = Delivery.objects.filter(target_kind="person", target=email, immediate=True, created_at__gte=week)
    counts = sent.aggregate(
        week=Count("flush", distinct=True), day=Count("flush", distinct=True, filter=Q(created_at__gte=day))
    )
    if counts["day"] >= chosen.daily_cap:
        return f"the day's {chosen.daily_cap} immediate notices are spent"
    if counts["week"] >= chosen.weekly_budget:
        return f"the week's {chosen.weekly_budget} immediate notices are spent"
    return ""
