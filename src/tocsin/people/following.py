"""What follows an import besides the facts: users and teams as the facts name them."""

from __future__ import annotations

import logging
from datetime import datetime
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tocsin.facts.duckdb import DuckStore

log = logging.getLogger("tocsin.people")
CSMS = "SELECT email, name, team, manager, role, capacity, churn_tolerance, active FROM csms ORDER BY email"
TEAMS = "SELECT name, manager, churn_tolerance FROM teams ORDER BY name"


def follow(csms: list[dict[str, object]], teams: list[dict[str, object]], moment: datetime) -> list[str]:
    """Make or update users and teams as the collections `csms` and `teams` name them; nobody can sign in by it.

    Gives a sentence for each whom `csms` calls inactive and who stays active.
    """
    from tocsin.people import facade  # needs Django, which an import without CSMs does not

    kept = facade.sync_people(csms, teams, moment=moment).kept_active
    return [f"{email} is inactive in csms and stays active here: no file shuts out admin or operations" for email in kept]


def named_in(store: DuckStore) -> tuple[list[dict[str, object]], list[dict[str, object]]]:
    """The CSMs and the teams of the facts."""
    return store.query(CSMS).to_pylist(), store.query(TEAMS).to_pylist()


def follow_facts(store: DuckStore, moment: datetime) -> list[str]:
    """Users and teams follow what an import has stored; gives what is to be said of that.

    Facts that are in do not fail for it: where the operational database does not answer, that is said.
    """
    from django.db import DatabaseError

    csms, teams = named_in(store)
    if not csms and not teams:
        return []
    try:
        return follow(csms, teams, moment)
    except DatabaseError as error:
        log.warning("users and teams could not follow an import: %s", error)
        return ["users and teams could not be brought up to date; an import of csms does it once the database answers"]
