"""Segment's events for B2B SaaS: what they say of accounts, people and trials besides that they happened.

https://segment.com/docs/connections/spec/b2b-saas/
"""

from __future__ import annotations

from datetime import date
from typing import Any

from tocsin.facts.live.shapes import Arrivals, Event, Membership, Traits

# What of them, and of the usual names of the same things, is a login.
KINDS = {"Signed In": "login", "Logged In": "login", "login": "login", "Login": "login", "User Logged In": "login"}
EVENTS = frozenset({
    "Account Created", "Account Deleted", "Signed Up", "Account Added User", "Account Removed User", "Trial Started",
    "Trial Ended",
})  # fmt: skip


def add(told: Arrivals, event: Event, properties: dict[str, Any]) -> None:
    """Take in what the event says besides that it happened."""
    at, account, person = event.at, event.account, event.person
    moment = at.isoformat()
    if event.name == "Account Created" and account:
        told.groups[account] = None
        named = {"name": properties["account_name"]} if isinstance(properties.get("account_name"), str) else {}
        told.traits.append(Traits("accounts", account, {"created_at": moment, **named}, at))
    elif event.name == "Account Deleted" and account:
        told.traits.append(Traits("accounts", account, {"churned_at": moment, "status": "churned"}, at))
    elif event.name == "Signed Up" and person:
        named = {key: properties[key] for key in ("email", "first_name", "last_name", "title") if properties.get(key)}
        whole = " ".join(str(named[key]) for key in ("first_name", "last_name") if key in named)
        values = {"created_at": moment, **named, **({"name": whole} if whole else {})}
        told.traits.append(Traits("people", person, values, at, account, event.raw, event.received))
    elif event.name == "Account Added User" and person and account:
        told.memberships.append(Membership(person, account, at))
        if isinstance(properties.get("role"), str):
            told.traits.append(Traits("people", person, {"role": properties["role"]}, at, account, event.raw, event.received))
    elif event.name == "Account Removed User" and person and account:
        told.memberships.append(Membership(person, account, at, left=True))
    elif event.name in ("Trial Started", "Trial Ended") and account:
        trial: dict[str, Any] = {}
        if (day := _day(properties.get("trial_end_date"))) is not None:
            trial["trial_ends_on"] = day
        if event.name == "Trial Started":
            trial["status"] = "trial"
            if isinstance(properties.get("trial_plan_name"), str):
                trial["plan"] = properties["trial_plan_name"]
        if trial:
            told.traits.append(Traits("accounts", account, trial, at))


def _day(value: object) -> str | None:
    """The day of a date or a time; None where it is none."""
    try:
        return date.fromisoformat(value.strip()[:10]).isoformat() if isinstance(value, str) else None
    except ValueError:
        return None
