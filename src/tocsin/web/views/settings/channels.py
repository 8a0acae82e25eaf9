"""Channels: what is set up, trying one, setting one up."""

from __future__ import annotations

from typing import Any

from django.contrib import messages

from tocsin.core.errors import UserError
from tocsin.delivery import facade as delivery
from tocsin.web import source
from tocsin.web.shell import Seen
from tocsin.web.views.settings.frame import part

KINDS = {
    "email": "E-mail",
    "slack": "Slack",
    "webhook": "Webhook",
    "apprise": "Microsoft Teams and others (Apprise)",
}


def show(request: Seen) -> dict[str, Any]:  # noqa: ARG001 - the same for all who see it
    """All channels."""
    return {"channels": delivery.list_channels(), "kinds": KINDS}


def create(request: Seen) -> str:
    """Set one up; its secret is shown once."""
    given = request.POST
    config: dict[str, str] = {}
    for line in given.get("settings", "").replace("\r", "").split("\n"):
        name, equals, value = line.partition("=")
        if line.strip():
            if not equals:
                raise UserError(f"{line.strip()!r} is no setting; write name=value, one a line")
            config[name.strip()] = value.strip()
    if given.get("url", "").strip():
        config["url"] = given["url"].strip()
    made = delivery.create_channel(
        given.get("kind", ""), given.get("name", ""), config, by=request.user.email, moment=source.now()
    )
    if made.secret:
        messages.info(request, f"The secret of {made.what.name}, shown this once: {made.secret}")
    return f"The channel {made.what.name} is set up"


def test(request: Seen) -> str:
    """Send a test message now."""
    name = request.POST.get("name", "")
    tried = delivery.test_channel(name, to=request.user.email, by=request.user.email, moment=source.now())
    if not tried.ok:
        raise UserError(f"the test by {name} failed: {tried.words}")
    return f"Sent by {name} in {tried.seconds:.1f} s: {tried.words}"


def switch(request: Seen) -> str:
    """Switch one on or off."""
    name = request.POST.get("name", "")
    who: dict[str, Any] = {"by": request.user.email, "moment": source.now()}
    if request.POST.get("to") == "on":
        delivery.enable_channel(name, **who)
        return f"{name} is on"
    delivery.disable_channel(name, reason=f"switched off by {request.user.name or request.user.email}", **who)
    return f"{name} is off"


def remove(request: Seen) -> str:
    """Remove one that nothing names."""
    name = request.POST.get("name", "")
    delivery.remove_channel(name, by=request.user.email, moment=source.now())
    return f"{name} is removed"


view = part("channels", show, {"create": create, "test": test, "switch": switch, "remove": remove})
