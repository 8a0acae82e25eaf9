"""What is held of each collection, how fresh it is, what came in lately, who sends live, webhooks and pulls."""

from __future__ import annotations

from datetime import datetime
from functools import partial
from typing import Any

from tocsin.facts import families, inventory, turned
from tocsin.facts.inventory import Holding
from tocsin.people import facade as people
from tocsin.sources import facade as sources
from tocsin.web import source
from tocsin.web.shell import Seen
from tocsin.web.views.data import pulls
from tocsin.web.views.data.frame import tab


def show(request: Seen, moment: datetime) -> dict[str, Any]:
    """The collections, in total and each; write keys and webhooks."""
    store = source.store()
    held = _held(moment)
    # Bodies of webhooks that no source could read are of no collection.
    unread = max(0, turned.count(store) - sum(each.rejected for each in held))
    kin = source.kept(("data", "families"), lambda: families.troubles(store, moment), moment, beside_events=True)
    return {
        "held": [each for each in held if each.given],
        "sessions": _by_sessions(moment),
        "empty": [each.collection for each in held if not each.given],
        "rows": sum(each.rows for each in held),
        "arrived": sum(each.arrived or 0 for each in held),
        "rejected": sum(each.rejected for each in held) + unread,
        "unread": unread,
        "waiting": sum(each.waiting for each in held),
        "sent": inventory.turned_away(held),
        "keys": [each for each in people.list_keys() if each.kind == "write"],
        "pulls": pulls.listed(moment),
        "hooks": sources.list_sources(),
        "makes": request.user.role == "admin",
        "kin": kin.sentences,
    }


def _held(moment: datetime) -> list[Holding]:
    """Every collection, in order. Of the others than events nothing is counted anew while only events come in."""
    store = source.store()
    # A row that is forgotten makes no new generation of facts: the number of rejected rows tells the difference.
    known, rejected = {}, turned.count(store)
    for names in (["events"], [name for name in inventory.SENT if name != "events"]):
        key, beside = ("data", "held", names[0], rejected), "events" not in names
        for each in source.kept(key, partial(inventory.holdings, store, moment, names), moment, beside_events=beside):
            known[each.collection] = each
    return [known[name] for name in inventory.SENT]


def _by_sessions(moment: datetime) -> bool:
    """Whether minutes of events are counted by sessions, because no event up to a moment gives any."""
    since = source.store().minutes_since(moment)
    return since is None or since > moment


overview = tab("data", show)
