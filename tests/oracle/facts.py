"""Facts as of a moment, from rows as an import file writes them: what is visible, and which value an attribute has.

Written from the language's definition alone; the column tables below are its own, not the schema's.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from datetime import UTC, date, datetime, timedelta
from typing import Any, TypeAlias
from zoneinfo import ZoneInfo

from tests.oracle.clock import days_between, start_of_day

Row: TypeAlias = Mapping[str, str]
Rows: TypeAlias = Mapping[str, list[dict[str, str]]]
"""Collection -> rows; every cell a text as in CSV, empty where it is null."""

STARTS = {
    "events": "at", "metrics": "at", "touchpoints": "at", "surveys": "at", "meetings": "booked_at", "tickets": "opened_at",
    "invoices": "issued_on", "integrations": "connected_at", "milestones": "started_at", "onboardings": "started_at",
    "goals": "set_at", "subscriptions": "starts_on", "opportunities": "opened_at", "people": "created_at",
    "tasks": "created_at", "accounts": "created_at", "alerts": "opened_at",
}  # fmt: skip
ENDS = {
    "resolved_at", "paid_on", "disconnected_at", "deleted_at", "closed_at", "completed_at", "reached_at", "ended_on",
    "cancelled_at", "churned_at", "cancel_requested_at", "onboarding_completed_at", "acknowledged_at",
}  # fmt: skip
CLOSING = {
    "tickets": "resolved_at", "invoices": "paid_on", "integrations": "disconnected_at", "milestones": "reached_at",
    "onboardings": "completed_at", "goals": "reached_at", "subscriptions": "ended_on", "opportunities": "closed_at",
    "people": "deleted_at", "tasks": "completed_at", "meetings": "cancelled_at", "accounts": "churned_at",
    "alerts": "closed_at",
}  # fmt: skip
TOLD_BY = {
    ("opportunities", "outcome"): "closed_at",
    ("accounts", "churn_reason"): "churned_at",
    ("alerts", "outcome"): "closed_at",
}
NUMBERS = {
    "seats",
    "seats_used",
    "mrr",
    "minutes",
    "value",
    "score",
    "amount",
    "sentiment",
    "touch_cadence_days",
    "term_months",
    "capacity",
    "churn_tolerance",
}
TRUTHS = {"internal", "auto_renew", "active"}
LISTS = {"trained_on", "roles", "also_accounts"}
FROM_SUBSCRIPTIONS = {"plan", "seats", "mrr", "renews_on"}
_OF_ACCOUNTS = (
    "id name owner plan product segment lifecycle_stage status seats seats_used mrr currency created_at onboarding_started_at "
    "onboarding_completed_at stage_entered_at trial_ends_on renews_on cancel_requested_at churned_at churn_reason "
    "touch_cadence_days parent_id region industry internal"
)
_OF_PEOPLE = "id account_id name email role roles internal created_at deleted_at trained_on"
DECLARED = {"accounts": set(_OF_ACCOUNTS.split()), "people": set(_OF_PEOPLE.split())}
HISTORIES = {"accounts": ("account_history", "account_id"), "people": ("people_history", "person_id")}


class Facts:
    """Rows, and how they look as of a moment, in a workspace's zone."""

    def __init__(self, rows: Rows, zone: ZoneInfo) -> None:
        self.rows = rows
        self.zone = zone
        self.accounts = {row["id"]: row for row in rows.get("accounts", []) if row.get("internal") != "true"}
        everyone = rows.get("people", [])
        self.own_people = {row["id"] for row in everyone if row.get("internal") == "true"}
        self.people = {
            row["id"]: row for row in everyone if row["id"] not in self.own_people and row["account_id"] in self.accounts
        }
        self.customs = {collection: self._customs(collection) for collection in DECLARED}

    # Values

    def instant(self, value: date | datetime) -> datetime:
        """An instant; of a date, the start of that day."""
        return value if isinstance(value, datetime) else start_of_day(value, self.zone)

    def read(self, text: str | None, kind: str) -> Any:
        """A cell as its type; null where it is empty."""
        if not text:
            return None
        if kind == "number":
            return float(text)
        if kind == "boolean":
            return text.lower() == "true"
        if kind == "date":
            return date.fromisoformat(text)
        if kind == "time":
            return self._time(text)
        return json.loads(text) if kind in ("list", "json") else text

    def _time(self, text: str) -> datetime:
        if re.fullmatch(r"\d{4}-\d{2}-\d{2}", text):
            return start_of_day(date.fromisoformat(text), self.zone)
        parsed = datetime.fromisoformat(text)
        return parsed.astimezone(UTC) if parsed.tzinfo else parsed.replace(tzinfo=UTC)

    def kind(self, collection: str, name: str) -> str:
        """The type of a column: by its name, of custom ones by all their values."""
        if collection in DECLARED and name not in DECLARED[collection]:
            return self.customs[collection].get(name, "unknown")
        if name in NUMBERS:
            return "number"
        if name in TRUTHS:
            return "boolean"
        if name in LISTS:
            return "list"
        if name == "properties":
            return "json"
        return "time" if name == "at" or name.endswith("_at") else "date" if name.endswith("_on") else "text"

    def _customs(self, collection: str) -> dict[str, str]:
        """tier, risk and custom attributes: boolean, number, date or time where all values are, else text."""
        values: dict[str, list[str]] = {"risk": [], "tier": []} if collection == "accounts" else {}
        cells = [cell for row in self.rows.get(collection, []) for cell in row.items()]
        history, _ = HISTORIES[collection]
        cells += [(row["field"], row.get("value", "")) for row in self.rows.get(history, [])]
        for name, value in cells:
            if name not in DECLARED[collection]:
                values.setdefault(name, []).extend([value] if value else [])
        return {name: _type_of(given) for name, given in values.items()}

    # Attributes

    def entries(self, collection: str, subject: str, name: str, moment: datetime | None = None) -> list[tuple[datetime, str]]:
        """The history of an attribute up to a moment, in order; of two entries at one instant the greater text counts."""
        history, owner = HISTORIES[collection]
        if collection == "accounts" and name in FROM_SUBSCRIPTIONS and self._subscriptions(subject):
            return self._given(subject, name, moment)
        found: dict[datetime, str] = {}
        for row in self.rows.get(history, []):
            at = self._time(row["at"])
            if row[owner] == subject and row["field"] == name and (moment is None or at <= moment):
                found[at] = max(found.get(at, ""), row.get("value", ""))
        return sorted(found.items())

    def attribute(self, collection: str, row: Row, name: str, moment: datetime) -> Any:
        """The value of an attribute of an account or person as of a moment."""
        kind, subject = self.kind(collection, name), row["id"]
        past = self.entries(collection, subject, name, moment)
        if (collection, name) == ("accounts", "status") and not past:
            return self._status(row, moment)
        recorded = bool(self.entries(collection, subject, name))
        text = (past[-1][1] if past else "") if recorded else row.get(name, "")
        value = self.read(text, kind)
        if name in ENDS and value is not None and self.instant(value) > moment:
            return None
        told_by = TOLD_BY.get((collection, name))
        return None if told_by and self.attribute(collection, row, told_by, moment) is None else value

    def _status(self, row: Row, moment: datetime) -> str:
        if self.attribute("accounts", row, "churned_at", moment) is not None:
            return "churned"
        if self.attribute("accounts", row, "cancel_requested_at", moment) is not None:
            return "cancelling"
        trial = self.attribute("accounts", row, "trial_ends_on", moment)
        return "trial" if trial is not None and moment < self.instant(trial) else "active"

    def turned(self, collection: str, row: Row, name: str, moment: datetime) -> tuple[datetime | None, Any]:
        """(when an attribute took its present value, the value before), null where that is not known."""
        kind = self.kind(collection, name)
        turns: list[tuple[datetime, Any]] = []
        for at, text in self.entries(collection, row["id"], name, moment):
            value = self.read(text, kind)
            if not turns or turns[-1][1] != value:
                turns.append((at, value))
        if turns:
            return turns[-1][0], turns[-2][1] if len(turns) > 1 else None
        came_with_stage = (collection, name) == ("accounts", "lifecycle_stage") and bool(row.get(name))
        came_with_stage = came_with_stage and not self.entries(collection, row["id"], name)
        entered = self.attribute(collection, row, "stage_entered_at", moment) if came_with_stage else None
        return (entered if entered is not None and entered <= moment else None), None

    # Subscriptions

    def _subscriptions(self, account: str) -> list[dict[str, str]]:
        return [row for row in self.rows.get("subscriptions", []) if row["account_id"] == account]

    def _given(self, account: str, name: str, moment: datetime | None) -> list[tuple[datetime, str]]:
        """What subscriptions give, at each instant at which one starts or ends."""
        mine = self._subscriptions(account)
        days = {row[column] for row in mine for column in ("starts_on", "ended_on") if row.get(column)}
        found = []
        for day in sorted(days):
            at = self._time(day)
            if moment is None or at <= moment:
                active = [row for row in mine if row["starts_on"] <= day and (not row.get("ended_on") or row["ended_on"] > day)]
                found.append((at, _summed(active, name)))
        return found

    # Rows

    def of_account(self, collection: str, account: str) -> list[dict[str, str]]:
        """An account's rows, without those of people who are left out."""
        own = "id" if collection == "people" else "person_id"
        return [
            row
            for row in self.rows.get(collection, [])
            if row.get("account_id") == account and row.get(own) not in self.own_people
        ]

    def of_person(self, collection: str, person: str) -> list[dict[str, str]]:
        """A person's rows."""
        return [row for row in self.rows.get(collection, []) if row.get("person_id") == person]

    def start(self, collection: str, row: Row) -> datetime | None:
        """The instant at which a row starts; None where it has none."""
        column = STARTS[collection]
        value = self.read(row.get(column), self.kind(collection, column))
        return None if value is None else self.instant(value)

    def exists(self, collection: str, row: Row, moment: datetime) -> bool:
        """Whether a row exists as of a moment."""
        start = self.start(collection, row)
        return start is None or start <= moment

    def column(self, collection: str, row: Row, name: str, moment: datetime) -> Any:
        """A column of a row as of a moment: ends masked, derived columns too; of a person, the attribute."""
        now = moment.astimezone(self.zone).date()
        if name == "age":
            start = self.start(collection, row)
            return None if start is None else days_between(start, moment)
        if name == "open":
            return self.column(collection, row, CLOSING[collection], moment) is None
        if name == "amount_due":
            unpaid = self.column(collection, row, "paid_on", moment) is None
            return self.column(collection, row, "amount", moment) if unpaid else 0.0
        if name == "days_past_due":
            due = self.column(collection, row, "due_on", moment)
            unpaid = self.column(collection, row, "paid_on", moment) is None
            return float(max((now - due).days, 0)) if unpaid else 0.0
        if name == "overdue":
            if self.column(collection, row, "completed_at", moment) is not None:
                return False
            due = self.column(collection, row, "due_on", moment)
            return None if due is None else now > due
        if collection in DECLARED:
            return self.attribute(collection, row, name, moment)
        if (collection, name) == ("events", "minutes"):
            return self._minutes(row, moment)
        value = self.read(row.get(name), self.kind(collection, name))
        if name in ENDS and value is not None and self.instant(value) > moment:
            return None
        told_by = TOLD_BY.get((collection, name))
        return None if told_by and self.column(collection, row, told_by, moment) is None else value

    def _minutes(self, row: Row, moment: datetime) -> float | None:
        """The minutes of an event: as given; by sessions where no event up to the moment gives any."""
        events = self.rows.get("events", [])
        if any(each.get("minutes") and self._time(each["at"]) <= moment for each in events):
            return float(row["minutes"]) if row.get("minutes") else None
        if not row.get("person_id"):
            return None
        own = ("account_id", "person_id")
        theirs = [each for each in events if all(each[key] == row[key] for key in own)]
        before = [
            place for each in theirs if (place := (self._time(each["at"]), each["id"])) < (self._time(row["at"]), row["id"])
        ]
        gap = (self._time(row["at"]) - max(before)[0]) / timedelta(minutes=1) if before else 31.0
        return gap if gap <= 30 else 0.0


def _summed(active: Iterable[Mapping[str, str]], name: str) -> str:
    """What subscriptions in force give: sums of seats and mrr, the plan of the greatest mrr, the nearest renewal."""
    rows = list(active)
    if name == "plan":
        ranked = sorted(rows, key=lambda row: (float(row.get("mrr") or "-inf"), row["starts_on"], row["id"]))
        return ranked[-1].get("plan", "") if ranked else ""
    given = [row[name] for row in rows if row.get(name)]
    if name == "renews_on":
        return min(given, default="")
    return repr(sum(map(float, given))) if given else ""


def _type_of(values: list[str]) -> str:
    if not values:
        return "unknown"
    forms = {
        "boolean": r"(?i:true|false)",
        "number": r"[-+]?\d+(\.\d+)?",
        "date": r"\d{4}-\d{2}-\d{2}",
        "time": r"\d{4}-\d{2}-\d{2}T.*",
    }
    return next((kind for kind, form in forms.items() if all(re.fullmatch(form, value) for value in values)), "text")
