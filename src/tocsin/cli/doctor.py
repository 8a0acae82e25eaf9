"""`tocsin doctor`: checks the set-up and says what to mend."""

from __future__ import annotations

import argparse
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from tocsin.cli.console import Console
from tocsin.cli.output import write
from tocsin.cli.parser import add_format
from tocsin.core.errors import UserError
from tocsin.core.moment import DAY, iso
from tocsin.workspace import SECRET, Workspace

COLUMNS = ("check", "state", "found", "mend")
FRESH = ("events", "metrics", "touchpoints", "tickets", "invoices", "surveys")
LATE = timedelta(minutes=10)  # since a pull was due, while nobody runs it
STALE = 3 * DAY  # a collection that fell so far behind the latest fact of the book is worth a look


@dataclass(frozen=True, slots=True)
class Finding:
    """One line of the report. state: fine, look (worth a look) or mend (something does not work)."""

    check: str
    state: str
    found: str
    mend: str = ""


def register(commands: argparse._SubParsersAction[Any]) -> None:
    """Add the command."""
    add_format(commands.add_parser("doctor", help="check the set-up and say what to mend"))


def run(args: argparse.Namespace, console: Console, workspace: Workspace) -> int:
    """Write the findings; 1 where something has to be mended."""
    findings = [
        *_home(workspace),
        *_facts(workspace, console.now),
        *_rules(workspace),
        *_readiness(workspace, console.now),
        *_pulls(workspace, console.now),
        *_sweep(workspace, console.now),
        *_users(workspace),
        *_delivery(workspace, console.now),
    ]
    rows = [{column: getattr(each, column) for column in COLUMNS} for each in findings]
    write(console, rows, COLUMNS, args.format)
    return 1 if any(each.state == "mend" for each in findings) else 0


def _home(workspace: Workspace) -> Iterator[Finding]:
    home = workspace.home
    mode = stat.S_IMODE(home.stat().st_mode)
    if mode & 0o077:
        yield Finding("home", "look", f"{home}, mode {mode:o}", f"others may read it: chmod 700 {home}")
    else:
        yield Finding("home", "fine", str(home))
    secret = home / SECRET
    if secret.exists() and stat.S_IMODE(secret.stat().st_mode) & 0o077:
        yield Finding("secret key", "mend", "others may read it", f"chmod 600 {secret}, then everybody signs in anew")
    yield Finding("time zone", "fine", workspace.zone.key)


def _facts(workspace: Workspace, now: datetime) -> Iterator[Finding]:
    try:
        store = workspace.store()
    except UserError as error:
        yield Finding("facts", "mend", str(error))
        return
    counts = store.counts()
    if not counts["accounts"]:
        yield Finding("facts", "mend", "no accounts", "tocsin import FOLDER")
        return
    left_out = {
        name: store.query(f"SELECT count(*) AS n FROM {name} WHERE left_out").to_pylist()[0]["n"]  # noqa: S608 - our own words
        for name in ("accounts", "people")
    }
    yield Finding(
        "accounts", "fine", f"{counts['accounts']:,}, of which {left_out['accounts']:,} are left out as ours or tests"
    )
    yield Finding("people", "fine", f"{counts['people']:,}, of which {left_out['people']:,} are left out as our own")
    last = store.last_moment(now)
    for name in FRESH:
        seen = store.latest_start(name, now)
        if seen is None:
            yield Finding(f"{name}", "look", "none", f"rules about {name} cannot speak until there are some")
        elif last is not None and last - seen > STALE:
            yield Finding(name, "look", f"{counts[name]:,}, the latest {iso(seen)}", "it is behind the other collections")
        else:
            yield Finding(name, "fine", f"{counts[name]:,}, the latest {iso(seen)}")
    from tocsin.facts import families, rejected

    for said in families.troubles(store, now).sentences:
        yield Finding("families", "look", said, "mend parent_id of these accounts, or import the parents or their aliases")
    kept = store.query("SELECT count(*) AS n FROM rejected").to_pylist()[0]["n"]
    if kept:
        yield Finding("rejected rows", "look", f"{kept:,}", "tocsin import --rejected")
    unmatched = rejected.unmatched(store)
    if unmatched:
        rows = sum(count for *_, count in unmatched)
        yield Finding(
            "unmatched", "look", f"{rows:,} rows of {len(unmatched):,} unknown accounts", "import them or their aliases"
        )


def _rules(workspace: Workspace) -> Iterator[Finding]:
    workspace.django()
    from tocsin.alerts import facade

    rules = facade.list_rules()
    states = ", ".join(f"{sum(rule.state == state for rule in rules)} {state}" for state in ("on", "shadow", "off", "draft"))
    yield Finding("rules", "fine" if rules else "mend", f"{len(rules)}: {states}", "" if rules else "tocsin rules apply PATH")
    for rule in rules:
        if rule.unknown and rule.state in ("on", "shadow"):
            yield Finding(f"rule {rule.id}", "look", "cannot be judged", rule.unknown)


