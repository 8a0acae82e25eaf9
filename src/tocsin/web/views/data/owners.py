"""Owners as the facts name them, beside the users of the product, and whom those mean that are no user."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from tocsin.core.errors import UserError
from tocsin.facts import inventory, ownermap
from tocsin.people import facade as people
from tocsin.web import source
from tocsin.web.shell import Seen
from tocsin.web.views.data.frame import act, tab


def show(request: Seen, moment: datetime) -> dict[str, Any]:  # noqa: ARG001 - owners are as of the last import
    """Everybody who owns accounts, those first who are no user: their alerts go to nobody of that name."""
    users = people.people(active=False)
    by_email = {each.email.casefold(): each for each in users}
    by_name = {each.name.casefold(): each for each in users}
    found = source.kept(("data", "owners"), lambda: inventory.owners(source.store()), beside_events=True)
    lines = [
        (owner, count, by_email.get(owner.strip().casefold()), by_name.get(owner.strip().casefold())) for owner, count in found
    ]
    return {
        "owners": sorted(lines, key=lambda line: line[2] is not None),
        "nobody": sum(1 for line in lines if line[2] is None),
        "accounts": sum(line[1] for line in lines if line[2] is None),
        "sees_people": request.user.role in people.LEADS,
        "users": sorted((each for each in users if each.active), key=lambda each: each.name.casefold()),
    }


def map_owner(request: Seen, moment: datetime) -> str:
    """Say which user an owner is."""
    owner, email = request.POST.get("owner", ""), request.POST.get("user", "")
    if email not in {each.email for each in people.people()}:
        raise UserError(f"choose the user that {owner!r} is")
    count = ownermap.is_user(source.store(), owner, email)
    people.note("owner mapped", owner, email, by=request.user.email, moment=moment)
    return f"{owner} is {email}, of {count:,} {'account' if count == 1 else 'accounts'} and in all that comes from now on"


owners = tab("data-owners", show)
mapped = act("data-owners", map_owner)
