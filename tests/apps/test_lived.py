"""Replaying a stretch of time equals having lived through it: the same alerts open and close at the same moments.

Lived means: rows come in as they happen, a sweep follows, and so on. Of accounts and people all is imported at first, later
changes included, which a sweep does not see before their time; everything else comes in day by day, ends later than starts.
"""

from __future__ import annotations

import os
import tempfile
from collections import Counter
from collections.abc import Sequence
from datetime import datetime, timedelta
from itertools import groupby
from pathlib import Path
from random import Random
from typing import Any

import pytest

from tests.oracle.books import Book as Facts
from tests.oracle.books import make_book, write_rows
from tests.oracle.cut import cut
from tocsin.alerts import facade
from tocsin.alerts.models import Episode
from tocsin.core.language import Names
from tocsin.core.rulefiles import read_rules
from tocsin.core.rules import Definitions
from tocsin.engine import Book
from tocsin.engine.replay import Replayed, replay
from tocsin.facts.duckdb import DuckStore
from tocsin.facts.importing import import_paths

DAY = timedelta(days=1)
THOROUGH = int(os.environ.get("TOCSIN_THOROUGH", "0"))
AT_FIRST = ("accounts", "people", "account_history", "people_history", "subscriptions", "csms", "teams")
RULES = """
signals:
  ticketed: count(tickets where open)
  age_of_alerts: max(alerts.age)
segments:
  busy: count(events in last 7d) >= 2
  adopted: lifecycle_stage = 'Adoption'
rules:
  - {id: silent, name: N, category: risk, when: days_quiet(events) > 3}
  - {id: silent-held, name: N, category: risk, when: days_quiet(events) > 2, for: 2d, cooldown: 3d}
  - {id: fading, name: N, category: risk, when: count(events in last 7d) < 2, clear: count(events in last 3d) >= 2}
  - {id: tickets-open, name: N, category: risk, when: count(tickets where open) > 0, expires: 4d}
  - {id: tickets-cool, name: N, category: risk, when: count(tickets where open) > 1, expires: 3d, cooldown: 2d}
  - {id: person-silent, name: N, category: risk, subject: person, when: days_quiet(events) > 5}
  - {id: person-gone, name: N, category: risk, subject: person, when: deleted_at is not null}
  - {id: feature-used, name: N, category: risk, subject: feature, when: count(events in last 7d) > 0}
  - {id: csm-load, name: N, category: work, subject: csm, when: count(accounts where ticketed > 0) > 0}
  - {id: csm-alarmed, name: N, category: work, subject: csm, when: count(alerts where open) >= 3,
     clear: count(alerts where open) < 2}
  - {id: csm-busy, name: N, category: work, subject: csm, when: count(alerts in last 2d) >= 2 and age_of_alerts >= 1, for: 1d}
  - {id: all-alarmed, name: N, category: portfolio, subject: company, cooldown: 2d,
     when: count(alerts where rule = 'csm-alarmed' and open) > 0}
  - {id: all-often, name: N, category: portfolio, subject: company, ladder: often, stage: 1,
     when: count(alerts where severity = 'medium' in last 2d) >= 1}
  - {id: all-very-often, name: N, category: portfolio, subject: company, ladder: often, stage: 2,
     when: count(alerts where not open in last 5d) >= 4}
  - {id: use-1, name: N, category: upsell, ladder: use, stage: 1, when: count(events in last 14d) >= 1}
  - {id: use-2, name: N, category: upsell, ladder: use, stage: 2, when: count(events in last 14d) >= 2}
  - {id: use-3, name: N, category: upsell, ladder: use, stage: 3, when: count(events in last 14d) >= 3,
     clear: count(events in last 14d) < 2}
  - {id: each-event, name: N, category: risk, trigger: {event: kind = 'login' or feature is not null}, expires: 5d}
  - {id: events-folded, name: N, category: risk, trigger: {event: name is not null}, collapse: 3d, expires: 2d}
  - {id: events-cool, name: N, category: risk, trigger: {event: minutes > 0}, expires: 1d, cooldown: 4d}
  - {id: first-use, name: N, category: upsell, trigger: {event: feature is not null},
     when: count(events where feature = event.feature and at < event.at) = 0}
  - {id: person-event, name: N, category: risk, subject: person, trigger: {event: minutes > 0}, collapse: 2d}
  - {id: ticket-new, name: N, category: risk, trigger: {new: tickets, where: priority is not null}}
  - {id: survey-new, name: N, category: risk, trigger: {new: surveys}, expires: 6d}
  - {id: invoice-new, name: N, category: account, trigger: {new: invoices}}
  - {id: stage-changed, name: N, category: account, trigger: {change: lifecycle_stage}}
  - {id: status-changed, name: N, category: account, trigger: {change: status, to: [churned, cancelling]},
     where: status is not null}
  - {id: money-down, name: N, category: risk, trigger: {change: mrr, direction: down}}
  - {id: role-changed, name: N, category: risk, subject: person, trigger: {change: role}}
  - {id: person-deleted, name: N, category: risk, subject: person, trigger: {change: deleted_at},
     where: deleted_at is not null}
  - {id: busy-in, name: N, category: upsell, trigger: {enter: busy}}
  - {id: busy-out, name: N, category: risk, trigger: {leave: busy}, expires: 3d}
  - {id: renewal, name: N, category: renewal, trigger: {countdown: renews_on, steps: $steps, overdue: true},
     with: {steps: [30, 14, 7, 3, 1]}}
  - {id: trial-end, name: N, category: renewal, trigger: {countdown: trial_ends_on, steps: [20, 10, 5, 2, 0],
     before: seats}}
  - {id: task-due, name: N, category: work, subject: csm, trigger: {countdown: tasks.due_on, steps: [14, 7, 3, 1],
     overdue: true}}
  - {id: milestone-due, name: N, category: onboarding, trigger: {countdown: milestones.due_on, steps: [14, 7, 3, 1]}}
"""