def _readiness(workspace: Workspace, now: datetime) -> Iterator[Finding]:
    """Whether the rules that are on or in shadow can speak; those that lack the same thing in one line."""
    from tocsin.engine.readiness import READY_SAYS, readiness

    if not workspace.store().counts()["accounts"]:
        return  # said already
    watching = [rule for rule in workspace.definitions().rules if rule.state in ("on", "shadow")]
    found = readiness(workspace.book(), watching, now)
    lacking: dict[tuple[str, str], list[str]] = {}
    for rule in watching:
        ready = found[rule.id]
        if ready.says != READY_SAYS:
            lacking.setdefault((ready.state, ready.says), []).append(rule.id)
    silent = sum(found[rule.id].state != "ready" for rule in watching)
    yield Finding("readiness", "look" if silent else "fine", f"{len(watching) - silent} of {len(watching)} rules can speak")
    for (state, says), names in lacking.items():
        yield Finding("readiness", "look", f"{state}: {', '.join(names)}", says)


def _pulls(workspace: Workspace, now: datetime) -> Iterator[Finding]:
    workspace.django()
    from tocsin.sources import facade

    for each in facade.list_pulls(now):
        good = f"last done {iso(each.last_good_at)}" if each.last_good_at else "never done yet"
        check, runs = f"pull {each.name}", f"tocsin sources runs {each.name!r}"
        if each.failures:
            times = f"failed {each.failures} times in a row, " if each.failures > 1 else "failed, "
            yield Finding(check, "mend", f"{times}{good}", each.last_error)
        elif each.paused:
            yield Finding(check, "look", f"paused, {good}", f"tocsin sources resume {each.name!r}")
        elif each.next_at is not None and each.running_since is None and now - each.next_at > LATE:
            yield Finding(check, "mend", f"due since {iso(each.next_at)}, {good}", "tocsin up runs what is due")
        else:
            yield Finding(check, "fine" if each.last_good_at else "look", good, "" if each.last_good_at else runs)


def _sweep(workspace: Workspace, now: datetime) -> Iterator[Finding]:
    workspace.django()
    from tocsin.alerts import facade

    last = facade.last_sweep()
    if last is None:
        yield Finding("sweep", "look", "none yet", "tocsin sweep, or tocsin up")
    elif last.as_of > now + facade.MOST_AHEAD:
        found = f"as of {iso(last.as_of)}, ahead of the clock: until then every other sweep is refused"
        data = workspace.configuration.database
        yield Finding(
            "sweep",
            "mend",
            found,
            f"restore {data} from a copy made before; without one: tocsin rules export DIR, move {data}* away while no server "
            "runs, tocsin rules apply DIR, tocsin users create (what people did to alerts is lost)",
        )
    else:
        yield Finding("sweep", "fine", f"as of {iso(last.as_of)}, in {last.seconds:.1f} s")


def _users(workspace: Workspace) -> Iterator[Finding]:
    workspace.django()
    from tocsin.people import facade

    people = facade.people()
    admins = sum(person.role == "admin" for person in people)
    if not admins:
        yield Finding(
            "users", "look", f"{len(people)}, no administrator", "tocsin users create --email E --name N --role admin"
        )
    else:
        yield Finding("users", "fine", f"{len(people)}, of which {admins} administrators")


def _delivery(workspace: Workspace, now: datetime) -> Iterator[Finding]:
    workspace.django()
    from tocsin.delivery import facade

    yield Finding("database", "fine", str(workspace.configuration.database))
    found = facade.seen_by_auditor(now)
    stuck = found.stuck or (found.loop_at is not None and found.waiting and now - found.loop_at > facade.SILENT)
    if stuck:
        since = f"; no worker has looked since {iso(found.loop_at)}" if found.loop_at else ""
        said = f"{found.stuck} messages are due and not sent{since}"
        yield Finding("delivery", "mend", said, "tocsin up, or tocsin worker --only deliver; Settings, Deliveries says why")
    elif found.dead:
        yield Finding(
            "delivery", "look", f"{found.dead} messages were given up", "Settings, Deliveries says why, and sends them"
        )
    else:
        yield Finding("delivery", "fine", "nothing waits" if not found.waiting else f"{found.waiting} messages on their way")
    for each in facade.list_channels():
        if each.disabled_reason:
            yield Finding(f"channel {each.name}", "look", f"off: {each.disabled_reason}", "see the documentation of channels")
