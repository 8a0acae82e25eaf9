"""Small random books of business, with instants on and a second beside the borders that formulas ask about.

Everything is drawn from a `random.Random`: a plain one for speed, or hypothesis's, which then shrinks what fails.
"""

from __future__ import annotations

import csv
import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from random import Random
from zoneinfo import ZoneInfo

from tests.oracle.clock import start_of_day, today
from tests.oracle.facts import Rows

# Each zone with a day near which its clocks change (in Havana and Beirut at midnight).
ZONES = {
    "UTC": date(2026, 3, 1),
    "Europe/Berlin": date(2026, 3, 29),
    "America/Los_Angeles": date(2025, 11, 2),
    "America/Havana": date(2026, 3, 8),
    "Asia/Beirut": date(2026, 3, 29),
}
BACK = [timedelta(0), *(timedelta(days=days) for days in (1, 2, 7, 14, 21, 28, 30, 60)), timedelta(hours=36)]
TEXTS = ["a", "B", "login", "it's", "Zebra", "ä"]
FEATURES = ["reports", "api", "Export"]
STAGES = ["Onboarding", "Adoption", "Renewal"]
OURS = ["ann@ours.example", "Ann@Ours.example", "bob@ours.example", "Cy"]  # owners and assignees, as files write them
TEAMS = ["East", "west"]
STATUSES = ["trial", "active", "cancelling", "churned"]
_TELLING = {"text": "gold"}  # a value that only this type has


@dataclass
class Book:
    """Rows as an import writes them, in a zone, and moments at which to ask."""

    zone: ZoneInfo
    rows: dict[str, list[dict[str, str]]]
    moments: list[datetime]
    typed: dict[str, str]  # the types of tier and of the custom attribute of accounts

    def write(self, folder: Path) -> list[Path]:
        """The rows as CSV files, named after their collections."""
        return write_rows(self.rows, folder)


def write_rows(rows: Rows, folder: Path) -> list[Path]:
    """Rows as CSV files, named after their collections; a collection without rows has no file."""
    folder.mkdir(parents=True, exist_ok=True)
    paths = []
    for collection, found in rows.items():
        if not found:
            continue
        columns = list(dict.fromkeys(name for row in found for name in row))
        paths.append(folder / f"{collection}.csv")
        with paths[-1].open("w", encoding="utf-8", newline="") as file:
            writer = csv.DictWriter(file, columns, restval="")
            writer.writeheader()
            writer.writerows(found)
    return paths


def make_book(r: Random, zone_name: str | None = None) -> Book:
    """A book of a few accounts with rows in every collection."""
    name = zone_name or r.choice(sorted(ZONES))
    return _Maker(r, ZoneInfo(name), ZONES[name]).book()