def made_rules(book: Facts) -> Definitions:
    names = Names(book.typed)
    definitions, problems = read_rules([("rules", RULES)], names=names)
    assert not problems, problems
    return definitions


def without_what_subscriptions_give(book: Facts) -> None:
    """Accounts take plan and the like from their subscriptions alone, from the first import on."""
    subscribed = {row["account_id"] for row in book.rows["subscriptions"]}
    for row in book.rows["accounts"]:
        if row["id"] in subscribed:
            row |= {name: "" for name in ("plan", "seats", "mrr", "renews_on") if name in row}


def lived(book: Facts, definitions: Definitions, moments: Sequence[datetime], folder: Path) -> Book:
    """A book that was told what happened day by day, with a sweep each day."""
    store = DuckStore(":memory:", book.zone)
    first = {name: book.rows.get(name, []) for name in AT_FIRST}
    import_paths(store, write_rows(first, folder / "first"), now=moments[0] - DAY)
    published = {rule.id: moments[0] for rule in definitions.rules}
    for number, moment in enumerate(moments):
        known = {name: rows for name, rows in cut(book, moment).items() if name not in AT_FIRST}
        paths = write_rows(known, folder / str(number))
        if paths:
            import_paths(store, paths, now=moment)
        engine = Book(store, definitions.signals, definitions.segments)
        facade.sweep(engine, moment, definitions=definitions, published=published)
    return Book(store, definitions.signals, definitions.segments)


def told_by_life() -> list[tuple[Any, ...]]:
    rows = Episode.objects.exclude(state="held").values_list(
        "rule", "subject_id", "key", "opened_at", "closed_at", "close_reason", "count", "step"
    )
    return sorted(rows, key=repr)


def told_by_replay(alerts: Sequence[Replayed], definitions: Definitions) -> list[tuple[Any, ...]]:
    """The alerts of a replay; the steps of a countdown put together again."""
    triggers = {rule.id: rule.trigger.kind for rule in definitions.rules}
    found: list[tuple[Any, ...]] = []
    for (rule, subject, key), group in groupby(
        sorted(alerts, key=lambda each: (each.match.rule.id, each.match.subject_id, each.key, each.opened_at)),
        key=lambda each: (each.match.rule.id, each.match.subject_id, each.key),
    ):
        parts = list(group)
        while parts:
            run = [parts.pop(0)]
            while triggers[rule] == "countdown" and run[-1].close_reason == "next_step":
                run.append(parts.pop(0))
            last = run[-1]
            step = "" if last.step is None else str(last.step)
            found.append((rule, subject, key, run[0].opened_at, last.closed_at, last.close_reason, last.count, step))
    return sorted(found, key=repr)


def lives(seed: int, seen: Counter[str]) -> None:
    """Live through a random book and replay it."""
    r = Random(seed)
    book = make_book(r)
    without_what_subscriptions_give(book)
    book.rows["alerts"] = []  # what others recorded as alerts a replay does not count; there are those of this life alone
    definitions = made_rules(book)
    last = max(book.moments)
    moments = [last - DAY * back for back in range(16, -1, -1)]
    with tempfile.TemporaryDirectory() as folder:
        engine = lived(book, definitions, moments, Path(folder))
        afterwards = DuckStore(":memory:", book.zone)
        import_paths(afterwards, write_rows(book.rows, Path(folder) / "all"), now=moments[0] - DAY)
        whole = Book(afterwards, definitions.signals, definitions.segments)
        told = replay(whole, definitions.rules, moments[0], moments[-1])
        assert not told.unknown
        assert told_by_replay(told.alerts, definitions) == told_by_life()
        seen.update(Counter(alert.match.rule.id for alert in told.alerts))
        again = replay(engine, definitions.rules, moments[0], moments[-1])
        assert told_by_replay(again.alerts, definitions) == told_by_life(), "from the facts as they came in"
        engine.store.close()  # type: ignore[attr-defined]
        afterwards.close()


@pytest.mark.long
@pytest.mark.django_db
def test_replaying_is_having_lived() -> None:
    from django.db import transaction

    seen = Counter[str]()
    for seed in range(THOROUGH or 3):
        with transaction.atomic():
            lives(seed, seen)
            transaction.set_rollback(True)
    rules = read_rules([("rules", RULES)])[0].rules
    assert {rule.trigger.kind for rule in rules if rule.id in seen} == {rule.trigger.kind for rule in rules}
    assert {rule.subject for rule in rules if rule.id in seen} >= {"account", "person", "feature", "csm", "company"}
    assert {"csm-alarmed", "csm-busy", "all-alarmed", "all-often", "all-very-often"} <= set(seen)
