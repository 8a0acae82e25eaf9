"""How a team stands: what is open and for how long, what nobody has taken, and what became of what was resolved."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from django.db.models import Case, CharField, Count, F, Q, Value, When
from django.db.models.functions import Lower

from tocsin.alerts.reading import KEPT_QUIET, alerts_by_id, filtered
from tocsin.alerts.shapes import LIVE, Alert, AlertFilter

# How long an alert has been open, from new to old, and up to when it counts as such.
AGES: tuple[tuple[str, timedelta | None], ...] = (
    ("under a day", timedelta(days=1)),
    ("1 to 7 days", timedelta(days=7)),
    ("7 to 30 days", timedelta(days=30)),
    ("longer", None),
)
CLEARED = "cleared"  # closed by its rule, and by nobody
GONE = "subject_gone"  # closed as its account churned, or its person was deleted


@dataclass(frozen=True, slots=True)
class OwnerFigures:
    """Of one CSM: alerts that ask something of them, those of these that nobody has taken for too long, and those resolved."""

    open: int = 0
    waiting: int = 0
    resolved: int = 0


@dataclass(frozen=True, slots=True)
class TeamFigures:
    """Of a team.

    open: (severity, age as in `AGES`) -> alerts that ask something of somebody; those that another keeps quiet are left out.
    waiting: open ones that nobody has acknowledged for too long; longest: the gravest of these, then the oldest.
    ended: outcome ('' where none was said, CLEARED where nobody had to, GONE of what was lost) -> alerts closed in the span.
    by_owner: e-mail of the CSM -> theirs.
    """

    open: Mapping[tuple[str, str], int] = field(default_factory=dict)
    waiting: int = 0
    longest: tuple[Alert, ...] = ()
    ended: Mapping[str, int] = field(default_factory=dict)
    by_owner: Mapping[str, OwnerFigures] = field(default_factory=dict)


def team_figures(
    given: AlertFilter, moment: datetime, *, since: datetime, waiting_before: datetime, longest: int
) -> TeamFigures:
    """How the alerts of a team stand at a moment. given: whose, and who looks. since: from when on what closed is counted.

    waiting_before: alerts that opened earlier and that nobody has acknowledged wait too long; so many of them are told of.
    A constant number of queries.
    """
    asking = Q(state__in=LIVE) & ~KEPT_QUIET
    waits = asking & Q(state="open", opened_at__lt=waiting_before)
    ended = Q(state="closed", closed_at__gte=since, closed_at__lt=moment)
    rows = filtered(given).filter(asking | ended)
    ages = [When(opened_at__gt=moment - most, then=Value(name)) for name, most in AGES if most is not None]
    grouped = (
        rows.order_by()
        .annotate(
            owner=Case(
                When(subject_kind="csm", then=F("subject_id")),
                When(~Q(assignee=""), then=F("assignee")),
                default=Lower("account__owner"),
                output_field=CharField(),
            ),
            age=Case(*ages, default=Value(AGES[-1][0]), output_field=CharField()),
            waits=Case(When(waits, then=Value("yes")), default=Value(""), output_field=CharField()),
        )
        .values("owner", "age", "waits", "severity", "state", "outcome", "close_reason")
        .annotate(count=Count("id"))
    )
    standing, became = Counter[tuple[str, str]](), Counter[str]()
    of_owner: dict[str, Counter[str]] = {}
    for row in grouped:
        theirs, count = of_owner.setdefault(row["owner"] or "", Counter()), row["count"]
        if row["state"] == "closed":
            by_hand = row["close_reason"] == "resolved"
            became[row["outcome"] if by_hand else GONE if row["close_reason"] == GONE else CLEARED] += count
            theirs["resolved"] += count if by_hand else 0
        else:
            standing[row["severity"], row["age"]] += count
            theirs["open"] += count
            theirs["waiting"] += count if row["waits"] else 0
    return TeamFigures(
        open=dict(standing),
        waiting=sum(each["waiting"] for each in of_owner.values()),
        longest=_longest(given, waits, longest),
        ended=dict(became),
        by_owner={name: OwnerFigures(each["open"], each["waiting"], each["resolved"]) for name, each in of_owner.items()},
    )


def _longest(given: AlertFilter, waits: Q, count: int) -> tuple[Alert, ...]:
    keys = filtered(given).filter(waits).order_by("-rank", "opened_at", "pk").values_list("pk", flat=True)[:count]
    ids: Sequence[str] = [str(key) for key in keys]
    found = alerts_by_id(ids)
    return tuple(found[each] for each in ids if each in found)
