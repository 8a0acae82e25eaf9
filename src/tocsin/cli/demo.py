"""`tocsin demo`: a workspace with a demo book of business that has lived for a while, served with a link that signs in."""

from __future__ import annotations

import argparse
import json
from datetime import datetime, timedelta
from typing import Any

from tocsin.cli.console import Console
from tocsin.cli.imported import sync_people
from tocsin.cli.up import add_address, check_address, serve
from tocsin.core.errors import UserError
from tocsin.core.moment import floor_day
from tocsin.databases import Sqlite
from tocsin.workspace import DATABASE, DEMO, FACTS, Workspace, write_private

ACCOUNTS, SEED = 400, 7
WEEKS = 8  # of sweeps before now
ADMIN, LEADER = ("admin@demo.example", "Robin Admin"), ("leader@demo.example", "Sam Leader")


def register(commands: argparse._SubParsersAction[Any]) -> None:
    """Add the command."""
    parser = commands.add_parser("demo", help="a workspace with a demo book of business, live")
    parser.add_argument("--accounts", type=int, default=ACCOUNTS, metavar="N", help=f"how many (default: {ACCOUNTS})")
    parser.add_argument("--seed", type=int, default=SEED, help=f"another seed, another book (default: {SEED})")
    parser.add_argument("--no-serve", action="store_true", help="make the workspace and end")
    add_address(parser)


def run(args: argparse.Namespace, console: Console, workspace: Workspace) -> int:
    """Make the demo workspace where it is not there yet, then serve it."""
    check_address(args)
    _refuse_elsewhere(workspace)
    if args.accounts < 1:
        raise UserError(f"--accounts: {args.accounts} is too few; give at least 1")
    state = _state(workspace)
    if state != "made":
        _make(args, console, workspace, again=state == "begun")
    elif args.no_serve:
        console.say(f"tocsin: {workspace.home} holds the demo already")
    workspace.django()
    if not args.no_serve:
        serve(args, console, workspace, lambda address: _greet(address, console))
    return 0


def _refuse_elsewhere(workspace: Workspace) -> None:
    """UserError where the data are not kept in the home: a demo is never mixed into a database that is somebody's own."""
    home, given = workspace.home, workspace.configuration
    if (given.facts, given.database) != (home / FACTS, Sqlite(home / DATABASE)):
        raise UserError("a demo keeps its data in its own home; leave TOCSIN_FACTS_URL and TOCSIN_DATABASE_URL out")


def _state(workspace: Workspace) -> str:
    """`made`, `begun` (it was interrupted) or `` where there is no demo. UserError where the home holds something else."""
    try:
        return str(json.loads((workspace.home / DEMO).read_text("utf-8"))["state"])
    except FileNotFoundError:
        if (workspace.home / FACTS).exists() and workspace.store().counts()["accounts"]:
            raise UserError(
                f"{workspace.home} holds accounts that are no demo, and they stay as they are; give another folder with --home"
            ) from None
        return ""
    except (ValueError, KeyError, OSError) as error:
        raise UserError(f"{workspace.home / DEMO} cannot be read; remove {workspace.home} to begin anew") from error


def _make(args: argparse.Namespace, console: Console, workspace: Workspace, *, again: bool) -> None:
    home = workspace.home
    if again:  # what an interrupted run left behind is no book: begin anew
        for name in (FACTS, f"{FACTS}.wal", DATABASE, f"{DATABASE}-wal", f"{DATABASE}-shm"):
            (home / name).unlink(missing_ok=True)
    told = {"accounts": args.accounts, "seed": args.seed}
    write_private(home / DEMO, json.dumps({"state": "begun", **told}))
    from tocsin.facts.demo import generate

    console.say(f"tocsin: making a demo book of {args.accounts} accounts in {home}")
    generate(workspace.store(), accounts=args.accounts, until=console.now, seed=args.seed, progress=console.progress)
    workspace.django()
    _people(console, workspace)
    moments = _moments(console.now, workspace)
    from tocsin.alerts import facade
    from tocsin.cli import demo_life

    # The rules were there all the time, so that what happened in these weeks sets them off.
    published = {rule.id: moments[0] - timedelta(weeks=WEEKS) for rule in workspace.definitions().rules}
    for n, moment in enumerate(moments):
        facade.sweep(workspace.book(), moment, published=published)
        if moment != moments[-1]:
            demo_life.live_a_week(moment, args.seed)
        console.progress("living through the last weeks", (n + 1) / len(moments))
    write_private(home / DEMO, json.dumps({"state": "made", **told}))
    found = facade.inbox()
    console.say(f"tocsin: {found.alerts} alerts of {found.accounts} accounts are open")


def _people(console: Console, workspace: Workspace) -> None:
    from tocsin.people import facade

    sync_people(workspace, console)
    for (email, name), role in ((ADMIN, "admin"), (LEADER, "leader")):
        if facade.person(email) is None:
            facade.create_user(email, name, role, moment=console.now)


def _moments(now: datetime, workspace: Workspace) -> list[datetime]:
    """The starts of days, a week apart, up to now."""
    today = floor_day(now, workspace.zone)
    return [*(today - timedelta(weeks=weeks) for weeks in range(WEEKS, 0, -1)), now]


def _greet(address: str, console: Console) -> None:
    from datetime import UTC

    from tocsin.cli import demo_life
    from tocsin.people import facade

    moment = datetime.now(UTC)
    console.say(
        "tocsin: the demo is ready (Ctrl-C ends it). Each link signs in once; running the command again makes new ones."
    )
    csm = demo_life.busiest_csm()
    if csm is not None:
        console.say(f"  as {csm.name}, {csm.role}: {address}{facade.make_link(csm.email, moment=moment)}")
    console.say("  as an administrator:")
    console.out(f"{address}{facade.make_link(ADMIN[0], moment=moment)}\n")
