"""What follows an import besides the facts: users and teams as the facts name them."""

from __future__ import annotations

from tocsin.cli.console import Console
from tocsin.workspace import Workspace

CSMS = "SELECT email, name, team, manager, role, capacity, churn_tolerance, active FROM csms ORDER BY email"
TEAMS = "SELECT name, manager, churn_tolerance FROM teams ORDER BY name"


def sync_people(workspace: Workspace, console: Console) -> None:
    """Make or update users and teams from the collections `csms` and `teams`; nobody can sign in by it.

    Says who is called inactive by `csms` and stays active.
    """
    store = workspace.store()
    csms, teams = store.query(CSMS).to_pylist(), store.query(TEAMS).to_pylist()
    if not csms and not teams:
        return
    workspace.django()
    from tocsin.people import facade

    for email in facade.sync_people(csms, teams, moment=console.now).kept_active:
        console.say(f"tocsin: {email} is inactive in csms and stays active here: no file shuts out admin or operations")
