"""What follows an import on the command line besides the facts: users and teams as the facts name them."""

from __future__ import annotations

from tocsin.cli.console import Console
from tocsin.workspace import Workspace


def sync_people(workspace: Workspace, console: Console) -> None:
    """Make or update users and teams from the collections `csms` and `teams`; see `people.following`."""
    from tocsin.people.following import follow, named_in

    csms, teams = named_in(workspace.store())
    if not csms and not teams:
        return
    workspace.django()
    for sentence in follow(csms, teams, console.now):
        console.say(f"tocsin: {sentence}")
