"""Deliveries with their dead letters; keys; the audit of who changed what."""

from __future__ import annotations

from typing import Any

from django.contrib import messages

from tocsin.alerts import facade as alerts
from tocsin.delivery import facade as delivery
from tocsin.health import facade as health
from tocsin.people import facade as people
from tocsin.web import source
from tocsin.web.shell import Seen
from tocsin.web.views.settings.frame import part

MOST = 200


def show_deliveries(request: Seen) -> dict[str, Any]:
    """What went out, is due, or was given up; and what the auditor sees."""
    state, number = request.GET.get("state", ""), request.GET.get("page", "1")
    states = (state,) if state in ("due", "claimed", "sent", "dead") else ()
    channel = request.GET.get("channel", "")[:100]
    found = delivery.list_deliveries(
        states=states, channel=channel, page=int(number) if number.isdecimal() and len(number) < 7 else 1
    )
    return {
        "found": found,
        "state": state,
        "channel": channel,
        "audit": delivery.seen_by_auditor(source.now()),
        "states": (("", "All"), ("due", "Due"), ("sent", "Sent"), ("dead", "Given up")),
    }


def replay(request: Seen) -> str:
    """Send one that was given up after all, or all of a channel."""
    who: dict[str, Any] = {"by": request.user.email, "moment": source.now()}
    if request.POST.get("channel"):
        count = delivery.replay_all(request.POST["channel"], **who)
        return f"{count} sent after all"
    delivery.replay_delivery(request.POST.get("id", ""), **who)
    return "It is sent after all"


def show_keys(request: Seen) -> dict[str, Any]:  # noqa: ARG001 - the same for all who see it
    """The keys."""
    return {"keys": people.list_keys(), "scopes": people.SCOPES}


def create_key(request: Seen) -> str:
    """A new key, shown once."""
    given = request.POST
    scopes = given.getlist("scopes") if given.get("kind") == "api" else []
    made, secret = people.create_key(
        given.get("name", ""), given.get("kind", ""), scopes, by=request.user.email, moment=source.now()
    )
    messages.info(request, f"The key {made.name}, shown this once: {secret}")
    return f"The key {made.name} is made"


def revoke(request: Seen) -> str:
    """From now on the key opens nothing."""
    gone = people.revoke_key(request.POST.get("id", ""), by=request.user.email, moment=source.now())
    return f"The key {gone.name} is revoked"


def show_audit(request: Seen) -> dict[str, Any]:  # noqa: ARG001
    """Who changed what: rules, health, people and keys, channels, silences and the plan; the latest first."""
    lines = [(each.at, each.by, each.act, each.what, each.detail) for each in people.changes(MOST)]
    lines += [(each.at, each.by, each.act, each.what, _said(each.detail)) for each in delivery.changes(MOST)]
    lines += [
        (each.published_at, each.by, "published", f"routing plan v{each.version}", each.note)
        for each in delivery.plan_versions(limit=MOST)
        if each.published_at is not None
    ]
    lines += [(each.at, each.by, each.act, each.what, _said(each.detail)) for each in alerts.audit(MOST)]
    lines += [(each.at, each.by, each.act, each.what, _said(each.detail)) for each in health.audit(MOST)]
    return {"lines": sorted(lines, key=lambda line: line[0], reverse=True)[:MOST]}


def _said(detail: Any) -> str:
    return ", ".join(f"{name} {value}" for name, value in dict(detail).items() if value not in ("", None, False))


deliveries = part("deliveries", show_deliveries, {"replay": replay})
keys = part("keys", show_keys, {"create": create_key, "revoke": revoke})
audit = part("audit", show_audit, {})
