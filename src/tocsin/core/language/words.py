"""The field's words for names, numbers and durations, for `english`."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import date, datetime, timedelta
from decimal import Decimal
from math import isfinite
from types import MappingProxyType

from tocsin.core.language.nodes import Value
from tocsin.core.moment import DAY, UNITS, iso

_NAMES: Mapping[str, str] = MappingProxyType(
    {
        "account_id": "account",
        "acknowledged_at": "acknowledgement",
        "active_users": "active users",
        "amount_due": "amount due",
        "amount_overdue": "amount overdue",
        "at": "time",
        "booked_at": "booking",
        "cancel_requested_at": "cancellation request",
        "cancelled_at": "cancellation",
        "churned_at": "churn date",
        "closed_at": "closing date",
        "completed_at": "completion",
        "connected_at": "connection",
        "created_at": "creation date",
        "days_past_due": "days past due",
        "days_since_login": "days since the last login",
        "days_since_touchpoint": "days since the last touchpoint",
        "deleted_at": "deletion",
        "disconnected_at": "disconnection",
        "due_on": "due date",
        "ended_on": "end date",
        "expected_on": "expected date",
        "from_at": "start",
        "issued_on": "issue date",
        "onboarding_completed_at": "onboarding completion",
        "onboarding_started_at": "onboarding start",
        "opened_at": "opening",
        "paid_on": "payment date",
        "parent_id": "parent account",
        "person_id": "person",
        "planned_at": "planned time",
        "reached_at": "date reached",
        "renews_on": "renewal date",
        "contract_renews_on": "contract renewal date",
        "resolved_at": "resolution",
        "seats": "seats bought",
        "set_at": "date set",
        "sla_due_at": "SLA due time",
        "stage_entered_at": "stage entry",
        "started_at": "start",
        "starts_on": "start date",
        "term_months": "term in months",
        "to_at": "end",
        "touch_cadence_days": "touch cadence in days",
        "trained_on": "features trained on",
        "trial_ends_on": "trial end",
    }
)
_ACRONYMS = frozenset(["api", "arr", "ces", "crm", "csat", "csm", "id", "kpi", "mrr", "nps", "qbr", "sla", "sso", "url"])
_COLLECTIONS: Mapping[str, str] = MappingProxyType(
    {
        "account_team": "members of the account team",
        "metrics": "measurements",
        "surveys": "survey answers",
    }
)
_SINGULAR: Mapping[str, str] = MappingProxyType(
    {
        "people": "person",
        "opportunities": "opportunity",
        "members of the account team": "member of the account team",
        "survey answers": "survey answer",
    }
)
_WINDOWED = re.compile(r"(.+)_(\d+)([hdw])")
# Names whose values are shares: a plain 0.9 beside them is read as 90 %.
SHARES = frozenset({"license_utilization", "churn_risk", "conversion_likelihood", "expansion_likelihood", "churn_tolerance"})


def name_words(name: str) -> str:
    """`renews_on` -> renewal date, `mrr` -> MRR, `logins_7d` -> logins in the last 7 days, `touch_plan` -> touch plan."""
    if name in _NAMES:
        return _NAMES[name]
    if found := _WINDOWED.fullmatch(name):
        length = int(found[2]) * UNITS[found[3]]
        return f"{name_words(found[1])} in the last {duration_words(length)}"
    words = [word.upper() if word.lower() in _ACRONYMS else word for word in name.split("_") if word]
    return " ".join(words) or name


def plural_name(name: str) -> bool:
    """Whether the words of a name take `are`: seats, active users."""
    found = _WINDOWED.fullmatch(name)
    words = name_words(found[1] if found else name)
    return words in {"seats bought", "seats used"} or bool(re.search(r"(?<![su])s$", words))


def collection_words(name: str, *, one: bool = False) -> str:
    """`tickets`, or one of them: `ticket`."""
    words = _COLLECTIONS.get(name, name.replace("_", " "))
    return _SINGULAR.get(words, words.removesuffix("s")) if one else words


def number_words(value: float) -> str:
    """A number as people write it: 3, 12,000, 0.25; never 3.0 or 1e-07, nor what float sums leave (600.0000000000001)."""
    if not isfinite(value):
        return str(value)
    plain = format(Decimal(f"{value:.12g}"), ",f")
    return plain.rstrip("0").rstrip(".") if "." in plain else plain


def percent_words(share: float) -> str:
    """0.3 -> 30 %."""
    return f"{number_words(round(share * 100, 9))} %"


def duration_words(length: timedelta) -> str:
    """An exact duration: 14 days (of 2w too: it is the same length), 1 day, 36 hours."""
    if length % DAY == timedelta(0):
        return counted(length // DAY, "day")
    hours = length / timedelta(hours=1)
    return counted(hours, "hour")


def counted(amount: float, unit: str) -> str:
    """`1 day`, `14 days`."""
    return f"{number_words(amount)} {unit}{'' if amount == 1 else 's'}"


def value_words(value: Value, *, percent: bool = False) -> str:
    """A constant: numbers, percents, durations, dates; texts in quotes, null as `nothing`."""
    match value:
        case None:
            return "nothing"
        case bool():
            return "true" if value else "false"
        case int() | float():
            return percent_words(value) if percent else number_words(value)
        case timedelta():
            return duration_words(value)
        case datetime():
            return iso(value)
        case date():
            return f"{value.day} {value:%B} {value.year}"
        case str():
            return f"'{value}'"
    return ", ".join(value_words(each) for each in value)


def definite(words: str) -> str:
    """`the renewal date`, but `onboarding start`."""
    return f"the {words}" if words.endswith((" date", " time", " end", " reached")) and not words.startswith("the ") else words
