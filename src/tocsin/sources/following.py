"""What follows an import besides the facts: users and teams as the facts name them."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from tocsin.people import facade as people

if TYPE_CHECKING:
    from tocsin.facts.duckdb import DuckStore

CSMS = "SELECT email, name, team, manager, role, capacity, churn_tolerance, active FROM csms ORDER BY email"
TEAMS = "SELECT name, manager, churn_tolerance FROM teams ORDER BY name"


def sync_people(store: DuckStore, moment: datetime) -> tuple[str, ...]:
    """Make or update users and teams from the collections `csms` and `teams`; nobody can sign in by it.

    Gives the addresses of those whom `csms` calls inactive and who stay active.
    """
    csms, teams = store.query(CSMS).to_pylist(), store.query(TEAMS).to_pylist()
    return people.sync_people(csms, teams, moment=moment).kept_active if csms or teams else ()
