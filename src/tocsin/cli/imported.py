"""What follows an import besides the facts: users and teams as the facts name them."""

from __future__ import annotations

from tocsin.cli.console import Console
from tocsin.workspace import Workspace

NAMED = "SELECT (SELECT count(*) FROM csms) + (SELECT count(*) FROM teams) AS n"


def sync_people(workspace: Workspace, console: Console) -> None:
    """Make or update users and teams from the collections `csms` and `teams`; nobody can sign in by it.

    Says who is called inactive by `csms` and stays active.
    """
    store = workspace.store()
    if not store.query(NAMED).to_pylist()[0]["n"]:
        return
    workspace.django()
    from tocsin.sources.following import sync_people as follow

    for email in follow(store, console.now):
        console.say(f"tocsin: {email} is inactive in csms and stays active here: no file shuts out admin or operations")
