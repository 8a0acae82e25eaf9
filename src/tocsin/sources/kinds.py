"""The kinds of webhook sources, as people choose among them."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

from tocsin.ingest.hooks import VENDORS
from tocsin.ingest.hooks.pages import Guide, guide
from tocsin.sources.keyring import CHOSEN_HERE


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind. hint: where its secret is shown. chosen: whether we choose the secret, so that one can be made here."""

    name: str
    title: str
    hint: str
    chosen: bool
    guide: Guide


@cache
def hook_kinds() -> dict[str, Kind]:
    """Name -> kind, in the order in which they are offered."""
    return {
        each.name: Kind(each.name, each.title, each.secret_hint, each.name in CHOSEN_HERE, guide(each.name))
        for each in VENDORS.values()
    }
