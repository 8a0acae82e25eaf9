"""What a week of notices is for one person of the demo book, before and after inhibition, grouping and budget: a table.

A book of 400 accounts lives two weeks, swept every morning; the last week is counted. Nobody acts, which is the worst case.
`python scripts/demo_week.py` prints the table of docs/delivery.md.
"""

from __future__ import annotations

import os
import sys
import tempfile
from collections import Counter
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from statistics import median

from tocsin.workspace import Workspace, configure

UNTIL = datetime(2026, 3, 12, 7, 0, tzinfo=UTC)
ACCOUNTS, SEED, DAYS = 400, 7, 14
WEEK = timedelta(days=7)


@dataclass(frozen=True)
class Week:
    """Per person: notices of all changes, those that no other alert keeps quiet, messages, and those within budget."""

    people: int
    before: list[int]
    inhibited: list[int]
    grouped: list[int]
    within: list[int]


def main() -> None:
    """Print the table."""
    lines = ["| rules | CSMs | every change | without what another alert says | gathered by account | within the budget |"]
    lines.append("|---|---|---|---|---|---|")
    for name, every in (("the twelve that start on", False), ("all, at once", True)):
        found = lived(every_rule=every)
        figures = [_said(each) for each in (found.before, found.inhibited, found.grouped, found.within)]
        lines.append(f"| {name} | {found.people} | {' | '.join(figures)} |")
    sys.stdout.write("\n".join(lines) + "\n")


def lived(*, every_rule: bool) -> Week:
    """Live the three weeks in a process of its own, as Django is set up once per process."""
    read, write = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(read)
        found = _lived(every_rule=every_rule)
        with os.fdopen(write, "w") as out:
            out.write(repr((found.people, found.before, found.inhibited, found.grouped, found.within)))
        os._exit(0)
    os.close(write)
    with os.fdopen(read) as answer:
        text = answer.read()
    os.waitpid(child, 0)
    import ast

    return Week(*ast.literal_eval(text))


def _lived(*, every_rule: bool) -> Week:
    with tempfile.TemporaryDirectory() as folder:
        workspace = Workspace(configure(Path(folder) / "home", {}))
        workspace.make()
        workspace.django()
        from tocsin.alerts import facade as alerts
        from tocsin.core.rules import Definitions
        from tocsin.delivery import facade as delivery
        from tocsin.delivery.models import Delivery, Notice
        from tocsin.facts.demo import generate
        from tocsin.people import facade as people

        store = workspace.store()
        generate(store, accounts=ACCOUNTS, seed=SEED, until=UNTIL)
        query = store.query("SELECT email, name, team, role, active FROM csms")
        teams = store.query("SELECT name, manager FROM teams")
        begun = UNTIL - timedelta(days=DAYS)
        people.sync_people(query.to_pylist(), teams.to_pylist(), moment=begun)
        csms = [each.email for each in people.people() if each.role == "csm"]
        if every_rule:
            rules = tuple(replace(rule, state="on") for rule in alerts.definitions().rules if rule.state == "shadow")
            alerts.publish_rules(Definitions(rules=rules), by="demo", moment=begun - timedelta(days=30))
        # The rules were there all the time, so that what happens sets them off.
        published = {rule.id: begun - timedelta(days=30) for rule in alerts.definitions().rules}
        now = begun
        loop = delivery.Loop(clock=lambda: now)
        for day in range(DAYS + 1):
            now = begun + timedelta(days=day)
            alerts.sweep(workspace.book(), now, published=published)
            for _ in range(24):
                loop.drain()
                now += timedelta(hours=1)
        since = UNTIL - WEEK
        asking = Notice.objects.filter(at__gt=since, target__in=csms).exclude(kind="closed")
        before = Counter(asking.values_list("target", flat=True))
        quiet = Counter(asking.exclude(reason__startswith="kept quiet").values_list("target", flat=True))
        sent = Delivery.objects.filter(created_at__gt=since, target__in=csms, channel="in-app", kind="notice")
        messages = Counter(sent.values_list("target", flat=True))
        # A group whose messages at once were spent went into the digest as a whole.
        spent = asking.filter(reason__endswith="are spent").values_list("target", "group", "at").distinct()
        grouped = messages + Counter(target for target, _, _ in spent)
        counts = [[each.get(email, 0) for email in csms] for each in (before, quiet, grouped, messages)]
        workspace.close()
        return Week(len(csms), *counts)


def _said(counts: list[int]) -> str:
    return f"{median(counts):g} (most {max(counts)})"


if __name__ == "__main__":
    main()