class _Maker:
    def __init__(self, r: Random, zone: ZoneInfo, near: date) -> None:
        self.r, self.zone = r, zone
        day = near + timedelta(days=r.randrange(-1, 40))
        hours = r.choice([timedelta(0), timedelta(hours=9, minutes=30), timedelta(hours=23, minutes=59, seconds=59)])
        self.moment = start_of_day(day, zone) + hours
        self.number = 0
        self.timed = self.moment.toordinal() % 5 < 3  # whether the source of events gives minutes

    # Cells

    def maybe(self, value: str, share: float = 0.7) -> str:
        return value if self.r.random() < share else ""

    def instant(self) -> datetime:
        """A window border before the moment, or the start of a day there, or a second beside either; sometimes ahead."""
        r = self.r
        at = self.moment - r.choice(BACK)
        if r.random() < 0.3:
            at = start_of_day(today(at, self.zone), self.zone)
        if r.random() < 0.15:
            at = self.moment + r.choice([timedelta(days=1), timedelta(days=20), timedelta(hours=1)])
        return at + timedelta(seconds=r.choice([-1, 0, 0, 1]))

    def time(self) -> str:
        at = self.instant()
        if self.r.random() < 0.2:
            return today(at, self.zone).isoformat()
        return at.astimezone(self.r.choice([UTC, self.zone])).isoformat()

    def day(self) -> str:
        return (today(self.instant(), self.zone) + timedelta(days=self.r.choice([-1, 0, 0, 0, 1, 14]))).isoformat()

    def amount(self) -> str:
        return self.r.choice(["0", "1", "2.5", "10", "100", "1000", "-3"])

    def text(self) -> str:
        return self.r.choice(TEXTS)

    def id(self, prefix: str) -> str:
        """Ids whose order by code point is not that of their making."""
        self.number += 1
        return f"{self.r.choice('aZ')}{prefix}{self.number}"

    def typed(self, kind: str) -> str:
        r = self.r
        makers: dict[str, Callable[[], str]] = {
            "number": lambda: r.choice(["1", "2", "3", "2.50"]),
            "text": lambda: r.choice(["1", "gold", "Silver"]),
            "boolean": lambda: r.choice(["true", "false"]),
            "date": self.day,
            "time": lambda: self.instant().isoformat(),
        }
        return makers[kind]()

    # Rows

    def book(self) -> Book:
        r = self.r
        tier, band = r.choice(["number", "text"]), r.choice(["number", "text", "boolean", "date", "time"])
        accounts = [
            self.account(f"{prefix}{n}", tier, band) for n, prefix in enumerate(["acc", "B", "Acc", "zed"][: r.randrange(1, 5)])
        ]
        accounts[0] |= {"tier": _TELLING.get(tier, "1"), "band": _TELLING.get(band) or self.typed(band)}  # the type shows
        ids = [row["id"] for row in accounts]
        people = [self.person(r.choice(ids)) for _ in range(r.randrange(1, 6))]
        people[0]["level"] = "1"
        rows = {"accounts": accounts, "people": people}
        rows["account_history"] = [self.change("account_id", r.choice(ids), tier, band) for _ in range(r.randrange(14))]
        of_people = [row["id"] for row in people]
        rows["people_history"] = [self.person_change(r.choice(of_people)) for _ in range(r.randrange(5))]
        makers = {
            "events": (self.event, 16), "metrics": (self.metric, 4), "touchpoints": (self.touchpoint, 5),
            "meetings": (self.meeting, 4), "tickets": (self.ticket, 5), "invoices": (self.invoice, 5),
            "surveys": (self.survey, 4), "integrations": (self.integration, 3), "milestones": (self.milestone, 4),
            "onboardings": (self.onboarding, 3), "goals": (self.goal, 3), "subscriptions": (self.subscription, 5),
            "opportunities": (self.opportunity, 4), "tasks": (self.task, 6), "alerts": (self.alert, 6),
        }  # fmt: skip
        for collection, (make, most) in makers.items():
            rows[collection] = []
            for _ in range(r.randrange(most + 1)):
                account = r.choice(ids)
                theirs = [row["id"] for row in people if row["account_id"] == account]
                person = r.choice([*theirs, *theirs, "", "unknown"])
                rows[collection].append({"account_id": account} | make(person))
        rows["csms"] = [self.csm(email) for email in r.sample(["ANN@ours.example", "bob@ours.example", "eve@ours.example"], 2)]
        rows["teams"] = [self.team(name) for name in r.sample([*TEAMS, "North"], r.randrange(3))]
        moments = sorted({self.moment, *(self.instant() for _ in range(r.randrange(3)))})
        return Book(self.zone, rows, moments, {"tier": tier, "band": band})

    def account(self, name: str, tier: str, band: str) -> dict[str, str]:
        r = self.r
        born = r.choice(
            ["", self.time(), (self.moment - timedelta(days=400)).isoformat(), (self.moment - timedelta(days=200)).isoformat()]
        )
        churned = self.maybe(self.time(), 0.3)
        return {
            "id": name, "name": self.text(), "owner": self.maybe(r.choice(OURS)), "tier": self.maybe(self.typed(tier)),
            "plan": self.maybe(self.text()), "lifecycle_stage": self.maybe(r.choice(STAGES)),
            "status": self.maybe(r.choice(STATUSES), 0.3), "seats": self.maybe(self.amount()),
            "seats_used": self.maybe(self.amount()), "mrr": self.maybe(self.amount()), "created_at": born,
            "onboarding_started_at": self.maybe(self.time()), "churned_at": churned, "churn_reason": self.maybe("price", 0.5),
            "cancel_requested_at": self.maybe(self.time(), 0.3), "onboarding_completed_at": self.maybe(self.time(), 0.4),
            "stage_entered_at": self.maybe(self.time()), "trial_ends_on": self.maybe(self.day(), 0.4),
            "renews_on": self.maybe(self.day()), "risk": self.maybe(r.choice(["high", "low"])),
            "touch_cadence_days": self.maybe("14"), "internal": self.maybe(r.choice(["true", "false", "false"]), 0.3),
            "band": self.maybe(self.typed(band)),
        }  # fmt: skip

    def change(self, owner: str, subject: str, tier: str, band: str) -> dict[str, str]:
        values = {
            "tier": lambda: self.typed(tier), "band": lambda: self.typed(band), "plan": self.text, "seats": self.amount,
            "mrr": self.amount, "lifecycle_stage": lambda: self.r.choice(STAGES), "status": lambda: self.r.choice(STATUSES),
            "renews_on": self.day, "risk": lambda: self.r.choice(["high", "low"]), "trial_ends_on": self.day,
            "churned_at": self.time, "cancel_requested_at": self.time, "churn_reason": self.text,
            "owner": self.ours,
        }  # fmt: skip
        field = self.r.choice(sorted(values))
        return {owner: subject, "field": field, "value": self.maybe(values[field](), 0.85), "at": self.time()}

    def person(self, account: str) -> dict[str, str]:
        r = self.r
        return {
            "id": self.id("p"), "account_id": account, "name": self.text(), "role": self.maybe(r.choice(["champion", "user"])),
            "internal": self.maybe("true", 0.15), "created_at": self.maybe(self.time()),
            "deleted_at": self.maybe(self.time(), 0.3),
            "trained_on": self.maybe(json.dumps(r.sample(FEATURES, r.randrange(3)))), "level": self.maybe(self.typed("number")),
        }  # fmt: skip

    def person_change(self, person: str) -> dict[str, str]:
        field, value = self.r.choice([("role", "champion"), ("role", "user"), ("level", "1"), ("level", "4")])
        return {"person_id": person, "field": field, "value": self.maybe(value, 0.85), "at": self.time()}

    def minutes(self) -> str:
        given = self.maybe(self.amount())
        return given if self.timed else ""

    def event(self, person: str) -> dict[str, str]:
        r = self.r
        values = [3, 2.5, "3", "a", True, False, None, ["a", "x"], {"y": 1}]
        properties = {key: r.choice(values) for key in ("x", "y") if r.random() < 0.6}
        return {
            "id": self.id("e"), "person_id": person, "name": self.text(), "at": self.time(),
            "kind": r.choice(["login", "feature", "click"]), "feature": self.maybe(r.choice(FEATURES)),
            "minutes": self.minutes(), "properties": self.maybe(json.dumps(properties)),
        }  # fmt: skip

    def metric(self, person: str) -> dict[str, str]:
        return {"id": self.id("m"), "person_id": person, "name": self.text(), "at": self.time(), "value": self.amount()}

    def touchpoint(self, person: str) -> dict[str, str]:
        kind, mood = self.r.choice(["call", "qbr"]), self.r.choice(["-1", "0.5", "1"])
        return {"id": self.id("t"), "person_id": person, "kind": kind, "at": self.time(), "sentiment": self.maybe(mood)}

    def meeting(self, _person: str) -> dict[str, str]:
        ends = {"planned_at": self.maybe(self.time()), "cancelled_at": self.maybe(self.time(), 0.3)}
        return {"id": self.id("me"), "kind": self.r.choice(["call", "qbr"]), "booked_at": self.time()} | ends

    def ticket(self, person: str) -> dict[str, str]:
        ends = {"resolved_at": self.maybe(self.time(), 0.5), "sla_due_at": self.maybe(self.time(), 0.5)}
        priority = self.maybe(self.r.choice(["low", "critical"]))
        return {
            "id": self.id("k"),
            "person_id": person,
            "kind": "support",
            "priority": priority,
            "opened_at": self.time(),
        } | ends

    def invoice(self, _person: str) -> dict[str, str]:
        days = {"issued_on": self.day(), "due_on": self.day(), "paid_on": self.maybe(self.day(), 0.4)}
        return {"id": self.id("i"), "amount": self.amount()} | days

    def survey(self, person: str) -> dict[str, str]:
        score = str(self.r.randrange(11))
        return {
            "id": self.id("s"),
            "person_id": person,
            "kind": self.r.choice(["nps", "csat"]),
            "score": score,
            "at": self.time(),
        }

    def integration(self, _person: str) -> dict[str, str]:
        ends = {"connected_at": self.time(), "disconnected_at": self.maybe(self.time(), 0.4)}
        return {"id": self.id("n"), "name": self.text()} | ends

    def milestone(self, _person: str) -> dict[str, str]:
        times = {
            "started_at": self.maybe(self.time()),
            "due_on": self.maybe(self.day()),
            "reached_at": self.maybe(self.time(), 0.5),
        }
        return {"id": self.id("l"), "name": self.text()} | times

    def onboarding(self, _person: str) -> dict[str, str]:
        times = {
            "started_at": self.time(),
            "stage_entered_at": self.maybe(self.time()),
            "completed_at": self.maybe(self.time(), 0.4),
        }
        return {"id": self.id("o"), "name": self.text(), "stage": self.maybe(self.r.choice(STAGES))} | times

    def goal(self, _person: str) -> dict[str, str]:
        times = {"set_at": self.time(), "due_on": self.maybe(self.day()), "reached_at": self.maybe(self.time(), 0.4)}
        return {"id": self.id("g"), "name": self.text()} | times

    def subscription(self, _person: str) -> dict[str, str]:
        days = {"starts_on": self.day(), "renews_on": self.maybe(self.day()), "ended_on": self.maybe(self.day(), 0.5)}
        truth = self.maybe(self.r.choice(["true", "false"]))
        given = {"plan": self.maybe(self.text()), "seats": self.maybe(self.amount()), "mrr": self.maybe(self.amount())}
        return {"id": self.id("u"), "auto_renew": truth} | given | days

    def opportunity(self, _person: str) -> dict[str, str]:
        ends = {"opened_at": self.time(), "closed_at": self.maybe(self.time(), 0.5), "expected_on": self.maybe(self.day())}
        outcome = self.maybe(self.r.choice(["won", "lost"]))
        return {"id": self.id("y"), "kind": "renewal", "amount": self.maybe(self.amount()), "outcome": outcome} | ends

    def task(self, _person: str) -> dict[str, str]:
        days = {"created_at": self.time(), "due_on": self.maybe(self.day()), "completed_at": self.maybe(self.time(), 0.4)}
        row = {"id": self.id("q"), "assignee": self.r.choice(OURS), "title": self.text()} | days
        return row | ({"account_id": ""} if self.r.random() < 0.3 else {})

    # Our side

    def alert(self, _person: str) -> dict[str, str]:
        r = self.r
        times = {
            "opened_at": self.time(),
            "acknowledged_at": self.maybe(self.time(), 0.4),
            "closed_at": self.maybe(self.time(), 0.5),
        }
        row = {"id": self.id("z"), "rule": self.text(), "severity": r.choice(["low", "critical"]), "category": "risk"} | times
        row |= {"outcome": self.maybe("useful", 0.5), "subject": ""}
        return row | ({"account_id": "", "subject": r.choice([*OURS, *TEAMS, "company"])} if r.random() < 0.4 else {})

    def ours(self) -> str:
        return self.r.choice(OURS)

    def csm(self, email: str) -> dict[str, str]:
        r = self.r
        return {
            "email": email, "name": self.maybe(self.text()), "team": self.maybe(r.choice(TEAMS)),
            "manager": self.maybe("meg@ours.example"), "role": "csm", "capacity": self.maybe(self.amount()),
            "churn_tolerance": self.maybe("0.1"), "active": self.maybe(r.choice(["true", "false"])),
        }  # fmt: skip

    def team(self, name: str) -> dict[str, str]:
        return {"name": name, "manager": self.maybe("meg@ours.example"), "churn_tolerance": self.maybe("0.2")}
